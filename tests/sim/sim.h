/* The crash simulator: the broker's core and the real store on one thread, clients that speak MQTT
 * to them, a seeded scheduler that decides what happens when, and stops the world at any moment.
 *
 *   sim.c          options, seeds, shortening of what fails
 *   sim_steps.c    the scheduler: what happens next
 *   sim_send.c     what clients send, and note down when they do
 *   sim_hear.c     what they hear, and what of it cannot be right
 *   sim_session.c  what a client knows of its session
 *   sim_debts.c    who must get what, and whether it came
 *   sim_check.c    everybody comes back and takes all there is: now nothing may be missing
 *   sim_story.c    the story, as a conversation file
 *
 * Whatever a client cannot know for sure (packets lost with a connection, what a crash undid) makes
 * the simulator more forgiving, never wrong. Time of knowledge is counted in events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_SIM_SIM_H
#define PUBGRID_SIM_SIM_H

#include "base/buffer.h"
#include "mqtt/packet.h"
#include "support/core_harness.h"

enum {
    CLIENTS = 6,
    INSPECTOR = CLIENTS, /* looks at retained messages, and publishes what everybody must get */
    TOPICS = 5,
    FILTERS = 9,
    MESSAGES_MAX = 1200,
    OUTGOING_MAX = 6, /* unacknowledged PUBLISHes of a client; below the server's Receive Maximum */
    HELD_MAX = 200,
    QUEUE_MAX = 64,
    DEBTS_MAX = 2000,
    CANDIDATES_MAX = 64,
    STEPS_MAX = 256,
    NO_MESSAGE = 0xffff,
    NEVER = UINT32_MAX,
    SLACK_MS = 4000, /* a timer is noticed, and a refused message tried again, within this */
};

enum message_kind { PLAIN, WILL, DELAYED };

struct sim_message {
    uint8_t kind, topic, qos, publisher;
    bool retain, deletes;
    bool resent;      /* sent again: at QoS 1 it may come more than once */
    bool refused;     /* the server said that it did not take it */
    bool pending;     /* its publisher may send it again */
    bool armed, owed; /* a will: surely stored; surely to be published */
    unsigned sent;    /* when it was sent first */
    unsigned acked;   /* when it was known that the server has it; 0: not */
    unsigned done;    /* when it was known that nothing more can come of it; 0: not */
    unsigned lost;    /* a will: when the connection was lost */
    unsigned turn;    /* among the messages of its publisher */
    msec_t due;       /* a will, a delayed message */
    msec_t delay;     /* a will */
};

struct sim_subscription {
    bool maybe;             /* the server may have it */
    unsigned maybe_end;     /* when that was over last */
    unsigned firm;          /* since when the server surely has it, stored; 0: not so */
    bool known;             /* the options are known (that it is known to be there) */
    bool ever, ever_others; /* in this session: subscribed; without No Local */
    uint8_t qos;
    bool no_local, as_published;
    unsigned asked; /* SUBSCRIBEs of this session that may bring retained messages */
};

/* What has come of one message to one session. */
struct sim_receipt {
    unsigned epoch;
    bool owed;
    uint8_t copies, fresh; /* taken as new; without DUP */
};

/* PUBLISH from the server that is not wholly acknowledged on this connection. */
struct sim_held {
    uint16_t packet_id, message;
    uint8_t qos;
    bool received, released; /* PUBREC sent, PUBREL came */
};

/* PUBLISH to the server that is not wholly acknowledged. */
struct sim_outgoing {
    uint16_t packet_id, message;
    uint8_t qos;
    bool received; /* PUBREC came */
    bool released; /* PUBREL sent, on this connection */
};

/* Packet identifiers in the order in which their answers must come. */
struct sim_queue {
    uint16_t ids[QUEUE_MAX];
    unsigned first, end;
};

struct sim_request {
    uint16_t packet_id;
    uint8_t filter, qos;
    bool no_local, as_published, unsubscribes;
};

