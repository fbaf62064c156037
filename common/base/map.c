/* Intrusive hash map: chains in an array of buckets that doubles when it is as full as it is long.
 * Up to MAP_FEW_MAX elements are one chain without an array.
 *
 * Every node keeps its hash, so growing never touches a key and a find compares keys only when all
 * 64 bits agree. The array never shrinks: a walk that removes what it visits stays valid.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/siphash.h"

enum { MAP_FEW_MAX = 4, MAP_BUCKETS_MIN = 8 };

/* The seed of this process: made once, then only read. */
static struct siphash_key hash_seed;
static pthread_once_t hash_seed_once = PTHREAD_ONCE_INIT;

static void hash_seed_make(void)
{
    random_bytes(&hash_seed, sizeof(hash_seed));
}

uint64_t hash_fixed(struct slice bytes)
{
    static const struct siphash_key key = {UINT64_C(0x5075626772696421),
                                           UINT64_C(0x706c6163656d656e)};

    return siphash_13(bytes, &key);
}

uint64_t hash_seeded(struct slice bytes)
{
    pthread_once(&hash_seed_once, hash_seed_make);
    return siphash_13(bytes, &hash_seed);
}

void map_init(struct map *map, map_key_of *key_of)
{
    *map = (struct map){.key_of = key_of};
}

void map_release(struct map *map)
{
    if (map->bucket_count > 0) {
        free(map->buckets);
    }
    map_init(map, map->key_of);
}

static inline struct map_node *map_chain(const struct map *map, uint64_t hash)
{
    return map->bucket_count > 0 ? map->buckets[hash & (map->bucket_count - 1)] : map->few;
}

/* Where the first of that chain is linked. */
static inline struct map_node **map_chain_link(struct map *map, uint64_t hash)
{
    return map->bucket_count > 0 ? &map->buckets[hash & (map->bucket_count - 1)] : &map->few;
}

struct map_node *map_find_hashed(const struct map *map, struct slice key, uint64_t hash)
{
    if (map->count == 0) {
        return NULL;
    }
    for (struct map_node *node = map_chain(map, hash); node; node = node->next) {
        if (node->hash == hash && slice_equal(map->key_of(node), key)) {
            return node;
        }
    }
    return NULL;
}

struct map_node *map_find(const struct map *map, struct slice key)
{
    return map->count == 0 ? NULL : map_find_hashed(map, key, hash_seeded(key));
}

static void map_link(struct map *map, struct map_node *node)
{
    struct map_node **first = map_chain_link(map, node->hash);

    node->next = *first;
    *first = node;
}

static void map_link_chain(struct map *map, struct map_node *node)
{
    for (struct map_node *next; node; node = next) {
        next = node->next;
        map_link(map, node);
    }
}

static void map_grow(struct map *map)
{
    struct map old = *map;

    map->bucket_count = old.bucket_count > 0 ? old.bucket_count * 2 : MAP_BUCKETS_MIN;
    map->buckets = memory_allocate_zero(map->bucket_count * sizeof(struct map_node *));
    if (old.bucket_count == 0) {
        map_link_chain(map, old.few);
        return;
    }
    for (uint32_t i = 0; i < old.bucket_count; i++) {
        map_link_chain(map, old.buckets[i]);
    }
    free(old.buckets);
}

void map_insert_hashed(struct map *map, struct map_node *node, uint64_t hash)
{
    if (map->count >= (map->bucket_count > 0 ? map->bucket_count : MAP_FEW_MAX)) {
        map_grow(map);
    }
    node->hash = hash;
    map_link(map, node);
    map->count += 1;
}

void map_insert(struct map *map, struct map_node *node)
{
    map_insert_hashed(map, node, hash_seeded(map->key_of(node)));
}

void map_remove(struct map *map, struct map_node *node)
{
    struct map_node **link = map_chain_link(map, node->hash);

    while (*link != node) {
        assert(*link);
        link = &(*link)->next;
    }
    *link = node->next;
    node->next = NULL;
    map->count -= 1;
}

static struct map_node *map_first_from(const struct map *map, size_t bucket)
{
    for (; bucket < map->bucket_count; bucket++) {
        if (map->buckets[bucket]) {
            return map->buckets[bucket];
        }
    }
    return NULL;
}

struct map_node *map_next(const struct map *map, const struct map_node *node)
{
    if (node && node->next) {
        return node->next;
    }
    if (map->bucket_count == 0) {
        return node ? NULL : map->few;
    }
    return map_first_from(map, node ? (node->hash & (map->bucket_count - 1)) + 1 : 0);
}
