/* What the files of mqtt_http.h share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_MQTT_HTTP_STATE_H
#define PUBGRID_DISPATCH_MQTT_HTTP_STATE_H

#include "base/uuid.h"
#include "client/gateway.h"
#include "dispatch/guests.h"
#include "dispatch/mqtt_http.h"
#include "eventgrid/mqtt_request.h"

struct mqtt_http {
    struct gateway *gateway;
    struct guests *guests;
    struct list calls; /* struct mqtt_call */
    struct uuid_series request_ids;
    struct buffer user; /* scratch */
};

/* A request that is being looked at. */
struct mqtt_visit {
    struct mqtt_http *http;
    const struct grid_request *request;
    struct grid_reply *reply;
    struct mqtt_request *wanted;
    struct slice user;
};

/* A request that waits; embedded. */
struct mqtt_call {
    struct guest_call guest;
    struct list link; /* in http->calls */
    struct mqtt_http *http;
    struct grid_reply *reply;
    void (*release)(struct mqtt_call *call); /* frees it */
};

/* --- mqtt_http.c --- */

/* `call` is zeroed, but for `release` and `guest.done`. */
void mqtt_http_wait(struct mqtt_call *call, const struct mqtt_visit *visit);
/* Frees it; returns who is to be answered. */
struct grid_reply *mqtt_http_end(struct mqtt_call *call);

/* `headers`: more of them, or none. */
void mqtt_http_answer(struct mqtt_http *http, struct grid_reply *reply, int status,
                      struct slice headers, const char *content_type, struct slice body);
void mqtt_http_refuse(struct mqtt_http *http, struct grid_reply *reply,
                      const struct request_error *error);
/* Of calls that wait nowhere: there is no guest for them, or too much waits. */
extern const struct guest_answer mqtt_http_no_guest, mqtt_http_no_room;
/* NULL: the broker has done it. */
const struct request_error *mqtt_http_error(const struct guest_answer *answer);

/* --- the operations --- */

void mqtt_http_publish(const struct mqtt_visit *visit);
void mqtt_http_read(const struct mqtt_visit *visit);

#endif
