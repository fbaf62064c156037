/* Events of browsers on their way to event handlers (webhooks), as a client sees it: the seam
 * between bridge/client, which raises them, and bridge/net, which makes the HTTP requests. Tests
 * have their own events_ops.
 *
 * Single-threaded. Nothing is called back from inside events_ops.call.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_EVENTS_H
#define PUBGRID_CLIENT_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "access/event_handler.h"
#include "access/upgrade.h"
#include "base/slice.h"
#include "wire/message.h"

struct event_call; /* an event that an answer is awaited for; owned by the net layer */

/* One event, slices borrowed during the call (spec/webpubsub.md 7.1). */
struct event {
    const struct hub_settings *settings;
    struct slice hub;   /* lower case */
    bool is_user_event; /* else `system` */
    enum system_event system;
    struct slice name; /* ce-eventName; of a user event its name */
    struct slice connection_id, user_id;
    struct slice subprotocol;         /* empty: no header */
    struct slice state;               /* ce-connectionState; empty: none */
    struct slice cookies;             /* of this upstream; empty: none */
    struct slice physical_connection; /* MQTT; empty: no header */
    struct slice session;             /* MQTT; empty: no header */
    uint32_t number;                  /* ce-id */
    struct payload data;              /* the body; system events: JSON */
    struct pairs metadata;
};

struct event_answer {
    /* The HTTP status; 0: no answer (no handler, refused, timed out, failed the preflight), and
     * `error` says what happened. */
    int status;
    const char *error;
    struct payload data; /* type by Content-Type; empty: nothing is sent on */
    bool has_state;
    struct slice state;   /* ce-connectionState, if has_state */
    struct slice cookies; /* to be sent with the next event of this connection; empty: unchanged */
    struct pairs metadata;
};

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

#endif
