/* See route_wrap.h. The JSON of the event is written once, and its parts are slices of it: nothing
 * is parsed but a payload that is to be JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/route_wrap.h"

#include "access/characters.h"
#include "base/timestamp.h"
#include "eventgrid/enrich.h"
#include "eventgrid/publish_reader.h"
#include "mqtt/utf8.h"
#include "secret/base64.h"

enum { SCRATCH_KEPT = 1 << 16 /* bytes */ };

/* --- is it a CloudEvent already? --- */

static bool is_structured(const struct routed_message *message)
{
    struct slice content_type = message->content_type;

    return content_type.length > 0 &&
           equal_ignoring_case(trim_blanks(take_up_to(&content_type, ';')),
                               SLICE_LITERAL("application/cloudevents+json"));
}

static bool has_property(const struct routed_message *message, struct slice name)
{
    for (size_t i = 0; i < message->user_properties.count; i++) {
        if (slice_equal(message->user_properties.items[i].key, name)) {
            return true;
        }
    }
    return false;
}

static bool is_binary(const struct routed_message *message)
{
    static const struct slice required[] = {
        SLICE_LITERAL("specversion"),
        SLICE_LITERAL("id"),
        SLICE_LITERAL("source"),
        SLICE_LITERAL("type"),
    };

    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
        if (!has_property(message, required[i])) {
            return false;
        }
    }
    return true;
}

/* NULL: it is not a good one. */
static const struct event *read_cloud_event(struct route_wrapper *wrapper,
                                            const struct route_target *target,
                                            const struct routed_message *message)
{
    const struct event *events;
    struct publish_error error;
    size_t count;

    return publish_parse(
               &(struct publish_request){
                   .topic = target->topic,
                   .topic_id = target->topic_id,
                   .content_type = message->content_type,
                   .attributes = message->user_properties,
                   .is_mqtt = true,
                   .is_routed = true,
                   .body = message->payload,
                   .now_ms = target->now_ms,
                   .random = target->random,
               },
               &wrapper->parsed, &events, &count, &error) &&
                   count == 1
               ? events
               : NULL;
}

/* What was parsed, with the attributes that it does not have itself. */
static const struct event *enrich(struct route_wrapper *wrapper,
                                  const struct enrichments *enrichments,
                                  const struct routed_message *message, const struct event *event)
{
    struct slice whole = event->whole.text;

    if (enrichments->count == 0) {
        return event;
    }
    wrapper->event = *event;
    whole.length--; /* its last brace */
    buffer_append(&wrapper->json, whole);
    enrich_append(&wrapper->json, enrichments, message, &event->whole, &wrapper->text);
    buffer_append_byte(&wrapper->json, '}');
    wrapper->event.whole.text = buffer_slice(&wrapper->json);
    return &wrapper->event;
}

/* --- wrapping --- */

/* A run of the JSON: where it begins, and how long it is. The buffer moves while it grows. */
struct part {
    size_t at, length;
};

/* What is noted while the JSON is written. */
struct draft_event {
    struct part time, data;
    struct slice content_type;
    enum json_type data_type;
    bool has_data, is_base64;
};

static bool is_shallow(struct slice json)
{
    size_t levels = 0, most = 0;
    bool is_string = false;

    for (size_t i = 0; i < json.length && most <= EVENT_LEVELS_MAX; i++) {
        uint8_t c = json.data[i];
        if (is_string) {
            i += c == '\\';
            is_string = c != '"';
        } else if (c == '"') {
            is_string = true;
        } else if (c == '{' || c == '[') {
            most = ++levels > most ? levels : most;
        } else if (c == '}' || c == ']') {
            levels--;
        }
    }
    return most < EVENT_LEVELS_MAX;
}

/* Is the payload JSON that an event can hold? */
static bool read_json(struct slice payload, struct json_value *value)
{
    return json_parse_inner(payload, value) &&
           (payload.length < EVENT_LEVELS_MAX || is_shallow(value->text));
}

static void append_member(struct buffer *json, struct slice name, struct slice text)
{
    buffer_append(json, name);
    json_append_string(json, text);
}

/* What the publisher says, or else this; nothing if that is empty. */
static void append_content_type(struct buffer *json, const struct routed_message *message,
                                struct slice otherwise, struct draft_event *draft)
{
    draft->content_type = message->content_type.length > 0 ? message->content_type : otherwise;
    if (draft->content_type.length > 0) {
        append_member(json, SLICE_LITERAL(",\"datacontenttype\":"), draft->content_type);
    }
}

static void append_text_data(struct buffer *json, const struct routed_message *message,
                             struct draft_event *draft)
{
    struct json_value value;
    bool is_json = read_json(message->payload, &value);

