/* MQTT messages as CloudEvents: each row of the table of spec/eventgrid.md 6.6, each enrichment.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "eventgrid/render.h"
#include "eventgrid/route_wrap.h"
#include "mqtt/publisher.h"
#include "mqtt/user_property.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ID           "00000000-0000-4000-8000-000000000001"

/* --- messages --- */

/* Pairs of user properties, "name", "value", ..., ended by NULL. */
struct given {
    const char *topic, *content_type, *response_topic, *correlation_data;
    struct slice payload;
    int payload_format; /* -1: none */
    const char *const *pairs;
};

static struct {
    struct buffer list;
    struct packet packet;
    struct buffer room;
    struct routed_message message;
    struct route_wrapper wrapper;
} world;

static void write_text(enum property property, const char *text)
{
    struct buffer *list = &world.list;

    if (text) {
        buffer_append_byte(list, (uint8_t)property);
        buffer_append_u16(list, (uint16_t)strlen(text));
        buffer_append_string(list, text);
    }
}

static void read_message(const struct given *given)
{
    struct buffer *list = &world.list;

    if (given->payload_format >= 0) {
        buffer_append_byte(list, PROPERTY_PAYLOAD_FORMAT_INDICATOR);
        buffer_append_byte(list, (uint8_t)given->payload_format);
    }
    write_text(PROPERTY_CONTENT_TYPE, given->content_type);
    write_text(PROPERTY_RESPONSE_TOPIC, given->response_topic);
    write_text(PROPERTY_CORRELATION_DATA, given->correlation_data);
    for (size_t i = 0; given->pairs && given->pairs[i]; i += 2) {
        write_user_property(list, given->pairs[i], slice_from_string(given->pairs[i + 1]));
    }
    world.packet = (struct packet){.type = PACKET_PUBLISH};
    world.packet.publish.topic = slice_from_string(given->topic ? given->topic : "t");
    world.packet.publish.payload = given->payload;
    CHECK_INT_EQUAL(properties_read(&world.packet.properties, buffer_slice(list), P_PUBLISH),
                    REASON_SUCCESS);
    routed_message_read(&world.message, &world.packet, &world.room);
}

static const struct topic_properties cloud_events = {.kind = SOURCE_TOPIC,
                                                     .schema = SCHEMA_CLOUD_EVENTS};

static const struct event *wrap_with(const struct given *given,
                                     const struct enrichments *enrichments)
{
    struct route_target target = {
        .namespace_name = SLICE_LITERAL("plant"),
        .enrichments = enrichments,
        .topic = &cloud_events,
        .now_ms = 1000,
    };

    read_message(given);
    return route_wrap(&world.wrapper, &target, &world.message, SLICE_LITERAL(ID));
}

static void release(void)
{
    buffer_release(&world.list);
    buffer_release(&world.room);
    route_wrapper_release(&world.wrapper);
    memset(&world, 0, sizeof(world));
}

static const struct enrichments none = {NULL, 0};

/* --- the table --- */

#define HEAD(topic)                                                                                \
    "{\"specversion\":\"1.0\",\"id\":\"" ID "\",\"source\":\"plant\","                             \
    "\"type\":\"MQTT.EventPublished\",\"subject\":\"" topic "\","                                  \
    "\"time\":\"1970-01-01T00:00:01.000Z\""

#define TEXT(literal) SLICE_LITERAL(literal)

