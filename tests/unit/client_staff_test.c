/* client/staff.h: who is there, and who is told of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/staff.h"

#include "client/internal_topic.h"
#include "support/bridge_broker.h"
#include "test.h"

struct ear {
    struct staff_listener listener;
    struct staff *staff;
    int changes;
};

static void changed(void *context)
{
    ((struct ear *)context)->changes++;
}

static struct ear listen_to(struct broker *broker, unsigned bridge)
{
    return (struct ear){.staff = broker->bridges[bridge].gateway.staff,
                        .listener = {.changed = changed}};
}

static void begin(struct ear *ear)
{
    ear->listener.context = ear;
    staff_set_listener(ear->staff, &ear->listener);
}

TEST(all_know_the_same_names_each_its_own_first)
{
    struct broker *broker = broker_new();
    const char *zero[STAFF_PEERS_MAX + 1], *one[STAFF_PEERS_MAX + 1];

    CHECK_INT_EQUAL(staff_names(broker->bridges[0].gateway.staff, zero), 2);
    CHECK_INT_EQUAL(staff_names(broker->bridges[1].gateway.staff, one), 2);
    CHECK(zero[0][0] == '0' && one[0][0] == '1');
    CHECK_STRING_EQUAL(zero[0], one[1]);
    CHECK_STRING_EQUAL(zero[1], one[0]);
    broker_free(broker);
}

TEST(the_listener_is_told_who_comes_and_goes)
{
    struct broker *broker = broker_new();
    struct ear ear = listen_to(broker, 0);
    const char *names[STAFF_PEERS_MAX + 1];

    begin(&ear);
    broker_start(broker, 2);
    broker_run(broker);
    CHECK(ear.changes > 0);
    CHECK_INT_EQUAL(staff_names(ear.staff, names), 3);
    ear.changes = 0;
    broker_kill(broker, 2);
    broker_run(broker);
    CHECK(ear.changes > 0);
    CHECK_INT_EQUAL(staff_names(ear.staff, names), 2);
    broker_free(broker);
}

TEST(nobody_is_known_while_the_broker_is_away)
{
    struct broker *broker = broker_new();
    const char *names[STAFF_PEERS_MAX + 1];
    struct staff *staff;

    broker_start(broker, 2);
    staff = broker->bridges[2].gateway.staff;
    CHECK(!staff_is_ready(staff));
    CHECK_INT_EQUAL(staff_names(staff, names), 0);
    broker_run(broker);
    CHECK_INT_EQUAL(staff_names(staff, names), 3);
    broker_free(broker);
}

static void keep_birth(struct broker *broker, const char *name)
{
    struct buffer topic = {0};

    internal_topic_append(&topic, INTERNAL_STAFF_UP, SLICE_EMPTY, slice_from_string(name),
                          SLICE_EMPTY);
    broker_publish(broker, &(struct packet){.type = PACKET_PUBLISH,
                                            .publish = {.topic = buffer_slice(&topic),
                                                        .payload = SLICE_LITERAL("1"),
                                                        .retain = true}});
    buffer_release(&topic);
}

/* A crash of the broker takes wills along, so it knows those who died with it. */
TEST(the_dead_are_found_behind_a_stored_birth_of_ones_own)
{
    struct broker *broker = broker_new();
    const char *names[STAFF_PEERS_MAX + 1];
    struct staff *staff = broker->bridges[0].gateway.staff;

    CHECK_INT_EQUAL(staff_names(staff, names), 2);
    broker_lose(broker);
    keep_birth(broker, names[0]);
    keep_birth(broker, "9-dead");
    broker_return(broker);
    CHECK_INT_EQUAL(staff_names(staff, names), 3);
    broker_advance(broker, 2000);
    CHECK_INT_EQUAL(staff_names(staff, names), 2);
    CHECK_INT_EQUAL(staff_names(broker->bridges[1].gateway.staff, names), 2);
    broker_free(broker);
}

/* --- orders --- */

struct order {
    struct staff_ask ask;
    struct buffer got;
    bool is_done, is_complete;
};

static void order_answered(struct staff_ask *ask, struct slice answer)
{
    buffer_append(&CONTAINER_OF(ask, struct order, ask)->got, answer);
}

static void order_done(struct staff_ask *ask, bool complete)
{
    struct order *order = CONTAINER_OF(ask, struct order, ask);

    order->is_done = true;
    order->is_complete = complete;
}

