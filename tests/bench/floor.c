/* What the kernel alone costs: a server that walks the length framing and writes the bytes on.
 *
 *     floor PORT     listens on 127.0.0.1; port 0: any; prints it
 *
 * One thread, epoll in level mode, one read for each socket that has something, one write for each
 * receiver and turn, with all that the turn has for it. It speaks as much MQTT (over TCP, and in
 * WebSocket frames) and as much of json.webpubsub.azure.v1 as `pubgrid bench` needs to be content,
 * checks nothing, and looks up a publisher's receivers once. A broker's cost divided by this one's
 * says how much of it is its own.
 *
 * It relies on how the bench behaves: subscribers come first, each has one filter, a publisher has
 * one topic, both sides have the same version and QoS, a frame is a whole packet, and the key of
 * the upgrade is always the same. Cells that are about more than passing on (match, retained,
 * durable) it cannot run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024, EVENTS = 512, BACKLOG = 1024 };

static void *check(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

void floor_append(struct bytes *out, struct part part)
{
    if (out->length + part.length > out->room) {
        out->room = 2 * out->room + part.length;
        out->data = check(realloc(out->data, out->room));
    }
    if (part.length > 0) {
        memcpy(out->data + out->length, part.data, part.length);
        out->length += part.length;
    }
}

/* ---------------------------------------------------------------- writing */

void floor_enqueue(struct server *server, struct client *to)
{
    if (!to->queued && to->fd >= 0) {
        to->queued = true;
        to->next_queued = server->queue;
        server->queue = to;
    }
}

void floor_answer(struct server *server, struct client *to, struct part part)
{
    if (to->mode >= MODE_WEBSOCKET_MQTT) {
        floor_header_append(&to->out, to->mode == MODE_WEBSOCKET_JSON ? FRAME_TEXT : FRAME_BINARY,
                            part.length);
    }
    floor_append(&to->out, part);
    floor_enqueue(server, to);
}

static void watch(struct server *server, struct client *client, bool blocked)
{
    struct epoll_event event = {.events = EPOLLIN | (blocked ? (uint32_t)EPOLLOUT : 0),
                                .data.ptr = client};
    epoll_ctl(server->epoll, EPOLL_CTL_MOD, client->fd, &event);
    client->blocked = blocked;
}

static void flush(struct server *server)
{
    for (struct client *to = server->queue; to != NULL; to = to->next_queued) {
        to->queued = false;
        if (to->fd < 0 || to->blocked || to->out.length == 0) {
            continue;
        }
        ssize_t put = send(to->fd, to->out.data, to->out.length, MSG_NOSIGNAL);
        size_t gone = put > 0 ? (size_t)put : 0;
        to->out.length -= gone;
        if (to->out.length > 0) {
            memmove(to->out.data, to->out.data + gone, to->out.length);
            watch(server, to, true);
        }
    }
    server->queue = NULL;
}

/* ---------------------------------------------------------------- passing on */

static bool filter_matches(const struct client *subscriber, struct part topic)
{
    const struct bytes *filter = &subscriber->filter;
    return filter->length > 0 && topic.length >= filter->length &&
           (subscriber->any || topic.length == filter->length) &&
           memcmp(filter->data, topic.data, filter->length) == 0;
}

static void route_find(struct server *server, struct client *from, struct part topic)
{
    from->routed = true;
    for (struct client *each = server->clients; each != NULL; each = each->next) {
        if (each->fd >= 0 && filter_matches(each, topic)) {
            from->route =
                check(realloc(from->route, (from->route_length + 1) * sizeof(struct client *)));
            from->route[from->route_length++] = each;
            from->shared = each->shared;
        }
    }
}

void floor_pass_on(struct server *server, struct client *from, struct part topic)
{
    struct part frame = {server->frame.data, server->frame.length};
    if (!from->routed) {
        route_find(server, from, topic);
    }
    size_t first = from->shared && from->route_length > 0 ? from->turn++ % from->route_length : 0;
    size_t end = from->shared && from->route_length > 0 ? first + 1 : from->route_length;
    for (size_t i = first; i < end; i++) {
        if (from->route[i]->fd >= 0) {
            floor_append(&from->route[i]->out, frame);
            floor_enqueue(server, from->route[i]);
        }
    }
}

void floor_subscribe(struct client *client, struct part filter)
{
    static const char share[] = "$share/";
    client->shared = filter.length > 7 && memcmp(filter.data, share, 7) == 0;
    if (client->shared) {
        const uint8_t *slash = check(memchr(filter.data + 7, '/', filter.length - 7));
        filter = part_from(filter, (size_t)(slash - filter.data) + 1);
    }
    client->any = filter.length > 0 && filter.data[filter.length - 1] == '+';
    filter.length -= client->any ? 1 : 0;
    client->filter.length = 0;
    floor_append(&client->filter, filter);
}

/* ---------------------------------------------------------------- MQTT */

