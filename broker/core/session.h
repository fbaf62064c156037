/* A session: what the server keeps for a client identifier, with or without a network connection
 * (MQTT 5 section 4.1). Owned by the shard that the client identifier hashes to (invariant 2).
 *
 *   session_connect.c    CONNECT, takeover, resumption, disconnect, end of the session
 *   session_publish.c    PUBLISH and PUBREL from the client
 *   session_store.c      what the store is told of deliveries; messages that are read back
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
#include "core/delivery_queue.h"
#include "core/identity.h"
#include "core/inflight.h"
#include "core/packet_ids.h"
#include "core/retained.h"
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

/* One subscription of a session: what SUBSCRIBE said. The tree has its own copy, as a subscriber,
 * which is made of this and of what the session knows. */
struct session_subscription {
    struct map_node by_filter;
    uint32_t identifier; /* Subscription Identifier; 0: none */
    uint32_t number;     /* of its row in the store */
    uint16_t filter_length;
    uint8_t qos;   /* maximum QoS */
    uint8_t flags; /* enum subscriber_flags */
    char filter[]; /* as subscribed, $share prefix included */
};

/* What is to happen to a session without a network connection, and when. Made when that is to be
 * known (session_schedule); most sessions end with their connection and never have one. */
struct session_schedule {
    struct session *session;
    struct timer timer; /* will delay, then expiry */
    msec_t will_at;     /* MSEC_NEVER: no will waits */
    msec_t expires_at;  /* MSEC_NEVER: it never expires */
    msec_t disconnected_at;
};

/* Of a session that the store keeps: its name there, and how far what it has told the store is
 * behind. Made and freed in session_store.c. */
struct session_record {
    struct session *session;
    uint64_t durable_id;       /* names it in the store; never 0 */
    struct list unsaved;       /* in shard->unsaved while its progress row is behind */
    struct list reporting;     /* in shard->reporting while `done` holds something */
    uint32_t saved_next;       /* deliveries from here on are in no row yet */
    uint32_t saved_first;      /* no row holds a delivery before this */
    uint32_t done, done_count; /* deliveries that were acknowledged in this turn */
};

struct session {
    struct map_node by_client_identifier;
    struct shard *shard;
    struct connection *connection; /* NULL while disconnected */
    struct identity *identity;     /* one count */
    struct rights *rights;         /* what the access rules come to; NULL: not asked for yet */
    struct session_count *counted; /* as its user's; NULL: anonymous, or the bridge's */
    struct session_ref ref;
    struct map subscriptions; /* struct session_subscription by filter */
    struct delivery_queue queue;
    struct inflight inflight;
    struct packet_ids received;     /* QoS 2 PUBLISHes not yet released by the client */
    struct packet_ids received_now; /* those of them whose commit has not come back */
    uint32_t unacknowledged;        /* inflight entries sent on this connection */
    uint32_t sealed;                /* sealed acknowledgements that have not come back */
    uint64_t last_posting;          /* of the store, in which the last one has */
    uint32_t connection_number; /* counts network connections, so that an old one's acks are lost;
                                   kept by the store */
    struct will_message *will;
    struct session_schedule *schedule; /* NULL while connected, unless it has overflowed */
    uint32_t expiry_interval;          /* seconds; 0: ends with the connection */
    struct session_bounds bounds;
    uint32_t shared_count;         /* shared subscriptions */
    uint32_t queued_qos0;          /* QoS 0 messages in `queue` */
    struct session_record *record; /* NULL: the store does not keep it */
    uint32_t next_sequence;        /* of the next delivery at QoS > 0 */
    uint32_t sent_next;            /* deliveries from here on were never sent */
    uint32_t next_subscription;
    bool reading;           /* messages of the queue are being read back */
    uint8_t version;        /* of the last network connection */
    bool queue_overflowing; /* said in the log once */
    bool overflowed;        /* beyond its bounds: it takes nothing any more and ends soon */
    bool is_bridge;         /* `$wps//...` */
    bool holds_events;      /* `$wps//events/...`: it drops nothing; when full, it has it refused */
    bool is_full;           /* of those: its subscriptions are SUBSCRIBER_FULL */
    bool hears_publisher;   /* `$wps//events/routes/...`: it is told who has published */
    bool hears_life_cycle;  /* LIFE_CYCLE_LISTENER: it is told who is connected */
    uint16_t client_identifier_length;
    char client_identifier[];
};

