/* One message on its way to one session.
 *
 * A delivery is 32 bytes and shares the message with all other sessions. One that is stored need
 * not hold its message: it knows where in the store's log it lies, and the message is read back
 * when its turn comes; that is all that a backlog costs in memory per (session, message).
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
    DELIVERY_ABSENT = 1 << 2,           /* `length` is meant, not `message` */
    DELIVERY_DUP = 1 << 3,              /* was sent before, or may have been (MQTT-3.3.1-1) */
    DELIVERY_GONE = 1 << 4,             /* while loading: acknowledged since */
};

struct delivery {
    union {
        struct message *message; /* one count */
        uint32_t length;         /* of the message that is absent */
    };
    union {
        uint32_t identifier;             /* 0: none */
        struct identifiers *identifiers; /* owned */
    };
    uint64_t position; /* of the message in the store's log; 0: not stored; or */
#define DELIVERY_POSITION_UNKNOWN UINT64_MAX /* stored, and its message is needed no more */
    uint32_t sequence; /* QoS > 0: counts the session's deliveries, see delivery_packet_id() */
    uint8_t qos;       /* what the subscription makes of it */
    uint8_t flags;
};

/* Gives up the message's count and the identifiers. */
void delivery_release(struct delivery *delivery);
/* Gives up the message of a stored delivery; it can be read back. */
void delivery_forget_message(struct delivery *delivery);

static inline uint32_t delivery_length(const struct delivery *delivery)
{
    return delivery->flags & DELIVERY_ABSENT ? delivery->length : delivery->message->length;
}

/* The packet identifier follows from the place among the session's deliveries, and that follows
 * from the order of the log. So it is the same after a crash, without having been written: a
 * receiver at QoS 2 recognizes a message that it had already (MQTT-4.4.0-1, MQTT-4.3.3-10).
 * Sequence numbers whose low half is 0 are left out. */
static inline uint16_t delivery_packet_id(uint32_t sequence)
{
    return (uint16_t)sequence;
}

static inline uint32_t delivery_next_sequence(uint32_t sequence)
{
    sequence++;
    return (uint16_t)sequence == 0 ? sequence + 1 : sequence;
}

/* Right across a wrap, as long as they lie less than half of all numbers apart. */
static inline bool delivery_is_before(uint32_t sequence, uint32_t other)
{
    return (int32_t)(sequence - other) < 0;
}

enum { DELIVERY_FIRST_SEQUENCE = 1 };

#endif
