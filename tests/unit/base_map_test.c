/* The hash map and its two hashes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/map.h"
#include "base/memory.h"
#include "base/siphash.h"

enum { ITEMS = 5000 };

struct item {
    struct map_node node;
    char key[16];
    bool in_map;
    unsigned visits;
};

static struct slice item_key(const struct map_node *node)
{
    return slice_from_string(CONTAINER_OF(node, const struct item, node)->key);
}

static struct item *items_make(void)
{
    struct item *items = memory_allocate_zero(ITEMS * sizeof(struct item));

    for (unsigned i = 0; i < ITEMS; i++) {
        snprintf(items[i].key, sizeof(items[i].key), "client-%u", i);
    }
    return items;
}

TEST(an_empty_map_finds_nothing)
{
    struct map map;

    map_init(&map, item_key);
    CHECK(!map_find(&map, SLICE_LITERAL("x")));
    CHECK(!map_find_hashed(&map, SLICE_LITERAL("x"), 1));
    CHECK(!map_next(&map, NULL));
    map_release(&map);
}

TEST(insert_find_remove_at_random)
{
    struct item *items = items_make();
    struct map map;
    uint64_t random = 42;
    size_t count = 0;

    map_init(&map, item_key);
    for (unsigned step = 0; step < 10 * ITEMS; step++) {
        struct item *item = &items[test_random_below(&random, ITEMS)];
        struct map_node *found = map_find(&map, slice_from_string(item->key));
        test_note("step %u", step);
        CHECK(found == (item->in_map ? &item->node : NULL));
        if (item->in_map) {
            map_remove(&map, &item->node);
            count -= 1;
        } else {
            map_insert(&map, &item->node);
            count += 1;
        }
        item->in_map = !item->in_map;
        CHECK_INT_EQUAL(map.count, count);
    }
    map_release(&map);
    free(items);
}

TEST(a_walk_sees_every_node_once)
{
    struct item *items = items_make();
    struct map map;

    map_init(&map, item_key);
    for (unsigned i = 0; i < ITEMS; i++) {
        map_insert(&map, &items[i].node);
    }
    for (struct map_node *node = map_next(&map, NULL); node; node = map_next(&map, node)) {
        CONTAINER_OF(node, struct item, node)->visits += 1;
    }
    for (unsigned i = 0; i < ITEMS; i++) {
        CHECK_INT_EQUAL(items[i].visits, 1);
    }
    map_release(&map);
    free(items);
}

TEST(a_walk_may_remove_what_it_saw)
{
    struct item *items = items_make();
    struct map map;
    struct map_node *next;

    map_init(&map, item_key);
    for (unsigned i = 0; i < ITEMS; i++) {
        map_insert(&map, &items[i].node);
    }
    for (struct map_node *node = map_next(&map, NULL); node; node = next) {
        next = map_next(&map, node);
        map_remove(&map, node);
    }
    CHECK_INT_EQUAL(map.count, 0);
    CHECK(!map_next(&map, NULL));
    map_release(&map);
    free(items);
}

/* From the chain of a few to the array: nothing is lost, found twice or left behind. */
TEST(small_maps)
{
    struct item *items = items_make();
    struct map map;

    map_init(&map, item_key);
    for (unsigned size = 1; size <= 20; size++) {
        for (unsigned i = 0; i < size; i++) {
            map_insert(&map, &items[i].node);
        }
        for (struct map_node *node = map_next(&map, NULL); node; node = map_next(&map, node)) {
            CONTAINER_OF(node, struct item, node)->visits++;
        }
        for (unsigned i = 0; i < size; i++) {
            test_note("item %u of %u", i, size);
            CHECK_INT_EQUAL(items[i].visits, size - i);
            CHECK(map_find(&map, slice_from_string(items[i].key)) == &items[i].node);
        }
        CHECK(!map_find(&map, SLICE_LITERAL("another")));
        CHECK(size > 4 || map.bucket_count == 0);
        for (unsigned i = 0; i < size; i++) {
            map_remove(&map, &items[i].node);
        }
        CHECK(!map_next(&map, NULL));
    }
    map_release(&map);
    free(items);
}

/* Equal hashes are told apart by their keys. */
TEST(collisions)
{
    struct item a = {.key = "a"}, b = {.key = "b"};
    struct map map;

    map_init(&map, item_key);
    map_insert_hashed(&map, &a.node, 99);
    map_insert_hashed(&map, &b.node, 99);
    CHECK(map_find_hashed(&map, SLICE_LITERAL("a"), 99) == &a.node);
    CHECK(map_find_hashed(&map, SLICE_LITERAL("b"), 99) == &b.node);
    CHECK(!map_find_hashed(&map, SLICE_LITERAL("c"), 99));
    map_remove(&map, &a.node);
    CHECK(!map_find_hashed(&map, SLICE_LITERAL("a"), 99));
    CHECK(map_find_hashed(&map, SLICE_LITERAL("b"), 99) == &b.node);
    map_release(&map);
}

/* Placement must not move between versions of the program: the bridge computes it too. */
TEST(the_fixed_hash_never_changes)
{
    CHECK(hash_fixed(SLICE_LITERAL("")) == UINT64_C(0xb92875065db7d94a));
    CHECK(hash_fixed(SLICE_LITERAL("client-1")) == UINT64_C(0xfef03ff573a2d01c));
}

TEST(the_seeded_hash_is_steady_within_the_process)
{
    CHECK(hash_seeded(SLICE_LITERAL("abc")) == hash_seeded(SLICE_LITERAL("abc")));
    CHECK(hash_seeded(SLICE_LITERAL("abc")) != hash_seeded(SLICE_LITERAL("abd")));
    CHECK(hash_seeded(SLICE_LITERAL("abc")) != hash_fixed(SLICE_LITERAL("abc")));
}

/* The reference values of SipHash-1-3 for the key 00..0f and the inputs 00, 00 01, ...: computed
 * with a separate implementation that agrees with CPython's bytes hash and, as SipHash-2-4, with
 * the paper's test vector. */
TEST(siphash_reference_values)
{
    const struct siphash_key key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    static const uint64_t expected[] = {
        UINT64_C(0xabac0158050fc4dc), UINT64_C(0xc9f49bf37d57ca93), UINT64_C(0x82cb9b024dc7d44d),
        UINT64_C(0x8bf80ab8e7ddf7fb), UINT64_C(0xcf75576088d38328), UINT64_C(0xdef9d52f49533b67),
        UINT64_C(0xc50d2b50c59f22a7), UINT64_C(0xd3927d989bb11140), UINT64_C(0x369095118d299a8e),
        UINT64_C(0x25a48eb36c063de4), UINT64_C(0x79de85ee92ff097f), UINT64_C(0x70c118c1f94dc352),
        UINT64_C(0x78a384b157b4d9a2), UINT64_C(0x306f760c1229ffa7), UINT64_C(0x605aa111c0f95d34),
        UINT64_C(0xd320d86d2a519956), UINT64_C(0xcc4fdd1a7d908b66), UINT64_C(0x9cf2689063dbd80c),
    };
    uint8_t input[64];

    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        test_note("length %zu", i);
        CHECK(siphash_13(slice_make(input, i), &key) == expected[i]);
    }
}
