/* The subscription tree: each rule of MQTT 5 section 4.7 and 4.8.2 by example, then random filters
 * and topics against a plain list with topic_matches(), then threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "core/subscriptions.h"
#include "mqtt/topic.h"

static struct subscriber subscriber_make(uint32_t place, uint8_t flags)
{
    return (struct subscriber){.session = {place, 1}, .qos = 1, .flags = flags};
}

static bool add(struct subscriptions *subscriptions, const char *filter, uint32_t place,
                uint8_t flags)
{
    struct subscriber subscriber = subscriber_make(place, flags);

    return subscriptions_add(subscriptions, slice_from_string(filter), &subscriber);
}

static bool remove_place(struct subscriptions *subscriptions, const char *filter, uint32_t place)
{
    return subscriptions_remove(subscriptions, slice_from_string(filter),
                                (struct session_ref){place, 1});
}

static size_t match(struct subscriptions *subscriptions, const char *topic, struct recipients *out)
{
    subscriptions_match(subscriptions, slice_from_string(topic), out);
    return out->count;
}

TEST(filters_match_as_specified)
{
    static const struct {
        const char *filter, *topic;
        bool matches;
    } rows[] = {
        {"a/b", "a/b", true},     {"a/b", "a", false},        {"a/b", "a/b/", false},
        {"/a", "/a", true},       {"/a", "a", false},         {"+", "a", true},
        {"+", "/a", false},       {"+/+", "/a", true},        {"/+", "/a", true},
        {"+/b", "a/b", true},     {"a/+", "a/", true},        {"a/+", "a", false},
        {"a/+/c", "a/b/c", true}, {"a/+/c", "a//c", true},    {"a/+/c", "a/b/d", false},
        {"#", "a", true},         {"#", "/", true},           {"a/#", "a", true},
        {"a/#", "a/b/c", true},   {"a/#", "ab", false},       {"a/+/#", "a", false},
        {"a/+/#", "a/b", true},   {"+/#", "a", true},         {"#", "$SYS/a", false},
        {"+/a", "$SYS/a", false}, {"+/#", "$SYS", false},     {"$SYS/#", "$SYS/a", true},
        {"$SYS/#", "$SYS", true}, {"$SYS/+", "$SYS/a", true}, {"$SYS/a", "$SYS/a", true},
        {"a/+", "a/$b", true},
    };
    struct recipients out = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct subscriptions *subscriptions = subscriptions_new();
        test_note("%s against %s", rows[i].filter, rows[i].topic);
        CHECK(add(subscriptions, rows[i].filter, 7, 0));
        CHECK_INT_EQUAL(match(subscriptions, rows[i].topic, &out), rows[i].matches);
        CHECK(!out.may_overlap);
        subscriptions_free(subscriptions);
    }
    recipients_release(&out);
}

TEST(a_second_subscription_replaces_the_first)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};
    struct subscriber changed = subscriber_make(3, SUBSCRIBER_NO_LOCAL);

    CHECK(add(subscriptions, "a/+", 3, 0));
    changed.identifier = 77;
    changed.qos = 2;
    CHECK(!subscriptions_add(subscriptions, SLICE_LITERAL("a/+"), &changed));
    CHECK_INT_EQUAL(subscriptions_count(subscriptions), 1);
    CHECK_INT_EQUAL(match(subscriptions, "a/b", &out), 1);
    CHECK_INT_EQUAL(out.items[0].identifier, 77);
    CHECK_INT_EQUAL(out.items[0].qos, 2);
    CHECK_INT_EQUAL(out.items[0].flags, SUBSCRIBER_NO_LOCAL);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(a_reused_slot_takes_over_a_stale_subscription)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};
    struct subscriber later = {.session = {3, 2}};

    CHECK(add(subscriptions, "a", 3, 0));
    CHECK(subscriptions_add(subscriptions, SLICE_LITERAL("a"), &later));
    CHECK(!remove_place(subscriptions, "a", 3));
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 1);
    CHECK_INT_EQUAL(out.items[0].session.generation, 2);
    CHECK_INT_EQUAL(subscriptions_count(subscriptions), 1);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(removing_leaves_the_others)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};

    CHECK(!remove_place(subscriptions, "a", 1));
    CHECK(!remove_place(subscriptions, "a/+", 1));
    CHECK(!remove_place(subscriptions, "$share/g/a", 1));
    add(subscriptions, "a/+", 1, 0);
    add(subscriptions, "a/+/c", 1, 0);
    add(subscriptions, "a/b", 1, 0);
    CHECK(!remove_place(subscriptions, "a/+", 2));
    CHECK(remove_place(subscriptions, "a/+", 1));
    CHECK(!remove_place(subscriptions, "a/+", 1));
    CHECK_INT_EQUAL(match(subscriptions, "a/b", &out), 1);
    CHECK_INT_EQUAL(match(subscriptions, "a/b/c", &out), 1);
    CHECK(remove_place(subscriptions, "a/+/c", 1));
    CHECK(remove_place(subscriptions, "a/b", 1));
    CHECK_INT_EQUAL(match(subscriptions, "a/b", &out), 0);
    CHECK_INT_EQUAL(match(subscriptions, "a/b/c", &out), 0);
    CHECK_INT_EQUAL(subscriptions_count(subscriptions), 0);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(subscribers_of_a_filter_come_grouped_by_worker)
{
    enum { SESSIONS = 300 };
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};

    for (uint32_t i = 0; i < SESSIONS; i++) {
        uint32_t slot = i * 7919 % SESSIONS; /* every slot once, out of order */
        CHECK(add(subscriptions, "t", (slot % 3) << 24 | slot, 0));
    }
    CHECK_INT_EQUAL(match(subscriptions, "t", &out), SESSIONS);
    CHECK(!out.may_overlap);
    for (size_t i = 1; i < out.count; i++) {
        CHECK(out.items[i - 1].session.place < out.items[i].session.place);
    }
    for (uint32_t slot = 0; slot < SESSIONS; slot++) {
        CHECK(remove_place(subscriptions, "t", (slot % 3) << 24 | slot));
        CHECK_INT_EQUAL(match(subscriptions, "t", &out), SESSIONS - 1 - slot);
    }
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(overlap_and_durability_are_told)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};
    struct subscriber at_most_once = subscriber_make(4, SUBSCRIBER_DURABLE);

    add(subscriptions, "a/b", 1, 0);
    add(subscriptions, "a/b", 2, 0);
    match(subscriptions, "a/b", &out);
    CHECK(!out.may_overlap && !out.durable);
    add(subscriptions, "a/+", 1, 0);
    match(subscriptions, "a/b", &out);
    CHECK(out.may_overlap && !out.durable);
    at_most_once.qos = 0;
    subscriptions_add(subscriptions, SLICE_LITERAL("a/b"), &at_most_once);
    match(subscriptions, "a/b", &out);
    CHECK(!out.durable); /* QoS 0 promises nothing */
    at_most_once.qos = 1;
    subscriptions_add(subscriptions, SLICE_LITERAL("a/b"), &at_most_once);
    match(subscriptions, "a/b", &out);
    CHECK(out.durable);
    remove_place(subscriptions, "a/b", 4);
    match(subscriptions, "a/b", &out);
    CHECK(!out.durable);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(a_share_group_takes_turns)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};
    unsigned chosen[8] = {0};

    add(subscriptions, "$share/g/a/+", 1, SUBSCRIBER_ONLINE);
    add(subscriptions, "$share/g/a/+", 2, SUBSCRIBER_DURABLE); /* offline */
    add(subscriptions, "$share/g/a/+", 3, SUBSCRIBER_ONLINE | SUBSCRIBER_DURABLE);
    CHECK_INT_EQUAL(subscriptions_count(subscriptions), 3);
    CHECK_INT_EQUAL(subscriptions_shared_count(subscriptions), 3);
    for (unsigned i = 0; i < 100; i++) {
        CHECK_INT_EQUAL(match(subscriptions, "a/b", &out), 1);
        CHECK(out.may_overlap);
        CHECK(out.items[0].flags & SUBSCRIBER_SHARED);
        CHECK(out.durable == (out.items[0].session.place == 3));
        chosen[out.items[0].session.place]++;
    }
    CHECK_INT_EQUAL(chosen[1], 50);
    CHECK_INT_EQUAL(chosen[2], 0);
    CHECK_INT_EQUAL(chosen[3], 50);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(a_share_group_without_online_members)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};

    add(subscriptions, "$share/g/a", 1, 0);
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 0);
    add(subscriptions, "$share/g/a", 2, SUBSCRIBER_DURABLE);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_INT_EQUAL(match(subscriptions, "a", &out), 1);
        CHECK_INT_EQUAL(out.items[0].session.place, 2);
    }
    CHECK(!add(subscriptions, "$share/g/a", 1, SUBSCRIBER_ONLINE)); /* it connects */
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 1);
    CHECK_INT_EQUAL(out.items[0].session.place, 1);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(share_groups_and_plain_subscriptions_stand_side_by_side)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};

    add(subscriptions, "$share/g/a", 1, SUBSCRIBER_ONLINE);
    add(subscriptions, "$share/h/a", 1, SUBSCRIBER_ONLINE);
    add(subscriptions, "$share/h/a", 2, SUBSCRIBER_ONLINE);
    add(subscriptions, "a", 1, SUBSCRIBER_ONLINE);
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 3);
    CHECK_INT_EQUAL(subscriptions_count(subscriptions), 4);
    CHECK_INT_EQUAL(subscriptions_shared_count(subscriptions), 3);
    CHECK(remove_place(subscriptions, "$share/g/a", 1));
    CHECK(!remove_place(subscriptions, "$share/g/a", 1));
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 2);
    CHECK(remove_place(subscriptions, "a", 1));
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 1);
    CHECK(remove_place(subscriptions, "$share/h/a", 1));
    CHECK(remove_place(subscriptions, "$share/h/a", 2));
    CHECK_INT_EQUAL(match(subscriptions, "a", &out), 0);
    CHECK_INT_EQUAL(match(subscriptions, "$share/h/a", &out), 0);
    CHECK_INT_EQUAL(subscriptions_shared_count(subscriptions), 0);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(shared_filters_may_begin_with_a_dollar)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};

    add(subscriptions, "$share/g/$SYS/#", 1, SUBSCRIBER_ONLINE);
    add(subscriptions, "$share/g/#", 2, SUBSCRIBER_ONLINE);
    CHECK_INT_EQUAL(match(subscriptions, "$SYS/x", &out), 1);
    CHECK_INT_EQUAL(out.items[0].session.place, 1);
    CHECK_INT_EQUAL(match(subscriptions, "x", &out), 1);
    CHECK_INT_EQUAL(out.items[0].session.place, 2);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

