/* What the parts of the service share: service.c, listeners, TLS, HTTP and WebSockets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SERVICE_STATE_H
#define PUBGRID_NET_SERVICE_STATE_H

#include <libwebsockets.h>
#include <uv.h>

#include "base/list.h"
#include "base/timers.h"
#include "net/http_connection.h"
#include "net/service.h"
#include "net/tls_relay.h"

enum {
    PROTOCOL_NAME_SIZE = 64, /* the longest that libwebsockets reads */
    GATHER_SIZE = 65536,     /* bytes of one write to a browser, unless one message is longer */
};

enum service_phase {
    SERVICE_RUNNING,
    SERVICE_STOPPING,   /* browsers are being closed */
    SERVICE_DESTROYING, /* the context is being taken down, handles are closing */
};

struct service {
    uv_loop_t *loop;
    struct service_options options;
    struct lws_context *context;
    struct lws_protocols protocols[2]; /* one for all, see handshake.c, and the end */
    char protocol_name[PROTOCOL_NAME_SIZE];
    struct lws_vhost *vhost;     /* of those that become WebSockets */
    struct handshake *handshake; /* of the one that libwebsockets is being given; NULL: none is */
    struct listener *listeners;  /* [options.listener_count] */

    struct list websockets; /* all, by struct websocket.all */
    size_t websocket_count;
    struct list busy; /* those that want something at the end of the turn, by .busy */
    uint8_t *gather;  /* [LWS_PRE + GATHER_SIZE + FRAME_CLOSE_MAX]: what is written next */

    struct http_server http; /* connections that are no WebSockets */
    struct tls_server tls;   /* what is before those of https listeners */

    struct timers timers; /* by uv_now() */
    uv_timer_t clock;
    msec_t clock_at; /* what `clock` is set to */
    uv_prepare_t turn_end;

    enum service_phase phase;
    struct timer stop_timer; /* browsers that do not go by themselves */
    int handles_left;        /* of ours, while they close */
    void (*stopped)(void *context);
    void *stopped_context;
};

/* The service of a connection. */
static inline struct service *service_of(struct lws *lws)
{
    return lws_context_user(lws_get_context(lws));
}

static inline msec_t service_now(const struct service *service)
{
    return (msec_t)uv_now(service->loop);
}

#endif
