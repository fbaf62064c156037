/* Connections to the broker as somebody: the users whose requests over HTTP publish or read MQTT
 * messages. What they may do is for the broker to say, as if they were connected themselves: it
 * checks each message and each read against its rules for that user. A user's connection is opened
 * by the first request and kept for those that follow, until it was idle for a while.
 *
 *   guests_find --> guest_publish, guest_read --> call->done
 *
 * Bounded: connections, what waits in one, and bytes that wait in all. Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_GUESTS_H
#define PUBGRID_DISPATCH_GUESTS_H

#include <stdbool.h>

#include "base/list.h"
#include "client/link.h"
#include "mqtt/packet.h"
#include "trunk/trunk.h"

struct gateway;
struct guest;
struct guest_call;
struct guests;

enum {
    GUESTS_MAX = 1024,          /* connections */
    GUEST_CALLS_MAX = 4096,     /* that wait in one */
    GUEST_BYTES_MAX = 32 << 20, /* of PUBLISHes without an answer, in all */
    GUEST_IDLE_MS = 60 * 1000,  /* then a connection is closed */
};

/* What became of a call. */
struct guest_answer {
    uint8_t reason; /* MQTT 5 reason code, of PUBACK or for which the connection ended */
    bool is_lost;   /* nobody knows: the broker is gone */
    const struct trunk_retained *retained; /* of a read that was answered */
};

/* Embedded by who waits; zeroed, but for `done`. */
struct guest_call {
    /* Once, unless it was forgotten. */
    void (*done)(struct guest_call *call, const struct guest_answer *answer);
    /* The guests'. */
    struct guest *guest;  /* NULL: it does not wait */
    struct list link;     /* in guest->publishes or guest->reads, until it was sent */
    struct buffer packet; /* a PUBLISH, until it was sent */
    size_t size;          /* of that */
    struct link_read read;
};

struct guests *guests_new(struct gateway *gateway);
/* Nobody gets an answer any more: all calls were forgotten. */
void guests_free(struct guests *guests);

/* The connection of this user, opened if need be; until the next call of guests_find(). NULL: there
 * are too many, or the broker is not there. */
struct guest *guests_find(struct guests *guests, struct slice user);

/* At QoS 0 or 1. False: too much waits, and done() is not called; else it is, perhaps before this
 * returns: at QoS 0 when the message is on its way. The packet identifier is set here. */
bool guest_publish(struct guest *guest, struct guest_call *call, struct packet *packet);
/* What `read` points to stays until done(). The same. */
bool guest_read(struct guest *guest, struct guest_call *call, const struct link_read *read);
/* Nobody waits for it any more; what was not sent is not sent. */
void guest_forget(struct guest_call *call);

#endif
