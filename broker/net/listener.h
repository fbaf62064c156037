/* A listening socket. Every worker accepts from every listener (EPOLLEXCLUSIVE: the kernel wakes
 * one of them), and the connection then moves to the worker that owns its session.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_LISTENER_H
#define PUBGRID_NET_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "net/stream.h"
#include "net/worker.h"
#include "tls/context.h"

struct listener_options {
    const char *address; /* numeric IPv4 or IPv6 address, or a host name; not for Unix sockets */
    uint16_t port;
    const char *path;            /* Unix socket; NULL: TCP */
    mode_t mode;                 /* of the Unix socket's file */
    const struct tls_files *tls; /* NULL: no TLS */
    bool anonymous_allowed;
    bool use_certificate_as_user;
    bool is_trunk; /* for bridges, see trunk.h; a Unix socket */
};

struct listener {
    int fd;
    char *path;                  /* to remove at the end; NULL for TCP */
    char *name;                  /* "127.0.0.1:1883" or the path, for the log */
    struct stream_access access; /* its tls may be shared with the listener before it */
    bool owns_tls;
    bool is_trunk;
};

/* Opens and binds the sockets that `options` names (a host name may have several addresses) and
 * appends them to `*listeners` (memory of memory_allocate, grown here). False, with a sentence in
 * `error` that says what to do, if one cannot be opened; those before it stay in the list. */
bool listener_open(const struct listener_options *options, struct listener ***listeners,
                   size_t *count, struct buffer *error);
/* All of them begin to listen, at last and at once: whoever gets through to one finds the others
 * open too. Unix sockets come last, for those who wait on the file. False, with a sentence, if an
 * address turns out to be taken. */
bool listeners_listen(struct listener **listeners, size_t count, struct buffer *error);
/* Closes and frees it. No worker accepts from it any more. */
void listener_close(struct listener *listener);

/* The worker begins, and ends, to accept from the group's listeners. */
int listener_attach(struct worker *worker);
void listener_detach(struct worker *worker);

#endif
