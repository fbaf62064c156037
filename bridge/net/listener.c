/* See listener.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/http_connection.h"
#include "net/service_state.h"
#include "net/socket_address.h"
#include "net/tls_relay.h"
#include "tls/context.h"

enum {
    BACKLOG = 4096,
    ACCEPTS_A_TURN = 64,
    RESUME_MS = 100, /* file descriptors ran out: until the next try */
};

/* ---------------------------------------------------------------- certificates */

static struct tls_files files_of(const struct service_listener *options)
{
    return (struct tls_files){
        .certificate = options->certificate_file, .key = options->key_file, .protocol = "http/1.1"};
}

static bool load_certificate(struct listener *listener, const struct service_listener *options)
{
    struct tls_files files = files_of(options);
    struct buffer error = {0};

    if (options->certificate_file) {
        listener->tls = tls_context_new(&files, &error);
    }
    if (error.length > 0) {
        log_write(LOG_ERROR, "cannot use the certificate", "file=%s reason=\"%.*s\"",
                  options->certificate_file, SLICE_PRINT(error));
    }
    buffer_release(&error);
    return listener->tls || !options->certificate_file;
}

void listener_reload(struct listener *listener, const struct service_listener *options)
{
    struct tls_files files = files_of(options);
    struct buffer error = {0};

    if (!tls_context_load(listener->tls, &files, &error)) {
        log_write(LOG_ERROR, "certificate kept", "file=%s key=%s reason=\"%.*s\"",
                  options->certificate_file, options->key_file, SLICE_PRINT(error));
    }
    buffer_release(&error);
}

/* ---------------------------------------------------------------- opening */

static bool set_option(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

static int open_socket(const struct addrinfo *address, bool shares_port)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -1;
    }
    if (!set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) ||
        (shares_port && !set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
        (address->ai_family == AF_INET6 && !set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

bool listener_open(struct listener *listener, struct service *service,
                   const struct service_listener *options)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char port[sizeof("65535")];

    listener->service = service;
    listener->fd = -1;
    if (!load_certificate(listener, options)) {
        return false;
    }
    snprintf(port, sizeof(port), "%u", options->port);
    if (getaddrinfo(options->address, port, &hints, &found) != 0) {
        log_write(LOG_ERROR, "cannot listen", "address=%s error=\"not a numeric address\"",
                  log_quote(slice_from_string(options->address)));
        return false;
    }
    listener->fd = open_socket(found, service->options.shares_ports);
    if (listener->fd < 0) {
        log_write(LOG_ERROR, "cannot listen", "address=%s port=%u error=\"%s\"", options->address,
                  options->port, strerrordesc_np(errno));
    } else {
        listener->port = socket_port(listener->fd);
    }
    freeaddrinfo(found);
    return listener->fd >= 0;
}

/* ---------------------------------------------------------------- accepting */

static void on_readable(uv_poll_t *poll, int status, int events);

static void resume(struct timer *timer, void *context)
{
    struct listener *listener = CONTAINER_OF(timer, struct listener, resume);

    (void)context;
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
}

/* The connection stays in the backlog: asking again at once would spin. */
static void wait_for_descriptors(struct listener *listener, int error)
{
    struct timers *timers = &listener->service->timers;

    LOG_LIMITED(LOG_WARNING, "cannot accept", "error=\"%s\"", strerrordesc_np(error));
    uv_poll_stop(&listener->poll);
    timers_set(timers, &listener->resume, timers->now + RESUME_MS);
}

static bool is_of_the_connection(int error)
{
    return error == ECONNABORTED || error == EINTR || error == EPROTO || error == EPERM;
}

static void take(struct listener *listener, int fd)
{
    if (listener->tls) {
        tls_accept(listener, fd);
    } else {
        http_accept(listener, fd);
    }
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = CONTAINER_OF(poll, struct listener, poll);

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); /* we gather by ourselves */
            take(listener, fd);
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
        if (!is_of_the_connection(errno)) {
            wait_for_descriptors(listener, errno);
            return;
        }
    }
}

void listener_begin(struct listener *listener)
{
    timer_init(&listener->resume, resume);
    uv_poll_init(listener->service->loop, &listener->poll, listener->fd);
    uv_poll_start(&listener->poll, UV_READABLE, on_readable);
    listener->is_polled = true;
}

void listener_close(struct listener *listener, uv_close_cb closed)
{
    if (listener->is_polled) {
        timers_cancel(&listener->service->timers, &listener->resume);
        uv_close((uv_handle_t *)&listener->poll, closed);
    }
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}

void listener_release(struct listener *listener)
{
    tls_context_free(listener->tls);
}
