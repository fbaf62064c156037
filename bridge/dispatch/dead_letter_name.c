/* See dead_letter_name.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/dead_letter_name.h"

#include <stdio.h>

#include "base/map.h"
#include "base/uuid.h"

enum { MARK_LENGTH = 8 };

static void make_mark(char mark[MARK_LENGTH + 1], struct slice queue)
{
    snprintf(mark, MARK_LENGTH + 1, "%08x", (unsigned)(uint32_t)hash_fixed(queue));
}

void dead_letter_name_append(struct buffer *out, struct slice queue,
                             void (*random)(void *out, size_t length))
{
    size_t start = out->length;
    char mark[MARK_LENGTH + 1];

    uuid_append(out, random);
    make_mark(mark, queue);
    memcpy(out->data + start, mark, MARK_LENGTH);
}

bool dead_letter_name_is_of(struct slice path, struct slice queue)
{
    size_t start = path.length;
    char mark[MARK_LENGTH + 1];

    while (start > 0 && path.data[start - 1] != '/') {
        start--;
    }
    make_mark(mark, queue);
    return slice_starts_with(slice_from(path, start), slice_make(mark, MARK_LENGTH));
}
