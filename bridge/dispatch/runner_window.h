/* The events of a queue's session that are in memory. Their number is bounded by the session's
 * window, their bytes by credit that is held back: what has credit by then still comes. Events that
 * somebody outside is working on are lent: they have a bound of their own, so that others still
 * come.
 *
 * When the connection ends, the broker will send all of them again. Those that nothing is being
 * done with are forgotten at once, the others when that is done. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_WINDOW_H
#define PUBGRID_DISPATCH_RUNNER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "client/staff.h"
#include "dispatch/door.h"
#include "dispatch/runner_session.h"
#include "eventgrid/pull_token.h"
#include "eventgrid/queued.h"

enum { WINDOW_BYTES_MAX = 2 << 20, WINDOW_LENT_MAX = 32 << 20 };

struct pull_order;

struct event_window {
    struct runner_session session;
    size_t count;       /* of events that came over the connection of now */
    size_t bytes, lent; /* theirs, without and of those that are lent */
    size_t credit_owed; /* bytes */
};

struct window_event {
    struct list link; /* in a list of who has it; alone in the beginning */
    struct event_window *window;
    struct queued_event event; /* its slices point into `bytes` */
    uint32_t sequence;         /* of its delivery */
    unsigned connection;       /* that it came over */
    bool is_repeated;          /* the broker may have sent it before */
    bool is_lent;
    /* For who has it. */
    msec_t due;
    struct staff_sent sent;
    struct door_load load;
    enum dead_letter_reason reason;
    bool is_dying;  /* for `reason` */
    uint32_t place; /* pull_queue.h, while it is locked */
    uint8_t secret[PULL_SECRET_SIZE];
    msec_t locked_at;
    struct pull_order *order; /* waits until it is done with (pull_order.h); NULL: none does */
    struct list of_order;     /* in order->events */
    size_t length;
    uint8_t bytes[]; /* [length]: the packet */
};

static inline struct window_event *window_event_of(struct list *link)
{
    return CONTAINER_OF(link, struct window_event, link);
}

/* One that has come. NULL: it is no event, and is done with. */
struct window_event *window_take(struct event_window *window, const struct fanout *fanout,
                                 uint32_t sequence);
/* The connection has ended. */
void window_reset(struct event_window *window);

/* Is the connection that it came over still there? Else it comes again, so nothing need follow. */
bool window_event_counts(const struct window_event *event);
/* It is done with: PUBACK. Frees it. */
void window_event_acknowledge(struct window_event *event);
/* The same, but that its PUBACK goes with own_channel_send(); nothing else may be sent before. */
void window_event_acknowledge_with_others(struct window_event *event);
/* The same without PUBACK. */
void window_event_forget(struct window_event *event);
/* It is lent, if there is room for it; and is not any more. */
void window_event_lend(struct window_event *event);
void window_event_take_back(struct window_event *event);
/* Of a list: all of them; those that do not count. */
void window_forget_all(struct list *events);
void window_forget_orphans(struct list *events);

#endif
