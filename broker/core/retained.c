/* Retained messages: a topic tree whose nodes have the message as their value.
 *
 * A filter walks the tree depth first without a stack: the node says where it is, the filter's
 * level at that depth says how it was reached. Messages are collected under the read lock with a
 * count each, and freed outside the lock.
 *
 * Expired messages are never handed out; the sweep that frees them goes round the hash table of
 * the nodes a slice at a time, so that its place in it is a number that no removal can spoil.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/retained.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/topic_tree.h"
#include "mqtt/topic.h"

struct retained {
    pthread_rwlock_t lock;
    struct topic_tree tree; /* value: struct message, one count */
    size_t expiring;        /* messages that will expire */
    uint64_t version;       /* of the last change */
    size_t sweep;           /* position in tree.nodes where retained_expire() goes on */
    _Atomic size_t count;   /* messages */
};

struct retained *retained_new(void)
{
    struct retained *retained = memory_allocate_zero(sizeof(*retained));
    pthread_rwlockattr_t attributes;

    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&retained->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    topic_tree_init(&retained->tree);
    return retained;
}

void retained_free(struct retained *retained)
{
    if (!retained) {
        return;
    }
    for (size_t i = 0; i < retained->tree.nodes.capacity; i++) {
        const struct topic_node *node = retained->tree.nodes.entries[i].element;
        if (node) {
            message_release(node->value);
        }
    }
    topic_tree_release(&retained->tree);
    pthread_rwlock_destroy(&retained->lock);
    free(retained);
}

size_t retained_count(struct retained *retained)
{
    return atomic_load_explicit(&retained->count, memory_order_relaxed);
}

/* Puts `message` (NULL: nothing) in the place of the node's; returns what was there. */
static struct message *node_swap(struct retained *retained, struct topic_node *node,
                                 struct message *message)
{
    struct message *old = node->value;

    node->value = message;
    retained->count += (size_t)(message != NULL) - (size_t)(old != NULL);
    retained->expiring += (size_t)(message && message->expires_at != MSEC_NEVER) -
                          (size_t)(old && old->expires_at != MSEC_NEVER);
    if (!message) {
        topic_tree_prune(&retained->tree, node);
    }
    return old;
}

/* `version` 0: the next one. */
static uint64_t change(struct retained *retained, struct message *message, uint64_t version)
{
    struct slice topic = message_topic(message);
    struct message *old = NULL;
    struct topic_node *node;

    pthread_rwlock_wrlock(&retained->lock);
    version = version ? version : retained->version + 1;
    retained->version = version > retained->version ? version : retained->version;
    if (message_payload(message).length > 0) {
        node = topic_tree_add(&retained->tree, topic);
        old = node_swap(retained, node, message_hold(message));
    } else {
        node = topic_tree_find(&retained->tree, topic);
        if (node) {
            old = node_swap(retained, node, NULL);
        }
    }
    pthread_rwlock_unlock(&retained->lock);
    message_release(old);
    return version;
}

uint64_t retained_set(struct retained *retained, struct message *message)
{
    return change(retained, message, 0);
}

void retained_restore(struct retained *retained, struct message *message, uint64_t version)
{
    if (message) {
        change(retained, message, version);
    } else if (version > retained->version) {
        retained->version = version;
    }
}

static void matches_add(struct retained_matches *out, struct message *message)
{
    if (out->count == out->capacity) {
        out->capacity = out->capacity > 0 ? out->capacity * 2 : 8;
        out->items = memory_resize(out->items, out->capacity * sizeof(struct message *));
    }
    out->items[out->count++] = message;
}

void retained_matches_release(struct retained_matches *matches)
{
    for (size_t i = 0; i < matches->count; i++) {
        message_release(matches->items[i]);
    }
    free(matches->items);
    *matches = (struct retained_matches){0};
}

enum { LEVELS_NEAR = 16 };

