/* See stored_event.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/stored_event.h"

#include "client/gateway.h"
#include "json/json.h"

static const char *const content_types[EVENT_SCHEMAS] = {
    [SCHEMA_EVENT_GRID] = "application/json",
    [SCHEMA_CLOUD_EVENTS] = "application/cloudevents+json",
    [SCHEMA_CUSTOM] = "application/json",
};

/* All members but `topic`: that was stamped by the topic that it comes from (1.6), and only the
 * topic's own would be taken. In a domain it says which of its topics is meant. */
static void append_without_topic(struct buffer *out, struct slice json)
{
    struct json_walk walk = json_walk_text(json, JSON_OBJECT);
    struct json_value value;
    struct slice key;
    const char *separator = "{";

    while (json_next_member(&walk, &key, &value)) {
        if (!json_string_equal(key, "topic")) {
            buffer_append_string(out, separator);
            buffer_append_byte(out, '"');
            buffer_append(out, key);
            buffer_append_string(out, "\":");
            buffer_append(out, value.text);
            separator = ",";
        }
    }
    buffer_append_byte(out, '}');
}

const struct event *stored_event_read(struct stored_event_scratch *scratch,
                                      const struct gateway *gateway,
                                      const struct catalog_source *source, enum event_schema schema,
                                      struct slice json)
{
    const struct topic_properties *topic = catalog_properties(source);
    const struct catalog_source *owner = source->domain ? source->domain : source;
    const struct event *events;
    struct publish_error error;
    size_t count;

    if (topic->schema != schema) {
        return NULL;
    }
    scratch->json.length = 0;
    if (schema == SCHEMA_EVENT_GRID && topic->kind != SOURCE_DOMAIN) {
        append_without_topic(&scratch->json, json);
        json = buffer_slice(&scratch->json);
    }
    return publish_parse(
               &(struct publish_request){
                   .topic = topic,
                   .topic_id = catalog_topic_id(owner),
                   .domain_topic = source->domain ? source->name.topic : SLICE_EMPTY,
                   .content_type = slice_from_string(content_types[schema]),
                   .body = json,
                   .now_ms = gateway_now(gateway),
                   .random = gateway->random,
               },
               &scratch->parts, &events, &count, &error) &&
                   count == 1
               ? events
               : NULL;
}

void stored_event_scratch_release(struct stored_event_scratch *scratch)
{
    publish_scratch_release(&scratch->parts);
    buffer_release(&scratch->json);
}
