/* Deliveries. Each event subscription is run by one bridge process (ownership.h): that has the
 * subscription's session, takes the events that wait there, delivers them, and acknowledges what
 * was delivered, is to be tried again (`$delayed/<seconds>/<queue>`) or is a dead letter. So
 * nothing is forgotten when a process dies: the session is taken over by another.
 *
 *     runner.c          which subscriptions this process runs
 *     runner_session    the session of a queue
 *     runner_window     the events of the session that are in memory
 *     runner_feed       a subscription that is run here
 *     runner_deliver    which of its events go out, and what an answer means
 *     destination_*     how they go
 *     feed_state       what a subscription has in memory, for people
 *     runner_retry      what follows a failure: a copy for later, or the end
 *     runner_file       dead letters and archives on their way into files
 *     route_feed        MQTT messages that become events
 *     life_cycle        events about MQTT clients themselves
 *
 * Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_H
#define PUBGRID_DISPATCH_RUNNER_H

#include <stdbool.h>

#include "base/list.h"
#include "base/slice.h"
#include "dispatch/catalog.h"

struct grid;
struct runner;

/* Before the catalog. `grid` has its gateway and options. */
struct runner *runner_new(struct grid *grid);
/* Before the catalog and the gateway are. */
void runner_free(struct runner *runner);
/* For catalog_new(). */
const struct catalog_listener *runner_catalog_listener(const struct runner *runner);
/* Do the routes that are this process's hear MQTT clients? */
bool runner_hears(const struct runner *runner);
/* The broker is there. */
void runner_connect(struct runner *runner);

/* --- the session of a subscription that is to be: it is there before the settings are stored, so
 * that no event is published to a queue that nobody keeps --- */

/* Embedded by who waits. */
struct runner_wait {
    void (*done)(struct runner_wait *wait, bool is_there); /* later, once; false: not now */
    void *under_way;                                       /* NULL before and after */
};

/* `queue`: queue_name.h. Harmless if it is there already. */
void runner_make_session(struct runner *runner, struct slice queue, struct runner_wait *wait);
/* Nobody waits any more; harmless if it is done. */
void runner_forget_wait(struct runner_wait *wait);
/* The settings could not be stored: what was made goes, if nobody subscribes under that name. */
void runner_drop_session(struct runner *runner, struct slice queue);

#endif