static const struct {
    const char *what;
    struct given given;
    const char *expected;
} wrapped[] = {
    {"a message of MQTT 3, or without Payload Format Indicator",
     {.topic = "a/b", .payload = TEXT("\x01\x02"), .payload_format = -1},
     HEAD("a/b") ",\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"AQI=\"}"},
    {"text without Payload Format Indicator",
     {.payload = TEXT("{\"a\":1}"), .payload_format = -1},
     HEAD("t") ",\"datacontenttype\":\"application/"
               "octet-stream\",\"data_base64\":\"eyJhIjoxfQ==\"}"},
    {"Payload Format Indicator 0",
     {.payload = TEXT("x"), .payload_format = 0},
     HEAD("t") ",\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"eA==\"}"},
    {"with a Content Type of its own",
     {.content_type = "image/png", .payload = TEXT("x"), .payload_format = 0},
     HEAD("t") ",\"datacontenttype\":\"image/png\",\"data_base64\":\"eA==\"}"},
    {"Content Type JSON",
     {.content_type = "application/json; charset=utf-8",
      .payload = TEXT(" {\"a\": 1} "),
      .payload_format = -1},
     HEAD("t") ",\"datacontenttype\":\"application/json; charset=utf-8\",\"data\":{\"a\": 1}}"},
    {"Content Type JSON, which it is not",
     {.content_type = "application/json", .payload = TEXT("{a"), .payload_format = -1},
     HEAD("t") ",\"datacontenttype\":\"application/json\",\"data\":\"{a\"}"},
    {"Payload Format Indicator 1, JSON",
     {.payload = TEXT("[1,2.50]"), .payload_format = 1},
     HEAD("t") ",\"datacontenttype\":\"application/json\",\"data\":[1,2.50]}"},
    {"Payload Format Indicator 1, a JSON null",
     {.payload = TEXT("null"), .payload_format = 1},
     HEAD("t") ",\"datacontenttype\":\"application/json\",\"data\":null}"},
    {"Payload Format Indicator 1, no JSON",
     {.payload = TEXT("21.5 \"C\""), .payload_format = 1},
     HEAD("t") ",\"data\":\"21.5 \\\"C\\\"\"}"},
    {"Payload Format Indicator 1 and a Content Type of text",
     {.content_type = "text/plain", .payload = TEXT("\xC3\xBC"), .payload_format = 1},
     HEAD("t") ",\"datacontenttype\":\"text/plain\",\"data\":\"\xC3\xBC\"}"},
    {"Payload Format Indicator 1, no UTF-8",
     {.payload = TEXT("\xFF"), .payload_format = 1},
     HEAD("t") ",\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"/w==\"}"},
    {"no payload", {.payload_format = 1}, HEAD("t") "}"},
    {"no payload, a Content Type",
     {.content_type = "text/plain", .payload_format = -1},
     HEAD("t") ",\"datacontenttype\":\"text/plain\"}"},
    {"a topic with a quote",
     {.topic = "a\"\\b", .payload = TEXT("x"), .payload_format = 1},
     HEAD("a\\\"\\\\b") ",\"data\":\"x\"}"},
    {"attributes of a CloudEvent, but not all",
     {.payload = TEXT("1"),
      .payload_format = 1,
      .pairs = (const char *const[]){"id", "1", "source", "s", "specversion", "1.0", NULL}},
     HEAD("t") ",\"datacontenttype\":\"application/json\",\"data\":1}"},
    {"a CloudEvent whose time is none",
     {.payload = TEXT("1"),
      .payload_format = 1,
      .pairs = (const char *const[]){"id", "1", "source", "s", "specversion", "1.0", "type", "t",
                                     "time", "noon", NULL}},
     HEAD("t") ",\"datacontenttype\":\"application/json\",\"data\":1}"},
    {"a structured CloudEvent that is none",
     {.content_type = "application/cloudevents+json", .payload = TEXT("{}"), .payload_format = -1},
     HEAD("t") ",\"datacontenttype\":\"application/cloudevents+json\",\"data\":{}}"},
    {"two of them in a batch are the data of one",
     {.content_type = "application/cloudevents-batch+json",
      .payload = TEXT("[]"),
      .payload_format = -1},
     HEAD("t") ",\"datacontenttype\":\"application/cloudevents-batch+json\",\"data\":[]}"},
};

/* What was noted while it was written is what a reader of the JSON finds. */
static void check_as_parsed(const struct event *event)
{
    struct publish_scratch scratch = {0};
    struct publish_error error;
    const struct event *parsed;
    size_t count;

    CHECK(publish_parse(
        &(struct publish_request){.topic = &cloud_events,
                                  .content_type = SLICE_LITERAL("application/cloudevents+json"),
                                  .body = event->whole.text},
        &scratch, &parsed, &count, &error));
    CHECK_INT_EQUAL(count, 1);
    CHECK_SLICE_EQUAL(event->id, parsed->id);
    CHECK_SLICE_EQUAL(event->subject, parsed->subject);
    CHECK_SLICE_EQUAL(event->type, parsed->type);
    CHECK_SLICE_EQUAL(event->time, parsed->time);
    CHECK_SLICE_EQUAL(event->source, parsed->source);
    CHECK_SLICE_EQUAL(event->content_type, parsed->content_type);
    CHECK_INT_EQUAL(event->has_data, parsed->has_data);
    CHECK_INT_EQUAL(event->is_base64, parsed->is_base64);
    CHECK_INT_EQUAL(event->is_json_content, parsed->is_json_content);
    CHECK_INT_EQUAL(event->is_verbatim, parsed->is_verbatim);
    if (event->has_data) {
        CHECK_INT_EQUAL(event->data.type, parsed->data.type);
        CHECK_SLICE_EQUAL(event->data.text, parsed->data.text);
    }
    publish_scratch_release(&scratch);
}

