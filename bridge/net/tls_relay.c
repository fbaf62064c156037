/* See tls_relay.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/tls_relay.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/listener.h"
#include "net/service_state.h"
#include "net/socket_address.h"
#include "tls/context.h"

enum {
    TLS_RECORD_SIZE = 16384,
    HANDSHAKE_TIME_MS = 10000,
    DRAIN_TIME_MS = 30000, /* the service is done: until the peer has taken the rest */
    TABLE_STEP = 256,
};

enum relay_phase { RELAY_HANDSHAKE, RELAY_OPEN, RELAY_GONE };

struct relay_side {
    uv_poll_t poll;
    int fd;
    int events;         /* that are polled for */
    bool has_ended;     /* it sends no more */
    bool is_told;       /* that the other one sends no more */
    struct buffer rest; /* what it has not taken yet */
};

struct tls_relay {
    struct service *service;
    struct listener *listener;
    struct list all; /* in service->tls.relays */
    struct timer timer;
    SSL *ssl;
    struct relay_side peer, inner;
    int service_fd; /* the other end of inner.fd, which is not ours */
    int handles;    /* that are not closed yet */
    enum relay_phase phase;
    bool is_left;            /* the service has closed its end */
    bool reading_waits_room; /* SSL_read has something to write before */
    bool writing_waits_peer; /* and SSL_write something to read */
};

static void on_peer(uv_poll_t *poll, int status, int events);
static void on_inner(uv_poll_t *poll, int status, int events);

/* ---------------------------------------------------------------- who is behind it */

static void remember(struct tls_relay *relay)
{
    struct tls_server *tls = &relay->service->tls;
    size_t at = (size_t)relay->service_fd, count = tls->fd_count;

    if (at >= count) {
        tls->fd_count = at + TABLE_STEP;
        tls->by_fd = memory_resize(tls->by_fd, tls->fd_count * sizeof(struct tls_relay *));
        memset(tls->by_fd + count, 0, (tls->fd_count - count) * sizeof(struct tls_relay *));
    }
    tls->by_fd[at] = relay;
}

/* The descriptor may be another relay's by now. */
static void forget(struct tls_relay *relay)
{
    struct tls_server *tls = &relay->service->tls;

    if (relay->service_fd >= 0 && tls->by_fd[relay->service_fd] == relay) {
        tls->by_fd[relay->service_fd] = NULL;
    }
}

/* A relay may last longer than the service's end of it, whose number may be a TCP socket's now. */
int tls_socket_of(const struct service *service, int fd)
{
    const struct tls_server *tls = &service->tls;
    int domain = 0;
    socklen_t length = sizeof(domain);

    if (fd < 0 || (size_t)fd >= tls->fd_count || !tls->by_fd[fd] ||
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) < 0 || domain != AF_UNIX) {
        return fd;
    }
    return tls->by_fd[fd]->peer.fd;
}

/* ---------------------------------------------------------------- the end */

static void on_closed(uv_handle_t *handle)
{
    struct tls_relay *relay = handle->data;

    if (--relay->handles == 0) {
        relay->service->tls.count--;
        free(relay);
    }
}

static void close_side(struct relay_side *side)
{
    if (side->fd >= 0) {
        uv_close((uv_handle_t *)&side->poll, on_closed);
        close(side->fd);
    }
    buffer_release(&side->rest);
}

static void end(struct tls_relay *relay)
{
    relay->phase = RELAY_GONE;
    timers_cancel(&relay->service->timers, &relay->timer);
    list_remove(&relay->all);
    forget(relay);
    SSL_free(relay->ssl);
    close_side(&relay->peer);
    close_side(&relay->inner);
}

static void on_timer(struct timer *timer, void *context)
{
    (void)context;
    end(CONTAINER_OF(timer, struct tls_relay, timer));
}

static void set_timer(struct tls_relay *relay, msec_t time)
{
    struct service *service = relay->service;

    timers_set(&service->timers, &relay->timer, service_now(service) + time);
}

