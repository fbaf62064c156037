/* See render.h. Values that stay what they are, data above all, are copied as they stand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/render.h"

#include <assert.h>

/* `name`: with its quotes and colon, and what separates it from the one before. */
static void append_member(struct buffer *out, const char *name, struct slice text)
{
    buffer_append_string(out, name);
    json_append_string(out, text);
}

static void append_optional(struct buffer *out, const char *name, struct slice text)
{
    if (text.length > 0) {
        append_member(out, name, text);
    }
}

/* --- EventGrid schema --- */

/* Consumers insist on every one of these members (spec/eventgrid.md 4.9), on `data` too. */
static void render_event_grid(struct buffer *out, const struct event *event, bool with_data_schema)
{
    (void)with_data_schema;
    append_member(out, "{\"id\":", event->id);
    append_member(out, ",\"topic\":", event->source);
    append_member(out, ",\"subject\":", event->subject);
    append_member(out, ",\"eventType\":", event->type);
    append_member(out, ",\"eventTime\":", event->time);
    append_member(out, ",\"dataVersion\":", event->data_version);
    buffer_append_string(out, ",\"metadataVersion\":\"1\",\"data\":");
    buffer_append(out, event->has_data ? event->data.text : SLICE_LITERAL("null"));
    buffer_append_byte(out, '}');
}

/* --- CloudEvents --- */

/* From one of the other schemas (3.7). */
static void convert_to_cloud_event(struct buffer *out, const struct event *event,
                                   bool with_data_schema)
{
    append_member(out, "{\"specversion\":\"1.0\",\"id\":", event->id);
    append_member(out, ",\"source\":", event->source);
    append_member(out, ",\"type\":", event->type);
    append_optional(out, ",\"subject\":", event->subject);
    append_optional(out, ",\"time\":", event->time);
    if (with_data_schema) {
        size_t start;
        buffer_append_string(out, ",\"dataschema\":\"");
        start = out->length;
        json_append_string(out, event->data_version);
        out->data[start] = '#'; /* "#1", where a second quote stood */
    }
    if (event->has_data && event->data.type != JSON_NULL) {
        buffer_append_string(out, ",\"data\":");
        buffer_append(out, event->data.text);
    }
    buffer_append_byte(out, '}');
}

/* Does a member of a CloudEvent say anything? Attributes that are null do not, and neither do
 * optional ones that are empty; null is a value of `data`, if there is no other. */
static bool is_kept(const struct event *event, struct slice key, const struct json_value *value)
{
    static const char *const optional[] = {"subject", "datacontenttype", "dataschema"};

    if (value->type == JSON_NULL) {
        return json_string_equal(key, "data") && !event->is_base64;
    }
    for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++) {
        if (json_string_equal(key, optional[i])) {
            return json_string_raw(value).length > 0;
        }
    }
    return true;
}

static void render_cloud_event(struct buffer *out, const struct event *event, bool with_data_schema)
{
    struct json_walk walk = json_members(&event->whole);
    struct json_value value;
    struct slice key;
    uint8_t before = '{';

    (void)with_data_schema;
    if (event->is_verbatim) {
        buffer_append(out, event->whole.text);
        return;
    }
    while (json_next_member(&walk, &key, &value)) {
        if (!is_kept(event, key, &value)) {
            continue;
        }
        buffer_append_byte(out, before);
        buffer_append_byte(out, '"');
        buffer_append(out, key);
        buffer_append_string(out, "\":");
        if (json_string_equal(key, "source")) {
            json_append_string(out, event->source);
        } else {
            buffer_append(out, value.text);
        }
        before = ',';
    }
    buffer_append_byte(out, '}');
}

/* --- custom schema --- */

static void render_custom(struct buffer *out, const struct event *event, bool with_data_schema)
{
    (void)with_data_schema;
    buffer_append(out, event->whole.text);
}

void event_render(struct buffer *out, const struct event *event, enum event_schema as,
                  bool with_data_schema)
{
    static void (*const ways[EVENT_SCHEMAS][EVENT_SCHEMAS])(
        struct buffer * out, const struct event *event, bool with_data_schema) = {
        [SCHEMA_EVENT_GRID] = {[SCHEMA_EVENT_GRID] = render_event_grid,
                               [SCHEMA_CLOUD_EVENTS] = convert_to_cloud_event},
        [SCHEMA_CLOUD_EVENTS] = {[SCHEMA_CLOUD_EVENTS] = render_cloud_event},
        [SCHEMA_CUSTOM] = {[SCHEMA_EVENT_GRID] = render_event_grid,
                           [SCHEMA_CLOUD_EVENTS] = convert_to_cloud_event,
                           [SCHEMA_CUSTOM] = render_custom},
    };

    assert(schema_may_become(event->schema, as));
    ways[event->schema][as](out, event, with_data_schema);
}
