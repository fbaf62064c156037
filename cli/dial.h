/* Opens the byte stream to a server: TCP to any address of a name, from a given local address,
 * through a SOCKS5 proxy, or a Unix socket.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_DIAL_H
#define PUBGRID_CLI_DIAL_H

#include <stdint.h>

#include "url.h"

struct dial_target {
    const char *host;
    uint16_t port;
    const char *unix_path;    /* instead of host and port, or NULL */
    const char *bind_address; /* local address, or NULL */
    const struct url *proxy;  /* or NULL */
    int family;               /* AF_UNSPEC (0), or the only family to try */
};

enum dial_result { DIAL_CONNECTED, DIAL_LOOKUP_FAILED, DIAL_PROXY_FAILED, DIAL_ERRNO };

/* Blocks, for 10 seconds an address at most. The socket is in *fd, or errno says why not. */
enum dial_result dial(const struct dial_target *target, int *fd);

/* The two steps of `dial` that socks.c needs as well. All of it, or -1 with errno. */
int dial_write_all(int fd, const void *data, unsigned length);
int dial_read_all(int fd, void *data, unsigned length);

#endif
