/* JSON in the texts of tests, with ' for ".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_QUOTED_H
#define PUBGRID_TESTS_QUOTED_H

#include "base/buffer.h"

static inline void append_quoted(struct buffer *out, const char *text)
{
    for (; *text; text++) {
        buffer_append_byte(out, *text == '\'' ? '"' : (uint8_t)*text);
    }
}

static inline struct buffer quoted(const char *text)
{
    struct buffer out = {0};

    append_quoted(&out, text);
    return out;
}

#endif
