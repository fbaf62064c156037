/* See header_lines.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/header_lines.h"

#include "access/characters.h"

static bool is_control(uint8_t c)
{
    return c < 0x20 || c == 0x7F;
}

static void append_name(struct buffer *lines, struct slice name)
{
    buffer_append(lines, name);
    buffer_append(lines, SLICE_LITERAL(": "));
}

void header_line_append(struct buffer *lines, struct slice name, struct slice value)
{
    size_t at;

    append_name(lines, name);
    at = lines->length;
    buffer_append(lines, value);
    for (; at < lines->length; at++) {
        if (is_control(lines->data[at])) {
            lines->data[at] = ' ';
        }
    }
    buffer_append_byte(lines, '\0');
}

/* Bytes at the front that go into a header as they are. */
static size_t plain_length(struct slice value)
{
    size_t length = 0;

    while (length < value.length && !is_control(value.data[length]) && value.data[length] < 0x7F &&
           (value.data[length] != '%' || percent_decode(slice_from(value, length)) < 0)) {
        length++;
    }
    return length;
}

void header_line_append_encoded(struct buffer *lines, struct slice name, struct slice value)
{
    append_name(lines, name);
    while (true) {
        size_t length = plain_length(value);
        buffer_append(lines, slice_make(value.data, length));
        if (length == value.length) {
            break;
        }
        percent_append(lines, value.data[length]);
        value = slice_from(value, length + 1);
    }
    buffer_append_byte(lines, '\0');
}
