/* Which requests of a connection have been carried out: the ackIds that succeeded last
 * (spec/webpubsub.md 2.3), and, for reliable connections, how the broker remembers them too.
 *
 * A reliable client's message with an ackId goes to the broker as a QoS 2 PUBLISH whose packet
 * identifier is made from the ackId, and its PUBREL is held back for as long as the ackId is
 * remembered. So the broker's session, which is durable, knows the identifier as received,
 * atomically with the message: if the bridge dies, the ackId is sent again by its client, and the
 * same PUBLISH changes nothing.
 *
 * Identifiers are ackId modulo their number, so two ackIds may want the same. That of the older one
 * is released first. After a crash nobody knows which ackIds the held identifiers stand for: those
 * that lie near the first ackId that comes are taken for its neighbours, all others are released.
 *
 * Single-threaded, pure. Zeroed memory is not used: ack_memory_new().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_ACK_MEMORY_H
#define PUBGRID_CLIENT_ACK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
    ACK_MEMORY_SIZE = 1000, /* remembered ackIds */
    ACK_PACKET_IDS = 4096,  /* packet identifiers 1 to 4096 are made from ackIds */
};

struct ack_memory;

/* `unknown`: of a connection that is resumed, and what the bridge knew of it is lost. */
struct ack_memory *ack_memory_new(bool unknown);
void ack_memory_free(struct ack_memory *memory);

bool ack_memory_knows(const struct ack_memory *memory, uint64_t ack_id);
/* A packet identifier for the PUBLISH of this ackId; 0 if the one it would get is under way for
 * another. Appends to `packets` the PUBRELs that have to go before it. */
uint16_t ack_memory_claim(struct ack_memory *memory, uint64_t ack_id, struct buffer *packets);
/* The PUBLISH was answered (`success`: carried out), and so is its claim over. */
void ack_memory_unclaim(struct ack_memory *memory, uint64_t ack_id, bool success,
                        struct buffer *packets);
/* The broker has confirmed a PUBREL by PUBCOMP. */
void ack_memory_released(struct ack_memory *memory, uint16_t packet_id);
/* The broker was away and is back: appends the PUBRELs that it has not confirmed. One that was lost
 * would let the broker take a later ackId's message for a repetition. `memory` may be NULL. */
void ack_memory_repeat(const struct ack_memory *memory, struct buffer *packets);
/* A request that needed no PUBLISH of that kind succeeded. */
void ack_memory_note(struct ack_memory *memory, uint64_t ack_id, struct buffer *packets);

/* The remembered ackIds, oldest first, 9 bytes each, and behind them those whose PUBLISH is under
 * way; and back. False if `bytes` are not such. */
void ack_memory_export(const struct ack_memory *memory, struct buffer *out);
void ack_memory_export_claim(struct buffer *out, uint64_t ack_id);
bool ack_memory_import(struct ack_memory *memory, struct slice bytes);

#endif
