/* net/send_queue: order, counts, and that an empty queue has no memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/send_queue.h"

#include "test.h"

static struct outgoing *frame(uint32_t number)
{
    return outgoing_new(slice_make(&number, sizeof(number)), false);
}

TEST(a_single_frame_needs_no_memory)
{
    struct send_queue queue = {0};
    struct outgoing *outgoing = frame(1);

    CHECK(send_queue_is_empty(&queue));
    send_queue_add(&queue, outgoing, 7);
    CHECK(!queue.more);
    CHECK(queue.first.outgoing == outgoing);
    CHECK_INT_EQUAL(queue.first.number, 7);
    CHECK_INT_EQUAL(outgoing->references, 2);
    send_queue_drop_first(&queue);
    CHECK_INT_EQUAL(outgoing->references, 1);
    CHECK(send_queue_is_empty(&queue));
    outgoing_release(outgoing);
}

/* Adds and drops in turns of random length; numbers must come out in the order they went in. */
TEST(keeps_the_order)
{
    struct send_queue queue = {0};
    struct outgoing *outgoing = frame(1);
    uint64_t random = 4711, in = 0, out = 0;

    for (int round = 0; round < 2000; round++) {
        for (uint32_t n = test_random_below(&random, 40); n > 0; n--) {
            send_queue_add(&queue, outgoing, in++);
        }
        for (uint32_t n = test_random_below(&random, 42); n > 0 && out < in; n--) {
            CHECK_INT_EQUAL(queue.first.number, out++);
            send_queue_drop_first(&queue);
        }
        CHECK_INT_EQUAL(outgoing->references, 1 + in - out);
        CHECK_INT_EQUAL(send_queue_is_empty(&queue), in == out);
        CHECK(queue.more || in - out <= 1);
    }
    send_queue_clear(&queue);
    CHECK(!queue.more);
    CHECK_INT_EQUAL(outgoing->references, 1);
    outgoing_release(outgoing);
}