    append_content_type(json, message, is_json ? SLICE_LITERAL("application/json") : SLICE_EMPTY,
                        draft);
    buffer_append(json, SLICE_LITERAL(",\"data\":"));
    draft->data.at = json->length;
    if (is_json) {
        buffer_append(json, value.text);
    } else {
        json_append_string(json, message->payload);
    }
    draft->data_type = is_json ? value.type : JSON_STRING;
}

static void append_bytes(struct buffer *json, const struct routed_message *message,
                         struct draft_event *draft)
{
    append_content_type(json, message, SLICE_LITERAL("application/octet-stream"), draft);
    buffer_append(json, SLICE_LITERAL(",\"data_base64\":"));
    draft->data.at = json->length;
    buffer_append_byte(json, '"');
    base64_append(json, message->payload);
    buffer_append_byte(json, '"');
    draft->data_type = JSON_STRING;
    draft->is_base64 = true;
}

static void append_data(struct buffer *json, const struct routed_message *message,
                        struct draft_event *draft)
{
    bool claims_text =
        message->payload_format == 1 ||
        (message->content_type.length > 0 && publish_content_is_json(message->content_type));

    draft->has_data = message->payload.length > 0;
    if (!draft->has_data) {
        append_content_type(json, message, SLICE_EMPTY, draft);
        return;
    }
    if (claims_text && utf8_is_well_formed(message->payload)) {
        append_text_data(json, message, draft);
    } else {
        append_bytes(json, message, draft);
    }
    draft->data.length = json->length - draft->data.at;
}

static void append_time(struct route_wrapper *wrapper, int64_t ms)
{
    if (wrapper->time.length == 0 || wrapper->time_ms != ms) {
        wrapper->time.length = 0;
        timestamp_append(&wrapper->time, ms);
        wrapper->time_ms = ms;
    }
    buffer_append(&wrapper->json, buffer_slice(&wrapper->time));
}

static void write_json(struct route_wrapper *wrapper, const struct route_target *target,
                       const struct routed_message *message, struct slice id,
                       struct draft_event *draft)
{
    struct buffer *json = &wrapper->json;
    int64_t received_ms = message->received_ms > 0 ? message->received_ms : target->now_ms;

    append_member(json, SLICE_LITERAL("{\"specversion\":\"1.0\",\"id\":"), id);
    append_member(json, SLICE_LITERAL(",\"source\":"), target->namespace_name);
    append_member(json, SLICE_LITERAL(",\"type\":\"" ROUTED_TYPE "\",\"subject\":"),
                  message->topic);
    buffer_append(json, SLICE_LITERAL(",\"time\":\""));
    draft->time.at = json->length;
    append_time(wrapper, received_ms);
    draft->time.length = json->length - draft->time.at;
    buffer_append_byte(json, '"');
    enrich_append(json, target->enrichments, message, NULL, &wrapper->text);
    append_data(json, message, draft);
    buffer_append_byte(json, '}');
}

static struct slice text_of(const struct buffer *json, struct part part)
{
    return slice_make(json->data + part.at, part.length);
}

static const struct event *wrap(struct route_wrapper *wrapper, const struct route_target *target,
                                const struct routed_message *message, struct slice id)
{
    struct draft_event draft = {0};

    write_json(wrapper, target, message, id, &draft);
    wrapper->event = (struct event){
        .schema = SCHEMA_CLOUD_EVENTS,
        .whole = {JSON_OBJECT, buffer_slice(&wrapper->json)},
        .id = id,
        .subject = message->topic,
        .type = SLICE_LITERAL(ROUTED_TYPE),
        .time = text_of(&wrapper->json, draft.time),
        .source = target->namespace_name,
        .has_data = draft.has_data,
        .is_base64 = draft.is_base64,
        .content_type = draft.content_type,
        .is_json_content =
            draft.content_type.length == 0 || publish_content_is_json(draft.content_type),
        .is_verbatim = !draft.has_data || draft.data_type != JSON_NULL,
    };
    if (draft.has_data) {
        wrapper->event.data =
            (struct json_value){draft.data_type, text_of(&wrapper->json, draft.data)};
    }
    return &wrapper->event;
}

const struct event *route_wrap(struct route_wrapper *wrapper, const struct route_target *target,
                               const struct routed_message *message, struct slice id)
{
    const struct event *event = NULL;

    buffer_empty(&wrapper->json, SCRATCH_KEPT);
    buffer_empty(&wrapper->text, SCRATCH_KEPT);
    if (is_structured(message) || is_binary(message)) {
        event = read_cloud_event(wrapper, target, message);
    }
    event = event ? enrich(wrapper, target->enrichments, message, event)
                  : wrap(wrapper, target, message, id);
    return event->whole.text.length <= PUBLISH_EVENT_MAX ? event : NULL;
}

void route_wrapper_release(struct route_wrapper *wrapper)
{
    publish_scratch_release(&wrapper->parsed);
    buffer_release(&wrapper->pairs);
    buffer_release(&wrapper->json);
    buffer_release(&wrapper->text);
    buffer_release(&wrapper->time);
}
