/* Socket addresses as text, for peers and listeners alike.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_ADDRESS_H
#define PUBGRID_NET_ADDRESS_H

#include <netinet/in.h>
#include <sys/socket.h>

enum { ADDRESS_NAME_SIZE = INET6_ADDRSTRLEN + sizeof("[]:65535") };

/* "127.0.0.1:1883", "[::1]:1883" or "unix" into `name` of ADDRESS_NAME_SIZE bytes. */
void address_name(const struct sockaddr *address, char *name);

#endif
