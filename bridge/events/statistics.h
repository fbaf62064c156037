/* What became of a hub's events, in numbers: for the metrics. User events are counted together,
 * because clients choose their names.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_STATISTICS_H
#define PUBGRID_EVENTS_STATISTICS_H

#include <stdint.h>

#include "config/event_handler.h"

enum { EVENT_KIND_USER = SYSTEM_EVENTS, EVENT_KINDS };

enum event_result {
    EVENT_RESULT_2XX,
    EVENT_RESULT_3XX, /* and all other statuses */
    EVENT_RESULT_4XX,
    EVENT_RESULT_5XX,
    EVENT_RESULT_NO_ANSWER, /* refused, broken, timed out, too long, malformed */
    EVENT_RESULT_PREFLIGHT, /* the webhook does not take our events */
    EVENT_RESULT_OVERFLOW,  /* too many were waiting */
    EVENT_RESULT_CANCELLED, /* the server stopped */
    EVENT_RESULTS
};

enum { EVENT_LATENCIES = 14 }; /* the last one: all that is longer */

struct event_kind_statistics {
    uint64_t results[EVENT_RESULTS];     /* of events, whatever the number of attempts */
    uint64_t attempts;                   /* requests that were made */
    uint64_t latencies[EVENT_LATENCIES]; /* of answered events, up to event_latency_bounds_us[] */
    uint64_t latency_sum_us;
};

struct event_statistics {
    struct event_kind_statistics kinds[EVENT_KINDS];
    uint64_t listened; /* copies to listeners */
};

/* Of each bucket but the last, in microseconds. */
extern const uint32_t event_latency_bounds_us[EVENT_LATENCIES - 1];
/* "connect", ..., "user"; "2xx", ...: labels. */
extern const char *const event_kind_names[EVENT_KINDS];
extern const char *const event_result_names[EVENT_RESULTS];

enum event_result event_result_of_status(int status);
/* In which of the buckets it counts. */
unsigned event_latency_index(uint64_t latency_us);
/* An event has ended; latency from when it was raised. */
void event_statistics_add(struct event_kind_statistics *statistics, enum event_result result,
                          uint64_t latency_us);

#endif
