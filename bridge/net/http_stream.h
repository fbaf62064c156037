/* The bytes of an HTTP connection (http_connection.h), with or without TLS.
 *
 * TLS is libwebsockets': it has the SSL object from the start and the socket to its end, but
 * sleeps, reading nothing and without a timeout, while we use both. Handed over, it goes on with
 * what we have only peeked at. Since a peek sees one record, whose request it is is decided by its
 * beginning: those to /api/ are ours.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_STREAM_H
#define PUBGRID_NET_HTTP_STREAM_H

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/slice.h"

struct listener;

struct http_stream {
    int fd;          /* ours; with TLS a duplicate */
    SSL *ssl;        /* NULL: without TLS */
    struct lws *lws; /* with TLS: who sleeps */
};

/* Takes a socket that was accepted; false: there is nothing left of it. With TLS `owner` is found
 * again by http_stream_owner(). */
bool http_stream_open(struct http_stream *stream, struct listener *listener, int fd, void *owner);
/* Positive: that many bytes; 0: not now; negative: the end. */
ssize_t http_stream_read(struct http_stream *stream, uint8_t *at, size_t size);
ssize_t http_stream_write(struct http_stream *stream, struct slice bytes);
/* As a read, but the bytes stay. */
ssize_t http_stream_peek(struct http_stream *stream, uint8_t *at, size_t size);
/* Did the last of these wait for room in the socket? */
bool http_stream_wants_room(const struct http_stream *stream);
/* Nothing is written any more. */
void http_stream_finish(struct http_stream *stream);
/* Its poll handle was closed before. */
void http_stream_close(struct http_stream *stream);
/* The connection is libwebsockets', with what was not read, before which it gets `read`; only
 * without TLS may that be something. Its poll handle was closed before. */
void http_stream_hand_over(struct http_stream *stream, struct listener *listener,
                           struct slice read);

/* The connection is being destroyed: whose stream it is; NULL: nobody's. Only the duplicate is to
 * be closed then. */
void *http_stream_owner(struct lws *lws);
void http_stream_lost(struct http_stream *stream);

#endif
