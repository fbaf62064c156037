/* What all clients of this process share: the way to the broker, the settings, the clock, scratch
 * memory.
 *
 * Made by the wiring (bridge/bridge.c, or a test), which calls gateway_advance() in time.
 * Single-threaded; pure: clock, random bytes and sockets are given.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_GATEWAY_H
#define PUBGRID_CLIENT_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/upgrade.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/timers.h"
#include "client/events.h"
#include "client/link.h"
#include "client/metrics.h"
#include "client/registry.h"
#include "client/websocket.h"

struct delivery;
struct delivery_log;
struct grid;
struct hub_listener;
struct janitor;
struct reporter;
struct settings_store;
struct staff;
struct staff_asker;

/* The logs of event subscriptions and what waits for them, by whoever delivers their events. */
struct event_logs {
    void *context;
    const struct delivery_log *(*find)(void *context, struct slice queue); /* NULL: none */
    void (*append_json)(struct buffer *out, const struct delivery *delivery);
    /* What the queue has in memory, as a JSON object. False: it is not run here. */
    bool (*append_state)(void *context, struct slice queue, struct buffer *out);
};

/* What other processes want of this one alone (client/staff.h: staff_order()). */
struct order_taker {
    void *context;
    /* staff_answer() is to follow, now or later. */
    void (*take)(void *context, const struct staff_asker *asker, struct slice order);
    /* The asker does not wait for the answer any more. */
    void (*forget)(void *context, const struct staff_asker *asker);
};

struct gateway {
    /* Set before gateway_init(). */
    struct link *link;
    const struct websocket_ops *sockets;
    const struct upgrade_context *access; /* replaced on reload */
    void (*random)(void *out, size_t length);
    unsigned index;           /* of this process among those that share the ports */
    uint32_t packet_size_max; /* bytes of one MQTT packet from a browser */
    msec_t (*clock)(void);    /* Unix ms that are never set back */
    uint32_t sys_interval_ms; /* how often $SYS is told; 0: never; replaced on reload */
    struct events events;     /* where browsers' events go */
    const struct hub_listener *hub_listener; /* NULL: settings of hubs never change */
    const struct event_logs *event_logs;     /* NULL: no events are delivered */
    const struct order_taker *order_taker;   /* NULL: orders are not answered */

    struct grid *grid;                       /* Event Grid (dispatch/grid.h); NULL: there is none */
    void (*connect_grid)(struct grid *grid); /* the broker is there */
    bool (*grid_is_ready)(const struct grid *grid); /* does it take events? NULL: yes */

    bool is_stopping; /* clients are being closed */

    struct timers timers;
    struct list clients;              /* members `all` */
    struct list event_queues;         /* struct event_queue, also of clients that have gone */
    struct registry registry;         /* connections of hubs */
    struct janitor *janitor;          /* clears up behind connections that have ended */
    struct list settings_stores;      /* struct settings_store */
    struct settings_store *hub_store; /* tells hub_listener of what is set at run time */
    struct metrics metrics;
    struct staff *staff;             /* the processes among themselves; REST operations */
    struct reporter *reporter;       /* tells others of them */
    struct buffer decoded;           /* scratch of codec->decode() */
    struct buffer packet, frame;     /* scratch: an MQTT packet, a frame being made */
    struct buffer topic, properties; /* scratch: parts of that packet */
};

static inline msec_t gateway_now(const struct gateway *gateway)
{
    return gateway->clock();
}

/* The settings of the hub (lower case) that are in force now: only until the loop turns. */
static inline const struct hub_settings *gateway_hub(const struct gateway *gateway,
                                                     struct slice hub)
{
    return hub_settings_find(gateway->access->hubs, gateway->access->hub_count, hub);
}

void gateway_init(struct gateway *gateway);
/* The process ends: clients will be closed next, and what their end brings with it is left to
 * others.
 */
void gateway_stop(struct gateway *gateway);
/* All clients have been closed (client_socket_closed()). */
void gateway_release(struct gateway *gateway);
/* Fires the timers that are due. */
void gateway_advance(struct gateway *gateway);
/* When gateway_advance() is due at the latest; MSEC_NEVER: no timer. */
msec_t gateway_next_deadline(const struct gateway *gateway);

#endif
