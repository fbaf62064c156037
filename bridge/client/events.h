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

struct event_call; /* an event that an answer is awaited for; owned by the net layer */

/* Embedded by who waits. */
struct event_wait {
    void (*answered)(struct event_wait *wait, const struct event_answer *answer);
    struct event_call *call; /* NULL: not waiting */
};

/* --- implemented by bridge/net (or a test) --- */
struct events_ops {
    /* Does any handler, or any listener, take it? */
    bool (*is_handled)(void *context, const struct event *event);
    /* Sends it to the first handler that takes it, and copies to listeners. With `wait` NULL nobody
     * waits for the answer; else wait->answered comes later, exactly once, unless cancelled. */
    void (*raise)(void *context, const struct event *event, struct event_wait *wait);
    /* Nobody waits any more; the request may still go out. */
    void (*cancel)(void *context, struct event_wait *wait);
};

struct events {
    const struct events_ops *ops; /* NULL: no event is raised */
    void *context;
};

#endif
