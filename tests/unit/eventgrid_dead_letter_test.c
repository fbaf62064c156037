/* bridge/eventgrid: dead letters there and back.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/dead_letter.h"

#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL

static const int64_t published = INT64_C(1772227432000); /* 2026-02-27T21:23:52Z */
static const int64_t attempted = INT64_C(1772227433500);

static struct queued_event queued(enum event_schema schema, const char *json)
{
    return (struct queued_event){.schema = schema,
                                 .json = slice_from_string(json),
                                 .id = S("1"),
                                 .data_version =
                                     schema == SCHEMA_CLOUD_EVENTS ? SLICE_EMPTY : S("2"),
                                 .published_ms = published,
                                 .attempts = 1,
                                 .attempted_ms = attempted,
                                 .outcome = OUTCOME_NOT_FOUND,
                                 .status = 404};
}

static void check_letter(const struct queued_event *event, enum dead_letter_reason reason,
                         const char *expected)
{
    struct buffer out = {0};

    dead_letter_append(&out, event, reason);
    CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(expected));
    buffer_release(&out);
}

/* ---------------------------------------------------------------- writing */

TEST(the_path_is_that_of_azures_blobs)
{
    struct buffer path = {0};

    dead_letter_append_folder(&path, S("dl"), S(""), S("Bill-ing1"));
    CHECK_SLICE_EQUAL(buffer_slice(&path), S("dl/BILL-ING1"));
    path.length = 0;
    dead_letter_append_folder(&path, S("dl"), S("Plant/Readings"), S("Bill-ing1"));
    CHECK_SLICE_EQUAL(buffer_slice(&path), S("dl/Plant/Readings/Bill-ing1"));
    path.length = 0;
    dead_letter_append_path(&path, S("dl/BILL"), INT64_C(1772442123456), S("g-1"));
    CHECK_SLICE_EQUAL(buffer_slice(&path), S("dl/BILL/2026/3/2/9/g-1.json"));
    buffer_release(&path);
}

#define EVENT_GRID                                                                                 \
    "\"id\":\"1\",\"topic\":\"/t\",\"subject\":\"s\",\"data\":{\"n\":12345678901234567890.10,"     \
    "\"n\":1 },\"dataVersion\":\"2\",\"metadataVersion\":\"1\""

TEST(an_event_of_event_grid_gets_more_members)
{
    struct queued_event event = queued(SCHEMA_EVENT_GRID, " { " EVENT_GRID " } ");

    check_letter(&event, DEAD_ATTEMPTS,
                 "{" EVENT_GRID ",\"deadLetterReason\":\"MaxDeliveryAttemptsExceeded\","
                 "\"deliveryAttempts\":1,\"lastDeliveryOutcome\":\"NotFound\","
                 "\"lastHttpStatusCode\":404,\"publishTime\":\"2026-02-27T21:23:52.000Z\","
                 "\"lastDeliveryAttemptTime\":\"2026-02-27T21:23:53.500Z\"}");
}

TEST(what_was_never_tried_has_no_attempt)
{
    struct queued_event event = queued(SCHEMA_EVENT_GRID, "{}");

    event.attempts = 0;
    event.attempted_ms = 0;
    event.status = 0;
    event.outcome = OUTCOME_PROBATION;
    check_letter(&event, DEAD_TIME_TO_LIVE,
                 "{\"deadLetterReason\":\"TimeToLiveExceeded\",\"deliveryAttempts\":0,"
                 "\"lastDeliveryOutcome\":\"Probation\","
                 "\"publishTime\":\"2026-02-27T21:23:52.000Z\"}");
    event.outcome = OUTCOME_DELIVERED;
    check_letter(&event, DEAD_TIME_TO_LIVE,
                 "{\"deadLetterReason\":\"TimeToLiveExceeded\",\"deliveryAttempts\":0,"
                 "\"publishTime\":\"2026-02-27T21:23:52.000Z\"}");
}

/* Those that it has from being a dead letter before give way. */
TEST(a_cloud_event_gets_extensions)
{
    struct queued_event event = queued(
        SCHEMA_CLOUD_EVENTS, "{\"specversion\":\"1.0\",\"deadletterreason\":\"x\",\"id\":\"1\","
                             "\"deliveryattempts\":\"9\",\"deadLetterReason\":\"mine\"}");

    check_letter(&event, DEAD_TOO_MANY_HOPS,
                 "{\"specversion\":\"1.0\",\"id\":\"1\",\"deadLetterReason\":\"mine\","
                 "\"deadletterreason\":\"TooManyHops\",\"deliveryattempts\":1,"
                 "\"lastdeliveryoutcome\":\"NotFound\",\"lasthttpstatuscode\":404,"
                 "\"publishtime\":\"2026-02-27T21:23:52.000Z\","
                 "\"lastdeliveryattempttime\":\"2026-02-27T21:23:53.500Z\"}");
}

