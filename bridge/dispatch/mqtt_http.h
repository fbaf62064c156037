/* MQTT over HTTP (spec/eventgrid.md 6.5): publishing a message, and reading retained ones, as the
 * client that the bearer token names.
 *
 *     mqtt_http.c           whose request it is, answers
 *     mqtt_http_publish.c   POST /mqtt/messages
 *     mqtt_http_read.c      GET /mqtt/retainedMessages, and .../message
 *     guests.c              the clients' connections to the broker, which decides what they may do
 *
 * A list is walked in the broker's order, a page at a time: what stays is in it once, whatever
 * comes and goes meanwhile; nothing is kept between two pages. Single-threaded; pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MQTT_HTTP_H
#define PUBGRID_DISPATCH_MQTT_HTTP_H

#include "dispatch/call.h"

struct grid;
struct mqtt_http;

struct mqtt_http *mqtt_http_new(struct grid *grid);
/* Nobody gets an answer any more. */
void mqtt_http_free(struct mqtt_http *http);

bool mqtt_http_is_path(struct slice target);
void mqtt_http_call(struct mqtt_http *http, const struct grid_request *request,
                    struct grid_reply *reply);

#endif
