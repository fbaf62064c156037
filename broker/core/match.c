/* Matching a topic name against the subscription tree.
 *
 * An exact filter is one probe of a hash. Filters with wildcards are walked level by level, all
 * ways at once: from every node reached so far to its children `#` (which ends there), `+`, and the
 * level itself. At a million filters the cost is that of cache misses, so the places that the next
 * step will look at are asked for beforehand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "core/filter.h"
#include "core/hash_index.h"
#include "core/shared.h"
#include "core/subscriber_set.h"
#include "core/subscriptions.h"
#include "core/topic_tree.h"
#include "mqtt/topic.h"

void recipients_release(struct recipients *recipients)
{
    free(recipients->items);
    *recipients = (struct recipients){0};
}

/* A match in the making. */
struct match {
    struct recipients *out;
    size_t sources; /* filters and groups that yielded something */
    bool shared;    /* one of them was a group */
};

static struct subscriber *recipients_reserve(struct recipients *out, size_t extra)
{
    if (out->capacity - out->count < extra) {
        size_t twice = out->capacity * 2;
        out->capacity = out->count + extra > twice ? out->count + extra : twice;
        out->items = memory_resize(out->items, out->capacity * sizeof(*out->items));
    }
    return out->items + out->count;
}

static void match_set(struct match *match, const struct subscriber_set *set)
{
    memcpy(recipients_reserve(match->out, set->count), subscriber_set_items(set),
           set->count * sizeof(struct subscriber));
    match->out->count += set->count;
    match->out->durable |= set->durable > 0;
    match->sources++;
}

static void match_group(struct match *match, struct share_group *group)
{
    struct subscriber *chosen = recipients_reserve(match->out, 1);

    if (share_group_choose(group, chosen)) {
        match->out->count++;
        match->out->durable |= subscriber_is_durable(chosen);
        match->sources++;
        match->shared = true;
    }
}

static void match_filter(struct match *match, const struct filter *filter)
{
    if (filter->direct.count > 0) {
        match_set(match, &filter->direct);
    }
    for (struct share_group *group = filter->groups; group; group = group->next) {
        match_group(match, group);
    }
}

static void match_node(struct match *match, const struct topic_node *node)
{
    if (node && node->value) {
        match_filter(match, node->value);
    }
}

/* Nodes that the walk has reached on one level: as many as there are ways to write the levels so
 * far with and without `+`, so seldom more than a few. */
enum { FRONTIER_NEAR = 32 };

struct frontier {
    const struct topic_node **nodes; /* `near`, or owned */
    size_t count, capacity;
    const struct topic_node *near[FRONTIER_NEAR];
};

static void frontier_init(struct frontier *frontier)
{
    frontier->nodes = frontier->near;
    frontier->count = 0;
    frontier->capacity = FRONTIER_NEAR;
}

static void frontier_release(struct frontier *frontier)
{
    if (frontier->nodes != frontier->near) {
        free(frontier->nodes);
    }
}

static void frontier_grow(struct frontier *frontier)
{
    size_t size = frontier->capacity * sizeof(const struct topic_node *);
    bool near = frontier->nodes == frontier->near;

    frontier->nodes = memory_resize(near ? NULL : frontier->nodes, size * 2);
    if (near) {
        memcpy(frontier->nodes, frontier->near, size);
    }
    frontier->capacity *= 2;
}

static void frontier_add(struct frontier *frontier, const struct topic_node *node)
{
    if (!node) {
        return;
    }
    if (frontier->count == frontier->capacity) {
        frontier_grow(frontier);
    }
    __builtin_prefetch(node);
    frontier->nodes[frontier->count++] = node;
}

/* Adds the children of that level. Where all children are wildcards there is none to look for. */
static void walk_plain(const struct topic_tree *tree, struct slice text,
                       const struct frontier *here, struct frontier *next)
{
    struct topic_level level = topic_level_make(text);

    for (size_t i = 0; i < here->count; i++) {
        hash_index_prefetch(&tree->nodes, topic_node_hash(here->nodes[i], level.hash));
    }
    for (size_t i = 0; i < here->count; i++) {
        if (here->nodes[i]->plain_count > 0) {
            frontier_add(next, topic_tree_child(tree, here->nodes[i], &level));
        }
    }
}

/* One level down from every node of `here`. */
static void walk_level(const struct topic_tree *tree, struct slice text, bool wildcards,
                       const struct frontier *here, struct frontier *next, struct match *match)
{
    bool any_plain = false;

    next->count = 0;
    for (size_t i = 0; i < here->count; i++) {
        const struct topic_node *node = here->nodes[i];
        if (wildcards) {
            match_node(match, node->number_sign);
            frontier_add(next, node->plus);
        }
        any_plain |= node->plain_count > 0;
    }
    if (any_plain) {
        walk_plain(tree, text, here, next);
    }
}

static void match_wildcards(const struct topic_tree *tree, struct slice topic, struct match *match)
{
    struct frontier frontiers[2];
    struct frontier *here = &frontiers[0];
    struct frontier *next = &frontiers[1];
    struct slice text;
    bool done = false;
    bool wildcards = topic.length > 0 && topic.data[0] != '$'; /* MQTT-4.7.2-1 */

    frontier_init(here);
    frontier_init(next);
    frontier_add(here, tree->root);
    while (here->count > 0 && topic_next_level(&topic, &done, &text)) {
        walk_level(tree, text, wildcards, here, next, match);
        struct frontier *walked = here;
        here = next;
        next = walked;
        wildcards = true;
    }
    for (size_t i = 0; i < here->count; i++) {
        match_node(match, here->nodes[i]);
        match_node(match, here->nodes[i]->number_sign); /* `a/#` matches `a` too */
    }
    frontier_release(here);
    frontier_release(next);
}

void subscriptions_match(struct subscriptions *subscriptions, struct slice topic,
                         struct recipients *out)
{
    struct match match = {.out = out};
    uint64_t hash = hash_seeded(topic);

    out->count = 0;
    out->durable = false;
    pthread_rwlock_rdlock(&subscriptions->lock);
    if (subscriptions->tree.nodes.count > 0) {
        hash_index_prefetch(&subscriptions->exact, hash);
        match_wildcards(&subscriptions->tree, topic, &match);
    }
    const struct filter *filter = filter_find_exact(subscriptions, topic, hash);
    if (filter) {
        match_filter(&match, filter);
    }
    pthread_rwlock_unlock(&subscriptions->lock);
    out->may_overlap = match.sources > 1 || match.shared;
}
