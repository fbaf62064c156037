/* A message that durable sessions get, as a frame of the store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_STORED_MESSAGE_H
#define PUBGRID_CORE_STORED_MESSAGE_H

#include "core/overlap.h"
#include "core/shard.h"

/* Puts the frame into the shard's batch: for the stored ones of `recipients`, each of which pins
 * it. With no such recipient it says only that the message was received. `publisher`, `packet_id`:
 * of a QoS 2 message from a durable session, else 0. Returns the offset of the frame. */
uint32_t stored_message_put(struct shard *shard, const struct message *message,
                            const struct recipients *recipients, bool merges, uint64_t publisher,
                            uint16_t packet_id);
/* Of shard->groups, which this makes. */
void message_groups_free(struct message_groups *groups);

#endif