TEST(topics_of_many_levels)
{
    enum { LENGTH = 65535 };
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};
    uint8_t *text = memory_allocate(LENGTH);
    struct slice topic = slice_make(text, LENGTH);
    struct subscriber subscriber = subscriber_make(1, 0);

    memset(text, '/', LENGTH);
    subscriptions_add(subscriptions, topic, &subscriber);
    text[LENGTH - 1] = '+';
    subscriptions_add(subscriptions, topic, &subscriber);
    text[LENGTH - 1] = '#';
    subscriptions_add(subscriptions, topic, &subscriber);
    text[0] = '+';
    subscriptions_add(subscriptions, topic, &subscriber);
    text[0] = text[LENGTH - 1] = '/';
    subscriptions_match(subscriptions, topic, &out);
    CHECK_INT_EQUAL(out.count, 3); /* as it is, and both with # */
    text[LENGTH - 1] = 'x';
    subscriptions_match(subscriptions, topic, &out);
    CHECK_INT_EQUAL(out.count, 3); /* with +, and both with # */
    text[LENGTH - 1] = '+';
    CHECK(subscriptions_remove(subscriptions, topic, subscriber.session));
    recipients_release(&out);
    subscriptions_free(subscriptions);
    free(text);
}

/* A filter of n levels that matches in every way: the frontier outgrows its inline room. */
TEST(many_ways_to_the_same_topic)
{
    enum { LEVELS = 8 };
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};

    for (unsigned ways = 0; ways < 1 << LEVELS; ways++) {
        char filter[2 * LEVELS];
        for (unsigned i = 0; i < LEVELS; i++) {
            filter[2 * i] = ways >> i & 1 ? '+' : 'a';
            filter[2 * i + 1] = i + 1 < LEVELS ? '/' : '\0';
        }
        CHECK(add(subscriptions, filter, ways, 0));
    }
    CHECK_INT_EQUAL(match(subscriptions, "a/a/a/a/a/a/a/a", &out), 1 << LEVELS);
    CHECK_INT_EQUAL(match(subscriptions, "a/a/a/a/b/a/a/a", &out), 1 << (LEVELS - 1));
    CHECK_INT_EQUAL(match(subscriptions, "a/a/a/a/a/a/a", &out), 0);
    CHECK(out.may_overlap == false);
    recipients_release(&out);
    subscriptions_free(subscriptions);
}

