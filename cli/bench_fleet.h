/* All network connections of one run: sockets, buffers, and the way in and out of them.
 *
 * A connection owns no memory for reading but what is left of an incomplete packet; all read into
 * one buffer. What is to be written is gathered per connection and leaves with one write per turn
 * of the loop, so that the generator costs less than what it measures.
 *
 * Functions that return bool return false when the run cannot go on; the reason is then in
 * fleet->error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_FLEET_H
#define PUBGRID_CLI_BENCH_FLEET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buffer.h"
#include "bench_options.h"
#include "bench_websocket.h"

enum bench_phase {
    BENCH_CLOSED,
    BENCH_CONNECTING,  /* TCP */
    BENCH_UPGRADING,   /* HTTP request for a WebSocket sent */
    BENCH_GREETING,    /* the server's welcome has not come */
    BENCH_SUBSCRIBING, /* SUBSCRIBE or the like sent */
    BENCH_READY,
};

/* What an MQTT client says about its session, and whether SUBSCRIBE follows. */
enum bench_session {
    BENCH_SESSION_CLEAN,  /* ends with the connection */
    BENCH_SESSION_KEEP,   /* outlives it */
    BENCH_SESSION_RESUME, /* goes on; nothing is subscribed */
    BENCH_SESSION_FORGET, /* an earlier one is removed; nothing is subscribed */
};

struct bench_connection {
    const struct bench_codec *codec;
    int fd;
    enum bench_phase phase;
    enum bench_session session;
    bool session_present;     /* said CONNACK */
    bool queued;              /* in the fleet's list of connections with something to write */
    bool blocked;             /* the socket is full: EPOLLOUT is armed */
    bool stuck;               /* a subscriber that does not read once it has subscribed */
    uint16_t receive_maximum; /* of the broker */
    size_t subscribed;        /* filters that were sent in SUBSCRIBEs */
    uint64_t sequence_id;     /* reliable JSON: of the last message */
    struct websocket_reader websocket;
    struct buffer out;
    struct buffer rest; /* the start of an incomplete packet */
    int64_t opened_ns;
};

struct bench_fleet {
    const struct bench_options *options;
    const struct bench_codec *codec; /* of all but publishers that speak HTTP */
    int epoll;
    size_t count;
    struct bench_connection *connections; /* owned */
    struct bench_connection **queue;      /* owned */
    size_t queue_length;
    uint8_t *input; /* owned: what was read last */
    size_t input_size;
    struct sockaddr_storage address;
    socklen_t address_length;
    uint32_t run;  /* random; in topics, client identifiers and stamps */
    uint32_t mask; /* random; of WebSocket frames */
    char error[256];
};

/* Prepares `count` connections, opens none. */
bool bench_fleet_open(struct bench_fleet *fleet, const struct bench_options *options, size_t count);
/* Takes leave, closes, frees. */
void bench_fleet_close(struct bench_fleet *fleet);
/* printf into fleet->error; returns false. */
bool bench_fleet_fail(struct bench_fleet *fleet, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline size_t bench_fleet_number(const struct bench_fleet *fleet,
                                        const struct bench_connection *connection)
{
    return (size_t)(connection - fleet->connections);
}

/* Starts the TCP connection; EPOLLOUT will tell. */
bool bench_connection_start(struct bench_fleet *fleet, struct bench_connection *connection);
/* One read. *in: the bytes at hand, on a WebSocket without its frames, valid until the next read
 * of any connection. */
bool bench_connection_fill(struct bench_fleet *fleet, struct bench_connection *connection,
                           struct slice *in);
/* The upgrade is done: from here on there are frames. `raw`, from bench_connection_fill(), is what
 * came behind it; *in is what is in them. */
bool bench_connection_frames_begin(struct bench_fleet *fleet, struct bench_connection *connection,
                                   struct slice raw, struct slice *in);
/* Keeps what was not used of the slice from bench_connection_fill(). */
void bench_connection_keep(struct bench_connection *connection, struct slice rest);

/* Stops reading from it and writing to it. */
void bench_connection_abandon(struct bench_fleet *fleet, struct bench_connection *connection);
/* Has the broker closed it? Drops what came before the end. */
bool bench_connection_is_closed(const struct bench_connection *connection);

/* Takes leave, and waits until the broker has closed the connection, so that it knows. */
bool bench_connection_leave(struct bench_fleet *fleet, struct bench_connection *connection);
/* Waits until the broker's port takes connections (again). */
bool bench_fleet_wait_open(struct bench_fleet *fleet);

/* There is something in connection->out. */
static inline void bench_connection_queue(struct bench_fleet *fleet,
                                          struct bench_connection *connection)
{
    if (!connection->queued) {
        connection->queued = true;
        fleet->queue[fleet->queue_length++] = connection;
    }
}

/* Queues a message, on a WebSocket in a frame of its own. */
void bench_connection_send(struct bench_fleet *fleet, struct bench_connection *connection,
                           struct slice message);

/* EPOLLOUT came: the next flush tries again. */
void bench_connection_unblock(struct bench_fleet *fleet, struct bench_connection *connection);
/* Writes what is queued, as far as the sockets take it. */
bool bench_fleet_flush(struct bench_fleet *fleet);

#endif
