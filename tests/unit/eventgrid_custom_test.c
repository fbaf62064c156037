/* Events of a custom schema (spec/eventgrid.md 1.8): mapping and defaults, and what is delivered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "publish_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(name)                                                                                \
    {                                                                                              \
        .source_field = SLICE_LITERAL(name)                                                        \
    }
#define DEFAULT(text)                                                                              \
    {                                                                                              \
        .default_value = SLICE_LITERAL(text), .has_default = true                                  \
    }

/* That of the specification. */
static const struct schema_mapping mapping = {
    .id = FIELD("id"),
    .topic = FIELD("t"),
    .event_time = FIELD("et"),
    .event_type = {SLICE_LITERAL("myEventType"), SLICE_LITERAL("dflt"), true},
    .subject = {SLICE_LITERAL("s"), SLICE_LITERAL("ds"), true},
    .data_version = DEFAULT("1.0"),
};

static const struct schema_mapping deep = {
    .id = FIELD("a.id"),
    .event_type = FIELD("a.b.type"),
    .subject = FIELD("with.dot"),
    .data_version = DEFAULT(""),
};

static const struct schema_mapping none;

static const struct {
    const struct schema_mapping *mapping;
    const char *body;
    const char *seen; /* id|type|subject|time|version */
} rows[] = {
    {&mapping, "[{\"foo\":1}]", MADE_ID "|dflt|ds|2025-01-05T14:07:09.000Z|1.0"},
    {&mapping, "{\"foo\":1}", MADE_ID "|dflt|ds|2025-01-05T14:07:09.000Z|1.0"},
    {&mapping, "[{}]", MADE_ID "|dflt|ds|2025-01-05T14:07:09.000Z|1.0"},
    {&mapping,
     "[{\"id\":\"x\",\"myEventType\":\"made\",\"s\":\"/a\",\"et\":\"2020-01-01T00:00:00Z\"}]",
     "x|made|/a|2020-01-01T00:00:00Z|1.0"},
    {&mapping, "[{\"id\":7,\"myEventType\":true,\"s\":1.50,\"et\":\"2020-01-01T00:00:00\"}]",
     "7|true|1.50|2020-01-01T00:00:00Z|1.0"},
    {&mapping, "[{\"id\":null,\"myEventType\":\"\",\"s\":[],\"et\":null}]",
     MADE_ID "|dflt|ds|2025-01-05T14:07:09.000Z|1.0"},
    {&mapping, "[{\"\\u0069d\":\"\\u0041\",\"s\":\"1\",\"s\":\"2\"}]",
     "A|dflt|2|2025-01-05T14:07:09.000Z|1.0"},
    {&deep, "[{\"a\":{\"id\":\"i\",\"b\":{\"type\":\"t\"}},\"with.dot\":\"s\"}]",
     "i|t|s|2025-01-05T14:07:09.000Z|"},
    {&deep, "[{\"a\":{\"id\":\"i\",\"b.type\":\"t\"},\"with\":{\"dot\":\"s\"}}]",
     "i|t|s|2025-01-05T14:07:09.000Z|"},
};

TEST(fields_come_from_the_event_or_are_defaults)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer seen = {0};

        test_note("body %s", rows[i].body);
        CHECK_INT_EQUAL(
            PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = rows[i].mapping, .body = rows[i].body), 0);
        const struct event *event = &published.events[0];
        buffer_append_format(&seen, "%.*s|%.*s|%.*s|%.*s|%.*s", SLICE_PRINT(event->id),
                             SLICE_PRINT(event->type), SLICE_PRINT(event->subject),
                             SLICE_PRINT(event->time), SLICE_PRINT(event->data_version));
        CHECK_SLICE_EQUAL(buffer_slice(&seen), slice_from_string(rows[i].seen));
        CHECK_SLICE_EQUAL(event->source, SLICE_LITERAL(TOPIC_ID));
        buffer_release(&seen);
    }
    published_release();
}

TEST(what_is_refused)
{
    static const struct {
        const struct schema_mapping *mapping;
        const char *body, *message;
    } refused[] = {
        {&none, "[{}]", "'CustomEvent' schema and requires 'subject' property"},
        {&deep, "[{\"with.dot\":\"s\"}]", "requires 'eventType' property"},
        {&deep, "[{\"with.dot\":\"s\",\"a\":\"text\"}]", "requires 'eventType' property"},
        {&mapping, "[{\"et\":\"soon\"}]", "'eventTime' was not a valid date/time."},
        {&mapping, "[]", "event in 'CustomEvent' schema. The JSON received does not conform"},
        {&mapping, "[1]", "does not conform"},
        {&mapping, "[{]", "Unexpected token when reading JSON."},
        {&mapping, "", "Unexpected end when reading JSON."},
    };

    for (size_t i = 0; i < COUNT(refused); i++) {
        test_note("body %s", refused[i].body);
        CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = refused[i].mapping,
                                .body = refused[i].body),
                        400);
        CHECK(error_says(refused[i].message));
    }
    published_release();
}

