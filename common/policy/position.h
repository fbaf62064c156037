/* What is wrong at a place of a text that a person has written: `position N: what is to stand
 * there`, N in characters from 1.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_POSITION_H
#define PUBGRID_POLICY_POSITION_H

#include "base/buffer.h"
#include "base/slice.h"

/* `place` is a slice of `text`. */
static inline void position_error(struct buffer *error, struct slice text, struct slice place,
                                  const char *sentence)
{
    unsigned position = 1;
    for (const uint8_t *at = text.data; at < place.data; at++) {
        position += (*at & 0xC0) != 0x80; /* bytes that begin a character of UTF-8 */
    }
    buffer_append_format(error, "position %u: %s", position, sentence);
}

#endif
