/* A listening socket whose connections libwebsockets serves.
 *
 * It is our own and not a listener of libwebsockets because that shares no port between processes
 * (it sets SO_REUSEPORT only for threads of its own) and cannot be closed alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_LISTENER_H
#define PUBGRID_NET_LISTENER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/timers.h"
#include "net/certificate.h"

struct service;
struct service_listener;
struct lws;
struct lws_vhost;

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct listener {
    struct service *service;
    struct lws_vhost *vhost; /* who serves the connections */
    SSL_CTX *tls;            /* the vhost's; NULL: without TLS */
    struct certificate certificate;
    int fd;                       /* -1: closed */
    union socket_address address; /* bound to */
    uint16_t port;
    uv_poll_t poll;
    bool is_polled;      /* `poll` is initialised: closing it is asynchronous */
    struct timer resume; /* file descriptors ran out: accepts again then */
};

/* Binds and listens; connections are not taken yet. False, having logged why, if it cannot. */
bool listener_open(struct listener *listener, struct service *service,
                   const struct service_listener *options);
void listener_begin(struct listener *listener, struct lws_vhost *vhost);
/* What the connection came by; NULL if it is gone. (libwebsockets' vhost of a connection is not
 * what it was accepted for: it takes another by the Host header.) */
const struct service_listener *listener_options_of(struct lws *lws);
/* Stops; `closed` is called later if is_polled. */
void listener_close(struct listener *listener, uv_close_cb closed);

#endif
