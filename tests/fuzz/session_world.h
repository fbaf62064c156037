/* The world of the session-script target: a broker core without sockets, a handful of clients, and
 * what they know about each other. session_send.c makes the clients speak, session_check.c judges
 * what they hear, session_fuzz.c reads the script.
 *
 * What a client knows is split by lifetime: a link is one network connection, a session is what
 * lives as long as the server's session does. Whatever the model cannot know for sure (packets lost
 * with a connection, bytes that the script made up) makes it more forgiving, never wrong.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_FUZZ_SESSION_WORLD_H
#define PUBGRID_FUZZ_SESSION_WORLD_H

#include "base/buffer.h"
#include "mqtt/packet.h"
#include "support/core_harness.h"

enum {
    PEERS = 6,
    TOPICS = 8,
    FILTERS = 12,
    MESSAGES_MAX = 400, /* that are known, of one script */
    HELD_MAX = 256,
    OUTGOING_MAX = 64,
    DEBTS_MAX = 256,
    RECEIPTS_MAX = 2048,
    ALIASES_MAX = 8,
    FILTERS_EACH_MAX = 4, /* in one SUBSCRIBE */
    NEVER_EXPIRES = UINT32_MAX,
    NO_MESSAGE = UINT16_MAX,
};

/* A published message. Its payload begins with its number. */
struct known_message {
    uint8_t topic, qos, peer;
    bool retain, ordered; /* ordered: neither a will nor delayed */
    bool repeated;        /* it was sent again, without its properties */
    unsigned serial;      /* of the link that published it */
    uint32_t expiry;      /* Message Expiry Interval, UINT32_MAX: none */
    size_t payload_length;
    struct buffer forwarded; /* the properties that have to arrive unaltered */
};

/* What the server owes for a packet. */
struct debt {
    uint8_t type; /* of the answer */
    uint16_t packet_id, message;
    uint8_t count;
    uint8_t filters[FILTERS_EACH_MAX], options[FILTERS_EACH_MAX];
};

struct debts {
    struct debt items[DEBTS_MAX];
    unsigned first, end;
};

/* One network connection of a client. */
struct link {
    struct core_link *core; /* NULL: there is none */
    unsigned serial;
    enum protocol_version version;
    bool connected;    /* CONNACK came */
    bool disconnected; /* DISCONNECT came: nothing may follow */
    bool closed;
    bool stalled, corked, authenticating;
    bool tiny;      /* the client takes so small packets that answers get lost */
    bool uncertain; /* its end may have changed the session in ways that we do not know */
    bool provoked;  /* the client did what the server may close the connection for */
    bool clean_start;
    uint8_t user;
    uint32_t expiry;                                         /* Session Expiry Interval asked for */
    uint32_t receive_maximum, packet_maximum, alias_maximum; /* the client's */
    msec_t stalled_since;
    struct buffer topics_in[ALIASES_MAX + 1]; /* by alias */
    uint8_t topics_out[ALIASES_MAX + 1];      /* topic + 1 */
    struct debts published, released, subscribed;
    unsigned pings;
    unsigned first_receipt;
    struct buffer corked_bytes;
};

/* A message from the server that is not wholly acknowledged. */
struct held {
    uint16_t packet_id, message;
    uint8_t qos;
    bool received, released; /* PUBREC sent, PUBREL came */
    unsigned serial;         /* of the last link that it came on */
};

/* A message to the server that is not wholly acknowledged. */
struct outgoing {
    uint16_t packet_id, message;
    uint8_t qos;
    bool received, released; /* PUBREC came, PUBREL sent */
    unsigned serial;
};

struct subscription_state {
    bool firm; /* acknowledged and not being changed */
    uint8_t qos;
    bool no_local;
    uint16_t generation;
};

struct receipt {
    uint16_t message;
    uint8_t qos;
    bool dup;
};

struct expectation {
    bool hoped, firm; /* firm: the server has taken the message */
    uint8_t filter;
    uint16_t generation;
};

