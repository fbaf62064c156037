/* Strings and numbers that the reader handed out: what they say. The text was found valid before,
 * so escapes are whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "mqtt/utf8.h"
#include "json/json.h"

enum { REPLACEMENT = 0xFFFD };

static uint32_t hex_digit(uint8_t digit)
{
    return digit <= '9' ? digit - (uint32_t)'0' : (digit | 0x20u) - 'a' + 10u;
}

/* The four digits behind "\u". */
static uint32_t hex_unit(const uint8_t *digits)
{
    return hex_digit(digits[0]) << 12 | hex_digit(digits[1]) << 8 | hex_digit(digits[2]) << 4 |
           hex_digit(digits[3]);
}

static bool is_in(uint32_t unit, uint32_t first)
{
    return unit >= first && unit < first + 0x400;
}

/* The character of the "\u" escape that `raw` begins with: one escape, or two for a pair of
 * surrogates. A surrogate alone is no character. */
static uint32_t unicode_escape(struct slice raw, size_t *used)
{
    uint32_t unit = hex_unit(raw.data + 2), low;

    *used = 6;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return unit;
    }
    if (is_in(unit, 0xDC00) || raw.length < 12 || raw.data[6] != '\\' || raw.data[7] != 'u') {
        return REPLACEMENT;
    }
    low = hex_unit(raw.data + 8);
    if (!is_in(low, 0xDC00)) {
        return REPLACEMENT;
    }
    *used = 12;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* Writes what the escape that `raw` begins with stands for; returns how many bytes that are. */
static size_t decode_escape(struct slice raw, uint8_t out[4], size_t *used)
{
    static const uint8_t short_forms[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };

    if (raw.data[1] == 'u') {
        return utf8_write(out, unicode_escape(raw, used));
    }
    out[0] = short_forms[raw.data[1]];
    *used = 2;
    return 1;
}

/* Bytes before the first escape. */
static size_t literal_length(struct slice raw)
{
    const uint8_t *found = raw.length == 0 ? NULL : memchr(raw.data, '\\', raw.length);

    return found ? (size_t)(found - raw.data) : raw.length;
}

/* Takes the bytes before the next escape or, if there are none, the escape off `raw`. What they
 * stand for may lie in `decoded`. */
static struct slice next_piece(struct slice *raw, uint8_t decoded[4])
{
    size_t used = literal_length(*raw);
    struct slice piece = slice_make(raw->data, used);

    if (used == 0) {
        piece = slice_make(decoded, 0);
        piece.length = decode_escape(*raw, decoded, &used);
    }
    *raw = slice_from(*raw, used);
    return piece;
}

struct slice json_string_raw(const struct json_value *string)
{
    return slice_make(string->text.data + 1, string->text.length - 2);
}

bool json_string_says(struct slice raw, struct slice plain)
{
    while (raw.length > 0) {
        uint8_t decoded[4];
        struct slice piece = next_piece(&raw, decoded);

        if (!slice_starts_with(plain, piece)) {
            return false;
        }
        plain = slice_from(plain, piece.length);
    }
    return plain.length == 0;
}

bool json_string_equal(struct slice raw, const char *plain)
{
    return json_string_says(raw, slice_from_string(plain));
}

void json_append_string_value(struct buffer *out, const struct json_value *string)
{
    struct slice raw = json_string_raw(string);

    while (raw.length > 0) {
        uint8_t decoded[4];

        buffer_append(out, next_piece(&raw, decoded));
    }
}

struct slice json_string_value(const struct json_value *string, struct buffer *scratch)
{
    struct slice raw = json_string_raw(string);
    size_t start = scratch->length;

    if (literal_length(raw) == raw.length) {
        return raw;
    }
    json_append_string_value(scratch, string);
    return slice_from(buffer_slice(scratch), start);
}

bool json_to_u64(const struct json_value *number, uint64_t *out)
{
    uint64_t value = 0;

    if (number->type != JSON_NUMBER) {
        return false;
    }
    for (size_t i = 0; i < number->text.length; i++) {
        uint8_t digit = (uint8_t)(number->text.data[i] - '0');

        if (digit > 9 || value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}
