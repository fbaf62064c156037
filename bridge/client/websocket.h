/* What a client wants of its WebSocket, and the WebSocket of its client: the seam between
 * bridge/net (libwebsockets) and bridge/client, which knows no socket. Tests have their own
 * websocket_ops.
 *
 * Everything runs on the bridge's one thread. Nothing here is called back from inside itself: what
 * websocket_send() queues is written at the end of the loop's turn.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_WEBSOCKET_H
#define PUBGRID_CLIENT_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "access/upgrade.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "client/close_category.h"
#include "wire/outgoing.h"

struct client;
struct gateway;   /* client/gateway.h: what all clients of this process share */
struct websocket; /* owned by the net layer */

/* --- implemented by bridge/net (or a test) --- */
struct websocket_ops {
    /* Queues a frame (takes a count of its own). `number`: see outgoing_write(). Harmless after
     * close. */
    void (*send)(struct websocket *websocket, struct outgoing *outgoing, uint64_t number);
    /* After what is queued: closes with this code and reason (at most 123 bytes are sent), and
     * counts it under `category`. The client then gets client_socket_closed(), and no message any
     * more. */
    void (*close)(struct websocket *websocket, uint16_t code, enum close_category category,
                  struct slice reason);
    /* While paused no client_receive() comes: the browser is not read from. */
    void (*pause)(struct websocket *websocket, bool paused);
};

/* --- implemented by bridge/client, called by bridge/net --- */

/* The upgrade was accepted and answered. Takes over `upgrade`. `peer` is the browser's address. */
struct client *client_new(struct gateway *gateway, struct websocket *websocket,
                          struct upgrade *upgrade, const char *peer, bool is_loopback);
/* One whole message. Text has been checked to be UTF-8. */
void client_receive(struct client *client, struct slice message, bool is_text);
/* `bytes` of credit (outgoing->credit, summed) were written to the socket. */
void client_written(struct client *client, size_t bytes);
/* The socket is gone: the peer closed it with `code` (1005: without a code), or it broke (1006).
 * The last call: the websocket must not use the client afterwards. */
void client_socket_closed(struct client *client, uint16_t code);

/* False while the broker cannot be reached: answer an upgrade with 503. */
bool gateway_is_ready(const struct gateway *gateway);
/* The broker is there and the settings of hubs are known: browsers are let in. */
bool gateway_is_serving(const struct gateway *gateway);
/* Appends the metrics of all processes, as /metrics shows them. */
void gateway_write_metrics(const struct gateway *gateway, struct buffer *out);

#endif
