/* The addresses of a socket: its own port, and its peer as text or bytes; and which addresses are
 * private.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SOCKET_ADDRESS_H
#define PUBGRID_NET_SOCKET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum { PEER_ADDRESS_SIZE = INET6_ADDRSTRLEN };

/* Without port; an IPv4 address is one on an IPv6 socket as well. Empty if there is no peer (any
 * more). True if it is of this machine. */
bool peer_address(int fd, char name[PEER_ADDRESS_SIZE]);
/* The same as bytes: an IPv6 address, or an IPv4 one mapped to it. */
bool peer_address_bytes(int fd, uint8_t bytes[16]);
/* What it is bound to; 0: nothing. */
uint16_t socket_port(int fd);

/* Is it an address by which not everybody in the Internet reaches the same host: this machine's, a
 * private network's, a link's, a group's, a reserved one? So is one of another family. */
bool address_is_private(const struct sockaddr *address);

#endif
