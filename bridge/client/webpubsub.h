/* A Web PubSub client, in any of its subprotocols or none: what its files share; nobody else
 * includes it.
 *
 *   webpubsub.c          its life: CONNECT, connected, recovery, the end
 *   webpubsub_join.c     groups: those that it begins with, joining and leaving
 *   webpubsub_request.c  what the browser asks for
 *   webpubsub_event.c    events for the hub's handlers, and their answers
 *   webpubsub_pending.c  requests that wait for the broker's answer
 *   webpubsub_deliver.c  what the broker delivers, and sequenceAck
 *   streams.c            streams that the browser publishes
 *   group_state.c        group state (presence)
 *   away.c               what is kept for a reliable client that is away, and where
 *
 * Phases:
 *
 *   CONNECTING --CONNACK--> JOINING --SUBACK---> OPEN <--CONNACK-- AWAY
 *        |                                        | ^               ^
 *        +--CONNACK of a recovery--> RESTORING ---|-+               |
 *                                    (state here) +--broker is gone-+
 *
 * The browser is read from only while OPEN. It gets nothing before `connected`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_WEBPUBSUB_H
#define PUBGRID_CLIENT_WEBPUBSUB_H

#include "base/map.h"
#include "client/ack_memory.h"
#include "client/client.h"
#include "client/connection_id.h"
#include "client/fanout.h"
#include "client/internal_topic.h"
#include "client/mqtt_write.h"

enum { PENDING_MAX = 1000, WATCHES_MAX = 8 };

enum phase { PHASE_CONNECTING, PHASE_RESTORING, PHASE_JOINING, PHASE_OPEN, PHASE_AWAY };

struct stream;
struct pending;
struct state_watch;

/* A frame that waits for `connected`. */
struct held_frame {
    struct outgoing *outgoing; /* one count */
    uint64_t number;
};

/* What there is until it is OPEN for the first time. */
struct opening {
    struct webpubsub *wps;
    struct timer timer;
    struct held_frame *held; /* [held_count] */
    uint32_t held_count;
};

struct webpubsub {
    struct client client; /* first */
    const struct codec *codec;
    struct traffic *traffic; /* where `unacknowledged` is counted in */
    struct opening *opening; /* NULL: it was open */
    struct list pending;     /* struct pending, oldest first */
    struct list streams;     /* struct stream: open streams that it publishes */
    struct list watches;     /* struct state_watch: snapshots that are being collected */
    struct ack_memory *acks; /* NULL until used */
    uint32_t pending_count;
    uint32_t watch_count;     /* of `watches` */
    uint32_t packet_size_max; /* of the broker */
    uint32_t sequence_sent;   /* the last that was sent to the browser */
    uint32_t sequence_acked;  /* all up to here have been acknowledged to the broker */
    uint32_t sequence_wanted; /* up to here the browser has acknowledged */
    uint32_t unacknowledged;  /* what sequence_sent is ahead of sequence_acked, as counted */
    uint32_t began;           /* seconds, by the gateway's clock */
    uint16_t next_packet_id;
    uint8_t phase;     /* enum phase */
    bool has_sequence; /* sequence_sent and sequence_acked mean something */
    bool has_wanted;   /* sequence_wanted does */
    bool ends;         /* the session is over when the socket is closed */
    bool has_state;    /* it has set a group state */
    bool paused;
    bool owes_disconnected; /* its end is an event that is this client's to raise */
    char connection_id[CONNECTION_ID_LENGTH + 1];
};

static inline struct webpubsub *webpubsub_of(struct client *client)
{
    return CONTAINER_OF(client, struct webpubsub, client);
}

static inline bool is_reliable(const struct webpubsub *wps)
{
    return wps->codec->is_reliable;
}

static inline struct slice connection_id(const struct webpubsub *wps)
{
    return slice_make(wps->connection_id, CONNECTION_ID_LENGTH);
}

static inline struct slice user_id(const struct webpubsub *wps)
{
    return buffer_slice(&wps->client.upgrade->user);
}

/* --- webpubsub.c --- */

/* Closes the browser's connection, and its session with it. */
void webpubsub_fail(struct webpubsub *wps, uint16_t code, enum close_category category,
                    const char *reason);
