/* Growable buffers, slices and the allocation helpers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "base/memory.h"

TEST(appends_of_every_kind)
{
    struct buffer buffer = {0};
    static const uint8_t expected[] = {'a',  'b',  'c',  7,    0x12, 0x34,
                                       0xDE, 0xAD, 0xBE, 0xEF, '4',  '2'};

    buffer_append(&buffer, SLICE_LITERAL("ab"));
    buffer_append_string(&buffer, "c");
    buffer_append_byte(&buffer, 7);
    buffer_append_u16(&buffer, 0x1234);
    buffer_append_u32(&buffer, 0xDEADBEEF);
    buffer_append_format(&buffer, "%d", 42);
    buffer_append(&buffer, SLICE_EMPTY);
    CHECK_SLICE_EQUAL(buffer_slice(&buffer), slice_make(expected, sizeof(expected)));
    buffer_release(&buffer);
    CHECK(!buffer.data && buffer.length == 0 && buffer.capacity == 0);
}

TEST(growth_keeps_what_is_there)
{
    struct buffer buffer = {0};

    for (unsigned i = 0; i < 100000; i++) {
        buffer_append_byte(&buffer, (uint8_t)(i * 7));
    }
    CHECK_INT_EQUAL(buffer.length, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        CHECK_INT_EQUAL(buffer.data[i], (uint8_t)(i * 7));
    }
    CHECK(buffer.capacity < 300000);
    buffer_release(&buffer);
}

TEST(reserve_gives_room_behind_the_used_bytes)
{
    struct buffer buffer = {0};

    CHECK(buffer_reserve(&buffer, 0));
    buffer_append_string(&buffer, "xyz");
    memcpy(buffer_reserve(&buffer, 1000), "tail", 4);
    CHECK(buffer.capacity >= 1003);
    buffer.length += 4;
    CHECK_SLICE_EQUAL(buffer_slice(&buffer), SLICE_LITERAL("xyztail"));
    buffer_release(&buffer);
}

TEST(consume_moves_the_rest_to_the_front)
{
    struct buffer buffer = {0};

    buffer_append_string(&buffer, "abcdef");
    buffer_consume(&buffer, 0);
    buffer_consume(&buffer, 2);
    CHECK_SLICE_EQUAL(buffer_slice(&buffer), SLICE_LITERAL("cdef"));
    buffer_consume(&buffer, 400);
    CHECK_INT_EQUAL(buffer.length, 0);
    buffer_release(&buffer);
}

TEST(slices_compare_by_content)
{
    char copy[] = "topic";

    CHECK(slice_equal(slice_from_string(copy), SLICE_LITERAL("topic")));
    CHECK(!slice_equal(SLICE_LITERAL("topi"), SLICE_LITERAL("topic")));
    CHECK(slice_equal(SLICE_EMPTY, SLICE_LITERAL("")));
    CHECK(slice_starts_with(SLICE_LITERAL("topic"), SLICE_LITERAL("top")));
    CHECK(!slice_starts_with(SLICE_LITERAL("to"), SLICE_LITERAL("top")));
    CHECK_SLICE_EQUAL(slice_from(SLICE_LITERAL("topic"), 5), SLICE_EMPTY);
}

TEST(copied_strings_end_with_a_nul)
{
    char *copy = memory_copy_string(slice_make("abcdef", 3));
    char *empty = memory_copy_string(SLICE_EMPTY);

    CHECK_STRING_EQUAL(copy, "abc");
    CHECK_STRING_EQUAL(empty, "");
    free(copy);
    free(empty);
}

TEST(numbers_in_digits)
{
    struct buffer buffer = {0};

    buffer_append_decimal(&buffer, 0);
    buffer_append_byte(&buffer, ' ');
    buffer_append_decimal(&buffer, 10);
    buffer_append_byte(&buffer, ' ');
    buffer_append_decimal(&buffer, UINT64_MAX);
    CHECK_SLICE_EQUAL(buffer_slice(&buffer), SLICE_LITERAL("0 10 18446744073709551615"));
    buffer_release(&buffer);
}

TEST(emptying_keeps_some_memory)
{
    struct buffer buffer = {0};

    buffer_append(&buffer, SLICE_LITERAL("abc"));
    buffer_empty(&buffer, buffer.capacity);
    CHECK_INT_EQUAL(buffer.length, 0);
    CHECK(buffer.data);
    buffer_append(&buffer, SLICE_LITERAL("abc"));
    buffer_empty(&buffer, buffer.capacity - 1);
    CHECK_INT_EQUAL(buffer.length, 0);
    CHECK(!buffer.data);
}
