/* From a published message to the sessions that get it, on this shard and on others.
 *
 * A message that must be durable goes to the store as one record, with the deliveries and the
 * publisher's acknowledgement sealed to it (invariant 1); any other is delivered at once. While a
 * publisher has records on the way, its later QoS > 0 messages follow as tickets, so that nothing
 * overtakes (invariant 8).
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
 * case before it gets the message itself. */
void router_publish(struct shard *shard, struct message *message, struct session *from,
                    uint16_t packet_id);

/* Acknowledges a PUBLISH that is not routed (refused, or a repetition): now, or behind the records
 * that are on the way, since acknowledgements keep the order of the PUBLISHes (MQTT-4.6.0-2). */
void router_acknowledge(struct session *from, enum qos qos, uint16_t packet_id,
                        enum reason_code reason);

/* Messages of the broker's own ($SYS): never durable. */
void router_publish_volatile(struct shard *shard, struct message *message);

/* session_publish.c: PUBACK or PUBREC for a PUBLISH of this session's current connection. */
void session_acknowledge(struct session *session, enum qos qos, uint16_t packet_id,
                         enum reason_code reason);

#endif