TEST(what_is_no_cloud_event_is_wrapped)
{
    for (size_t i = 0; i < COUNT(wrapped); i++) {
        test_note("%s", wrapped[i].what);
        const struct event *event = wrap_with(&wrapped[i].given, &none);
        CHECK(event);
        CHECK_SLICE_EQUAL(event->whole.text, slice_from_string(wrapped[i].expected));
        check_as_parsed(event);
        release();
    }
}

TEST(the_time_is_when_the_broker_had_it)
{
    const struct event *event = wrap_with(
        &(struct given){.payload_format = -1,
                        .pairs = (const char *const[]){PUBLISHER_RECEIVED, "1790000000123", NULL}},
        &none);

    CHECK_SLICE_EQUAL(event->time, SLICE_LITERAL("2026-09-21T14:13:20.123Z"));
    release();
}

TEST(json_that_is_too_deep_is_a_text)
{
    struct buffer deep = {0};

    for (int i = 0; i < 255; i++) {
        buffer_append_byte(&deep, '[');
    }
    for (int i = 0; i < 255; i++) {
        buffer_append_byte(&deep, ']');
    }
    const struct event *event =
        wrap_with(&(struct given){.payload = buffer_slice(&deep), .payload_format = 1}, &none);
    CHECK_INT_EQUAL(event->data.type, JSON_STRING);
    check_as_parsed(event);
    release();
    /* Brackets in a string are none. */
    deep.data[0] = deep.data[deep.length - 1] = '"';
    event = wrap_with(&(struct given){.payload = buffer_slice(&deep), .payload_format = 1}, &none);
    CHECK_SLICE_EQUAL(event->content_type, SLICE_LITERAL("application/json"));
    CHECK_SLICE_EQUAL(event->data.text, buffer_slice(&deep));
    release();
    buffer_release(&deep);
}

TEST(a_message_that_is_too_large_for_an_event)
{
    struct buffer large = {0};

    memset(buffer_reserve(&large, PUBLISH_EVENT_MAX), 'x', PUBLISH_EVENT_MAX);
    large.length = PUBLISH_EVENT_MAX - 1024;
    CHECK(wrap_with(&(struct given){.payload = buffer_slice(&large), .payload_format = 1}, &none));
    release();
    CHECK(!wrap_with(&(struct given){.payload = buffer_slice(&large), .payload_format = 0}, &none));
    release();
    buffer_release(&large);
}

/* --- CloudEvents --- */

#define BINARY "specversion", "1.0", "id", "7", "source", "/s", "type", "t"

TEST(binary_mode_keeps_its_attributes)
{
    const struct event *event = wrap_with(
        &(struct given){.content_type = "application/json",
                        .payload = TEXT("{\"a\":1}"),
                        .payload_format = -1,
                        .pairs = (const char *const[]){BINARY, "subject", "s", "time",
                                                       "2030-01-01T00:00:00+01:00", "ext", "x",
                                                       "Other-One", "no attribute", NULL}},
        &none);

    CHECK_SLICE_EQUAL(
        event->whole.text,
        SLICE_LITERAL("{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/s\","
                      "\"type\":\"t\",\"subject\":\"s\",\"time\":"
                      "\"2030-01-01T00:00:00+01:00\",\"ext\":\"x\","
                      "\"datacontenttype\":\"application/json\",\"data\":{\"a\":1}}"));
    release();
}

