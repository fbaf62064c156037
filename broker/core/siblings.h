/* The children of a node of the topic tree in the order of their levels' bytes, so that a walk over
 * a million of them can stop anywhere and go on later behind the level where it was, though that
 * may be gone by then.
 *
 * A treap: a search tree by level that is a heap by hash. Hashes are keyed, so no peer can choose
 * levels that make it deep. In order they are a list too (`next`). Nothing here recurses. Not
 * locked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SIBLINGS_H
#define PUBGRID_CORE_SIBLINGS_H

#include "core/topic_tree.h"

/* `root` is parent->children; no child with the node's level is there. */
void siblings_add(struct topic_node **root, struct topic_node *node);
/* The node is among them. */
void siblings_remove(struct topic_node **root, const struct topic_node *node);
/* The first of all; NULL: there is none. */
const struct topic_node *siblings_first(const struct topic_node *root);
/* The first whose level is not before this one; NULL: there is none. */
const struct topic_node *siblings_from(const struct topic_node *root, struct slice level);

#endif
