/* The bridge processes among themselves: each has a connection of its own to the broker, by which
 * it publishes what the REST API sends, and asks the others what only they know.
 *
 *   $wps//staff-up/<process>   retained: the process is there; its will clears it
 *   $wps//ask                  a question to all, with Response Topic and Correlation Data
 *   $wps//answer/<process>     an answer to it: who answers, and the answer
 *   $wps//order/<process>      a question to that one alone, or, empty, that its answer is not
 *                              waited for any more
 *
 * A question is complete when each process that was known when it was asked has answered or is
 * gone. A process that is silent for too long is taken for dead (a crash of the broker takes wills
 * along): its birth is cleared, and if it lives after all, it says so again. Whoever comes asks all
 * who were there before it for a sign of life.
 *
 * Single-threaded. staff_ask() may call back; nothing else does, but for the listener.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_STAFF_H
#define PUBGRID_CLIENT_STAFF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/timers.h"
#include "client/mqtt_write.h"

struct gateway;
struct staff;

enum {
    STAFF_PEERS_MAX = 63,        /* other processes */
    STAFF_ASKS_MAX = 10000,      /* questions that wait for answers */
    STAFF_SENT_MAX = 20000,      /* messages that wait for PUBACK */
    STAFF_BACKLOG_MAX = 4 << 20, /* bytes that wait for the broker to take them */
    STAFF_TIMEOUT_MS = 5000,
};

/* --- implemented by who shares work out among the processes --- */

struct staff_listener {
    void *context;
    /* staff_names() has changed. Called from inside of whatever happens: work is to be done later.
     */
    void (*changed)(void *context);
};

/* --- */

struct staff *staff_new(struct gateway *gateway);
void staff_free(struct staff *staff);
/* Borrowed; NULL: nobody listens. */
void staff_set_listener(struct staff *staff, const struct staff_listener *listener);
/* The broker is there. */
void staff_connect(struct staff *staff);
/* It is connected and knows the others. */
bool staff_is_ready(const struct staff *staff);
/* The processes that are there, this one first; how many. 0: not known now. The names are valid
 * until the loop turns. */
size_t staff_names(const struct staff *staff, const char *names[STAFF_PEERS_MAX + 1]);

/* --- messages --- */

/* Embedded by who waits for PUBACK. */
struct staff_sent {
    void (*acknowledged)(struct staff_sent *sent, uint8_t reason);
    struct list link; /* in staff->sent */
    uint16_t packet_id;
};

/* Is the message no larger than the broker takes? */
bool staff_takes(const struct staff *staff, const struct publication *publication);
/* At QoS 1; sets publication->packet_id. False: not now. The answer comes exactly once, also when
 * the broker goes (REASON_SERVER_UNAVAILABLE), unless it was forgotten. */
bool staff_publish(struct staff *staff, struct publication *publication, struct staff_sent *sent);
/* Nobody waits any more. */
void staff_forget_sent(struct staff_sent *sent);

/* --- questions --- */

/* Embedded by who asks. */
struct staff_ask {
    /* A process has answered, itself included. */
    void (*answered)(struct staff_ask *ask, struct slice answer);
    /* The last call: all have (`complete`), or time is over. */
    void (*done)(struct staff_ask *ask, bool complete);
    struct list link; /* in staff->asks */
    struct timer timer;
    uint64_t awaited; /* a bit for each process that has not answered yet */
    uint32_t number;
    struct staff *staff;
};

/* False: not now. `question` goes to each process, to settings_take_question() if it is about
 * settings, else to rest_take_question(); to this one last: then all may be over already. */
bool staff_ask(struct staff *staff, struct staff_ask *ask, struct slice question);
void staff_forget_ask(struct staff_ask *ask);

/* --- orders: questions to one other process --- */

/* False: not now, or it is not there. `name` is one of staff_names(), not this one's. The order
 * goes to the process's gateway->order_taker; done() is called as for a question. A process that
 * has not answered by `timeout_ms` is taken for dead. */
bool staff_order(struct staff *staff, struct staff_ask *ask, const char *name, struct slice order,
                 msec_t timeout_ms);
/* Tells the process that the answer need not take long: it will still come. */
void staff_hurry(struct staff_ask *ask);
/* The most bytes that an answer may have to go as one message. */
size_t staff_answer_max(const struct staff *staff);

/* Who asked; kept by whoever will answer later, as a copy. */
enum { STAFF_NAME_MAX = 32 };
struct staff_asker {
    char name[STAFF_NAME_MAX + 1];
    uint32_t number;
};

/* Harmless if nobody waits for it any more. At most STAFF_ANSWER_MAX bytes (staff_answer.h). */
void staff_answer(struct staff *staff, const struct staff_asker *asker, struct slice answer);

#endif