/* As npm's cloudevents sends data that is a text. */
TEST(binary_mode_that_claims_json)
{
    static const struct {
        struct slice payload, data;
        bool is_base64;
    } rows[] = {
        {TEXT("it is \"hot\""), SLICE_LITERAL("\"it is \\\"hot\\\"\""), false},
        {TEXT("{\"a\":"), SLICE_LITERAL("\"{\\\"a\\\":\""), false},
        {TEXT("\xFF\x01"), SLICE_LITERAL("\"/wE=\""), true},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct event *event =
            wrap_with(&(struct given){.content_type = "application/json; charset=utf-8",
                                      .payload = rows[i].payload,
                                      .payload_format = -1,
                                      .pairs = (const char *const[]){BINARY, "subject", "s", NULL}},
                      &none);
        CHECK_SLICE_EQUAL(event->type, SLICE_LITERAL("t"));
        CHECK_SLICE_EQUAL(event->subject, SLICE_LITERAL("s"));
        CHECK_SLICE_EQUAL(event->content_type, SLICE_LITERAL("application/json; charset=utf-8"));
        CHECK_SLICE_EQUAL(event->data.text, rows[i].data);
        CHECK_INT_EQUAL(event->is_base64, rows[i].is_base64);
        release();
    }
}

TEST(binary_mode_with_bytes)
{
    const struct event *event =
        wrap_with(&(struct given){.content_type = "image/png",
                                  .payload = TEXT("\xFF\x01"),
                                  .payload_format = -1,
                                  .pairs = (const char *const[]){BINARY, NULL}},
                  &none);

    CHECK(event->is_base64);
    CHECK_SLICE_EQUAL(event->data.text, SLICE_LITERAL("\"/wE=\""));
    release();
}

#define STRUCTURED                                                                                 \
    "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/s\",\"type\":\"t\",\"n\":5,\"data\":[1]}"

TEST(structured_mode_stays_as_it_came)
{
    static const char *const types[] = {"application/cloudevents+json",
                                        "Application/CloudEvents+JSON; charset=utf-8"};

    for (size_t i = 0; i < COUNT(types); i++) {
        const struct event *event = wrap_with(&(struct given){.content_type = types[i],
                                                              .payload = TEXT(STRUCTURED),
                                                              .payload_format = 1},
                                              &none);
        CHECK_SLICE_EQUAL(event->whole.text, SLICE_LITERAL(STRUCTURED));
        CHECK_SLICE_EQUAL(event->id, SLICE_LITERAL("7"));
        release();
    }
}

/* --- enrichments --- */

static const struct enrichment_part parts[] = {
    {ENRICH_TEXT, SLICE_LITERAL("w\"1")},
    {ENRICH_AUTHENTICATION_NAME, {NULL, 0}},
    {ENRICH_ATTRIBUTE, SLICE_LITERAL("floor")},
    {ENRICH_ATTRIBUTE, SLICE_LITERAL("rooms")},
    {ENRICH_TOPIC_NAME, {NULL, 0}},
    {ENRICH_RESPONSE_TOPIC, {NULL, 0}},
    {ENRICH_CORRELATION_DATA, {NULL, 0}},
    {ENRICH_PAYLOAD_FORMAT, {NULL, 0}},
    {ENRICH_USER_PROPERTY, SLICE_LITERAL("a b")},
};
static const char *const keys[COUNT(parts)] = {"site",     "who",  "floor", "rooms", "topic",
                                               "response", "corr", "pfi",   "prop"};

static struct enrichments each_of(struct enrichment items[COUNT(parts)])
{
    for (size_t i = 0; i < COUNT(parts); i++) {
        items[i] = (struct enrichment){
            .key = slice_from_string(keys[i]), .parts = &parts[i], .part_count = 1};
    }
    return (struct enrichments){items, COUNT(parts)};
}

static void check_has(const struct event *event, const char *text)
{
    if (!memmem(event->whole.text.data, event->whole.text.length, text, strlen(text))) {
        test_fail(__FILE__, __LINE__, "%s is not in %.*s", text, SLICE_PRINT(event->whole.text));
    }
}

static const struct given everything = {
    .topic = "a/b",
    .content_type = "text/plain",
    .response_topic = "r/t",
    .correlation_data = "\x01\x02\x03",
    .payload = TEXT("x"),
    .payload_format = 1,
    .pairs =
        (const char *const[]){"a b", "1", "c", "2", "a b", "3", PUBLISHER_NAME, "dev-1",
                              PUBLISHER_ATTRIBUTE "floor", "12", PUBLISHER_ATTRIBUTE "rooms", "r1",
                              PUBLISHER_ATTRIBUTE "rooms", "r2", PUBLISHER_RECEIVED, "5", NULL},
};

