/* Publishing in the EventGrid schema (spec/eventgrid.md 1.5, 1.6, 1.9, 2.1): what is accepted, what
 * is refused with which words, and how the error is written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "publish_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TIME         "\"eventTime\":\"2030-01-02T03:04:05Z\""
#define BASE         "\"id\":\"1\",\"subject\":\"s\",\"eventType\":\"t\"," TIME
#define TAIL         "\"metadataVersion\":\"1\",\"data\":"
#define CONFORM                                                                                    \
    "This resource is configured to receive event in 'EventGridEvent' schema. The JSON received "  \
    "does not conform to the expected schema."
#define REQUIRES(name)                                                                             \
    "This resource is configured for 'EventGridEvent' schema and requires '" name                  \
    "' property to be set."

TEST(an_event_as_the_sdk_sends_it)
{
    CHECK_INT_EQUAL(PUBLISH(.content_type = "application/json",
                            .body =
                                "[{\"id\":\"1\",\"subject\":\"s\",\"data\":{\"a\":1},"
                                "\"eventType\":\"t\",\"eventTime\":\"1970-01-01T00:00:00.000Z\","
                                "\"dataVersion\":\"1.0\"}]"),
                    0);
    CHECK_INT_EQUAL(published.count, 1);
    const struct event *event = &published.events[0];
    CHECK_SLICE_EQUAL(event->id, SLICE_LITERAL("1"));
    CHECK_SLICE_EQUAL(event->subject, SLICE_LITERAL("s"));
    CHECK_SLICE_EQUAL(event->type, SLICE_LITERAL("t"));
    CHECK_SLICE_EQUAL(event->time, SLICE_LITERAL("1970-01-01T00:00:00.000Z"));
    CHECK_SLICE_EQUAL(event->data_version, SLICE_LITERAL("1.0"));
    CHECK_SLICE_EQUAL(event->source, SLICE_LITERAL(TOPIC_ID));
    CHECK_SLICE_EQUAL(event->data.text, SLICE_LITERAL("{\"a\":1}"));
    CHECK(event->has_data && event->is_json_content && !event->is_base64);
    CHECK_INT_EQUAL(event->domain_topic.length, 0);
    published_release();
}

static const struct {
    const char *body;
    size_t count; /* 0: refused */
    const char *message;
    int status; /* 0: 400 */
} rows[] = {
    {"[{" BASE "}]", 1, NULL, 0},
    {"{" BASE "}", 1, NULL, 0},
    {" [ {" BASE "} , {" BASE "} ] \n", 2, NULL, 0},
    {"\xEF\xBB\xBF[{" BASE "}]", 1, NULL, 0},
    {"[{" BASE ",\"data\":null,\"dataVersion\":null,\"metadataVersion\":null,\"topic\":null}]", 1,
     NULL, 0},
    {"[{" BASE ",\"metadataVersion\":\"1\",\"dataVersion\":2,\"unknown\":[{}]}]", 1, NULL, 0},
    {"[{" BASE ",\"topic\":\"\"}]", 1, NULL, 0},
    {"[{" BASE ",\"topic\":\"" TOPIC_ID "\"}]", 1, NULL, 0},
    {"[{\"id\":null," BASE "}]", 1, NULL, 0}, /* the last one counts */

    {"", 0, "Unexpected end when reading JSON.", 0},
    {" \r\n\t", 0, "Unexpected end when reading JSON.", 0},
    {"[{" BASE "}", 0, "Unexpected token when reading JSON.", 0},
    {"[{" BASE "},]", 0, "Unexpected token when reading JSON.", 0},
    {"[{}, nonsense]", 0, "Unexpected token when reading JSON.", 0}, /* goes before what {} lacks */
    {"[]", 0, CONFORM, 0},
    {"null", 0, CONFORM, 0},
    {"\"text\"", 0, CONFORM, 0},
    {"[1]", 0, CONFORM, 0},
    {"[{" BASE "},[]]", 0, CONFORM, 0},
    {"[{\"id\":1,\"subject\":\"s\",\"eventType\":\"t\"," TIME "}]", 0, CONFORM, 0},
    {"[{" BASE ",\"dataVersion\":{}}]", 0, CONFORM, 0},
    {"[{" BASE ",\"topic\":1}]", 0, CONFORM, 0},

    {"[{}]", 0, REQUIRES("subject"), 0},
    {"[{\"subject\":\"s\"}]", 0, REQUIRES("id"), 0},
    {"[{\"subject\":\"s\",\"id\":\"1\"}]", 0, REQUIRES("eventType"), 0},
    {"[{\"subject\":\"s\",\"id\":\"1\",\"eventType\":\"t\"}]", 0, REQUIRES("eventTime"), 0},
    {"[{" BASE ",\"id\":\"\"}]", 0, REQUIRES("id"), 0},
    {"[{" BASE ",\"id\":null}]", 0, REQUIRES("id"), 0}, /* the last one counts */
    {"[{" BASE "},{}]", 0, REQUIRES("subject"), 0},     /* all or nothing */

    {"[{" BASE ",\"eventTime\":\"yesterday\"}]", 0,
     "The event time property 'eventTime' was not a valid date/time.", 0},
    {"[{" BASE ",\"eventTime\":\"2030-02-30T00:00:00Z\"}]", 0,
     "The event time property 'eventTime' was not a valid date/time.", 0},
    {"[{" BASE ",\"metadataVersion\":\"2\"}]", 0, "'metadataVersion'", 0},
    {"[{" BASE ",\"metadataVersion\":\"\"}]", 0, "'metadataVersion'", 0},
    {"[{" BASE ",\"topic\":\"/subscriptions/x\"}]", 0,
     "Property 'topic' was found to be set, but was expected to either be null or be set "
     "to " TOPIC_ID ".",
     401},
};

