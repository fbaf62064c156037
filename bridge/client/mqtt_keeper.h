/* Knows when the session of a hub's MQTT client is over, however long it outlives its connection
 * and whatever becomes of the bridge, so that `disconnected` is raised then
 * (spec/webpubsub.md 5.3); and what its events remember from one connection to the next.
 *
 * The client's will is its own, so beside its session there is another, which begins and expires
 * with it and whose will is ours: `$wps/<hub>/gone/mqtt:<client identifier>`, which the janitor
 * hears. Between connections `$wps/<hub>/away/mqtt:<client identifier>`, retained, has the events'
 * memory (event_queue_export()). Only where a handler takes `disconnected`.
 *
 *   begin --CONNACK--> (looks for the memory) --> ready(): the client's CONNECT goes out
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_KEEPER_H
#define PUBGRID_CLIENT_MQTT_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct mqtt_client;
struct mqtt_keeper;

/* What stands before the client identifier in topics, as no connection id of Web PubSub begins. */
#define KEEPER_PREFIX SLICE_LITERAL("mqtt:")

/* `connect` is the client's CONNECT, to be given to mqtt_hub_go_on() when it is ready. */
struct mqtt_keeper *mqtt_keeper_begin(struct mqtt_client *mqtt, struct slice connect,
                                      bool clean_start, uint32_t session_expiry_s);
bool mqtt_keeper_is_ready(const struct mqtt_keeper *keeper);
/* The connection is gone. With `is_over` its session is, too, and nobody else is to tell of it. */
void mqtt_keeper_end(struct mqtt_keeper *keeper, bool is_over);

#endif
