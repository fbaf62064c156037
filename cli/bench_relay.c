/* The relay of --self-test: accepts everything, checks nothing, passes the bytes of a PUBLISH on.
 *
 * It lets a test see that the generator keeps pace, and, in its faulty modes, that loss,
 * duplicates and disorder do not go unnoticed. It relies on how the bench behaves: one filter per
 * subscriber, subscribers first, one topic per publisher, the same QoS on both sides.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "bench_fleet.h"
#include "bench_wire.h"

enum {
    CLIENTS_MAX = 19900,
    EVENTS = 512,
    BACKLOG = 1024,
    FAULT_EVERY = 1000, /* messages */
    VERSION_OFFSET = 6, /* of the protocol level in CONNECT */
    FLAGS_OFFSET = 7,
    PROPERTIES_OFFSET = 10, /* MQTT 5; before, the client identifier is there */
    CLEAN = 0x02,
    PIECE_SIZE = 128 * 1024, /* of a backlog, written at once */
    FILTER_OFFSET = 2,       /* of the filter in SUBSCRIBE */
};

/* What the relay knows of a connection; its number is the connection's. */
struct client {
    int version;
    bool durable;             /* what comes while it is away is kept */
    struct buffer identifier; /* of a durable one */
    struct buffer kept;
    size_t sent;          /* of what was kept */
    struct buffer filter; /* subscriber: without $share/<name>/ */
    bool shared;
    bool routed; /* publisher: route is known */
    struct bench_connection **route;
    size_t route_length;
    size_t turn; /* shared: whose it is */
};

struct relay {
    struct bench_fleet fleet;
    struct client *clients;
    size_t accepted;
    int listener;
    struct bench_connection *draining; /* the one whose backlog is being sent; NULL: none */
    enum bench_self_test mode;
    uint64_t messages;
    struct buffer held; /* swap: the message that goes after the next */
};

static struct client *client_of(struct relay *relay, const struct bench_connection *connection)
{
    return &relay->clients[bench_fleet_number(&relay->fleet, connection)];
}

static void bytes_send(struct relay *relay, struct bench_connection *to, struct slice bytes)
{
    if (to->phase == BENCH_READY) {
        buffer_append(&to->out, bytes);
        bench_connection_queue(&relay->fleet, to);
    } else if (client_of(relay, to)->durable) {
        buffer_append(&client_of(relay, to)->kept, bytes);
    }
}

/* The next piece of the backlog, once the one before is written. */
static void backlog_send(struct relay *relay)
{
    struct bench_connection *to = relay->draining;
    struct client *client = client_of(relay, to);
    struct slice rest = slice_from(buffer_slice(&client->kept), client->sent);
    if (to->phase != BENCH_READY || rest.length == 0) {
        relay->draining = NULL;
    } else if (to->out.length == 0) {
        size_t size = rest.length < PIECE_SIZE ? rest.length : PIECE_SIZE;
        client->sent += size;
        bytes_send(relay, to, slice_make(rest.data, size));
    }
}

static struct slice connect_identifier(const struct wire_packet *packet, int version)
{
    struct slice in = slice_from(slice_make(packet->body, packet->length), PROPERTIES_OFFSET);
    in = slice_from(in, version == 5 ? wire_properties_size(in) : 0);
    return slice_make(in.data + 2, wire_u16(in.data));
}

/* Hands the backlog of an earlier connection over. False: there was none. */
static bool session_resume(struct relay *relay, struct bench_connection *from)
{
    struct client *client = client_of(relay, from);
    for (struct client *old = relay->clients; old < client; old++) {
        if (old->durable &&
            slice_equal(buffer_slice(&old->identifier), buffer_slice(&client->identifier))) {
            client->kept = old->kept;
            old->kept = (struct buffer){0};
            old->durable = false;
            relay->draining = from;
            return true;
        }
    }
    return false;
}

static void connect_take(struct relay *relay, struct bench_connection *from,
                         const struct wire_packet *packet)
{
    uint8_t connack[] = {WIRE_CONNACK, 2, 0, 0, 0};
    struct client *client = client_of(relay, from);
    if (packet->length <= PROPERTIES_OFFSET) {
        return;
    }
    client->version = packet->body[VERSION_OFFSET];
    client->durable = (packet->body[FLAGS_OFFSET] & CLEAN) == 0;
    if (client->durable) {
        buffer_append(&client->identifier, connect_identifier(packet, client->version));
        connack[2] = session_resume(relay, from);
    }
    connack[1] = client->version == 5 ? 3 : 2;
    bytes_send(relay, from, slice_make(connack, (size_t)connack[1] + 2));
}