TEST(what_is_accepted_and_what_is_refused)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        int status = rows[i].count > 0 ? 0 : rows[i].status > 0 ? rows[i].status : 400;

        test_note("body %s", rows[i].body);
        CHECK_INT_EQUAL(PUBLISH(.body = rows[i].body), status);
        if (status == 0) {
            CHECK_INT_EQUAL(published.count, rows[i].count);
            continue;
        }
        CHECK(error_says(rows[i].message));
        CHECK_STRING_EQUAL(published.error.code, status == 400 ? "BadRequest" : "Unauthorized");
        CHECK_STRING_EQUAL(published.error.detail_code,
                           status == 400 ? "InputJsonInvalid" : "Unauthorized");
    }
    published_release();
}

TEST(what_is_stamped)
{
    static const struct {
        const char *body, *event;
    } events[] = {
        {"{" BASE "}", "\"dataVersion\":\"\"," TAIL "null}"},
        {"{" BASE ",\"data\":null}", "\"dataVersion\":\"\"," TAIL "null}"},
        {"{" BASE ",\"data\":[1, 2 ],\"dataVersion\":\"7\"}",
         "\"dataVersion\":\"7\"," TAIL "[1, 2 ]}"},
        {"{" BASE ",\"dataVersion\":1.50,\"data\":\"\\u0041\"}",
         "\"dataVersion\":\"1.50\"," TAIL "\"\\u0041\"}"},
        /* bytes of data are not touched: numbers, order, repetition, white space */
        {"{" BASE ",\"data\":{ \"b\":12345678901234567890.10,\"a\":1,\"a\":2 }}",
         "\"dataVersion\":\"\"," TAIL "{ \"b\":12345678901234567890.10,\"a\":1,\"a\":2 }}"},
    };
    struct buffer wanted = {0};

    for (size_t i = 0; i < COUNT(events); i++) {
        test_note("body %s", events[i].body);
        CHECK_INT_EQUAL(PUBLISH(.body = events[i].body), 0);
        wanted.length = 0;
        buffer_append_string(&wanted, "{\"id\":\"1\",\"topic\":\"" TOPIC_ID
                                      "\",\"subject\":\"s\",\"eventType\":\"t\"," TIME ",");
        buffer_append_string(&wanted, events[i].event);
        CHECK_SLICE_EQUAL(rendered(0, SCHEMA_EVENT_GRID, true), buffer_slice(&wanted));
    }
    buffer_release(&wanted);
    published_release();
}

TEST(names_and_texts_may_be_escaped)
{
    CHECK_INT_EQUAL(PUBLISH(.body =
                                "{\"\\u0069d\":\"a\\\"b\\u00e9\",\"subject\":\"\\ud83c\\udf21\","
                                "\"eventType\":\"t\\/u\"," TIME "}"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].id, SLICE_LITERAL("a\"b\xc3\xa9"));
    CHECK_SLICE_EQUAL(published.events[0].subject, SLICE_LITERAL("\xf0\x9f\x8c\xa1"));
    CHECK_SLICE_EQUAL(published.events[0].type, SLICE_LITERAL("t/u"));
    published_release();
}

TEST(a_time_without_zone_is_utc)
{
    CHECK_INT_EQUAL(PUBLISH(.body = "{\"id\":\"1\",\"subject\":\"s\",\"eventType\":\"t\","
                                    "\"eventTime\":\"2017-06-26T18:41:00.9584103\"}"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].time, SLICE_LITERAL("2017-06-26T18:41:00.9584103Z"));
    CHECK_INT_EQUAL(PUBLISH(.body = "{\"id\":\"1\",\"subject\":\"s\",\"eventType\":\"t\","
                                    "\"eventTime\":\"2017-06-26T18:41:00.9584103+02:00\"}"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].time, SLICE_LITERAL("2017-06-26T18:41:00.9584103+02:00"));
    published_release();
}