/* Who is asked. */
struct taker {
    struct order_taker ops;
    struct staff *staff;
    struct staff_asker asker;
    struct buffer taken;
    int forgotten;
};

static void take(void *context, const struct staff_asker *asker, struct slice order)
{
    struct taker *taker = context;

    taker->asker = *asker;
    buffer_append(&taker->taken, order);
}

static void forget(void *context, const struct staff_asker *asker)
{
    struct taker *taker = context;

    CHECK_INT_EQUAL(asker->number, taker->asker.number);
    taker->forgotten++;
}

static void listen(struct broker *broker, unsigned bridge, struct taker *taker)
{
    struct gateway *gateway = &broker->bridges[bridge].gateway;

    taker->ops = (struct order_taker){taker, take, forget};
    taker->staff = gateway->staff;
    gateway->order_taker = &taker->ops;
}

static const char *other_of(const struct staff *staff)
{
    static const char *names[STAFF_PEERS_MAX + 1];

    CHECK(staff_names(staff, names) >= 2);
    return names[1];
}

TEST(an_order_goes_to_one_process_and_is_answered_whenever)
{
    struct broker *broker = broker_new();
    struct staff *staff = broker->bridges[0].gateway.staff;
    struct order order = {.ask = {.answered = order_answered, .done = order_done}};
    struct taker taker = {0}, self = {0};

    listen(broker, 0, &self);
    listen(broker, 1, &taker);
    CHECK(staff_order(staff, &order.ask, other_of(staff), SLICE_LITERAL("do"), 60000));
    broker_run(broker);
    CHECK_SLICE_EQUAL(buffer_slice(&taker.taken), SLICE_LITERAL("do"));
    CHECK_INT_EQUAL(self.taken.length, 0);
    broker_advance(broker, 50000);
    CHECK(!order.is_done);
    staff_hurry(&order.ask);
    broker_run(broker);
    CHECK_INT_EQUAL(taker.forgotten, 1);
    staff_answer(taker.staff, &taker.asker, SLICE_LITERAL("done"));
    broker_run(broker);
    CHECK(order.is_done && order.is_complete);
    CHECK_SLICE_EQUAL(buffer_slice(&order.got), SLICE_LITERAL("done"));
    buffer_release(&order.got);
    buffer_release(&taker.taken);
    broker_free(broker);
}

TEST(an_order_ends_without_an_answer_when_its_process_has_gone)
{
    struct broker *broker = broker_new();
    struct staff *staff = broker->bridges[0].gateway.staff;
    struct order order = {.ask = {.answered = order_answered, .done = order_done}};
    const char *name = other_of(staff);

    CHECK(!staff_order(staff, &order.ask, "nobody", SLICE_LITERAL("do"), 60000));
    CHECK(staff_order(staff, &order.ask, name, SLICE_LITERAL("do"), 60000));
    broker_kill(broker, 1);
    broker_run(broker);
    CHECK(order.is_done);
    CHECK_INT_EQUAL(order.got.length, 0);
    broker_free(broker);
}

TEST(an_answer_that_is_too_long_for_a_message_comes_in_pieces)
{
    struct broker *broker = broker_new();
    struct staff *staff = broker->bridges[0].gateway.staff;
    struct order order = {.ask = {.answered = order_answered, .done = order_done}};
    struct taker taker = {0};
    struct buffer long_answer = {0};

    for (int i = 0; i < 5000; i++) {
        buffer_append_byte(&long_answer, (uint8_t)i);
    }
    broker->packet_max = 1000;
    broker_lose(broker);
    broker_return(broker);
    broker_advance(broker, 2000);
    listen(broker, 1, &taker);
    for (size_t length = 800; length <= 5000; length += 4200) {
        struct slice answer = slice_make(long_answer.data, length);
        order.got.length = 0;
        CHECK(staff_order(staff, &order.ask, other_of(staff), SLICE_LITERAL("do"), 60000));
        broker_run(broker);
        staff_answer(taker.staff, &taker.asker, answer);
        broker_run(broker);
        CHECK(order.is_done && order.is_complete);
        CHECK_SLICE_EQUAL(buffer_slice(&order.got), answer);
    }
    buffer_release(&long_answer);
    buffer_release(&order.got);
    buffer_release(&taker.taken);
    broker_free(broker);
}
