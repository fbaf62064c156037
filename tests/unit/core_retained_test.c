/* Retained messages: set, replace, clear, expiry and matching by example, then random ones against
 * a plain list with topic_matches().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <pthread.h>

#include "base/memory.h"
#include "core/retained.h"
#include "mqtt/topic.h"

static void set(struct retained *retained, struct slice topic, const char *payload, msec_t expires)
{
    struct message *message = message_new(&(struct message_parts){
        .topic = topic,
        .payload = slice_from_string(payload),
        .expires_at = expires,
        .retain = true,
    });

    retained_set(retained, message, 0);
    message_release(message);
}

static void set_text(struct retained *retained, const char *topic, const char *payload)
{
    set(retained, slice_from_string(topic), payload, MSEC_NEVER);
}

/* The number of messages that were dropped. */
static size_t expire(struct retained *retained, msec_t now, size_t most)
{
    struct retained_matches dropped;

    retained_expire(retained, now, most, &dropped);
    size_t count = dropped.count;
    retained_matches_release(&dropped);
    return count;
}

static size_t count_matches(struct retained *retained, const char *filter, msec_t now)
{
    struct retained_matches matches;

    retained_match(retained, slice_from_string(filter), now, &matches);
    size_t count = matches.count;
    retained_matches_release(&matches);
    return count;
}

TEST(the_last_message_stays_until_it_is_cleared)
{
    struct retained *retained = retained_new();
    struct retained_matches matches;

    set_text(retained, "a/b", "one");
    set_text(retained, "a/b", "two");
    CHECK_INT_EQUAL(retained_count(retained), 1);
    retained_match(retained, SLICE_LITERAL("a/b"), 0, &matches);
    CHECK_INT_EQUAL(matches.count, 1);
    CHECK_SLICE_EQUAL(message_payload(matches.items[0]), SLICE_LITERAL("two"));
    set_text(retained, "a/b", "");
    CHECK_INT_EQUAL(retained_count(retained), 0);
    CHECK_SLICE_EQUAL(message_payload(matches.items[0]), SLICE_LITERAL("two")); /* still held */
    retained_matches_release(&matches);
    CHECK_INT_EQUAL(count_matches(retained, "#", 0), 0);
    set_text(retained, "a/b", ""); /* nothing there */
    set_text(retained, "a", "");
    CHECK_INT_EQUAL(retained_count(retained), 0);
    retained_free(retained);
}

TEST(clearing_an_inner_topic_keeps_those_below)
{
    struct retained *retained = retained_new();

    set_text(retained, "a", "x");
    set_text(retained, "a/b/c", "x");
    set_text(retained, "a", "");
    set_text(retained, "a/b", "");
    CHECK_INT_EQUAL(count_matches(retained, "a/#", 0), 1);
    CHECK_INT_EQUAL(retained_count(retained), 1);
    retained_free(retained);
}

TEST(filters_match_as_specified)
{
    static const char *const topics[] = {"a",    "/a",  "a/b",    "a/b/c",
                                         "a//c", "b/b", "$SYS/a", "$SYS"};
    static const struct {
        const char *filter;
        size_t count;
    } rows[] = {
        {"a", 1},      {"c", 0},      {"#", 6},     {"+", 1},       {"a/#", 4},       {"a/b/#", 2},
        {"+/b", 2},    {"a/+", 1},    {"a/+/c", 2}, {"+/+", 3},     {"+/#", 6},       {"+/+/#", 5},
        {"$SYS/#", 2}, {"$SYS/+", 1}, {"+/a", 1},   {"a/b/c/d", 0}, {"a/b/c/d/#", 0}, {"/#", 1},
    };
    struct retained *retained = retained_new();

    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        set_text(retained, topics[i], "x");
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", rows[i].filter);
        CHECK_INT_EQUAL(count_matches(retained, rows[i].filter, 0), rows[i].count);
    }
    CHECK_INT_EQUAL(retained_count(retained), 8);
    CHECK_INT_EQUAL(retained_internal_count(retained), 2);
    set_text(retained, "$SYS/a", "again");
    CHECK_INT_EQUAL(retained_internal_count(retained), 2);
    set_text(retained, "$SYS/a", "");
    set_text(retained, "a", "");
    CHECK_INT_EQUAL(retained_internal_count(retained), 1);
    retained_free(retained);
}