/* ---------------------------------------------------------------- OpenSSL */

/* Why an operation has done nothing. */
enum stall { STALL_INPUT, STALL_ROOM, STALL_END, STALL_LOST };

static enum stall find_stall(const struct tls_relay *relay, int returned)
{
    switch (SSL_get_error(relay->ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return STALL_INPUT;
    case SSL_ERROR_WANT_WRITE:
        return STALL_ROOM;
    case SSL_ERROR_ZERO_RETURN:
        return STALL_END;
    default:
        return STALL_LOST;
    }
}

/* An administrator wants to know why no browser comes in, but not of who only looks whether the
 * port is open. */
static void log_failure(const struct tls_relay *relay)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    char peer[PEER_ADDRESS_SIZE];

    if (reason) {
        peer_address(relay->peer.fd, peer);
        LOG_LIMITED(LOG_WARNING, "TLS handshake failed", "peer=%s reason=\"%s\"", peer, reason);
    }
}

/* ---------------------------------------------------------------- from the peer to the service */

/* Behind a side that is closed nobody wants anything. */
static void give_inner(struct tls_relay *relay, struct slice bytes)
{
    struct buffer *rest = &relay->inner.rest;
    ssize_t sent = send(relay->inner.fd, bytes.data, bytes.length, MSG_NOSIGNAL);

    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        relay->is_left = true;
        buffer_release(rest);
        return;
    }
    sent = sent < 0 ? 0 : sent;
    if (rest->length == 0) {
        buffer_append(rest, slice_from(bytes, (size_t)sent));
    } else {
        buffer_consume(rest, (size_t)sent);
    }
    if (rest->length == 0) {
        buffer_release(rest);
    }
}

static bool wants_peer(const struct tls_relay *relay)
{
    return !relay->peer.has_ended && !relay->is_left && relay->inner.rest.length == 0;
}

/* Until nothing is there or the service takes no more. False: the connection is lost. */
static bool read_peer(struct tls_relay *relay)
{
    uint8_t *bytes = relay->service->tls.bytes;
    size_t length = TLS_RECORD_SIZE;

    relay->reading_waits_room = false;
    while (wants_peer(relay) && (length == TLS_RECORD_SIZE || SSL_has_pending(relay->ssl))) {
        int returned;
        ERR_clear_error();
        returned = SSL_read_ex(relay->ssl, bytes, TLS_RECORD_SIZE, &length);
        if (returned != 1) {
            enum stall stall = find_stall(relay, returned);
            relay->reading_waits_room = stall == STALL_ROOM;
            relay->peer.has_ended = stall == STALL_END;
            return stall != STALL_LOST;
        }
        give_inner(relay, slice_make(bytes, length));
    }
    return true;
}

static bool on_inner_room(struct tls_relay *relay)
{
    if (relay->inner.rest.length > 0) {
        give_inner(relay, buffer_slice(&relay->inner.rest));
    }
    return read_peer(relay); /* OpenSSL may hold what is not in the socket any more */
}

/* ---------------------------------------------------------------- from the service to the peer */

/* False: the connection is lost. What was not taken is offered again as it is, as it has to be. */
static bool give_peer(struct tls_relay *relay, struct slice bytes)
{
    struct buffer *rest = &relay->peer.rest;
    bool is_rest = rest->length > 0;
    size_t written = 0;
    int returned = 1;

    relay->writing_waits_peer = false;
    while (bytes.length > 0 && returned == 1) {
        ERR_clear_error();
        returned = SSL_write_ex(relay->ssl, bytes.data, bytes.length, &written);
        if (returned == 1) {
            bytes = slice_from(bytes, written);
        }
    }
    if (returned != 1) {
        enum stall stall = find_stall(relay, returned);
        relay->writing_waits_peer = stall == STALL_INPUT;
        if (stall != STALL_INPUT && stall != STALL_ROOM) {
            return false;
        }
    }
    if (is_rest) {
        buffer_consume(rest, rest->length - bytes.length);
    } else {
        buffer_append(rest, bytes);
    }
    if (rest->length == 0) {
        buffer_release(rest);
    }
    return true;
}

