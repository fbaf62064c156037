/* Where events come in: over HTTP, over MQTT on `$events/...`, from other event topics. An event is
 * matched against the filters of all subscriptions of its source, rendered as those that take it
 * want it (once for each schema) and published at QoS 1 on the queue of each. It is accepted when
 * all PUBACKs are there, so when it is on the disk for everybody who will get it.
 *
 *     door_http.c   requests of publishers
 *     door_mqtt.c   the session that hears `$events/#`, which one process has
 *     door_send.c   events -> filters -> messages
 *     door.c        the connection, the window of unacknowledged messages, who waits
 *
 * Events that do not fit into the window wait as copies of their request, up to a bound; beyond
 * that the publisher is told to send them again. Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_DOOR_H
#define PUBGRID_DISPATCH_DOOR_H

#include "dispatch/call.h"
#include "dispatch/catalog.h"
#include "eventgrid/event.h"

struct door;
struct grid;

struct door *door_new(struct grid *grid);
void door_free(struct door *door);
/* The broker is there. */
void door_connect(struct door *door);

/* Are the events of MQTT clients heard, as far as that is up to this process? Once they are, they
 * wait in the session for whoever has it. */
bool door_hears(const struct door *door);

/* --- HTTP: spec/eventgrid.md 1 --- */

bool door_is_path(const struct door *door, struct slice method, struct slice target,
                  struct slice host);
void door_call(struct door *door, const struct grid_request *request, struct grid_reply *reply);

/* --- events of this process's own --- */

/* Embedded by who waits until events are accepted. */
struct door_load {
    /* Once, later: all PUBACKs are there; or some event was refused, and all are to come again. */
    void (*done)(struct door_load *load, bool is_accepted);
    /* The door's. */
    struct list sent;          /* in door->sent, while something of it is unacknowledged */
    struct list waiting;       /* in door->waiting, while something of it was not sent */
    struct kept_request *kept; /* then */
    size_t next_event;         /* that was not sent */
    uint32_t unacknowledged;   /* messages */
    uint8_t hops;
    bool has_failed;
};

enum door_answer {
    DOOR_ACCEPTED,  /* nobody takes them: done() is not called */
    DOOR_WAITS,     /* done() follows */
    DOOR_BUSY,      /* not now; done() is not called, nothing was sent */
    DOOR_TOO_LARGE, /* for the broker; the same */
};

/* Takes in a few events of one source, or of its topics if it is a domain. `hops`: event topics
 * that they have passed, this one included. Zeroed memory but for `done` is a good load. */
enum door_answer door_accept(struct door *door, struct catalog_source *source,
                             const struct event *events, size_t count, uint8_t hops,
                             struct door_load *load);
/* Nobody waits any more. */
void door_forget(struct door *door, struct door_load *load);

#endif
