/* Retained messages: a topic tree whose nodes have the message as their value.
 *
 * Messages are collected under the read lock with a count each, and freed outside the lock.
 *
 * Versions are times, so that nothing else need be kept to know when a message was set: the upper
 * bits are ms since 1970, the lower ones count what happens in one of them. Stores of before have
 * small ones, which tell no time.
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
#include "core/topic_walk.h"

enum { VERSION_TIME_SHIFT = 20 };

struct retained {
    pthread_rwlock_t lock;
    struct topic_tree tree;  /* value: struct message, one count */
    size_t expiring;         /* messages that will expire */
    uint64_t version;        /* of the last change */
    size_t sweep;            /* position in tree.nodes where retained_expire() goes on */
    _Atomic size_t count;    /* messages, */
    _Atomic size_t internal; /* and those of them whose topics begin with $ */
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

size_t retained_internal_count(struct retained *retained)
{
    return atomic_load_explicit(&retained->internal, memory_order_relaxed);
}

static size_t is_internal(const struct message *message)
{
    return message && message_topic(message).data[0] == '$';
}

/* Puts `message` (NULL: nothing) in the place of the node's; returns what was there. */
static struct message *node_swap(struct retained *retained, struct topic_node *node,
                                 struct message *message, uint64_t version)
{
    struct message *old = node->value;

    node->value = message;
    node->stamp = version;
    retained->count += (size_t)(message != NULL) - (size_t)(old != NULL);
    retained->internal += is_internal(message) - is_internal(old);
    retained->expiring += (size_t)(message && message->expires_at != MSEC_NEVER) -
                          (size_t)(old && old->expires_at != MSEC_NEVER);
    if (!message) {
        topic_tree_prune(&retained->tree, node);
    }
    return old;
}

/* Of a change that happens now; the write lock is held. */
static uint64_t next_version(const struct retained *retained, msec_t now)
{
    uint64_t first = (uint64_t)now << VERSION_TIME_SHIFT;

    return retained->version < first ? first : retained->version + 1;
}

static msec_t version_time(uint64_t version)
{
    return (msec_t)(version >> VERSION_TIME_SHIFT);
}

/* Returns what was there; the write lock is held. */
static struct message *change(struct retained *retained, struct message *message, uint64_t version)
{
    struct slice topic = message_topic(message);
    struct topic_node *node;

    retained->version = version > retained->version ? version : retained->version;
    if (message_payload(message).length > 0) {
        node = topic_tree_add(&retained->tree, topic);
        return node_swap(retained, node, message_hold(message), version);
    }
    node = topic_tree_find(&retained->tree, topic);
    return node ? node_swap(retained, node, NULL, version) : NULL;
}

uint64_t retained_set(struct retained *retained, struct message *message, msec_t now)
{
    pthread_rwlock_wrlock(&retained->lock);
    uint64_t version = next_version(retained, now);
    struct message *old = change(retained, message, version);
    pthread_rwlock_unlock(&retained->lock);
    message_release(old);
    return version;
}

void retained_restore(struct retained *retained, struct message *message, uint64_t version)
{
    pthread_rwlock_wrlock(&retained->lock);
    struct message *old = NULL;
    if (message) {
        old = change(retained, message, version);
    } else if (version > retained->version) {
        retained->version = version;
    }
    pthread_rwlock_unlock(&retained->lock);
    message_release(old);
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

/* The message that the walk has come to; NULL: there is none to be handed out. */
static struct message *found(const struct topic_walk *walk, msec_t now)
{
    struct message *message = walk->node->value;

    return message && topic_walk_matches(walk) && !message_is_expired(message, now) ? message
                                                                                    : NULL;
}

void retained_match(struct retained *retained, struct slice filter, msec_t now,
                    struct retained_matches *out)
{
    struct topic_walk walk;

    *out = (struct retained_matches){0};
    topic_walk_begin(&walk, &retained->tree, filter);
    pthread_rwlock_rdlock(&retained->lock);
    for (; walk.node; topic_walk_next(&walk)) {
        struct message *message = found(&walk, now);
        if (message) {
            matches_add(out, message_hold(message));
        }
    }
    pthread_rwlock_unlock(&retained->lock);
    topic_walk_end(&walk);
}

/* Fills the page from where the walk is; leaves the walk behind what it has looked at. Returns the
 * last node that it has looked at. */
static const struct topic_node *fill(struct retained_page *page, struct topic_walk *walk,
                                     const struct retained_question *question)
{
    const struct topic_node *last = NULL;

    size_t looks = 0;

    while (walk->node && looks < question->looks && page->count < question->most) {
        struct message *message = found(walk, question->now);
        if (message) {
            page->items[page->count++] =
                (struct retained_item){message_hold(message), version_time(walk->node->stamp)};
        }
        last = walk->node;
        looks += walk->depth > 1 || last->length > 0; /* not where the topic would be empty */
        topic_walk_next(walk);
    }
    return last;
}

void retained_read(struct retained *retained, const struct retained_question *question,
                   struct retained_page *page)
{
    struct topic_walk walk;

    assert(question->most <= RETAINED_PAGE_MAX);
    page->count = 0;
    page->next = (struct buffer){0};
    topic_walk_begin(&walk, &retained->tree, question->filter);
    pthread_rwlock_rdlock(&retained->lock);
    if (question->behind.length > 0) {
        topic_walk_seek(&walk, question->behind);
    } else {
        topic_walk_next(&walk);
    }
    const struct topic_node *last = fill(page, &walk, question);
    if (last && walk.node) {
        topic_node_append(&page->next, last);
    }
    pthread_rwlock_unlock(&retained->lock);
    topic_walk_end(&walk);
}

void retained_page_release(struct retained_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        message_release(page->items[i].message);
    }
    buffer_release(&page->next);
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
    uint64_t first = next_version(retained, now);
    most = most < retained->tree.nodes.count ? most : retained->tree.nodes.count;
    if (retained->expiring > 0 && most > 0) {
        struct topic_node **expired = memory_allocate(most * sizeof(struct topic_node *));
        size_t count = sweep_collect(retained, now, expired, most);
        for (size_t i = 0; i < count; i++) {
            matches_add(dropped, node_swap(retained, expired[i], NULL, first + i));
            retained->version = first + i;
        }
        free(expired);
    }
    pthread_rwlock_unlock(&retained->lock);
    return first;
}