TEST(expired_messages_are_not_handed_out)
{
    struct retained *retained = retained_new();

    set(retained, SLICE_LITERAL("a"), "x", 1000);
    set(retained, SLICE_LITERAL("b"), "x", MSEC_NEVER);
    CHECK_INT_EQUAL(count_matches(retained, "+", 999), 2);
    CHECK_INT_EQUAL(count_matches(retained, "+", 1000), 1);
    CHECK_INT_EQUAL(count_matches(retained, "a", 1000), 0);
    CHECK_INT_EQUAL(retained_count(retained), 2);
    CHECK_INT_EQUAL(expire(retained, 999, 100), 0);
    CHECK_INT_EQUAL(retained_count(retained), 2);
    CHECK_INT_EQUAL(expire(retained, 1000, 100), 1);
    CHECK_INT_EQUAL(retained_count(retained), 1);
    retained_free(retained);
}

/* The store keeps what has the greater version, in whichever order it hears of the changes. */
TEST(every_change_has_a_greater_version)
{
    struct retained *retained = retained_new();
    struct retained_matches dropped;
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("a"), .payload = SLICE_LITERAL("x"), .expires_at = 1000});
    struct message *nothing =
        message_new(&(struct message_parts){.topic = SLICE_LITERAL("b"), .expires_at = MSEC_NEVER});

    CHECK_INT_EQUAL(retained_set(retained, message, 0), 1);
    CHECK_INT_EQUAL(retained_set(retained, message, 0), 2);
    CHECK_INT_EQUAL(retained_set(retained, nothing, 0), 3);
    set(retained, SLICE_LITERAL("c"), "x", 1000);
    uint64_t version = retained_expire(retained, 1000, 100, &dropped);
    CHECK(version > 4);
    CHECK_INT_EQUAL(dropped.count, 2); /* two versions */
    retained_matches_release(&dropped);
    CHECK_INT_EQUAL(retained_set(retained, message, 0), version + 2);
    message_release(message);
    message_release(nothing);
    retained_free(retained);
}

TEST(versions_go_on_behind_restored_ones)
{
    struct retained *retained = retained_new();
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("a"), .payload = SLICE_LITERAL("x"), .expires_at = MSEC_NEVER});

    retained_restore(retained, message, 40);
    retained_restore(retained, NULL, 50); /* a removal */
    retained_restore(retained, NULL, 45);
    CHECK_INT_EQUAL(retained_count(retained), 1);
    CHECK_INT_EQUAL(count_matches(retained, "a", 0), 1);
    CHECK_INT_EQUAL(retained_set(retained, message, 0), 51);
    message_release(message);
    retained_free(retained);
}

TEST(expiry_goes_on_where_it_stopped)
{
    enum { TOPICS = 500 };
    struct retained *retained = retained_new();
    char topic[32];
    size_t left = TOPICS;

    for (int i = 0; i < TOPICS; i++) {
        snprintf(topic, sizeof(topic), "t/%d/%d", i % 10, i);
        set(retained, slice_from_string(topic), "x", i % 2 ? 100 : MSEC_NEVER);
    }
    for (unsigned call = 0; call < 3 * TOPICS && retained_count(retained) > TOPICS / 2; call++) {
        expire(retained, 100, 3);
        CHECK(left - retained_count(retained) <= 3);
        left = retained_count(retained);
        snprintf(topic, sizeof(topic), "t/%u/%u", call % 10, call); /* removals in between */
        if (call % 2 == 0 && call < TOPICS / 2) {
            set_text(retained, topic, "");
            set_text(retained, topic, "again");
        }
    }
    CHECK_INT_EQUAL(retained_count(retained), TOPICS / 2);
    CHECK_INT_EQUAL(count_matches(retained, "#", 0), TOPICS / 2);
    retained_free(retained);
}

TEST(topics_of_many_levels)
{
    enum { LENGTH = 65535 };
    struct retained *retained = retained_new();
    uint8_t *text = memory_allocate(LENGTH);
    struct slice topic = slice_make(text, LENGTH);
    struct retained_matches matches;

    memset(text, '/', LENGTH);
    set(retained, topic, "x", MSEC_NEVER);
    CHECK_INT_EQUAL(count_matches(retained, "#", 0), 1);
    retained_match(retained, topic, 0, &matches);
    CHECK_INT_EQUAL(matches.count, 1);
    retained_matches_release(&matches);
    for (size_t i = 0; i < LENGTH; i += 2) {
        text[i] = '+';
    }
    retained_match(retained, topic, 0, &matches); /* half as many levels */
    CHECK_INT_EQUAL(matches.count, 0);
    retained_matches_release(&matches);
    memset(text, '/', LENGTH);
    set(retained, topic, "", MSEC_NEVER);
    CHECK_INT_EQUAL(retained_count(retained), 0);
    retained_free(retained);
    free(text);
}