TEST(each_enrichment_says_what_is_there)
{
    struct enrichment items[COUNT(parts)];
    struct enrichments all = each_of(items);
    const struct event *event = wrap_with(&everything, &all);

    check_has(event, ",\"site\":\"w\\\"1\",\"who\":\"dev-1\",\"floor\":\"12\",\"rooms\":\"r1,r2\","
                     "\"topic\":\"a/b\",\"response\":\"r/t\",\"corr\":\"AQID\",\"pfi\":1,"
                     "\"prop\":\"1,3\",");
    check_as_parsed(event);
    release();
}

TEST(what_is_missing_is_empty)
{
    struct enrichment items[COUNT(parts)];
    struct enrichments all = each_of(items);
    const struct event *event = wrap_with(&(struct given){.payload_format = -1}, &all);

    check_has(event,
              ",\"who\":\"\",\"floor\":\"\",\"rooms\":\"\",\"topic\":\"t\",\"response\":\"\","
              "\"corr\":\"\",\"pfi\":\"\",\"prop\":\"\"");
    check_as_parsed(event);
    release();
}

TEST(parts_stand_one_behind_the_other)
{
    static const struct enrichment_part several[] = {
        {ENRICH_TEXT, SLICE_LITERAL("<")},
        {ENRICH_PAYLOAD_FORMAT, {NULL, 0}},
        {ENRICH_TEXT, SLICE_LITERAL(">")},
    };
    static const struct enrichment one = {
        .key = SLICE_LITERAL("k"), .parts = several, .part_count = COUNT(several)};
    const struct event *event = wrap_with(&everything, &(struct enrichments){&one, 1});

    check_has(event, ",\"k\":\"<1>\"");
    release();
}

TEST(an_attribute_of_the_event_is_not_overridden)
{
    struct enrichment items[COUNT(parts)];
    struct enrichments all = each_of(items);
    const struct event *event = wrap_with(
        &(struct given){.content_type = "application/cloudevents+json",
                        .payload = TEXT("{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":"
                                        "\"/s\",\"type\":\"t\",\"s\\u0069te\":\"mine\","
                                        "\"who\":null}"),
                        .payload_format = -1,
                        .pairs = (const char *const[]){PUBLISHER_NAME, "dev", NULL}},
        &all);
    struct buffer out = {0};

    check_has(event, "\"s\\u0069te\":\"mine\",\"who\":null,\"floor\":\"\"");
    CHECK(!memmem(event->whole.text.data, event->whole.text.length, "w\\\"1", 4));
    /* What leaves has them, too, though the event is written anew for its null. */
    event_render(&out, event, SCHEMA_CLOUD_EVENTS, false);
    CHECK(memmem(out.data, out.length, "\"floor\":\"\"", 10));
    buffer_release(&out);
    release();
}

/* --- ids --- */

static void append_id(struct buffer *out, int64_t received_ms, const char *session,
                      uint32_t sequence)
{
    struct routed_message message = {.received_ms = received_ms};

    out->length = 0;
    routed_message_append_id(out, &message, route_number(slice_from_string(session)), sequence);
    CHECK_INT_EQUAL(out->length, 36);
}

TEST(an_id_is_the_deliverys)
{
    struct buffer first = {0}, other = {0};

    append_id(&first, 5, "$wps//events/routes/plant/default", 7);
    append_id(&other, 5, "$wps//events/routes/plant/default", 7);
    CHECK_SLICE_EQUAL(buffer_slice(&first), buffer_slice(&other));
    append_id(&other, 5, "$wps//events/routes/plant/default", 8);
    CHECK(!slice_equal(buffer_slice(&first), buffer_slice(&other)));
    append_id(&other, 6, "$wps//events/routes/plant/default", 7);
    CHECK(!slice_equal(buffer_slice(&first), buffer_slice(&other)));
    append_id(&other, 5, "$wps//events/routes/plant/other", 7);
    CHECK(!slice_equal(buffer_slice(&first), buffer_slice(&other)));
    buffer_release(&first);
    buffer_release(&other);
}
