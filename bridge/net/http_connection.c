/* Reading, writing and the end; see http_connection.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/handshake.h"
#include "net/listener.h"
#include "net/service_state.h"

enum {
    HTTP_READ_SIZE = 65536,
    READS_A_TURN = 8,     /* of one connection, before the others' turn */
    HEAD_TIME_MS = 10000, /* for a head, and between parts of a body */
    IDLE_TIME_MS = 30000, /* between requests */
    CLOSE_TIME_MS = 5000, /* until the last answer is taken */
    WAITING_MAX = 65536,  /* bytes that come while an answer is waited for */
};

static void on_event(uv_poll_t *poll, int status, int events);

static msec_t now_of(const struct http_connection *connection)
{
    return service_now(connection->service);
}

/* ---------------------------------------------------------------- the end */

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *connection = CONTAINER_OF(handle, struct http_connection, poll);

    connection->service->http.count--;
    free(connection);
}

/* The socket is not touched. */
static void let_go(struct http_connection *connection)
{
    timers_cancel(&connection->service->timers, &connection->timer);
    list_remove(&connection->all);
    list_remove(&connection->ready);
    buffer_release(&connection->in);
    buffer_release(&connection->out);
    connection->phase = HTTP_GONE;
    uv_close((uv_handle_t *)&connection->poll, on_closed);
}

void http_end(struct http_connection *connection)
{
    if (connection->phase == HTTP_GONE) {
        return;
    }
    if (connection->phase == HTTP_WAITING) {
        http_call_abandon(connection);
    }
    let_go(connection);
    close(connection->fd);
}

/* It is not moved at every request, but looked at when it fires. */
static void on_timer(struct timer *timer, void *context)
{
    struct http_connection *connection = CONTAINER_OF(timer, struct http_connection, timer);
    struct service *service = context;

    if (connection->phase != HTTP_WAITING && connection->deadline <= service_now(service)) {
        http_end(connection);
        return;
    }
    if (connection->phase == HTTP_WAITING) {
        connection->deadline = service_now(service) + IDLE_TIME_MS;
    }
    timers_set(&service->timers, timer, connection->deadline);
}

static void set_deadline(struct http_connection *connection, msec_t time)
{
    struct timer *timer = &connection->timer;

    connection->deadline = now_of(connection) + time;
    if (!timer_is_set(timer) || timer->deadline > connection->deadline) {
        timers_set(&connection->service->timers, timer, connection->deadline);
    }
}

/* A head has its time however it drips; a body while it goes on. */
static void renew_deadline(struct http_connection *connection)
{
    bool has_begun = connection->in.length > 0;
    bool is_body = connection->needed > 0 || connection->head_length > 0;

    if (connection->phase == HTTP_READING && (!has_begun || !connection->has_begun || is_body)) {
        set_deadline(connection, has_begun ? HEAD_TIME_MS : IDLE_TIME_MS);
    }
    connection->has_begun = has_begun;
}

/* ---------------------------------------------------------------- writing */

static void poll_for(struct http_connection *connection, int events)
{
    if (connection->events != events) {
        connection->events = events;
        uv_poll_start(&connection->poll, events, on_event);
    }
}

/* What there is to wait for: room while something is unwritten, else the peer. */
static void poll_on(struct http_connection *connection)
{
    if (connection->out.length > 0) {
        poll_for(connection, UV_WRITABLE);
    } else if (connection->phase == HTTP_WAITING && connection->in.length >= WAITING_MAX) {
        poll_for(connection, UV_DISCONNECT);
    } else {
        poll_for(connection, UV_READABLE);
    }
}

