/* One accepted socket: a network connection of core with its transport.
 *
 * It is small, since most of many are idle: bytes are read into the worker's buffer, and only what
 * core could not use yet (an incomplete packet, or input that has to wait) is kept here.
 *
 *   OPEN --core says CLOSING--> DRAINING --output written--> LINGERING --peer closed--> gone
 *     |                             |                            |
 *     +------- lost, CLOSED --------+------------ 2 s -----------+--> gone
 *
 * LINGERING: our side is shut down and what the peer still sends is thrown away, because closing a
 * socket with unread bytes resets the connection, and the reset destroys the CONNACK or DISCONNECT
 * that the peer was about to read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_STREAM_H
#define PUBGRID_NET_STREAM_H

#include "base/buffer.h"
#include "base/list.h"
#include "core/connection.h"
#include "net/transport.h"
#include "net/worker.h"

struct tls_context;

enum stream_phase {
    STREAM_OPEN,
    STREAM_DRAINING,
    STREAM_LINGERING,
    STREAM_GONE, /* closed; core waits for an answer of the authenticator */
};

struct stream {
    struct source source;
    struct connection connection;
    struct transport transport;
    struct buffer held; /* input not yet used by core */
    struct list link;   /* in worker->streams, ->ending or ->gone */
    msec_t close_at;    /* while in `ending` */
    uint8_t polled;     /* epoll events asked for: EPOLLIN, EPOLLOUT */
    uint8_t phase;      /* enum stream_phase */
    bool paused;        /* while core takes no input: it waits in `held` */
    bool blocked;       /* while the peer takes nothing */
    bool read_again;    /* the transport may hold input that epoll does not see */
    bool unpolled;      /* out of epoll: the peer hung up while input has to wait */
    bool anonymous_allowed, use_certificate_as_user; /* as its listener says */
    char peer_address[];                             /* NUL-terminated */
};

/* What a listener knows about the peers it accepts. */
struct stream_access {
    struct tls_context *tls; /* NULL: no TLS */
    bool anonymous_allowed;
    bool use_certificate_as_user;
};

/* Takes over an accepted, non-blocking descriptor. */
void stream_open(struct worker *worker, int fd, const char *peer_address,
                 const struct stream_access *access);
/* Closes the streams in worker->ending whose time is over. */
void stream_expire(struct worker *worker);
/* Closes at once, as when the worker ends. */
void stream_abort(struct stream *stream);

#endif
