/* Events that wait: what is written beside them comes back as it was.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "eventgrid/queued.h"
#include "mqtt/user_property.h"
#include "mqtt/utf8.h"

/* The list is read as the codec does for a PUBLISH. */
static bool read_back(struct queued_event *event, const struct buffer *list)
{
    struct properties properties;

    CHECK_INT_EQUAL(properties_read(&properties, buffer_slice(list), P_PUBLISH), REASON_SUCCESS);
    return queued_event_read(event, SLICE_LITERAL("{\"id\":1}"), &properties);
}

static void check_same(const struct queued_event *a, const struct queued_event *b)
{
    CHECK_INT_EQUAL(a->schema, b->schema);
    CHECK_SLICE_EQUAL(a->json, b->json);
    CHECK_SLICE_EQUAL(a->id, b->id);
    CHECK_SLICE_EQUAL(a->data_version, b->data_version);
    CHECK_INT_EQUAL(a->published_ms, b->published_ms);
    CHECK_INT_EQUAL(a->attempts, b->attempts);
    CHECK_INT_EQUAL(a->attempted_ms, b->attempted_ms);
    CHECK_INT_EQUAL(a->outcome, b->outcome);
    CHECK_INT_EQUAL(a->status, b->status);
    CHECK_INT_EQUAL(a->hops, b->hops);
}

static const struct queued_event retried = {
    .schema = SCHEMA_CUSTOM,
    .json = SLICE_LITERAL("{\"id\":1}"),
    .id = SLICE_LITERAL("\xC3\xBC-1"),
    .data_version = SLICE_LITERAL("2.0"),
    .published_ms = INT64_C(1790000000123),
    .attempts = 29,
    .attempted_ms = INT64_C(1790000009999),
    .outcome = OUTCOME_FORBIDDEN,
    .status = 403,
    .hops = 255,
};

TEST(every_field_comes_back)
{
    struct buffer list = {0};
    struct queued_event read;

    queued_event_append_properties(&list, &retried);
    CHECK(read_back(&read, &list));
    check_same(&read, &retried);
    buffer_release(&list);
}

TEST(a_fresh_event_has_few_properties)
{
    struct queued_event fresh = {.json = retried.json, .id = SLICE_LITERAL("x"), .published_ms = 1};
    struct buffer list = {0};
    struct queued_event read;

    queued_event_append_properties(&list, &fresh);
    CHECK_INT_EQUAL(list.length, 2 * (5 + 6 + 1));
    CHECK(read_back(&read, &list));
    check_same(&read, &fresh);
    buffer_release(&list);
}

TEST(foreign_and_bad_properties_are_passed_over)
{
    static const struct {
        const char *name, *value;
    } others[] = {
        {"p", "2"},        {"$wps.pp", "3"}, {"$wps.", "4"},
        {"$wps.z", "5"},   {"$wps.s", "3"},  {"$wps.a", "-1"},
        {"$wps.t", "1e3"}, {"$wps.o", "99"}, {"$wps.c", "9999999999"},
        {"$wps.h", "256"},
    };
    struct buffer list = {0};
    struct queued_event read, wanted = {.json = retried.json, .published_ms = 7};

    buffer_append(&list, SLICE_LITERAL("\1\1")); /* Payload Format Indicator */
    write_user_number(&list, "$wps.p", 7);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        write_user_property(&list, others[i].name, slice_from_string(others[i].value));
    }
    CHECK(read_back(&read, &list));
    check_same(&read, &wanted);
    buffer_release(&list);
}

TEST(what_was_not_queued_is_none)
{
    struct buffer list = {0};
    struct queued_event read;

    CHECK(!read_back(&read, &list));
    write_user_property(&list, "$wps.i", SLICE_LITERAL("x"));
    CHECK(!read_back(&read, &list));
    buffer_release(&list);
}

/* Bytes that the list must be able to hold, whatever the event says. */
static void check_id(struct slice id, struct slice stored)
{
    struct queued_event event = {.id = id, .published_ms = 1}, read;
    struct buffer list = {0};

    queued_event_append_properties(&list, &event);
    CHECK(read_back(&read, &list));
    CHECK_SLICE_EQUAL(read.id, stored);
    buffer_release(&list);
}

TEST(ids_are_cut_to_what_a_property_can_have)
{
    static uint8_t text[70000];

    memset(text, 'a', sizeof(text));
    check_id(slice_make(text, sizeof(text)), slice_make(text, QUEUED_TEXT_MAX));
    check_id(slice_make(text, QUEUED_TEXT_MAX), slice_make(text, QUEUED_TEXT_MAX));
    memcpy(text + QUEUED_TEXT_MAX - 1, "\xC3\xBC", 2);
    check_id(slice_make(text, sizeof(text)), slice_make(text, QUEUED_TEXT_MAX - 1));
    check_id(slice_make("a\0b", 3), SLICE_LITERAL("a"));
    check_id(slice_make("a\xFF", 2), SLICE_LITERAL("a"));
    check_id(slice_make("\0", 1), SLICE_EMPTY);
}