enum { MODEL_TOPICS = 300, MODEL_STEPS = 30000 };

struct model_topic {
    char text[32];
    unsigned version; /* its payload; 0: none */
    msec_t expires_at;
};

static void random_topic(uint64_t *random, char *out, bool filter)
{
    static const char *const names[] = {"a", "b", "", "$x", "cc", "d"};
    unsigned levels = 1 + test_random_below(random, 4);
    char *end = out;

    for (unsigned i = 0; i < levels; i++) {
        const char *name = names[test_random_below(random, 6)];
        if (filter && test_random_below(random, 2) == 0) {
            name = i + 1 == levels && test_random_below(random, 2) ? "#" : "+";
        }
        end += sprintf(end, "%s%s", i > 0 ? "/" : "", name);
    }
    if (end == out) {
        strcpy(out, "e");
    }
}

static struct model_topic *model_make(uint64_t *random)
{
    struct model_topic *model = memory_allocate_zero(MODEL_TOPICS * sizeof(*model));

    for (size_t i = 0; i < MODEL_TOPICS; i++) {
        bool fresh;
        do {
            random_topic(random, model[i].text, false);
            fresh = true;
            for (size_t k = 0; k < i; k++) {
                fresh &= strcmp(model[k].text, model[i].text) != 0;
            }
        } while (!fresh);
    }
    return model;
}

static void model_change(struct model_topic *model, struct retained *retained, uint64_t *random,
                         unsigned step)
{
    struct model_topic *topic = &model[test_random_below(random, MODEL_TOPICS)];
    char payload[16] = "";

    topic->version = test_random_below(random, 2) ? step + 1 : 0;
    topic->expires_at =
        test_random_below(random, 3) ? MSEC_NEVER : step + test_random_below(random, 500);
    if (topic->version > 0) {
        snprintf(payload, sizeof(payload), "%u", topic->version);
    }
    set(retained, slice_from_string(topic->text), payload, topic->expires_at);
}

static bool has_message(const struct retained_matches *matches, const struct model_topic *topic)
{
    char payload[16];

    snprintf(payload, sizeof(payload), "%u", topic->version);
    for (size_t i = 0; i < matches->count; i++) {
        if (slice_equal(message_topic(matches->items[i]), slice_from_string(topic->text)) &&
            slice_equal(message_payload(matches->items[i]), slice_from_string(payload))) {
            return true;
        }
    }
    return false;
}

static void model_check(const struct model_topic *model, struct retained *retained,
                        const char *filter, msec_t now)
{
    struct retained_matches matches;
    size_t expected = 0;

    retained_match(retained, slice_from_string(filter), now, &matches);
    for (size_t i = 0; i < MODEL_TOPICS; i++) {
        if (model[i].version > 0 && model[i].expires_at > now &&
            topic_matches(slice_from_string(filter), slice_from_string(model[i].text))) {
            CHECK(has_message(&matches, &model[i]));
            expected++;
        }
    }
    CHECK_INT_EQUAL(matches.count, expected);
    retained_matches_release(&matches);
}

/* In the order of the levels; -1, 0, 1. */
static int order_of(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    int left = *a == '/' ? 1 : *a, right = *b == '/' ? 1 : *b; /* an end before a next level */
    return (left > right) - (left < right);
}

/* The first topic of the model behind `last` that a page has to have; NULL: none. */
static const struct model_topic *model_next(const struct model_topic *model, const char *filter,
                                            const char *last, msec_t now)
{
    const struct model_topic *next = NULL;

    for (size_t i = 0; i < MODEL_TOPICS; i++) {
        if (model[i].version > 0 && model[i].expires_at > now &&
            topic_matches(slice_from_string(filter), slice_from_string(model[i].text)) &&
            (!last || order_of(model[i].text, last) > 0) &&
            (!next || order_of(model[i].text, next->text) < 0)) {
            next = &model[i];
        }
    }
    return next;
}

