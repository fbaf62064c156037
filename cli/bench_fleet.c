/* Sockets of a run. See the header for the idea.
 *
 * On loopback the connections are spread over several source addresses, because with one of them
 * the kernel's search for a free port makes connect() slow beyond ten thousand connections.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_fleet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "bench_codec.h"
#include "bench_endpoint.h"

enum {
    READ_SIZE = 256 * 1024,
    TOPIC_ROOM = 1024,      /* header, topic and properties around a payload */
    SPARE_DESCRIPTORS = 32, /* standard streams, epoll, /proc */
    RETRY_NS = 2 * 1000 * 1000,
    STUCK_RECEIVE_BUFFER = 4096,
    STUCK_SEGMENT = 1460, /* that of Ethernet; loopback's makes the server's socket take 2.8 MB */
};

bool bench_fleet_fail(struct bench_fleet *fleet, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fleet->error, sizeof(fleet->error), format, arguments);
    va_end(arguments);
    return false;
}

static bool fleet_raise_descriptors(struct bench_fleet *fleet)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return bench_fleet_fail(fleet, "getrlimit: %s", strerror(errno));
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < fleet->count + SPARE_DESCRIPTORS) {
        return bench_fleet_fail(fleet, "%zu connections do not fit into %llu descriptors",
                                fleet->count, (unsigned long long)limit.rlim_cur);
    }
    return true;
}

bool bench_fleet_open(struct bench_fleet *fleet, const struct bench_options *options, size_t count)
{
    *fleet = (struct bench_fleet){.options = options, .codec = options->codec, .count = count};
    fleet->connections = memory_allocate_zero(count * sizeof(*fleet->connections));
    for (size_t i = 0; i < count; i++) {
        fleet->connections[i].codec = fleet->codec;
    }
    fleet->queue = memory_allocate_zero(count * sizeof(struct bench_connection *));
    fleet->input_size = READ_SIZE + TOPIC_ROOM + (size_t)options->payload;
    fleet->input = memory_allocate(fleet->input_size);
    random_bytes(&fleet->run, sizeof(fleet->run));
    random_bytes(&fleet->mask, sizeof(fleet->mask));
    fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (fleet->epoll < 0) {
        return bench_fleet_fail(fleet, "epoll: %s", strerror(errno));
    }
    return fleet_raise_descriptors(fleet) &&
           bench_endpoint_resolve(&options->endpoint, &fleet->address, &fleet->address_length,
                                  fleet->error, sizeof(fleet->error));
}

static void connection_take_leave(struct bench_fleet *fleet, struct bench_connection *connection)
{
    const struct bench_codec *codec = connection->codec;
    if (codec->leave != NULL) {
        codec->leave(fleet, connection);
    }
    if (codec->subprotocol != NULL) {
        websocket_close_write(&connection->out, fleet->mask, WEBSOCKET_CLOSE_NORMAL);
        bench_connection_queue(fleet, connection);
    }
}

void bench_fleet_close(struct bench_fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++) {
        struct bench_connection *connection = &fleet->connections[i];
        if (connection->phase == BENCH_READY && !connection->blocked && !connection->stuck) {
            connection_take_leave(fleet, connection);
        }
    }
    bench_fleet_flush(fleet);
    for (size_t i = 0; i < fleet->count; i++) {
        struct bench_connection *connection = &fleet->connections[i];
        if (connection->phase != BENCH_CLOSED) {
            close(connection->fd);
        }
        buffer_release(&connection->out);
        buffer_release(&connection->rest);
    }
    if (fleet->epoll >= 0) {
        close(fleet->epoll);
    }
    free(fleet->input);
    free(fleet->queue);
    free(fleet->connections);
}

/* Binds to 127.0.0.1 ... 127.0.0.<sources> in turn, if the broker is on 127.0.0.1. */
static bool connection_bind(struct bench_fleet *fleet, const struct bench_connection *connection)
{
    const struct sockaddr_in *broker = (const struct sockaddr_in *)(const void *)&fleet->address;
    if (fleet->address.ss_family != AF_INET || ntohl(broker->sin_addr.s_addr) != INADDR_LOOPBACK ||
        fleet->options->sources < 2) {
        return true;
    }
    size_t step = bench_fleet_number(fleet, connection) % (size_t)fleet->options->sources;
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)step);
    int on = 1;
    if (setsockopt(connection->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) != 0 ||
        bind(connection->fd, (const struct sockaddr *)&source, sizeof(source)) != 0) {
        return bench_fleet_fail(fleet, "bind: %s", strerror(errno));
    }
    return true;
}

