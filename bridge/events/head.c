/* See head.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/head.h"

#include "access/characters.h"

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

struct slice head_trim(struct slice text)
{
    while (text.length > 0 && is_blank(text.data[0])) {
        text = slice_from(text, 1);
    }
    while (text.length > 0 && is_blank(text.data[text.length - 1])) {
        text.length--;
    }
    return text;
}

static struct slice take_line(struct slice *head)
{
    const uint8_t *end = memchr(head->data, '\n', head->length);
    size_t length = end ? (size_t)(end - head->data) : head->length;
    struct slice line = slice_make(head->data, length);

    *head = slice_from(*head, end ? length + 1 : length);
    if (line.length > 0 && line.data[line.length - 1] == '\r') {
        line.length--;
    }
    return line;
}

bool head_next(struct slice *head, struct header *header)
{
    while (head->length > 0) {
        struct slice line = take_line(head);
        const uint8_t *colon = line.length > 0 ? memchr(line.data, ':', line.length) : NULL;
        size_t length = colon ? (size_t)(colon - line.data) : 0;
        if (length > 0) {
            header->name = head_trim(slice_make(line.data, length));
            header->value = head_trim(slice_from(line, length + 1));
            return true;
        }
    }
    return false;
}

bool head_name_is(const struct header *header, const char *name)
{
    return equal_ignoring_case(header->name, slice_from_string(name));
}
