/* A set of packet identifiers by linear probing, deletion by shifting back: see packet_ids.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/packet_ids.h"

#include <stdlib.h>

#include "base/memory.h"

enum { PACKET_IDS_CAPACITY_MIN = 16 };

/* Where the identifier stands, or the free place where it would. */
static uint32_t place_of(const struct packet_id_table *table, uint16_t packet_id)
{
    uint32_t at = packet_id_home(table->capacity, packet_id);
    while (table->places[at] != 0 && table->places[at] != packet_id) {
        at = (at + 1) & (table->capacity - 1);
    }
    return at;
}

static struct packet_id_table *table_new(uint32_t capacity)
{
    struct packet_id_table *table =
        memory_allocate_zero(sizeof(*table) + capacity * sizeof(*table->places));
    table->capacity = capacity;
    return table;
}

static void packet_ids_grow(struct packet_ids *ids)
{
    struct packet_id_table *old = ids->table;
    struct packet_id_table *bigger = table_new(old ? old->capacity * 2 : PACKET_IDS_CAPACITY_MIN);
    for (uint32_t i = 0; old && i < old->capacity; i++) {
        if (old->places[i] != 0) {
            bigger->places[place_of(bigger, old->places[i])] = old->places[i];
            bigger->count++;
        }
    }
    free(old);
    ids->table = bigger;
}

uint16_t packet_ids_next(const struct packet_ids *ids, uint32_t *place)
{
    const struct packet_id_table *table = ids->table;
    while (table && *place < table->capacity) {
        uint16_t packet_id = table->places[(*place)++];
        if (packet_id != 0) {
            return packet_id;
        }
    }
    return 0;
}

bool packet_ids_contain(const struct packet_ids *ids, uint16_t packet_id)
{
    const struct packet_id_table *table = ids->table;
    return table && table->places[place_of(table, packet_id)] == packet_id;
}

bool packet_ids_add(struct packet_ids *ids, uint16_t packet_id)
{
    if (!ids->table || ids->table->count * 2 >= ids->table->capacity) {
        packet_ids_grow(ids);
    }
    struct packet_id_table *table = ids->table;
    uint32_t at = place_of(table, packet_id);
    if (table->places[at] == packet_id) {
        return false;
    }
    table->places[at] = packet_id;
    table->count++;
    return true;
}

bool packet_ids_remove(struct packet_ids *ids, uint16_t packet_id)
{
    struct packet_id_table *table = ids->table;
    if (!packet_ids_contain(ids, packet_id)) {
        return false;
    }
    uint32_t mask = table->capacity - 1;
    uint32_t hole = place_of(table, packet_id);
    for (uint32_t at = (hole + 1) & mask; table->places[at] != 0; at = (at + 1) & mask) {
        /* Move back whatever may not stay behind the hole. */
        uint32_t home = packet_id_home(table->capacity, table->places[at]);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->places[hole] = table->places[at];
            hole = at;
        }
    }
    table->places[hole] = 0;
    table->count--;
    return true;
}

void packet_ids_release(struct packet_ids *ids)
{
    free(ids->table);
    ids->table = NULL;
}
