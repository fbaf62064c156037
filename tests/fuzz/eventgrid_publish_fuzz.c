/* Fuzzes publish requests of Event Grid. Input: a line of digits (schema, kind of source, 1 for
 * MQTT, 1 for a domain topic in the address, 1 for a mapping of all fields to one), one of
 * Content-Type, six of "Name: value", and the body.
 *
 * Oracles: there are events, or an error with all that its answer needs, which is JSON. Events say
 * what they must, and what lies behind them is text. In every schema that an event may become it is
 * JSON, with room for what it is put into, and read again as that schema it says the same. So does
 * the message that it becomes in the MQTT binding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/publish.h"
#include "eventgrid/render.h"
#include "mqtt/properties.h"
#include "mqtt/utf8.h"
#include "json/json.h"

enum { NOW_MS = 1736086029, HEADERS = 6, PAIRS_MAX = 64 };

#define TOPIC_ID SLICE_LITERAL("/subscriptions/s/resourceGroups/g/x/domains/d")

static void fives(void *out, size_t length)
{
    memset(out, 0x55, length);
}

/* --- oracles --- */

static void check_error(const struct publish_error *error)
{
    struct buffer out = {0};
    struct json_value value;

    FUZZ_CHECK(error->status == 400 || error->status == 401 || error->status == 413 ||
               error->status == 415);
    FUZZ_CHECK(error->code && error->detail_code && error->message.length > 0);
    publish_error_append(&out, error, SLICE_LITERAL("id"), NOW_MS);
    FUZZ_CHECK(json_parse(buffer_slice(&out), &value) && value.type == JSON_OBJECT);
    buffer_release(&out);
}

static void check_text(struct slice text, bool is_needed)
{
    FUZZ_CHECK(utf8_is_well_formed(text) && (text.length > 0 || !is_needed));
}

static void check_event(const struct event *event, const struct publish_request *request)
{
    struct json_value value;

    FUZZ_CHECK(event->schema == request->topic->schema);
    FUZZ_CHECK(json_parse(event->whole.text, &value) && value.type == JSON_OBJECT);
    FUZZ_CHECK(event->whole.text.length <= PUBLISH_EVENT_MAX);
    check_text(event->id, true);
    check_text(event->type, true);
    check_text(event->source, true);
    check_text(event->subject, event->schema != SCHEMA_CLOUD_EVENTS);
    check_text(event->time, event->schema != SCHEMA_CLOUD_EVENTS);
    check_text(event->data_version, false);
    check_text(event->content_type, false);
    FUZZ_CHECK((event->domain_topic.length > 0) == (request->topic->kind == SOURCE_DOMAIN));
    FUZZ_CHECK(!event->has_data || json_parse(event->data.text, &value));
}

/* Two readings of what is the same event. */
static void check_same(const struct event *a, const struct event *b)
{
    FUZZ_CHECK(slice_equal(a->id, b->id));
    FUZZ_CHECK(slice_equal(a->type, b->type));
    FUZZ_CHECK(slice_equal(a->source, b->source));
    FUZZ_CHECK(slice_equal(a->subject, b->subject));
    FUZZ_CHECK(slice_equal(a->time, b->time));
}

/* --- what is rendered is read again --- */

static void check_room(struct slice json)
{
    struct buffer out = {0};
    struct json_value value;

    buffer_append_format(&out, "[[[%.*s]]]", SLICE_PRINT(json));
    FUZZ_CHECK(json_parse(buffer_slice(&out), &value));
    buffer_release(&out);
}

static void check_again(const struct event *event, const struct publish_request *again)
{
    struct publish_scratch scratch = {0};
    struct publish_error error;
    const struct event *events;
    size_t count;

    FUZZ_CHECK(publish_parse(again, &scratch, &events, &count, &error));
    FUZZ_CHECK(count == 1);
    check_same(event, &events[0]);
    if (event->data.type != JSON_NULL && again->topic->schema != SCHEMA_CUSTOM && !again->is_mqtt) {
        FUZZ_CHECK(slice_equal(event->data.text, events[0].data.text));
        FUZZ_CHECK(event->is_base64 == events[0].is_base64);
    }
    publish_scratch_release(&scratch);
}

static void check_rendered(const struct event *event, enum event_schema as, bool with_data_schema)
{
    struct topic_properties topic = {.kind = SOURCE_TOPIC, .schema = as};
    struct buffer json = {0};

    event_render(&json, event, as, with_data_schema);
    check_room(buffer_slice(&json));
    if (as != SCHEMA_CUSTOM && json.length <= PUBLISH_EVENT_MAX) {
        check_again(event, &(struct publish_request){
                               .topic = &topic,
                               .topic_id = event->source,
                               .content_type = SLICE_LITERAL("application/cloudevents+json"),
                               .body = buffer_slice(&json),
                               .now_ms = NOW_MS,
                           });
    }
    buffer_release(&json);
}

