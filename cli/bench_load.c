/* The loop that drives the traffic: warm up, measure, drain.
 *
 * One turn takes what epoll has, answers and publishes, and writes once per connection. After the
 * measured stretch nothing new is published, and the run waits for what is outstanding, so that
 * loss is told from lateness.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "bench_traffic.h"

enum { EVENTS = 512, WAIT_MAX_NS = 100 * 1000 * 1000 };

enum load_phase { LOAD_WARMUP, LOAD_MEASURE, LOAD_DRAIN, LOAD_DONE };

struct load {
    struct bench_run *run;
    struct bench_traffic *traffic;
    enum load_phase phase;
    int64_t phase_end_ns; /* INT64_MAX: the traffic decides */
    struct bench_moment begun;
    int64_t turn_ns; /* when this turn began */
};

static void measure_begin(struct load *load)
{
    const struct bench_options *options = load->run->options;
    load->phase = LOAD_MEASURE;
    load->traffic->measuring = true;
    load->begun = bench_moment_now(&options->broker);
    if (options->messages > 0) {
        load->traffic->allowance = (uint64_t)options->messages;
        load->phase_end_ns = INT64_MAX;
    } else {
        load->phase_end_ns = load->begun.clock_ns + (int64_t)(options->seconds * 1e9);
    }
}

static void measure_end(struct load *load)
{
    struct bench_moment now = bench_moment_now(&load->run->options->broker);
    load->run->result.cost = bench_cost_between(&load->begun, &now);
    load->phase = LOAD_DRAIN;
    load->phase_end_ns = INT64_MAX;
    load->traffic->measuring = false;
    load->traffic->allowance = 0;
}

static bool load_stalled(const struct load *load)
{
    const struct bench_traffic *traffic = load->traffic;
    return traffic->outstanding > 0 &&
           (double)(load->turn_ns - traffic->progress_ns) > load->run->options->timeout * 1e9;
}

static void load_phase_step(struct load *load)
{
    const struct bench_traffic *traffic = load->traffic;
    bool finished = traffic->allowance == 0 && traffic->outstanding == 0;
    load->run->result.stalled = load_stalled(load);
    if (load->phase == LOAD_WARMUP && load->turn_ns >= load->phase_end_ns) {
        measure_begin(load);
    } else if (load->phase == LOAD_MEASURE && (load->turn_ns >= load->phase_end_ns || finished)) {
        measure_end(load);
    } else if (load->phase == LOAD_DRAIN && finished) {
        load->phase = LOAD_DONE;
    }
    if (load->run->result.stalled) {
        if (load->phase == LOAD_MEASURE) {
            measure_end(load);
        }
        load->phase = LOAD_DONE;
    }
}

static void sleep_until(int64_t then_ns)
{
    struct timespec then = {then_ns / 1000000000, then_ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) == EINTR) {
    }
}

static int load_wait(struct load *load, struct epoll_event *events)
{
    if (load->run->options->lazy_us > 0) {
        sleep_until(load->turn_ns + (int64_t)load->run->options->lazy_us * 1000);
    }
    int64_t until = bench_traffic_next_due(load->traffic);
    if (until > load->phase_end_ns) {
        until = load->phase_end_ns;
    }
    int64_t wait_ns = until - clock_monotonic_ns();
    wait_ns = wait_ns < 0 ? 0 : wait_ns > WAIT_MAX_NS ? WAIT_MAX_NS : wait_ns;
    struct timespec wait = {wait_ns / 1000000000, wait_ns % 1000000000};
    int count = epoll_pwait2(load->run->fleet.epoll, events, EVENTS, &wait, NULL);
    load->turn_ns = clock_monotonic_ns();
    return count;
}

static bool load_read(struct load *load, struct bench_connection *connection)
{
    struct bench_fleet *fleet = &load->run->fleet;
    struct bench_traffic *traffic = load->traffic;
    struct slice in;
    if (!bench_connection_fill(fleet, connection, &in)) {
        return false;
    }
    traffic->now_ns = clock_monotonic_ns();
    traffic->progress_ns = traffic->now_ns;
    struct bench_event event;
    enum bench_next next;
    size_t size;
    while ((next = connection->codec->next(fleet, connection, in, &event, &size)) ==
           BENCH_NEXT_EVENT) {
        if (!bench_traffic_take(traffic, connection, &event)) {
            return false;
        }
        in = slice_from(in, size);
    }
    bench_connection_keep(connection, in);
    return next != BENCH_NEXT_FAILED;
}

static bool load_turn(struct load *load)
{
    struct epoll_event events[EVENTS];
    int count = load_wait(load, events);
    for (int i = 0; i < count; i++) {
        struct bench_connection *connection = events[i].data.ptr;
        if ((events[i].events & EPOLLOUT) != 0) {
            bench_connection_unblock(&load->run->fleet, connection);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && !load_read(load, connection)) {
            return false;
        }
    }
    load_phase_step(load);
    bench_traffic_publish(load->traffic);
    return bench_fleet_flush(&load->run->fleet);
}

bool bench_load_drive(struct bench_run *run, struct bench_traffic *traffic)
{
    int64_t now = clock_monotonic_ns();
    struct load load = {.run = run, .traffic = traffic, .phase = LOAD_WARMUP, .turn_ns = now};
    load.phase_end_ns = now + (int64_t)(run->options->warmup * 1e9);
    prctl(PR_SET_TIMERSLACK, 1UL); /* the default of 50 us would delay the schedule */
    bench_traffic_open(traffic, run, now);
    bool good = true;
    while (good && load.phase != LOAD_DONE) {
        good = load_turn(&load);
    }
    return good;
}

static void stuck_count(struct bench_run *run)
{
    for (size_t i = run->subscribers - run->stuck; i < run->subscribers; i++) {
        run->result.stuck_closed += bench_connection_is_closed(&run->fleet.connections[i]) ? 1 : 0;
    }
}

bool bench_load_run(struct bench_run *run)
{
    struct bench_traffic traffic;
    bool good = bench_load_drive(run, &traffic);
    bench_traffic_sum(&traffic);
    bench_traffic_close(&traffic);
    stuck_count(run);
    return good;
}