static bool is_nothing_yet(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

/* How much the socket has taken; -1: it is broken. */
static ssize_t send_some(struct http_connection *connection, struct slice bytes)
{
    ssize_t sent = send(connection->fd, bytes.data, bytes.length, MSG_NOSIGNAL);

    return is_nothing_yet(sent) ? 0 : sent;
}

bool http_write_bytes(struct http_connection *connection, struct slice bytes)
{
    ssize_t sent = 0;

    if (connection->out.length == 0) {
        sent = send_some(connection, bytes);
    }
    if (sent >= 0 && (size_t)sent < bytes.length) {
        buffer_append(&connection->out, slice_from(bytes, (size_t)sent));
    }
    return sent >= 0;
}

void http_send(struct http_connection *connection, struct http_answer *answer)
{
    struct buffer *out = &connection->service->http.out;

    connection->keeps_alive &= !answer->closes && connection->service->phase == SERVICE_RUNNING;
    answer->closes = !connection->keeps_alive;
    out->length = 0;
    http_format(out, answer, !connection->is_head);
    http_answer_release(answer);
    connection->phase = connection->keeps_alive ? HTTP_READING : HTTP_CLOSING;
    if (!http_write_bytes(connection, buffer_slice(out))) {
        http_end(connection);
    } else if (!connection->is_looked_at && list_is_empty(&connection->ready)) {
        list_add_last(&connection->service->http.ready, &connection->ready);
    }
}

/* ---------------------------------------------------------------- reading */

/* The last answer was taken: our end is closed, and what still comes is thrown away until the peer
 * has closed its own. Closing at once would destroy the answer on its way if something came. */
static void linger(struct http_connection *connection)
{
    if (connection->phase == HTTP_CLOSING && connection->out.length == 0 &&
        !connection->is_lingering) {
        connection->is_lingering = true;
        shutdown(connection->fd, SHUT_WR);
        set_deadline(connection, CLOSE_TIME_MS);
    }
}

static void go_on(struct http_connection *connection)
{
    if (connection->in.length > 0 && !http_look(connection, buffer_slice(&connection->in))) {
        return;
    }
    linger(connection);
    renew_deadline(connection);
    poll_on(connection);
}

/* Reads once. Positive: there may be more at once; 0: not now; negative: the peer is gone. */
static int read_once(struct http_connection *connection)
{
    struct buffer *in = &connection->in;
    bool is_shared = in->length == 0;
    uint8_t *at = is_shared ? connection->service->http.read : buffer_reserve(in, HTTP_READ_SIZE);
    ssize_t length = recv(connection->fd, at, HTTP_READ_SIZE, 0);

    if (length <= 0) {
        return is_nothing_yet(length) ? 0 : -1;
    }
    if (connection->phase == HTTP_CLOSING) {
        return 1;
    }
    in->length += is_shared ? 0 : (size_t)length;
    if (!http_look(connection, is_shared ? slice_make(at, (size_t)length) : buffer_slice(in))) {
        return 0;
    }
    return length == HTTP_READ_SIZE;
}

static void read_on(struct http_connection *connection)
{
    int more = 1;

    for (int i = 0; i < READS_A_TURN && more > 0 && connection->phase != HTTP_GONE &&
                    connection->out.length == 0;
         i++) {
        more = read_once(connection);
    }
    if (more < 0) {
        http_end(connection);
    }
    if (connection->phase != HTTP_GONE) {
        linger(connection);
        renew_deadline(connection);
        poll_on(connection);
    }
}

static void write_on(struct http_connection *connection)
{
    ssize_t sent = send_some(connection, buffer_slice(&connection->out));

    if (sent < 0) {
        http_end(connection);
        return;
    }
    buffer_consume(&connection->out, (size_t)sent);
    set_deadline(connection, IDLE_TIME_MS);
    if (connection->out.length == 0) {
        buffer_release(&connection->out);
        go_on(connection);
    }
}

/* ---------------------------------------------------------------- becoming a WebSocket */

/* From here on it is libwebsockets', which closes it if it cannot take it. */
void http_hand_over(struct http_connection *connection, struct slice read)
{
    struct service *service = connection->service;
    struct buffer in = connection->in; /* which `read` may be of */
    int fd = connection->fd;

    connection->in = (struct buffer){0};
    let_go(connection);
    handshake_adopt(service, fd, slice_make(read.data, service->http.head.length), read);
    buffer_release(&in);
}

/* Is the first request, which stays in the socket, one that libwebsockets takes? */
static bool is_upgrade(struct service *service, int fd)
{
    ssize_t length = recv(fd, service->http.read, HTTP_READ_SIZE, MSG_PEEK);

    return length > 0 &&
           http_head_parse(&service->http.head, slice_make(service->http.read, (size_t)length)) ==
               HTTP_HEAD_COMPLETE &&
           service->http.head.wants_upgrade;
}

/* It is libwebsockets' that reads it. */
static void adopt_unread(struct service *service, int fd)
{
    handshake_adopt(service, fd, slice_make(service->http.read, service->http.head.length),
                    SLICE_EMPTY);
}

static void read_first(struct http_connection *connection)
{
    struct service *service = connection->service;
    int fd = connection->fd;

    if (is_upgrade(service, fd)) {
        let_go(connection);
        adopt_unread(service, fd);
    } else {
        connection->has_read = true;
        read_on(connection);
    }
}

/* ---------------------------------------------------------------- events */

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct http_connection *connection = CONTAINER_OF(poll, struct http_connection, poll);

    if (status < 0 || (events & UV_DISCONNECT)) {
        http_end(connection);
    } else if (events & UV_WRITABLE) {
        write_on(connection);
    } else if (connection->has_read) {
        read_on(connection);
    } else {
        read_first(connection);
    }
}

void http_accept(struct listener *listener, int fd)
{
    struct service *service = listener->service;
    struct http_connection *connection;

    if (is_upgrade(service, fd)) { /* it is often there already */
        adopt_unread(service, fd);
        return;
    }
    connection = memory_allocate_zero(sizeof(*connection));
    connection->service = service;
    connection->listener = listener;
    connection->fd = fd;
    list_init(&connection->ready);
    list_add_last(&service->http.connections, &connection->all);
    service->http.count++;
    timer_init(&connection->timer, on_timer);
    set_deadline(connection, HEAD_TIME_MS);
    uv_poll_init(service->loop, &connection->poll, fd);
    poll_on(connection);
}

void http_end_turn(struct service *service)
{
    struct list ready;

    list_init(&ready);
    list_move_all(&ready, &service->http.ready);
    while (!list_is_empty(&ready)) {
        struct http_connection *connection =
            CONTAINER_OF(ready.next, struct http_connection, ready);
        list_remove(&connection->ready);
        go_on(connection);
    }
}

/* ---------------------------------------------------------------- the server */

void http_server_init(struct service *service)
{
    list_init(&service->http.connections);
    list_init(&service->http.ready);
    service->http.read = memory_allocate(HTTP_READ_SIZE);
}

void http_server_release(struct service *service)
{
    free(service->http.read);
    buffer_release(&service->http.out);
    rest_scratch_release(&service->http.scratch);
}

void http_stop(struct service *service, bool at_once)
{
    LIST_FOREACH_SAFE (link, &service->http.connections) {
        struct http_connection *connection = CONTAINER_OF(link, struct http_connection, all);
        bool is_idle = connection->phase == HTTP_READING && connection->in.length == 0 &&
                       connection->out.length == 0;
        if (at_once || is_idle) {
            http_end(connection);
        }
    }
}
