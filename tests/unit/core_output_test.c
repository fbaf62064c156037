/* The output of a connection: what goes in comes out, whole and in order, however it is written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "core/output.h"

static struct message *message_make(size_t payload_length)
{
    struct buffer payload = {0};

    for (size_t i = 0; i < payload_length; i++) {
        buffer_append_byte(&payload, (uint8_t)(i * 31));
    }
    struct message *message = message_new(&(struct message_parts){
        .topic = SLICE_LITERAL("t"),
        .payload = buffer_slice(&payload),
        .expires_at = MSEC_NEVER,
    });
    buffer_release(&payload);
    return message;
}

/* Writes up to `most` bytes as the network would, in up to `vectors` pieces. */
static void write_some(struct output *output, struct output_pool *pool, struct buffer *written,
                       size_t most, int max)
{
    struct iovec vectors[8];
    size_t total = 0;
    int count = output_vectors(output, vectors, max);

    CHECK(count <= max);
    for (int i = 0; i < count && total < most; i++) {
        size_t part = vectors[i].iov_len < most - total ? vectors[i].iov_len : most - total;
        CHECK(vectors[i].iov_len > 0);
        buffer_append(written, slice_make(vectors[i].iov_base, part));
        total += part;
    }
    output_consume(output, pool, total);
}

TEST(an_empty_output_holds_nothing)
{
    struct output output = {0};
    struct output_pool pool = {0};
    struct iovec vector;

    CHECK_INT_EQUAL(output_vectors(&output, &vector, 1), 0);
    output_append(&output, &pool, SLICE_EMPTY);
    CHECK(!output.first);
    output_clear(&output, &pool);
    output_pool_release(&pool);
}

TEST(small_packets_share_a_chunk)
{
    struct output output = {0};
    struct output_pool pool = {0};
    struct iovec vectors[4];

    memcpy(output_reserve(&output, &pool, 3), "abc", 3);
    output_append(&output, &pool, SLICE_LITERAL("defg"));
    memcpy(output_reserve(&output, &pool, 2), "hi", 2);
    CHECK_INT_EQUAL(output.pending, 9);
    CHECK_INT_EQUAL(output_vectors(&output, vectors, 4), 1);
    CHECK_SLICE_EQUAL(slice_make(vectors[0].iov_base, vectors[0].iov_len),
                      SLICE_LITERAL("abcdefghi"));
    output_consume(&output, &pool, 4);
    CHECK_INT_EQUAL(output_vectors(&output, vectors, 4), 1);
    CHECK_SLICE_EQUAL(slice_make(vectors[0].iov_base, vectors[0].iov_len), SLICE_LITERAL("efghi"));
    output_consume(&output, &pool, 5);
    CHECK(!output.first && !output.last && output.pending == 0 && output.offset == 0);
    CHECK_INT_EQUAL(pool.free_count, 1);
    output_append(&output, &pool, SLICE_LITERAL("x"));
    CHECK_INT_EQUAL(pool.free_count, 0); /* from the pool */
    output_clear(&output, &pool);
    output_pool_release(&pool);
    CHECK_INT_EQUAL(pool.free_count, 0);
}

TEST(a_reservation_is_never_split)
{
    struct output output = {0};
    struct output_pool pool = {0};
    struct iovec vectors[4];

    memset(output_reserve(&output, &pool, 100), 'a', 100);
    memset(output_reserve(&output, &pool, OUTPUT_RESERVE_MAX), 'b', OUTPUT_RESERVE_MAX);
    CHECK_INT_EQUAL(output_vectors(&output, vectors, 4), 2);
    CHECK_INT_EQUAL(vectors[0].iov_len, 100);
    CHECK_INT_EQUAL(vectors[1].iov_len, OUTPUT_RESERVE_MAX);
    CHECK_INT_EQUAL(output_vectors(&output, vectors, 1), 1);
    output_clear(&output, &pool);
    output_pool_release(&pool);
}

TEST(shared_bytes_are_not_copied_and_keep_their_message)
{
    struct output output = {0};
    struct output_pool pool = {0};
    struct iovec vectors[4];
    struct message *message = message_make(5000);

    output_append(&output, &pool, SLICE_LITERAL("header"));
    output_append_shared(&output, &pool, message, message_payload(message));
    output_append(&output, &pool, SLICE_LITERAL("next"));
    CHECK_INT_EQUAL(message->references, 2);
    CHECK_INT_EQUAL(output_vectors(&output, vectors, 4), 3);
    CHECK(vectors[1].iov_base == (const void *)message_payload(message).data);
    message_release(message);
    output_consume(&output, &pool, 6 + 4999);
    CHECK_INT_EQUAL(output_vectors(&output, vectors, 4), 2);
    CHECK_INT_EQUAL(*(const uint8_t *)vectors[0].iov_base, (uint8_t)(4999 * 31));
    output_consume(&output, &pool, 1);
    CHECK_INT_EQUAL(output.pending, 4);
    output_clear(&output, &pool);
    output_pool_release(&pool);
}

TEST(a_cleared_output_gives_up_its_messages)
{
    struct output output = {0};
    struct output_pool pool = {0};
    struct message *message = message_make(10);

    output_append_shared(&output, &pool, message, message_payload(message));
    output_append_shared(&output, &pool, message, SLICE_EMPTY);
    output_append_shared(&output, &pool, message, message_topic(message));
    CHECK_INT_EQUAL(message->references, 3);
    output_consume(&output, &pool, 3);
    output_clear(&output, &pool);
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
    output_pool_release(&pool);
}

static void append_random(struct output *output, struct output_pool *pool, struct message *message,
                          struct buffer *expected, uint64_t *random)
{
    size_t length = 1 + test_random_below(random, test_random_below(random, 4) ? 60 : 9000);
    struct slice part = slice_make(message_payload(message).data, length);

    switch (test_random_below(random, 3)) {
    case 0:
        part.length = length < OUTPUT_RESERVE_MAX ? length : OUTPUT_RESERVE_MAX;
        memcpy(output_reserve(output, pool, part.length), part.data, part.length);
        break;
    case 1:
        output_append(output, pool, part);
        break;
    default:
        output_append_shared(output, pool, message, part);
        break;
    }
    buffer_append(expected, part);
}

TEST(random_appends_and_writes)
{
    struct output output = {0};
    struct output_pool pool = {0};
    struct message *message = message_make(10000);
    uint64_t random = 3;

    for (unsigned round = 0; round < 200; round++) {
        struct buffer expected = {0}, written = {0};
        test_note("round %u", round);
        for (unsigned i = 0; i < 100; i++) {
            append_random(&output, &pool, message, &expected, &random);
            write_some(&output, &pool, &written, test_random_below(&random, 3000),
                       (int)test_random_below(&random, 8));
            CHECK_INT_EQUAL(output.pending, expected.length - written.length);
        }
        while (output.pending > 0) {
            write_some(&output, &pool, &written, SIZE_MAX, 8);
        }
        CHECK(slice_equal(buffer_slice(&written), buffer_slice(&expected)));
        CHECK(!output.first && !output.last);
        buffer_release(&expected);
        buffer_release(&written);
    }
    CHECK_INT_EQUAL(message->references, 1);
    message_release(message);
    output_pool_release(&pool);
}
