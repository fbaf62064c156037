/* A publish request becomes events, or the error that answers it (spec/eventgrid.md 1.2, 1.5 to
 * 1.9, 2.1): EventGrid schema, CloudEvents structured, batched and binary, custom schema. Topics of
 * namespaces (5.2, 5.3) have smaller bounds, take an empty batch, and in binary mode a body of any
 * content type. All or nothing. The JSON is read once. Pure.
 *
 * The same reads what MQTT clients publish in the CloudEvents MQTT binding: its user properties are
 * the attributes (names without "ce-"), its Content Type is the content type.
 *
 * Where the specification leaves it open: of members or headers of the same name the last one
 * counts, a byte order mark in front is skipped, unknown members of the EventGrid schema are
 * dropped, attributes whose name CloudEvents does not allow (other than a to z and digits) are no
 * attributes, and a required property that is null or empty is not set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PUBLISH_H
#define PUBGRID_EVENTGRID_PUBLISH_H

#include "base/buffer.h"
#include "eventgrid/event.h"
#include "resource/topic.h"
#include "wire/message.h"

enum {
    PUBLISH_REQUEST_MAX = 1536000, /* bytes */
    PUBLISH_EVENT_MAX = 1049600,
    PUBLISH_EVENTS_MAX = 5000,
    NAMESPACE_REQUEST_MAX = 1 << 20, /* bytes, and of an event */
    NAMESPACE_EVENTS_MAX = 1000,
};

struct publish_request {
    const struct topic_properties *topic;
    struct slice topic_id;     /* the resource id, stamped as `topic`; of a domain: the domain's */
    struct slice domain_topic; /* given by the address (MQTT); empty: each event says it */
    struct slice content_type; /* header, may have parameters */
    struct pairs attributes;   /* of binary mode: HTTP's headers, all of them, or MQTT's user
                                * properties */
    bool is_mqtt;              /* attributes are user properties */
    bool is_routed;            /* and what claims to be JSON and is none is data that is a text */
    struct slice body;
    int64_t now_ms;
    void (*random)(void *out, size_t length); /* for ids that custom events lack */
};

/* 1.5 */
struct publish_error {
    int status;
    const char *code;        /* "BadRequest" */
    const char *detail_code; /* "InputJsonInvalid"; NULL: no details */
    struct slice message;    /* in scratch */
};

/* Zeroed memory is good; publish_scratch_release(). */
struct publish_scratch {
    struct buffer events;  /* struct event */
    struct buffer texts;   /* decoded, and what was put together */
    struct buffer message; /* the error's */
};

/* The events are the scratch memory's, [*count], valid until its next use. */
bool publish_parse(const struct publish_request *request, struct publish_scratch *scratch,
                   const struct event **events, size_t *count, struct publish_error *error);
void publish_scratch_release(struct publish_scratch *scratch);

/* "EventGridEvent", "CloudEventV10", "CustomEvent": what the service calls a topic's schema towards
 * publishers. */
const char *publish_schema_name(enum event_schema schema);
/* Appends the error's body (1.5). `request_id`: a UUID; `now_ms` for its "Report" sentence. */
void publish_error_append(struct buffer *out, const struct publish_error *error,
                          struct slice request_id, int64_t now_ms);

#endif
