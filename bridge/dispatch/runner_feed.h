/* A feed: an event subscription that this process runs. Inside of the runner; see runner.h.
 *
 * Where an event is while it is in memory:
 *
 *     ready -> in a run (a request) --good---------------------------> acknowledged
 *       ^          |
 *       |          +--again--> leaving: a copy goes to $delayed/ ----> acknowledged
 *       |          |                 | (not now)
 *       +--in time---- held <--------+
 *                  |
 *                  +--no more--> dying: a file, an event topic ------> acknowledged
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_FEED_H
#define PUBGRID_DISPATCH_RUNNER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/timers.h"
#include "client/staff.h"
#include "dispatch/catalog.h"
#include "dispatch/consent.h"
#include "dispatch/runner_file.h"
#include "dispatch/runner_window.h"
#include "eventgrid/outcome.h"

struct delivery_log;
struct feed;
struct pull_queue;
struct runner;

enum {
    FEED_WINDOW_MAX = 4096, /* events */
    FEED_WINDOW_MIN = 32,
    FEED_NOT_NOW_MS = 100, /* what could not be begun is begun again */
    FEED_SWEEP_MS = 1000,  /* how often those that wait are looked through for old ones */
};

struct feed {
    struct list link; /* in runner->feeds */
    struct runner *runner;
    struct catalog_subscription *subscription;
    struct event_subscription *properties; /* one count */
    struct event_window window;
    struct list ready, held; /* struct window_event; those held in the order of `due` */
    struct list leaving;
    struct list runs; /* struct delivery_run */
    size_t run_count;
    struct pull_queue *pull; /* its events are fetched (pull_queue.h); NULL: they are sent */
    struct event_file dead_letters;
    struct buffer folder; /* of the files */
    struct probation probation;
    msec_t sweep_at;     /* an event that is ready may be too old then; MSEC_NEVER: none is ready */
    int64_t rate_due_us; /* the next request, by the rate */
    msec_t paused_until; /* something could not be begun */
    struct timer wake;
    struct delivery_log *log;
    struct timer expires; /* the subscription itself */
    /* A declared webhook is asked for its consent; one that is set has time until `ask_again`. */
    struct consent consent;
    struct timer ask_again;
    unsigned asked; /* times */
};

/* --- runner_feed.c: a feed and its events --- */

struct feed *feed_new(struct runner *runner, struct catalog_subscription *subscription);
/* Lets go of the session, which stays. */
void feed_free(struct feed *feed);
/* The subscription's properties or its state are others. */
void feed_changed(struct feed *feed);
static inline struct topic_statistics *feed_statistics(const struct feed *feed)
{
    return catalog_statistics(feed->subscription->source);
}
/* Has the subscription expired? */
bool feed_is_over(const struct feed *feed);
/* feed_pump() is to come, when all that comes now has come. */
void feed_wake(struct feed *feed);

/* It is to be ready again then. */
void feed_hold_event(struct feed *feed, struct window_event *event, msec_t due);
/* Back to the front of those that are ready. */
void feed_put_back(struct feed *feed, struct list *events);

/* --- runner_deliver.c: which events go out, and what becomes of them --- */

/* Begins what can be begun, and sets feed->wake for the rest. */
void feed_pump(struct feed *feed);
void feed_cancel_runs(struct feed *feed);
bool feed_is_too_late(const struct feed *feed, const struct window_event *event, msec_t now);
/* It was not sent in time, or not again. */
void feed_give_up(struct feed *feed, struct window_event *event, enum dead_letter_reason reason,
                  msec_t now);

/* --- runner_retry.c: what follows a failure --- */

/* Its next attempt is due in so many ms. */
void feed_retry_event(struct feed *feed, struct window_event *event, msec_t delay_ms);
/* It is given up. */
void feed_bury_event(struct feed *feed, struct window_event *event, enum dead_letter_reason reason);
/* Nobody gets it. */
void feed_drop_event(struct feed *feed, struct window_event *event);
void feed_cancel_leaving(struct feed *feed);

/* --- runner_dead_letter.c --- */

extern const struct event_file_kind dead_letter_file;
/* To the event topic for them; it is in no list. */
void dead_letter_send(struct feed *feed, struct window_event *event);

/* --- runner_consent.c --- */

/* May events be delivered? */
bool feed_has_consent(const struct feed *feed);
/* Asks for consent, if it is this process's to ask and not under way. */
void feed_ask_consent(struct feed *feed);
void feed_init_consent(struct feed *feed);
void feed_cancel_consent(struct feed *feed);

#endif
