/* See internal_topic.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/internal_topic.h"

#include "access/hub.h"

static const char *const kind_names[INTERNAL_KINDS] = {
    [INTERNAL_GONE] = "gone",
    [INTERNAL_STATE] = "state",
    [INTERNAL_AWAY] = "away",
    [INTERNAL_MARK] = "mark",
};

void internal_topic_append(struct buffer *out, enum internal_kind kind, struct slice hub,
                           struct slice connection_id, struct slice group)
{
    buffer_append_string(out, "$wps/");
    buffer_append(out, hub);
    buffer_append_byte(out, '/');
    buffer_append_string(out, kind_names[kind]);
    buffer_append_byte(out, '/');
    buffer_append(out, connection_id);
    if (kind == INTERNAL_STATE) {
        buffer_append_byte(out, '/');
        topic_append_escaped(out, group);
    }
}

/* The next level; what is behind it is left in `rest`. */
static struct slice take_level(struct slice *rest)
{
    size_t end = 0;
    struct slice level;

    while (end < rest->length && rest->data[end] != '/') {
        end++;
    }
    level = slice_make(rest->data, end);
    *rest = slice_from(*rest, end < rest->length ? end + 1 : end);
    return level;
}

bool internal_topic_parse(struct slice topic, struct internal_topic *out)
{
    struct slice rest = topic, kind;

    if (!topic_is_internal(topic)) {
        return false;
    }
    take_level(&rest);
    out->hub = take_level(&rest);
    kind = take_level(&rest);
    out->connection_id = take_level(&rest);
    out->group = rest;
    for (int i = 0; i < INTERNAL_KINDS; i++) {
        if (slice_equal(kind, slice_from_string(kind_names[i]))) {
            out->kind = (enum internal_kind)i;
            return out->connection_id.length > 0;
        }
    }
    return false;
}
