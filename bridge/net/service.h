/* The front door: one libwebsockets context on a libuv loop, with its listeners, plain HTTP and
 * the browsers' WebSockets. One thread; several processes may share the ports.
 *
 * Browsers' frames queued during a turn of the loop are written at its end, all of one browser in
 * one write (websocket.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SERVICE_H
#define PUBGRID_NET_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/websocket.h"

struct grid;
struct grid_ops;
struct metrics;
struct rest_ops;
struct uv_loop_s;
struct service;

struct service_listener {
    const char *address;                     /* numeric; "::" takes IPv4 as well */
    uint16_t port;                           /* 0: any, see service_port() */
    const char *certificate_file, *key_file; /* PEM; both NULL: without TLS */
    bool page_enabled;                       /* the page at / */
    bool console_enabled;                    /* the console at /console/ */
    bool metrics_enabled;                    /* the metrics at /metrics */
};

/* What it points to must outlive the service. */
struct service_options {
    const struct service_listener *listeners;
    size_t listener_count;
    bool shares_ports; /* SO_REUSEPORT: other processes listen on the same ports */
    size_t maximum_message_size;
    const struct upgrade_context *upgrade_context;
    struct gateway *gateway;
    const struct rest_ops *rest; /* who carries out REST operations; NULL: nobody, 503 */
    struct grid *grid;           /* NULL: there is no Event Grid */
    const struct grid_ops *grid_ops;
    struct metrics *metrics; /* that connections and requests are counted in */
};

/* Listens. NULL if it cannot, having logged why; what had begun by then ends on the loop. */
struct service *service_start(struct uv_loop_s *loop, const struct service_options *options);
/* Reads the certificates again, from the files that `listeners` has for the same addresses. One
 * that cannot be used leaves the old one in force, and says so in the log. */
void service_reload_certificates(struct service *service, const struct service_listener *listeners,
                                 size_t count);
/* Where listener number `index` listens. */
uint16_t service_port(const struct service *service, size_t index);
/* Browsers that are connected. */
size_t service_websocket_count(const struct service *service);

/* Closes the listeners at once, the browsers with 1001, and then everything: `stopped` is called
 * from the loop when nothing is left of the service, at most about 6 s later. Clients get their
 * client_socket_closed() before. */
void service_stop(struct service *service, void (*stopped)(void *context), void *context);

#endif