/* Cuts off $share/<name>/. */
static struct slice filter_unshare(struct slice filter)
{
    filter = slice_from(filter, strlen("$share/"));
    const uint8_t *slash = memchr(filter.data, '/', filter.length);
    return slash == NULL ? filter : slice_from(filter, (size_t)(slash - filter.data) + 1);
}

static void subscribe_take(struct relay *relay, struct bench_connection *from,
                           const struct wire_packet *packet)
{
    struct client *client = client_of(relay, from);
    size_t at = FILTER_OFFSET + (client->version == 5 ? 1 : 0);
    if (packet->length < at + 3 || packet->length < at + 3 + wire_u16(packet->body + at)) {
        return;
    }
    struct slice filter = slice_make(packet->body + at + 2, wire_u16(packet->body + at));
    client->shared = slice_starts_with(filter, SLICE_LITERAL("$share/"));
    client->filter.length = 0;
    buffer_append(&client->filter, client->shared ? filter_unshare(filter) : filter);
    uint8_t suback[] = {WIRE_SUBACK, 3, packet->body[0], packet->body[1], 0, 0};
    uint8_t qos = packet->body[packet->length - 1] & 3;
    suback[1] = client->version == 5 ? 4 : 3;
    suback[suback[1] + 1] = qos;
    bytes_send(relay, from, slice_make(suback, (size_t)suback[1] + 2));
}

/* Exact, or equal up to a final `+`. */
static bool filter_matches(struct slice filter, struct slice topic)
{
    if (filter.length > 0 && filter.data[filter.length - 1] == '+') {
        filter.length--;
        return slice_starts_with(topic, filter);
    }
    return slice_equal(filter, topic);
}

static void client_route(struct relay *relay, struct client *client, struct slice topic)
{
    client->routed = true;
    for (size_t i = 0; i < relay->accepted; i++) {
        struct client *subscriber = &relay->clients[i];
        if (subscriber->filter.length > 0 &&
            filter_matches(buffer_slice(&subscriber->filter), topic)) {
            client->route = memory_resize(client->route, (client->route_length + 1) *
                                                             sizeof(struct bench_connection *));
            client->route[client->route_length++] = &relay->fleet.connections[i];
            client->shared = subscriber->shared;
        }
    }
}

static void message_pass(struct relay *relay, struct client *client, struct slice bytes)
{
    if (client->shared && client->route_length > 0) {
        bytes_send(relay, client->route[client->turn++ % client->route_length], bytes);
        return;
    }
    for (size_t i = 0; i < client->route_length; i++) {
        bytes_send(relay, client->route[i], bytes);
    }
}

/* Passes a message on, or spoils it when its turn has come. */
static void message_pass_faulty(struct relay *relay, struct client *client, struct slice bytes)
{
    bool spoil = ++relay->messages % FAULT_EVERY == 0;
    if (spoil && relay->mode == BENCH_SELF_TEST_DROP) {
        return;
    }
    if (spoil && relay->mode == BENCH_SELF_TEST_SWAP && relay->held.length == 0) {
        buffer_append(&relay->held, bytes);
        return;
    }
    message_pass(relay, client, bytes);
    if (spoil && relay->mode == BENCH_SELF_TEST_DUPLICATE) {
        message_pass(relay, client, bytes);
    }
    if (relay->held.length > 0) {
        message_pass(relay, client, buffer_slice(&relay->held));
        relay->held.length = 0;
    }
}

static void publish_take(struct relay *relay, struct bench_connection *from,
                         const struct wire_packet *packet)
{
    struct client *client = client_of(relay, from);
    size_t topic_end = packet->length < 2 ? 2 : (size_t)2 + wire_u16(packet->body);
    unsigned qos = packet->first >> 1 & 3;
    if (topic_end + 2 > packet->length) {
        return;
    }
    if (!client->routed) {
        client_route(relay, client, slice_make(packet->body + 2, topic_end - 2));
    }
    struct slice bytes = slice_make(packet->body + packet->length - packet->size, packet->size);
    if (relay->mode == BENCH_SELF_TEST_RELAY) {
        message_pass(relay, client, bytes);
    } else {
        message_pass_faulty(relay, client, bytes);
    }
    if (qos > 0) {
        wire_ack_write(&from->out, qos == 1 ? WIRE_PUBACK : WIRE_PUBREC,
                       wire_u16(packet->body + topic_end));
        bench_connection_queue(&relay->fleet, from);
    }
}

/* PUBREC -> PUBREL, PUBREL -> PUBCOMP */
static void ack_take(struct relay *relay, struct bench_connection *from,
                     const struct wire_packet *packet)
{
    if (packet->length >= 2) {
        wire_ack_write(&from->out, packet->first == WIRE_PUBREC ? WIRE_PUBREL : WIRE_PUBCOMP,
                       wire_u16(packet->body));
        bench_connection_queue(&relay->fleet, from);
    }
}

