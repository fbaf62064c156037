/* One message on its way to one session, and the queue in which it waits.
 *
 * A delivery is 24 bytes and shares the message with all other sessions; that is all that a
 * backlog costs per (session, message).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_DELIVERY_H
#define PUBGRID_CORE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

/* Subscription identifiers of a message that matched several subscriptions of its session
 * (MQTT-3.3.4-3 to -5). */
struct identifiers {
    size_t count;
    uint32_t values[];
};

enum delivery_flags {
    DELIVERY_RETAIN = 1 << 0,           /* RETAIN is set on the wire */
    DELIVERY_MANY_IDENTIFIERS = 1 << 1, /* `identifiers` is meant, not `identifier` */
};

struct delivery {
    struct message *message; /* one count */
    union {
        uint32_t identifier;             /* 0: none */
        struct identifiers *identifiers; /* owned */
    };
    uint8_t qos; /* what the subscription makes of it */
    uint8_t flags;
};

/* Gives up the message's count and the identifiers. */
void delivery_release(struct delivery *delivery);

/* First in, first out; a ring that grows by doubling. Zeroed memory is empty. */
struct delivery_queue {
    struct delivery *items;
    uint32_t head, count, capacity; /* capacity is a power of two or 0 */
    uint64_t bytes;                 /* of the waiting messages */
};

/* Takes over the delivery. */
void delivery_queue_add(struct delivery_queue *queue, const struct delivery *delivery);
/* The oldest; NULL when empty. */
struct delivery *delivery_queue_first(const struct delivery_queue *queue);
/* Takes the oldest out; it must not be empty. */
struct delivery delivery_queue_take(struct delivery_queue *queue);
/* Releases all deliveries and the memory. */
void delivery_queue_release(struct delivery_queue *queue);

#endif
