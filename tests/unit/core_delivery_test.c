/* Deliveries: their size, what they own, and the packet identifiers that follow from their place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "core/delivery.h"

static struct message *make_message(void)
{
    return message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"), .payload = SLICE_LITERAL("12345"), .expires_at = MSEC_NEVER});
}

TEST(a_delivery_is_small)
{
    CHECK(sizeof(struct delivery) <= 32);
}

TEST(releasing_a_delivery_gives_up_what_it_has)
{
    struct message *message = make_message();
    struct delivery delivery = {.message = message_hold(message),
                                .flags = DELIVERY_MANY_IDENTIFIERS};

    delivery.identifiers = memory_allocate_zero(sizeof(struct identifiers) + 2 * sizeof(uint32_t));
    CHECK_INT_EQUAL(message->references, 2);
    delivery_release(&delivery);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(a_stored_delivery_can_do_without_its_message)
{
    struct message *message = make_message();
    uint32_t length = message->length;
    struct delivery delivery = {
        .message = message_hold(message), .position = 77, .flags = DELIVERY_MANY_IDENTIFIERS};

    delivery.identifiers = memory_allocate_zero(sizeof(struct identifiers) + 2 * sizeof(uint32_t));
    CHECK_INT_EQUAL(delivery_length(&delivery), length);
    delivery_forget_message(&delivery);
    CHECK_INT_EQUAL(message->references, 1);
    CHECK_INT_EQUAL(delivery_length(&delivery), length);
    CHECK_INT_EQUAL(delivery.flags, DELIVERY_MANY_IDENTIFIERS | DELIVERY_ABSENT);
    delivery_forget_message(&delivery); /* nothing more to forget */
    CHECK_INT_EQUAL(delivery_length(&delivery), length);
    CHECK_INT_EQUAL(delivery.position, 77);
    delivery_release(&delivery); /* the identifiers go, the message is not touched */
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(no_packet_identifier_is_0)
{
    uint32_t sequence = UINT32_MAX - 70000;

    for (int i = 0; i < 200000; i++) {
        uint32_t next = delivery_next_sequence(sequence);
        CHECK(delivery_packet_id(next) != 0);
        CHECK(delivery_is_before(sequence, next) && !delivery_is_before(next, sequence));
        CHECK_INT_EQUAL(next - sequence, (uint16_t)sequence == UINT16_MAX ? 2 : 1);
        sequence = next;
    }
    CHECK(sequence < 200000); /* it has wrapped */
    CHECK(delivery_packet_id(DELIVERY_FIRST_SEQUENCE) == 1);
    CHECK(!delivery_is_before(5, 5));
}

/* As many as may be in flight lie between two deliveries with the same identifier. */
TEST(identifiers_come_again_after_all_others)
{
    uint32_t sequence = 40000, first = sequence;

    for (int i = 0; i < UINT16_MAX; i++) {
        sequence = delivery_next_sequence(sequence);
        CHECK((delivery_packet_id(sequence) == delivery_packet_id(first)) == (i == UINT16_MAX - 1));
    }
}