static void pingreq_take(struct relay *relay, struct bench_connection *from,
                         const struct wire_packet *packet)
{
    static const uint8_t pingresp[] = {WIRE_PINGRESP, 0};
    (void)packet;
    bytes_send(relay, from, slice_make(pingresp, sizeof(pingresp)));
}

static void packet_take(struct relay *relay, struct bench_connection *from,
                        const struct wire_packet *packet)
{
    typedef void take_function(struct relay *, struct bench_connection *,
                               const struct wire_packet *);
    static take_function *const table[16] = {
        [WIRE_CONNECT >> 4] = connect_take, [WIRE_SUBSCRIBE >> 4] = subscribe_take,
        [WIRE_PUBLISH >> 4] = publish_take, [WIRE_PUBREC >> 4] = ack_take,
        [WIRE_PUBREL >> 4] = ack_take,      [WIRE_PINGREQ >> 4] = pingreq_take,
    };
    if (table[packet->first >> 4] != NULL) {
        table[packet->first >> 4](relay, from, packet);
    }
}

static void client_close(struct bench_connection *connection)
{
    close(connection->fd);
    connection->phase = BENCH_CLOSED;
    connection->blocked = true; /* nothing is written to it any more */
}

static void client_read(struct relay *relay, struct bench_connection *connection)
{
    struct slice in;
    struct wire_packet packet;
    if (!bench_connection_fill(&relay->fleet, connection, &in)) {
        client_close(connection);
        return;
    }
    while (wire_frame_next(in, &packet) == WIRE_FRAME_WHOLE) {
        packet_take(relay, connection, &packet);
        in = slice_from(in, packet.size);
    }
    bench_connection_keep(connection, in);
}

static void client_accept(struct relay *relay)
{
    int fd = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (relay->accepted == relay->fleet.count) {
        close(fd);
        return;
    }
    struct bench_connection *connection = &relay->fleet.connections[relay->accepted++];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection->fd = fd;
    connection->phase = BENCH_READY;
    epoll_ctl(relay->fleet.epoll, EPOLL_CTL_ADD, fd, &event);
}

static void event_take(struct relay *relay, const struct epoll_event *event)
{
    struct bench_connection *connection = event->data.ptr;
    if (connection == NULL) {
        client_accept(relay);
        return;
    }
    if ((event->events & EPOLLOUT) != 0) {
        bench_connection_unblock(&relay->fleet, connection);
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0) {
        client_read(relay, connection);
    }
}

/* The child's life; the parent ends it. */
static void relay_run(const struct bench_options *options, int listener)
{
    struct relay relay = {.listener = listener, .mode = options->self_test};
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    if (!bench_fleet_open(&relay.fleet, options, CLIENTS_MAX) ||
        epoll_ctl(relay.fleet.epoll, EPOLL_CTL_ADD, listener, &wanted) != 0) {
        _exit(EXIT_FAILURE);
    }
    relay.clients = memory_allocate_zero(CLIENTS_MAX * sizeof(*relay.clients));
    for (;;) {
        struct epoll_event events[EVENTS];
        bool busy = relay.draining != NULL && relay.draining->out.length == 0;
        int count = epoll_wait(relay.fleet.epoll, events, EVENTS, busy ? 0 : -1);
        for (int i = 0; i < count; i++) {
            event_take(&relay, &events[i]);
        }
        if (relay.draining != NULL) {
            backlog_send(&relay);
        }
        bench_fleet_flush(&relay.fleet);
    }
}

/* A listening socket on 127.0.0.1; its port in *port. -1: errno tells. */
static int relay_listen(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 ||
        listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    *port = ntohs(address.sin_port);
    return listener;
}

/* Only where there is a second processor to go to. */
static void processor_take(int number)
{
    cpu_set_t allowed, wanted;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || !CPU_ISSET(0, &allowed) ||
        !CPU_ISSET(1, &allowed)) {
        return;
    }
    CPU_ZERO(&wanted);
    CPU_SET((size_t)number, &wanted);
    sched_setaffinity(0, sizeof(wanted), &wanted);
}

bool bench_relay_start(struct bench_options *options)
{
    int listener = relay_listen(&options->endpoint.port);
    if (listener < 0) {
        return false;
    }
    options->endpoint.host = "127.0.0.1";
    bench_endpoint_name(&options->endpoint);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        processor_take(0);
        relay_run(options, listener);
    }
    close(listener);
    if (child < 0) {
        return false;
    }
    processor_take(1);
    options->broker = (struct bench_processes){.count = 1, .ids = {child}};
    return true;
}

void bench_relay_stop(const struct bench_options *options)
{
    kill(options->broker.ids[0], SIGKILL);
    while (waitpid(options->broker.ids[0], NULL, 0) < 0 && errno == EINTR) {
    }
}
