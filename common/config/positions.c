/* Keys and their lines. See positions.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/positions.h"

#include <stdlib.h>

#include "base/memory.h"

struct yaml_positions {
    struct map keys;
};

static struct slice key_of_position(const struct map_node *node)
{
    return CONTAINER_OF(node, struct yaml_position, node)->key;
}

struct yaml_positions *yaml_positions_new(void)
{
    struct yaml_positions *positions = memory_allocate_zero(sizeof(*positions));
    map_init(&positions->keys, key_of_position);
    return positions;
}

void yaml_positions_free(struct yaml_positions *positions)
{
    struct map_node *node = map_next(&positions->keys, NULL);
    while (node) {
        struct map_node *next = map_next(&positions->keys, node);
        struct yaml_position *position = CONTAINER_OF(node, struct yaml_position, node);
        free((void *)(uintptr_t)position->key.data);
        buffer_release(&position->json);
        free(position);
        node = next;
    }
    map_release(&positions->keys);
    free(positions);
}

size_t yaml_positions_count(const struct yaml_positions *positions)
{
    return positions->keys.count;
}

struct yaml_position *yaml_position(const struct yaml_positions *positions, struct slice key)
{
    struct map_node *node = map_find(&positions->keys, key);
    return node ? CONTAINER_OF(node, struct yaml_position, node) : NULL;
}

static unsigned find_line(const struct yaml_positions *positions, struct slice key)
{
    const struct yaml_position *position = yaml_position(positions, key);
    return position ? position->line : 0;
}

struct slice yaml_json(const struct yaml_positions *positions, const char *key)
{
    const struct yaml_position *position = yaml_position(positions, slice_from_string(key));
    return position ? buffer_slice(&position->json) : SLICE_EMPTY;
}

unsigned yaml_line(const struct yaml_positions *positions, const char *key)
{
    struct slice path = slice_from_string(key);
    unsigned line = find_line(positions, path);
    while (line == 0 && path.length > 0) {
        do {
            path.length--;
        } while (path.length > 0 && path.data[path.length] != '.');
        line = find_line(positions, path);
    }
    return line;
}

void yaml_note(struct yaml_positions *positions, struct slice key, unsigned line)
{
    struct yaml_position *position = memory_allocate_zero(sizeof(*position));
    position->key = slice_make(memory_copy_string(key), key.length);
    position->line = line;
    map_insert(&positions->keys, &position->node);
}
