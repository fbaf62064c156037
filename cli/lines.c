/* A line reader that never looks at a byte twice and keeps no more than the line it works on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 65536 };

void lines_fill(struct lines *lines)
{
    ssize_t count;

    buffer_consume(&lines->buffer, lines->start);
    lines->start = 0;
    do {
        count = read(lines->fd, buffer_reserve(&lines->buffer, READ_BYTES), READ_BYTES);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
        lines->buffer.length += (size_t)count;
    } else if (count == 0 || errno != EAGAIN) {
        lines->ended = true;
    }
}

bool lines_next(struct lines *lines, struct slice *line)
{
    struct slice left = slice_from(buffer_slice(&lines->buffer), lines->start);
    const uint8_t *end = NULL;

    if (left.length > lines->scanned) {
        end = memchr(left.data + lines->scanned, '\n', left.length - lines->scanned);
    }
    if (end != NULL) {
        *line = slice_make(left.data, (size_t)(end - left.data));
        lines->start += line->length + 1;
        lines->scanned = 0;
        return true;
    }
    lines->scanned = left.length;
    if (!lines->ended || left.length == 0) {
        return false;
    }
    *line = left;
    lines->start += left.length;
    lines->scanned = 0;
    return true;
}
