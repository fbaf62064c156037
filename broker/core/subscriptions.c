/* The subscription tree: see subscriptions.h.
 *
 * A filter is one struct whether it is exact or not; what differs is how it is found: by a hash of
 * the whole filter, or as the value of a node of the topic tree. Share groups have a hash of their
 * own (by the whole `$share/...` text) and hang at the filter that they share.
 *
 * A filter lives while it has a subscriber or a group, a group while it has a member.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/subscriptions.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/memory.h"
#include "core/hash_index.h"
#include "core/shared.h"
#include "core/subscriber_set.h"
#include "core/topic_tree.h"
#include "mqtt/topic.h"

struct filter {
    struct subscriber_set direct; /* without those of share groups */
    struct topic_node *node;      /* of a filter with wildcards; NULL: exact */
    struct list groups;           /* struct share_group, linked by `beside` */
    uint16_t length;              /* of `text` */
    uint8_t text[];               /* of an exact filter; else empty */
};

struct subscriptions {
    pthread_rwlock_t lock;
    struct hash_index exact;  /* struct filter, by text */
    struct hash_index groups; /* struct share_group, by text */
    struct topic_tree tree;   /* of filters with wildcards; value: struct filter */
    _Atomic size_t count;     /* subscriptions, shared ones included */
    _Atomic size_t shared_count;
};

struct subscriptions *subscriptions_new(void)
{
    struct subscriptions *subscriptions = memory_allocate_zero(sizeof(*subscriptions));
    pthread_rwlockattr_t attributes;

    /* Readers never stop coming: a writer must not wait for a moment without any. */
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&subscriptions->lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    topic_tree_init(&subscriptions->tree);
    return subscriptions;
}

static void filter_free(struct filter *filter)
{
    subscriber_set_release(&filter->direct);
    free(filter);
}

void subscriptions_free(struct subscriptions *subscriptions)
{
    if (!subscriptions) {
        return;
    }
    for (size_t i = 0; i < subscriptions->groups.capacity; i++) {
        if (subscriptions->groups.entries[i].element) {
            share_group_free(subscriptions->groups.entries[i].element);
        }
    }
    for (size_t i = 0; i < subscriptions->exact.capacity; i++) {
        if (subscriptions->exact.entries[i].element) {
            filter_free(subscriptions->exact.entries[i].element);
        }
    }
    for (size_t i = 0; i < subscriptions->tree.nodes.capacity; i++) {
        const struct topic_node *node = subscriptions->tree.nodes.entries[i].element;
        if (node && node->value) {
            filter_free(node->value);
        }
    }
    hash_index_release(&subscriptions->groups);
    hash_index_release(&subscriptions->exact);
    topic_tree_release(&subscriptions->tree);
    pthread_rwlock_destroy(&subscriptions->lock);
    free(subscriptions);
}

/* A change of one subscription, taken apart before the lock is taken. */
struct request {
    struct slice whole;  /* as subscribed */
    struct slice filter; /* without `$share/<name>/` */
    uint64_t whole_hash, filter_hash;
    bool shared, wildcard;
};

static struct request request_make(struct slice filter)
{
    struct request request = {.whole = filter, .filter = filter};
    struct slice share_name;

    request.shared = topic_filter_split_share(filter, &share_name, &request.filter);
    request.wildcard = topic_filter_has_wildcard(request.filter);
    request.filter_hash = hash_seeded(request.filter);
    request.whole_hash = request.shared ? hash_seeded(filter) : request.filter_hash;
    return request;
}

static struct filter *exact_find(const struct subscriptions *subscriptions, struct slice text,
                                 uint64_t hash)
{
    size_t position = hash_index_home(&subscriptions->exact, hash);
    struct filter *filter;

    do {
        filter = hash_index_next(&subscriptions->exact, hash, &position);
    } while (filter && !slice_equal(slice_make(filter->text, filter->length), text));
    return filter;
}

static struct share_group *group_find(const struct subscriptions *subscriptions,
                                      const struct request *request)
{
    size_t position = hash_index_home(&subscriptions->groups, request->whole_hash);
    struct share_group *group;

    do {
        group = hash_index_next(&subscriptions->groups, request->whole_hash, &position);
    } while (group && !slice_equal(share_group_text(group), request->whole));
    return group;
}

static struct filter *filter_find(const struct subscriptions *subscriptions,
                                  const struct request *request)
{
    if (!request->wildcard) {
        return exact_find(subscriptions, request->filter, request->filter_hash);
    }
    const struct topic_node *node = topic_tree_find(&subscriptions->tree, request->filter);
    return node ? node->value : NULL;
}

static struct filter *filter_new(struct slice text)
{
    struct filter *filter = memory_allocate(sizeof(*filter) + text.length);

    *filter = (struct filter){.length = (uint16_t)text.length};
    list_init(&filter->groups);
    if (text.length > 0) {
        memcpy(filter->text, text.data, text.length);
    }
    return filter;
}

static struct filter *filter_add(struct subscriptions *subscriptions, const struct request *request)
{
    struct filter *filter;

