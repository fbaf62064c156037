/* Events in the CloudEvents MQTT binding. Binary mode: attributes are user properties, the payload
 * is the data. An event with an attribute that cannot be one (too long, or with U+0000 in it) goes
 * in structured mode.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/render.h"

#include "mqtt/user_property.h"
#include "mqtt/utf8.h"
#include "secret/base64.h"

enum { MQTT_STRING_MAX = 65535 }; /* bytes (MQTT 5, 1.5.4) */

static bool write_attribute(struct buffer *properties, struct slice name, struct slice value)
{
    if (value.length > MQTT_STRING_MAX || name.length > MQTT_STRING_MAX ||
        !utf8_is_valid_string(value) || !utf8_is_valid_string(name)) {
        return false;
    }
    write_user_pair(properties, name, value);
    return true;
}

/* --- the attributes of a CloudEvent --- */

/* Data and content type have places of their own. */
static bool is_attribute(struct slice key)
{
    static const char *const others[] = {"data", "data_base64", "datacontenttype"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (json_string_equal(key, others[i])) {
            return false;
        }
    }
    return true;
}

static bool write_member(struct buffer *properties, const struct event *event, struct slice key,
                         const struct json_value *value)
{
    struct json_value name = {JSON_STRING, slice_make(key.data - 1, key.length + 2)};
    struct buffer decoded_name = {0}, decoded = {0};
    struct slice text = value->text;
    bool good;

    if (json_string_equal(key, "source")) {
        text = event->source;
    } else if (value->type == JSON_STRING) {
        text = json_string_value(value, &decoded);
    }
    good = value->type != JSON_ARRAY && value->type != JSON_OBJECT &&
           write_attribute(properties, json_string_value(&name, &decoded_name), text);
    buffer_release(&decoded_name);
    buffer_release(&decoded);
    return good;
}

static bool write_cloud_attributes(struct buffer *properties, const struct event *event)
{
    struct json_walk walk = json_members(&event->whole);
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        if (value.type != JSON_NULL && is_attribute(key) &&
            !write_member(properties, event, key, &value)) {
            return false;
        }
    }
    return true;
}

/* --- those of an event of another schema (spec/eventgrid.md 3.7) --- */

static bool write_converted_attributes(struct buffer *properties, const struct event *event)
{
    const struct {
        struct slice name, value;
    } all[] = {
        {SLICE_LITERAL("specversion"), SLICE_LITERAL("1.0")},
        {SLICE_LITERAL("id"), event->id},
        {SLICE_LITERAL("source"), event->source},
        {SLICE_LITERAL("type"), event->type},
        {SLICE_LITERAL("subject"), event->subject},
        {SLICE_LITERAL("time"), event->time},
    };
    struct buffer data_schema = {0};
    bool good = true;

    for (size_t i = 0; good && i < sizeof(all) / sizeof(all[0]); i++) {
        good = all[i].value.length == 0 || write_attribute(properties, all[i].name, all[i].value);
    }
    if (event->data_version.length > 0) {
        buffer_append_byte(&data_schema, '#');
        buffer_append(&data_schema, event->data_version);
        good = good &&
               write_attribute(properties, SLICE_LITERAL("dataschema"), buffer_slice(&data_schema));
        buffer_release(&data_schema);
    }
    return good;
}

/* --- the payload --- */

static void append_payload(struct buffer *payload, const struct event *event)
{
    struct buffer decoded = {0};

    if (!event->has_data) {
        return;
    }
    if (event->is_base64) {
        base64_append_decoded(payload, json_string_value(&event->data, &decoded));
    } else if (!event->is_json_content && event->data.type == JSON_STRING) {
        json_append_string_value(payload, &event->data);
    } else {
        buffer_append(payload, event->data.text);
    }
    buffer_release(&decoded);
}

static struct slice content_type_of(const struct event *event)
{
    if (event->content_type.length > 0) {
        return event->content_type;
    }
    return event->has_data && !event->is_base64 ? SLICE_LITERAL("application/json") : SLICE_EMPTY;
}

void event_render_mqtt(const struct event *event, struct buffer *properties, struct buffer *payload,
                       struct slice *content_type)
{
    size_t start = properties->length;
    bool fits = event->schema == SCHEMA_CLOUD_EVENTS
                    ? write_cloud_attributes(properties, event)
                    : write_converted_attributes(properties, event);

    *content_type = content_type_of(event);
    if (fits && content_type->length <= MQTT_STRING_MAX && utf8_is_valid_string(*content_type)) {
        append_payload(payload, event);
        return;
    }
    properties->length = start;
    *content_type = SLICE_LITERAL("application/cloudevents+json; charset=utf-8");
    event_render(payload, event, SCHEMA_CLOUD_EVENTS, event->data_version.length > 0);
}
