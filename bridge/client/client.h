/* A browser's connection: the WebSocket on one side, a channel to the broker on the other. What it
 * does in between is its kind: webpubsub.c (all subprotocols of Web PubSub and plain WebSocket) or
 * mqtt_client.c.
 *
 *   client_new()  --kind->begin-->  channel opened, CONNECT sent
 *   client_receive() --kind->receive--> packets to the broker
 *   kind->events (link.h)         --> frames to the browser
 *   client_socket_closed() --kind->socket_closed--> DISCONNECT or not; the client is freed
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_CLIENT_H
#define PUBGRID_CLIENT_CLIENT_H

#include "base/list.h"
#include "client/event_queue.h"
#include "client/gateway.h"
#include "client/link.h"
#include "client/registry.h"
#include "client/websocket.h"
#include "trunk/trunk.h"

struct client;
struct filter;

/* What the server allows, or no longer allows, while the client is connected. */
struct permission {
    enum role_action action;
    bool is_granted;
    const struct slice *group; /* NULL: all */
};

/* Waits for what was asked of a client. */
struct client_task {
    void (*done)(struct client_task *task, bool success);
};

struct client_kind {
    size_t size; /* of the struct that embeds struct client as its first member */
    /* Opens the channel and sends CONNECT, or closes the WebSocket. */
    void (*begin)(struct client *client);
    void (*receive)(struct client *client, struct slice message, bool is_text);
    /* Closes the channel if it is open and frees what the kind owns (not the struct). */
    void (*socket_closed)(struct client *client, uint16_t code);
    /* The broker is there again (after events.lost). */
    void (*ready)(struct client *client);
    /* What the server asks of a connection in the registry. Each calls task->done, now or later,
     * exactly once. */
    void (*join)(struct client *client, struct slice group, struct client_task *task);
    void (*leave)(struct client *client, struct slice group, struct client_task *task);
    void (*permit)(struct client *client, const struct permission *permission,
                   struct client_task *task);
    /* Ends the connection and its session, which cannot be recovered. */
    void (*end)(struct client *client, struct slice reason);
    struct channel_events events;
};

extern const struct client_kind webpubsub_kind, mqtt_kind;

struct client {
    struct channel channel;
    struct list all; /* in gateway->clients */
    const struct client_kind *kind;
    struct gateway *gateway;
    struct websocket *websocket;
    struct upgrade *upgrade;    /* owned */
    char *peer;                 /* owned; NULL: forgotten */
    struct event_queue *events; /* NULL: it raises none */
    struct member member;       /* of a hub, in gateway->registry */
    bool is_loopback;
    bool closing; /* client_close() was called: only socket_closed is to come */
};

static inline struct client *client_of(struct channel *channel)
{
    return CONTAINER_OF(channel, struct client, channel);
}

/* Opens the channel. `user` and the bounds (0: not TRUNK_BOUNDED) as in struct link_open. */
void client_open_channel(struct client *client, const struct link_open *open);
/* No channel will be opened any more. */
void client_forget_peer(struct client *client);
/* Sends whole MQTT packets. */
void client_send_packets(struct client *client, struct slice packets);
/* Queues a frame that is only for this browser. */
void client_send_frame(struct client *client, struct slice frame, bool is_text);
/* Closes the WebSocket with a code (spec/webpubsub.md 1.6) and a reason, once; it is counted under
 * `category`. */
void client_close(struct client *client, uint16_t code, enum close_category category,
                  const char *reason);
/* It is in this group of its hub already, which is no event: its session was recovered. True if
 * that was not known. */
bool client_is_in(struct client *client, struct slice group);
/* It is in the groups that are among these topic filters of its session (trunk_next_filter()). */
void client_restore_groups(struct client *client, struct slice filters);
/* Its connection ends: it leaves its groups. */
void client_leaves_all(struct client *client);
/* Changes the roles of the client. False: it has too many already. */
bool client_set_permission(struct client *client, const struct permission *permission);
/* It is in this group of its hub now, or no more. */
void client_joined(struct client *client, struct slice group);
void client_left(struct client *client, struct slice group);
/* Do `excluded` and `filter` of the sender leave it to this connection of a hub? */
bool client_is_meant(struct client *client, const struct fanout *fanout);
/* Does a filter take this connection of a hub? */
bool client_passes(struct client *client, const struct filter *filter);
/* Gives back the credit of a PUBLISH that will not be written. */
void client_drop(struct client *client, const struct fanout *fanout);

#endif
