/* A set of packet identifiers: the QoS 2 PUBLISHes of a client that were accepted and not yet
 * released, so that a repeated one is not delivered twice (MQTT-4.3.3-10).
 *
 * The client chooses the identifiers: open addressing, grown with the number in use.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_PACKET_IDS_H
#define PUBGRID_CORE_PACKET_IDS_H

#include <stdbool.h>
#include <stdint.h>

/* Where an identifier belongs in a table of linear probing. They are counted up: side by side they
 * would be one long run, which a removal has to walk. Multiplied by 2^16 / golden ratio, the
 * neighbours lie far apart. */
static inline uint32_t packet_id_home(uint32_t capacity, uint16_t packet_id)
{
    uint16_t spread = (uint16_t)(packet_id * 40503u);
    return (uint32_t)((uint64_t)spread * capacity >> 16);
}

struct packet_id_table {
    uint32_t count, capacity; /* power of two */
    uint16_t places[];        /* 0: free */
};

/* Zeroed memory is an empty set: few clients use QoS 2, so a session has two of these and one
 * pointer for each. Identifier 0 is never a member. */
struct packet_ids {
    struct packet_id_table *table; /* owned; NULL before the first member */
};

static inline uint32_t packet_ids_count(const struct packet_ids *ids)
{
    return ids->table ? ids->table->count : 0;
}

/* A walk over the members: *place is where to go on, at first 0. 0 at the end. */
uint16_t packet_ids_next(const struct packet_ids *ids, uint32_t *place);
bool packet_ids_contain(const struct packet_ids *ids, uint16_t packet_id);
/* False if it was a member already. */
bool packet_ids_add(struct packet_ids *ids, uint16_t packet_id);
/* False if it was no member. */
bool packet_ids_remove(struct packet_ids *ids, uint16_t packet_id);
void packet_ids_release(struct packet_ids *ids);

#endif
