/* An event that waits for a subscription: the message on the subscription's topic, its payload the
 * event's JSON as it will be delivered, its user properties what else the delivery needs. It is
 * written by who accepts the event, by a retry (on `$delayed/...`) and by a replay, and read by who
 * delivers it. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_QUEUED_H
#define PUBGRID_EVENTGRID_QUEUED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "eventgrid/outcome.h"
#include "mqtt/properties.h"
#include "resource/schema.h"

enum { QUEUED_TEXT_MAX = 1024 }; /* bytes of an id or data version; more is cut */

struct queued_event {
    enum event_schema schema;  /* of `json` */
    struct slice json;         /* the payload */
    struct slice id;           /* the event's */
    struct slice data_version; /* not of CloudEvents */
    int64_t published_ms;      /* accepted */
    /* Of a retry. */
    uint32_t attempts;             /* made so far */
    int64_t attempted_ms;          /* the last one */
    enum delivery_outcome outcome; /* of it */
    int status;                    /* of it; 0: no answer */
    uint8_t hops;                  /* event topics that it has passed */
};

/* Appends the user properties, whose names begin with `$wps.`, so that nobody else can write them
 * (mqtt/user_property.h's form). */
void queued_event_append_properties(struct buffer *list, const struct queued_event *event);
/* False: it is none. Slices are the packet's. What a property lacks or is not good for is 0. */
bool queued_event_read(struct queued_event *event, struct slice payload,
                       const struct properties *properties);

#endif
