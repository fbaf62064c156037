/* What the parsers of roles, URLs and headers share: one %xx, lists, and with them
 * ASCII without case (base/ascii.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_CHARACTERS_H
#define PUBGRID_ACCESS_CHARACTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ascii.h"
#include "base/buffer.h"
#include "base/slice.h"

/* The value of a hexadecimal digit, or -1 if it is none. */
int hex_value(uint8_t c);
/* The byte that the %xx at the front stands for, or -1 if there is none. */
int percent_decode(struct slice text);
/* Appends the %XX that stands for the byte. */
void percent_append(struct buffer *out, uint8_t byte);

/* Up to `end`, which is taken too but not part of it; all the rest if there is none. */
static inline struct slice take_up_to(struct slice *rest, uint8_t end)
{
    const uint8_t *at = rest->length > 0 ? memchr(rest->data, end, rest->length) : NULL;
    size_t length = at ? (size_t)(at - rest->data) : rest->length;
    struct slice part = slice_make(rest->data, length);
    *rest = slice_from(*rest, at ? length + 1 : length);
    return part;
}

/* Without the spaces and tabs at both ends. */
static inline struct slice trim_blanks(struct slice text)
{
    while (text.length > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = slice_from(text, 1);
    }
    while (text.length > 0 &&
           (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t')) {
        text.length--;
    }
    return text;
}

/* Is the word one of a list with commas between, in any case? */
bool list_has(struct slice list, struct slice word);
/* Takes the next word of a list with commas or blanks between; false at its end. */
bool list_take(struct slice *list, struct slice *word);

#endif