/* The naive model: a list of what is subscribed. */
enum { MODEL_FILTERS = 400, MODEL_SESSIONS = 6, MODEL_STEPS = 60000 };

struct model_filter {
    char text[40];
    struct subscriber subscribers[MODEL_SESSIONS]; /* generation 0: none */
};

static void random_topic(uint64_t *random, char *out, bool filter)
{
    static const char *const names[] = {"a", "b", "", "$x", "cc"};
    unsigned levels = 1 + test_random_below(random, 4);
    char *end = out;

    for (unsigned i = 0; i < levels; i++) {
        const char *name = names[test_random_below(random, 5)];
        if (filter && test_random_below(random, 3) == 0) {
            name = i + 1 == levels && test_random_below(random, 2) ? "#" : "+";
        }
        end += sprintf(end, "%s%s", i > 0 ? "/" : "", name);
    }
    if (end == out) {
        strcpy(out, "e");
    }
}

/* Filters without duplicates, some of them shared. */
static struct model_filter *model_make(uint64_t *random)
{
    struct model_filter *model = memory_allocate_zero(MODEL_FILTERS * sizeof(*model));

    for (size_t i = 0; i < MODEL_FILTERS; i++) {
        bool fresh;
        do {
            unsigned share = test_random_below(random, 8);
            size_t prefix = share < 2 ? (size_t)sprintf(model[i].text, "$share/g%u/", share) : 0;
            random_topic(random, model[i].text + prefix, true);
            fresh = true;
            for (size_t k = 0; k < i; k++) {
                fresh &= strcmp(model[k].text, model[i].text) != 0;
            }
        } while (!fresh);
    }
    return model;
}