/* A filter and where its walk is: `node` was reached by the first `depth` levels. */
struct walk {
    const struct topic_tree *tree;
    const struct topic_node *node; /* NULL: at the end */
    size_t depth;
    struct topic_level *levels; /* `near`, or owned */
    size_t level_count;
    bool whole_trees; /* the filter ends with `#`, which is not among the levels */
    struct topic_level near[LEVELS_NEAR];
};

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

static void walk_begin(struct walk *walk, const struct topic_tree *tree, struct slice filter)
{
    size_t most = count_levels(filter);
    struct slice text;
    bool done = false;

    walk->tree = tree;
    walk->node = tree->root;
    walk->depth = 0;
    walk->levels = most <= LEVELS_NEAR ? walk->near : memory_allocate(most * sizeof(walk->near[0]));
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

static void walk_end(struct walk *walk)
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

static bool reached_by_wildcard(const struct walk *walk)
{
    return walk->depth > walk->level_count || level_is(walk->levels[walk->depth - 1].text, '+');
}

/* The first child that the next level of the filter matches; NULL if none, or no level is left. */
static const struct topic_node *walk_child(const struct walk *walk)
{
    bool past_levels = walk->depth >= walk->level_count;

    if (past_levels && !walk->whole_trees) {
        return NULL;
    }
    if (past_levels || level_is(walk->levels[walk->depth].text, '+')) {
        return first_visible(walk->node->child, walk->depth + 1);
    }
    return topic_tree_child(walk->tree, walk->node, &walk->levels[walk->depth]);
}

static void walk_next(struct walk *walk)
{
    const struct topic_node *node = walk_child(walk);

    if (node) {
        walk->depth++;
    }
    while (!node && walk->depth > 0) {
        if (reached_by_wildcard(walk)) {
            node = first_visible(walk->node->next, walk->depth);
        }
        if (!node) {
            walk->node = walk->node->parent;
            walk->depth--;
        }
    }
    walk->node = node;
}

void retained_match(struct retained *retained, struct slice filter, msec_t now,
                    struct retained_matches *out)
{
    struct walk walk;

    *out = (struct retained_matches){0};
    walk_begin(&walk, &retained->tree, filter);
    pthread_rwlock_rdlock(&retained->lock);
    for (; walk.node; walk_next(&walk)) {
        struct message *message = walk.node->value;
        if (message && walk.depth >= walk.level_count && !message_is_expired(message, now)) {
            matches_add(out, message_hold(message));
        }
    }
    pthread_rwlock_unlock(&retained->lock);
    walk_end(&walk);
}

/* Takes the next `most` nodes of the sweep, once round at most, and keeps the expired ones. */
static size_t sweep_collect(struct retained *retained, msec_t now, struct topic_node **expired,
                            size_t most)
{
    const struct hash_index *nodes = &retained->tree.nodes;
    size_t seen = 0;
    size_t count = 0;

    for (size_t step = 0; step < nodes->capacity && seen < most; step++) {
        struct topic_node *node = nodes->entries[retained->sweep & (nodes->capacity - 1)].element;
        retained->sweep++;
        seen += node != NULL;
        if (node && node->value && message_is_expired(node->value, now)) {
            expired[count++] = node;
        }
    }
    return count;
}

uint64_t retained_expire(struct retained *retained, msec_t now, size_t most,
                         struct retained_matches *dropped)
{
    *dropped = (struct retained_matches){0};
    pthread_rwlock_wrlock(&retained->lock);
    uint64_t first = retained->version + 1;
    most = most < retained->tree.nodes.count ? most : retained->tree.nodes.count;
    if (retained->expiring > 0 && most > 0) {
        struct topic_node **expired = memory_allocate(most * sizeof(struct topic_node *));
        size_t count = sweep_collect(retained, now, expired, most);
        for (size_t i = 0; i < count; i++) {
            matches_add(dropped, node_swap(retained, expired[i], NULL));
        }
        retained->version += count;
        free(expired);
    }
    pthread_rwlock_unlock(&retained->lock);
    return first;
}