TEST(a_custom_event_is_wrapped)
{
    struct queued_event event = queued(SCHEMA_CUSTOM, "{\"deadLetterReason\":1, \"id\":[]}");

    event.outcome = OUTCOME_BAD_REQUEST;
    event.status = 400;
    check_letter(
        &event, DEAD_ATTEMPTS,
        "{\"eventDeliverySchema\":\"CustomInputSchema\",\"id\":\"1\",\"dataVersion\":\"2\","
        "\"data\":{\"deadLetterReason\":1, \"id\":[]},"
        "\"deadLetterReason\":\"MaxDeliveryAttemptsExceeded\",\"deliveryAttempts\":1,"
        "\"lastDeliveryOutcome\":\"BadRequest\",\"lastHttpStatusCode\":400,"
        "\"publishTime\":\"2026-02-27T21:23:52.000Z\","
        "\"lastDeliveryAttemptTime\":\"2026-02-27T21:23:53.500Z\"}");
}

TEST(what_is_no_object_is_kept_as_a_text)
{
    struct queued_event event = queued(SCHEMA_EVENT_GRID, "[\"x");

    event.status = 0;
    check_letter(
        &event, DEAD_ATTEMPTS,
        "{\"eventDeliverySchema\":\"CustomInputSchema\",\"id\":\"1\",\"dataVersion\":\"2\","
        "\"data\":\"[\\\"x\",\"deadLetterReason\":\"MaxDeliveryAttemptsExceeded\","
        "\"deliveryAttempts\":1,\"lastDeliveryOutcome\":\"NotFound\","
        "\"publishTime\":\"2026-02-27T21:23:52.000Z\","
        "\"lastDeliveryAttemptTime\":\"2026-02-27T21:23:53.500Z\"}");
}

/* spec/eventgrid.md 5.6 */
TEST(an_event_of_a_namespace_stands_beside_what_became_of_it)
{
    struct queued_event event =
        queued(SCHEMA_CLOUD_EVENTS, " {\"specversion\":\"1.0\", \"id\":\"1\"}");
    struct buffer out = {0}, texts = {0};
    struct dead_letter_item item;
    struct json_value array;
    struct json_walk rest;

    event.outcome = OUTCOME_LOCK_EXPIRED;
    event.status = 0;
    buffer_append_byte(&out, '[');
    dead_letter_append_of_namespace(&out, &event, DEAD_ATTEMPTS, SLICE_EMPTY);
    buffer_append_byte(&out, ',');
    dead_letter_append_of_namespace(&out, &event, DEAD_REJECTED, S("X-A: b\"c\0Y: \0"));
    buffer_append_byte(&out, ']');
    CHECK_SLICE_EQUAL(
        buffer_slice(&out),
        S("[{\"deadLetterProperties\":{\"deadletterreason\":"
          "\"Maximum delivery attempts was exceeded.\",\"deliveryattempts\":1,\"deliveryresult\":"
          "\"Event was not acknowledged nor rejected.\",\"publishutc\":"
          "\"2026-02-27T21:23:52.000Z\",\"deliveryattemptutc\":\"2026-02-27T21:23:53.500Z\"},"
          "\"event\":{\"specversion\":\"1.0\", \"id\":\"1\"}},"
          "{\"deadLetterProperties\":{\"deadletterreason\":\"Event was rejected.\","
          "\"deliveryattempts\":1,\"deliveryresult\":\"Event was not acknowledged nor rejected.\","
          "\"publishutc\":\"2026-02-27T21:23:52.000Z\",\"deliveryattemptutc\":"
          "\"2026-02-27T21:23:53.500Z\"},\"event\":{\"specversion\":\"1.0\", \"id\":\"1\"},"
          "\"customDeliveryProperties\":{\"X-A\":\"b\\\"c\",\"Y\":\"\"}}]"));
    CHECK(json_parse(buffer_slice(&out), &array));
    rest = json_elements(&array);
    CHECK(dead_letter_read(&rest, &texts, &item));
    CHECK_INT_EQUAL(item.event.schema, SCHEMA_CLOUD_EVENTS);
    CHECK_SLICE_EQUAL(item.event.json, S("{\"specversion\":\"1.0\", \"id\":\"1\"}"));
    CHECK_SLICE_EQUAL(item.event.id, S("1"));
    CHECK_INT_EQUAL(item.event.attempts, 1);
    CHECK_INT_EQUAL(item.event.outcome, OUTCOME_LOCK_EXPIRED);
    CHECK_INT_EQUAL(item.event.published_ms, published);
    CHECK_INT_EQUAL(item.event.attempted_ms, attempted);
    CHECK_SLICE_EQUAL(item.reason, S("Maximum delivery attempts was exceeded."));
    CHECK(dead_letter_read(&rest, &texts, &item));
    CHECK(!dead_letter_read(&rest, &texts, &item));
    buffer_release(&out);
    buffer_release(&texts);
}

