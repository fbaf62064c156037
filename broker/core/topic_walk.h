/* The nodes of a topic tree of names that a filter matches, depth first without a stack: the node
 * says where the walk is, the filter's level at that depth says how it was reached. A node comes
 * before those below it, and siblings come in the order of their levels' bytes; so a walk can go on
 * behind any topic, whether that is still there or not.
 *
 *     topic_walk_begin, with the tree locked as long as the nodes are looked at
 *     for (; walk.node; topic_walk_next) if (topic_walk_matches) ...
 *     topic_walk_end
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_TOPIC_WALK_H
#define PUBGRID_CORE_TOPIC_WALK_H

#include "core/topic_tree.h"

enum { TOPIC_WALK_LEVELS_NEAR = 16 };

struct topic_walk {
    const struct topic_tree *tree;
    const struct topic_node *node; /* reached by the first `depth` levels; NULL: at the end */
    size_t depth;
    struct topic_level *levels; /* `near`, or owned */
    size_t level_count;
    bool whole_trees; /* the filter ends with `#`, which is not among the levels */
    struct topic_level near[TOPIC_WALK_LEVELS_NEAR];
};

/* At the root, which has no level. The filter is borrowed. */
void topic_walk_begin(struct topic_walk *walk, const struct topic_tree *tree, struct slice filter);
void topic_walk_end(struct topic_walk *walk);
void topic_walk_next(struct topic_walk *walk);
/* From the beginning to the first node behind this topic. */
void topic_walk_seek(struct topic_walk *walk, struct slice topic);

/* Is the node one that the filter matches, and not only on the way there? */
static inline bool topic_walk_matches(const struct topic_walk *walk)
{
    return walk->depth >= walk->level_count;
}

#endif
