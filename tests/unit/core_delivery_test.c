/* Deliveries and their queue: order, byte count, memory given back, counts of messages.
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

static void add(struct delivery_queue *queue, struct message *message, uint32_t identifier)
{
    struct delivery delivery = {.message = message_hold(message), .identifier = identifier};

    delivery_queue_add(queue, &delivery);
}

TEST(a_delivery_is_small)
{
    CHECK(sizeof(struct delivery) <= 24);
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

TEST(an_empty_queue)
{
    struct delivery_queue queue = {0};

    CHECK(delivery_queue_first(&queue) == NULL);
    delivery_queue_release(&queue);
}

TEST(first_in_first_out_while_it_grows_and_wraps)
{
    struct delivery_queue queue = {0};
    struct message *message = make_message();
    uint32_t in = 0, out = 0;
    uint64_t random = 3;

    for (int i = 0; i < 20000; i++) {
        /* More come than go in the first half, then the other way round. */
        if (test_random_below(&random, 100) < (i < 10000 ? 60u : 45u)) {
            add(&queue, message, ++in);
        } else if (queue.count > 0) {
            CHECK_INT_EQUAL(delivery_queue_first(&queue)->identifier, out + 1);
            struct delivery delivery = delivery_queue_take(&queue);
            CHECK_INT_EQUAL(delivery.identifier, ++out);
            delivery_release(&delivery);
        }
        CHECK_INT_EQUAL(queue.count, in - out);
        CHECK_INT_EQUAL(queue.bytes, (uint64_t)(in - out) * message->length);
    }
    CHECK(in > out && out > 1000);
    delivery_queue_release(&queue);
    CHECK_INT_EQUAL(queue.count, 0);
    CHECK_INT_EQUAL(queue.bytes, 0);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
}

TEST(a_drained_backlog_gives_its_memory_back)
{
    struct delivery_queue queue = {0};
    struct message *message = make_message();

    for (uint32_t i = 0; i < 1000; i++) {
        add(&queue, message, i);
    }
    CHECK(queue.capacity >= 1000);
    while (queue.count > 0) {
        struct delivery delivery = delivery_queue_take(&queue);
        delivery_release(&delivery);
    }
    CHECK_INT_EQUAL(queue.capacity, 0);
    CHECK(queue.items == NULL);
    add(&queue, message, 7);
    CHECK_INT_EQUAL(delivery_queue_first(&queue)->identifier, 7);
    delivery_queue_release(&queue);
    message_release(message);
}
