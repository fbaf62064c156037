/* See declaring.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/declaring.h"

#include <string.h>

#include "base/list.h"

/* --- names that are taken --- */

struct taken_name {
    struct map_node node;
    struct slice key;
};

static struct slice key_of_taken(const struct map_node *node)
{
    return CONTAINER_OF(node, struct taken_name, node)->key;
}

bool declaring_is_taken(const struct declaring *declaring, struct slice key)
{
    return map_find(&declaring->taken, key) != NULL;
}

bool declaring_take_name(struct declaring *declaring, struct slice key)
{
    struct taken_name *taken;

    if (map_find(&declaring->taken, key)) {
        return false;
    }
    taken = arena_allocate(&declaring->memory, sizeof(*taken));
    taken->key = arena_copy(&declaring->memory, key);
    map_insert(&declaring->taken, &taken->node);
    return true;
}

bool declaring_take_own_name(struct declaring *declaring, struct slice key, const char *instead)
{
    bool is_free = declaring_take_name(declaring, key);

    if (!is_free) {
        reading_mistake_at(&declaring->reading, "name", "stands here already; %s", instead);
    }
    return is_free;
}

/* --- mistakes --- */

/* Lines `place: what` that are about what is below `prefix` become mistakes with the file's line.
 */
static void say_lines(struct declaring *declaring, const char *prefix, struct buffer *lines)
{
    char *rest, *line;

    buffer_append_byte(lines, '\0');
    rest = (char *)lines->data;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *what = strstr(line, ": ");
        struct buffer key = {0};
        if (!what) {
            continue;
        }
        *what = '\0';
        buffer_append_format(&key, "%s%s%s", prefix, prefix[0] ? "." : "", line);
        buffer_append_byte(&key, '\0');
        MISTAKE(declaring->loading, (const char *)key.data, "`%s`: %s", line, what + 2);
        buffer_release(&key);
    }
    lines->length = 0;
}

void declaring_say_own(struct declaring *declaring)
{
    say_lines(declaring, "", &declaring->lines);
}

void declaring_say_below(struct declaring *declaring, const char *name, struct buffer *lines)
{
    size_t before = reading_enter(&declaring->reading, slice_from_string(name));

    say_lines(declaring, declaring->reading.path, lines);
    reading_leave(&declaring->reading, before);
    buffer_release(lines);
}

/* --- lists --- */

void declaring_read_each(struct declaring *declaring, struct slice name,
                         const struct json_value *array, property_reader *read, void *into)
{
    struct reading *reading = &declaring->reading;
    size_t before = reading_enter(reading, name);

    if (array->text.length > 0 && reading_count(reading, array) > 0) {
        reading_elements(reading, array, 0, read, into);
    }
    reading_leave(reading, before);
}

/* --- all of it --- */

void declaring_begin(struct declaring *declaring, struct loading *loading)
{
    *declaring = (struct declaring){.loading = loading};
    declaring->reading = (struct reading){.arena = &declaring->memory, .error = &declaring->lines};
    map_init(&declaring->taken, key_of_taken);
}

void declaring_end(struct declaring *declaring)
{
    map_release(&declaring->taken);
    buffer_release(&declaring->lines);
    arena_release(&declaring->memory);
}
