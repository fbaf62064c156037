/* TLS of https listeners: each connection has a relay between the peer's socket, where OpenSSL
 * speaks TLS, and one end of a pair of Unix sockets. The other end is to the rest of the service
 * what a socket that was accepted without TLS is: requests are read from it (http_connection.h),
 * and libwebsockets takes it over when it becomes a WebSocket. So both are read in one way.
 *
 *     handshake   until it is done, within 10 s, there is no pair
 *     open        bytes go both ways
 *     gone        the handles are closing on the loop, then the memory is freed
 *
 * What one side does not take waits here, at most one record a direction, and the other is not
 * read from meanwhile; an idle connection has no buffers. When a side says that it sends no more,
 * the other is told so behind what waits. The service closes its end for good when it is done with
 * the connection: what waits for the peer then has 30 s.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TLS_RELAY_H
#define PUBGRID_NET_TLS_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct listener;
struct service;
struct tls_relay;

/* What all of them share; a member of struct service. */
struct tls_server {
    struct list relays;
    size_t count;             /* whose memory is not freed yet */
    uint8_t *bytes;           /* [TLS_RECORD_SIZE] that are on their way through */
    struct tls_relay **by_fd; /* [fd_count], by the service's end of the pair */
    size_t fd_count;
};

void tls_server_init(struct service *service);
void tls_server_release(struct service *service);
/* A socket that was accepted by a listener with TLS. It is ours. */
void tls_accept(struct listener *listener, int fd);
/* Ends those without a connection behind them; with `at_once` all. */
void tls_stop(struct service *service, bool at_once);
/* The socket that the peer is at: `fd` itself, or if that is a relay's end, the relay's other one.
 */
int tls_socket_of(const struct service *service, int fd);

#endif
