/* Takes answers of HTTP/1.1 servers apart (RFC 9112), as their bytes come: one answer a request.
 * What a server sends is bounded, and what is not HTTP is an error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_HTTP_ANSWER_H
#define PUBGRID_EVENTS_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum http_answer_place {
    HTTP_ANSWER_HEAD,
    HTTP_ANSWER_BODY,       /* `left` bytes */
    HTTP_ANSWER_CHUNK_SIZE, /* a line */
    HTTP_ANSWER_CHUNK,      /* `left` bytes */
    HTTP_ANSWER_CHUNK_END,  /* its line break */
    HTTP_ANSWER_TRAILER,    /* lines up to an empty one */
    HTTP_ANSWER_TO_END,     /* all up to the end of the connection */
    HTTP_ANSWER_DONE,
};

enum http_answer_error { HTTP_ANSWER_OK, HTTP_ANSWER_MALFORMED, HTTP_ANSWER_TOO_LONG };

/* Zeroed but for `body_max`: before the first byte of an answer. */
struct http_answer {
    enum http_answer_place place;
    enum http_answer_error error;
    size_t body_max; /* bytes of its content */
    int status;
    bool keeps_alive; /* the connection may be used again */
    uint64_t left;
    size_t trailer_size; /* bytes of the trailer so far */
};

/* Takes what can be taken from the front of `in` and appends status line and header lines to
 * `head`, the content to `body`. Returns the bytes taken; the others have to be there again, with
 * more behind them. Look at `error` and at `place`. */
size_t http_answer_take(struct http_answer *answer, struct slice in, struct buffer *head,
                        struct buffer *body);
/* The connection has ended: is the answer whole? */
bool http_answer_is_whole(const struct http_answer *answer);

#endif