static inline struct slice session_client_identifier(const struct session *session)
{
    return slice_make(session->client_identifier, session->client_identifier_length);
}

static inline struct asker session_asker(struct session *session)
{
    return (struct asker){session->shard->settings->access, session->identity,
                          session_client_identifier(session), &session->rights};
}

/* PUBLISH to a topic name; without rules it costs a look at two bytes. */
static inline bool session_may_publish(struct session *session, struct slice topic)
{
    if (session->shard->settings->is_open && topic.length > 0 && topic.data[0] != '$') {
        return true;
    }
    struct asker asker = session_asker(session);
    return access_may_publish(&asker, topic);
}

/* The bridge's own sessions, not those of its browsers, are one client for No Local. */
static inline struct session_ref session_as_publisher(const struct session *session)
{
    return session->is_bridge ? SESSION_REF_BRIDGE : session->ref;
}

/* The longest Session Expiry Interval: a bound for clients, not for what the bridge keeps itself.
 */
static inline uint32_t session_expiry_bound(const struct shard *shard, bool is_bridge)
{
    return is_bridge ? SESSION_NEVER_EXPIRES : shard->settings->options.session_expiry_maximum;
}

static inline bool session_is_durable(const struct session *session)
{
    return session->record != NULL;
}

/* 0: the store does not keep it. */
static inline uint64_t session_durable_id(const struct session *session)
{
    return session->record ? session->record->durable_id : 0;
}

/* The network connection that a reply is owed to, should it still be there when it can be sent. */
struct session_link {
    struct session_ref session;
    uint32_t connection_number;
};

static inline struct session_link session_link(const struct session *session)
{
    return (struct session_link){session->ref, session->connection_number};
}

/* `session` may be NULL. */
static inline bool session_has_link(const struct session *session, struct session_link link)
{
    return session && session->connection && session->connection_number == link.connection_number;
}

/* --- sessions.c --- */

/* NULL if there is none. */
struct session *sessions_find(struct shard *shard, struct slice client_identifier);
/* NULL if the session has ended. */
struct session *sessions_resolve(struct shard *shard, struct session_ref ref);
/* A new, empty, disconnected session; NULL when the shard has no free slot. */
struct session *sessions_add(struct shard *shard, struct slice client_identifier);
/* One more session of the user, which is the caller's to give back or to put into `counted`. NULL:
 * there are `most` already, or it is nobody's (*is_refused tells). */
struct session_count *sessions_count_user(struct shard *shard, const struct identity *identity,
                                          uint32_t most, bool *is_refused);
/* It is this one's from now on. */
void session_set_identity(struct session *session, struct identity *identity);
/* The access rules have changed. */
void session_forget_rights(struct session *session);
/* Takes it out of the table and frees it with everything in it. */
void sessions_remove(struct session *session);

/* --- session_connect.c --- */

/* The connection was authenticated and arrived at the shard that owns its session: takes over,
 * resumes or creates, answers CONNACK, sends what waits. `packet` is its CONNECT. */
void session_connect(struct connection *connection, const struct packet *packet);
/* The network connection ends. `keep_will`: it was no proper DISCONNECT, so the will is due. */
void session_disconnect(struct session *session, bool keep_will);
/* It has come to more than its bounds: it ends in the next turn, its connection with 0x97. */
void session_overflow(struct session *session);
/* Ends the session now: publishes a waiting will, drops subscriptions and messages. */
void session_end(struct session *session);
/* A new session that is not connected; NULL when the shard has no free slot. */
struct session *session_create(struct shard *shard, struct slice client_identifier);
/* The session's schedule, made if need be: nothing is planned then. */
struct session_schedule *session_schedule(struct session *session);
void session_drop_schedule(struct session *session);
/* Sets the timer of a session that is not connected, for its will and its end, as counted from
 * its schedule's `disconnected_at`. */
