/* A listening socket: what it accepts goes to http_connection.h, with TLS by way of tls_relay.h.
 *
 * It is our own and not a listener of libwebsockets because that shares no port between processes
 * (it sets SO_REUSEPORT only for threads of its own) and cannot be closed alone.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_LISTENER_H
#define PUBGRID_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/timers.h"

struct service;
struct service_listener;
struct tls_context;

struct listener {
    struct service *service;
    struct tls_context *tls; /* owned; NULL: without TLS */
    int fd;                  /* -1: closed */
    uint16_t port;
    uv_poll_t poll;
    bool is_polled;      /* `poll` is initialised: closing it is asynchronous */
    struct timer resume; /* file descriptors ran out: accepts again then */
};

/* Reads the certificate, binds and listens; connections are not taken yet. False, having logged
 * why, if it cannot. */
bool listener_open(struct listener *listener, struct service *service,
                   const struct service_listener *options);
void listener_begin(struct listener *listener);
/* Reads the certificate again; one that cannot be used leaves the old one in force, and says so in
 * the log. */
void listener_reload(struct listener *listener, const struct service_listener *options);
/* Stops; `closed` is called later if is_polled. */
void listener_close(struct listener *listener, uv_close_cb closed);
void listener_release(struct listener *listener);

#endif
