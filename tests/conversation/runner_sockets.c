/* The targets that are reached over a socket: tcp, tls, unix (our broker) and mosquitto.
 *
 * Blocking sockets with poll() in front: a conversation waits for one thing at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "runner_broker.h"
#include "runner_target.h"

struct target {
    struct target_settings settings;
    struct broker_process broker;
    const char *transport; /* when a line names none */
    SSL_CTX *tls;
};

struct target_link {
    int fd;
    SSL *tls; /* NULL: plain */
};

static struct target *sockets_new(const struct target_settings *settings, const char *transport)
{
    struct target *target = memory_allocate_zero(sizeof(*target));

    target->settings = *settings;
    target->transport = transport;
    target->tls = SSL_CTX_new(TLS_client_method());
    return target;
}

static struct target *tcp_new(const struct target_settings *settings)
{
    return sockets_new(settings, "tcp");
}

static struct target *tls_new(const struct target_settings *settings)
{
    return sockets_new(settings, "tls");
}

static struct target *unix_new(const struct target_settings *settings)
{
    return sockets_new(settings, "unix");
}

static struct target *mosquitto_new(const struct target_settings *settings)
{
    struct target *target = sockets_new(settings, "unix");

    target->broker.is_mosquitto = true;
    target->settings.port = 0;
    return target;
}

static void sockets_free(struct target *target)
{
    SSL_CTX_free(target->tls);
    free(target);
}

static bool has_own_options(const struct script *script)
{
    static const char *const keys[] = {"config", "login", "allow", "deny", "anonymous"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (script_has_directive(script, keys[i])) {
            return true;
        }
    }
    return false;
}

static const char *sockets_unsupported(struct target *target, const struct script *script)
{
    enum { REAL_WAIT_MAX_MS = 3000 };

    if (script->longest_advance > REAL_WAIT_MAX_MS) {
        return "needs the fake clock: it advances by more than 3 s";
    }
    if (script_has_line(script, LINE_STALL)) {
        return "has a client that does not read: the kernel's buffers would take it all";
    }
    if (script_has_line(script, LINE_HOLD) || script_has_line(script, LINE_COMMIT_SOME)) {
        return "holds the store's commits back";
    }
    if (script_has_line(script, LINE_CHANGE)) {
        return "changes the access rules under way";
    }
    if (script_has_line(script, LINE_CRASH)) {
        return "stops the broker between two commits";
    }
    if (target->broker.is_mosquitto && script_has_line(script, LINE_STOP)) {
        return "is about the end of our broker";
    }
    if (target->broker.is_mosquitto && !script_has_directive(script, "mosquitto")) {
        return has_own_options(script) ? "sets options of ours and names none of mosquitto's"
                                       : NULL;
    }
    return NULL;
}

static bool sockets_begin(struct target *target, const struct script *script, struct buffer *report)
{
    return broker_start(&target->broker, &target->settings, script, report);
}

static bool sockets_end(struct target *target, struct buffer *report)
{
    return broker_stop(&target->broker, report);
}

static int connect_tcp(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

static struct target_link *sockets_open(struct target *target, const char *transport)
{
    struct target_link *link = memory_allocate_zero(sizeof(*link));

    transport = transport ? transport : target->transport;
    if (strcmp(transport, "unix") == 0) {
        link->fd = broker_connect_unix(target->broker.unix_path);
    } else {
        bool is_tls = strcmp(transport, "tls") == 0;

        link->fd = connect_tcp(is_tls ? target->broker.tls_port : target->broker.tcp_port);
        if (link->fd >= 0 && is_tls) {
            link->tls = SSL_new(target->tls);
            SSL_set_fd(link->tls, link->fd);
        }
    }
    if (link->fd >= 0 && (!link->tls || SSL_connect(link->tls) == 1)) {
        return link;
    }
    if (link->fd >= 0) {
        close(link->fd);
    }
    SSL_free(link->tls);
    free(link);
    return NULL;
}

/* A failed send is not looked at: the broker has closed, and receive says so. */
static void sockets_send(struct target_link *link, struct slice bytes)
{
    while (bytes.length > 0) {
        ssize_t sent;

        if (link->tls) {
            sent = SSL_write(link->tls, bytes.data, (int)bytes.length);
        } else {
            sent = send(link->fd, bytes.data, bytes.length, MSG_NOSIGNAL);
        }
        if (sent <= 0) {
            return;
        }
        bytes = slice_from(bytes, (size_t)sent);
    }
}

static enum target_receive sockets_receive(struct target_link *link, struct buffer *in,
                                           int timeout_ms)
{
    enum { CHUNK = 65536 };
    struct pollfd poll_fd = {.fd = link->fd, .events = POLLIN};
    bool pending = link->tls && SSL_pending(link->tls) > 0;

    if (!pending && poll(&poll_fd, 1, timeout_ms) <= 0) {
        return TARGET_TIMEOUT;
    }
    uint8_t *room = buffer_reserve(in, CHUNK);
    ssize_t got = link->tls ? SSL_read(link->tls, room, CHUNK) : recv(link->fd, room, CHUNK, 0);

    if (got <= 0) {
        return TARGET_CLOSED;
    }
    in->length += (size_t)got;
    return TARGET_BYTES;
}

/* Breaks the connection, and waits until the broker has noticed, which it shows by closing its
 * side: so what comes next in the script comes next for the broker too. */
static void sockets_close(struct target_link *link)
{
    enum { NOTICE_TIMEOUT_MS = 2000 };
    struct pollfd poll_fd = {.fd = link->fd, .events = POLLIN};
    char rest[4096];

    shutdown(link->fd, SHUT_WR);
    while (poll(&poll_fd, 1, NOTICE_TIMEOUT_MS) > 0 && read(link->fd, rest, sizeof(rest)) > 0) {
    }
    SSL_free(link->tls);
    close(link->fd);
    free(link);
}

static void sockets_advance(struct target *target, msec_t duration)
{
    struct timespec time = {duration / 1000, duration % 1000 * 1000000};

    (void)target;
    nanosleep(&time, NULL);
}

static void sockets_stop(struct target *target)
{
    broker_terminate(&target->broker);
}

#define SOCKETS_OPERATIONS(target_name, foreign, make)                                             \
    {                                                                                              \
        .name = (target_name), .is_foreign = (foreign), .fake_clock = false, .new = (make),        \
        .free = sockets_free, .unsupported = sockets_unsupported, .begin = sockets_begin,          \
        .end = sockets_end, .open = sockets_open, .send = sockets_send,                            \
        .receive = sockets_receive, .close = sockets_close, .advance = sockets_advance,            \
        .stop = sockets_stop,                                                                      \
    }

const struct target_operations target_tcp = SOCKETS_OPERATIONS("tcp", false, tcp_new);
const struct target_operations target_tls = SOCKETS_OPERATIONS("tls", false, tls_new);
const struct target_operations target_unix = SOCKETS_OPERATIONS("unix", false, unix_new);
const struct target_operations target_mosquitto =
    SOCKETS_OPERATIONS("mosquitto", true, mosquitto_new);
