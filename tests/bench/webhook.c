/* An event handler that costs next to nothing: it answers each event with the event's own body.
 *
 *     webhook PORT     listens on 127.0.0.1
 *
 * One thread, epoll, HTTP/1.1 with connections that are kept; requests say how long they are
 * (Content-Length). OPTIONS is answered as a webhook that allows every origin does
 * (spec/webpubsub.md 7.3), GET with how many POSTs there were. It checks nothing. `./dev bench
 * server` measures Pubgrid's side of a round trip with it, `./dev bench events` its deliveries.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN_SIZE = 256 * 1024, OUT_SIZE = 512 * 1024, EVENTS = 256, BACKLOG = 1024 };

struct client {
    int fd;
    size_t length; /* bytes of `in` */
    char in[IN_SIZE];
};

static char out[OUT_SIZE];
static size_t out_length;
static unsigned long posts;

static void answer(const char *method, const char *body, size_t length)
{
    static const char allowed[] =
        "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: *\r\nContent-Length: 0\r\n\r\n";
    char *at = out + out_length, count[24];

    if (strncmp(method, "OPTIONS", 7) == 0) {
        memcpy(at, allowed, sizeof(allowed) - 1);
        out_length += sizeof(allowed) - 1;
        return;
    }
    if (strncmp(method, "GET", 3) == 0) {
        body = count;
        length = (size_t)snprintf(count, sizeof(count), "%lu", posts);
    } else {
        posts++;
    }
    at += sprintf(at, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
                  length);
    memcpy(at, body, length);
    out_length = (size_t)(at - out) + length;
}

static size_t content_length(const char *head, const char *end)
{
    static const char name[] = "\ncontent-length:";

    for (const char *at = head; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++) {
        if (strncasecmp(at, name, sizeof(name) - 1) == 0) {
            return (size_t)strtoul(at + sizeof(name) - 1, NULL, 10);
        }
    }
    return 0;
}

/* Answers the whole requests among the first `length` bytes; returns how many they take. */
static size_t answer_all(const char *in, size_t length)
{
    size_t used = 0;
    const char *end;

    while (out_length < OUT_SIZE - IN_SIZE &&
           (end = memmem(in + used, length - used, "\r\n\r\n", 4)) != NULL) {
        size_t head = (size_t)(end - in) + 4 - used;
        size_t body = content_length(in + used, end);
        if (used + head + body > length) {
            break;
        }
        answer(in + used, in + used + head, body);
        used += head + body;
    }
    return used;
}

/* False: it is over. */
static bool serve(struct client *client)
{
    ssize_t got = recv(client->fd, client->in + client->length, IN_SIZE - client->length, 0);
    size_t used;

    if (got <= 0) {
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    client->length += (size_t)got;
    out_length = 0;
    used = answer_all(client->in, client->length);
    client->length -= used;
    memmove(client->in, client->in + used, client->length);
    for (size_t sent = 0; sent < out_length;) {
        ssize_t put = send(client->fd, out + sent, out_length - sent, MSG_NOSIGNAL);
        if (put <= 0) {
            return false;
        }
        sent += (size_t)put;
    }
    return true;
}

static void welcome(int epoll, int listener)
{
    int on = 1, fd = accept(listener, NULL, NULL);
    struct client *client = fd < 0 ? NULL : calloc(1, sizeof(*client));

    if (client == NULL) {
        return;
    }
    client->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd,
              &(struct epoll_event){.events = EPOLLIN, .data.ptr = client});
}

static int listen_at(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, BACKLOG) != 0) {
        perror("webhook");
        exit(EXIT_FAILURE);
    }
    return fd;
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    int listener = listen_at(argc > 1 ? atoi(argv[1]) : 0), epoll = epoll_create1(0);

    epoll_ctl(epoll, EPOLL_CTL_ADD, listener,
              &(struct epoll_event){.events = EPOLLIN, .data.ptr = NULL});
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (client == NULL) {
                welcome(epoll, listener);
            } else if (!serve(client)) {
                close(client->fd);
                free(client);
            }
        }
    }
}
