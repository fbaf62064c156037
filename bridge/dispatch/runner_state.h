/* The runner's own struct, for its parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_STATE_H
#define PUBGRID_DISPATCH_RUNNER_STATE_H

#include "client/gateway.h"
#include "client/staff.h"
#include "dispatch/grid.h"
#include "dispatch/job.h"
#include "dispatch/runner.h"
#include "dispatch/stored_event.h"
#include "eventgrid/route_wrap.h"

/* The first member of what carries a job out. */
struct running_job {
    struct list link; /* in runner->jobs */
    struct job *job;
};

struct runner {
    struct grid *grid;
    struct gateway *gateway;
    struct catalog_listener catalog_listener;
    struct staff_listener staff_listener;
    struct event_logs logs;
    struct list feeds;    /* struct feed */
    struct list archives; /* struct archive */
    struct list routes;   /* struct route_feed */
    struct life_cycle *life_cycle;
    struct list makings;  /* sessions of subscriptions to be */
    struct list erasures; /* runner_session.h */
    struct list farewells;
    struct list legacies;  /* queues of others that are to go */
    struct list jobs;      /* struct running_job: replays, resends */
    struct list visitors;  /* orders of other processes (pull_desk.c) */
    struct list inquiries; /* orders to other processes */
    struct order_taker order_taker;
    struct timer look_again; /* which subscriptions are whose */
    bool has_looked;         /* since the catalog is complete */
    struct stored_event_scratch scratch;
    struct route_wrapper wrapper;
    struct buffer event_id; /* scratch */
};

/* NULL: this process does not run it. */
struct feed *runner_find_feed(const struct runner *runner, struct slice queue);
/* Is the queue this process's to run? */
bool runner_owns(const struct runner *runner, struct slice queue);
/* Sets what is stored of the subscription (catalog.h); empty: nothing. Nobody waits for it: the
 * catalog will hear. */
void runner_store(struct runner *runner, const struct catalog_subscription *subscription,
                  struct slice settings);

static inline msec_t runner_now(const struct runner *runner)
{
    return gateway_now(runner->gateway);
}

static inline double runner_scale(const struct runner *runner)
{
    double scale = runner->grid->options.retry_scale;

    return scale > 0 ? scale : 1;
}

#endif
