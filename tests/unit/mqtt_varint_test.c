/* Variable byte integers: the borders of section 1.5.5 and a round trip.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "bytes.h"
#include "mqtt/packet.h"

static void check_round_trip(uint32_t value, size_t size)
{
    uint8_t bytes[4];
    uint32_t back = 0;

    test_note("%u", value);
    CHECK_INT_EQUAL(varint_size(value), size);
    CHECK_INT_EQUAL(varint_write(bytes, value), size);
    CHECK_INT_EQUAL(varint_read(slice_make(bytes, size), &back), size);
    CHECK_INT_EQUAL(back, value);
    for (size_t length = 0; length < size; length++) {
        CHECK_INT_EQUAL(varint_read(slice_make(bytes, length), &back), 0);
    }
}

TEST(borders)
{
    check_round_trip(0, 1);
    check_round_trip(127, 1);
    check_round_trip(128, 2);
    check_round_trip(16383, 2);
    check_round_trip(16384, 3);
    check_round_trip(2097151, 3);
    check_round_trip(2097152, 4);
    check_round_trip(VARINT_MAX, 4);
}

TEST(every_seventh_value_or_so)
{
    for (uint32_t value = 0; value <= VARINT_MAX; value += 1 + value / 7) {
        check_round_trip(value, varint_size(value));
    }
}

/* MQTT-1.5.5-1: the shortest form; never a fifth byte. */
TEST(malformed)
{
    static const char *const rows[] = {"8000",     "808000",     "80808000", "FF00",
                                       "FFFFFFFF", "8080808001", "80808080"};
    struct buffer bytes = {0};
    uint32_t value = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", rows[i]);
        bytes.length = 0;
        bytes_append(&bytes, rows[i]);
        CHECK_INT_EQUAL(varint_read(buffer_slice(&bytes), &value), -1);
    }
    buffer_release(&bytes);
}

TEST(inserting_a_length)
{
    struct buffer bytes = {0};

    buffer_append_string(&bytes, "ab");
    varint_insert_length(&bytes, 2);
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), SLICE_LITERAL("ab\0"));
    buffer_append_string(&bytes, "cd");
    varint_insert_length(&bytes, 1);
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), SLICE_LITERAL("a\4b\0cd"));
    buffer_release(&bytes);
}
