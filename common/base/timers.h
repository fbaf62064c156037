/* Timer wheel: many timers that are set and cancelled often and seldom fire. Single-threaded.
 *
 * Hierarchical wheel, O(1) set and cancel, no allocation (the links live in the owner's struct).
 * Timers fire in order of their deadline; ties in the order in which they were set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_TIMERS_H
#define PUBGRID_BASE_TIMERS_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/list.h"

struct timer;
/* Runs with the timer no longer set: it may be set again or its owner freed. */
typedef void timer_fire(struct timer *timer, void *context);

struct timer {
    struct list link; /* points at itself while not set; both NULL before the first timer_init */
    msec_t deadline;
    timer_fire *fire;
};

enum { TIMERS_LEVELS = 6, TIMERS_SLOTS = 64 };

struct timers {
    msec_t now;                       /* all deadlines up to and including `now` have fired */
    void *context;                    /* handed to every fire */
    size_t count;                     /* timers set */
    uint64_t occupied[TIMERS_LEVELS]; /* bit s: slot s of the level has timers */
    struct list slots[TIMERS_LEVELS][TIMERS_SLOTS];
    struct list beyond; /* deadlines past the last level (about 2 years) */
};

void timers_init(struct timers *timers, msec_t now, void *context);
void timer_init(struct timer *timer, timer_fire *fire);
bool timer_is_set(const struct timer *timer);
/* Sets or moves the timer. A deadline in the past counts as `timers->now`: it fires at the next
 * timers_advance(). */
void timers_set(struct timers *timers, struct timer *timer, msec_t deadline);
/* Harmless when the timer is not set. */
void timers_cancel(struct timers *timers, struct timer *timer);
/* Fires everything due at `now`, including timers set meanwhile that are due. */
void timers_advance(struct timers *timers, msec_t now);
/* A time at or before the earliest deadline, and after `timers->now` unless something is already
 * due: how long a loop may sleep. MSEC_NEVER when no timer is set. */
msec_t timers_next(const struct timers *timers);

#endif
