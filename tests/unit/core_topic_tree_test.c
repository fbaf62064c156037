/* The topic tree and the hash index under it: nodes come, are found, and go with their last use;
 * an index that churns keeps every element within reach.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core/hash_index.h"
#include "core/siblings.h"
#include "core/topic_tree.h"

static bool index_has(const struct hash_index *index, uint64_t hash, const void *element)
{
    size_t position = hash_index_home(index, hash);
    const void *found;

    do {
        found = hash_index_next(index, hash, &position);
    } while (found && found != element);
    return found != NULL;
}

/* Hashes of few values and close together: long runs of occupied places that wrap around. */
static uint64_t crowded_hash(size_t i)
{
    return (uint64_t)(i % 300) - 20;
}

TEST(an_index_that_churns)
{
    enum { ELEMENTS = 2000, STEPS = 40000 };
    static char elements[ELEMENTS];
    static bool present[ELEMENTS];
    struct hash_index index = {0};
    uint64_t random = 11;
    size_t count = 0;

    for (unsigned step = 0; step < STEPS; step++) {
        /* fills up in the first half, empties in the second */
        uint32_t i = test_random_below(&random, ELEMENTS);
        bool fill = test_random_below(&random, 4) != (step < STEPS / 2 ? 0 : 1);
        bool wanted = step < STEPS / 2 ? fill : !fill;
        uint64_t hash = crowded_hash(i);
        test_note("step %u", step);
        CHECK_INT_EQUAL(index_has(&index, hash, &elements[i]), present[i]);
        if (wanted && !present[i]) {
            hash_index_insert(&index, hash, &elements[i]);
        } else if (!wanted && present[i]) {
            hash_index_remove(&index, hash, &elements[i]);
        }
        count += (size_t)wanted - (size_t)present[i];
        present[i] = wanted;
        CHECK_INT_EQUAL(index.count, count);
        CHECK(index.capacity * 3 / 4 >= count);
    }
    for (size_t i = 0; i < ELEMENTS; i++) {
        CHECK_INT_EQUAL(index_has(&index, crowded_hash(i), &elements[i]), present[i]);
        if (present[i]) {
            hash_index_remove(&index, crowded_hash(i), &elements[i]);
        }
    }
    CHECK_INT_EQUAL(index.count, 0);
    CHECK(index.capacity < 100); /* it gave its memory back */
    hash_index_release(&index);
}

TEST(nodes_are_found_by_their_whole_path)
{
    struct topic_tree tree;

    topic_tree_init(&tree);
    struct topic_node *abc = topic_tree_add(&tree, SLICE_LITERAL("a/b/c"));
    CHECK(topic_tree_add(&tree, SLICE_LITERAL("a/b/c")) == abc);
    CHECK(topic_tree_find(&tree, SLICE_LITERAL("a/b/c")) == abc);
    CHECK(topic_tree_find(&tree, SLICE_LITERAL("a/b")) == abc->parent);
    CHECK(!topic_tree_find(&tree, SLICE_LITERAL("a/b/c/")));
    CHECK(!topic_tree_find(&tree, SLICE_LITERAL("b/a/c")));
    CHECK(!topic_tree_find(&tree, SLICE_LITERAL("/a/b/c")));
    CHECK_INT_EQUAL(tree.nodes.count, 3);
    struct topic_node *empty = topic_tree_add(&tree, SLICE_LITERAL("/"));
    CHECK_INT_EQUAL(empty->length, 0);
    CHECK(empty->parent->parent == tree.root);
    CHECK_INT_EQUAL(tree.nodes.count, 5);
    topic_tree_release(&tree);
}

TEST(wildcards_have_shortcuts)
{
    struct topic_tree tree;

    topic_tree_init(&tree);
    struct topic_node *plus = topic_tree_add(&tree, SLICE_LITERAL("a/+"));
    struct topic_node *number_sign = topic_tree_add(&tree, SLICE_LITERAL("a/+/#"));
    CHECK(plus->parent->plus == plus);
    CHECK(plus->number_sign == number_sign);
    CHECK(!plus->plus && !tree.root->plus && !tree.root->number_sign);
    topic_tree_prune(&tree, number_sign);
    CHECK(!tree.root->children);
    CHECK_INT_EQUAL(tree.nodes.count, 0);
    topic_tree_release(&tree);
}

/* In order, from either end, and from each place, there are these and no others. */
static void check_order(const struct topic_tree *tree, const bool *present, unsigned count)
{
    const struct topic_node *node = siblings_first(tree->root->children);
    char level[16];

    for (unsigned i = 0; i < count; i++) {
        snprintf(level, sizeof(level), "%04u", i);
        CHECK(siblings_from(tree->root->children, slice_from_string(level)) == node);
        if (present[i]) {
            CHECK(node != NULL);
            CHECK_SLICE_EQUAL(topic_node_level(node), slice_from_string(level));
            node = node->next;
        }
    }
    CHECK(!node);
}

TEST(siblings_stay_in_order)
{
    enum { LEVELS = 300, STEPS = 3000 };
    bool present[LEVELS] = {false};
    struct topic_tree tree;
    uint64_t random = 3;
    int value;

    topic_tree_init(&tree);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = test_random_below(&random, LEVELS);
        char level[8];
        test_note("step %u", step);
        snprintf(level, sizeof(level), "%04u", i);
        struct topic_node *node = topic_tree_add(&tree, slice_from_string(level));
        node->value = present[i] ? NULL : &value;
        topic_tree_prune(&tree, node);
        present[i] = !present[i];
        if (step % 10 == 0) {
            check_order(&tree, present, LEVELS);
        }
    }
    topic_tree_release(&tree);
}

TEST(a_node_knows_its_topic)
{
    static const char *const topics[] = {"a", "a/b", "/a", "a/", "/", "a//b", "long/er/than/that"};
    struct topic_tree tree;
    struct buffer text = {0};

    topic_tree_init(&tree);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        text.length = 0;
        topic_node_append(&text, topic_tree_add(&tree, slice_from_string(topics[i])));
        CHECK_SLICE_EQUAL(buffer_slice(&text), slice_from_string(topics[i]));
    }
    buffer_release(&text);
    topic_tree_release(&tree);
}

TEST(pruning_stops_at_what_is_in_use)
{
    struct topic_tree tree;
    int value;

    topic_tree_init(&tree);
    struct topic_node *inner = topic_tree_add(&tree, SLICE_LITERAL("a/b"));
    struct topic_node *leaf = topic_tree_add(&tree, SLICE_LITERAL("a/b/c/d"));
    struct topic_node *beside = topic_tree_add(&tree, SLICE_LITERAL("a/b/e"));
    inner->value = &value;
    topic_tree_prune(&tree, inner);
    CHECK(topic_tree_find(&tree, SLICE_LITERAL("a/b")) == inner);
    topic_tree_prune(&tree, leaf);
    CHECK(!topic_tree_find(&tree, SLICE_LITERAL("a/b/c")));
    CHECK(inner->children == beside && !beside->next);
    topic_tree_prune(&tree, beside);
    CHECK(topic_tree_find(&tree, SLICE_LITERAL("a/b")) == inner);
    inner->value = NULL;
    topic_tree_prune(&tree, inner);
    CHECK_INT_EQUAL(tree.nodes.count, 0);
    topic_tree_prune(&tree, tree.root);
    topic_tree_release(&tree);
}