TEST(what_is_delivered)
{
    CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = &mapping,
                            .body = "[{\"id\":\"1\", \"big\":12345678901234567890, \"z\":null}]"),
                    0);
    CHECK_RENDERED(0, SCHEMA_CUSTOM, "{\"id\":\"1\", \"big\":12345678901234567890, \"z\":null}");
    CHECK_RENDERED(0, SCHEMA_EVENT_GRID,
                   "{\"id\":\"1\",\"topic\":\"" TOPIC_ID "\",\"subject\":\"ds\","
                   "\"eventType\":\"dflt\",\"eventTime\":\"2025-01-05T14:07:09.000Z\","
                   "\"dataVersion\":\"1.0\",\"metadataVersion\":\"1\","
                   "\"data\":{\"id\":\"1\", \"big\":12345678901234567890, \"z\":null}}");
    CHECK_RENDERED(0, SCHEMA_CLOUD_EVENTS,
                   "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"" TOPIC_ID
                   "\",\"type\":\"dflt\",\"subject\":\"ds\","
                   "\"time\":\"2025-01-05T14:07:09.000Z\",\"dataschema\":\"#1.0\","
                   "\"data\":{\"id\":\"1\", \"big\":12345678901234567890, \"z\":null}}");
    published_release();
}

TEST(the_mapped_topic_names_the_domain_topic)
{
    CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CUSTOM, .kind = SOURCE_DOMAIN, .mapping = &mapping,
                            .body = "[{\"t\":\"sales\"},{\"t\":\"stock\"}]"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].domain_topic, SLICE_LITERAL("sales"));
    CHECK_SLICE_EQUAL(published.events[1].source, SLICE_LITERAL(DOMAIN_ID "/topics/stock"));
    CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CUSTOM, .kind = SOURCE_DOMAIN, .mapping = &mapping,
                            .body = "[{\"t\":\"sales\"},{}]"),
                    400);
    CHECK(error_says("requires 'topic' property"));
    CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CUSTOM, .kind = SOURCE_DOMAIN, .mapping = &mapping,
                            .domain_topic = "sales", .body = "[{}]"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].domain_topic, SLICE_LITERAL("sales"));
    published_release();
}

/* Ids are made for as many events as there can be; none moves while others are made. */
TEST(a_large_batch_of_the_smallest_events)
{
    struct buffer body = {0};

    for (int i = 0; i < PUBLISH_EVENTS_MAX; i++) {
        buffer_append_string(&body, i == 0 ? "[{}" : ",{}");
    }
    buffer_append_byte(&body, ']');
    CHECK_INT_EQUAL(
        PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = &mapping, .bytes = buffer_slice(&body)), 0);
    CHECK_INT_EQUAL(published.count, PUBLISH_EVENTS_MAX);
    for (size_t i = 0; i < published.count; i++) {
        CHECK_SLICE_EQUAL(published.events[i].id, SLICE_LITERAL(MADE_ID));
    }
    buffer_release(&body);
    published_release();
}

/* All fields are the same string, which is decoded for each; a time is completed besides. */
TEST(fields_that_are_the_same_string)
{
    static const struct schema_mapping same = {
        .id = FIELD("x"),
        .topic = FIELD("x"),
        .event_type = FIELD("x"),
        .subject = FIELD("x"),
        .data_version = FIELD("x"),
        .event_time = FIELD("t"),
    };
    enum { LETTERS = 200000 };
    struct buffer body = {0}, expected = {0};

    buffer_append_string(&body, "{\"x\":\"\\u0041");
    buffer_append_byte(&expected, 'A');
    for (int i = 1; i < LETTERS; i++) {
        buffer_append_byte(&body, 'b');
        buffer_append_byte(&expected, 'b');
    }
    buffer_append_string(&body, "\",\"t\":\"2020\\u002d01-01T00:00:00\"}");
    CHECK_INT_EQUAL(
        PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = &same, .bytes = buffer_slice(&body)), 0);
    const struct event *event = &published.events[0];
    const struct slice texts[] = {event->id, event->type, event->subject, event->data_version};
    for (size_t i = 0; i < COUNT(texts); i++) {
        CHECK_SLICE_EQUAL(texts[i], buffer_slice(&expected));
    }
    CHECK_SLICE_EQUAL(event->time, SLICE_LITERAL("2020-01-01T00:00:00Z"));
    buffer_release(&body);
    buffer_release(&expected);
    published_release();
}

TEST(small_events_whose_times_are_completed)
{
    static const struct schema_mapping timed = {
        .event_time = FIELD("t"),
        .event_type = DEFAULT("a"),
        .subject = DEFAULT("b"),
        .data_version = DEFAULT("1"),
    };
    struct buffer body = {0};

    for (int i = 0; i < PUBLISH_EVENTS_MAX; i++) {
        buffer_append_string(&body, i == 0 ? "[" : ",");
        buffer_append_string(&body, "{\"t\":\"2020\\u002d01-01T00:00:00\"}");
    }
    buffer_append_byte(&body, ']');
    CHECK_INT_EQUAL(
        PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = &timed, .bytes = buffer_slice(&body)), 0);
    for (size_t i = 0; i < published.count; i++) {
        CHECK_SLICE_EQUAL(published.events[i].time, SLICE_LITERAL("2020-01-01T00:00:00Z"));
    }
    buffer_release(&body);
    published_release();
}
