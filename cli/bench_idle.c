/* The `connect` cell's second half: all connections stay open and silent for a while.
 *
 * The broker's CPU over that time is what its timers and sweeps cost with nothing to do, and its
 * memory at the end is what idle connections cost. A connection that the broker closes meanwhile
 * fails the run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sys/epoll.h>

#include "base/clock.h"
#include "bench_cell.h"

static bool silence_check(struct bench_run *run, const struct epoll_event *event)
{
    struct slice in;
    if (!bench_connection_fill(&run->fleet, event->data.ptr, &in)) {
        return false;
    }
    if (!bench_fleet_flush(&run->fleet)) { /* pings are answered */
        return false;
    }
    return in.length == 0 || bench_fleet_fail(&run->fleet, "a packet came to an idle connection");
}

bool bench_idle_run(struct bench_run *run)
{
    struct bench_moment begun = bench_moment_now(&run->options->broker);
    struct bench_moment now = begun;
    int64_t wait_ns = (int64_t)(run->options->seconds * 1e9);
    while (now.clock_ns - begun.clock_ns < wait_ns) {
        struct epoll_event event;
        int left_ms = (int)((wait_ns - (now.clock_ns - begun.clock_ns)) / 1000000 + 1);
        if (epoll_wait(run->fleet.epoll, &event, 1, left_ms) > 0 && !silence_check(run, &event)) {
            return false;
        }
        now = bench_moment_now(&run->options->broker);
    }
    run->result.cost = bench_cost_between(&begun, &now);
    run->result.resident =
        bench_processes_memory(&run->options->broker).resident - run->result.resident_before;
    return true;
}
