/* See request.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/request.h"

#include "access/characters.h"
#include "access/header_lines.h"
#include "events/attributes.h"
#include "events/cookies.h"

#define ORIGIN SLICE_LITERAL("WebHook-Request-Origin")

/* ---------------------------------------------------------------- names from peers */

/* Names that no header can have are left out. */
static void append_pairs(struct buffer *lines, const char *prefix, struct pairs pairs)
{
    for (size_t i = 0; i < pairs.count; i++) {
        const struct pair *pair = &pairs.items[i];
        if (is_token(pair->key)) {
            buffer_append_string(lines, prefix);
            header_line_append_encoded(lines, pair->key, pair->value);
        }
    }
}

/* ---------------------------------------------------------------- requests */

void event_request_append(struct buffer *lines, const struct client_event *event,
                          const struct event_sender *sender, struct slice upstream,
                          struct buffer *scratch)
{
    struct event_attribute attributes[EVENT_ATTRIBUTES_MAX];
    size_t count = event_attributes(event, sender->keys, sender->time, attributes, scratch);

    header_line_append_encoded(lines, ORIGIN, sender->origin);
    header_line_append_encoded(lines, SLICE_LITERAL("Content-Type"), event_content_type(event));
    for (size_t i = 0; i < count; i++) {
        /* The state came from a webhook, which is to get back the same bytes. */
        bool is_state = strcmp(attributes[i].name, "connectionState") == 0;
        buffer_append(lines, SLICE_LITERAL("ce-"));
        (is_state ? header_line_append : header_line_append_encoded)(
            lines, slice_from_string(attributes[i].name), attributes[i].value);
    }
    append_pairs(lines, "x-webpubsub-metadata-", event->metadata);
    append_pairs(lines, "mqtt-", event->properties);
    scratch->length = 0;
    cookies_append_header(scratch, event->cookies, upstream);
    if (scratch->length > 0) {
        header_line_append(lines, SLICE_LITERAL("Cookie"), buffer_slice(scratch));
    }
}

void preflight_request_append(struct buffer *lines, struct slice origin)
{
    header_line_append_encoded(lines, ORIGIN, origin);
    header_line_append_encoded(lines, SLICE_LITERAL("ce-awpsversion"), SLICE_LITERAL("1.0"));
}