static void model_change(struct model_filter *model, struct subscriptions *subscriptions,
                         uint64_t *random)
{
    struct model_filter *filter = &model[test_random_below(random, MODEL_FILTERS)];
    uint32_t slot = test_random_below(random, MODEL_SESSIONS);
    struct subscriber *known = &filter->subscribers[slot];
    struct subscriber wanted = {
        .session = {slot % 2 << 24 | slot, 1},
        .identifier = test_random(random),
        .qos = (uint8_t)test_random_below(random, 3),
        .flags = (uint8_t)test_random_below(random, SUBSCRIBER_SHARED),
    };

    if (test_random_below(random, 2) == 0) {
        bool is_new = subscriptions_add(subscriptions, slice_from_string(filter->text), &wanted);
        CHECK_INT_EQUAL(is_new, known->session.generation == 0);
        *known = wanted;
    } else {
        bool removed =
            subscriptions_remove(subscriptions, slice_from_string(filter->text), wanted.session);
        CHECK_INT_EQUAL(removed, known->session.generation != 0);
        *known = (struct subscriber){0};
    }
}

static bool same_subscriber(const struct subscriber *a, const struct subscriber *b, uint8_t extra)
{
    return session_ref_equal(a->session, b->session) && a->identifier == b->identifier &&
           a->qos == b->qos && (a->flags | extra) == b->flags;
}

static size_t count_in(const struct recipients *out, const struct subscriber *wanted, uint8_t extra)
{
    size_t count = 0;

    for (size_t i = 0; i < out->count; i++) {
        count += same_subscriber(wanted, &out->items[i], extra);
    }
    return count;
}

/* How many entries of `out` come from this filter; 0 or 1 for a group. */
static size_t check_filter(const struct model_filter *filter, bool shared,
                           const struct recipients *out)
{
    size_t expected = 0, found = 0, online = 0, durable = 0;

    for (size_t i = 0; i < MODEL_SESSIONS; i++) {
        const struct subscriber *subscriber = &filter->subscribers[i];
        if (subscriber->session.generation == 0) {
            continue;
        }
        expected++;
        online += (subscriber->flags & SUBSCRIBER_ONLINE) != 0;
        durable += (subscriber->flags & SUBSCRIBER_DURABLE) != 0;
        found += count_in(out, subscriber, shared ? SUBSCRIBER_SHARED : 0);
    }
    if (shared) {
        expected = online + durable > 0;
    }
    CHECK_INT_EQUAL(found, expected);
    return found;
}

