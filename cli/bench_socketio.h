/* Socket.IO (protocol 5, on Engine.IO 4) as a load generator needs it: packets of the default
 * namespace without binary parts, each a text message of the WebSocket.
 *
 * What is asked of a server (tests/bench/sio_relay.mjs): the event `join` puts the client into a
 * room, `send` with a room and a text makes it emit `message` with the same to the room. A packet
 * with an identifier is acknowledged. The text begins with the stamp in hexadecimal digits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_SOCKETIO_H
#define PUBGRID_CLI_BENCH_SOCKETIO_H

#include <stdbool.h>

#include "bench_template.h"

enum { SOCKETIO_JOIN_ID = 1 /* lower than those of messages */ };

enum socketio_kind {
    SOCKETIO_OPEN,      /* Engine.IO's handshake; a CONNECT is due */
    SOCKETIO_PING,      /* a pong is due */
    SOCKETIO_CONNECTED, /* the answer to CONNECT */
    SOCKETIO_MESSAGE,   /* the event `message` */
    SOCKETIO_ACK,
    SOCKETIO_OTHER, /* another event */
    SOCKETIO_END,   /* CLOSE, DISCONNECT, CONNECT_ERROR, or no packet at all */
};

struct socketio_packet {
    enum socketio_kind kind;
    uint64_t id;       /* ACK */
    struct slice data; /* MESSAGE: the text, without the quotes */
};

extern const struct slice socketio_connect, socketio_pong;

void socketio_read(struct socketio_packet *out, struct slice text);
void socketio_join_write(struct buffer *out, struct slice room);
/* `send` to shape->topic; with an identifier if shape->qos > 0. Not framed. Is filled as the
 * template of Web PubSub is. */
void socketio_template_build(struct bench_template *out, const struct bench_shape *shape);

#endif
