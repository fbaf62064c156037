/* Lines of a file descriptor, without limits on what is in them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_LINES_H
#define PUBGRID_CLI_LINES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

struct lines {
    int fd;
    size_t start;   /* first byte in `buffer` that was not handed out */
    size_t scanned; /* bytes behind `start` known to have no line end */
    bool ended;     /* end of input, or it cannot be read */
    struct buffer buffer;
};

/* Reads once; blocks unless the descriptor is readable. */
void lines_fill(struct lines *lines);

/* Takes the next line, without its '\n'; the slice holds until the next call. The last line may
 * lack its end. False: fill first, or the end if lines->ended. */
bool lines_next(struct lines *lines, struct slice *line);

static inline void lines_release(struct lines *lines)
{
    buffer_release(&lines->buffer);
}

#endif
