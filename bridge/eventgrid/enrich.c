/* See enrich.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/enrich.h"

#include "secret/base64.h"

typedef void part_writer(struct buffer *text, const struct routed_message *message,
                         struct slice name);

static void write_text(struct buffer *text, const struct routed_message *message, struct slice name)
{
    (void)message;
    buffer_append(text, name);
}

static void write_authentication_name(struct buffer *text, const struct routed_message *message,
                                      struct slice name)
{
    (void)name;
    buffer_append(text, message->authentication_name);
}

/* All of that name. */
static void write_pairs(struct buffer *text, struct pairs pairs, struct slice name)
{
    bool any = false;

    for (size_t i = 0; i < pairs.count; i++) {
        if (slice_equal(pairs.items[i].key, name)) {
            buffer_append_string(text, any ? "," : "");
            buffer_append(text, pairs.items[i].value);
            any = true;
        }
    }
}

static void write_attribute(struct buffer *text, const struct routed_message *message,
                            struct slice name)
{
    write_pairs(text, message->attributes, name);
}

static void write_user_property_of(struct buffer *text, const struct routed_message *message,
                                   struct slice name)
{
    write_pairs(text, message->user_properties, name);
}

static void write_topic(struct buffer *text, const struct routed_message *message,
                        struct slice name)
{
    (void)name;
    buffer_append(text, message->topic);
}

static void write_response_topic(struct buffer *text, const struct routed_message *message,
                                 struct slice name)
{
    (void)name;
    buffer_append(text, message->response_topic);
}

static void write_correlation_data(struct buffer *text, const struct routed_message *message,
                                   struct slice name)
{
    (void)name;
    base64_append(text, message->correlation_data);
}

static void write_payload_format(struct buffer *text, const struct routed_message *message,
                                 struct slice name)
{
    (void)name;
    if (message->has_payload_format) {
        buffer_append_decimal(text, message->payload_format);
    }
}

static part_writer *const writers[] = {
    [ENRICH_TEXT] = write_text,
    [ENRICH_AUTHENTICATION_NAME] = write_authentication_name,
    [ENRICH_ATTRIBUTE] = write_attribute,
    [ENRICH_TOPIC_NAME] = write_topic,
    [ENRICH_RESPONSE_TOPIC] = write_response_topic,
    [ENRICH_CORRELATION_DATA] = write_correlation_data,
    [ENRICH_PAYLOAD_FORMAT] = write_payload_format,
    [ENRICH_USER_PROPERTY] = write_user_property_of,
};

/* The one that is a number, unless text stands beside it. */
static bool is_number(const struct enrichment *enrichment, const struct routed_message *message)
{
    return enrichment->part_count == 1 && message->has_payload_format &&
           enrichment->parts[0].source == ENRICH_PAYLOAD_FORMAT;
}

static bool is_there(const struct json_value *whole, struct slice name)
{
    struct json_walk walk = json_members(whole);
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        if (json_string_says(key, name)) {
            return true;
        }
    }
    return false;
}

void enrich_append(struct buffer *out, const struct enrichments *enrichments,
                   const struct routed_message *message, const struct json_value *whole,
                   struct buffer *text)
{
    for (size_t i = 0; i < enrichments->count; i++) {
        const struct enrichment *enrichment = &enrichments->items[i];
        if (whole && is_there(whole, enrichment->key)) {
            continue;
        }
        text->length = 0;
        for (size_t k = 0; k < enrichment->part_count; k++) {
            const struct enrichment_part *part = &enrichment->parts[k];
            writers[part->source](text, message, part->name);
        }
        buffer_append_string(out, ",\"");
        buffer_append(out, enrichment->key);
        buffer_append_string(out, "\":");
        if (is_number(enrichment, message)) {
            buffer_append(out, buffer_slice(text));
        } else {
            json_append_string(out, buffer_slice(text));
        }
    }
}
