/* See dead_letter_name.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/dead_letter_name.h"

#include <stdio.h>

#include "base/map.h"
#include "base/uuid.h"
#include "eventgrid/dead_letter.h"

enum { MARK_LENGTH = 8 };

void dead_letter_folder_append(struct buffer *out, const struct catalog_subscription *subscription)
{
    const struct source_name *source = &subscription->source->name;
    struct buffer topic = {0};

    if (source->kind == SOURCE_NAMESPACE_TOPIC) {
        buffer_append(&topic, source->name);
        buffer_append_byte(&topic, '/');
        buffer_append(&topic, source->topic);
    }
    dead_letter_append_folder(out, subscription->properties->dead_letter.container,
                              buffer_slice(&topic), buffer_slice(&subscription->name));
    buffer_release(&topic);
}

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
