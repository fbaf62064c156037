/* The QoS 1 and 2 messages that were sent to a client and are not yet acknowledged, by packet
 * identifier (invariant 4: an identifier is used at most once at a time).
 *
 * We choose the identifiers, so the table needs no hashing: identifier modulo capacity is the
 * place, and an identifier whose place is taken is passed over.
 *
 *   (free) --sent--> PUBLISHED --PUBACK / PUBREC with error--> (free)
 *                        |
 *                        +--PUBREC--> RELEASED (PUBREL sent) --PUBCOMP--> (free)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_INFLIGHT_H
#define PUBGRID_CORE_INFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/delivery.h"

enum inflight_state { INFLIGHT_FREE, INFLIGHT_PUBLISHED, INFLIGHT_RELEASED };

struct inflight_entry {
    struct delivery delivery; /* message is NULL once RELEASED */
    uint32_t sequence;        /* order of the first sending */
    uint16_t packet_id;
    uint8_t state; /* enum inflight_state; changed by inflight_set_state only */
    bool sent;     /* on the current network connection */
};

/* Zeroed memory is empty. */
struct inflight {
    struct inflight_entry *entries; /* capacity many, a power of two, at most 65,536 */
    uint32_t capacity;
    uint32_t count;
    uint32_t next_sequence;
    uint16_t last_packet_id;
};

enum { INFLIGHT_MAX = 65535 };

/* Takes over the delivery, gives it a free packet identifier; state PUBLISHED, not sent. The
 * entry's address holds until the next add. At most INFLIGHT_MAX at a time. */
struct inflight_entry *inflight_add(struct inflight *inflight, const struct delivery *delivery);
/* NULL if that identifier is not in use. */
struct inflight_entry *inflight_find(const struct inflight *inflight, uint16_t packet_id);
/* The one place where states change; RELEASED and FREE give up the message. */
void inflight_set_state(struct inflight *inflight, struct inflight_entry *entry,
                        enum inflight_state state);
/* The packet identifiers in use, in the order of their first sending; the caller frees. */
uint16_t *inflight_in_order(const struct inflight *inflight);
/* Gives back the memory of an empty table. */
void inflight_shrink(struct inflight *inflight);
void inflight_release(struct inflight *inflight);

#endif