static size_t number(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

bool floor_packet_next(struct part in, struct packet *out)
{
    size_t length = 0, header = 1;
    do {
        if (header >= in.length || header == 5) {
            return false;
        }
        length |= (size_t)(in.data[header] & 0x7f) << (7 * (header - 1));
    } while ((in.data[header++] & 0x80) != 0);
    out->whole = (struct part){in.data, header + length};
    out->body = (struct part){in.data + header, length};
    return out->whole.length <= in.length;
}

static void take_publish(struct server *server, struct client *from, const struct packet *packet)
{
    size_t topic = number(packet->body.data);
    unsigned qos = packet->whole.data[0] >> 1 & 3;
    server->frame.length = 0;
    if (from->mode == MODE_WEBSOCKET_MQTT) {
        floor_header_append(&server->frame, FRAME_BINARY, packet->whole.length);
    }
    floor_append(&server->frame, packet->whole);
    floor_pass_on(server, from, (struct part){packet->body.data + 2, topic});
    if (qos > 0) {
        const uint8_t *id = packet->body.data + 2 + topic;
        uint8_t ack[] = {qos == 1 ? 0x40 : 0x50, 2, id[0], id[1]};
        floor_answer(server, from, (struct part){ack, sizeof(ack)});
    }
}

void floor_packet_take(struct server *server, struct client *from, const struct packet *packet)
{
    const uint8_t *body = packet->body.data;
    uint8_t out[6] = {0};
    switch (packet->whole.data[0] >> 4) {
    case 1: /* CONNECT */
        from->version = body[6];
        out[0] = 0x20;
        out[1] = from->version == 5 ? 3 : 2;
        break;
    case 3:
        take_publish(server, from, packet);
        return;
    case 5: /* PUBREC -> PUBREL */
    case 6: /* PUBREL -> PUBCOMP */
        memcpy(out, (uint8_t[]){packet->whole.data[0] >> 4 == 5 ? 0x62 : 0x70, 2, body[0], body[1]},
               4);
        break;
    case 8: /* SUBSCRIBE */
        body += from->version == 5 ? 1 : 0;
        floor_subscribe(from, (struct part){body + 4, number(body + 2)});
        memcpy(out,
               (uint8_t[]){0x90, from->version == 5 ? 4 : 3, packet->body.data[0],
                           packet->body.data[1], 0, 0},
               6);
        out[out[1] + 1] = packet->body.data[packet->body.length - 1] & 3;
        break;
    case 12: /* PINGREQ */
        out[0] = 0xd0;
        break;
    default:
        return;
    }
    floor_answer(server, from, (struct part){out, (size_t)out[1] + 2});
}

/* ---------------------------------------------------------------- the loop */

/* As floor_frame_take(), for what a connection begins with and for MQTT over TCP. */
static size_t take_plain(struct server *server, struct client *client, struct part in)
{
    struct packet packet;
    if (client->mode == MODE_NEW && in.data[0] == 'G') {
        const uint8_t *end = memmem(in.data, in.length, "\r\n\r\n", 4);
        if (end == NULL) {
            return 0;
        }
        floor_upgrade(server, client, in);
        return (size_t)(end - in.data) + 4;
    }
    client->mode = MODE_MQTT;
    if (!floor_packet_next(in, &packet)) {
        return 0;
    }
    floor_packet_take(server, client, &packet);
    return packet.whole.length;
}

static void client_read(struct server *server, struct client *client)
{
    size_t length = client->rest.length, used = 0, size;
    if (length + READ_SIZE > server->input_room) {
        server->input_room = 2 * length + READ_SIZE;
        server->input = check(realloc(server->input, server->input_room));
    }
    if (length > 0) {
        memcpy(server->input, client->rest.data, length);
        client->rest.length = 0;
    }
    ssize_t got = recv(client->fd, server->input + length, READ_SIZE, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        close(client->fd);
        client->fd = -1;
        return;
    }
    length += got > 0 ? (size_t)got : 0;
    while (used < length) {
        uint8_t *in = server->input + used;
        size = client->mode >= MODE_WEBSOCKET_MQTT
                   ? floor_frame_take(server, client, in, length - used)
                   : take_plain(server, client, (struct part){in, length - used});
        if (size == 0) {
            floor_append(&client->rest, (struct part){in, length - used});
            return;
        }
        used += size;
    }
}

static void client_accept(struct server *server)
{
    int on = 1;
    int fd = accept4(server->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    struct client *client = check(calloc(1, sizeof(*client)));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client->fd = fd;
    *server->clients_end = client;
    server->clients_end = &client->next;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event);
}

static void take_event(struct server *server, const struct epoll_event *event)
{
    struct client *client = event->data.ptr;
    if (client == NULL) {
        client_accept(server);
        return;
    }
    if ((event->events & EPOLLOUT) != 0) {
        watch(server, client, false);
        floor_enqueue(server, client);
    }
    if ((event->events & ~(uint32_t)EPOLLOUT) != 0) {
        client_read(server, client);
    }
}

/* -1: errno tells. */
static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof(address);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        return -1;
    }
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    struct server server = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    struct epoll_event events[EVENTS] = {{.events = EPOLLIN}};
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    server.clients_end = &server.clients;
    server.listener = listen_on(argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0);
    if (server.listener < 0 ||
        epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &events[0]) != 0) {
        perror("floor");
        return 1;
    }
    for (;;) {
        int count = epoll_wait(server.epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            take_event(&server, &events[i]);
        }
        flush(&server);
    }
}
