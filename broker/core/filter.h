/* The inside of the subscription tree, for the two files that share it: subscriptions.c changes
 * it under the write lock, match.c reads it under the read lock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_FILTER_H
#define PUBGRID_CORE_FILTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash_index.h"
#include "core/subscriber_set.h"
#include "core/topic_tree.h"

struct share_group;

struct filter {
    struct subscriber_set direct; /* without those of share groups */
    struct topic_node *node;      /* of a filter with wildcards; NULL: exact */
    struct share_group *groups;   /* the first of those that share it, or NULL */
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

/* `hash` is hash_seeded(text). NULL if nobody subscribes to exactly that. */
struct filter *filter_find_exact(const struct subscriptions *subscriptions, struct slice text,
                                 uint64_t hash);

#endif
