/* The subscription tree, shared by all shards: topic filter -> who gets it, and how.
 *
 * Matching takes a read lock, copies what it finds into the caller's array, and returns; the
 * entries are values, never pointers into the tree. Exact filters are in a hash (one probe),
 * filters with wildcards in a tree. The subscribers of a filter are sorted by worker and slot, so
 * what one filter yields is already grouped by worker.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SUBSCRIPTIONS_H
#define PUBGRID_CORE_SUBSCRIPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/session_ref.h"
#include "mqtt/packet.h"

enum subscriber_flags {
    SUBSCRIBER_NO_LOCAL = 1 << 0,
    SUBSCRIBER_RETAIN_AS_PUBLISHED = 1 << 1,
    SUBSCRIBER_ASKED = SUBSCRIBER_NO_LOCAL | SUBSCRIBER_RETAIN_AS_PUBLISHED, /* in SUBSCRIBE */
    SUBSCRIBER_DURABLE = 1 << 2,     /* its session outlives the network connection */
    SUBSCRIBER_ONLINE = 1 << 3,      /* has a network connection now (shared subscriptions ask) */
    SUBSCRIBER_PER_MESSAGE = 1 << 4, /* check access at each delivery */
    SUBSCRIBER_SHARED = 1 << 5,      /* comes from a share group (set by match) */
    SUBSCRIBER_BRIDGE = 1 << 6,      /* No Local goes for what any session of the bridge's sends */
    SUBSCRIBER_FULL = 1 << 7,        /* rather refuse a message than bring it */
    /* Follow from the session's state. */
    SUBSCRIBER_DERIVED =
        SUBSCRIBER_DURABLE | SUBSCRIBER_ONLINE | SUBSCRIBER_BRIDGE | SUBSCRIBER_FULL,
};

/* One subscription as the tree keeps it and as a match returns it: 24 bytes by value. */
struct subscriber {
    uint64_t durable_id; /* of the session, if it is SUBSCRIBER_DURABLE */
    struct session_ref session;
    uint32_t identifier; /* Subscription Identifier; 0: none */
    uint8_t qos;         /* maximum QoS */
    uint8_t flags;       /* enum subscriber_flags */
};

/* Result of a match. The array belongs to the caller and is reused from match to match. */
struct recipients {
    struct subscriber *items;
    size_t count, capacity;
    bool may_overlap; /* a session may stand in `items` more than once */
    bool durable;     /* some item is SUBSCRIBER_DURABLE with QoS > 0 */
};

void recipients_release(struct recipients *recipients);

struct subscriptions;

struct subscriptions *subscriptions_new(void);
void subscriptions_free(struct subscriptions *subscriptions);

/* Adds or replaces the session's subscription to `filter` (a valid filter; `$share/<name>/` is
 * understood). True if there was none before. Any thread. */
bool subscriptions_add(struct subscriptions *subscriptions, struct slice filter,
                       const struct subscriber *subscriber);
/* True if there was one. Any thread. */
bool subscriptions_remove(struct subscriptions *subscriptions, struct slice filter,
                          struct session_ref session);
/* Appends to `out` (which is emptied first) every subscription that matches; of each share group
 * one member: online ones in turn, else a durable offline one. Any thread. */
void subscriptions_match(struct subscriptions *subscriptions, struct slice topic,
                         struct recipients *out);
/* Subscriptions in all, and those of them that are shared. */
size_t subscriptions_count(struct subscriptions *subscriptions);
size_t subscriptions_shared_count(struct subscriptions *subscriptions);

#endif
