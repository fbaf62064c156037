/* Opens many connections, a bounded number of them at once: a broker's listen backlog is short,
 * and a SYN that finds it full is repeated only after a second, which would spoil the figures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_setup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bench_codec.h"
#include "bench_rest.h"
#include "bench_topics.h"

enum { EVENTS = 256, WAIT_MS = 100 };

struct progress {
    struct bench_run *run;
    size_t end;      /* one past the last connection to start */
    size_t next;     /* the next one to start */
    size_t opening;  /* started and not ready */
    int64_t last_ns; /* when something happened last */
    struct bench_filters filters;
};

static void connection_greet(struct bench_fleet *fleet, struct bench_connection *connection)
{
    connection->phase = BENCH_GREETING;
    if (connection->codec->greet != NULL) {
        connection->codec->greet(fleet, connection);
    }
}

static void connection_upgrade(struct bench_fleet *fleet, struct bench_connection *connection)
{
    struct buffer path = {0};
    struct websocket_request request = {
        .host = fleet->options->endpoint.name,
        .path = fleet->options->endpoint.path,
        .subprotocol = connection->codec->subprotocol,
    };
    if (fleet->options->rest == BENCH_REST_USER) {
        rest_client_path_append(&path, fleet->options, bench_fleet_number(fleet, connection));
        buffer_append_byte(&path, '\0');
        request.path = (const char *)path.data;
    }
    connection->phase = BENCH_UPGRADING;
    websocket_request_write(&connection->out, &request);
    buffer_release(&path);
}

static bool tcp_established(struct bench_fleet *fleet, struct bench_connection *connection)
{
    int code = 0;
    socklen_t length = sizeof(code);
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &code, &length);
    if (code != 0) {
        return bench_fleet_fail(fleet, "connect to %s: %s", fleet->options->endpoint.name,
                                strerror(code));
    }
    if (connection->codec->subprotocol != NULL) {
        connection_upgrade(fleet, connection);
    } else {
        connection_greet(fleet, connection);
    }
    bench_connection_unblock(fleet, connection);
    return true;
}

/* Sends the next SUBSCRIBE; with nothing (more) to subscribe to, the connection is ready. */
static void connection_subscribe(struct progress *progress, struct bench_connection *connection)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    struct bench_filters *filters = &progress->filters;
    filters->count = 0;
    if (connection->session == BENCH_SESSION_CLEAN || connection->session == BENCH_SESSION_KEEP) {
        bench_topics_filters(progress->run, bench_fleet_number(fleet, connection),
                             connection->subscribed, filters);
    }
    if (filters->count == 0) {
        connection->phase = BENCH_READY;
        progress->opening--;
        return;
    }
    connection->phase = BENCH_SUBSCRIBING;
    connection->subscribed += filters->count;
    connection->codec->subscribe(fleet, connection, filters->filters, filters->count);
}

static void welcome_take(struct progress *progress, struct bench_connection *connection,
                         const struct bench_event *event)
{
    bench_histogram_add(&progress->run->result.connect_latency,
                        (uint64_t)(progress->last_ns - connection->opened_ns));
    connection->receive_maximum = event->receive_maximum;
    connection->session_present = event->session_present;
    connection_subscribe(progress, connection);
}

static bool setup_take(struct progress *progress, struct bench_connection *connection,
                       const struct bench_event *event)
{
    if (event->kind == BENCH_EVENT_NONE) {
        return true;
    }
    if (connection->phase == BENCH_GREETING && event->kind == BENCH_EVENT_WELCOME) {
        welcome_take(progress, connection, event);
        return true;
    }
    if (connection->phase == BENCH_SUBSCRIBING && event->kind == BENCH_EVENT_SUBSCRIBED) {
        connection_subscribe(progress, connection);
        return true;
    }
    return bench_fleet_fail(&progress->run->fleet, "unexpected answer during set-up");
}

static bool messages_take(struct progress *progress, struct bench_connection *connection,
                          struct slice in)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    struct bench_event event;
    enum bench_next next;
    size_t size;
    while ((next = connection->codec->next(fleet, connection, in, &event, &size)) ==
           BENCH_NEXT_EVENT) {
        if (!setup_take(progress, connection, &event)) {
            return false;
        }
        in = slice_from(in, size);
        if (connection->session == BENCH_SESSION_RESUME && connection->phase == BENCH_READY) {
            break; /* what follows CONNACK are its messages */
        }
    }
    bench_connection_keep(connection, in);
    return next != BENCH_NEXT_FAILED;
}

/* The HTTP answer, and whatever came behind it. */
static bool upgrade_take(struct progress *progress, struct bench_connection *connection,
                         struct slice in)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    size_t size;
    int status;
    switch (websocket_answer_read(in, connection->codec->subprotocol, &size, &status)) {
    case WEBSOCKET_INCOMPLETE:
        bench_connection_keep(connection, in);
        return true;
    case WEBSOCKET_REFUSED:
        return bench_fleet_fail(fleet,
                                status > 0 ? "the server refused the WebSocket with status %d"
                                           : "the server's answer is not that of a WebSocket",
                                status);
    case WEBSOCKET_ACCEPTED:
        break;
    }
    connection_greet(fleet, connection);
    bench_connection_queue(fleet, connection);
    return bench_connection_frames_begin(fleet, connection, slice_from(in, size), &in) &&
           messages_take(progress, connection, in);
}

static bool connection_read(struct progress *progress, struct bench_connection *connection)
{
    struct slice in;
    if (!bench_connection_fill(&progress->run->fleet, connection, &in)) {
        return false;
    }
    return connection->phase == BENCH_UPGRADING ? upgrade_take(progress, connection, in)
                                                : messages_take(progress, connection, in);
}

static bool event_take(struct progress *progress, const struct epoll_event *event)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    struct bench_connection *connection = event->data.ptr;
    if (connection->phase == BENCH_CONNECTING) {
        return tcp_established(fleet, connection);
    }
    if ((event->events & EPOLLOUT) != 0) {
        bench_connection_unblock(fleet, connection);
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0) {
        return connection_read(progress, connection);
    }
    return true;
}

static bool connections_start(struct progress *progress)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    size_t limit = (size_t)fleet->options->concurrency;
    while (progress->opening < limit && progress->next < progress->end) {
        if (!bench_connection_start(fleet, &fleet->connections[progress->next])) {
            return false;
        }
        progress->next++;
        progress->opening++;
    }
    return true;
}

static bool events_take(struct progress *progress)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(fleet->epoll, events, EVENTS, WAIT_MS);
    int64_t now = clock_monotonic_ns();
    if (count > 0) {
        progress->last_ns = now;
    } else if ((double)(now - progress->last_ns) > fleet->options->timeout * 1e9) {
        return bench_fleet_fail(fleet, "no answer from %s for %g s; %zu of %zu connections open",
                                fleet->options->endpoint.name, fleet->options->timeout,
                                progress->next - progress->opening, fleet->count);
    }
    for (int i = 0; i < count; i++) {
        if (!event_take(progress, &events[i])) {
            return false;
        }
    }
    return true;
}

bool bench_setup_run(struct bench_run *run, size_t first, size_t end)
{
    struct progress *progress = memory_allocate_zero(sizeof(*progress));
    bool good = true;
    progress->run = run;
    progress->next = first;
    progress->end = end;
    progress->last_ns = clock_monotonic_ns();
    while (good && (progress->next < end || progress->opening > 0)) {
        good =
            connections_start(progress) && events_take(progress) && bench_fleet_flush(&run->fleet);
    }
    free(progress);
    return good;
}
