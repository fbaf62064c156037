/* A session: what the server keeps for a client identifier, with or without a network connection
 * (MQTT 5 section 4.1). Owned by the shard that the client identifier hashes to (invariant 2).
 *
 *   session_connect.c    CONNECT, takeover, resumption, disconnect, end of the session
 *   session_publish.c    PUBLISH and PUBREL from the client
 *   session_deliver.c    messages to the client, its acknowledgements, flow control, redelivery
 *   session_subscribe.c  SUBSCRIBE, UNSUBSCRIBE, retained messages
 *   sessions.c           the table: by client identifier and by session_ref
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_SESSION_H
#define PUBGRID_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/timers.h"
#include "core/connection.h"
#include "core/delivery.h"
#include "core/identity.h"
#include "core/inflight.h"
#include "core/packet_ids.h"
#include "core/session_ref.h"
#include "core/shard.h"
#include "core/subscriptions.h"
#include "mqtt/packet.h"

enum { SESSION_NEVER_EXPIRES = UINT32_MAX };

struct will_message {
    struct message *message; /* one count; its expiry is set when it is published */
    uint32_t delay;          /* seconds */
    uint32_t expiry;         /* Message Expiry Interval in seconds; 0: none given */
    bool expires;
};

/* One subscription of a session: what SUBSCRIBE said. The tree has its own copy. */
struct session_subscription {
    struct map_node by_filter;
    struct subscriber subscriber;
    uint16_t filter_length;
    char filter[]; /* as subscribed, $share prefix included */
};

struct session {
    struct map_node by_client_identifier;
    struct shard *shard;
    struct connection *connection; /* NULL while disconnected */
    struct identity *identity;     /* one count */
    struct session_ref ref;
    struct map subscriptions; /* struct session_subscription by filter */
    struct delivery_queue queue;
    struct inflight inflight;
    struct packet_ids received; /* QoS 2 PUBLISHes not yet released by the client */
    uint16_t *resend; /* after a reconnect: identifiers to send again, in order; or NULL */
    uint32_t resend_next, resend_count;
    uint32_t unacknowledged;    /* inflight entries sent on this connection */
    uint32_t sealed;            /* submitted records whose acknowledgement has not come back */
    uint32_t connection_number; /* counts network connections, so that an old one's acks are lost */
    struct will_message *will;
    struct timer timer;       /* disconnected: will delay, then expiry */
    msec_t will_at;           /* MSEC_NEVER: no will waits */
    msec_t expires_at;        /* MSEC_NEVER while connected, or when it never expires */
    uint32_t expiry_interval; /* seconds; 0: ends with the connection */
    uint32_t shared_count;    /* shared subscriptions */
    uint32_t queued_qos0;     /* QoS 0 messages in `queue` */
    uint8_t version;          /* of the last network connection */
    bool queue_overflowing;   /* said in the log once */
    uint16_t client_identifier_length;
    char client_identifier[];
};

static inline struct slice session_client_identifier(const struct session *session)
{
    return slice_make(session->client_identifier, session->client_identifier_length);
}

static inline bool session_is_durable(const struct session *session)
{
    return session->expiry_interval > 0;
}

/* --- sessions.c --- */

/* NULL if there is none. */
struct session *sessions_find(struct shard *shard, struct slice client_identifier);
/* NULL if the session has ended. */
struct session *sessions_resolve(struct shard *shard, struct session_ref ref);
/* A new, empty, disconnected session; NULL when the shard has no free slot. */
struct session *sessions_add(struct shard *shard, struct slice client_identifier);
/* Takes it out of the table and frees it with everything in it. */
void sessions_remove(struct session *session);

/* --- session_connect.c --- */

/* The connection was authenticated and arrived at the shard that owns its session: takes over,
 * resumes or creates, answers CONNACK, sends what waits. `packet` is its CONNECT. */
void session_connect(struct connection *connection, const struct packet *packet);
/* The network connection ends. `keep_will`: it was no proper DISCONNECT, so the will is due. */
void session_disconnect(struct session *session, bool keep_will);
/* Ends the session now: publishes a waiting will, drops subscriptions and messages. */
void session_end(struct session *session);
/* The client changed its Session Expiry Interval (at DISCONNECT). */
void session_set_expiry(struct session *session, uint32_t seconds);

/* --- session_publish.c, session_deliver.c, session_subscribe.c: packets of an attached client.
 * A reason other than success closes the connection with it. --- */

enum reason_code session_receive_publish(struct session *, const struct packet *packet);
enum reason_code session_receive_pubrel(struct session *, const struct packet *packet);
enum reason_code session_receive_puback(struct session *, const struct packet *packet);
enum reason_code session_receive_pubrec(struct session *, const struct packet *packet);
enum reason_code session_receive_pubcomp(struct session *, const struct packet *packet);
enum reason_code session_receive_subscribe(struct session *, const struct packet *packet);
enum reason_code session_receive_unsubscribe(struct session *, const struct packet *packet);

/* --- session_deliver.c --- */

/* A message for this session, as its subscription wants it: written at once if the connection
 * takes it, else queued within the session's bounds, else dropped and counted. `identifiers`
 * (may be NULL) is taken over and stands for subscriber->identifier. */
void session_deliver(struct session *session, struct message *message,
                     const struct subscriber *subscriber, struct identifiers *identifiers);
/* The same for a retained message that a SUBSCRIBE asks for: RETAIN is set. */
void session_deliver_retained(struct session *session, struct message *message,
                              const struct subscriber *subscriber);
/* Sends what waits, as far as the flow control and the output allow. */
void session_send_waiting(struct session *session);
/* After a reconnect: everything unacknowledged is to be sent again, in order. */
void session_begin_resend(struct session *session);

/* --- session_subscribe.c --- */

/* Writes the session's state (durable, online) and, with `check_access`, its rights into the tree
 * wherever they differ. */
void session_update_subscriptions(struct session *session, bool check_access);
/* Removes all its subscriptions from the tree. */
void session_drop_subscriptions(struct session *session);

#endif
