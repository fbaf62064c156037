/* ASCII, see ascii.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"

uint8_t ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool ascii_is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

bool ascii_is_alphanumeric(uint8_t c)
{
    uint8_t lower = ascii_lower(c);
    return ascii_is_digit(c) || (lower >= 'a' && lower <= 'z');
}

bool ascii_has_only(struct slice text, const char *others)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (!ascii_is_alphanumeric(c) && (c == '\0' || !strchr(others, c))) {
            return false;
        }
    }
    return true;
}

void ascii_append_lower(struct buffer *out, struct slice text)
{
    uint8_t *at = buffer_reserve(out, text.length);
    for (size_t i = 0; i < text.length; i++) {
        at[i] = ascii_lower(text.data[i]);
    }
    out->length += text.length;
}

bool equal_ignoring_case(struct slice a, struct slice b)
{
    if (a.length != b.length) {
        return false;
    }
    for (size_t i = 0; i < a.length; i++) {
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool starts_ignoring_case(struct slice text, struct slice prefix)
{
    return text.length >= prefix.length &&
           equal_ignoring_case(slice_make(text.data, prefix.length), prefix);
}

bool is_token(struct slice text)
{
    /* A bit each. */
    static const uint32_t good[8] = {0, 0x03FF6CFA, 0xC7FFFFFE, 0x57FFFFFF, 0, 0, 0, 0};
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.data[i];
        if (!(good[c >> 5] >> (c & 31) & 1)) {
            return false;
        }
    }
    return text.length > 0;
}
