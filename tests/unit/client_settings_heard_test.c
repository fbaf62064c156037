/* client/settings_store.h, settings_heard.h: a change is done when each living process has heard
 * it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/settings_heard.h"

#include "client/hub_admin.h"
#include "client/settings_store.h"
#include "support/bridge_broker.h"
#include "test.h"

#define SETTINGS_OF_1 "$wps//settings/1"

/* What one process has heard. */
struct ear {
    struct settings_listener listener;
    struct buffer heard; /* `place=settings;` each */
};

struct waiter {
    struct settings_change change;
    int stored; /* -1: not done */
};

static struct broker *broker;
static struct ear ears[2];

static void ignore(void *context)
{
    (void)context;
}

static void changed(void *context, struct slice place, struct slice settings)
{
    buffer_append_format(&((struct ear *)context)->heard, "%.*s=%.*s;", SLICE_PRINT(place),
                         SLICE_PRINT(settings));
}

static void done(struct settings_change *change, bool is_stored)
{
    struct waiter *waiter = CONTAINER_OF(change, struct waiter, change);

    CHECK_INT_EQUAL(waiter->stored, -1);
    waiter->stored = is_stored;
}

static struct gateway *gateway_of(unsigned process)
{
    return &broker->bridges[process].gateway;
}

static void connect(unsigned process)
{
    settings_store_connect(gateway_of(process)->hub_store, &ears[process].listener);
}

static void start(void)
{
    broker = broker_new();
    for (unsigned i = 0; i < 2; i++) {
        ears[i] = (struct ear){.listener = {&ears[i], ignore, changed, ignore}};
        connect(i);
    }
    broker_run(broker);
}

static void end(void)
{
    broker_free(broker);
    buffer_release(&ears[0].heard);
    buffer_release(&ears[1].heard);
}

static void hold(const char *session, bool is_held)
{
    broker_find_session(session)->is_held = is_held;
}

static void set(struct waiter *waiter, const char *place, const char *settings)
{
    *waiter = (struct waiter){.change.done = done, .stored = -1};
    CHECK(settings_store_set(gateway_of(0)->hub_store, slice_from_string(place),
                             slice_from_string(settings), &waiter->change));
    broker_run(broker);
}

static size_t living(void)
{
    const char *names[STAFF_PEERS_MAX + 1];

    return staff_names(gateway_of(0)->staff, names);
}

/* ---------------------------------------------------------------- two processes */

TEST(a_change_is_done_when_the_other_process_has_heard_it)
{
    struct waiter waiter;

    start();
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "{}");
    CHECK_SLICE_EQUAL(buffer_slice(&ears[0].heard), SLICE_LITERAL("chat={};"));
    CHECK_INT_EQUAL(ears[1].heard.length, 0);
    CHECK_INT_EQUAL(waiter.stored, -1);
    hold(SETTINGS_OF_1, false);
    broker_run(broker);
    CHECK_SLICE_EQUAL(buffer_slice(&ears[1].heard), SLICE_LITERAL("chat={};"));
    CHECK_INT_EQUAL(waiter.stored, 1);
    end();
}

TEST(one_that_is_taken_away_is_heard_too)
{
    struct waiter waiter;

    start();
    set(&waiter, "chat", "{}");
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "");
    CHECK_INT_EQUAL(waiter.stored, -1);
    hold(SETTINGS_OF_1, false);
    broker_run(broker);
    CHECK_INT_EQUAL(waiter.stored, 1);
    end();
}

TEST(it_is_done_when_this_process_has_heard_it)
{
    struct waiter waiter;

    start();
    hold("$wps//settings/0", true); /* PUBACK, too */
    set(&waiter, "chat", "{}");
    CHECK_INT_EQUAL(ears[0].heard.length, 0);
    CHECK_INT_EQUAL(waiter.stored, -1);
    hold("$wps//settings/0", false);
    broker_run(broker);
    CHECK_SLICE_EQUAL(buffer_slice(&ears[0].heard), SLICE_LITERAL("chat={};"));
    CHECK_INT_EQUAL(waiter.stored, 1);
    end();
}

TEST(one_process_asks_nobody)
{
    struct waiter waiter;

    start();
    set(&waiter, "chat", "{}");
    broker_listen(broker, "$wps//ask");
    set(&waiter, "chat", "{}");
    CHECK(strlen(broker_heard(broker)) > 0);
    broker_kill(broker, 1);
    broker_run(broker);
    set(&waiter, "chat", "{}");
    CHECK_INT_EQUAL(waiter.stored, 1);
    CHECK_STRING_EQUAL(broker_heard(broker), "");
    end();
}

