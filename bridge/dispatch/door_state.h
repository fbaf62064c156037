/* What the files of the door share. Internal to door*.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_DOOR_STATE_H
#define PUBGRID_DISPATCH_DOOR_STATE_H

#include "base/uuid.h"
#include "client/own_channel.h"
#include "dispatch/door.h"
#include "dispatch/grid.h"
#include "eventgrid/publish.h"

enum {
    DOOR_FIRST_ID = 16,                        /* of PUBLISHes */
    DOOR_IDS = UINT16_MAX - DOOR_FIRST_ID + 1, /* packet identifiers */
    DOOR_WINDOW = 60000,                       /* messages without PUBACK */
    DOOR_BACKLOG_MAX = 4 << 20,                /* bytes that the broker has not taken */
    DOOR_KEPT_MAX = 32 << 20,                  /* bytes of requests that wait */
    DOOR_EVENT_MARGIN = 4096,                  /* what rendering adds to an event, at most */
    DOOR_ESCAPED_MAX = 6,                      /* bytes in JSON for one of a text */
};

/* A publish request, from HTTP or MQTT: what publish_parse() wants. Borrowed. */
struct door_request {
    struct slice source_key;
    struct slice domain_topic; /* given by the address */
    struct slice content_type;
    struct pairs attributes;
    struct slice body;
    bool is_from_mqtt;
};

/* A copy of one. */
struct kept_request {
    struct door_request request;
    struct buffer texts;
    struct pair *attributes;
};

/* An event as one kind of subscription wants it. */
struct rendering {
    struct buffer json;
    bool is_made; /* for the event that is being sent */
};

struct door_ear;

struct door {
    struct grid *grid;
    struct gateway *gateway;
    struct own_channel own;
    uint32_t packet_max;              /* bytes that the broker takes */
    uint64_t published, acknowledged; /* messages, ever: they are answered in turn */
    uint8_t extra[DOOR_IDS / 8 + 1]; /* a bit for each identifier: nobody minds if nobody gets it */
    struct list sent, waiting;       /* struct door_load */
    struct list calls;               /* struct door_call, of HTTP */
    size_t kept_bytes;
    struct door_ear *ear;
    struct uuid_series request_ids;
    /* Scratch. */
    struct publish_scratch scratch;
    struct rendering renderings[EVENT_SCHEMAS][2]; /* by schema, and with a data schema or not */
    bool has_rendered;                             /* some of them are made, */
    bool has_grown;                                /* or were, since they were last shrunk */
    struct buffer topic, properties, key, payload;
};

/* --- door.c --- */

/* The broker is there, and the catalog is complete. */
bool door_is_ready(const struct door *door);
/* How many messages may be sent now. */
size_t door_room(const struct door *door);

enum door_take {
    TAKE_ACCEPTED = DOOR_ACCEPTED,
    TAKE_WAITS = DOOR_WAITS,
    TAKE_BUSY = DOOR_BUSY,
    TAKE_REFUSED, /* `error`, its message in door->scratch */
};
/* Takes in a request. */
enum door_take door_take(struct door *door, const struct door_request *request,
                         struct door_load *load, struct publish_error *error);

/* --- door_kept.c --- */

struct kept_request *kept_request_new(const struct door_request *request);
void kept_request_free(struct kept_request *kept);
size_t kept_request_size(const struct kept_request *kept);

/* --- door_send.c --- */

/* Sends from load->next_event on. False: there is no room for the next one. */
bool door_send(struct door *door, struct catalog_source *source, const struct event *events,
               size_t count, struct door_load *load, bool shows_mqtt);
void door_send_release(struct door *door);

/* --- door_http.c --- */

/* Events of a request that began then were accepted. */
void door_count_accepted(const struct door *door, struct catalog_source *source, size_t events,
                         msec_t began);
/* All are answered, or abandoned. */
void door_calls_free(struct door *door);

/* --- door_mqtt.c --- */

struct door_ear *door_ear_new(struct door *door);
void door_ear_free(struct door_ear *ear);
void door_ear_connect(struct door_ear *ear);

#endif