/* ---------------------------------------------------------------- sizes (1.9) */

/* A request of so many events, whose data make it that large. */
static struct slice sized(struct buffer *out, size_t events, size_t bytes)
{
    static const struct slice head = SLICE_LITERAL("{" BASE ",\"data\":\"");

    out->length = 0;
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < events; i++) {
        size_t length = i + 1 < events ? 0 : bytes - out->length - head.length - 3;

        buffer_append(out, head);
        memset(buffer_reserve(out, length), 'x', length);
        out->length += length;
        buffer_append_string(out, i + 1 < events ? "\"}," : "\"}]");
    }
    return buffer_slice(out);
}

TEST(sizes_have_bounds)
{
    static const struct {
        size_t events, bytes;
        int status;
        const char *message;
    } sizes[] = {
        {1, PUBLISH_EVENT_MAX + 2, 0, NULL},
        {1, PUBLISH_EVENT_MAX + 3, 413, "The maximum size (1049600) has been exceeded."},
        {10000, PUBLISH_REQUEST_MAX + 1, 413, "The maximum size (1536000) has been exceeded."},
        {PUBLISH_EVENTS_MAX, 1300000, 0, NULL},
        {PUBLISH_EVENTS_MAX + 1, 1300000, 413,
         "The maximum number of events (5000) has been exceeded."},
    };
    struct buffer body = {0};

    for (size_t i = 0; i < COUNT(sizes); i++) {
        test_note("row %zu", i);
        struct slice bytes = sized(&body, sizes[i].events, sizes[i].bytes);
        CHECK_INT_EQUAL(bytes.length, sizes[i].bytes);
        CHECK_INT_EQUAL(PUBLISH(.bytes = bytes), sizes[i].status);
        if (sizes[i].status > 0) {
            CHECK(error_says(sizes[i].message));
            CHECK_STRING_EQUAL(published.error.code, "PayloadTooLarge");
            CHECK_STRING_EQUAL(published.error.detail_code, "PayloadTooLarge");
        } else {
            CHECK_INT_EQUAL(published.count, sizes[i].events);
        }
    }
    buffer_release(&body);
    published_release();
}

TEST(white_space_counts_for_the_request)
{
    struct buffer body = {0};

    buffer_append_string(&body, "[{" BASE "}");
    while (body.length < PUBLISH_REQUEST_MAX - 1) {
        buffer_append_byte(&body, ' ');
    }
    buffer_append_byte(&body, ']');
    CHECK_INT_EQUAL(PUBLISH(.bytes = buffer_slice(&body)), 0);
    buffer_append_byte(&body, ' ');
    CHECK_INT_EQUAL(PUBLISH(.bytes = buffer_slice(&body)), 413);
    buffer_release(&body);
    published_release();
}

TEST(nesting_leaves_room_for_what_an_event_is_put_into)
{
    for (unsigned depth = 240; depth < 260; depth++) {
        struct buffer body = {0};
        struct json_value value;

        buffer_append_string(&body, "[{" BASE ",\"data\":");
        for (unsigned i = 0; i < depth; i++) {
            buffer_append_byte(&body, '[');
        }
        for (unsigned i = 0; i < depth; i++) {
            buffer_append_byte(&body, ']');
        }
        buffer_append_string(&body, "}]");
        CHECK_INT_EQUAL(PUBLISH(.bytes = buffer_slice(&body)), depth <= 248 ? 0 : 400);
        if (depth <= 248) {
            struct slice event = rendered(0, SCHEMA_EVENT_GRID, true);
            body.length = 0;
            buffer_append_format(&body, "[[[%.*s]]]", SLICE_PRINT(event));
            CHECK(json_parse(buffer_slice(&body), &value));
        }
        buffer_release(&body);
    }
    published_release();
}

/* ---------------------------------------------------------------- domains (2.1) */

