/* A queue that receivers take events from (spec/eventgrid.md 5.3): a feed whose destination is
 * DESTINATION_QUEUE. Here, where an event goes in place of the runs of runner_feed.h:
 *
 *     ready -> locked, by a token --acknowledge--> PUBACK, and the receiver hears of it when the
 *       ^        |                                 broker has stored that
 *       |        +--release, or its time is over-> leaving: a copy with an attempt more, then
 * PUBACK |        +--reject, too many attempts----> dying
 *       +--------+--its receiver had gone before it was sent
 *
 * The session's Receive Maximum bounds how many events can be locked at a time. Receivers that wait
 * are served in the order in which they came. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_PULL_QUEUE_H
#define PUBGRID_DISPATCH_PULL_QUEUE_H

#include "base/clock.h"
#include "dispatch/pull_order.h"
#include "dispatch/runner_feed.h"

enum {
    PULL_WINDOW = 8192,             /* events in memory, ready and locked */
    PULL_RENEW_MS = 60 * 60 * 1000, /* after the receive, in which a lock can be renewed (5.3) */
};

struct pull_queue {
    uint64_t owner;               /* of its tokens */
    struct window_event **places; /* [place_count] by the place in a token; NULL: free */
    uint32_t place_count;
    struct buffer free_places; /* uint32_t each */
    struct list locked;        /* struct window_event, in the order of `due` */
    struct list receivers;     /* struct pull_order that wait for events, oldest first */
    /* Orders that have done what they wanted: copies or dead letters of their events are on their
     * way; or all PUBACKs have been sent, and the broker will be asked, or is being asked, whether
     * it has stored them. */
    struct list leaving, unsettled, settling;
    /* The number of a delivery up to which events have been given to receivers, what that was when
     * this connection began, and what was noted of it. 0: none has been. */
    uint32_t given, given_before, noted;
};

/* --- pull_queue.c: receivers --- */

struct pull_queue *pull_queue_new(const struct feed *feed);
/* Whoever waits is told that the queue is elsewhere; events must have been reset before. */
void pull_queue_free(struct feed *feed);
/* What is due, and what is at hand for receivers. */
void pull_queue_pump(struct feed *feed, msec_t now);
/* When there is something to do again; MSEC_NEVER: not before something comes. */
msec_t pull_queue_next(const struct feed *feed);
/* The connection has ended: what was locked is forgotten. */
void pull_queue_reset(struct feed *feed);
/* The broker has stored what was sent before it was asked; or not. */
void pull_queue_settled(struct feed *feed, bool is_good);

/* --- pull_given.c: how far events have been given --- */

/* Asks what another process has noted; pull_given_take() is for the answer. */
void pull_given_ask(struct feed *feed);
void pull_given_take(struct feed *feed, const struct trunk_retained *retained);
/* The event is about to be given: if that was done before a crash, it counts. */
void pull_given_count(struct feed *feed, struct window_event *event);
/* Notes how far that has come, before the receiver has its answer. */
void pull_given_note(struct feed *feed);

/* --- pull_lock.c: locks --- */

void pull_lock_event(struct feed *feed, struct window_event *event,
                     const uint8_t secret[PULL_SECRET_SIZE], msec_t now);
/* Of an event that is locked. */
struct pull_token pull_lock_token(const struct feed *feed, const struct window_event *event);
/* Those whose time is over. */
void pull_lock_expire(struct feed *feed, msec_t now);
/* Does to each of the order's locks what it says, and sets their results. True: what was done is
 * to be stored by the broker. */
bool pull_lock_apply(struct feed *feed, struct pull_order *order, msec_t now);

#endif
