/* Events of browsers on their way to event handlers (webhooks), as a client sees it: the seam
 * between bridge/client, which raises them, and bridge/net, which makes the HTTP requests. Tests
 * have their own events_ops.
 *
 * Single-threaded. Nothing is called back from inside events_ops.raise.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_EVENTS_H
#define PUBGRID_CLIENT_EVENTS_H

#include <stdbool.h>

#include "events/event.h"

struct delivery_log;
struct event_call;    /* an event that an answer is awaited for; owned by the net layer */
struct webhook_check; /* likewise: a check of a hub's handlers */

/* Embedded by who waits. */
struct event_wait {
    void (*answered)(struct event_wait *wait, const struct event_answer *answer);
    struct event_call *call; /* NULL: not waiting */
};

/* Who hears of a check. */
struct event_check {
    void (*line)(void *context, struct slice text);
    void (*done)(void *context, bool all_good);
    void *context;
};

/* --- implemented by bridge/net (or a test) --- */
struct events_ops {
    /* Does any handler, or any listener, take it? */
    bool (*is_handled)(void *context, const struct client_event *event);
    /* Sends it to the first handler that takes it, and copies to listeners. With `wait` NULL nobody
     * waits for the answer; else wait->answered comes later, exactly once, unless cancelled. */
    void (*raise)(void *context, const struct client_event *event, struct event_wait *wait);
    /* Nobody waits any more; the request may still go out. */
    void (*cancel)(void *context, struct event_wait *wait);
    /* What became of the hub's last events; NULL: nothing is known. */
    const struct delivery_log *(*log)(void *context, struct slice hub);
    /* Asks each handler whether it takes our events, and tells of each step in a line of text, from
     * the loop. `settings` must stay until `done`, which comes once, unless it is cancelled. */
    struct webhook_check *(*check)(void *context, const struct hub_settings *settings,
                                   struct slice hub, const struct event_check *check);
    void (*cancel_check)(struct webhook_check *check);
};

struct events {
    const struct events_ops *ops; /* NULL: no event is raised */
    void *context;
};

#endif
