/* A protocol as the bench needs it: what a client says, and what the server's bytes mean.
 *
 * One row of the table in bench_codec.c per protocol: MQTT on a byte stream, MQTT, the JSON
 * subprotocols of Web PubSub and Socket.IO on WebSocket; publishers may use HTTP instead. The rest
 * of the bench knows events, filters, topics and templates, and nothing of a protocol. What a
 * protocol demands by itself (PUBACK, PUBREL, sequenceAck) its codec answers by itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_CODEC_H
#define PUBGRID_CLI_BENCH_CODEC_H

#include "bench_template.h"
#include "bench_wire.h"

struct bench_fleet;
struct bench_connection;

enum bench_event_kind {
    BENCH_EVENT_NONE,       /* means nothing to the run */
    BENCH_EVENT_WELCOME,    /* CONNACK, `connected` */
    BENCH_EVENT_SUBSCRIBED, /* SUBACK, the ack of joinGroup */
    BENCH_EVENT_DELIVERY,
    BENCH_EVENT_FOREIGN,      /* a delivery without a stamp */
    BENCH_EVENT_ACKNOWLEDGED, /* a message of ours: PUBACK, PUBCOMP, ack */
    BENCH_EVENT_PONG,
};

struct bench_event {
    enum bench_event_kind kind;
    bool session_present;     /* WELCOME */
    uint16_t receive_maximum; /* WELCOME: the server's */
    uint16_t packet_id;       /* ACKNOWLEDGED: MQTT; HTTP: 0, the oldest message that is not */
    size_t payload;           /* DELIVERY: bytes */
    bool retain;              /* DELIVERY, MQTT */
    struct slice topic;       /* DELIVERY, MQTT */
    struct bench_stamp stamp; /* DELIVERY */
};

enum bench_next {
    BENCH_NEXT_EVENT,
    BENCH_NEXT_INCOMPLETE,
    BENCH_NEXT_FAILED, /* fleet->error says why */
};

struct bench_codec {
    const char *protocol;    /* its name on the command line and in the report */
    const char *subprotocol; /* of the WebSocket, perhaps empty; NULL: a plain byte stream */
    bool text;               /* messages are text frames, cut into single ones */
    bool wildcards;          /* and retained messages */
    bool shared_subscriptions, sessions;
    bool promises; /* nothing may be lost, whatever the QoS */
    int qos_max;
    int payload_min;

    /* The first message once the way is open; NULL: the server speaks first. */
    void (*greet)(struct bench_fleet *fleet, struct bench_connection *connection);
    /* One request; without wildcards it has one filter. */
    void (*subscribe)(struct bench_fleet *fleet, struct bench_connection *connection,
                      const struct slice *filters, size_t count);
    void (*ping)(struct bench_fleet *fleet, struct bench_connection *connection); /* or NULL */
    /* NULL: closing is enough. */
    void (*leave)(struct bench_fleet *fleet, struct bench_connection *connection);
    /* What is at the start of `in`; *size bytes of it are used. */
    enum bench_next (*next)(struct bench_fleet *fleet, struct bench_connection *connection,
                            struct slice in, struct bench_event *out, size_t *size);
    /* A message whose stamp and identifier are open. */
    void (*template_build)(struct bench_template *out, const struct bench_shape *shape);
    /* Fills them in; `at` has a copy of the template's bytes. */
    void (*template_fill)(const struct bench_template *template, uint8_t *at, uint16_t packet_id,
                          const struct bench_stamp *stamp);
};

extern const struct bench_codec bench_codec_mqtt, bench_codec_mqtt_websocket, bench_codec_json,
    bench_codec_json_reliable, bench_codec_json_event, bench_codec_socketio;
/* Of publishers alone: requests of the REST API. */
extern const struct bench_codec bench_codec_rest;

/* The one of that protocol (NULL: the default one) on a WebSocket or a byte stream; NULL: there is
 * none. */
const struct bench_codec *bench_codec_find(const char *protocol, bool websocket);

#endif
