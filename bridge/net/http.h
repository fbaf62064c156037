/* HTTP other than the REST API: a table of routes, and answers.
 *
 * A route answers at once, from what the request's head says (http_connection.h reads it).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_H
#define PUBGRID_NET_HTTP_H

#include <stdbool.h>

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
    const struct service_listener *listener;
    enum http_method method;
    struct slice path, query; /* decoded; as it came */
    const struct http_head *head;
    bool is_tls;
};

struct http_answer {
    int status;
    const char *content_type; /* NULL: JSON; empty: none is told */
    struct buffer headers;    /* more of them, each ended by CR LF; owned */
    struct slice content;     /* if not in `body`: borrowed */
    struct buffer body;       /* owned */
    bool closes;              /* the connection is closed behind it */
};

/* What is at the request's path. */
void http_answer_request(const struct http_request *request, struct http_answer *answer);
/* Is the broker there, by all trunks, and are browsers let in? 200 or 503. */
void http_answer_ready(const struct service *service, struct http_answer *answer);
/* Makes it {"error":{"code":"...","message":"..."}}. */
void http_refuse(struct http_answer *answer, int status, const char *message);
void http_add_header(struct http_answer *answer, const char *name, const char *value);
/* Appends the answer as it goes out; `with_content` is false for HEAD. */
void http_format(struct buffer *out, const struct http_answer *answer, bool with_content);
void http_answer_release(struct http_answer *answer);
#endif