/* Reads from the browser only while the phase, the broker and the number of requests allow it. */
void webpubsub_update_pause(struct webpubsub *wps);
/* It is OPEN from now on; sends what was held. */
void webpubsub_open(struct webpubsub *wps);
/* Sends and empties gateway->packet, gateway->frame. */
void webpubsub_flush_packet(struct webpubsub *wps);
void webpubsub_flush_frame(struct webpubsub *wps);
/* `h/` and the group, escaped, in gateway->topic. */
struct slice webpubsub_topic(struct webpubsub *wps, struct slice group);
/* The same as a topic filter: with the hub's setting, + and # are wildcards. */
struct slice webpubsub_filter(struct webpubsub *wps, struct slice group, bool *is_wildcard);
/* The internal topic of the connection's own, in gateway->topic. */
struct slice webpubsub_own_topic(struct webpubsub *wps, enum internal_kind kind);

/* --- webpubsub_join.c --- */

/* Sends, behind the CONNECT in gateway->packet, the subscriptions that a new session begins with.
 */
void webpubsub_subscribe_first(struct webpubsub *wps);
void webpubsub_has_begun(struct webpubsub *wps);
/* Subscribes to the filter of the group, or unsubscribes. Whoever waits is put into the result. */
struct pending *webpubsub_join(struct webpubsub *wps, struct slice group, struct slice filter);
struct pending *webpubsub_leave(struct webpubsub *wps, struct slice group, struct slice filter);
void webpubsub_joined(struct webpubsub *wps, const struct pending *pending, uint8_t reason);
void webpubsub_left(struct webpubsub *wps, const struct pending *pending, uint8_t reason);
/* What client_kind has for the server: see there. */
void webpubsub_rest_join(struct client *client, struct slice group, struct client_task *task);
void webpubsub_rest_leave(struct client *client, struct slice group, struct client_task *task);
/* The subscriptions of the session that was resumed: groups, and what was granted and revoked. */
void webpubsub_restore(struct channel *channel, struct slice filters);
void webpubsub_permit(struct client *client, const struct permission *permission,
                      struct client_task *task);

/* --- webpubsub_request.c --- */

void webpubsub_receive(struct client *client, struct slice message, bool is_text);
/* Starts gateway->properties with what all messages of this client say; the caller may add to it.
 */
void webpubsub_begin_properties(struct webpubsub *wps, bool no_echo);

/* The request cannot or may not be: a failed ack, or what takes its place. */
void webpubsub_refuse(struct webpubsub *wps, const struct request *request, const char *name,
                      const char *message);

/* --- webpubsub_event.c --- */

/* It has a connection id. */
void webpubsub_begin_events(struct webpubsub *wps);
void webpubsub_raise_connected(struct webpubsub *wps);
/* Once, if it is owed. */
void webpubsub_raise_disconnected(struct webpubsub *wps);
void webpubsub_send_event(struct webpubsub *wps, const struct request *request);
void webpubsub_invoke(struct webpubsub *wps, const struct request *request);
void webpubsub_cancel_invocation(struct webpubsub *wps, const struct request *request);
void webpubsub_send_raw_event(struct webpubsub *wps, const struct payload *data);
/* Is an event with this ackId on its way? */
bool webpubsub_event_is_pending(const struct webpubsub *wps, uint64_t ack_id);
/* The reply to an event has come, or the broker did not take it. */
void webpubsub_reply_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason);

/* --- webpubsub_pending.c --- */

enum pending_kind {
    PENDING_BEGINNING, /* the subscriptions with which a session begins */
    PENDING_REQUEST,   /* a message: an ack is all that comes of it */
    PENDING_JOIN,
    PENDING_LEAVE,
    PENDING_PERMISSION, /* its mark (internal_topic.h) */
    PENDING_CLAIM,      /* send, with a claim in the memory of ackIds */
    PENDING_STREAM_DATA,
    PENDING_STREAM_END,
    PENDING_STREAM_CUT,   /* its end, of which the publisher is not told */
    PENDING_REPLY,        /* the answer to an event, on its way to the browser */
    PENDING_WATCH,        /* a subscription to a group's state */
    PENDING_AWAY,         /* a search for what was kept while it was away */
    PENDING_AWAY_CLEARED, /* what was found is not kept any more */
    PENDING_KINDS,
};

struct pending {
    struct list link; /* in webpubsub->pending */
    uint8_t kind;     /* enum pending_kind */
    bool has_ack_id;
    bool awaits_mark;   /* its mark must come, too */
    bool awaits_answer; /* SUBACK, UNSUBACK, PUBACK or PUBREC */
    bool is_released;   /* QoS 2: PUBREL was sent, PUBCOMP ends it */
    uint16_t packet_id;
    uint64_t ack_id;
    uint32_t mark; /* the number of the delivery of its mark; 0 at QoS 0 */
    uint64_t stream_sequence;
    struct buffer name;        /* of the group; the stream's id, which may end first */
    struct client_task *task;  /* whose part it is; NULL: nobody's */
    struct state_watch *watch; /* of PENDING_WATCH */
    struct buffer packet;      /* reliable: to be sent again */
};