TEST(events_of_a_domain_say_their_topic)
{
    static const struct {
        const char *body, *address, *topic; /* topic NULL: refused */
        int status;
        const char *message;
    } domains[] = {
        {"{" BASE ",\"topic\":\"sales\"}", NULL, "sales", 0, NULL},
        {"{" BASE "}", "sales", "sales", 0, NULL},
        {"{" BASE ",\"topic\":\"SALES\"}", "sales", "sales", 0, NULL},
        {"{" BASE "}", NULL, NULL, 400, REQUIRES("topic")},
        {"{" BASE ",\"topic\":\"\"}", NULL, NULL, 400, REQUIRES("topic")},
        {"{" BASE ",\"topic\":\"/subscriptions/x\"}", NULL, NULL, 400, "Domain topic name"},
        {"{" BASE ",\"topic\":\"other\"}", "sales", NULL, 401, "be set to sales."},
    };

    for (size_t i = 0; i < COUNT(domains); i++) {
        test_note("body %s at %s", domains[i].body, domains[i].address ? domains[i].address : "");
        CHECK_INT_EQUAL(PUBLISH(.kind = SOURCE_DOMAIN, .body = domains[i].body,
                                .domain_topic = domains[i].address),
                        domains[i].status);
        if (domains[i].topic) {
            CHECK_SLICE_EQUAL(published.events[0].domain_topic,
                              slice_from_string(domains[i].topic));
            CHECK_SLICE_EQUAL(published.events[0].source, SLICE_LITERAL(DOMAIN_ID "/topics/sales"));
        } else {
            CHECK(error_says(domains[i].message));
        }
    }
    published_release();
}

TEST(each_event_of_a_batch_has_its_own_domain_topic)
{
    CHECK_INT_EQUAL(PUBLISH(.kind = SOURCE_DOMAIN, .body = "[{" BASE ",\"topic\":\"a\"},{" BASE
                                                           ",\"topic\":\"a\"},{" BASE
                                                           ",\"topic\":\"b\"}]"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].source, SLICE_LITERAL(DOMAIN_ID "/topics/a"));
    CHECK_SLICE_EQUAL(published.events[1].source, SLICE_LITERAL(DOMAIN_ID "/topics/a"));
    CHECK_SLICE_EQUAL(published.events[2].source, SLICE_LITERAL(DOMAIN_ID "/topics/b"));
    published_release();
}

TEST(a_system_topic_takes_the_topic_that_an_event_says)
{
    CHECK_INT_EQUAL(PUBLISH(.kind = SOURCE_SYSTEM_TOPIC,
                            .body = "[{" BASE ",\"topic\":\"/storage/a\"},{" BASE "}]"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].source, SLICE_LITERAL("/storage/a"));
    CHECK_SLICE_EQUAL(published.events[1].source, SLICE_LITERAL(TOPIC_ID));
    published_release();
}

/* ---------------------------------------------------------------- errors (1.5) */

TEST(an_error_is_written_as_the_service_does)
{
    struct buffer out = {0};

    CHECK_INT_EQUAL(PUBLISH(.body = "[{}]"), 400);
    publish_error_append(&out, &published.error, SLICE_LITERAL("id-1"), NOW_MS);
#define SENTENCE                                                                                   \
    REQUIRES("subject")                                                                            \
    " Report 'id-1:1:1/5/2025 2:07:09 PM (UTC)' to our forums for assistance or raise a support "  \
    "ticket."
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("{\n"
                                    "    \"error\": {\n"
                                    "        \"code\": \"BadRequest\",\n"
                                    "        \"message\": \"" SENTENCE "\",\n"
                                    "        \"details\": [{\n"
                                    "            \"code\": \"InputJsonInvalid\",\n"
                                    "            \"message\": \"" SENTENCE "\"\n"
                                    "        }]\n"
                                    "    }\n"
                                    "}"));
    buffer_release(&out);
    published_release();
}

TEST(an_error_has_its_report_at_any_hour_but_not_when_it_is_too_large)
{
    static const struct {
        int64_t ms;
        const char *time;
    } hours[] = {
        {INT64_C(1735689600000), "1/1/2025 12:00:00 AM"},
        {INT64_C(1735732800000), "1/1/2025 12:00:00 PM"},
        {INT64_C(1767225599999), "12/31/2025 11:59:59 PM"},
    };
    struct publish_error error = {.status = 401, .code = "Unauthorized"};
    struct buffer out = {0};

    error.message = SLICE_LITERAL("\"No\".");
    for (size_t i = 0; i < COUNT(hours); i++) {
        struct json_value value;

        out.length = 0;
        publish_error_append(&out, &error, SLICE_LITERAL("x"), hours[i].ms);
        CHECK(json_parse(buffer_slice(&out), &value));
        buffer_append_byte(&out, '\0');
        CHECK(strstr((const char *)out.data, hours[i].time));
        CHECK(!strstr((const char *)out.data, "details"));
    }
    out.length = 0;
    error.status = 413;
    publish_error_append(&out, &error, SLICE_LITERAL("x"), NOW_MS);
    buffer_append_byte(&out, '\0');
    CHECK(!strstr((const char *)out.data, "Report"));
    buffer_release(&out);
}
