/* Opens many connections, a bounded number of them at once: a broker's listen backlog is short,
 * and a SYN that finds it full is repeated only after a second, which would spoil the figures.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_setup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "bench_traffic.h"
#include "bench_wire.h"

enum { EVENTS = 256, WAIT_MS = 100, FILTER_SIZE = 256, REFUSED = 0x80 };

struct progress {
    struct bench_run *run;
    size_t end;      /* one past the last connection to start */
    size_t next;     /* the next one to start */
    size_t opening;  /* started and not ready */
    int64_t last_ns; /* when something happened last */
};

static void connection_greet(struct bench_fleet *fleet, struct bench_connection *connection)
{
    char client_identifier[32];
    snprintf(client_identifier, sizeof(client_identifier), "bench-%08x-%zu", fleet->run,
             bench_fleet_number(fleet, connection));
    struct wire_connect connect = {
        .version = fleet->options->version,
        .client_identifier = client_identifier,
        .user_name = fleet->options->user_name,
        .password = fleet->options->password,
        .durable = connection->session == BENCH_SESSION_KEEP ||
                   connection->session == BENCH_SESSION_RESUME,
    };
    connect.receive_maximum = connect.durable ? (uint16_t)fleet->options->receive_maximum : 0;
    wire_connect_write(&connection->out, &connect);
    connection->phase = BENCH_GREETING;
}

static bool tcp_established(struct bench_fleet *fleet, struct bench_connection *connection)
{
    int code = 0;
    socklen_t length = sizeof(code);
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &code, &length);
    if (code != 0) {
        return bench_fleet_fail(fleet, "connect to %s:%d: %s", fleet->options->host,
                                fleet->options->port, strerror(code));
    }
    connection_greet(fleet, connection);
    bench_connection_unblock(fleet, connection);
    return true;
}

static bool connection_subscribes(const struct bench_run *run,
                                  const struct bench_connection *connection)
{
    return bench_fleet_number(&run->fleet, connection) < run->subscribers &&
           (connection->session == BENCH_SESSION_CLEAN ||
            connection->session == BENCH_SESSION_KEEP);
}

static void connection_ready(struct progress *progress, struct bench_connection *connection)
{
    connection->phase = BENCH_READY;
    progress->opening--;
}

static bool connack_take(struct progress *progress, struct bench_connection *connection,
                         const struct wire_packet *packet)
{
    struct bench_run *run = progress->run;
    struct bench_fleet *fleet = &run->fleet;
    if (packet->length < 2 || packet->body[1] != 0) {
        return bench_fleet_fail(fleet, "the broker refused CONNECT with code %u",
                                packet->length < 2 ? 0u : packet->body[1]);
    }
    bench_histogram_add(&run->result.connect_latency,
                        (uint64_t)(progress->last_ns - connection->opened_ns));
    if (fleet->options->version == 5) {
        connection->receive_maximum = wire_connack_receive_maximum(packet);
    }
    connection->session_present = (packet->body[0] & 1) != 0;
    if (!connection_subscribes(run, connection)) {
        connection_ready(progress, connection);
        return true;
    }
    char filter[FILTER_SIZE];
    bench_traffic_filter(run, bench_fleet_number(fleet, connection), filter, sizeof(filter));
    wire_subscribe_write(&connection->out, fleet->options->version, filter, fleet->options->qos);
    bench_connection_queue(fleet, connection);
    connection->phase = BENCH_SUBSCRIBING;
    return true;
}

static bool suback_take(struct progress *progress, struct bench_connection *connection,
                        const struct wire_packet *packet)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    uint8_t code = packet->length < 3 ? REFUSED : packet->body[packet->length - 1];
    if (code >= REFUSED) {
        return bench_fleet_fail(fleet, "the broker refused SUBSCRIBE with code %u", code);
    }
    if (code != fleet->options->qos) {
        return bench_fleet_fail(fleet, "the broker granted QoS %u, not %d", code,
                                fleet->options->qos);
    }
    connection_ready(progress, connection);
    return true;
}

static bool packet_take(struct progress *progress, struct bench_connection *connection,
                        const struct wire_packet *packet)
{
    if (connection->phase == BENCH_GREETING && packet->first == WIRE_CONNACK) {
        return connack_take(progress, connection, packet);
    }
    if (connection->phase == BENCH_SUBSCRIBING && packet->first == WIRE_SUBACK) {
        return suback_take(progress, connection, packet);
    }
    return bench_fleet_fail(&progress->run->fleet, "unexpected packet 0x%02x during set-up",
                            packet->first);
}

static bool connection_read(struct progress *progress, struct bench_connection *connection)
{
    struct bench_fleet *fleet = &progress->run->fleet;
    struct slice in;
    struct wire_packet packet;
    if (!bench_connection_fill(fleet, connection, &in)) {
        return false;
    }
    enum wire_frame frame;
    while ((frame = wire_frame_next(in, &packet)) == WIRE_FRAME_WHOLE) {
        if (!packet_take(progress, connection, &packet)) {
            return false;
        }
        in = slice_from(in, packet.size);
        if (connection->session == BENCH_SESSION_RESUME && connection->phase == BENCH_READY) {
            break; /* what follows CONNACK are its messages */
        }
    }
    bench_connection_keep(connection, in);
    return frame != WIRE_FRAME_BAD || bench_fleet_fail(fleet, "the broker does not speak MQTT");
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
        return bench_fleet_fail(fleet, "no answer from %s:%d for %g s; %zu of %zu connections open",
                                fleet->options->host, fleet->options->port, fleet->options->timeout,
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
    struct progress progress = {.run = run, .next = first, .end = end};
    progress.last_ns = clock_monotonic_ns();
    while (progress.next < end || progress.opening > 0) {
        if (!connections_start(&progress) || !events_take(&progress) ||
            !bench_fleet_flush(&run->fleet)) {
            return false;
        }
    }
    return true;
}