/* A packet identifier that no pending request has, not of those that are made from ackIds. */
uint16_t webpubsub_packet_id(struct webpubsub *wps);
/* The packet in gateway->packet is on its way, under this identifier; sends it. */
struct pending *webpubsub_await(struct webpubsub *wps, enum pending_kind kind, uint16_t packet_id);
/* The request is owed an ack, if it has an ackId. */
void webpubsub_owe_ack(struct pending *pending, const struct request *request);
/* The ack that the request is owed, if it has an ackId; a success is remembered. */
void webpubsub_acknowledge(struct webpubsub *wps, const struct pending *pending, uint8_t reason);
/* SUBSCRIBE to `filter`, whose retained messages are wanted to the last: `kind` is answered when
 * they all have come. */
struct pending *webpubsub_collect(struct webpubsub *wps, enum pending_kind kind,
                                  struct slice filter, enum qos qos);
/* The request succeeded: it is not carried out again. */
void webpubsub_note_ack(struct webpubsub *wps, uint64_t ack_id);
/* The reply to an event is here, which was published under this packet identifier. */
void webpubsub_reply_came(struct webpubsub *wps, uint16_t packet_id, uint32_t sequence);
/* The mark that a collection is complete. */
void webpubsub_marked(struct webpubsub *wps, const struct fanout *fanout, uint32_t sequence);
/* An acknowledgement from the broker. */
void webpubsub_answered(struct webpubsub *wps, const struct packet *packet);
/* Sends all again after the broker was away. */
void webpubsub_repeat(struct webpubsub *wps);
void webpubsub_drop_pending(struct webpubsub *wps);
/* Tells the browser; remembers a success. `error` NULL: success. */
void webpubsub_ack(struct webpubsub *wps, uint64_t ack_id, const char *error, const char *message);

/* --- webpubsub_deliver.c --- */

void webpubsub_deliver(struct channel *channel, struct fanout *fanout, uint32_t sequence);
void webpubsub_sequence_ack(struct webpubsub *wps, uint64_t sequence_id);
/* The connection is over: nothing of it waits for an acknowledgement. */
void webpubsub_end_sequence(struct webpubsub *wps);
/* Sends the frame, or holds it until `connected` was sent. */
void webpubsub_send(struct webpubsub *wps, struct outgoing *outgoing, uint64_t number);
/* The sequence id of a delivery; 0 for 0 (see trunk.h: numbers with a low half of 0 are left out).
 */
uint64_t sequence_id_of(uint32_t sequence);

/* --- streams.c --- */

void streams_open(struct webpubsub *wps, const struct request *request);
void streams_data(struct webpubsub *wps, const struct request *request);
void streams_end(struct webpubsub *wps, const struct request *request);
void streams_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason);
/* The client is refused what its frame asks for. */
void streams_refuse(struct webpubsub *wps, struct slice stream_id, const char *name,
                    const char *message);
/* The connection is over: tells the receivers (error `Cancelled`). */
void streams_cancel(struct webpubsub *wps);
void streams_free(struct webpubsub *wps);
void streams_export(const struct webpubsub *wps, struct buffer *out);
bool streams_import(struct webpubsub *wps, struct slice bytes);
/* From exported streams: the message that ends each, appended to `packets` as PUBLISHes. */
void streams_cancel_exported(struct slice bytes, struct slice hub, struct buffer *packets);

/* --- group_state.c --- */

void group_state_set(struct webpubsub *wps, const struct request *request);
/* Who leaves a group takes the state along (2.6). */
void group_state_leave(struct webpubsub *wps, struct slice group);
void group_state_subscribe(struct webpubsub *wps, const struct request *request);
void group_state_unsubscribe(struct webpubsub *wps, const struct request *request);
/* A message about a group's state: part of a snapshot, or an update. */
void group_state_deliver(struct webpubsub *wps, struct fanout *fanout, uint32_t sequence);
void group_state_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason);
void group_state_free(struct webpubsub *wps);

/* --- away.c --- */

/* Leaves what the bridge knows of the connection with the broker, for whoever resumes it. */
void away_keep(struct webpubsub *wps);
/* Asks the broker for it. */
void away_search(struct webpubsub *wps);
void away_found(struct webpubsub *wps, const struct fanout *fanout);
void away_answered(struct webpubsub *wps);

#endif
