/* See url_template.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/url_template.h"

#include "access/url.h"

#define HUB   SLICE_LITERAL("{hub}")
#define EVENT SLICE_LITERAL("{event}")

struct slice url_template_origin(struct slice template)
{
    const uint8_t *slashes = memmem(template.data, template.length, "//", 2);
    size_t end = slashes ? (size_t)(slashes - template.data) + 2 : 0;

    while (end < template.length && template.data[end] != '/' && template.data[end] != '?' &&
           template.data[end] != '#') {
        end++;
    }
    return slice_make(template.data, end);
}

void template_expand(struct buffer *out, struct slice template, struct slice hub,
                     struct slice event, void (*append)(struct buffer *out, struct slice value))
{
    size_t at = 0, plain = 0;

    while (at < template.length) {
        struct slice rest = slice_from(template, at);
        bool is_hub = slice_starts_with(rest, HUB);
        if (!is_hub && !slice_starts_with(rest, EVENT)) {
            at++;
            continue;
        }
        buffer_append(out, slice_make(template.data + plain, at - plain));
        append(out, is_hub ? hub : event);
        at += is_hub ? HUB.length : EVENT.length;
        plain = at;
    }
    buffer_append(out, slice_from(template, plain));
}

void url_template_expand(struct buffer *out, struct slice template, struct slice hub,
                         struct slice event)
{
    template_expand(out, template, hub, event, url_append_encoded);
}
