/* The relay's thread: accept one connection, dial, copy both ways until one side ends, repeat.
 *
 * Both directions have a buffer of their own and sockets that never block, so a full buffer in one
 * direction does not stop the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "own_sockets.h"

enum { DIRECTION_BYTES = 65536 };

struct relay {
    const struct dial_target *target;
    bool as_http_proxy;
    int listener;
    int upstream; /* dialled and waiting for a connection, or -1 */
    uint16_t port;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    bool busy; /* copying; under the lock */
};

struct direction {
    int from, to;
    size_t start, end; /* the bytes in `data` that wait for `to` */
    uint8_t data[DIRECTION_BYTES];
};

static bool fill(struct direction *d)
{
    ssize_t count = recv(d->from, d->data, sizeof(d->data), 0);

    if (count <= 0) {
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    }
    d->start = 0;
    d->end = (size_t)count;
    return true;
}

static bool drain(struct direction *d)
{
    ssize_t count = send(d->to, d->data + d->start, d->end - d->start, MSG_NOSIGNAL);

    if (count < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    d->start += (size_t)count;
    return true;
}

static bool step(struct direction *d, const struct pollfd *from)
{
    if (d->start == d->end && from->revents != 0 && !fill(d)) {
        return false;
    }
    return d->start == d->end || drain(d);
}

/* What one direction wants of its two sockets: room at the end or bytes at the beginning. */
static void ask(const struct direction *d, struct pollfd *from, struct pollfd *to)
{
    if (d->start == d->end) {
        from->events |= POLLIN;
    } else {
        to->events |= POLLOUT;
    }
}

static void copy_both_ways(int client, int server)
{
    struct direction *up = memory_allocate_zero(sizeof(*up));
    struct direction *down = memory_allocate_zero(sizeof(*down));
    bool open = true;

    up->from = down->to = client;
    up->to = down->from = server;
    while (open) {
        struct pollfd polls[2] = {{.fd = client}, {.fd = server}};

        ask(up, &polls[0], &polls[1]);
        ask(down, &polls[1], &polls[0]);
        if (poll(polls, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        open = step(up, &polls[0]) && step(down, &polls[1]);
    }
    free(up);
    free(down);
}

/* Answers before the question is read: Paho looks for the answer once and else sleeps 250 ms. */
static bool answer_connect(int client)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n";
    static const char end[] = "\r\n\r\n";
    size_t matched = 0;

    if (dial_write_all(client, answer, sizeof(answer) - 1) != 0) {
        return false;
    }
    while (matched < sizeof(end) - 1) {
        char byte;

        if (dial_read_all(client, &byte, 1) != 0) {
            return false;
        }
        matched = byte == end[matched] ? matched + 1 : byte == '\r';
    }
    return true;
}

static void set_nonblocking(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void set_busy(struct relay *relay, bool busy)
{
    pthread_mutex_lock(&relay->lock);
    relay->busy = busy;
    pthread_cond_broadcast(&relay->idle);
    pthread_mutex_unlock(&relay->lock);
}

static void serve(struct relay *relay, int client)
{
    int on = 1;
    int server = relay->upstream;

    relay->upstream = -1;
    if (!own_sockets_have_peer_of(client) || (relay->as_http_proxy && !answer_connect(client)) ||
        (server < 0 && dial(relay->target, &server) != DIAL_CONNECTED)) {
        relay->upstream = server;
        return;
    }
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails harmlessly on Unix */
    set_nonblocking(client);
    set_nonblocking(server);
    set_busy(relay, true);
    copy_both_ways(client, server);
    close(server);
    set_busy(relay, false);
}

static void *run(void *argument)
{
    struct relay *relay = argument;

    for (;;) {
        int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);

        if (client >= 0) {
            serve(relay, client);
            close(client);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return NULL;
        }
    }
}

static bool listen_on_loopback(struct relay *relay)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (relay->listener < 0 ||
        bind(relay->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(relay->listener, 4) != 0 ||
        getsockname(relay->listener, (struct sockaddr *)&address, &length) != 0) {
        return false;
    }
    relay->port = ntohs(address.sin_port);
    return true;
}

struct relay *relay_start(const struct dial_target *target, bool as_http_proxy,
                          enum dial_result *result)
{
    struct relay *relay = memory_allocate_zero(sizeof(*relay));
    pthread_t thread;

    relay->target = target;
    relay->as_http_proxy = as_http_proxy;
    relay->upstream = -1;
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->idle, NULL);
    *result = dial(target, &relay->upstream);
    if (*result == DIAL_CONNECTED) {
        if (listen_on_loopback(relay) && pthread_create(&thread, NULL, run, relay) == 0) {
            pthread_detach(thread);
            return relay;
        }
        *result = DIAL_ERRNO;
    }
    free(relay);
    return NULL;
}

uint16_t relay_port(const struct relay *relay)
{
    return relay->port;
}

void relay_wait_idle(struct relay *relay, int timeout_s)
{
    struct timespec deadline;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += timeout_s;
    pthread_mutex_lock(&relay->lock);
    while (relay->busy && result == 0) {
        result = pthread_cond_timedwait(&relay->idle, &relay->lock, &deadline);
    }
    pthread_mutex_unlock(&relay->lock);
}
