/* Where the events of a subscription go, and how they get there: a table for each kind. Inside of
 * the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_DESTINATION_H
#define PUBGRID_DISPATCH_DESTINATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "client/staff.h"
#include "dispatch/outside.h"
#include "dispatch/runner_feed.h"
#include "dispatch/runner_forward.h"

/* Events on their way: a request, or a message. */
struct delivery_run {
    struct list link; /* in feed->runs */
    struct feed *feed;
    const struct destination_ops *ops;
    struct event_subscription *properties; /* one count: those that it was begun with */
    struct list events;                    /* struct window_event */
    size_t count;
    msec_t began;
    /* Of the kinds. */
    struct outside_request request;
    struct buffer url, lines, body;
    struct staff_sent sent;
    bool is_sent;
    struct door_load load;
    const struct delivery_verdict *verdict; /* that is known before anything was sent */
    struct timer end;
};

/* What it came to. */
struct run_result {
    int status; /* 0: none */
    struct delivery_verdict verdict;
};

struct destination_ops {
    /* May the event go in one request with the first? NULL: each goes alone. */
    bool (*may_share)(const struct event_subscription *properties, const struct queued_event *first,
                      const struct queued_event *event);
    /* Begins; delivery_run_done() follows later, once. False: not now, and the reason is nothing
     * that the destination can be blamed for. */
    bool (*begin)(struct delivery_run *run);
    void (*cancel)(struct delivery_run *run);
};

extern const struct destination_ops destination_webhook, destination_web_pub_sub,
    destination_mqtt_topic, destination_event_topic;

/* Frees the run. */
void delivery_run_done(struct delivery_run *run, const struct run_result *result);

/* The same, from the loop, in begin()'s stead. */
void delivery_run_end_later(struct delivery_run *run, const struct delivery_verdict *verdict);

static inline struct window_event *delivery_run_first(const struct delivery_run *run)
{
    return window_event_of(run->events.next);
}

#endif