TEST(a_process_without_such_settings_is_not_waited_for)
{
    static const struct settings_kind kind = {
        .prefix = SLICE_LITERAL("$config/other/"), .places = "+", .role = "other"};
    struct waiter waiter = {.change.done = done, .stored = -1};
    struct settings_store *store;

    start();
    store = settings_store_new(gateway_of(0), &kind);
    settings_store_connect(store, &ears[0].listener);
    broker_run(broker);
    CHECK(settings_store_set(store, SLICE_LITERAL("a"), SLICE_LITERAL("1"), &waiter.change));
    broker_run(broker);
    CHECK_INT_EQUAL(waiter.stored, 1);
    settings_store_free(store);
    end();
}

/* ---------------------------------------------------------------- who is late, dead, or back */

TEST(who_is_late_is_not_waited_for_and_not_dead)
{
    struct waiter waiter;

    start();
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "{}");
    broker_advance(broker, SETTINGS_HEARD_MS - 1);
    CHECK_INT_EQUAL(waiter.stored, -1);
    broker_advance(broker, 1);
    CHECK_INT_EQUAL(waiter.stored, 1);
    CHECK_INT_EQUAL(living(), 2);
    end();
}

TEST(who_is_silent_is_dead)
{
    struct waiter waiter;

    start();
    broker->bridges[1].is_deaf = true;
    set(&waiter, "chat", "{}");
    broker_advance(broker, STAFF_TIMEOUT_MS - 1);
    CHECK_INT_EQUAL(waiter.stored, -1);
    broker_advance(broker, 1);
    CHECK_INT_EQUAL(waiter.stored, 1);
    CHECK_INT_EQUAL(living(), 1);
    end();
}

/* --- settings that the broker follows --- */

static void all_ones(void *out, size_t length)
{
    memset(out, 1, length);
}

/* The broker has the first change in force. */
static void apply_first(void)
{
    struct settings_mark mark = {0x01010101 /* all_ones() */, 1};
    struct buffer bytes = {0};

    settings_mark_append(&bytes, &mark);
    broker_publish(broker, &(struct packet){.type = PACKET_PUBLISH,
                                            .publish = {.topic = SLICE_LITERAL("$config/applied"),
                                                        .payload = buffer_slice(&bytes)}});
    broker_run(broker);
    buffer_release(&bytes);
}

TEST(who_is_being_asked_is_not_asked_again_when_a_late_broker_has_it_in_force)
{
    static const struct settings_kind kind = {.prefix = SLICE_LITERAL("$config/plant/"),
                                              .places = "#",
                                              .role = "plant",
                                              .followed = SLICE_LITERAL("rules/")};
    struct waiter waiter = {.change.done = done, .stored = -1};
    struct settings_store *store;

    start();
    gateway_of(0)->random = all_ones; /* the origin of its marks */
    store = settings_store_new(gateway_of(0), &kind);
    settings_store_connect(store, &ears[0].listener);
    broker_run(broker);
    broker->bridges[1].is_deaf = true;
    CHECK(settings_store_set(store, SLICE_LITERAL("rules/a"), SLICE_LITERAL("{}"), &waiter.change));
    broker_run(broker);
    broker_advance(broker, SETTINGS_HEARD_MS); /* the broker is late: process 1 is asked */
    apply_first();
    CHECK_INT_EQUAL(waiter.stored, -1);
    broker_advance(broker, STAFF_TIMEOUT_MS);
    CHECK_INT_EQUAL(waiter.stored, 1); /* once */
    settings_store_free(store);
    end();
}

TEST(who_dies_meanwhile_is_not_waited_for)
{
    struct waiter waiter;

    start();
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "{}");
    CHECK_INT_EQUAL(waiter.stored, -1);
    broker_kill(broker, 1);
    broker_run(broker);
    CHECK_INT_EQUAL(waiter.stored, 1);
    end();
}

/* It is told the newest of each place, and nothing of what was taken away. */
TEST(who_comes_back_has_heard_what_was_stored_before)
{
    struct waiter waiters[3];
    struct channel *channel;

    start();
    hold(SETTINGS_OF_1, true);
    set(&waiters[0], "chat", "{}");
    set(&waiters[1], "chat", "{\"a\":1}");
    set(&waiters[2], "gone", "");
    channel = broker_find_session(SETTINGS_OF_1)->channel;
    gateway_of(1)->link->ops->close(gateway_of(1)->link, channel);
    channel->events->lost(channel);
    connect(1);
    for (int i = 0; i < 3; i++) {
        CHECK_INT_EQUAL(waiters[i].stored, -1);
    }
    broker_run(broker);
    CHECK_SLICE_EQUAL(buffer_slice(&ears[1].heard), SLICE_LITERAL("chat={\"a\":1};"));
    for (int i = 0; i < 3; i++) {
        CHECK_INT_EQUAL(waiters[i].stored, 1);
    }
    end();
}

