/* The addresses of a socket: its own port, and its peer as text or bytes.
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

#endif
