/* Bytes written for people: hexadecimal pairs and 'text', blanks between as one likes.
 *
 *     "10 0C 0004 'MQTT' 04 02 003C 0000"
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BYTES_H
#define PUBGRID_TESTS_BYTES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"

static inline unsigned bytes_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return (unsigned)(c - 'A' + 10);
    }
    fprintf(stderr, "'%c' is no hexadecimal digit (0-9, A-F)\n", c);
    abort();
}

static inline void bytes_append(struct buffer *out, const char *text)
{
    while (*text) {
        if (*text == ' ') {
            text += 1;
        } else if (*text == '\'') {
            for (text += 1; *text != '\''; text++) {
                buffer_append_byte(out, (uint8_t)*text);
            }
            text += 1;
        } else {
            buffer_append_byte(out, (uint8_t)(bytes_digit(text[0]) << 4 | bytes_digit(text[1])));
            text += 2;
        }
    }
}

#endif
