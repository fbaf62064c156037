/* UUIDs: their form, whatever the random bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/random.h"
#include "base/uuid.h"

static void all_zero(void *out, size_t length)
{
    memset(out, 0, length);
}

static void all_ones(void *out, size_t length)
{
    memset(out, 0xFF, length);
}

static void counted(void *out, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        ((uint8_t *)out)[i] = (uint8_t)(i * 0x11);
    }
}

TEST(version_and_variant_stand_in_their_places)
{
    static const struct {
        void (*random)(void *out, size_t length);
        const char *text;
    } rows[] = {
        {all_zero, "id=00000000-0000-4000-8000-000000000000"},
        {all_ones, "id=ffffffff-ffff-4fff-bfff-ffffffffffff"},
        {counted, "id=00112233-4455-4677-8899-aabbccddeeff"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer text = {0};

        buffer_append_string(&text, "id=");
        uuid_append(&text, rows[i].random);
        CHECK_SLICE_EQUAL(buffer_slice(&text), slice_from_string(rows[i].text));
        buffer_release(&text);
    }
}

TEST(no_two_are_the_same)
{
    struct buffer text = {0};

    uuid_append(&text, random_bytes);
    uuid_append(&text, random_bytes);
    CHECK_INT_EQUAL(text.length, 2 * UUID_LENGTH);
    CHECK(memcmp(text.data, text.data + UUID_LENGTH, UUID_LENGTH) != 0);
    buffer_release(&text);
}

TEST(a_series_is_counted_up)
{
    struct uuid_series series;
    struct buffer text = {0};

    uuid_series_begin(&series, all_ones);
    for (int i = 0; i < 3; i++) {
        uuid_series_append(&text, &series);
        buffer_append_byte(&text, '\n');
    }
    CHECK_SLICE_EQUAL(buffer_slice(&text), SLICE_LITERAL("ffffffff-ffff-4fff-bfff-ffffffffffff\n"
                                                         "ffffffff-ffff-4fff-bf00-000000000000\n"
                                                         "ffffffff-ffff-4fff-bf00-000000000001\n"));
    buffer_release(&text);
}
