/* Requests over plain HTTP/1.1, on connections that are kept: what most webhooks of a busy server
 * are asked with, since they are near. libcurl resolves the name and connects; then the connection
 * is taken from it, because its own engine takes twice the processor time for a request.
 * Requests with TLS stay with libcurl.
 *
 * A request that goes out on a connection whose end was on its way is made again, once, if nothing
 * was answered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_PLAIN_HTTP_H
#define PUBGRID_NET_PLAIN_HTTP_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/map.h"
#include "base/timers.h"
#include "net/curl_loop.h"

struct plain_connection;

struct plain_http {
    struct curl_loop *curl;
    struct timers *timers;
    msec_t (*clock)(void);
    void (*timer_set)(void *context); /* a timer was set */
    /* Nothing is left of it. */
    void (*closed)(void *context);
    void *context;
    size_t idle_max;

    struct map pools; /* by origin */
    struct list idle; /* connections, the oldest first */
    size_t idle_count, handle_count;
    uint8_t *scratch; /* what is read next */
    bool is_closing;
};

/* Embedded by who asks. */
struct plain_request {
    struct slice method, url; /* "http://..."; stay until it is done */
    struct slice lines;       /* headers, as events/request.h makes them: only needed at once, */
    struct slice content;     /* like this */
    bool has_content;
    uint32_t timeout_ms;
    struct buffer *head, *body; /* get the answer */
    size_t body_max;            /* bytes of its content */
    int status;                 /* of it, also of one that is too long; 0: none came */
    /* From the loop, never from inside plain_http_send(). */
    void (*done)(struct plain_request *request, CURLcode code);
    struct plain_connection *connection; /* while it is under way */
    bool was_sent_again;
};

/* The fields up to `context`, and `idle_max`, are set. */
void plain_http_open(struct plain_http *http);
void plain_http_send(struct plain_http *http, struct plain_request *request);
/* It is not done any more. */
void plain_http_cancel(struct plain_request *request);
/* No request is under way. */
void plain_http_close(struct plain_http *http);

#endif