static void model_check(const struct model_filter *model, struct subscriptions *subscriptions,
                        const char *topic, struct recipients *out)
{
    size_t total = 0, sources = 0;
    bool any_shared = false, durable = false;

    match(subscriptions, topic, out);
    for (size_t i = 0; i < MODEL_FILTERS; i++) {
        struct slice share, rest = slice_from_string(model[i].text);
        bool shared = topic_filter_split_share(rest, &share, &rest);
        if (topic_matches(rest, slice_from_string(topic))) {
            size_t found = check_filter(&model[i], shared, out);
            total += found;
            sources += found > 0;
            any_shared |= found > 0 && shared;
        }
    }
    CHECK_INT_EQUAL(out->count, total);
    CHECK_INT_EQUAL(out->may_overlap, sources > 1 || any_shared);
    for (size_t i = 0; i < out->count; i++) {
        durable |= (out->items[i].flags & SUBSCRIBER_DURABLE) && out->items[i].qos > 0;
    }
    CHECK_INT_EQUAL(out->durable, durable);
}

static size_t model_count(const struct model_filter *model)
{
    size_t count = 0;

    for (size_t i = 0; i < MODEL_FILTERS * MODEL_SESSIONS; i++) {
        count += model[i / MODEL_SESSIONS].subscribers[i % MODEL_SESSIONS].session.generation != 0;
    }
    return count;
}

TEST(random_subscriptions_against_a_list)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct recipients out = {0};
    uint64_t random = 20261124;
    struct model_filter *model = model_make(&random);

    for (unsigned step = 0; step < MODEL_STEPS; step++) {
        char topic[40];
        random_topic(&random, topic, false);
        test_note("step %u, topic %s", step, topic);
        model_change(model, subscriptions, &random);
        if (step % 8 == 0) {
            model_check(model, subscriptions, topic, &out);
            CHECK_INT_EQUAL(subscriptions_count(subscriptions), model_count(model));
        }
    }
    recipients_release(&out);
    subscriptions_free(subscriptions);
    free(model);
}

enum { THREAD_STEPS = 4000 };

struct changer {
    pthread_t thread;
    struct subscriptions *subscriptions;
    uint32_t place;
};

static void *changer_main(void *context)
{
    const struct changer *changer = context;
    uint64_t random = changer->place + 1;
    char filter[40];

    for (unsigned i = 0; i < THREAD_STEPS; i++) {
        snprintf(filter, sizeof(filter), "%sa/%u/%s", i % 3 ? "" : "$share/g/",
                 test_random_below(&random, 20), i % 2 ? "+" : "x");
        add(changer->subscriptions, filter, changer->place, SUBSCRIBER_ONLINE);
        if (i % 4) {
            remove_place(changer->subscriptions, filter, changer->place);
        }
    }
    return NULL;
}

static void *matcher_main(void *context)
{
    const struct changer *changer = context;
    struct recipients out = {0};
    char topic[40];
    size_t always = 0;

    for (unsigned i = 0; i < THREAD_STEPS; i++) {
        snprintf(topic, sizeof(topic), "a/%u/x", i % 20);
        match(changer->subscriptions, topic, &out);
        for (size_t k = 0; k < out.count; k++) {
            always += out.items[k].session.place == 99;
        }
    }
    recipients_release(&out);
    return (void *)always;
}

TEST(threads_change_and_match_at_once)
{
    struct subscriptions *subscriptions = subscriptions_new();
    struct changer changers[4];

    add(subscriptions, "a/#", 99, 0);
    for (uint32_t i = 0; i < 4; i++) {
        changers[i] = (struct changer){.subscriptions = subscriptions, .place = i};
        CHECK_INT_EQUAL(pthread_create(&changers[i].thread, NULL,
                                       i < 2 ? changer_main : matcher_main, &changers[i]),
                        0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result;
        CHECK_INT_EQUAL(pthread_join(changers[i].thread, &result), 0);
        CHECK_INT_EQUAL((uintptr_t)result, i < 2 ? 0 : THREAD_STEPS);
    }
    subscriptions_free(subscriptions);
}
