/* A broker, browsers and a clock of the fuzzer's own around bridge/client, with what must be true
 * of all that the clients say to either; see bridge_client_fuzz.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_CLIENT_WORLD_H
#define PUBGRID_TESTS_BRIDGE_CLIENT_WORLD_H

#include "client/client.h"
#include "client/fanout.h"
#include "fuzz/fuzz.h"

enum { BROWSERS = 3, CHANNELS = 8, SESSIONS = 4, SUCCESSES = 256, ID_LENGTH = 22 };

enum browser_kind {
    BROWSER_JSON,
    BROWSER_JSON_RELIABLE,
    BROWSER_PROTOBUF,
    BROWSER_PROTOBUF_RELIABLE,
    BROWSER_RAW,
    BROWSER_MQTT_HUB,
    BROWSER_MQTT,
    BROWSER_KINDS,
};

struct delivery {
    uint32_t sequence;
    bool is_for_browser;
    size_t length;
    uint8_t bytes[512];
};

/* What the broker keeps of a Web PubSub connection. */
struct session {
    bool is_used, is_reliable;
    enum browser_kind kind;
    char id[ID_LENGTH];
    uint32_t next;         /* number of the next delivery */
    struct buffer unacked; /* struct delivery, oldest first */
    struct delivery ended; /* the last that was acknowledged; sequence 0: none */
    struct buffer away;    /* the retained message of away.c */
    uint64_t acked;        /* sequence id up to which the browser has acknowledged, */
    uint64_t acked_surely; /* and on its present socket */
    uint64_t succeeded[SUCCESSES];
    size_t succeeded_count; /* of ackIds; 0 again when nobody can know any more */
};

/* A connection at the broker. */
struct peer {
    struct channel *channel; /* NULL: free */
    struct session *session; /* NULL: not of Web PubSub */
    enum protocol_version version;
    bool is_janitor, is_relay;
    bool is_connected;     /* CONNACK was sent */
    struct buffer answers; /* struct answer, oldest first */
    uint32_t mqtt_number;
    uint64_t delivered, credited; /* bytes of PUBLISHes */
};

struct answer {
    enum packet_type type; /* PACKET_PUBLISH: a message to the client itself */
    uint16_t packet_id;
    uint8_t count; /* of codes */
    bool session_present, is_away;
    enum qos qos;
    char mark[8];
};

struct websocket {
    struct client *client; /* NULL: nobody */
    enum browser_kind kind;
    bool is_closed, is_paused, was_greeted;
    uint16_t code;
    uint64_t last_number;
    struct session *session;
    struct buffer frames; /* struct outgoing *, not yet written */
};

struct world {
    struct gateway gateway;
    struct link link;
    struct upgrade_context access;
    struct hub_settings hub;
    struct websocket browsers[BROWSERS];
    struct peer peers[CHANNELS];
    struct session sessions[SESSIONS];
    bool is_ready, is_stopping, may_send;
    msec_t now;
    uint8_t random;
    uint32_t first_number; /* of new sessions */
};
extern struct world world;

void world_begin(void);
/* Lets everything come to its end, and checks that it is one. */
void world_end(void);

/* --- browsers --- */

void browser_open(struct websocket *browser, enum browser_kind kind, uint8_t settings);
void browser_recover(struct websocket *browser, struct session *session);
/* A message from it, unless it is not read from. */
void browser_say(struct websocket *browser, struct slice message, bool is_text);
/* Writes up to `count` frames. */
void browser_write(struct websocket *browser, size_t count);
void browser_leave(struct websocket *browser, uint16_t code);

/* --- the broker --- */

/* Sends the oldest answer, with this reason where there is one. False: none is due. */
bool peer_answer(struct peer *peer, uint8_t reason);
/* A message; `properties` are encoded user properties. */
void peer_deliver(struct peer *peer, struct slice topic, struct slice payload,
                  struct slice properties, bool retain);
void peer_close(struct peer *peer, uint8_t reason);
/* `forgets`: the last acknowledgements, too. */
void broker_lose(bool forgets);
void broker_return(void);
void broker_may_send(bool may_send);

/* --- between the files of the world --- */

extern const struct link_ops link_operations;
void session_end(struct session *session);
/* The number of the next delivery. */
uint32_t take_number(struct session *session);
size_t unacked_count(const struct session *session);
struct delivery *delivery_at(struct session *session, size_t index);
/* It is as if the last acknowledgement had not come. */
void session_forget(struct session *session);
struct peer *peer_of(const struct channel *channel);
/* NULL: the janitor's. */
struct websocket *browser_of(const struct channel *channel);
/* The connection is gone; the session of a client that is not reliable ends with it. */
void peer_end(struct peer *peer);

#endif
