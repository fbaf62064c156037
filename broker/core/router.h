/* From a published message to the sessions that get it, on this shard and on others.
 *
 * A message that must be durable goes into the shard's batch, with the deliveries and the
 * publisher's acknowledgement sealed to its commit (invariant 1); any other is delivered at once.
 * While a publisher has acknowledgements sealed, its later QoS > 0 messages are sealed too, so that
 * nothing overtakes (invariant 8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_ROUTER_H
#define PUBGRID_CORE_ROUTER_H

#include <stdbool.h>

#include "core/message.h"
#include "core/shard.h"
#include "mqtt/reason.h"

/* Publishes and, if RETAIN is set, retains the message. `from` (may be NULL) is the session whose
 * PUBLISH with `packet_id` it is: at QoS > 0 it is acknowledged, now or after the commit, in either
 * case before it gets the message itself. A reason other than success: it must be stored and
 * cannot be, or who must not miss it is full; it went nowhere, and a `from` has been told. */
enum reason_code router_publish(struct shard *shard, struct message *message, struct session *from,
                                uint16_t packet_id);

/* Acknowledges a PUBLISH that is not routed (refused, or a repetition): now, or behind what is
 * sealed, since acknowledgements keep the order of the PUBLISHes (MQTT-4.6.0-2). */
void router_acknowledge(struct session *from, enum qos qos, uint16_t packet_id,
                        enum reason_code reason);
/* The same, in any case after the commit of what is in the batch. */
void router_acknowledge_stored(struct session *from, enum qos qos, uint16_t packet_id);

/* Messages under `$SYS/`, of the broker and of bridges: QoS 0, never stored. */
void router_publish_volatile(struct shard *shard, struct message *message);

/* A retained message for one session, which asked for it with a SUBSCRIBE. */
void router_send_retained(struct session *session, struct message *message,
                          const struct subscriber *subscriber);

/* Is this how the store's refusal is said (shard_store_refusal())? */
static inline bool reason_is_store_refusal(enum reason_code reason)
{
    return reason == REASON_QUOTA_EXCEEDED || reason == REASON_IMPLEMENTATION_SPECIFIC_ERROR;
}

/* session_publish.c: PUBACK or PUBREC for a PUBLISH of this session's current connection. */
void session_acknowledge(struct session *session, enum qos qos, uint16_t packet_id,
                         enum reason_code reason);

/* What it keeps in the shard. */
void router_release(struct shard *shard);

#endif
