/* Topic names or topic filters as a tree with one node a level, for what must be walked level by
 * level: subscriptions with wildcards, and retained messages under a filter with wildcards.
 *
 * All (parent, level) -> child lookups share one hash table, so a node with a million children
 * costs no more than one with two. A node knows its children in order too (core/siblings.h, for
 * wildcards that walk the tree), and its children `+` and `#` at once (for names that walk
 * filters).
 *
 * A node lives while it has a value or children. Nothing here recurses: a topic may have 65,536
 * levels. Not locked; the owners lock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_TOPIC_TREE_H
#define PUBGRID_CORE_TOPIC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "core/hash_index.h"

struct topic_node {
    uint64_t hash;                         /* of the levels from the root down to here */
    struct topic_node *parent;             /* NULL: the root */
    struct topic_node *children;           /* the root of their order (core/siblings.h) */
    struct topic_node *left, *right;       /* in the order of the siblings, */
    struct topic_node *next;               /* and behind it */
    struct topic_node *plus, *number_sign; /* the children + and #, or NULL */
    void *value;                           /* the owner's; NULL: none */
    uint64_t stamp;                        /* the owner's, beside the value */
    uint32_t plain_count;                  /* children that are neither + nor # */
    uint16_t length;                       /* of `level` */
    uint8_t level[];
};

struct topic_tree {
    struct hash_index nodes; /* all but the root */
    struct topic_node *root; /* owned; no level */
};

/* One level with its hash, reckoned once and used for many parents. */
struct topic_level {
    struct slice text;
    uint64_t hash;
};

void topic_tree_init(struct topic_tree *tree);
/* Frees the nodes; the owner has dealt with the values (hash_index walk over `nodes`). */
void topic_tree_release(struct topic_tree *tree);

/* Where the topic's node is, made if need be (then without a value). The topic has levels. */
struct topic_node *topic_tree_add(struct topic_tree *tree, struct slice topic);
/* NULL if there is no such node. */
struct topic_node *topic_tree_find(const struct topic_tree *tree, struct slice topic);
struct topic_node *topic_tree_child(const struct topic_tree *tree, const struct topic_node *parent,
                                    const struct topic_level *level);
/* Frees the node if it has neither value nor children, then its parent likewise, and so on. */
void topic_tree_prune(struct topic_tree *tree, struct topic_node *node);

struct topic_level topic_level_make(struct slice text);

/* The hash of a child, from its parent's and its level's. Not symmetric, and not linear: the order
 * of levels counts, and no two topics collide under every seed. */
static inline uint64_t topic_node_hash(const struct topic_node *parent, uint64_t level_hash)
{
    uint64_t mixed = (parent->hash ^ level_hash) * UINT64_C(0x9e3779b97f4a7c15);

    return mixed ^ (mixed >> 32);
}

/* Appends the topic of a node that is not the root. */
void topic_node_append(struct buffer *out, const struct topic_node *node);

static inline struct slice topic_node_level(const struct topic_node *node)
{
    return slice_make(node->level, node->length);
}

#endif