/* Reads all of them, page by page, while others come and go. */
static void model_check_pages(struct model_topic *model, struct retained *retained,
                              const char *filter, unsigned step, uint64_t *random)
{
    struct buffer behind = {0};
    char last[32] = "";
    bool has_more = true;

    while (has_more) {
        struct retained_page page;
        struct retained_question question = {
            .filter = slice_from_string(filter),
            .behind = buffer_slice(&behind),
            .now = step,
            .most = 1 + test_random_below(random, 5),
            .looks = 1 + test_random_below(random, 20),
        };
        retained_read(retained, &question, &page);
        for (size_t i = 0; i < page.count; i++) {
            const struct model_topic *next = model_next(model, filter, last[0] ? last : NULL, step);
            CHECK(next != NULL);
            CHECK_SLICE_EQUAL(message_topic(page.items[i].message), slice_from_string(next->text));
            strcpy(last, next->text);
        }
        has_more = page.next.length > 0;
        if (has_more) {
            CHECK(page.next.length < sizeof(last));
            memcpy(last, page.next.data, page.next.length);
            last[page.next.length] = '\0';
        }
        behind.length = 0;
        buffer_append(&behind, buffer_slice(&page.next));
        retained_page_release(&page);
        if (has_more) {
            model_change(model, retained, random, step);
        }
    }
    CHECK(!model_next(model, filter, last[0] ? last : NULL, step));
    buffer_release(&behind);
}

TEST(pages_have_all_that_stays)
{
    struct retained *retained = retained_new();
    uint64_t random = 8;
    struct model_topic *model = model_make(&random);

    for (unsigned step = 0; step < MODEL_STEPS / 20; step++) {
        char filter[40];
        random_topic(&random, filter, true);
        test_note("step %u, filter %s", step, filter);
        for (int i = 0; i < 5; i++) {
            model_change(model, retained, &random, step);
        }
        model_check_pages(model, retained, filter, step, &random);
    }
    retained_free(retained);
    free(model);
}

TEST(a_message_tells_when_it_was_set)
{
    enum { NOW = 1700000000 };
    struct retained *retained = retained_new();
    struct retained_page page;
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"),
        .payload = SLICE_LITERAL("x"),
        .expires_at = MSEC_NEVER,
        .retain = true,
    });
    const struct retained_question question = {.filter = SLICE_LITERAL("t"), .most = 1, .looks = 5};

    retained_restore(retained, message, 7); /* of a store that knew no times */
    retained_read(retained, &question, &page);
    CHECK_INT_EQUAL(page.items[0].modified_at, 0);
    CHECK_INT_EQUAL(page.next.length, 0);
    retained_page_release(&page);
    uint64_t version = retained_set(retained, message, NOW);
    CHECK(retained_set(retained, message, NOW - 5) == version + 1); /* the clock stood still */
    CHECK(retained_set(retained, message, NOW + 2) > version + 1);
    retained_read(retained, &question, &page);
    CHECK_INT_EQUAL(page.items[0].modified_at, NOW + 2);
    retained_page_release(&page);
    retained_free(retained);

    retained = retained_new();
    retained_restore(retained, message, version);
    retained_read(retained, &question, &page);
    CHECK_INT_EQUAL(page.items[0].modified_at, NOW);
    retained_page_release(&page);
    message_release(message);
    retained_free(retained);
}

TEST(random_messages_against_a_list)
{
    struct retained *retained = retained_new();
    uint64_t random = 5;
    struct model_topic *model = model_make(&random);

    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        char filter[40];
        random_topic(&random, filter, true);
        test_note("step %u, filter %s", step, filter);
        model_change(model, retained, &random, step);
        if (step % 8 == 0) {
            model_check(model, retained, filter, step);
            expire(retained, step, test_random_below(&random, 40));
        }
    }
    expire(retained, MODEL_STEPS + 500, 1000000);
    for (size_t i = 0; i < MODEL_TOPICS; i++) {
        set_text(retained, model[i].text, "");
    }
    CHECK_INT_EQUAL(retained_count(retained), 0);
    retained_free(retained);
    free(model);
}

enum { THREAD_STEPS = 3000 };

static void *setter_main(void *context)
{
    struct retained *retained = context;
    char topic[32];

    for (unsigned i = 0; i < THREAD_STEPS; i++) {
        snprintf(topic, sizeof(topic), "t/%u", i % 30);
        set(retained, slice_from_string(topic), i % 7 ? "x" : "", i % 5 ? MSEC_NEVER : 10);
        expire(retained, 20, 5);
    }
    return NULL;
}

TEST(threads_set_and_match_at_once)
{
    struct retained *retained = retained_new();
    pthread_t threads[2];

    set_text(retained, "t", "x");
    for (size_t i = 0; i < 2; i++) {
        CHECK_INT_EQUAL(pthread_create(&threads[i], NULL, setter_main, retained), 0);
    }
    for (unsigned i = 0; i < THREAD_STEPS; i++) {
        CHECK(count_matches(retained, i % 2 ? "t/#" : "+", 20) >= 1);
    }
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    retained_free(retained);
}
