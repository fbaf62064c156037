/* What became of the last attempts to deliver the events of a subscription: bounded, with room of
 * its own for failures (events/delivery_log.h). Pages of what all processes have come by the
 * operation REST_EVENT_LOG (client/rest.h), whose `name` is the subscription's queue.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_ATTEMPT_LOG_H
#define PUBGRID_DISPATCH_ATTEMPT_LOG_H

#include "base/clock.h"
#include "eventgrid/outcome.h"
#include "events/delivery_log.h"

struct attempt {
    struct slice event_id;
    uint32_t number; /* of the event's attempts, from 1 on */
    int status;      /* 0: no answer */
    enum delivery_outcome outcome;
    msec_t ended;
    uint32_t latency_us;
    msec_t next; /* attempt; 0: none */
};

void attempt_log_add(struct delivery_log **log, const struct attempt *attempt);
/* The same of one that failed and is the last: why. */
void attempt_log_add_last(struct delivery_log **log, const struct attempt *attempt,
                          enum dead_letter_reason reason);
/* Appends {"number","time","eventId","attempt","status","outcome","latencyMs","nextAttempt"}, the
 * last null if there is none; "deadLetterReason" if it was the last. */
void attempt_append_json(struct buffer *out, const struct delivery *delivery);

#endif
