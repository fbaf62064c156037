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
    const char *end; /* static: what follows if it failed and no other attempt is made */
    msec_t ended;
    uint32_t latency_us;
    msec_t next; /* attempt; 0: none */
};

void attempt_log_add(struct delivery_log **log, const struct attempt *attempt);
/* Appends {"number","time","eventId","attempt","status","outcome","latencyMs","nextAttempt"}, the
 * last null if there is none; "end" if there is one. */
void attempt_append_json(struct buffer *out, const struct delivery *delivery);

#endif
