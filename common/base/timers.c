/* The hierarchical timer wheel.
 *
 * Level L has 64 slots of 64^L ms. A timer stands on the level of the highest 6-bit digit in which
 * its deadline differs from `now`, in the slot of the deadline's digit there. So
 *   - all of a level's timers are due before all of the next level's,
 *   - no slot but level 0's can be that of `now`: it was emptied into lower levels ("cascade") the
 *     moment `now` reached its start,
 *   - timers of one deadline stand in one list at any time, in the order in which they were set.
 * The earliest event is therefore the lowest bit of the lowest level that has any, and time may
 * jump from event to event. `beyond` is a level with a single slot: the rest of the number.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timers.h"

#include <assert.h>
#include <stddef.h>

enum {
    SLOT_BITS = 6,
    BEYOND_SHIFT = SLOT_BITS * TIMERS_LEVELS,
};

static_assert(TIMERS_SLOTS == 1 << SLOT_BITS, "a slot is a digit");

/* When the wheel has to stop next, and what it finds there. */
struct timers_event {
    msec_t at;
    struct list *slot; /* NULL: nothing is set */
    bool due;          /* a slot of level 0: its timers fire; others cascade */
};

void timers_init(struct timers *timers, msec_t now, void *context)
{
    timers->now = now;
    timers->context = context;
    timers->count = 0;
    list_init(&timers->beyond);
    for (size_t level = 0; level < TIMERS_LEVELS; level++) {
        timers->occupied[level] = 0;
        for (size_t slot = 0; slot < TIMERS_SLOTS; slot++) {
            list_init(&timers->slots[level][slot]);
        }
    }
}

void timer_init(struct timer *timer, timer_fire *fire)
{
    list_init(&timer->link);
    timer->deadline = MSEC_NEVER;
    timer->fire = fire;
}

bool timer_is_set(const struct timer *timer)
{
    return timer->link.next && !list_is_empty(&timer->link);
}

static void timers_place(struct timers *timers, struct timer *timer)
{
    uint64_t at = (uint64_t)(timer->deadline > timers->now ? timer->deadline : timers->now);
    uint64_t differs = at ^ (uint64_t)timers->now;
    unsigned level = (unsigned)(63 - __builtin_clzll(differs | 1)) / SLOT_BITS;
    unsigned slot;

    if (level >= TIMERS_LEVELS) {
        list_add_last(&timers->beyond, &timer->link);
        return;
    }
    slot = (at >> (level * SLOT_BITS)) % TIMERS_SLOTS;
    timers->occupied[level] |= UINT64_C(1) << slot;
    list_add_last(&timers->slots[level][slot], &timer->link);
}

/* A timer alone in its list has the list's head on both sides, and the head's address tells which
 * slot is empty now: timers need not remember where they stand. */
static void timers_unlink(struct timers *timers, struct timer *timer)
{
    struct list *next = timer->link.next;
    bool alone = next == timer->link.prev;

    list_remove(&timer->link);
    if (alone && next != &timers->beyond) {
        size_t index = (size_t)(next - &timers->slots[0][0]);
        timers->occupied[index / TIMERS_SLOTS] &= ~(UINT64_C(1) << index % TIMERS_SLOTS);
    }
}

void timers_set(struct timers *timers, struct timer *timer, msec_t deadline)
{
    assert(timer->fire);
    if (timer_is_set(timer)) {
        timers_unlink(timers, timer);
    } else {
        timers->count += 1;
    }
    timer->deadline = deadline;
    timers_place(timers, timer);
}

void timers_cancel(struct timers *timers, struct timer *timer)
{
    if (timer_is_set(timer)) {
        timers_unlink(timers, timer);
        timers->count -= 1;
    }
}

/* Start of the period of `level` whose digit there is `digit`; the digits above are those of now.
 */
static msec_t timers_period(const struct timers *timers, unsigned level, unsigned digit)
{
    unsigned shift = level * SLOT_BITS;
    uint64_t above = (uint64_t)timers->now >> (shift + SLOT_BITS) << (shift + SLOT_BITS);

    return (msec_t)(above | (uint64_t)digit << shift);
}

static struct timers_event timers_next_event(const struct timers *timers)
{
    for (unsigned level = 0; level < TIMERS_LEVELS; level++) {
        if (timers->occupied[level] != 0) {
            unsigned slot = (unsigned)__builtin_ctzll(timers->occupied[level]);
            const struct list *head = &timers->slots[level][slot];
            return (struct timers_event){timers_period(timers, level, slot),
                                         CONTAINER_OF(head, struct list, next), level == 0};
        }
    }
    if (!list_is_empty(&timers->beyond)) {
        uint64_t start = (((uint64_t)timers->now >> BEYOND_SHIFT) + 1) << BEYOND_SHIFT;
        msec_t at = start > (uint64_t)MSEC_NEVER ? MSEC_NEVER : (msec_t)start;
        return (struct timers_event){at, CONTAINER_OF(&timers->beyond, struct list, next), false};
    }
    return (struct timers_event){MSEC_NEVER, NULL, false};
}

msec_t timers_next(const struct timers *timers)
{
    return timers_next_event(timers).at;
}

static void timers_fire_slot(struct timers *timers, struct list *slot)
{
    while (!list_is_empty(slot)) {
        struct timer *timer = CONTAINER_OF(slot->next, struct timer, link);
        timers_cancel(timers, timer);
        timer->fire(timer, timers->context);
    }
}

/* `now` has reached the slot's start: its timers differ in lower digits only. */
static void timers_cascade(struct timers *timers, struct list *slot)
{
    struct list moved;

    list_init(&moved);
    list_move_all(&moved, slot);
    if (slot != &timers->beyond) {
        size_t index = (size_t)(slot - &timers->slots[0][0]);
        timers->occupied[index / TIMERS_SLOTS] &= ~(UINT64_C(1) << index % TIMERS_SLOTS);
    }
    LIST_FOREACH_SAFE (link, &moved) {
        list_remove(link);
        timers_place(timers, CONTAINER_OF(link, struct timer, link));
    }
}

void timers_advance(struct timers *timers, msec_t now)
{
    for (;;) {
        struct timers_event event = timers_next_event(timers);
        if (!event.slot || (event.at > now && event.at > timers->now)) {
            break;
        }
        timers->now = event.at;
        if (event.due) {
            timers_fire_slot(timers, event.slot);
        } else {
            timers_cascade(timers, event.slot);
        }
    }
    if (now > timers->now) {
        timers->now = now;
    }
}
