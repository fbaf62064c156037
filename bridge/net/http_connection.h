/* A connection of HTTP before it becomes a WebSocket, if ever. With TLS it is the service's end of
 * a relay (tls_relay.h).
 *
 * libwebsockets decodes a request's target while it reads it and drops headers that it does not
 * know the names of; the REST API needs the target as it came (a group's name may have a slash in
 * it) and those headers (metadata). So we read requests by ourselves, which is also several times
 * cheaper. A request with an Upgrade header makes the connection libwebsockets' own, with all that
 * has been read and a copy of the head (handshake.h).
 *
 *     reading    a request is read; or none has begun
 *     waiting    for the answer of a REST operation or of Event Grid; only the peer's end is looked
 * for closing    the last answer is being written gone       the handle is closing on the loop,
 * then the memory is freed
 *
 * An answer is one send(). All connections read into one buffer; only what has come of a request
 * that is not whole is copied, so an idle connection has no buffers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_CONNECTION_H
#define PUBGRID_NET_HTTP_CONNECTION_H

#include <uv.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/timers.h"
#include "client/rest.h"
#include "dispatch/call.h"
#include "net/http.h"
#include "net/http_head.h"
#include "rest/parse.h"

struct listener;
struct service;

enum http_phase { HTTP_READING, HTTP_WAITING, HTTP_CLOSING, HTTP_GONE };

struct http_connection {
    struct service *service;
    struct listener *listener;
    struct list all;   /* in service->http.connections */
    struct list ready; /* in service->http.ready: an answer came, there may be more to read */
    uv_poll_t poll;
    int fd;
    int events; /* that are polled for */
    enum http_phase phase;
    bool has_read;    /* else it may still be handed over untouched */
    bool keeps_alive; /* behind the request that is being answered */
    bool is_head;     /* its method */
    bool said_continue;
    bool has_begun;    /* `in` has the beginning of a request */
    bool is_looked_at; /* look() is under way: it goes on by itself */
    bool is_lingering; /* our end is closed */
    struct timer timer;
    msec_t deadline;           /* nothing has come by then: the end */
    struct buffer in;          /* of a request that has not come whole */
    struct buffer out;         /* what the socket did not take */
    size_t needed;             /* bytes of `in` before it is worth a look */
    size_t head_length;        /* of a request whose body comes in chunks; 0: none does, */
    size_t body_length;        /* how much of that is there, behind the head, */
    size_t body_max;           /* of it, */
    struct http_chunks chunks; /* and how it goes on */
    struct rest_reply reply;
    struct grid_reply grid_reply;
    bool waits_for_grid; /* and not for a REST operation */
    bool knows_peer;     /* the next two are true */
    bool is_loopback;
    uint8_t peer[16]; /* address, IPv4 mapped */
    enum rest_kind operation;
    uint64_t began; /* ns, when the operation did */
};

/* What all of them share; a member of struct service. */
struct http_server {
    struct list connections; /* by .all */
    struct list ready;
    size_t count;          /* handles that are not closed yet */
    uint8_t *read;         /* [HTTP_READ_SIZE] */
    struct http_head head; /* of the request that is being looked at */
    struct buffer out;     /* an answer being made */
    struct rest_scratch scratch;
};

void http_server_init(struct service *service);
void http_server_release(struct service *service);
/* A socket that was accepted. It is ours. */
void http_accept(struct listener *listener, int fd);
/* Before the loop waits. */
void http_end_turn(struct service *service);
/* No more requests: closes those that wait for no answer; with `at_once` all. */
void http_stop(struct service *service, bool at_once);

/* --- between http_connection.c, http_look.c and http_call.c --- */

/* Takes requests out of the bytes, which are in the shared read buffer or all of `in`, as long as
 * each is answered at once. The rest stays in `in`. False: the connection is gone. */
bool http_look(struct http_connection *connection, struct slice bytes);
/* Answers the request, which is the connection's shared head, or begins to (phase HTTP_WAITING). */
void http_call(struct http_connection *connection, const struct http_head *head, struct slice body);
/* How long a body may be; and what is said to a longer one. */
size_t http_body_max(const struct http_connection *connection, const struct http_head *head);
void http_refuse_body(struct http_connection *connection, const struct http_head *head);
/* The client does not wait any more. */
void http_call_abandon(struct http_connection *connection);
/* Writes the answer and goes on as the connection should; releases what the answer holds. */
void http_send(struct http_connection *connection, struct http_answer *answer);
/* False: the socket is broken. What it does not take is written later. */
bool http_write_bytes(struct http_connection *connection, struct slice bytes);
/* It is libwebsockets' from here on, which gets what was read of it. */
void http_hand_over(struct http_connection *connection, struct slice read);
/* Closes it, unless that was done. */
void http_end(struct http_connection *connection);

#endif
