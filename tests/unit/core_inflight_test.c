/* The table of unacknowledged messages: by packet identifier, in order, and right after growing,
 * wrapping and any order of acknowledgements.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "core/inflight.h"

static struct message *make_message(void)
{
    return message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"), .payload = SLICE_LITERAL("p"), .expires_at = MSEC_NEVER});
}

/* Adds one delivery of its own message. */
static struct inflight_entry *add(struct inflight *inflight, uint32_t sequence, uint8_t qos)
{
    struct delivery delivery = {.message = make_message(), .sequence = sequence, .qos = qos};

    return inflight_add(inflight, &delivery);
}

static void end(struct inflight *inflight, uint16_t packet_id)
{
    struct inflight_entry *entry = inflight_find(inflight, packet_id);

    CHECK(entry != NULL);
    inflight_set_state(inflight, entry, INFLIGHT_FREE);
}

static void check_order(const struct inflight *inflight, enum inflight_state state,
                        const uint32_t *expected, size_t count)
{
    size_t found;
    uint32_t *order = inflight_in_order(inflight, state, &found);

    CHECK_INT_EQUAL(found, count);
    for (size_t i = 0; i < count; i++) {
        CHECK_INT_EQUAL(order[i], expected[i]);
    }
    free(order);
}

TEST(nothing_is_in_an_empty_table)
{
    struct inflight inflight = {0};

    check_order(&inflight, INFLIGHT_FREE, NULL, 0);
    CHECK(inflight_find(&inflight, 1) == NULL);
    inflight_shrink(&inflight);
    inflight_release(&inflight);
}