    if (request->wildcard) {
        filter = filter_new(SLICE_EMPTY);
        filter->node = topic_tree_add(&subscriptions->tree, request->filter);
        filter->node->value = filter;
    } else {
        filter = filter_new(request->filter);
        hash_index_insert(&subscriptions->exact, request->filter_hash, filter);
    }
    return filter;
}

static struct filter *filter_find_or_add(struct subscriptions *subscriptions,
                                         const struct request *request)
{
    struct filter *filter = filter_find(subscriptions, request);

    return filter ? filter : filter_add(subscriptions, request);
}

/* Removes the filter if nothing holds it any more. */
static void filter_prune(struct subscriptions *subscriptions, struct filter *filter,
                         const struct request *request)
{
    if (filter->direct.count > 0 || !list_is_empty(&filter->groups)) {
        return;
    }
    if (filter->node) {
        filter->node->value = NULL;
        topic_tree_prune(&subscriptions->tree, filter->node);
    } else {
        hash_index_remove(&subscriptions->exact, request->filter_hash, filter);
    }
    filter_free(filter);
}

static struct share_group *group_find_or_add(struct subscriptions *subscriptions,
                                             const struct request *request)
{
    struct share_group *group = group_find(subscriptions, request);

    if (!group) {
        group = share_group_new(request->whole);
        group->filter = filter_find_or_add(subscriptions, request);
        list_add_last(&group->filter->groups, &group->beside);
        hash_index_insert(&subscriptions->groups, request->whole_hash, group);
    }
    return group;
}

static void group_prune(struct subscriptions *subscriptions, struct share_group *group,
                        const struct request *request)
{
    if (group->members.count > 0) {
        return;
    }
    list_remove(&group->beside);
    hash_index_remove(&subscriptions->groups, request->whole_hash, group);
    filter_prune(subscriptions, group->filter, request);
    share_group_free(group);
}

bool subscriptions_add(struct subscriptions *subscriptions, struct slice filter,
                       const struct subscriber *subscriber)
{
    struct request request = request_make(filter);
    struct subscriber_set *set;

    pthread_rwlock_wrlock(&subscriptions->lock);
    if (request.shared) {
        set = &group_find_or_add(subscriptions, &request)->members;
    } else {
        set = &filter_find_or_add(subscriptions, &request)->direct;
    }
    uint32_t before = set->count;
    bool is_new = subscriber_set_put(set, subscriber);
    subscriptions->count += set->count - before;
    subscriptions->shared_count += request.shared ? set->count - before : 0;
    pthread_rwlock_unlock(&subscriptions->lock);
    return is_new;
}

static bool remove_direct(struct subscriptions *subscriptions, const struct request *request,
                          struct session_ref session)
{
    struct filter *filter = filter_find(subscriptions, request);

    if (!filter || !subscriber_set_remove(&filter->direct, session)) {
        return false;
    }
    filter_prune(subscriptions, filter, request);
    return true;
}

static bool remove_shared(struct subscriptions *subscriptions, const struct request *request,
                          struct session_ref session)
{
    struct share_group *group = group_find(subscriptions, request);

    if (!group || !subscriber_set_remove(&group->members, session)) {
        return false;
    }
    group_prune(subscriptions, group, request);
    return true;
}

bool subscriptions_remove(struct subscriptions *subscriptions, struct slice filter,
                          struct session_ref session)
{
    struct request request = request_make(filter);

    pthread_rwlock_wrlock(&subscriptions->lock);
    bool removed = request.shared ? remove_shared(subscriptions, &request, session)
                                  : remove_direct(subscriptions, &request, session);
    subscriptions->count -= removed;
    subscriptions->shared_count -= removed && request.shared;
    pthread_rwlock_unlock(&subscriptions->lock);
    return removed;
}

size_t subscriptions_count(struct subscriptions *subscriptions)
{
    return atomic_load_explicit(&subscriptions->count, memory_order_relaxed);
}

size_t subscriptions_shared_count(struct subscriptions *subscriptions)
{
    return atomic_load_explicit(&subscriptions->shared_count, memory_order_relaxed);
}

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
    LIST_FOREACH (link, &filter->groups) {
        match_group(match, CONTAINER_OF(link, struct share_group, beside));
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
    size_t size = frontier->capacity * sizeof(frontier->nodes[0]);
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
    frontier->nodes[frontier->count++] = node;
}

/* One level down from every node of `here`. */
static void walk_level(const struct topic_tree *tree, const struct topic_level *level,
                       bool wildcards, const struct frontier *here, struct frontier *next,
                       struct match *match)
{
    next->count = 0;
    for (size_t i = 0; i < here->count; i++) {
        const struct topic_node *node = here->nodes[i];
        if (wildcards) {
            match_node(match, node->number_sign);
            frontier_add(next, node->plus);
        }
        frontier_add(next, topic_tree_child(tree, node, level));
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
        struct topic_level level = topic_level_make(text);
        walk_level(tree, &level, wildcards, here, next, match);
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
    const struct filter *filter = exact_find(subscriptions, topic, hash);
    if (filter) {
        match_filter(&match, filter);
    }
    if (subscriptions->tree.nodes.count > 0) {
        match_wildcards(&subscriptions->tree, topic, &match);
    }
    pthread_rwlock_unlock(&subscriptions->lock);
    out->may_overlap = match.sources > 1 || match.shared;
}