/* What lives as long as the server's session. */
struct session_state {
    bool exists, uncertain, unknown; /* unknown: it may have subscriptions that we do not know */
    bool lossy;                      /* messages may be dropped as too large */
    bool acks_lost;                  /* acknowledgements may not have reached the server */
    uint8_t user;
    uint32_t expiry;
    unsigned first_serial;       /* of the link that began it */
    msec_t ended_from, ended_to; /* the network connection ended between these */
    uint32_t ever, ever_local;   /* filters that were ever subscribed; without No Local */
    struct subscription_state subscriptions[FILTERS];
    struct held held[HELD_MAX];
    unsigned held_count;
    struct outgoing outgoing[OUTGOING_MAX];
    unsigned outgoing_count;
    struct receipt receipts[RECEIPTS_MAX];
    unsigned receipt_count;
    struct expectation expectations[MESSAGES_MAX];
    uint8_t arrived[MESSAGES_MAX], copies[MESSAGES_MAX];
};

struct peer {
    uint8_t index;
    bool automatic; /* acknowledges everything at once */
    uint16_t last_packet_id;
    uint16_t generation;
    struct link link;
    struct session_state session;
};

struct world {
    struct core_harness *harness;
    struct core_options options;
    struct peer peers[PEERS];
    struct known_message messages[MESSAGES_MAX];
    unsigned message_count;
    unsigned last_serial;
    msec_t before; /* when this step began */
    bool wild;     /* somebody sent bytes that the model does not understand */
    bool stopped;
    bool exhausted; /* a table is full: the script ends */
};

/* What a CONNECT asks for. */
struct connect_choice {
    enum protocol_version version;
    bool clean_start, will, authenticate, user;
    bool corked; /* it goes out with what the client sends next */
    uint8_t will_byte, expiry, receive_maximum, packet_maximum, alias_maximum, keep_alive;
};

extern const char *const world_topics[TOPICS];
extern const char *const world_filters[FILTERS];

/* --- session_send.c --- */

void peer_connect(struct world *world, struct peer *peer, const struct connect_choice *choice);
void peer_subscribe(struct world *world, struct peer *peer, const struct debt *wanted);
void peer_unsubscribe(struct world *world, struct peer *peer, uint8_t filter);
/* `what`: topic, QoS, RETAIN, delay; `how`: properties, size, alias. */
void peer_publish(struct world *world, struct peer *peer, uint8_t what, uint8_t how);
/* Sends the QoS 2 PUBLISH of the number again (DUP), if it is not acknowledged. */
void peer_publish_again(struct world *world, struct peer *peer, unsigned number);
/* PUBREL for the first message that waits for it; false if there is none. */
bool peer_release(struct world *world, struct peer *peer);
/* Acknowledges the held message of that number as far as it can be; false if it cannot. */
bool peer_acknowledge(struct world *world, struct peer *peer, unsigned number, bool refuse);
void peer_ping(struct world *world, struct peer *peer);
void peer_authenticate(struct world *world, struct peer *peer, uint8_t how);
void peer_disconnect(struct world *world, struct peer *peer, uint8_t how);
/* Bytes as they are. */
void peer_send_raw(struct world *world, struct peer *peer, struct slice bytes);
void peer_cork(struct world *world, struct peer *peer, bool corked);
void peer_stall(struct world *world, struct peer *peer, bool stalled);
/* The client's end of the connection is gone. */
void peer_drop(struct world *world, struct peer *peer);
/* An acknowledgement of an identifier that nobody used (from 60000). */
void peer_acknowledge_nothing(struct world *world, struct peer *peer, uint8_t how);
/* For session_check.c. */
void peer_send(struct world *world, struct peer *peer, const struct packet *packet);

/* Writes the payload of the message. */
void world_payload(struct buffer *out, uint16_t number, size_t length);

/* --- session_check.c --- */

/* Takes and judges everything that was received, until nobody has anything to say. */
void world_observe(struct world *world);
/* Everybody reads, acknowledges and waits for what is owed; then nothing may be missing. */
void world_finish(struct world *world);
/* The server's session lost its network connection between the two times. */
void peer_ended(struct peer *peer, msec_t from, msec_t to);
/* A SUBSCRIBE was sent: from now on the session may have these subscriptions. */
void world_note_wanted(struct session_state *session, const struct debt *debt);
/* As peer_ended for the end of the current link, with what may be lost by it. */
void peer_link_ended(struct world *world, struct peer *peer, msec_t from);

#endif
