/* The head of an HTTP/1.1 request, and bodies in chunks (RFC 9112). Pure.
 *
 * Strict where a proxy in front of us could understand it otherwise: lines end with CR LF, no space
 * in front of a colon, no folded lines, one length.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_HEAD_H
#define PUBGRID_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/message.h"

enum { HTTP_HEADERS_MAX = 100 };

/* All slices are of the text that was parsed. */
struct http_head {
    size_t length; /* bytes up to the body */
    struct slice method, target;
    struct pair headers[HTTP_HEADERS_MAX]; /* values without the white space around them */
    size_t header_count;
    uint64_t body_length; /* if it is not in chunks */
    bool is_chunked;
    bool keeps_alive;      /* the connection may be used again */
    bool expects_continue; /* 100 is waited for */
    bool wants_upgrade;    /* to a WebSocket; any other protocol may be ignored */
};

enum { HTTP_HEAD_INCOMPLETE = -1, HTTP_HEAD_COMPLETE = 0 };

/* Takes the head apart that `text` begins with: one of these, or the status that refuses it. */
int http_head_parse(struct http_head *head, struct slice text);
/* The value of the header of this name, written in lower case; empty: there is none. */
struct slice http_head_find(const struct http_head *head, struct slice name);

enum http_chunks_state {
    CHUNKS_SIZE,    /* the hexadecimal digits */
    CHUNKS_LINE,    /* the rest of that line */
    CHUNKS_DATA,    /* `left` bytes of it */
    CHUNKS_END,     /* the CR LF behind */
    CHUNKS_TRAILER, /* lines up to an empty one */
    CHUNKS_DONE,
    CHUNKS_BAD,
};

/* How far a body in chunks has been read. Zeroed is its beginning. */
struct http_chunks {
    enum http_chunks_state state;
    uint64_t left;   /* of the chunk */
    size_t in_line;  /* bytes of the line so far */
    size_t overhead; /* bytes that were no data */
    bool seen_cr;
};

/* Reads on: takes `length` new bytes at `bytes`, moves what is data to their front and returns how
 * much that is. *taken: how many it has read; fewer than all only when DONE or BAD. */
size_t http_chunks_read(struct http_chunks *chunks, uint8_t *bytes, size_t length, size_t *taken);

#endif