/* Only the one who was heard last of each origin is remembered, and of so many origins. */
static void publish_as_others(unsigned count)
{
    for (uint32_t origin = 1; origin <= count; origin++) {
        struct buffer bytes = {0};
        settings_mark_append(&bytes, &(struct settings_mark){origin, 1});
        broker_publish(broker,
                       &(struct packet){.type = PACKET_PUBLISH,
                                        .publish = {.topic = SLICE_LITERAL("$config/hubs/x"),
                                                    .payload = SLICE_LITERAL("{}")},
                                        .properties = {.present = PROPERTY_BIT(CORRELATION_DATA),
                                                       .correlation_data = buffer_slice(&bytes)}});
        buffer_release(&bytes);
    }
    broker_run(broker);
}

TEST(a_question_may_come_long_behind_the_change)
{
    struct buffer staff = {0};
    struct waiter waiter;
    const char *names[STAFF_PEERS_MAX + 1];

    start();
    staff_names(gateway_of(1)->staff, names);
    buffer_append_format(&staff, "$wps//staff/%s", names[0]);
    buffer_append_byte(&staff, '\0');
    for (unsigned others = SETTINGS_ORIGINS_MAX - 1; others <= SETTINGS_ORIGINS_MAX; others++) {
        hold((const char *)staff.data, true);
        set(&waiter, "chat", "{}");
        publish_as_others(others);
        CHECK_INT_EQUAL(waiter.stored, -1);
        hold((const char *)staff.data, false);
        broker_run(broker);
        CHECK_INT_EQUAL(waiter.stored, others < SETTINGS_ORIGINS_MAX ? 1 : -1);
    }
    broker_advance(broker, SETTINGS_HEARD_MS);
    CHECK_INT_EQUAL(waiter.stored, 1);
    buffer_release(&staff);
    end();
}

/* ---------------------------------------------------------------- who does not wait any more */

TEST(nobody_waits_for_a_change_any_more)
{
    struct waiter waiter;

    start();
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "{}");
    settings_store_abandon(&waiter.change);
    hold(SETTINGS_OF_1, false);
    broker_run(broker);
    CHECK_INT_EQUAL(waiter.stored, -1);
    settings_store_abandon(&waiter.change);
    end();
}

TEST(what_is_stored_is_stored_though_the_broker_or_the_process_ends)
{
    struct waiter waiter;

    start();
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "{}");
    broker_lose(broker);
    CHECK_INT_EQUAL(waiter.stored, 1);
    broker_return(broker);
    connect(0);
    connect(1);
    broker_run(broker);
    hold(SETTINGS_OF_1, true);
    set(&waiter, "chat", "{}");
    CHECK_INT_EQUAL(waiter.stored, -1);
    broker_kill(broker, 0);
    CHECK_INT_EQUAL(waiter.stored, 1);
    end();
}

/* ---------------------------------------------------------------- bytes */

TEST(marks_and_questions_as_bytes)
{
    struct settings_mark mark = {0x01020304, 5};
    struct buffer bytes = {0};
    struct slice whole, prefix;

    settings_question_append(&bytes, &mark, SLICE_LITERAL("$config/hubs/"));
    whole = buffer_slice(&bytes);
    CHECK_SLICE_EQUAL(whole, SLICE_LITERAL("S\x01\x02\x03\x04\0\0\0\x05$config/hubs/"));
    mark = (struct settings_mark){0, 0};
    CHECK(settings_question_parse(whole, &mark, &prefix));
    CHECK(mark.origin == 0x01020304 && mark.number == 5);
    CHECK_SLICE_EQUAL(prefix, SLICE_LITERAL("$config/hubs/"));
    CHECK(!settings_question_parse(slice_from(whole, 1), &mark, &prefix));
    CHECK(!settings_question_parse(slice_make(whole.data, 8), &mark, &prefix));
    CHECK(!settings_question_parse(SLICE_EMPTY, &mark, &prefix));
    CHECK(!settings_mark_parse(SLICE_LITERAL("\0\0\0\1\0\0\0\0"), &mark)); /* they count from 1 */
    CHECK(!settings_mark_parse(SLICE_LITERAL("\0\0\0\1\0\0\0\1 "), &mark));
    CHECK(!settings_mark_parse(SLICE_LITERAL("\0\0\0\1\0\0\1"), &mark));
    buffer_release(&bytes);
}
