/* The socket to one worker: frames in, frames out. Internal to the link: link_trunk.c opens and
 * closes sockets, trunk_socket.c moves bytes, channel_table.c knows the channels.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TRUNK_SOCKET_H
#define PUBGRID_NET_TRUNK_SOCKET_H

#include <uv.h>

#include "base/buffer.h"
#include "net/channel_table.h"
#include "trunk/trunk.h"

struct trunk_socket;

struct trunk_socket_events {
    /* A whole frame; false: it is none that may come, and the socket is given up. */
    bool (*frame)(struct trunk_socket *socket, const struct trunk_frame *frame);
    /* It could not be connected, was closed, or sent nonsense. */
    void (*failed)(struct trunk_socket *socket);
    /* Closed by trunk_socket_close(); it is freed next. */
    void (*gone)(void *owner);
};

struct trunk_socket {
    uv_pipe_t pipe;
    const struct trunk_socket_events *events;
    void *owner;
    struct buffer in;  /* frames not yet whole */
    struct buffer out; /* frames of this turn */
    struct trunk_tail tail;
    struct channel_table channels;
    struct trunk_credit_item *credits; /* [credit_count] to be sent in this turn */
    size_t credit_count, credit_capacity;
    uint16_t worker; /* TRUNK_ANY_WORKER until HELLO came */
    bool is_greeted;
    bool is_closing;
};

/* Connects, and says HELLO for this worker. */
struct trunk_socket *trunk_socket_new(uv_loop_t *loop, const char *path, uint16_t worker,
                                      const struct trunk_socket_events *events, void *owner);
void trunk_socket_close(struct trunk_socket *socket);
/* Notes credit for the end of the turn. */
void trunk_socket_credit(struct trunk_socket *socket, uint32_t number, uint32_t bytes);
/* Writes what has been collected. */
void trunk_socket_flush(struct trunk_socket *socket);

#endif
