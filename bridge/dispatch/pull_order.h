/* What a receiver wants of a queue (spec/eventgrid.md 5.2): events, or that something is done to
 * the locks that it has. An order is carried out by the process that runs the queue; pull_desk.h
 * finds that one. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_PULL_ORDER_H
#define PUBGRID_DISPATCH_PULL_ORDER_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/timers.h"
#include "eventgrid/pull_wire.h"

struct feed;
struct pull_order;
struct runner;
struct window_event;

/* Embedded by who waits; zeroed memory but for what is wanted is good. */
struct pull_order {
    struct pull_wanted wanted; /* borrowed: stays until done() */
    /* Once, perhaps from inside pull_order_begin(). */
    void (*done)(struct pull_order *order, enum pull_outcome outcome);
    /* What came of it; the results of the locks are in wanted.locks. */
    struct pull_found found;
    /* The queue's. */
    struct feed *feed; /* NULL before and after */
    struct list link;  /* in a list of feed->pull */
    /* struct window_event, by of_order: copies or dead letters of them are on their way. */
    struct list events;
    bool has_failed; /* one of these has to be tried again, which nobody waits for */
    struct timer too_late;
};

/* `events_max` events at the most, of `bytes_max` bytes as they are answered; but one of any size.
 */
void pull_order_begin(struct runner *runner, struct pull_order *order);
/* Nobody waits any more; harmless if it is done. */
void pull_order_abandon(struct pull_order *order);
/* It waits no longer than now: done() is called from inside, unless it waits for the broker. */
void pull_order_hurry(struct pull_order *order);
void pull_order_release(struct pull_order *order);
/* No order waits for the event any more. `is_good`: it may be answered as done. */
void pull_order_forget_event(struct window_event *event, bool is_good);

#endif
