/* The settings of a hub, and the way between group names and topics. See hub.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/hub.h"

#include "access/characters.h"

const struct hub_settings *hub_settings_find(const struct hub_settings *hubs, size_t count,
                                             struct slice name)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (slice_equal(slice_from_string(hubs[i].name), name)) {
            return &hubs[i];
        }
    }
    return &hubs[count - 1];
}

/* --- topics --- */

static const bool must_escape[256] = {
    [0 ... ' ' - 1] = true, [0x7F] = true, ['+'] = true, ['#'] = true, ['%'] = true,
};

void topic_append_escaped(struct buffer *out, struct slice name)
{
    size_t done = 0;

    for (size_t i = 0; i < name.length; i++) {
        if (must_escape[name.data[i]]) {
            buffer_append(out, slice_make(name.data + done, i - done));
            percent_append(out, name.data[i]);
            done = i + 1;
        }
    }
    buffer_append(out, slice_from(name, done));
}

void topic_append_unescaped(struct buffer *out, struct slice topic)
{
    while (topic.length > 0) {
        int byte = percent_decode(topic);
        /* Only ASCII was escaped; another byte could break the name's UTF-8. */
        bool escaped = byte >= 0 && byte < 0x80;
        buffer_append_byte(out, escaped ? (uint8_t)byte : topic.data[0]);
        topic = slice_from(topic, escaped ? 3 : 1);
    }
}
