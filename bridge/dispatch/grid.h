/* Event Grid in this process: the catalog, the door for publishers, the runner of deliveries, the
 * management API; made by the wiring. The rest of bridge/dispatch gets what it needs from here.
 * Single-threaded; pure: outside.h is given.
 *
 *     door        HTTP and MQTT -> events -> filters -> messages for the subscriptions that take it
 *     runner      a session for each subscription that this process runs -> deliveries -> PUBACK
 *     sources     folders whose files are blobs -> events -> door
 *     mqtt        MQTT messages over HTTP: clients publish, and read retained ones
 *     namespaces  HTTP of their topics: publishers go to the door, receivers to the runner's queues
 *     management  ARM paths, /api/eventgrid: resources, log, dead letters, resend, replay
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_GRID_H
#define PUBGRID_DISPATCH_GRID_H

#include "base/buffer.h"
#include "base/slice.h"
#include "dispatch/call.h"
#include "dispatch/outside.h"

struct catalog;
struct catalog_store;
struct door;
struct folder_sources;
struct gateway;
struct management;
struct mqtt_http;
struct namespace_http;
struct runner;
struct settings_store;

struct grid_options {
    struct outside outside;
    struct slice base_url; /* of this server for webhooks, "http://127.0.0.1:8080" */
    struct slice host;     /* that it is known by, without a port */
    bool opens_management; /* no token is asked for on loopback listeners */
    bool skips_validation; /* no webhook is asked for its consent */
    double retry_scale;    /* factor on all delays of retries; 0: 1 */
    /* Access rules let some client subscribe to topics that begin with `$events/`, so that copies
     * are published there; or let some client publish there, which is heard. */
    bool shows_mqtt, hears_mqtt;
    struct slice declared; /* catalog_set_declared() */
};

struct grid {
    struct gateway *gateway;
    struct grid_options options;
    struct settings_store *settings; /* of places below `$config/eventgrid/`, see catalog.h */
    struct catalog *catalog;
    struct catalog_store *store;
    struct door *door;
    struct runner *runner;
    struct folder_sources *sources;
    struct management *management;
    struct namespace_http *namespaces;
    struct mqtt_http *mqtt;
    struct buffer base_url, host; /* of the options */
};

/* `gateway->grid` is set; texts of the options are copied. */
struct grid *grid_new(struct gateway *gateway, const struct grid_options *options);
void grid_free(struct grid *grid);
/* The configuration was read again. What is outside stays as it is. */
void grid_set_options(struct grid *grid, const struct grid_options *options);
/* The broker is there. */
void grid_connect(struct grid *grid);

#endif