struct sim_link {
    struct core_link *core; /* NULL: there is none */
    bool connected;         /* CONNACK came */
    bool clean_start;
    bool stored;       /* that it is connected is committed */
    bool said_goodbye; /* DISCONNECT was sent */
    bool maybe_before; /* there may have been a session before CONNECT */
    uint32_t expiry;
    uint32_t receive_maximum;
    uint16_t will;          /* message, or NO_MESSAGE */
    bool may_begin;         /* the session may have expired before CONNECT */
    bool ends_stored;       /* CONNECT surely finds a stored session */
    msec_t asked_at;        /* CONNECT was sent */
    msec_t alive_at;        /* the server had surely not closed it then */
    msec_t lost_before;     /* the client's `lost_from` before CONNACK */
    uint32_t expiry_before; /* what the session had, should CONNECT be refused */
    struct sim_held held[HELD_MAX];
    unsigned held_count;
    struct sim_queue published, released; /* answers that are owed */
    struct sim_request requests[QUEUE_MAX];
    unsigned request_first, request_end;
};

struct sim_client {
    uint8_t index;
    enum protocol_version version;
    const char *name;
    struct sim_link link;
    struct core_link *zombie; /* a connection that was taken over and not closed */
    bool hanging;             /* it closed a connection whose CONNECT may not have been read */
    bool durable, hasty;      /* mostly; acknowledges at once */
    uint16_t last_request;
    unsigned turns;     /* messages published */
    uint16_t last_will; /* of a connection that is over, not settled yet */
    /* The session on the server, as far as one can know. */
    unsigned epoch;   /* counts sessions */
    unsigned began;   /* event at which this one did */
    bool maybe, firm; /* may be there after a crash; surely is there, unless expired */
    bool unknown;     /* an older one may still be there in its place */
    bool kept;        /* the server, as long as it runs, has a session that is to be stored */
    bool unwritten;   /* no row may know of a connection that it had */
    bool no_dup;      /* redeliveries may come without DUP */
    bool undone;      /* a crash may have undone what it asked for last */
    bool must_clean;  /* a Clean Start was asked for and not confirmed */
    uint32_t expiry_low, expiry_high, expiry_wanted;
    msec_t lost_from, lost_to; /* when it lost its connection; lost_to 0: not known to be noticed */
    bool lost_stored;          /* that it did is committed */
    struct sim_subscription subscriptions[FILTERS];
    struct sim_receipt receipts[MESSAGES_MAX];
    unsigned last_turn[CLIENTS + 1][TOPICS][3]; /* by publisher, topic, QoS */
    struct sim_held received[HELD_MAX];         /* QoS 2: identifiers not released */
    unsigned received_count;
    struct sim_outgoing outgoing[OUTGOING_MAX];
    unsigned outgoing_count;
};

/* A message that one of a share group must get. */
struct sim_debt {
    uint16_t message;
    uint8_t filter, members;
    unsigned epochs[CLIENTS];
};

/* What a topic's retained message may be. */
struct sim_retained {
    uint16_t candidates[CANDIDATES_MAX]; /* NO_MESSAGE: there is none */
    unsigned count;
    bool unsure; /* too many */
};

struct sim {
    uint64_t seed;
    uint64_t random; /* of this step */
    bool verbose;
    const bool *left_out; /* [STEPS_MAX] steps that are not taken; NULL: all are */
    struct core_harness *harness;
    char store_path[64];
    struct sim_client clients[CLIENTS + 1];
    struct sim_message messages[MESSAGES_MAX];
    unsigned message_count;
    unsigned event;
    unsigned step;
    unsigned steps;
    struct sim_debt debts[DEBTS_MAX];
    unsigned debt_count;
    struct sim_retained retained[TOPICS];
    int fault_error;
    unsigned fault_count;
    bool faulted;         /* there has been a fault */
    bool broken;          /* the last commit failed for good: FAILED until a restart */
    bool checking;        /* clients acknowledge at once */
    bool racing;          /* hardly one is durable, one topic, threads do much at a time */
    unsigned first_probe; /* messages from this one on are probes; 0: none are */
    uint16_t seen_retained[TOPICS]; /* by the inspector */
};

extern const char *const sim_topics[TOPICS];
extern const char *const sim_filters[FILTERS];

/* 0 to count - 1. */
unsigned sim_pick(struct sim *sim, unsigned count);
/* One time in `count`. */
static inline bool sim_once_in(struct sim *sim, unsigned count)
{
    return sim_pick(sim, count) == 0;
}

/* --- sim_story.c --- */

