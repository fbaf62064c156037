/* A set of packet identifiers by linear probing, deletion by shifting back: see packet_ids.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/packet_ids.h"

#include <stdlib.h>

#include "base/memory.h"

enum { PACKET_IDS_CAPACITY_MIN = 16 };

/* Where the identifier stands, or the free place where it would. */
static uint32_t place_of(const struct packet_ids *ids, uint16_t packet_id)
{
    uint32_t at = packet_id_home(ids->capacity, packet_id);
    while (ids->places[at] != 0 && ids->places[at] != packet_id) {
        at = (at + 1) & (ids->capacity - 1);
    }
    return at;
}

static void packet_ids_grow(struct packet_ids *ids)
{
    struct packet_ids bigger = {
        .capacity = ids->capacity ? ids->capacity * 2 : PACKET_IDS_CAPACITY_MIN,
        .count = ids->count,
    };
    bigger.places = memory_allocate_zero(bigger.capacity * sizeof(*bigger.places));
    for (uint32_t i = 0; i < ids->capacity; i++) {
        if (ids->places[i] != 0) {
            bigger.places[place_of(&bigger, ids->places[i])] = ids->places[i];
        }
    }
    free(ids->places);
    *ids = bigger;
}

bool packet_ids_contain(const struct packet_ids *ids, uint16_t packet_id)
{
    return ids->capacity > 0 && ids->places[place_of(ids, packet_id)] == packet_id;
}

bool packet_ids_add(struct packet_ids *ids, uint16_t packet_id)
{
    if (ids->count * 2 >= ids->capacity) {
        packet_ids_grow(ids);
    }
    uint32_t at = place_of(ids, packet_id);
    if (ids->places[at] == packet_id) {
        return false;
    }
    ids->places[at] = packet_id;
    ids->count++;
    return true;
}

bool packet_ids_remove(struct packet_ids *ids, uint16_t packet_id)
{
    if (!packet_ids_contain(ids, packet_id)) {
        return false;
    }
    uint32_t mask = ids->capacity - 1;
    uint32_t hole = place_of(ids, packet_id);
    for (uint32_t at = (hole + 1) & mask; ids->places[at] != 0; at = (at + 1) & mask) {
        /* Move back whatever may not stay behind the hole. */
        uint32_t home = packet_id_home(ids->capacity, ids->places[at]);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            ids->places[hole] = ids->places[at];
            hole = at;
        }
    }
    ids->places[hole] = 0;
    ids->count--;
    return true;
}

void packet_ids_release(struct packet_ids *ids)
{
    free(ids->places);
    *ids = (struct packet_ids){0};
}
