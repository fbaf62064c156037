/* See head.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/head.h"

#include "access/characters.h"

static struct slice take_line(struct slice *head)
{
    struct slice line = take_up_to(head, '\n');

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
            header->name = trim_blanks(slice_make(line.data, length));
            header->value = trim_blanks(slice_from(line, length + 1));
            return true;
        }
    }
    return false;
}

bool head_name_is(const struct header *header, const char *name)
{
    return equal_ignoring_case(header->name, slice_from_string(name));
}
