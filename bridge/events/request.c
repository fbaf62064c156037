/* See request.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/request.h"

#include "access/characters.h"
#include "events/attributes.h"
#include "events/cookies.h"

/* ---------------------------------------------------------------- one header */

/* Bytes at the front that go into a header as they are. */
static size_t plain_length(struct slice value)
{
    size_t length = 0;

    while (length < value.length && value.data[length] >= 0x20 && value.data[length] < 0x7F &&
           (value.data[length] != '%' || percent_decode(slice_from(value, length)) < 0)) {
        length++;
    }
    return length;
}

static void append_value(struct buffer *lines, struct slice value)
{
    while (true) {
        size_t length = plain_length(value);
        buffer_append(lines, slice_make(value.data, length));
        if (length == value.length) {
            break;
        }
        percent_append(lines, value.data[length]);
        value = slice_from(value, length + 1);
    }
    buffer_append_byte(lines, '\0');
}

static void append_header(struct buffer *lines, const char *name, struct slice value)
{
    buffer_append_string(lines, name);
    buffer_append(lines, SLICE_LITERAL(": "));
    append_value(lines, value);
}

/* As it came from a webhook, which is to get back the same bytes. */
static void append_opaque(struct buffer *lines, const char *name, struct slice value)
{
    buffer_append_string(lines, name);
    buffer_append(lines, SLICE_LITERAL(": "));
    for (size_t i = 0; i < value.length; i++) {
        bool is_control = value.data[i] < 0x20 || value.data[i] == 0x7F;
        buffer_append_byte(lines, is_control ? ' ' : value.data[i]);
    }
    buffer_append_byte(lines, '\0');
}

/* ---------------------------------------------------------------- names from peers */

/* Names that no header can have are left out. */
static void append_pairs(struct buffer *lines, const char *prefix, struct pairs pairs)
{
    for (size_t i = 0; i < pairs.count; i++) {
        const struct pair *pair = &pairs.items[i];
        if (is_token(pair->key)) {
            buffer_append_string(lines, prefix);
            buffer_append(lines, pair->key);
            buffer_append(lines, SLICE_LITERAL(": "));
            append_value(lines, pair->value);
        }
    }
}

/* ---------------------------------------------------------------- requests */

void event_request_append(struct buffer *lines, const struct event *event,
                          const struct event_sender *sender, struct slice upstream,
                          struct buffer *scratch)
{
    struct event_attribute attributes[EVENT_ATTRIBUTES_MAX];
    size_t count = event_attributes(event, sender->keys, sender->time, attributes, scratch);

    append_header(lines, "WebHook-Request-Origin", sender->origin);
    append_header(lines, "Content-Type", event_content_type(event));
    for (size_t i = 0; i < count; i++) {
        bool is_state = strcmp(attributes[i].name, "connectionState") == 0;
        buffer_append(lines, SLICE_LITERAL("ce-"));
        (is_state ? append_opaque : append_header)(lines, attributes[i].name, attributes[i].value);
    }
    append_pairs(lines, "x-webpubsub-metadata-", event->metadata);
    append_pairs(lines, "mqtt-", event->properties);
    scratch->length = 0;
    cookies_append_header(scratch, event->cookies, upstream);
    if (scratch->length > 0) {
        append_opaque(lines, "Cookie", buffer_slice(scratch));
    }
}

void preflight_request_append(struct buffer *lines, struct slice origin)
{
    append_header(lines, "WebHook-Request-Origin", origin);
    append_header(lines, "ce-awpsversion", SLICE_LITERAL("1.0"));
}
