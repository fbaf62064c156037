/* Linear probing at a load of at most 3/4; removal moves the followers back instead of leaving
 * tombstones, so a table that churns stays as fast as a new one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/hash_index.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { INDEX_CAPACITY_MIN = 16 };

static void index_place(struct hash_index *index, uint64_t hash, void *element)
{
    size_t position = hash_index_home(index, hash);

    while (index->entries[position].element) {
        position = (position + 1) & (index->capacity - 1);
    }
    index->entries[position] = (struct hash_entry){.hash = hash, .element = element};
}

static void index_resize(struct hash_index *index, size_t capacity)
{
    struct hash_entry *old = index->entries;
    size_t old_capacity = index->capacity;

    index->entries = memory_allocate_zero(capacity * sizeof(*old));
    index->capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].element) {
            index_place(index, old[i].hash, old[i].element);
        }
    }
    free(old);
}

void hash_index_insert(struct hash_index *index, uint64_t hash, void *element)
{
    assert(element);
    if (index->capacity == 0) {
        index_resize(index, INDEX_CAPACITY_MIN);
    } else if (index->count >= index->capacity / 4 * 3) {
        index_resize(index, index->capacity * 2);
    }
    index_place(index, hash, element);
    index->count++;
}

/* Fills the hole at `hole`: each follower up to the next free place moves back unless that would
 * put it before its home. */
static void index_close_hole(struct hash_index *index, size_t hole)
{
    size_t mask = index->capacity - 1;
    size_t position = hole;

    for (;;) {
        position = (position + 1) & mask;
        const struct hash_entry *entry = &index->entries[position];
        if (!entry->element) {
            break;
        }
        size_t home = hash_index_home(index, entry->hash);
        if (((position - home) & mask) >= ((position - hole) & mask)) {
            index->entries[hole] = *entry;
            hole = position;
        }
    }
    index->entries[hole].element = NULL;
}

void hash_index_remove(struct hash_index *index, uint64_t hash, const void *element)
{
    size_t position = hash_index_home(index, hash);

    while (index->entries[position].element != element) {
        assert(index->entries[position].element);
        position = (position + 1) & (index->capacity - 1);
    }
    index_close_hole(index, position);
    index->count--;
    if (index->capacity > INDEX_CAPACITY_MIN && index->count < index->capacity / 8) {
        index_resize(index, index->capacity / 2);
    }
}

void hash_index_release(struct hash_index *index)
{
    free(index->entries);
    *index = (struct hash_index){0};
}
