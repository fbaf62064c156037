/* An ear: a durable session that hears topics of MQTT clients, or what the broker tells, and gives
 * it to the door (door.h); PUBACK follows when the door has taken it in. What the door has no room
 * for, or what a queue refuses, waits here and in the session, and is tried again: one message
 * first, the others once that went in. Nobody else is held up by it.
 *
 * The number of messages in memory is bounded by the session's window, their bytes by credit that
 * is held back. When the connection ends, what was not acknowledged will come again.
 * Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_EAR_H
#define PUBGRID_DISPATCH_EAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/timers.h"
#include "dispatch/door.h"
#include "dispatch/runner_session.h"
#include "mqtt/packet.h"

struct ear;

/* A message that is not acknowledged yet. */
struct heard {
    struct door_load load;
    struct ear *ear;
    struct list link; /* in ear->heard */
    uint32_t sequence;
    uint32_t length; /* of the packet */
    bool waits;      /* for ear->again */
    uint8_t packet[];
};

enum ear_answer {
    EAR_WAITS,   /* the load's done() follows */
    EAR_DONE,    /* nothing more is to be done for it */
    EAR_NOT_NOW, /* it is to be tried again */
};

/* --- implemented by who embeds one --- */
struct ear_events {
    /* Gives the message, with its load, to the door. */
    enum ear_answer (*take)(struct ear *ear, struct heard *heard, const struct packet *publish);
    /* The door has taken it in, as so many events. */
    void (*accepted)(struct ear *ear, const struct heard *heard, size_t events);
    /* It is subscribed. NULL: nobody wants to know. */
    void (*opened)(struct ear *ear);
    /* Is it this process's to have? */
    bool (*is_wanted)(struct ear *ear);
};

struct ear {
    struct runner_session session;
    const struct ear_events *events;
    struct grid *grid;
    struct list heard; /* in the order in which they came */
    size_t bytes, credit_owed;
    bool is_held; /* something was refused, and nothing taken since */
    struct timer again;
    struct buffer untold; /* acknowledgements that are to be sent, */
    struct timer telling; /* at the latest then */
};

/* `name`: of the session, "$wps//events/...". */
void ear_init(struct ear *ear, struct grid *grid, const struct ear_events *events,
              struct slice name);
/* What it hears (runner_session_listen); a connection that there is begins anew. */
void ear_listen(struct ear *ear, struct slice filters, uint32_t expiry_s);
/* Connects, unless it is connected or waits before it connects. */
void ear_wake(struct ear *ear);
/* Lets go of the connection; the session stays. */
void ear_close(struct ear *ear);
void ear_release(struct ear *ear);

/* The message as it came; its slices lie in `heard`. */
void heard_decode(const struct heard *heard, struct packet *publish);

#endif
