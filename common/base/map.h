/* Intrusive hash map from bytes to the struct that holds the node. Single-threaded.
 *
 * The key lives in the element; `key_of` finds it. A map of a few elements, as most sessions have
 * one, is a chain and allocates nothing. Hashing is keyed (SipHash-1-3 with a random
 * seed per process), because keys come from peers: client identifiers, topic levels, filters.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_MAP_H
#define PUBGRID_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct map_node {
    struct map_node *next;
    uint64_t hash;
};

typedef struct slice map_key_of(const struct map_node *node);

struct map {
    union {
        struct map_node *few;      /* while bucket_count is 0: all elements, as one chain */
        struct map_node **buckets; /* owned */
    };
    uint32_t bucket_count; /* a power of two or 0 */
    uint32_t count;
    map_key_of *key_of;
};

/* Fixed-key hash: the same in every process, for placement (client identifier -> worker). */
uint64_t hash_fixed(struct slice bytes);
/* Hash with this process's random seed. */
uint64_t hash_seeded(struct slice bytes);

void map_init(struct map *map, map_key_of *key_of);
/* Frees the bucket array, not the elements. */
void map_release(struct map *map);
struct map_node *map_find(const struct map *map, struct slice key);
/* With the hash at hand (hash_seeded of the key). */
struct map_node *map_find_hashed(const struct map *map, struct slice key, uint64_t hash);
/* The key must not be in the map. */
void map_insert(struct map *map, struct map_node *node);
void map_insert_hashed(struct map *map, struct map_node *node, uint64_t hash);
/* The node must be in the map. */
void map_remove(struct map *map, struct map_node *node);
/* Walk in no order: start with NULL; returns NULL at the end. The map must not change meanwhile,
 * except that the node returned last may be removed if its successor was fetched before. */
struct map_node *map_next(const struct map *map, const struct map_node *node);

#endif