/* ---------------------------------------------------------------- reading */

TEST(what_was_written_is_read_back)
{
    static const struct {
        enum event_schema schema;
        const char *json;
    } rows[] = {
        {SCHEMA_EVENT_GRID, "{\"id\":\"1\",\"data\":{\"a\": [1, 2]},\"dataVersion\":\"2\"}"},
        {SCHEMA_CLOUD_EVENTS, "{\"specversion\":\"1.0\",\"id\":\"1\",\"dataVersion\":\"no\"}"},
        {SCHEMA_CUSTOM, "{\"specversion\" : 1, \"id\":2}"},
    };
    struct buffer file = {0}, texts = {0};
    struct dead_letter_item item;
    struct json_value array;
    struct json_walk rest;

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct queued_event event = queued(rows[i].schema, rows[i].json);
        buffer_append_byte(&file, i == 0 ? '[' : ',');
        dead_letter_append(&file, &event, DEAD_TIME_TO_LIVE);
    }
    buffer_append_byte(&file, ']');
    CHECK(json_parse(buffer_slice(&file), &array));
    rest = json_elements(&array);
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("row %zu", i);
        CHECK(dead_letter_read(&rest, &texts, &item));
        CHECK_INT_EQUAL(item.event.schema, rows[i].schema);
        CHECK_SLICE_EQUAL(item.event.json, slice_from_string(rows[i].json));
        CHECK_SLICE_EQUAL(item.event.id, S("1"));
        CHECK_SLICE_EQUAL(item.event.data_version,
                          rows[i].schema == SCHEMA_CLOUD_EVENTS ? SLICE_EMPTY : S("2"));
        CHECK_INT_EQUAL(item.event.published_ms, published);
        CHECK_INT_EQUAL(item.event.attempted_ms, attempted);
        CHECK_INT_EQUAL(item.event.attempts, 1);
        CHECK_INT_EQUAL(item.event.outcome, OUTCOME_NOT_FOUND);
        CHECK_INT_EQUAL(item.event.status, 404);
        CHECK_INT_EQUAL(item.event.hops, 0);
        CHECK_SLICE_EQUAL(item.reason, S("TimeToLiveExceeded"));
    }
    CHECK(!dead_letter_read(&rest, &texts, &item));
    buffer_release(&file);
    buffer_release(&texts);
}

TEST(other_peoples_files_are_read_as_far_as_they_are_dead_letters)
{
    static const struct {
        const char *file;
        size_t count;
    } rows[] = {
        {"[]", 0},
        {"[1]", 0},
        {"[{\"id\":\"1\"}]", 0},
        {"[{\"deadLetterReason\":1}]", 0},
        {"[{\"deadLetterProperties\":{},\"event\":{}}]", 0},
        {"[{\"deadLetterProperties\":{\"deadletterreason\":\"x\"},\"event\":1}]", 0},
        {"[{\"deadLetterProperties\":1,\"event\":{},\"deadletterreason\":\"x\"}]", 0},
        {"[{\"event\":{},\"deadLetterProperties\":{\"deadletterreason\":\"x\"}}]", 1},
        {"[{\"deadLetterReason\":\"x\"},{},{\"deadLetterReason\":\"x\"}]", 1},
        {"[{\"specversion\":\"1.0\",\"deadLetterReason\":\"x\"}]", 0},
        {"[{\"eventDeliverySchema\":\"CustomInputSchema\",\"deadLetterReason\":\"x\"}]", 0},
        {"[{\"deadLetterReason\":\"x\",\"deliveryAttempts\":-1,\"lastDeliveryOutcome\":\"Odd\","
         "\"publishTime\":\"yesterday\",\"lastHttpStatusCode\":\"404\",\"id\":7}]",
         1},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct dead_letter_item item;
        struct buffer texts = {0};
        struct json_value array;
        struct json_walk rest;
        size_t count = 0;
        test_note("row %zu", i);
        CHECK(json_parse(slice_from_string(rows[i].file), &array));
        rest = json_elements(&array);
        while (dead_letter_read(&rest, &texts, &item)) {
            CHECK_INT_EQUAL(item.event.attempts, 0);
            CHECK_INT_EQUAL(item.event.published_ms, 0);
            CHECK_INT_EQUAL(item.event.status, 0);
            CHECK_INT_EQUAL(item.event.id.length, 0);
            CHECK_INT_EQUAL(item.event.outcome, OUTCOME_DELIVERED);
            count++;
        }
        CHECK_INT_EQUAL(count, rows[i].count);
        buffer_release(&texts);
    }
}
