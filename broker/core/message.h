/* An application message: immutable, counted, one allocation, shared by every thread that has a
 * recipient for it (invariant 3: a message is never written after it is made).
 *
 * Its bytes lie in the order in which MQTT 5 sends them at QoS 0 (topic length, topic, property
 * length, properties, payload), so that a delivery copies one run, and a 3.1.1 delivery two.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_MESSAGE_H
#define PUBGRID_CORE_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/slice.h"
#include "core/session_ref.h"
#include "mqtt/packet.h"

struct message {
    _Atomic uint32_t references;
    uint32_t properties_start;    /* offset of the property length in `bytes` */
    uint32_t payload_start;       /* offset of the payload in `bytes` */
    uint32_t length;              /* bytes in `bytes` */
    msec_t expires_at;            /* MSEC_NEVER without a Message Expiry Interval */
    struct session_ref publisher; /* for No Local: session_as_publisher() */
    uint8_t qos;                  /* as published */
    bool retain;                  /* as published */
    uint32_t told_start;          /* offset of `told` in `bytes`: `length` if there is none */
    uint8_t bytes[];              /* topic length, topic | property length, properties | payload |
                                   * told: user properties, raw (core/publisher.h) */
};

/* What a message is made of; slices are copied. `properties` is a raw list of which the forwarded
 * ones are kept (PROPERTIES_FORWARDED). */
struct message_parts {
    struct slice topic, payload, properties;
    bool forwards_all; /* there are no others in it */
    struct slice told; /* publisher_told() */
    msec_t expires_at;
    struct session_ref publisher;
    enum qos qos;
    bool retain;
};

/* Returns one count to the caller. */
struct message *message_new(const struct message_parts *parts);

/* From the bytes of another message, as they are kept in the store, the last `told_length` of which
 * are `told`; NULL if they are none. */
struct message *message_from_bytes(struct slice bytes, size_t told_length, msec_t expires_at,
                                   unsigned qos, bool retain);

static inline struct message *message_hold(struct message *message)
{
    atomic_fetch_add_explicit(&message->references, 1, memory_order_relaxed);
    return message;
}

/* Any thread; frees with the last count. */
void message_release(struct message *message);

static inline struct slice message_topic(const struct message *m)
{
    return slice_make(m->bytes + 2, m->properties_start - 2);
}

static inline struct slice message_payload(const struct message *m)
{
    return slice_make(m->bytes + m->payload_start, m->told_start - m->payload_start);
}

/* Who published it, for those who are told; empty: nobody was when it came. */
static inline struct slice message_told(const struct message *m)
{
    return slice_make(m->bytes + m->told_start, m->length - m->told_start);
}

/* The forwarded properties, raw, without their length. */
struct slice message_properties(const struct message *message);

static inline bool message_is_expired(const struct message *m, msec_t now)
{
    return m->expires_at <= now;
}

#endif
