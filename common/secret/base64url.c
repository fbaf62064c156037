/* URL-safe base64: six bits a character, collected in an accumulator. Texts of any length.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/base64url.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_append(struct buffer *out, struct slice bytes)
{
    uint32_t bits = 0;
    unsigned count = 0; /* of bits not written yet, below 6 between the bytes */
    for (size_t i = 0; i < bytes.length; i++) {
        bits = bits << 8 | bytes.data[i];
        for (count += 8; count >= 6; count -= 6) {
            buffer_append_byte(out, (uint8_t)alphabet[bits >> (count - 6) & 63]);
        }
    }
    if (count > 0) {
        buffer_append_byte(out, (uint8_t)alphabet[bits << (6 - count) & 63]);
    }
}

/* The six bits of a character, or -1. */
static int digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct buffer *out, struct slice text)
{
    size_t before = out->length;
    uint32_t bits = 0;
    unsigned count = 0;
    bool good = text.length % 4 != 1;
    for (size_t i = 0; good && i < text.length; i++) {
        int value = digit_value(text.data[i]);
        good = value >= 0;
        bits = bits << 6 | (uint32_t)(value & 63);
        count += 6;
        if (count >= 8) {
            count -= 8;
            buffer_append_byte(out, (uint8_t)(bits >> count));
        }
    }
    good = good && (bits & ((1u << count) - 1)) == 0;
    if (!good) {
        out->length = before;
    }
    return good;
}
