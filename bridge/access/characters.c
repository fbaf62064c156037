/* Characters, see characters.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/characters.h"

int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int percent_decode(struct slice text)
{
    if (text.length < 3 || text.data[0] != '%') {
        return -1;
    }
    int high = hex_value(text.data[1]), low = hex_value(text.data[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

void percent_append(struct buffer *out, uint8_t byte)
{
    static const char digits[] = "0123456789ABCDEF";
    buffer_append_byte(out, '%');
    buffer_append_byte(out, (uint8_t)digits[byte >> 4]);
    buffer_append_byte(out, (uint8_t)digits[byte & 15]);
}

bool list_has(struct slice list, struct slice word)
{
    while (list.length > 0) {
        if (equal_ignoring_case(trim_blanks(take_up_to(&list, ',')), word)) {
            return true;
        }
    }
    return false;
}

static bool is_separator(uint8_t c)
{
    return c == ',' || c == ' ' || c == '\t';
}

bool list_take(struct slice *list, struct slice *word)
{
    size_t length = 0;
    while (list->length > 0 && is_separator(list->data[0])) {
        *list = slice_from(*list, 1);
    }
    while (length < list->length && !is_separator(list->data[length])) {
        length++;
    }
    *word = slice_make(list->data, length);
    *list = slice_from(*list, length);
    return length > 0;
}