TEST(a_message_goes_through_its_states)
{
    struct inflight inflight = {0};
    struct inflight_entry *entry = add(&inflight, 0x50001, QOS_2);

    CHECK_INT_EQUAL(entry->state, INFLIGHT_PUBLISHED);
    CHECK(inflight_find(&inflight, 1) == entry);
    CHECK_INT_EQUAL(inflight.bytes, entry->delivery.message->length);
    CHECK(inflight_find(&inflight, 9) == NULL); /* the same place, another identifier */
    inflight_set_state(&inflight, entry, INFLIGHT_RELEASING);
    CHECK_INT_EQUAL(entry->delivery.flags, DELIVERY_ABSENT);
    CHECK_INT_EQUAL(inflight.bytes, 0);
    inflight_set_state(&inflight, entry, INFLIGHT_RELEASED);
    CHECK_INT_EQUAL(entry->delivery.qos, QOS_2);
    CHECK_INT_EQUAL(entry->delivery.sequence, 0x50001);
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
    struct delivery delivery = {.message = message_hold(message), .sequence = 1, .qos = QOS_1};

    inflight_add(&inflight, &delivery);
    delivery = (struct delivery){
        .message = message_hold(message), .sequence = 2, .position = 9, .qos = QOS_2};
    delivery.identifiers = memory_allocate_zero(sizeof(struct identifiers) + sizeof(uint32_t));
    delivery.flags = DELIVERY_MANY_IDENTIFIERS;
    struct inflight_entry *entry = inflight_add(&inflight, &delivery);
    CHECK_INT_EQUAL(message->references, 3);
    inflight_set_state(&inflight, entry, INFLIGHT_RELEASED); /* with its identifiers */
    CHECK_INT_EQUAL(message->references, 2);
    CHECK_INT_EQUAL(entry->delivery.position, 9);
    inflight_release(&inflight);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(taking_out_hands_over_the_delivery)
{
    struct inflight inflight = {0};

    add(&inflight, 1, QOS_1);
    add(&inflight, 9, QOS_1); /* of the same place */
    struct delivery delivery = inflight_take(&inflight, inflight_find(&inflight, 1));
    CHECK_INT_EQUAL(delivery.sequence, 1);
    CHECK_INT_EQUAL(delivery.message->references, 1);
    CHECK_INT_EQUAL(inflight.bytes, delivery.message->length); /* of the other one */
    delivery_release(&delivery);
    CHECK(inflight_find(&inflight, 1) == NULL);
    CHECK(inflight_find(&inflight, 9) != NULL);
    inflight_release(&inflight);
}

TEST(a_full_table_has_every_identifier_once)
{
    struct inflight inflight = {0};
    struct message *message = make_message();
    uint32_t sequence = UINT32_MAX - 1000;

    for (int i = 0; i < INFLIGHT_MAX; i++) {
        sequence = delivery_next_sequence(sequence);
        struct delivery delivery = {
            .message = message_hold(message), .sequence = sequence, .qos = QOS_1};
        CHECK(inflight_find(&inflight, delivery_packet_id(sequence)) == NULL);
        inflight_add(&inflight, &delivery);
    }
    for (unsigned id = 1; id <= INFLIGHT_MAX; id++) {
        CHECK_INT_EQUAL(
            delivery_packet_id(inflight_find(&inflight, (uint16_t)id)->delivery.sequence), id);
    }
    CHECK(inflight_find(&inflight, 0) == NULL);
    /* The next one's identifier is the oldest one's. */
    uint16_t oldest = delivery_packet_id(delivery_next_sequence(sequence));
    CHECK(inflight_find(&inflight, oldest) != NULL);
    end(&inflight, oldest);
    CHECK(inflight_find(&inflight, oldest) == NULL);
    inflight_release(&inflight);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

/* Sends 300,000 messages through a window, acknowledged in any order: identifiers wrap several
 * times, and the sequence numbers once. An old one holds up the sender when its identifier's turn
 * comes again. */
TEST(random_acknowledgements_against_an_array)
{
    enum { WINDOW = 40, MESSAGES = 300000 };
    struct inflight inflight = {0};
    uint32_t open[WINDOW + 1], sequence = UINT32_MAX - 100000;
    unsigned count = 0;
    uint64_t random = 1;

    for (unsigned i = 0; i < MESSAGES; i++) {
        test_note("message %u", i);
        sequence = delivery_next_sequence(sequence);
        while (count >= WINDOW || inflight_find(&inflight, delivery_packet_id(sequence))) {
            unsigned which = test_random_below(&random, count);
            end(&inflight, delivery_packet_id(open[which]));
            /* The others keep their order: the oldest first. */
            memmove(&open[which], &open[which + 1], (--count - which) * sizeof(open[0]));
        }
        add(&inflight, sequence, QOS_1);
        open[count++] = sequence;
        CHECK_INT_EQUAL(inflight.count, count);
        if (i % 500 == 0 || sequence < 50) {
            check_order(&inflight, INFLIGHT_FREE, open, count);
        }
    }
    CHECK(inflight.capacity <= 4 * WINDOW);
    inflight_release(&inflight);
}

/* Identifiers of any distance, some in one run of the table: an entry that goes must not hide those
 * behind it. */
TEST(random_identifiers_against_a_bitmap)
{
    struct inflight inflight = {0};
    bool *in = memory_allocate_zero((INFLIGHT_MAX + 1) * sizeof(*in));
    uint64_t random = 7;

    for (unsigned step = 0; step < 200000; step++) {
        /* Few low halves, so that most share a place with others. */
        uint16_t id =
            (uint16_t)(1 + test_random_below(&random, 12) + 64 * test_random_below(&random, 40));
        test_note("step %u, identifier %u", step, id);
        CHECK((inflight_find(&inflight, id) != NULL) == in[id]);
        if (in[id]) {
            end(&inflight, id);
        } else if (test_random_below(&random, 3) > 0) {
            add(&inflight, id, QOS_1);
        } else {
            continue;
        }
        in[id] = !in[id];
        if (step % 1000 == 0) {
            for (unsigned i = 1; i <= INFLIGHT_MAX; i++) {
                CHECK((inflight_find(&inflight, (uint16_t)i) != NULL) == in[i]);
            }
        }
    }
    inflight_release(&inflight);
    free(in);
}

TEST(the_order_is_right_across_a_wrap_of_the_sequence)
{
    static const uint32_t order[] = {UINT32_MAX - 1, UINT32_MAX, 1, 2, 3};
    struct inflight inflight = {0};
    uint32_t sequence = UINT32_MAX - 1;

    for (int i = 0; i < 5; i++) {
        add(&inflight, sequence, QOS_2);
        sequence = delivery_next_sequence(sequence);
    }
    check_order(&inflight, INFLIGHT_FREE, order, 5);
    inflight_set_state(&inflight, inflight_find(&inflight, UINT16_MAX), INFLIGHT_RELEASED);
    inflight_set_state(&inflight, inflight_find(&inflight, 2), INFLIGHT_RELEASED);
    check_order(&inflight, INFLIGHT_RELEASED, (uint32_t[]){UINT32_MAX, 2}, 2);
    check_order(&inflight, INFLIGHT_PUBLISHED, (uint32_t[]){UINT32_MAX - 1, 1, 3}, 3);
    inflight_release(&inflight);
}

/* One message is never acknowledged, all others are: its identifier comes round and is passed to
 * nobody else. */
TEST(there_is_no_room_while_a_much_older_one_has_the_identifier)
{
    struct inflight inflight = {0};
    uint32_t sequence = DELIVERY_FIRST_SEQUENCE;

    add(&inflight, sequence, QOS_1);
    while (inflight_has_room(&inflight, sequence = delivery_next_sequence(sequence))) {
        add(&inflight, sequence, QOS_1);
        end(&inflight, delivery_packet_id(sequence));
    }
    CHECK_INT_EQUAL(sequence, DELIVERY_FIRST_SEQUENCE + 0x10000);
    CHECK_INT_EQUAL(delivery_packet_id(sequence), delivery_packet_id(DELIVERY_FIRST_SEQUENCE));
    end(&inflight, delivery_packet_id(DELIVERY_FIRST_SEQUENCE));
    CHECK(inflight_has_room(&inflight, sequence));
    inflight_release(&inflight);
}
