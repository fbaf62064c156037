/* A connection of the bridge's own to the broker, without a browser: what the janitor, the hub
 * store, the reporter, the staff and the keepers of MQTT sessions do alike. Each embeds one.
 * Single-threaded.
 *
 * Each time the broker is there: own_channel_connect() --CONNACK--> connected() - packet() and
 * publish() as they come - ended(), unless it was closed from here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_OWN_CHANNEL_H
#define PUBGRID_CLIENT_OWN_CHANNEL_H

#include "base/timers.h"
#include "client/fanout.h"
#include "client/gateway.h"
#include "client/link.h"
#include "client/mqtt_write.h"

struct own_channel;

/* --- implemented by who embeds it --- */
struct own_channel_events {
    /* CONNACK, no refusal. */
    void (*connected)(struct own_channel *own, const struct packet *connack);
    /* Another packet, but for a PUBLISH. NULL: no answer is waited for. */
    void (*packet)(struct own_channel *own, const struct packet *packet);
    /* Its credit is given back afterwards, unless holds_credit. `sequence` 0 at QoS 0; others are
     * to be acknowledged, now or later. */
    void (*publish)(struct own_channel *own, struct fanout *fanout, uint32_t sequence);
    /* What the session was subscribed to before: behind connected(), if there is anything. Walk
     * with trunk_next_filter(). NULL: not wanted. */
    void (*subscriptions)(struct own_channel *own, struct slice filters);
    /* link_ops.may_send() is true again. NULL: it sends little, and does not ask. */
    void (*writable)(struct own_channel *own);
    /* The answer to link_ops.read(). NULL: nothing is asked. */
    void (*retained)(struct own_channel *own, const struct trunk_retained *retained);
    /* The broker is gone, or stops, or refuses. */
    void (*ended)(struct own_channel *own);
    /* Behind ended(), if the broker ended the connection. NULL: nothing is to be done. */
    void (*closed)(struct own_channel *own, uint8_t reason);
    /* The same, a while later: it is to be connected anew, by this one connection's doing. NULL: it
     * is left until the listener of the link is told that the next broker is there. */
    void (*again)(struct own_channel *own);
};

/* --- */

struct own_channel {
    struct channel channel;
    struct gateway *gateway;
    const struct own_channel_events *events;
    bool is_connected; /* from connected() on */
    uint8_t reason;    /* in ended(): why the broker has ended the connection; 0: it is gone */
    bool holds_credit; /* own_channel_credit() gives it back: who keeps messages bounds them so */
    bool is_wide;      /* much goes through it: TRUNK_WIDE */
    struct timer try_again;
};

void own_channel_init(struct own_channel *own, struct gateway *gateway,
                      const struct own_channel_events *events);
/* Opens it for the session `$wps//<role>/<name>`; name NULL: the number of this process. The client
 * identifier is filled in. */
void own_channel_connect(struct own_channel *own, const char *role, const char *name,
                         struct connect_request connect);
/* The same for a session of any name, on behalf of `peer`. */
void own_channel_open(struct own_channel *own, const char *peer,
                      const struct connect_request *connect);
/* The same as somebody else, whose rights the broker knows; the bridge vouches for the name only.
 */
void own_channel_open_as(struct own_channel *own, const char *peer, struct slice user,
                         const struct connect_request *connect);
/* Sends and empties gateway->packet. */
void own_channel_send(struct own_channel *own);
/* Of publish(); does nothing at QoS 0. */
void own_channel_acknowledge(struct own_channel *own, uint32_t sequence);
/* So many bytes of packets that publish() had were disposed of. */
void own_channel_credit(struct own_channel *own, size_t bytes);
/* again() follows in a while, as if the broker had ended the connection. */
void own_channel_try_later(struct own_channel *own);
/* No event comes any more; harmless if it is not open. */
void own_channel_close(struct own_channel *own);

#endif
