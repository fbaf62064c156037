/* MQTT over HTTP (spec/eventgrid.md 6.5): a request becomes a PUBLISH, or a question about retained
 * messages. Pure.
 *
 *     POST /mqtt/messages?topic=                        what is published is the body
 *     GET  /mqtt/retainedMessages/message?topic=
 *     GET  /mqtt/retainedMessages?topicFilter= | continuationToken= (&maxResults=)
 *
 * What a PUBLISH has beside topic and payload stands in headers, or in parameters of the query of
 * the same name, which count more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_MQTT_REQUEST_H
#define PUBGRID_EVENTGRID_MQTT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "eventgrid/request_error.h"
#include "mqtt/packet.h"
#include "wire/message.h"

enum mqtt_operation { MQTT_PUBLISH, MQTT_READ, MQTT_LIST, MQTT_OPERATIONS };

enum { MQTT_PARAMETERS = 12, MQTT_RESULTS_MAX = 100 };

/* A request as it came; borrowed. */
struct mqtt_source {
    struct slice method, target;
    struct pairs headers;
    struct slice body;
};

struct mqtt_request {
    enum mqtt_operation operation;
    struct packet packet; /* of MQTT_PUBLISH: without packet identifier. Borrows the body too */
    struct slice filter;  /* of MQTT_READ: the topic; of MQTT_LIST */
    struct slice behind;  /* of MQTT_LIST: the topic behind which it goes on; empty: it begins */
    uint32_t results_max; /* of MQTT_LIST */
    struct buffer texts[MQTT_PARAMETERS];                 /* what the slices point into, */
    struct buffer correlation, user_properties, position; /* and decoded */
};

/* Is it the path of such a request? `target`: path and query, as they came. */
bool mqtt_request_is_path(struct slice target);
/* The only method that a path of ours is for: "GET" or "POST". */
const char *mqtt_request_method(struct slice target);
/* False with `error`, of status 400, 404 or 405. To be released in any case. */
bool mqtt_request_parse(struct mqtt_request *request, const struct mqtt_source *source,
                        struct request_error *error);
void mqtt_request_release(struct mqtt_request *request);

/* Appends the continuation token of a list that goes on behind the topic. */
void mqtt_token_append(struct buffer *out, struct slice filter, struct slice behind);

#endif
