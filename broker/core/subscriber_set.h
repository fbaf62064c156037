/* The subscribers of one topic filter or one share group: sorted by session_ref.place, hence
 * grouped by worker. A lone subscriber, the usual case, lives in the set itself and costs no
 * allocation. Not locked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SUBSCRIBER_SET_H
#define PUBGRID_CORE_SUBSCRIBER_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "core/subscriptions.h"

/* Zeroed memory is an empty set. */
struct subscriber_set {
    union {
        struct subscriber one;    /* while capacity is 0: the only one, if count is 1 */
        struct subscriber *items; /* owned */
    };
    uint32_t count, capacity;
    uint32_t durable; /* how many subscriber_is_durable() */
};

/* A message to it must be stored before it is acknowledged. */
static inline bool subscriber_is_durable(const struct subscriber *subscriber)
{
    return (subscriber->flags & SUBSCRIBER_DURABLE) && subscriber->qos > 0;
}

static inline const struct subscriber *subscriber_set_items(const struct subscriber_set *set)
{
    return set->capacity == 0 ? &set->one : set->items;
}

/* Adds the subscriber or replaces the session's former one. True if there was none. */
bool subscriber_set_put(struct subscriber_set *set, const struct subscriber *subscriber);
/* True if there was one. */
bool subscriber_set_remove(struct subscriber_set *set, struct session_ref session);
void subscriber_set_release(struct subscriber_set *set);

#endif
