/* A sorted array that grows by half: see subscriber_set.h.
 *
 * A place is unique in a set: when a session's slot is used again, a subscription that its former
 * session left behind is stale and gives way.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/subscriber_set.h"

#include <stdlib.h>

#include "base/memory.h"

enum { SET_CAPACITY_MIN = 4 };

static struct subscriber *set_items(struct subscriber_set *set)
{
    return set->capacity == 0 ? &set->one : set->items;
}

/* Position of the first subscriber whose place is not before `place`. */
static uint32_t set_position(const struct subscriber_set *set, uint32_t place)
{
    const struct subscriber *items = subscriber_set_items(set);
    uint32_t from = 0;
    uint32_t to = set->count;

    if (to > 0 && items[to - 1].session.place < place) {
        return to; /* sessions mostly come in the order of their slots */
    }
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (items[middle].session.place < place) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static void set_resize(struct subscriber_set *set, uint32_t capacity)
{
    if (set->capacity == 0) {
        struct subscriber one = set->one;
        set->items = memory_allocate(capacity * sizeof(one));
        set->items[0] = one;
    } else {
        set->items = memory_resize(set->items, capacity * sizeof(set->items[0]));
    }
    set->capacity = capacity;
}

static void set_insert(struct subscriber_set *set, uint32_t position,
                       const struct subscriber *subscriber)
{
    if (set->count > 0 && set->count >= set->capacity) {
        set_resize(set, set->capacity == 0 ? SET_CAPACITY_MIN : set->capacity / 2 * 3);
    }
    struct subscriber *items = set_items(set);
    memmove(items + position + 1, items + position, (set->count - position) * sizeof(*items));
    items[position] = *subscriber;
    set->count++;
}

/* A set that has lost most of its members gives memory back; the last one moves in. */
static void set_shrink(struct subscriber_set *set)
{
    if (set->capacity == 0) {
        return;
    }
    if (set->count <= 1) {
        struct subscriber *items = set->items;
        set->one = items[0];
        set->capacity = 0;
        free(items);
    } else if (set->capacity > SET_CAPACITY_MIN && set->count < set->capacity / 4) {
        set_resize(set, set->capacity / 2);
    }
}

bool subscriber_set_put(struct subscriber_set *set, const struct subscriber *subscriber)
{
    uint32_t position = set_position(set, subscriber->session.place);
    struct subscriber *items = set_items(set);

    set->durable += subscriber_is_durable(subscriber);
    if (position < set->count && items[position].session.place == subscriber->session.place) {
        bool stale = items[position].session.generation != subscriber->session.generation;
        set->durable -= subscriber_is_durable(&items[position]);
        items[position] = *subscriber;
        return stale;
    }
    set_insert(set, position, subscriber);
    return true;
}

bool subscriber_set_remove(struct subscriber_set *set, struct session_ref session)
{
    uint32_t position = set_position(set, session.place);
    struct subscriber *items = set_items(set);

    if (position >= set->count || !session_ref_equal(items[position].session, session)) {
        return false;
    }
    set->durable -= subscriber_is_durable(&items[position]);
    set->count--;
    memmove(items + position, items + position + 1, (set->count - position) * sizeof(*items));
    set_shrink(set);
    return true;
}

void subscriber_set_release(struct subscriber_set *set)
{
    if (set->capacity > 0) {
        free(set->items);
    }
    *set = (struct subscriber_set){0};
}
