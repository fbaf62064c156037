/* The table of unacknowledged messages: identifiers are unique, in order, and survive growing,
 * wrapping and any order of acknowledgements.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core/inflight.h"

static struct message *make_message(void)
{
    return message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"), .payload = SLICE_LITERAL("p"), .expires_at = MSEC_NEVER});
}

/* Adds one delivery of its own message. */
static struct inflight_entry *add(struct inflight *inflight, uint8_t qos)
{
    struct delivery delivery = {.message = make_message(), .qos = qos};

    return inflight_add(inflight, &delivery);
}

static void end(struct inflight *inflight, uint16_t packet_id)
{
    struct inflight_entry *entry = inflight_find(inflight, packet_id);

    CHECK(entry != NULL);
    inflight_set_state(inflight, entry, INFLIGHT_FREE);
}

TEST(nothing_is_in_an_empty_table)
{
    struct inflight inflight = {0};
    uint16_t *order = inflight_in_order(&inflight);

    CHECK(inflight_find(&inflight, 1) == NULL);
    free(order);
    inflight_shrink(&inflight);
    inflight_release(&inflight);
}

TEST(a_message_goes_through_its_states)
{
    struct inflight inflight = {0};
    struct inflight_entry *entry = add(&inflight, QOS_2);

    CHECK_INT_EQUAL(entry->packet_id, 1);
    CHECK_INT_EQUAL(entry->state, INFLIGHT_PUBLISHED);
    CHECK(!entry->sent);
    CHECK(inflight_find(&inflight, 1) == entry);
    CHECK(inflight_find(&inflight, 9) == NULL); /* the same place, another identifier */
    inflight_set_state(&inflight, entry, INFLIGHT_RELEASED);
    CHECK(entry->delivery.message == NULL);
    CHECK_INT_EQUAL(entry->delivery.qos, QOS_2);
    CHECK_INT_EQUAL(inflight.count, 1);
    inflight_set_state(&inflight, entry, INFLIGHT_FREE);
    CHECK_INT_EQUAL(inflight.count, 0);
    CHECK(inflight_find(&inflight, 1) == NULL);
    inflight_shrink(&inflight);
    CHECK_INT_EQUAL(inflight.capacity, 0);
    CHECK(inflight.entries == NULL);
}

TEST(releasing_gives_up_the_messages)
{
    struct inflight inflight = {0};
    struct message *message = make_message();
    struct delivery delivery = {.message = message_hold(message), .qos = QOS_1};

    inflight_add(&inflight, &delivery);
    delivery.message = message_hold(message);
    inflight_set_state(&inflight, inflight_add(&inflight, &delivery), INFLIGHT_RELEASED);
    CHECK_INT_EQUAL(message->references, 2);
    inflight_release(&inflight);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(a_full_table_uses_every_identifier_once)
{
    struct inflight inflight = {0};
    struct message *message = make_message();
    uint8_t *seen = calloc(1, INFLIGHT_MAX + 1);

    for (int i = 0; i < INFLIGHT_MAX; i++) {
        struct delivery delivery = {.message = message_hold(message), .qos = QOS_1};
        uint16_t packet_id = inflight_add(&inflight, &delivery)->packet_id;
        CHECK(packet_id != 0);
        CHECK(!seen[packet_id]);
        seen[packet_id] = 1;
    }
    for (unsigned id = 1; id <= INFLIGHT_MAX; id++) {
        CHECK_INT_EQUAL(inflight_find(&inflight, (uint16_t)id)->packet_id, id);
    }
    /* The only identifier that is free is the one that is given. */
    end(&inflight, 4711);
    CHECK_INT_EQUAL(add(&inflight, QOS_1)->packet_id, 4711);
    inflight_release(&inflight);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
    free(seen);
}

/* Sends 200,000 messages through a window, acknowledged in any order: identifiers wrap twice. */
TEST(identifiers_are_not_reused_while_in_use)
{
    enum { WINDOW = 40, MESSAGES = 200000 };
    struct inflight inflight = {0};
    uint16_t open[WINDOW];
    unsigned count = 0;
    uint64_t random = 1;

    for (unsigned i = 0; i < MESSAGES; i++) {
        if (count == WINDOW) {
            unsigned which = test_random_below(&random, count);
            end(&inflight, open[which]);
            /* The others keep their order: the oldest first. */
            memmove(&open[which], &open[which + 1], (--count - which) * sizeof(open[0]));
        }
        uint16_t packet_id = add(&inflight, QOS_1)->packet_id;
        for (unsigned j = 0; j < count; j++) {
            CHECK(open[j] != packet_id);
        }
        open[count++] = packet_id;
        if (i % 1000 == 0) {
            uint16_t *order = inflight_in_order(&inflight);
            CHECK(memcmp(order, open, count * sizeof(open[0])) == 0);
            free(order);
        }
    }
    CHECK(inflight.capacity <= 4 * WINDOW);
    inflight_release(&inflight);
}

TEST(the_order_is_right_across_a_wrap_of_the_sequence)
{
    struct inflight inflight = {.next_sequence = UINT32_MAX - 1};

    for (int i = 0; i < 5; i++) {
        add(&inflight, QOS_1);
    }
    uint16_t *order = inflight_in_order(&inflight);
    for (uint16_t i = 0; i < 5; i++) {
        CHECK_INT_EQUAL(order[i], i + 1);
    }
    free(order);
    inflight_release(&inflight);
}