/* So that what a stuck client has not read is soon the server's problem, not the sockets'. */
static void connection_narrow(const struct bench_connection *connection)
{
    int size = STUCK_RECEIVE_BUFFER;
    int segment = STUCK_SEGMENT;
    setsockopt(connection->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment));
}

bool bench_connection_start(struct bench_fleet *fleet, struct bench_connection *connection)
{
    connection->fd =
        socket(fleet->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) {
        return bench_fleet_fail(fleet, "socket: %s", strerror(errno));
    }
    connection->phase = BENCH_CONNECTING;
    connection->blocked = true;
    connection->receive_maximum = UINT16_MAX;
    connection->sequence_id = 0;
    connection->subscribed = 0;
    connection->websocket = (struct websocket_reader){
        .opcode = connection->codec->text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY,
        .terminated = connection->codec->text,
    };
    connection->opened_ns = clock_monotonic_ns();
    if (connection->stuck) {
        connection_narrow(connection);
    }
    int on = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = connection};
    if (!connection_bind(fleet, connection)) {
        return false;
    }
    if (connect(connection->fd, (const struct sockaddr *)&fleet->address, fleet->address_length) !=
            0 &&
        errno != EINPROGRESS) {
        return bench_fleet_fail(fleet, "connect to %s: %s", fleet->options->endpoint.name,
                                strerror(errno));
    }
    if (epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0) {
        return bench_fleet_fail(fleet, "epoll: %s", strerror(errno));
    }
    return true;
}

static bool connection_lost(struct bench_fleet *fleet, const struct bench_connection *connection,
                            const char *why)
{
    return bench_fleet_fail(fleet, "connection %zu of %zu: %s",
                            bench_fleet_number(fleet, connection) + 1, fleet->count, why);
}

/* Reads and drops until the broker closes; false: not before the time is up. */
static bool connection_await_end(const struct bench_connection *connection, int timeout_ms)
{
    struct pollfd wait = {.fd = connection->fd, .events = POLLIN};
    uint8_t dropped[4096];
    while (poll(&wait, 1, timeout_ms) > 0) {
        ssize_t got = recv(connection->fd, dropped, sizeof(dropped), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            return true;
        }
    }
    return false;
}

bool bench_connection_leave(struct bench_fleet *fleet, struct bench_connection *connection)
{
    connection_take_leave(fleet, connection);
    if (!bench_fleet_flush(fleet)) {
        return false;
    }
    shutdown(connection->fd, SHUT_WR);
    bool ended = connection_await_end(connection, (int)(fleet->options->timeout * 1000));
    close(connection->fd);
    connection->phase = BENCH_CLOSED;
    connection->out.length = 0;
    connection->rest.length = 0;
    return ended || connection_lost(fleet, connection, "not closed after DISCONNECT");
}

bool bench_fleet_wait_open(struct bench_fleet *fleet)
{
    int64_t end_ns = clock_monotonic_ns() + (int64_t)(fleet->options->timeout * 1e9);
    do {
        int fd = socket(fleet->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool open =
            connect(fd, (const struct sockaddr *)&fleet->address, fleet->address_length) == 0;
        close(fd);
        if (open) {
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NS}, NULL);
    } while (clock_monotonic_ns() < end_ns);
    return bench_fleet_fail(fleet, "%s takes no connections: %s", fleet->options->endpoint.name,
                            strerror(errno));
}

/* The broker sent a close frame, or what is none. */
static bool connection_ended(struct bench_fleet *fleet, struct bench_connection *connection,
                             enum websocket_state state)
{
    const struct websocket_reader *reader = &connection->websocket;
    if (state == WEBSOCKET_BAD) {
        return connection_lost(fleet, connection, "the server sent a bad WebSocket frame");
    }
    struct slice reason = websocket_close_reason(reader);
    char why[32 + WEBSOCKET_CONTROL_MAX];
    snprintf(why, sizeof(why), "closed by the server with code %d%s%.*s",
             websocket_close_code(reader), reason.length > 0 ? ": " : "", SLICE_PRINT(reason));
    return connection_lost(fleet, connection, why);
}

