/* Plain HTTP: a table of routes, and answers.
 *
 * A route answers at once, from what the request's head says.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_H
#define PUBGRID_NET_HTTP_H

#include <libwebsockets.h>

#include "base/buffer.h"
#include "base/slice.h"

enum {
    HTTP_HEAD_MAX = 65536,       /* bytes of all headers; kept only while a request is read */
    HTTP_TARGET_MAX = 36 * 1024, /* a recovery has two tokens of 16 KiB (access/upgrade.h) */
};

struct service;

struct http_request {
    struct service *service;
    struct lws *lws; /* for http_header() and http_argument() */
    int method;      /* LWSHUMETH_* */
    struct slice path;
};

struct http_answer {
    int status;
    const char *content_type; /* NULL: JSON */
    struct buffer headers;    /* more of them, each ended by CR LF; freed by http_write() */
    struct slice content;     /* if not in `body`: borrowed */
    struct buffer body;       /* freed by http_write() */
    bool closes;              /* the connection is closed behind it */
};

/* LWS_CALLBACK_HTTP: answers; returns what the callback is to return. */
int http_serve(struct lws *lws, struct slice path);
/* Writes the answer to this request, without ending the transaction. False: no good any more. */
bool http_respond(struct lws *lws, struct slice path, bool closes);

/* Makes it {"error":{"code":"...","message":"..."}}. */
void http_refuse(struct http_answer *answer, int status, const char *message);
void http_add_header(struct http_answer *answer, const char *name, const char *value);
/* False: the connection is no good. `with_content` is false for HEAD. */
bool http_write(struct lws *lws, struct http_answer *answer, bool with_content);

/* Appends the value of a header; nothing if there is none. */
void http_header(struct lws *lws, enum lws_token_indexes header, struct buffer *value);
/* Appends the decoded value of an argument of the query; nothing if there is none. */
void http_argument(struct lws *lws, const char *name, struct buffer *value);
/* Appends path and query, percent-encoded again, as they are for upgrade_decide(). */
void http_target(struct lws *lws, struct slice path, struct buffer *target);

#endif
