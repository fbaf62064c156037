/* The session of a queue (queue_name.h): its client identifier and its topic are the queue's name,
 * and it never expires. Or it hears topics of others (runner_session_listen). Whoever connects
 * takes it over; so a process that sees its connection taken waits before it connects again, lest
 * two that both think it theirs fight about it.
 *
 *   idle --connect--> connecting --CONNACK--> subscribing --SUBACK--> open
 *     ^                                                                |
 *     +------ waiting, longer each time <--ended, for any reason-------+
 *
 * Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_RUNNER_SESSION_H
#define PUBGRID_DISPATCH_RUNNER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/timers.h"
#include "client/own_channel.h"

struct runner_session;
struct trunk_retained;

/* --- implemented by who embeds one --- */
struct runner_session_events {
    /* It is connected, and about to be subscribed: what is asked here is answered before opened().
     * NULL: nothing is. */
    void (*connected)(struct runner_session *session);
    /* The answer to a read() (client/link.h). NULL: there is none. */
    void (*retained)(struct runner_session *session, const struct trunk_retained *retained);
    /* It is subscribed. NULL: nobody wants to know. */
    void (*opened)(struct runner_session *session);
    /* An event that waited, or comes; `sequence` 0: at QoS 0. NULL: they are left where they are.
     */
    void (*event)(struct runner_session *session, struct fanout *fanout, uint32_t sequence);
    /* The broker has stored what was sent before runner_session_confirm(); or cannot (`is_good`
     * false). NULL: nobody asks. */
    void (*confirmed)(struct runner_session *session, bool is_good);
    /* What was not acknowledged will come again, and no confirmed() follows any more. */
    void (*ended)(struct runner_session *session);
    /* Is it still this process's to run? Else it is not connected again by itself. */
    bool (*is_wanted)(struct runner_session *session);
};

enum { RUNNER_SESSION_FOREVER = UINT32_MAX /* seconds */ };

enum runner_session_state { SESSION_IDLE, SESSION_CONNECTING, SESSION_SUBSCRIBING, SESSION_OPEN };

struct runner_session {
    struct own_channel own;
    const struct runner_session_events *events;
    enum runner_session_state state;
    struct buffer queue;   /* the name, NUL-terminated */
    struct buffer filters; /* of SUBSCRIBE, as write_filter() writes them; empty: its own name */
    struct buffer stale;   /* what it is subscribed to and does not hear any more, a u16 length and
                            * the filter each; until it is open */
    uint32_t expiry_s;     /* Session Expiry Interval */
    uint16_t window;       /* events that may be unacknowledged */
    struct timer again;    /* connects */
    msec_t wait_ms;        /* before it does, the next time */
    unsigned connections;  /* so far: whose an event is */
};

void runner_session_init(struct runner_session *session, struct gateway *gateway,
                         const struct runner_session_events *events, struct slice queue,
                         uint16_t window);
/* What it hears in place of its own topic, also at QoS 0, as write_filter() writes it; it lasts so
 * long without a connection. Counts from the next connection on, which ends other subscriptions. */
void runner_session_listen(struct runner_session *session, struct slice filters, uint32_t expiry_s);
/* What is noted of a queue beside what waits in it: the topic of a retained message, which ends
 * with the session (runner_session_erase). */
void runner_session_append_mark(struct buffer *out, struct slice queue);
/* Connects, unless it is under way or the broker is away (then this is called when it is back). */
void runner_session_connect(struct runner_session *session);
/* The same, unless it waits before it connects. */
void runner_session_wake(struct runner_session *session);
/* confirmed() is to follow, once. False: it is not connected. Of those that are asked for before it
 * has come, each is answered. The broker answers a SUBSCRIBE of a durable session behind the commit
 * of all that the session has sent before it, its PUBACKs among them, also if there is nothing to
 * be stored for the SUBSCRIBE itself. */
bool runner_session_confirm(struct runner_session *session);
/* Lets go of the connection; the session stays, with all that waits in it. No event comes any more.
 */
void runner_session_close(struct runner_session *session);
/* Closes, and frees its memory. */
void runner_session_release(struct runner_session *session);

/* Ends the session of a queue for good, with all that waits in it: now, or once the broker is
 * there. Kept in `erasures` until then. */
void runner_session_erase(struct gateway *gateway, struct list *erasures, struct slice queue);
/* The broker is there. */
void runner_session_erase_again(struct list *erasures);
/* The queue is wanted again: no erasure that is still to come may touch it. */
void runner_session_keep(struct list *erasures, struct slice queue);
void runner_session_forget_erasures(struct list *erasures);

#endif