/* Takes the frames in `raw` off; what is in them goes to fleet->input + `at`. */
static bool connection_unframe(struct bench_fleet *fleet, struct bench_connection *connection,
                               struct slice raw, size_t at, struct slice *in)
{
    size_t length;
    size_t answered = connection->out.length;
    enum websocket_state state = websocket_unframe(&connection->websocket, raw, fleet->input + at,
                                                   &length, &connection->out);
    if (state != WEBSOCKET_OPEN) {
        return connection_ended(fleet, connection, state);
    }
    if (connection->out.length > answered) {
        bench_connection_queue(fleet, connection);
    }
    *in = slice_make(fleet->input, at + length);
    return true;
}

bool bench_connection_frames_begin(struct bench_fleet *fleet, struct bench_connection *connection,
                                   struct slice raw, struct slice *in)
{
    return connection_unframe(fleet, connection, raw, 0, in);
}

bool bench_connection_fill(struct bench_fleet *fleet, struct bench_connection *connection,
                           struct slice *in)
{
    bool framed = connection->codec->subprotocol != NULL && connection->phase > BENCH_UPGRADING;
    size_t kept = connection->rest.length;
    size_t at = kept + (framed ? WEBSOCKET_SLACK : 0); /* where the raw bytes go */
    if (at >= fleet->input_size) {
        return connection_lost(fleet, connection,
                               "the broker sent a packet larger than any of ours");
    }
    if (kept > 0) {
        memcpy(fleet->input, connection->rest.data, kept);
        connection->rest.length = 0;
    }
    ssize_t got = recv(connection->fd, fleet->input + at, fleet->input_size - at, 0);
    if (got == 0) {
        return connection_lost(fleet, connection, "closed by the broker");
    }
    if (got < 0 && errno != EAGAIN && errno != EINTR) {
        return connection_lost(fleet, connection, strerror(errno));
    }
    size_t length = got > 0 ? (size_t)got : 0;
    if (framed) {
        return connection_unframe(fleet, connection, slice_make(fleet->input + at, length), kept,
                                  in);
    }
    *in = slice_make(fleet->input, kept + length);
    return true;
}

void bench_connection_keep(struct bench_connection *connection, struct slice rest)
{
    if (rest.length > 0) {
        buffer_append(&connection->rest, rest);
    }
}

void bench_connection_send(struct bench_fleet *fleet, struct bench_connection *connection,
                           struct slice message)
{
    if (connection->codec->subprotocol == NULL) {
        buffer_append(&connection->out, message);
    } else {
        websocket_frame_write(&connection->out,
                              connection->codec->text ? WEBSOCKET_TEXT : WEBSOCKET_BINARY,
                              fleet->mask, message);
    }
    bench_connection_queue(fleet, connection);
}

void bench_connection_abandon(struct bench_fleet *fleet, struct bench_connection *connection)
{
    epoll_ctl(fleet->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
}

bool bench_connection_is_closed(const struct bench_connection *connection)
{
    uint8_t dropped[4096];
    ssize_t got;
    do {
        got = recv(connection->fd, dropped, sizeof(dropped), MSG_DONTWAIT);
    } while (got > 0);
    return got == 0 || errno != EAGAIN;
}

static void connection_watch(struct bench_fleet *fleet, struct bench_connection *connection,
                             bool blocked)
{
    struct epoll_event event = {.events = EPOLLIN | (blocked ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = connection};
    epoll_ctl(fleet->epoll, EPOLL_CTL_MOD, connection->fd, &event);
    connection->blocked = blocked;
}

void bench_connection_unblock(struct bench_fleet *fleet, struct bench_connection *connection)
{
    connection_watch(fleet, connection, false);
    bench_connection_queue(fleet, connection);
}

static bool connection_write(struct bench_fleet *fleet, struct bench_connection *connection)
{
    struct buffer *out = &connection->out;
    if (connection->blocked || out->length == 0) {
        return true;
    }
    ssize_t put = send(connection->fd, out->data, out->length, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) {
        return connection_lost(fleet, connection, strerror(errno));
    }
    if (put == (ssize_t)out->length) {
        out->length = 0;
        return true;
    }
    buffer_consume(out, put > 0 ? (size_t)put : 0);
    connection_watch(fleet, connection, true);
    return true;
}

bool bench_fleet_flush(struct bench_fleet *fleet)
{
    bool good = true;
    for (size_t i = 0; i < fleet->queue_length; i++) {
        fleet->queue[i]->queued = false;
        good = connection_write(fleet, fleet->queue[i]) && good;
    }
    fleet->queue_length = 0;
    return good;
}
