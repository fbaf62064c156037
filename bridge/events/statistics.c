/* See statistics.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/statistics.h"

#include <stddef.h>

const uint32_t event_latency_bounds_us[EVENT_LATENCIES - 1] = {
    1000,   2500,   5000,    10000,   25000,   50000,    100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000,
};

const char *const event_kind_names[EVENT_KINDS] = {
    [SYSTEM_EVENT_CONNECT] = "connect",
    [SYSTEM_EVENT_CONNECTED] = "connected",
    [SYSTEM_EVENT_DISCONNECTED] = "disconnected",
    [SYSTEM_EVENT_JOINED] = "joined",
    [SYSTEM_EVENT_LEFT] = "left",
    [EVENT_KIND_USER] = "user",
};

const char *const event_result_names[EVENT_RESULTS] = {
    [EVENT_RESULT_2XX] = "2xx",
    [EVENT_RESULT_3XX] = "3xx",
    [EVENT_RESULT_4XX] = "4xx",
    [EVENT_RESULT_5XX] = "5xx",
    [EVENT_RESULT_NO_ANSWER] = "no_answer",
    [EVENT_RESULT_PREFLIGHT] = "preflight",
    [EVENT_RESULT_OVERFLOW] = "overflow",
    [EVENT_RESULT_CANCELLED] = "cancelled",
};

enum event_result event_result_of_status(int status)
{
    switch (status / 100) {
    case 0:
        return EVENT_RESULT_NO_ANSWER;
    case 2:
        return EVENT_RESULT_2XX;
    case 4:
        return EVENT_RESULT_4XX;
    case 5:
        return EVENT_RESULT_5XX;
    default:
        return EVENT_RESULT_3XX;
    }
}

unsigned event_latency_index(uint64_t latency_us)
{
    unsigned bucket = 0;

    while (bucket < EVENT_LATENCIES - 1 && latency_us > event_latency_bounds_us[bucket]) {
        bucket++;
    }
    return bucket;
}

void event_statistics_add(struct event_kind_statistics *statistics, enum event_result result,
                          uint64_t latency_us)
{
    statistics->results[result]++;
    if (result > EVENT_RESULT_5XX) {
        return;
    }
    statistics->latencies[event_latency_index(latency_us)]++;
    statistics->latency_sum_us += latency_us;
}
