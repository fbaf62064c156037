/* What bridge processes want of each other for pull delivery, as bytes: an order for a queue that
 * another process runs, and what came of it (client/staff.h: staff_order()). Pure, and it trusts
 * nobody.
 *
 * Numbers are big endian, and a text has its length in front, in four bytes:
 *
 *     order    version, operation, events (4), bytes (4), milliseconds to wait (4), delay in
 * seconds (4), text queue, tokens (24 each) until the end answer   version, outcome; of tokens: a
 * byte for each, its result; of a receive: number of events (4), their tokens (24 each), then their
 * JSON
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_PULL_WIRE_H
#define PUBGRID_EVENTGRID_PULL_WIRE_H

#include "eventgrid/pull_body.h"

/* PULL_GIVE_BACK stands beside the operations of receivers: the events were not sent to whoever
 * waited for them, and are ready again as if nobody had got them. */
enum { PULL_GIVE_BACK = PULL_OPERATIONS };

enum pull_outcome {
    PULL_DONE,
    PULL_ELSEWHERE,   /* this process does not run the queue */
    PULL_UNAVAILABLE, /* it cannot be said what came of it */
    PULL_OUTCOMES
};

struct pull_wanted {
    int operation; /* enum pull_operation from PULL_RECEIVE on, or PULL_GIVE_BACK */
    struct slice queue;
    uint32_t events_max, bytes_max, wait_ms; /* of PULL_RECEIVE */
    uint32_t delay_s;                        /* of PULL_RELEASE */
    struct pull_lock *locks;                 /* [lock_count], all of them well-formed */
    size_t lock_count;
};

/* Of PULL_RECEIVE. */
struct pull_found {
    struct buffer events; /* JSON, with commas between: pull_event_append() */
    struct buffer tokens; /* bytes */
};

void pull_wanted_append(struct buffer *out, const struct pull_wanted *wanted);
/* `locks` takes struct pull_lock; what the order points to is `bytes` and `locks`. False: it is
 * none. */
bool pull_wanted_parse(struct slice bytes, struct buffer *locks, struct pull_wanted *out);

void pull_answer_append(struct buffer *out, enum pull_outcome outcome,
                        const struct pull_wanted *wanted, const struct pull_found *found);
/* Sets the results of wanted->locks, and appends to `found`. False: it is no answer to that. */
bool pull_answer_parse(struct slice bytes, const struct pull_wanted *wanted,
                       enum pull_outcome *outcome, struct pull_found *found);

void pull_found_release(struct pull_found *found);

#endif