/* Closed, and not only for writing? */
static bool is_closed(int fd)
{
    struct pollfd state = {.fd = fd};

    return poll(&state, 1, 0) > 0 && (state.revents & POLLHUP);
}

/* Until nothing is there or the peer takes no more. False: the connection is lost. */
static bool read_service(struct tls_relay *relay)
{
    uint8_t *bytes = relay->service->tls.bytes;
    ssize_t length = TLS_RECORD_SIZE;

    while (!relay->inner.has_ended && relay->peer.rest.length == 0 && length == TLS_RECORD_SIZE) {
        length = recv(relay->inner.fd, bytes, TLS_RECORD_SIZE, 0);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (length > 0 && !give_peer(relay, slice_make(bytes, (size_t)length))) {
            return false;
        }
        if (length <= 0) {
            relay->inner.has_ended = true;
            relay->is_left |= is_closed(relay->inner.fd);
            set_timer(relay, DRAIN_TIME_MS);
        }
    }
    return true;
}

static bool on_peer_room(struct tls_relay *relay)
{
    if (relay->peer.rest.length > 0 && !give_peer(relay, buffer_slice(&relay->peer.rest))) {
        return false;
    }
    return read_service(relay);
}

/* ---------------------------------------------------------------- what is next */

/* To be told of nothing but that it is closed, which always is told: this never happens. */
enum { ONLY_THE_END = UV_PRIORITIZED };

static int peer_events(const struct tls_relay *relay)
{
    bool waits = relay->peer.rest.length > 0;
    int events = 0;

    if (wants_peer(relay) || (waits && relay->writing_waits_peer)) {
        events |= UV_READABLE;
    }
    if (relay->reading_waits_room || (waits && !relay->writing_waits_peer)) {
        events |= UV_WRITABLE;
    }
    return events;
}

static int inner_events(const struct tls_relay *relay)
{
    int events = 0;

    if (!relay->inner.has_ended && relay->peer.rest.length == 0) {
        events |= UV_READABLE;
    }
    if (relay->inner.rest.length > 0) {
        events |= UV_WRITABLE;
    }
    return events || relay->is_left ? events : ONLY_THE_END;
}

static void poll_for(struct relay_side *side, int events, uv_poll_cb event)
{
    if (side->events != events) {
        side->events = events;
        if (events) {
            uv_poll_start(&side->poll, events, event);
        } else {
            uv_poll_stop(&side->poll);
        }
    }
}

/* Each side learns, behind what waits for it, that the other one has ended. */
static void tell_ends(struct tls_relay *relay)
{
    if (relay->inner.has_ended && relay->peer.rest.length == 0 && !relay->peer.is_told) {
        relay->peer.is_told = true;
        ERR_clear_error();
        SSL_shutdown(relay->ssl); /* if it does not fit, the end of file says it as well */
        shutdown(relay->peer.fd, SHUT_WR);
    }
    if (relay->peer.has_ended && relay->inner.rest.length == 0 && !relay->inner.is_told) {
        relay->inner.is_told = true;
        shutdown(relay->inner.fd, SHUT_WR);
    }
}

static void settle(struct tls_relay *relay, bool is_good)
{
    if (is_good) {
        tell_ends(relay);
    }
    if (!is_good || (relay->peer.is_told && (relay->inner.is_told || relay->is_left))) {
        end(relay);
        return;
    }
    poll_for(&relay->peer, peer_events(relay), on_peer);
    poll_for(&relay->inner, inner_events(relay), on_inner);
}

/* ---------------------------------------------------------------- the handshake */

