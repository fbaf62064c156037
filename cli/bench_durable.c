/* The durable cell: a subscriber whose session outlives its connection is away while messages are
 * published, and then gets them all.
 *
 * First half: bench_load_drive() publishes; measured are acknowledgements and the broker's memory.
 * Then, if asked for, a command, which may kill the broker. Second half: the subscriber resumes its
 * session; every acknowledged message must come, in the order of its publisher. One read is
 * answered with one write of PUBACKs. A PINGREQ behind the last of them brings to light what the
 * broker still has to send, and makes sure that it has taken them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "bench_between.h"
#include "bench_setup.h"
#include "bench_traffic.h"

enum { SUBSCRIBER = 0, EVENTS = 16, WAIT_MS = 100 };

struct drain {
    struct bench_run *run;
    struct bench_traffic *traffic;
    struct bench_connection *connection;
    uint64_t owed; /* acknowledged messages that have not come */
    bool asked;    /* PINGREQ is written */
    bool done;     /* and answered */
    int64_t now_ns, progress_ns;
};

/* ---------------------------------------------------------------- receiving */

static void delivery_take(struct drain *drain, const struct bench_event *event)
{
    struct bench_drain *result = &drain->run->result.drain;
    if (bench_traffic_verify(drain->traffic, SUBSCRIBER, event)) {
        result->first_ns = result->messages == 0 ? drain->now_ns : result->first_ns;
        result->last_ns = drain->now_ns;
        result->messages++;
        uint64_t acknowledged = drain->traffic->publishers[event->stamp.publisher].acknowledged;
        drain->owed -= event->stamp.sequence < acknowledged ? 1 : 0;
    }
}

static bool drain_take(struct drain *drain, const struct bench_event *event)
{
    switch (event->kind) {
    case BENCH_EVENT_DELIVERY:
        delivery_take(drain, event);
        return true;
    case BENCH_EVENT_FOREIGN:
        drain->run->result.foreign++;
        return true;
    case BENCH_EVENT_PONG:
        drain->done = true;
        return true;
    case BENCH_EVENT_NONE:
        return true;
    case BENCH_EVENT_WELCOME:
    case BENCH_EVENT_SUBSCRIBED:
    case BENCH_EVENT_ACKNOWLEDGED:
        break;
    }
    return bench_fleet_fail(&drain->run->fleet, "unexpected packet after %llu messages",
                            (unsigned long long)drain->run->result.drain.messages);
}

static bool drain_read(struct drain *drain)
{
    struct bench_fleet *fleet = &drain->run->fleet;
    struct slice in;
    struct bench_event event;
    enum bench_next next;
    size_t size;
    if (!bench_connection_fill(fleet, drain->connection, &in)) {
        return false;
    }
    drain->now_ns = clock_monotonic_ns();
    drain->progress_ns = drain->now_ns;
    while ((next = drain->connection->codec->next(fleet, drain->connection, in, &event, &size)) ==
           BENCH_NEXT_EVENT) {
        if (!drain_take(drain, &event)) {
            return false;
        }
        in = slice_from(in, size);
    }
    bench_connection_keep(drain->connection, in);
    if (drain->owed == 0 && !drain->asked) {
        drain->asked = true;
        drain->connection->codec->ping(fleet, drain->connection);
    }
    return next != BENCH_NEXT_FAILED;
}

static bool drain_turn(struct drain *drain)
{
    struct bench_fleet *fleet = &drain->run->fleet;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(fleet->epoll, events, EVENTS, WAIT_MS);
    for (int i = 0; i < count; i++) {
        if ((events[i].events & EPOLLOUT) != 0) {
            bench_connection_unblock(fleet, drain->connection);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0 && !drain_read(drain)) {
            return false;
        }
    }
    int64_t silence_ns = clock_monotonic_ns() - drain->progress_ns;
    if (count == 0 && (double)silence_ns > drain->run->options->timeout * 1e9) {
        drain->run->result.stalled = true;
        drain->done = true;
    }
    return bench_fleet_flush(fleet);
}

/* Ends when nothing is owed, or when nothing comes any more. */
static bool drain_run(struct drain *drain, const struct bench_processes *broker)
{
    struct bench_drain *result = &drain->run->result.drain;
    struct bench_moment begun = bench_moment_now(broker);
    int64_t connect_ns = begun.clock_ns;
    drain->progress_ns = connect_ns;
    drain->connection->session = BENCH_SESSION_RESUME;
    if (!bench_setup_run(drain->run, SUBSCRIBER, SUBSCRIBER + 1)) {
        return false;
    }
    result->session_present = drain->connection->session_present;
    drain->done = !result->session_present;
    bool good = drain->done || (drain_read(drain) && /* what came together with CONNACK */
                                bench_fleet_flush(&drain->run->fleet));
    while (good && !drain->done) {
        good = drain_turn(drain);
    }
    struct bench_moment now = bench_moment_now(broker);
    result->cost = bench_cost_between(&begun, &now);
    result->first_ns -= result->messages > 0 ? connect_ns : 0;
    result->last_ns -= result->messages > 0 ? connect_ns : 0;
    return good;
}

/* ---------------------------------------------------------------- the cell */

static bool between(struct bench_run *run, struct bench_processes *broker)
{
    int64_t begun_ns = clock_monotonic_ns();
    if (run->options->between == NULL) {
        return true;
    }
    int status = bench_between_run(run->options->between, broker);
    if (status < 0) {
        return bench_fleet_fail(&run->fleet, "the command between: %s", strerror(errno));
    }
    if (status > 0) {
        return bench_fleet_fail(&run->fleet, "the command between failed with status %d", status);
    }
    bool good = bench_fleet_wait_open(&run->fleet);
    run->result.drain.between_ns = clock_monotonic_ns() - begun_ns;
    return good;
}

static void publishers_leave(struct bench_run *run)
{
    for (size_t i = run->subscribers; i < run->fleet.count; i++) {
        bench_connection_leave(&run->fleet, &run->fleet.connections[i]);
    }
}

static uint64_t messages_acknowledged(const struct bench_traffic *traffic)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < traffic->run->publishers; i++) {
        sum += traffic->publishers[i].acknowledged;
    }
    return sum;
}

bool bench_durable_run(struct bench_run *run)
{
    struct bench_processes broker = run->options->broker;
    struct bench_connection *subscriber = &run->fleet.connections[SUBSCRIBER];
    struct bench_traffic traffic;
    if (!bench_connection_leave(&run->fleet, subscriber)) {
        return false;
    }
    run->result.drain.before = bench_processes_memory(&broker);
    bool good = bench_load_drive(run, &traffic);
    run->result.drain.after = bench_processes_memory(&broker);
    if (good) {
        publishers_leave(run);
        struct drain drain = {.run = run, .traffic = &traffic, .connection = subscriber};
        drain.owed = messages_acknowledged(&traffic);
        good = between(run, &broker) && drain_run(&drain, &broker);
    }
    bench_traffic_sum(&traffic);
    bench_traffic_close(&traffic);
    return good;
}
