/* MQTT messages become CloudEvents (spec/eventgrid.md 6.6). One that is a CloudEvent by the MQTT
 * binding, binary or structured, stays what it is; any other is wrapped:
 *
 *     specversion 1.0, id, source: the namespace, type MQTT.EventPublished, subject: the topic,
 *     time: when the broker had it, datacontenttype, and
 *     data         of Payload Format Indicator 1, or with a Content Type of JSON: the JSON value;
 *                  what is no JSON is a text
 *     data_base64  of all others, and of what is not the UTF-8 that it claims to be
 *
 * and both are enriched. Of one in binary mode, too, what is no JSON though its Content Type says
 * so is a text. A message without payload is an event without data. One that claims to be
 * a CloudEvent and is not a good one is wrapped as any other: nothing is lost. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_ROUTE_WRAP_H
#define PUBGRID_EVENTGRID_ROUTE_WRAP_H

#include "eventgrid/event.h"
#include "eventgrid/publish.h"
#include "eventgrid/routed_message.h"
#include "resource/enrichment.h"

#define ROUTED_TYPE "MQTT.EventPublished"

/* Where it goes. Borrowed. */
struct route_target {
    struct slice namespace_name;
    const struct enrichments *enrichments;
    const struct topic_properties *topic; /* of SCHEMA_CLOUD_EVENTS */
    struct slice topic_id;
    int64_t now_ms;
    void (*random)(void *out, size_t length);
};

/* Zeroed memory is good; route_wrapper_release(). */
struct route_wrapper {
    struct publish_scratch parsed;
    struct buffer pairs; /* of the message */
    struct buffer json, text;
    struct buffer time; /* as text: */
    int64_t time_ms;    /* of the message before, which came at the same time as a rule */
    struct event event;
};

/* The event, the wrapper's own until its next use. NULL: it would be larger than an event may be.
 * `id`: of one that is wrapped. */
const struct event *route_wrap(struct route_wrapper *wrapper, const struct route_target *target,
                               const struct routed_message *message, struct slice id);
void route_wrapper_release(struct route_wrapper *wrapper);

#endif