static void check_message(const struct event *event)
{
    struct topic_properties topic = {.kind = SOURCE_TOPIC, .schema = SCHEMA_CLOUD_EVENTS};
    struct buffer properties = {0}, payload = {0};
    struct pair pairs[PAIRS_MAX];
    struct property_item item;
    struct slice content_type, rest;
    size_t count = 0;

    event_render_mqtt(event, &properties, &payload, &content_type);
    rest = buffer_slice(&properties);
    while (count < PAIRS_MAX && properties_next(&rest, &item)) {
        FUZZ_CHECK(item.property == PROPERTY_USER_PROPERTY);
        FUZZ_CHECK(utf8_is_valid_string(item.name) && utf8_is_valid_string(item.value));
        pairs[count++] = (struct pair){item.name, item.value};
    }
    FUZZ_CHECK(utf8_is_valid_string(content_type));
    /* Bytes of any kind may be called JSON, and are not read as an event then. */
    if (rest.length == 0 && !event->is_base64 && payload.length <= PUBLISH_EVENT_MAX / 8) {
        check_again(event, &(struct publish_request){
                               .topic = &topic,
                               .topic_id = event->source,
                               .content_type = content_type,
                               .attributes = {pairs, count},
                               .is_mqtt = true,
                               .body = buffer_slice(&payload),
                               .now_ms = NOW_MS,
                           });
    }
    buffer_release(&properties);
    buffer_release(&payload);
}

static void check_ways_out(const struct event *event)
{
    for (int as = 0; as < EVENT_SCHEMAS; as++) {
        if (schema_may_become(event->schema, (enum event_schema)as)) {
            check_rendered(event, (enum event_schema)as, true);
            check_rendered(event, (enum event_schema)as, false);
        }
    }
    check_message(event);
}

/* --- input --- */

static struct pair split_header(struct slice line)
{
    const uint8_t *colon = line.length > 0 ? memchr(line.data, ':', line.length) : NULL;
    size_t length = colon ? (size_t)(colon - line.data) : line.length;

    return (struct pair){slice_make(line.data, length),
                         slice_from(line, colon ? length + 1 : length)};
}

static unsigned digit(struct slice line, size_t at, unsigned below)
{
    return at < line.length ? line.data[at] % below : 0;
}

static void run(const struct publish_request *request)
{
    struct publish_scratch scratch = {0};
    struct publish_error error;
    const struct event *events;
    size_t count;

    if (publish_parse(request, &scratch, &events, &count, &error)) {
        FUZZ_CHECK(count > 0 && count <= PUBLISH_EVENTS_MAX);
        for (size_t i = 0; i < count; i++) {
            check_event(&events[i], request);
            check_ways_out(&events[i]);
        }
    } else {
        check_error(&error);
    }
    publish_scratch_release(&scratch);
}

static const struct schema_mapping mappings[] = {
    {.id = {.source_field = SLICE_LITERAL("id")},
     .topic = {.source_field = SLICE_LITERAL("t")},
     .event_time = {.source_field = SLICE_LITERAL("a.time")},
     .event_type = {SLICE_LITERAL("a.b.type"), SLICE_LITERAL("dflt"), true},
     .subject = {SLICE_LITERAL("s"), SLICE_LITERAL("ds"), true},
     .data_version = {SLICE_LITERAL("v"), SLICE_EMPTY, true}},
    {.id = {.source_field = SLICE_LITERAL("id")},
     .topic = {.source_field = SLICE_LITERAL("id")},
     .event_time = {.source_field = SLICE_LITERAL("time")},
     .event_type = {.source_field = SLICE_LITERAL("id")},
     .subject = {.source_field = SLICE_LITERAL("id")},
     .data_version = {.source_field = SLICE_LITERAL("id")}},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum source_kind kinds[] = {SOURCE_TOPIC, SOURCE_DOMAIN, SOURCE_SYSTEM_TOPIC};
    struct slice in = slice_make(data, size), how = fuzz_take_line(&in);
    struct slice content_type = fuzz_take_line(&in), body;
    struct topic_properties topic = {
        .kind = kinds[digit(how, 1, 3)],
        .schema = (enum event_schema)digit(how, 0, EVENT_SCHEMAS),
        .mapping = mappings[digit(how, 4, 2)],
    };
    struct pair headers[HEADERS];
    bool is_mqtt = digit(how, 2, 2) == 1 && utf8_is_valid_string(content_type);

    for (size_t i = 0; i < HEADERS; i++) {
        headers[i] = split_header(fuzz_take_line(&in));
        is_mqtt = is_mqtt && utf8_is_valid_string(headers[i].key) &&
                  utf8_is_valid_string(headers[i].value);
    }
    body = fuzz_copy(in);
    run(&(struct publish_request){
        .topic = &topic,
        .topic_id = TOPIC_ID,
        .domain_topic = digit(how, 3, 2) == 1 ? SLICE_LITERAL("sales") : SLICE_EMPTY,
        .content_type = content_type,
        .attributes = {headers, HEADERS},
        .is_mqtt = is_mqtt,
        .body = body,
        .now_ms = NOW_MS,
        .random = fives,
    });
    fuzz_free(body);
    return 0;
}
