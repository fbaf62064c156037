/* A client for HTTP requests to webhooks: libcurl on the loop (curl_loop.h), the connections
 * without TLS (plain_http.h), the time of both, and transfers that are used again and again. Who
 * asks webhooks has one, and may set timers of its own on it. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_HTTP_CLIENT_H
#define PUBGRID_NET_HTTP_CLIENT_H

#include <uv.h>

#include "base/list.h"
#include "base/timers.h"
#include "net/curl_loop.h"
#include "net/plain_http.h"
#include "net/webhook_transfer.h"

struct http_client_options {
    struct transfer_trust trust; /* what it points to outlives the client */
    bool refuses_private;        /* no connection to loopback, private and link-local addresses */
    size_t connections;          /* that are kept open while nobody uses them */
    msec_t (*clock)(void);
    void *timer_context; /* handed to the owner's timers */
};

struct http_client {
    uv_loop_t *loop;
    struct curl_loop curl;
    struct plain_http http;
    struct transfer_trust trust;
    struct list spare; /* transfers, the one used last is last */
    size_t spare_count;
    struct timers timers; /* by clock() */
    msec_t (*clock)(void);
    uv_timer_t timer;
    msec_t timer_at;       /* what it is set to */
    unsigned handles_left; /* while it closes */
    bool is_closing;
    void (*closed)(void *context);
    void *context;
};

/* False: libcurl cannot start, and there is nothing to close. */
bool http_client_open(struct http_client *client, uv_loop_t *loop,
                      const struct http_client_options *options);
/* `closed` is called from the loop when nothing is left of it. All transfers were given back, and
 * the owner's timers are not set. */
void http_client_close(struct http_client *client, void (*closed)(void *context), void *context);

struct transfer *http_client_take(struct http_client *client);
/* It is not under way. */
void http_client_give_back(struct http_client *client, struct transfer *transfer);

/* Sets or moves a timer of the owner. */
void http_client_set_timer(struct http_client *client, struct timer *timer, msec_t deadline);
/* Fires the timers that are due; the loop does so by itself, tests with a clock of their own call
 * it. */
void http_client_advance(struct http_client *client);

#endif
