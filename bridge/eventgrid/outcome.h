/* What an attempt to deliver came to, and what follows (spec/eventgrid.md 3.8, 4.2 to 4.5, 5.5):
 * tables of statuses, of delays and of probation. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_OUTCOME_H
#define PUBGRID_EVENTGRID_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "resource/subscription.h"

/* lastDeliveryOutcome. The numbers are stored with events that wait for a retry (queued.h): new
 * ones go to the end. */
enum delivery_outcome {
    OUTCOME_DELIVERED,
    OUTCOME_NOT_FOUND,
    OUTCOME_DISABLED,
    OUTCOME_FULL,
    OUTCOME_UNAUTHORIZED,
    OUTCOME_BAD_REQUEST,
    OUTCOME_TIMED_OUT,
    OUTCOME_BUSY,
    OUTCOME_PAYLOAD_TOO_LARGE,
    OUTCOME_PROBATION,
    OUTCOME_CANCELED,
    OUTCOME_ABORTED,
    OUTCOME_SOCKET_ERROR,
    OUTCOME_RESOLUTION_ERROR,
    OUTCOME_DELIVERING,
    OUTCOME_FORBIDDEN,
    OUTCOME_LOCK_EXPIRED, /* of a receiver (5.3) */
    OUTCOME_RELEASED,     /* by it */
    OUTCOME_REJECTED,     /* likewise */
    DELIVERY_OUTCOMES
};

/* "NotFound" ... */
const char *delivery_outcome_name(enum delivery_outcome outcome);
bool delivery_outcome_from_name(struct slice name, enum delivery_outcome *out);

/* Why no status came. */
enum delivery_failure { FAILURE_NONE, FAILURE_SOCKET, FAILURE_RESOLUTION, FAILURE_TIMEOUT };

struct delivery_verdict {
    enum delivery_outcome outcome;
    bool is_final;          /* no other attempt: dead letter */
    uint32_t delay_least_s; /* before the next one, as Azure has it for the status */
    uint32_t retry_after_s; /* as the endpoint asked; at most a day */
};

/* `status` of a webhook's answer (0 with a failure), by the rules of the subscription.
 * `retry_after_s`: of its header; 0: none; more than a day counts as a day. */
struct delivery_verdict delivery_judge(enum retry_rules rules, int status,
                                       enum delivery_failure failure, uint32_t retry_after_s);

/* Why an event is given up. */
enum dead_letter_reason {
    DEAD_ATTEMPTS,      /* "MaxDeliveryAttemptsExceeded" */
    DEAD_TIME_TO_LIVE,  /* "TimeToLiveExceeded" */
    DEAD_UNDELIVERABLE, /* "UndeliverableDueTo<outcome>" */
    DEAD_TOO_MANY_HOPS, /* "TooManyHops": topics that send to each other */
    DEAD_REJECTED,      /* "Rejected", by its receiver */
    DEAD_LETTER_REASONS
};
/* Appends what stands in deadLetterReason. */
void dead_letter_reason_append(struct buffer *out, enum dead_letter_reason reason,
                               enum delivery_outcome outcome);

/* What follows an attempt that failed, the attempts-th: an event is given up, or waits, by the
 * policy's back-off and at least as long as the verdict says, and up to a tenth more (`random`). */
struct retry_decision {
    bool is_dead;
    enum dead_letter_reason reason;
    uint32_t delay_s;
};
struct retry_decision retry_decide(const struct retry_policy *policy,
                                   const struct delivery_verdict *verdict, uint32_t attempts,
                                   int64_t published_ms, int64_t now_ms, uint32_t random);

/* Is the event's time to live over? Asked when its next attempt is due, not before (3.8). */
bool retry_is_too_late(const struct retry_policy *policy, int64_t published_ms, int64_t now_ms);

/* Probation of a subscription's endpoint (4.5): after PROBATION_FAILURES in a row, attempts stop
 * for the time that the outcome says; then one event goes out to try. */
enum { PROBATION_FAILURES = 10 };

struct probation {
    uint32_t failures; /* in a row */
    msec_t until;      /* 0: not in probation */
    bool is_trying;    /* the one event is on its way */
};

enum probation_answer { PROBATION_GO, PROBATION_TRY_ONE, PROBATION_WAIT };
enum probation_answer probation_ask(struct probation *probation, msec_t now);
/* What an attempt came to. An answer that is about the event alone (400, 413) shows that the
 * endpoint is there, as a good one does. `scale`: factor on the time (retry_scale). */
void probation_note(struct probation *probation, const struct delivery_verdict *verdict, msec_t now,
                    double scale);

#endif
