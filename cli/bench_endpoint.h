/* Where the measured server is: a host and port, a Unix socket, or a WebSocket URL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_ENDPOINT_H
#define PUBGRID_CLI_BENCH_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct bench_endpoint {
    const char *host;
    int port;
    const char *unix_path; /* instead of host and port; NULL: TCP */
    const char *path; /* of a WebSocket URL, with the query, without the first slash; or NULL */
    char name[160];   /* for people, and the Host header of a WebSocket; without the path */
};

/* ws://HOST[:PORT]/PATH[?QUERY] (port 80), mqtt://HOST[:PORT] (port 1883) or unix:PATH; cuts
 * `text` up in place, the strings point into it. False: it is none of these. */
bool bench_endpoint_parse(struct bench_endpoint *out, char *text);
void bench_endpoint_name(struct bench_endpoint *endpoint);
/* False: `error` says why not. */
bool bench_endpoint_resolve(const struct bench_endpoint *endpoint, struct sockaddr_storage *address,
                            socklen_t *length, char *error, size_t error_size);

#endif