/* What has come behind it is there before the service looks. False: the connection is lost. */
static bool begin(struct tls_relay *relay)
{
    struct service *service = relay->service;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0) {
        LOG_LIMITED(LOG_WARNING, "cannot accept", "error=\"%s\"", strerrordesc_np(errno));
        return false;
    }
    timers_cancel(&service->timers, &relay->timer);
    relay->phase = RELAY_OPEN;
    relay->inner.fd = pair[0];
    relay->service_fd = pair[1];
    relay->inner.poll.data = relay;
    uv_poll_init(service->loop, &relay->inner.poll, pair[0]);
    relay->handles++;
    remember(relay);
    if (!read_peer(relay)) {
        close(pair[1]);
        return false;
    }
    http_accept(relay->listener, pair[1]);
    return true;
}

static void shake_hands(struct tls_relay *relay)
{
    enum stall stall;
    int returned;

    ERR_clear_error();
    returned = SSL_do_handshake(relay->ssl);
    if (returned == 1) {
        settle(relay, begin(relay));
        return;
    }
    stall = find_stall(relay, returned);
    if (stall == STALL_INPUT || stall == STALL_ROOM) {
        poll_for(&relay->peer, stall == STALL_INPUT ? UV_READABLE : UV_WRITABLE, on_peer);
    } else {
        log_failure(relay);
        end(relay);
    }
}

/* ---------------------------------------------------------------- events */

static bool pass_on(struct tls_relay *relay, bool from_peer, bool to_peer)
{
    return (!from_peer || on_inner_room(relay)) && (!to_peer || on_peer_room(relay));
}

static void on_peer(uv_poll_t *poll, int status, int events)
{
    struct tls_relay *relay = CONTAINER_OF(poll, struct tls_relay, peer.poll);
    bool is_input = events & UV_READABLE, is_room = events & UV_WRITABLE;

    if (status >= 0 && relay->phase == RELAY_HANDSHAKE) {
        shake_hands(relay);
        return;
    }
    settle(relay, status >= 0 && pass_on(relay, is_input || (is_room && relay->reading_waits_room),
                                         is_room || (is_input && relay->writing_waits_peer)));
}

static void on_inner(uv_poll_t *poll, int status, int events)
{
    struct tls_relay *relay = CONTAINER_OF(poll, struct tls_relay, inner.poll);

    if (status < 0 || (events & ONLY_THE_END)) {
        relay->is_left = true;
        relay->inner.events = status < 0 ? 0 : relay->inner.events; /* an error stops it */
        events |= UV_READABLE;                                      /* what was left there */
    }
    settle(relay, pass_on(relay, events & UV_WRITABLE, events & UV_READABLE));
}

void tls_accept(struct listener *listener, int fd)
{
    struct service *service = listener->service;
    SSL *ssl = tls_context_begin(listener->tls);
    struct tls_relay *relay;

    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        close(fd);
        return;
    }
    SSL_set_accept_state(ssl);
    relay = memory_allocate_zero(sizeof(*relay));
    relay->service = service;
    relay->listener = listener;
    relay->ssl = ssl;
    relay->peer.fd = fd;
    relay->inner.fd = relay->service_fd = -1;
    list_add_last(&service->tls.relays, &relay->all);
    service->tls.count++;
    timer_init(&relay->timer, on_timer);
    set_timer(relay, HANDSHAKE_TIME_MS);
    relay->peer.poll.data = relay;
    uv_poll_init(service->loop, &relay->peer.poll, fd);
    relay->handles = 1;
    poll_for(&relay->peer, UV_READABLE, on_peer);
}

/* ---------------------------------------------------------------- the server */

void tls_server_init(struct service *service)
{
    list_init(&service->tls.relays);
    service->tls.bytes = memory_allocate(TLS_RECORD_SIZE);
}

void tls_server_release(struct service *service)
{
    free(service->tls.bytes);
    free(service->tls.by_fd);
}

void tls_stop(struct service *service, bool at_once)
{
    LIST_FOREACH_SAFE (link, &service->tls.relays) {
        struct tls_relay *relay = CONTAINER_OF(link, struct tls_relay, all);
        if (at_once || relay->phase == RELAY_HANDSHAKE) {
            end(relay);
        }
    }
}
