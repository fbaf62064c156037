/* The sockets of this process, found without being told.
 *
 * Paho keeps its socket to itself. Two things need it all the same: TCP_NODELAY, which Paho has no
 * option for, and the relay, which must serve nobody but this process.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_OWN_SOCKETS_H
#define PUBGRID_CLI_OWN_SOCKETS_H

#include <stdbool.h>

/* Does the other end of this TCP connection belong to this process? */
bool own_sockets_have_peer_of(int fd);

/* Switches Nagle's algorithm off on every TCP socket. */
void own_sockets_set_nodelay(void);

#endif
