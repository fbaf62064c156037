/* Changes of the subscription tree: see subscriptions.h; matching is in match.c.
 *
 * A filter is one struct whether it is exact or not; what differs is how it is found: by a hash of
 * the whole filter, or as the value of a node of the topic tree. Share groups have a hash of their
 * own (by the whole `$share/...` text) and hang at the filter that they share.
 *
 * A filter lives while it has a subscriber or a group, a group while it has a member.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/subscriptions.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "core/filter.h"
#include "core/hash_index.h"
#include "core/shared.h"
#include "core/subscriber_set.h"
#include "core/topic_tree.h"
#include "mqtt/topic.h"

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

struct filter *filter_find_exact(const struct subscriptions *subscriptions, struct slice text,
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
        return filter_find_exact(subscriptions, request->filter, request->filter_hash);
    }
    const struct topic_node *node = topic_tree_find(&subscriptions->tree, request->filter);
    return node ? node->value : NULL;
}

static struct filter *filter_new(struct slice text)
{
    struct filter *filter = memory_allocate(sizeof(*filter) + text.length);

    *filter = (struct filter){.length = (uint16_t)text.length};
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
    if (filter->direct.count > 0 || filter->groups) {
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

static void group_link(struct share_group *group, struct filter *filter)
{
    group->filter = filter;
    group->next = filter->groups;
    if (group->next) {
        group->next->previous = group;
    }
    filter->groups = group;
}

static void group_unlink(struct share_group *group)
{
    if (group->previous) {
        group->previous->next = group->next;
    } else {
        group->filter->groups = group->next;
    }
    if (group->next) {
        group->next->previous = group->previous;
    }
}

static struct share_group *group_find_or_add(struct subscriptions *subscriptions,
                                             const struct request *request)
{
    struct share_group *group = group_find(subscriptions, request);

    if (!group) {
        group = share_group_new(request->whole);
        group_link(group, filter_find_or_add(subscriptions, request));
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
    group_unlink(group);
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
