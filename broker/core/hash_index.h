/* A hash table of pointers that knows hashes only: the caller compares keys.
 *
 * Open addressing with the full hash beside each pointer, so that a probe that finds nothing, and
 * growing, touch no element: at a million topics every element touched is a cache miss. Used for
 * topic filters and topic levels; where speed at that size does not matter, base/map.h is simpler.
 * Hashes must be keyed (hash_seeded), because peers choose topics. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_HASH_INDEX_H
#define PUBGRID_CORE_HASH_INDEX_H

#include <stddef.h>
#include <stdint.h>

struct hash_entry {
    uint64_t hash;
    void *element; /* NULL: free */
};

/* Zeroed memory is an empty index. */
struct hash_index {
    struct hash_entry *entries; /* owned; NULL while capacity is 0 */
    size_t capacity;            /* power of two, or 0 */
    size_t count;
};

/* The element is not in the index yet (others with the same hash may be). */
void hash_index_insert(struct hash_index *index, uint64_t hash, void *element);
/* The element is in the index, under this hash. */
void hash_index_remove(struct hash_index *index, uint64_t hash, const void *element);
/* Frees the table, not the elements. */
void hash_index_release(struct hash_index *index);

static inline size_t hash_index_home(const struct hash_index *index, uint64_t hash)
{
    return hash & (index->capacity - 1);
}

/* A walk over the elements under `hash`: *position is where to go on, at first
 * hash_index_home(). NULL at the end. */
static inline void *hash_index_next(const struct hash_index *index, uint64_t hash, size_t *position)
{
    if (index->capacity == 0) {
        return NULL;
    }
    for (;;) {
        const struct hash_entry *entry = &index->entries[*position];
        *position = (*position + 1) & (index->capacity - 1);
        if (!entry->element || entry->hash == hash) {
            return entry->element;
        }
    }
}

/* Asks the cache for the place where a search for `hash` will begin. */
static inline void hash_index_prefetch(const struct hash_index *index, uint64_t hash)
{
    if (index->capacity > 0) {
        __builtin_prefetch(&index->entries[hash_index_home(index, hash)]);
    }
}

#endif
