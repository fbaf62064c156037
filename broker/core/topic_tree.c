/* The topic tree: see topic_tree.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/topic_tree.h"

#include <assert.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "core/siblings.h"
#include "mqtt/topic.h"

static struct topic_node *node_new(struct slice level)
{
    struct topic_node *node = memory_allocate(sizeof(*node) + level.length);

    assert(level.length <= UINT16_MAX);
    *node = (struct topic_node){.length = (uint16_t)level.length};
    if (level.length > 0) {
        memcpy(node->level, level.data, level.length);
    }
    return node;
}

void topic_tree_init(struct topic_tree *tree)
{
    *tree = (struct topic_tree){.root = node_new(SLICE_EMPTY)};
}

void topic_tree_release(struct topic_tree *tree)
{
    for (size_t i = 0; i < tree->nodes.capacity; i++) {
        free(tree->nodes.entries[i].element);
    }
    hash_index_release(&tree->nodes);
    free(tree->root);
    tree->root = NULL;
}

struct topic_level topic_level_make(struct slice text)
{
    return (struct topic_level){.text = text, .hash = hash_seeded(text)};
}

struct topic_node *topic_tree_child(const struct topic_tree *tree, const struct topic_node *parent,
                                    const struct topic_level *level)
{
    uint64_t hash = topic_node_hash(parent, level->hash);
    size_t position = hash_index_home(&tree->nodes, hash);
    struct topic_node *node;

    do {
        node = hash_index_next(&tree->nodes, hash, &position);
    } while (node && (node->parent != parent || !slice_equal(topic_node_level(node), level->text)));
    return node;
}

/* The parent's pointer to a child with a wildcard as its level; NULL for other children. */
static struct topic_node **node_shortcut(struct topic_node *parent, struct slice level)
{
    if (level.length != 1) {
        return NULL;
    }
    switch (level.data[0]) {
    case '+':
        return &parent->plus;
    case '#':
        return &parent->number_sign;
    default:
        return NULL;
    }
}

static struct topic_node *node_add_child(struct topic_tree *tree, struct topic_node *parent,
                                         const struct topic_level *level)
{
    struct topic_node *node = node_new(level->text);
    struct topic_node **shortcut = node_shortcut(parent, level->text);

    node->hash = topic_node_hash(parent, level->hash);
    node->parent = parent;
    siblings_add(&parent->children, node);
    if (shortcut) {
        *shortcut = node;
    } else {
        parent->plain_count++;
    }
    hash_index_insert(&tree->nodes, node->hash, node);
    return node;
}

static void node_remove(struct topic_tree *tree, struct topic_node *node)
{
    struct topic_node **shortcut = node_shortcut(node->parent, topic_node_level(node));

    if (shortcut) {
        *shortcut = NULL;
    } else {
        node->parent->plain_count--;
    }
    siblings_remove(&node->parent->children, node);
    hash_index_remove(&tree->nodes, node->hash, node);
    free(node);
}

struct topic_node *topic_tree_add(struct topic_tree *tree, struct slice topic)
{
    struct topic_node *node = tree->root;
    struct slice text;
    bool done = false;

    while (topic_next_level(&topic, &done, &text)) {
        struct topic_level level = topic_level_make(text);
        struct topic_node *child = topic_tree_child(tree, node, &level);
        node = child ? child : node_add_child(tree, node, &level);
    }
    return node;
}

struct topic_node *topic_tree_find(const struct topic_tree *tree, struct slice topic)
{
    struct topic_node *node = tree->root;
    struct slice text;
    bool done = false;

    while (node && topic_next_level(&topic, &done, &text)) {
        struct topic_level level = topic_level_make(text);
        node = topic_tree_child(tree, node, &level);
    }
    return node;
}

void topic_tree_prune(struct topic_tree *tree, struct topic_node *node)
{
    while (node->parent && !node->value && !node->children) {
        struct topic_node *parent = node->parent;
        node_remove(tree, node);
        node = parent;
    }
}

void topic_node_append(struct buffer *out, const struct topic_node *node)
{
    size_t length = 0;

    for (const struct topic_node *at = node; at->parent; at = at->parent) {
        length += at->length + 1u;
    }
    length--; /* no slash in front */
    uint8_t *end = buffer_reserve(out, length) + length;
    out->length += length;
    for (const struct topic_node *at = node; at->parent; at = at->parent) {
        end -= at->length;
        memcpy(end, at->level, at->length);
        if (at->parent->parent) {
            *--end = '/';
        }
    }
}
