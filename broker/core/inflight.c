/* The table of unacknowledged messages to a client: see inflight.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/inflight.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { INFLIGHT_CAPACITY_MIN = 8, INFLIGHT_CAPACITY_MAX = 65536 };

static void inflight_grow(struct inflight *inflight)
{
    uint32_t capacity = inflight->capacity ? inflight->capacity * 2 : INFLIGHT_CAPACITY_MIN;
    struct inflight_entry *entries = memory_allocate_zero(capacity * sizeof(*entries));
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        const struct inflight_entry *entry = &inflight->entries[i];
        if (entry->state != INFLIGHT_FREE) {
            entries[entry->packet_id & (capacity - 1)] = *entry;
        }
    }
    free(inflight->entries);
    inflight->entries = entries;
    inflight->capacity = capacity;
}

struct inflight_entry *inflight_add(struct inflight *inflight, const struct delivery *delivery)
{
    assert(inflight->count < INFLIGHT_MAX);
    if (inflight->count * 2 >= inflight->capacity && inflight->capacity < INFLIGHT_CAPACITY_MAX) {
        inflight_grow(inflight);
    }
    struct inflight_entry *entry;
    uint16_t packet_id = inflight->last_packet_id;
    do {
        packet_id = (uint16_t)(packet_id + 1 == 0x10000 ? 1 : packet_id + 1);
        entry = &inflight->entries[packet_id & (inflight->capacity - 1)];
    } while (entry->state != INFLIGHT_FREE);
    inflight->last_packet_id = packet_id;
    inflight->count++;
    *entry = (struct inflight_entry){
        .delivery = *delivery,
        .sequence = inflight->next_sequence++,
        .packet_id = packet_id,
        .state = INFLIGHT_PUBLISHED,
    };
    return entry;
}

struct inflight_entry *inflight_find(const struct inflight *inflight, uint16_t packet_id)
{
    if (inflight->capacity == 0) {
        return NULL;
    }
    struct inflight_entry *entry = &inflight->entries[packet_id & (inflight->capacity - 1)];
    return entry->state != INFLIGHT_FREE && entry->packet_id == packet_id ? entry : NULL;
}

void inflight_set_state(struct inflight *inflight, struct inflight_entry *entry,
                        enum inflight_state state)
{
    assert(entry->state != INFLIGHT_FREE);
    assert(state == INFLIGHT_FREE || state == INFLIGHT_RELEASED);
    if (entry->delivery.message) {
        delivery_release(&entry->delivery);
        entry->delivery = (struct delivery){.qos = entry->delivery.qos};
    }
    entry->state = (uint8_t)state;
    if (state == INFLIGHT_FREE) {
        inflight->count--;
    }
}

struct ordered_id {
    uint32_t age;
    uint16_t packet_id;
};

static int compare_age(const void *a, const void *b)
{
    const struct ordered_id *x = a, *y = b;
    return x->age < y->age ? 1 : x->age > y->age ? -1 : 0;
}

uint16_t *inflight_in_order(const struct inflight *inflight)
{
    struct ordered_id *order = memory_allocate((inflight->count + 1) * sizeof(*order));
    size_t count = 0;
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        const struct inflight_entry *entry = &inflight->entries[i];
        if (entry->state != INFLIGHT_FREE) {
            /* Age, not sequence: right across a wrap of the 32-bit sequence. */
            order[count++] = (struct ordered_id){
                .age = inflight->next_sequence - entry->sequence,
                .packet_id = entry->packet_id,
            };
        }
    }
    assert(count == inflight->count);
    qsort(order, count, sizeof(*order), compare_age);
    uint16_t *ids = memory_allocate((count + 1) * sizeof(*ids));
    for (size_t i = 0; i < count; i++) {
        ids[i] = order[i].packet_id;
    }
    free(order);
    return ids;
}

void inflight_shrink(struct inflight *inflight)
{
    if (inflight->count == 0) {
        free(inflight->entries);
        inflight->entries = NULL;
        inflight->capacity = 0;
    }
}

void inflight_release(struct inflight *inflight)
{
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        if (inflight->entries[i].state != INFLIGHT_FREE) {
            inflight_set_state(inflight, &inflight->entries[i], INFLIGHT_FREE);
        }
    }
    inflight_shrink(inflight);
}
