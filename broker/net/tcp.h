/* The transport of TCP and Unix sockets: the kernel does the work.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TCP_H
#define PUBGRID_NET_TCP_H

#include "net/transport.h"

/* Takes over the descriptor: a connected, non-blocking TCP or Unix stream socket. */
void tcp_transport_init(struct transport *transport, int fd);

#endif
