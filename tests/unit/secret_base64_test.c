/* Base64 into a buffer: what is decoded, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "secret/base64.h"

TEST(all_lengths_come_back)
{
    struct buffer bytes = {0}, text = {0}, again = {0};

    for (int length = 0; length < 2000; length++) {
        text.length = again.length = 0;
        base64_append(&text, buffer_slice(&bytes));
        CHECK(base64_append_decoded(&again, buffer_slice(&text)));
        CHECK_SLICE_EQUAL(buffer_slice(&again), buffer_slice(&bytes));
        buffer_append_byte(&bytes, (uint8_t)(length * 7));
    }
    buffer_release(&bytes);
    buffer_release(&text);
    buffer_release(&again);
}

TEST(what_is_not_base64_is_refused_and_leaves_nothing)
{
    static const char *const texts[] = {"A",    "AQ",    "AQI",      "A===",  "====", "=QI=",
                                        "AQ=I", "AQI= ", "AQI=AQI=", " AQI=", "AQ-_", "AQ\nI"};
    struct buffer out = {0};
    uint8_t bytes[8];
    size_t length;

    buffer_append_byte(&out, 'x');
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_note("text %s", texts[i]);
        CHECK(!base64_append_decoded(&out, slice_from_string(texts[i])));
        CHECK_INT_EQUAL(out.length, 1);
        CHECK(!base64_decode(slice_from_string(texts[i]), bytes, sizeof(bytes), &length));
    }
    buffer_release(&out);
}
