/* Addresses of listeners as people write them: a scheme, a host, a port.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_ADDRESS_H
#define PUBGRID_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_scheme {
    const char *prefix; /* "tcp://" */
    int kind;           /* what it means to the caller */
    uint16_t port;      /* default */
    bool is_path;       /* a Unix socket: a path follows instead of a host */
};

struct address {
    int kind;
    uint16_t port;
    char *host, *path; /* the caller's to free; one of them is NULL */
};

/* False, and nothing to free, if it begins with none of the schemes or has no host, or no port
 * where one is announced. */
bool address_parse(const char *text, const struct address_scheme *schemes, size_t count,
                   struct address *address);
/* Can only this machine reach it? */
bool address_is_loopback(const char *host);
/* Every address of the machine? */
bool address_is_wildcard(const char *host);
/* The host of a URL, without its port: of "https://[::1]:8443/x" it is "[::1]". What has no scheme
 * begins with the host. */
struct slice address_host_of_url(struct slice url);

#endif
