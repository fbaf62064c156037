/* The QoS 1 and 2 messages that were sent to a client and are not yet acknowledged, by packet
 * identifier (invariant 4: an identifier is used at most once at a time).
 *
 *   (free) --sent--> PUBLISHED --PUBACK / PUBREC with error--> (free)
 *                        |
 *                        +--PUBREC--> RELEASING --committed, PUBREL sent--> RELEASED
 *                                                                   --PUBCOMP--> (free)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_INFLIGHT_H
#define PUBGRID_CORE_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/delivery.h"

enum inflight_state { INFLIGHT_FREE, INFLIGHT_PUBLISHED, INFLIGHT_RELEASING, INFLIGHT_RELEASED };

struct inflight_entry {
    struct delivery delivery; /* without a message once RELEASING or stored */
    uint8_t state;            /* enum inflight_state; changed by inflight_set_state only */
};

/* Zeroed memory is empty. */
struct inflight {
    struct inflight_entry *entries; /* open addressing by packet identifier */
    uint32_t capacity;              /* a power of two or 0 */
    uint32_t count;
    uint64_t bytes; /* of their messages, until PUBREC */
    uint32_t bound; /* no sequence number in use is before this */
};

enum { INFLIGHT_MAX = 65535 };

/* Takes over the delivery, whose packet identifier must be free; state PUBLISHED. The entry's
 * address holds until the next add or free. At most INFLIGHT_MAX at a time. */
struct inflight_entry *inflight_add(struct inflight *inflight, const struct delivery *delivery);
/* May a delivery with this sequence number, later than all others, be added? Not while a much older
 * one has its identifier. */
bool inflight_has_room(struct inflight *inflight, uint32_t sequence);
/* NULL if that identifier is not in use. */
struct inflight_entry *inflight_find(const struct inflight *inflight, uint16_t packet_id);
/* The one place where states change; RELEASING, RELEASED and FREE give up the message. */
void inflight_set_state(struct inflight *inflight, struct inflight_entry *entry,
                        enum inflight_state state);
/* The sequence numbers of those in state `state` (INFLIGHT_FREE: all), oldest first; `count` many.
 * The caller frees. */
uint32_t *inflight_in_order(const struct inflight *inflight, enum inflight_state state,
                            size_t *count);
/* Takes a PUBLISHED one out: the delivery is the caller's. */
struct delivery inflight_take(struct inflight *inflight, struct inflight_entry *entry);
/* Gives back the memory of an empty table. */
void inflight_shrink(struct inflight *inflight);
void inflight_release(struct inflight *inflight);

#endif
