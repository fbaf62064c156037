/* Plain HTTP: a table of routes, and answers.
 *
 * A route answers at once, from what the request's head says. Requests are read by ourselves
 * (http_connection.h), or with TLS, if they are not for the REST API, by libwebsockets.
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

struct http_head;
struct service;
struct service_listener;

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OPTIONS, HTTP_OTHER };

struct http_request {
    struct service *service;
    const struct service_listener *listener; /* NULL: not known */
    bool is_tls;
    enum http_method method;
    struct slice path, query;     /* decoded; as it came */
    const struct http_head *head; /* NULL: it is in */
    struct lws *lws;
};

struct http_answer {
    int status;
    const char *content_type; /* NULL: JSON */
    struct buffer headers;    /* more of them, each ended by CR LF; owned */
    struct slice content;     /* if not in `body`: borrowed */
    struct buffer body;       /* owned */
    bool closes;              /* the connection is closed behind it */
};

/* LWS_CALLBACK_HTTP: answers; returns what the callback is to return. */
int http_serve(struct lws *lws, struct slice path);
/* Writes the answer to this request, the last one, without ending the transaction. False: no good
 * any more. */
bool http_respond(struct lws *lws, struct slice path);

/* What is at the request's path. */
void http_answer_request(const struct http_request *request, struct http_answer *answer);
/* Appends the value of a header of the request, nothing if there is none. */
void http_request_header(const struct http_request *request, enum lws_token_indexes token,
                         struct buffer *value);
/* Appends the decoded value of an argument of the query; nothing if there is none. */
void http_request_argument(const struct http_request *request, const char *name,
                           struct buffer *value);

/* Makes it {"error":{"code":"...","message":"..."}}. */
void http_refuse(struct http_answer *answer, int status, const char *message);
void http_add_header(struct http_answer *answer, const char *name, const char *value);
/* Appends the answer as it goes out; `with_content` is false for HEAD. */
void http_format(struct buffer *out, const struct http_answer *answer, bool with_content);
void http_answer_release(struct http_answer *answer);
/* Sends it by libwebsockets and releases it. False: the connection is no good. */
bool http_write(struct lws *lws, struct http_answer *answer, bool with_content);

/* Appends the value of a header; nothing if there is none. */
void http_header(struct lws *lws, enum lws_token_indexes header, struct buffer *value);
/* Appends the decoded value of an argument of the query; nothing if there is none. */
void http_argument(struct lws *lws, const char *name, struct buffer *value);
/* Appends path and query, percent-encoded again, as they are for upgrade_decide(). */
void http_target(struct lws *lws, struct slice path, struct buffer *target);

#endif
