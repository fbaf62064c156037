/* A small broker for several bridge processes in one test: sessions, subscriptions, retained
 * messages, wills, acknowledgements. What it sends is delivered by broker_run() only, as the link
 * does it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_BRIDGE_BROKER_H
#define PUBGRID_TESTS_BRIDGE_BROKER_H

#include "client/client.h"
#include "client/fanout.h"

enum { BROKER_GATEWAYS = 3, BROKER_SESSIONS = 64 };

struct websocket {
    struct buffer got; /* a line a frame, `close 1000 reason` */
};

struct broker_session {
    struct buffer id;      /* empty: free */
    struct buffer filters; /* of SUBSCRIBE, as unsubscribe_next() reads them */
    struct buffer waiting; /* PUBLISHes for when it is back, each with its length before it */
    struct buffer will;    /* a PUBLISH */
    struct channel *channel;
    unsigned gateway;
    uint32_t expiry, next_sequence;
    /* Of events ($wps//events/): kept until PUBACK, within Receive Maximum and credit. */
    bool keeps;
    struct list kept; /* struct kept */
    size_t kept_count;
    uint64_t flood; /* so many more messages wait, each like flood_packet */
    struct slice flood_packet;
    uint32_t window, in_flight;
    int64_t credit; /* bytes */
    bool is_held;   /* what is for it waits on its way */
};

struct broker_bridge {
    struct link link;
    struct gateway gateway;
    bool is_deaf; /* nothing is delivered to it any more */
};

struct broker {
    struct upgrade_context access;
    struct hub_settings hub;
    struct broker_bridge bridges[BROKER_GATEWAYS];
    struct broker_session sessions[BROKER_SESSIONS];
    struct buffer retained; /* PUBLISHes, each with its length before it */
    struct list events;     /* what is to be delivered */
    uint8_t puback;         /* reason for the next PUBACKs */
    struct list delayed;    /* PUBLISHes to $delayed/ */
    bool refuses_delayed;   /* with 0x97 */
    uint32_t packet_max;    /* bytes, as CONNACK says; 0: it says nothing */
    bool is_away;
    struct buffer listened; /* filters, as a session's */
    struct buffer heard;
};

/* One at a time. */
struct broker *broker_new(void);
/* All clients have been closed. */
void broker_free(struct broker *broker);
extern msec_t broker_now;

/* Delivers all, and what comes of it. */
void broker_run(struct broker *broker);
/* The process is gone, as if killed: wills are published; its clients must be closed. */
void broker_kill(struct broker *broker, unsigned bridge);
/* The broker is gone, and what is on its way to the bridges; durable sessions are not. And is back.
 */
void broker_lose(struct broker *broker);
void broker_return(struct broker *broker);
/* Time goes by: delayed messages and the timers of the bridges that are due, and what comes of it.
 */
void broker_advance(struct broker *broker, msec_t ms);
/* Somebody else connects with the session's client identifier; nothing is sent to it. */
void broker_steal(struct broker *broker, struct broker_session *session, struct channel *thief);
/* NULL: there is none. */
struct broker_session *broker_find_session(const char *id);
/* A message of somebody else's at QoS 1; how many get it. */
size_t broker_publish(struct broker *broker, const struct packet *publish);
/* What is published there from now on: a line `topic content-type id` each, whose id is that of an
 * event in JSON; NUL-terminated until the next call. */
void broker_listen(struct broker *broker, const char *filter);
const char *broker_heard(struct broker *broker);
/* And comes (again). */
void broker_start(struct broker *broker, unsigned bridge);

/* A browser of hub `h`, connected; `group` (may be NULL) in its token. `recovers`: the connection
 * id to recover. The caller keeps the websocket. */
struct client *broker_client(struct broker *broker, unsigned bridge, struct websocket *websocket,
                             enum subprotocol subprotocol, const char *user, const char *group,
                             const char *recovers);
/* What the browser got since the last call, NUL-terminated. */
const char *websocket_got(struct websocket *websocket);

#endif
