/* How bytes get to and from one peer: the part of a stream that differs between TCP (and Unix)
 * sockets and TLS. A transport knows nothing of MQTT and has no buffer of its own to speak of.
 *
 * All functions are called on the thread of the worker that owns the stream and never block: the
 * descriptor is non-blocking. Readiness comes from the worker's epoll; the two `wants` flags say
 * when the usual direction (input to read, output to write) is not what the transport waits for.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TRANSPORT_H
#define PUBGRID_NET_TRANSPORT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct peer_certificate;
struct transport;

/* What read returns when the peer has closed its side in order. */
enum { TRANSPORT_END = -ENODATA };

struct transport_ops {
    /* > 0: bytes read; fewer than `length` only if no more have come. 0: nothing yet.
     * TRANSPORT_END: the peer closed. < 0 otherwise: -errno, the connection is lost. */
    ssize_t (*read)(struct transport *transport, void *into, size_t length);
    /* >= 0: bytes taken from the front of the vectors; fewer than all only while the peer takes
     * no more. What was not taken must be offered again, with more behind it if there is.
     * < 0: -errno, the connection is lost. */
    ssize_t (*writev)(struct transport *transport, const struct iovec *vectors, int count);
    /* Nothing more will be written: tells the peer. Its bytes can still be read. */
    void (*shutdown)(struct transport *transport);
    /* Frees what the transport holds and closes the descriptor, which is -1 afterwards. */
    void (*close)(struct transport *transport);
    /* What the peer has shown, valid until close; NULL: nothing. Known when the first read has
     * returned bytes. The function may be NULL: this transport has no certificates. */
    const struct peer_certificate *(*certificate)(const struct transport *transport);
    /* Bytes may wait inside, where epoll does not see them, after a read that returned as many as
     * it was asked for. */
    bool buffers_input;
};

struct transport {
    const struct transport_ops *ops;
    struct tls_peer *tls;   /* owned; NULL unless it is TLS */
    int fd;                 /* owned; -1 after close */
    bool read_wants_output; /* the last read has to be repeated when the descriptor is writable */
    bool write_wants_input; /* the last writev has to be repeated when it is readable */
};

#endif