/* A line of the story, if it is told. */
void sim_tell(struct sim *sim, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sim_tell_packet(struct sim *sim, const struct sim_client *client, char direction,
                     const struct packet *packet);
/* A promise was broken: says so and ends the process. */
void sim_fail(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

/* --- sim_send.c --- */

void client_connect(struct sim *sim, struct sim_client *client, bool clean_start, uint32_t expiry);
void client_publish(struct sim *sim, struct sim_client *client);
/* QoS 2, RETAIN, to a topic. */
void client_probe(struct sim *sim, struct sim_client *client, unsigned topic);
void client_subscribe(struct sim *sim, struct sim_client *client, unsigned filter);
void client_unsubscribe(struct sim *sim, struct sim_client *client, unsigned filter);
void client_disconnect(struct sim *sim, struct sim_client *client);
void client_close(struct sim *sim, struct sim_client *client);
/* The connection stays open, but nobody uses it any more: it will be taken over. */
void client_leave_behind(struct sim *sim, struct sim_client *client);
void client_drop_zombie(struct sim_client *client);
/* Acknowledges one message as far as it can be; false if it waits for the server. */
bool client_acknowledge(struct sim *sim, struct sim_client *client, unsigned number);
/* PUBREL for what was received; false: nothing waits for it. */
bool client_release(struct sim *sim, struct sim_client *client);
/* After CONNACK with a session: what is not acknowledged, again. */
void client_resume(struct sim *sim, struct sim_client *client);
void client_send_ack(struct sim *sim, struct sim_client *client, enum packet_type type,
                     uint16_t packet_id);
bool client_may_speak(const struct sim_client *client);

/* --- sim_hear.c --- */

/* Reads all that came; closes what the server closed. True if there was anything. */
bool client_hear(struct sim *sim, struct sim_client *client);
void queue_add(struct sim_queue *queue, uint16_t packet_id);

/* --- sim_session.c --- */

/* CONNECT is sent. */
void session_asked_for(struct sim *sim, struct sim_client *client);
/* CONNACK came. */
void session_confirmed(struct sim *sim, struct sim_client *client, bool present);
/* Something was answered after a commit: all before it is stored. */
void session_is_stored(struct sim *sim, struct sim_client *client);
/* The session is over, or may be: nothing is owed to it any more. */
void session_forget(struct sim *sim, struct sim_client *client);
/* The connection ended; `noticed`: the server knows. */
void session_lost(struct sim *sim, struct sim_client *client);
/* The client sent DISCONNECT with this Session Expiry Interval. */
void session_leaves(struct sim *sim, struct sim_client *client, uint32_t expiry);
/* Everything that was sent has been carried out and committed. */
void session_settled(struct sim *sim, struct sim_client *client);
/* The broker is gone, with all connections. */
void session_crashed(struct sim *sim, struct sim_client *client);

/* --- sim_debts.c --- */

uint16_t sim_message_new(struct sim *sim, struct sim_client *publisher, struct sim_message message);
/* The server has the message. */
void debts_acknowledged(struct sim *sim, uint16_t message);
struct sim_receipt *client_receipt(struct sim_client *client, uint16_t message);
/* How often the session may get it. */
unsigned client_copies(const struct sim_client *client, const struct sim_message *message);
bool filter_matches(unsigned filter, unsigned topic);
bool filter_is_shared(unsigned filter);
/* All that is owed has come. */
void debts_check(struct sim *sim);
void retained_attempted(struct sim *sim, uint16_t message);
void retained_acknowledged(struct sim *sim, uint16_t message);
void retained_check(struct sim *sim, unsigned topic, uint16_t seen);
/* Nothing is on the way any more. */
void debts_settled(struct sim *sim);

/* --- sim_check.c --- */

/* Everybody comes back, takes and acknowledges everything. `last`: the seed ends with it. */
void sim_check(struct sim *sim, bool last);
/* The PUBLISH, if it is a probe, is as the subscriptions of the client say. */
void check_probe(struct sim *sim, const struct sim_client *client, const struct packet *packet,
                 uint16_t number);

/* --- sim_steps.c --- */

/* The simulation of the seed, from beginning to end. */
void sim_run(struct sim *sim);
/* Everything is carried out and committed, if the store can. False: it cannot. */
bool sim_settle(struct sim *sim);
void sim_advance(struct sim *sim, msec_t duration);
void sim_crash(struct sim *sim);

#endif
