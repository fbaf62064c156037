/* The table of unacknowledged messages to a client: see inflight.h.
 *
 * Linear probing; an entry that goes pulls later ones of its run into the gap, so there are no
 * tombstones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/inflight.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "core/packet_ids.h"

enum { INFLIGHT_CAPACITY_MIN = 8 };

static uint16_t id_of(const struct inflight_entry *entry)
{
    return delivery_packet_id(entry->delivery.sequence);
}

/* The entry of the identifier, or the free place where it would be. */
static struct inflight_entry *probe(const struct inflight *inflight, uint16_t packet_id)
{
    uint32_t place = packet_id_home(inflight->capacity, packet_id);

    while (inflight->entries[place].state != INFLIGHT_FREE &&
           id_of(&inflight->entries[place]) != packet_id) {
        place = (place + 1) & (inflight->capacity - 1);
    }
    return &inflight->entries[place];
}

static void grow(struct inflight *inflight)
{
    struct inflight old = *inflight;

    inflight->capacity = old.capacity ? old.capacity * 2 : INFLIGHT_CAPACITY_MIN;
    inflight->entries = memory_allocate_zero(inflight->capacity * sizeof(*inflight->entries));
    for (uint32_t i = 0; i < old.capacity; i++) {
        if (old.entries[i].state != INFLIGHT_FREE) {
            *probe(inflight, id_of(&old.entries[i])) = old.entries[i];
        }
    }
    free(old.entries);
}

struct inflight_entry *inflight_add(struct inflight *inflight, const struct delivery *delivery)
{
    assert(inflight->count < INFLIGHT_MAX);
    if (inflight->count * 2 >= inflight->capacity) {
        grow(inflight);
    }
    struct inflight_entry *entry = probe(inflight, delivery_packet_id(delivery->sequence));
    assert(entry->state == INFLIGHT_FREE);
    *entry = (struct inflight_entry){.delivery = *delivery, .state = INFLIGHT_PUBLISHED};
    if (inflight->count == 0 || delivery_is_before(delivery->sequence, inflight->bound)) {
        inflight->bound = delivery->sequence;
    }
    inflight->count++;
    inflight->bytes += delivery_length(delivery);
    return entry;
}

/* The oldest is looked for only when it might be so old that identifiers come round again. */
static void raise_bound(struct inflight *inflight, uint32_t sequence)
{
    inflight->bound = sequence;
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        const struct inflight_entry *entry = &inflight->entries[i];
        if (entry->state != INFLIGHT_FREE &&
            delivery_is_before(entry->delivery.sequence, inflight->bound)) {
            inflight->bound = entry->delivery.sequence;
        }
    }
}

bool inflight_has_room(struct inflight *inflight, uint32_t sequence)
{
    if (inflight->count == 0 || sequence - inflight->bound < UINT16_MAX) {
        return true;
    }
    if (inflight->count == INFLIGHT_MAX) {
        return false;
    }
    raise_bound(inflight, sequence);
    return !inflight_find(inflight, delivery_packet_id(sequence));
}

struct inflight_entry *inflight_find(const struct inflight *inflight, uint16_t packet_id)
{
    if (inflight->count == 0) {
        return NULL;
    }
    struct inflight_entry *entry = probe(inflight, packet_id);
    return entry->state != INFLIGHT_FREE ? entry : NULL;
}

static void close_gap(struct inflight *inflight, uint32_t gap)
{
    uint32_t mask = inflight->capacity - 1;

    for (uint32_t i = (gap + 1) & mask; inflight->entries[i].state != INFLIGHT_FREE;
         i = (i + 1) & mask) {
        uint32_t home = packet_id_home(inflight->capacity, id_of(&inflight->entries[i]));
        /* May it stand at the gap? Not if its home lies behind the gap. */
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            inflight->entries[gap] = inflight->entries[i];
            gap = i;
        }
    }
    inflight->entries[gap].state = INFLIGHT_FREE;
}

static void take_out(struct inflight *inflight, struct inflight_entry *entry)
{
    inflight->count--;
    entry->state = INFLIGHT_FREE;
    close_gap(inflight, (uint32_t)(entry - inflight->entries));
}

static void give_up_message(struct inflight_entry *entry)
{
    struct delivery *delivery = &entry->delivery;

    delivery_release(delivery);
    *delivery = (struct delivery){
        .position = delivery->position,
        .sequence = delivery->sequence,
        .qos = delivery->qos,
        .flags = DELIVERY_ABSENT,
    };
}

void inflight_set_state(struct inflight *inflight, struct inflight_entry *entry,
                        enum inflight_state state)
{
    static const uint8_t allowed[] = {
        [INFLIGHT_FREE] =
            1 << INFLIGHT_PUBLISHED | 1 << INFLIGHT_RELEASING | 1 << INFLIGHT_RELEASED,
        [INFLIGHT_PUBLISHED] = 0,
        [INFLIGHT_RELEASING] = 1 << INFLIGHT_PUBLISHED,
        [INFLIGHT_RELEASED] = 1 << INFLIGHT_PUBLISHED | 1 << INFLIGHT_RELEASING,
    };

    assert(allowed[state] >> entry->state & 1);
    (void)allowed; /* in builds without assertions */
    inflight->bytes -= delivery_length(&entry->delivery);
    give_up_message(entry);
    if (state == INFLIGHT_FREE) {
        take_out(inflight, entry);
    } else {
        entry->state = (uint8_t)state;
    }
}

struct delivery inflight_take(struct inflight *inflight, struct inflight_entry *entry)
{
    struct delivery delivery = entry->delivery;

    assert(entry->state == INFLIGHT_PUBLISHED);
    inflight->bytes -= delivery_length(&delivery);
    take_out(inflight, entry);
    return delivery;
}

static int compare_age(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return *x == *y ? 0 : delivery_is_before(*x, *y) ? -1 : 1;
}

uint32_t *inflight_in_order(const struct inflight *inflight, enum inflight_state state,
                            size_t *count)
{
    uint32_t *order = memory_allocate((inflight->count + 1) * sizeof(*order));

    *count = 0;
    for (uint32_t i = 0; i < inflight->capacity; i++) {
        const struct inflight_entry *entry = &inflight->entries[i];
        if (entry->state != INFLIGHT_FREE && (state == INFLIGHT_FREE || entry->state == state)) {
            order[(*count)++] = entry->delivery.sequence;
        }
    }
    qsort(order, *count, sizeof(*order), compare_age);
    return order;
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
            delivery_release(&inflight->entries[i].delivery);
        }
    }
    inflight->count = 0;
    inflight->bytes = 0;
    inflight_shrink(inflight);
}
