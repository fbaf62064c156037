/* The client side of SOCKS5 (RFC 1928, user and password: RFC 1929).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SOCKS_H
#define PUBGRID_CLI_SOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "url.h"

/* Asks the proxy at the other end of `fd` to connect to the host, whose name the proxy resolves.
 * Afterwards the socket is the stream to the host. */
bool socks_connect(int fd, const struct url *proxy, const char *host, uint16_t port);

#endif