void session_arm(struct session *session);
/* The client changed its Session Expiry Interval (at DISCONNECT). */
void session_set_expiry(struct session *session, uint32_t seconds);

/* --- session_publish.c, session_deliver.c, session_subscribe.c: packets of an attached client.
 * A reason other than success closes the connection with it. --- */

enum reason_code session_receive_publish(struct session *, const struct packet *packet);
/* How many unacknowledged PUBLISHes an MQTT 5 client may have. The bridge needs all of them: those
 * at QoS 2 that it does not release are its memory of what it has published. */
uint16_t session_receive_maximum(const struct session *session);
enum reason_code session_receive_pubrel(struct session *, const struct packet *packet);
enum reason_code session_receive_puback(struct session *, const struct packet *packet);
enum reason_code session_receive_pubrec(struct session *, const struct packet *packet);
enum reason_code session_receive_pubcomp(struct session *, const struct packet *packet);
enum reason_code session_receive_subscribe(struct session *, const struct packet *packet);
enum reason_code session_receive_unsubscribe(struct session *, const struct packet *packet);

/* --- session_deliver.c --- */

/* A message for this session, as its subscription wants it: written at once if the connection
 * takes it, else queued within the session's bounds, else dropped and counted. `position`: of the
 * stored message, if the subscriber is durable and gets it at QoS > 0. `identifiers` (may be NULL)
 * is taken over and stands for subscriber->identifier. */
void session_deliver(struct session *session, struct message *message, uint64_t position,
                     const struct subscriber *subscriber, struct identifiers *identifiers);
/* The same for a retained message that a SUBSCRIBE asks for: RETAIN is set. */
void session_deliver_retained(struct session *session, struct message *message, uint64_t position,
                              const struct subscriber *subscriber);
/* Sends what waits, as far as the flow control and the output allow. */
void session_send_waiting(struct session *session);
/* The connection is gone: what it did not acknowledge waits again, before all else. */
void session_requeue(struct session *session);
/* After a reconnect: PUBREL for what the client has received, and is to forget. */
void session_resend_pubrels(struct session *session);

/* --- session_store.c --- */

/* The store keeps this session, under this name. */
void session_make_record(struct session *session, uint64_t durable_id);
void session_drop_record(struct session *session);
/* From now on the store keeps this session; its first rows are in the batch. */
void session_become_durable(struct session *session);
/* And from now on no longer. */
void session_become_volatile(struct session *session);
/* Its row says what it is now. Nothing for a session that is not durable. */
void session_put_row(struct session *session);
/* The delivery needs nothing of the store any more: it was acknowledged, or (`dropped`) will never
 * be sent. */
void session_finish_stored(struct session *session, const struct delivery *delivery, bool dropped);
/* Its progress row is behind. */
void session_mark_unsaved(struct session *session);
/* Keeps the message of a waiting delivery in memory only within the bounds for that. */
void session_limit_window(struct session *session, struct delivery *delivery);
/* Has messages at the head of the queue read back, if they are absent or soon will be. */
void session_read_ahead(struct session *session);
/* The store's state as a reason to refuse what must be stored; REASON_SUCCESS: it stores. */
enum reason_code shard_store_refusal(const struct shard *shard);
/* End of a turn: what deliveries have come to goes into the batch. */
void shard_report(struct shard *shard);

/* --- session_subscribe.c --- */

/* Writes the session's state (durable, online) and, with `check_access`, its rights into the tree
 * wherever they differ. */
void session_update_subscriptions(struct session *session, bool check_access);
/* A subscription from the store: QoS, identifier and flags that SUBSCRIBE asked for are in `asked`.
 * It comes into the tree with session_update_subscriptions(). */
void session_restore_subscription(struct session *session, struct slice filter, uint32_t number,
                                  const struct subscriber *asked);
/* The part of the retained messages that the question is about, without those that the session may
 * not read. A reason code if it may read none that the filter matches. The page is to be released
 * in any case. */
enum reason_code session_read_retained(struct session *session,
                                       const struct retained_question *question,
                                       struct retained_page *page);
/* Removes all its subscriptions from the tree. */
void session_drop_subscriptions(struct session *session);

#endif
