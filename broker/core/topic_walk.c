/* Walks: see topic_walk.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/topic_walk.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/siblings.h"
#include "mqtt/topic.h"

static bool level_is(struct slice level, char wildcard)
{
    return level.length == 1 && level.data[0] == wildcard;
}

static size_t count_levels(struct slice filter)
{
    size_t count = 1;

    for (size_t i = 0; i < filter.length; i++) {
        count += filter.data[i] == '/';
    }
    return count;
}

void topic_walk_begin(struct topic_walk *walk, const struct topic_tree *tree, struct slice filter)
{
    size_t most = count_levels(filter);
    struct slice text;
    bool done = false;

    walk->tree = tree;
    walk->node = tree->root;
    walk->depth = 0;
    walk->levels =
        most <= TOPIC_WALK_LEVELS_NEAR ? walk->near : memory_allocate(most * sizeof(walk->near[0]));
    walk->level_count = 0;
    walk->whole_trees = false;
    while (topic_next_level(&filter, &done, &text)) {
        if (level_is(text, '#')) {
            walk->whole_trees = true;
        } else {
            walk->levels[walk->level_count++] = topic_level_make(text);
        }
    }
}

void topic_walk_end(struct topic_walk *walk)
{
    if (walk->levels != walk->near) {
        free(walk->levels);
    }
}

/* `node` or the first sibling after it that a wildcard may match: on the first level not those
 * that begin with $ (MQTT-4.7.2-1). */
static const struct topic_node *first_visible(const struct topic_node *node, size_t depth)
{
    while (node && depth == 1 && node->length > 0 && node->level[0] == '$') {
        node = node->next;
    }
    return node;
}

static bool is_wild(const struct topic_walk *walk, size_t depth)
{
    return depth > walk->level_count || level_is(walk->levels[depth - 1].text, '+');
}

/* Below the node there is something that the filter may match. */
static bool goes_deeper(const struct topic_walk *walk)
{
    return walk->depth < walk->level_count || walk->whole_trees;
}

/* The first child that the next level of the filter matches, and whose own level is not before
 * `least`. NULL: there is none. */
static const struct topic_node *child_from(const struct topic_walk *walk, struct slice least)
{
    size_t depth = walk->depth + 1;
    const struct topic_node *children = walk->node->children;

    if (!goes_deeper(walk)) {
        return NULL;
    }
    if (is_wild(walk, depth)) {
        return first_visible(
            least.length > 0 ? siblings_from(children, least) : siblings_first(children), depth);
    }
    const struct topic_node *child =
        topic_tree_child(walk->tree, walk->node, &walk->levels[walk->depth]);
    return child && slice_compare(topic_node_level(child), least) >= 0 ? child : NULL;
}

/* The next node that is not below this one. */
static void pass_by(struct topic_walk *walk)
{
    const struct topic_node *node = NULL;

    while (!node && walk->depth > 0) {
        if (is_wild(walk, walk->depth)) {
            node = first_visible(walk->node->next, walk->depth);
        }
        if (!node) {
            walk->node = walk->node->parent;
            walk->depth--;
        }
    }
    walk->node = node;
}

void topic_walk_next(struct topic_walk *walk)
{
    const struct topic_node *child = child_from(walk, SLICE_EMPTY);

    if (child) {
        walk->node = child;
        walk->depth++;
    } else {
        pass_by(walk);
    }
}

void topic_walk_seek(struct topic_walk *walk, struct slice topic)
{
    struct slice level;
    bool done = false;

    while (topic_next_level(&topic, &done, &level)) {
        const struct topic_node *child = child_from(walk, level);
        if (!child) {
            pass_by(walk);
            return;
        }
        walk->node = child;
        walk->depth++;
        if (!slice_equal(topic_node_level(child), level)) {
            return; /* it stands behind the topic */
        }
    }
    topic_walk_next(walk);
}
