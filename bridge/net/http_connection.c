/* Reading, writing and the end; see http_connection.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include <stdlib.h>

#include "base/memory.h"
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

/* What looking at bytes has come to. */
enum look {
    LOOK_ANSWERED, /* a request was answered or is being carried out */
    LOOK_MORE,     /* it is not all there */
    LOOK_CHUNKS,   /* its head is, and its body comes in chunks */
    LOOK_GONE,     /* the connection is not ours any more */
};

static void on_event(uv_poll_t *poll, int status, int events);
static enum look hand_over(struct http_connection *connection, struct slice bytes);

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

static void end(struct http_connection *connection)
{
    if (connection->phase == HTTP_GONE) {
        return;
    }
    if (connection->phase == HTTP_WAITING) {
        http_call_abandon(connection);
    }
    let_go(connection);
    http_stream_close(&connection->stream);
}

bool http_lost(struct lws *lws)
{
    struct http_connection *connection = http_stream_owner(lws);

    if (!connection) {
        return false;
    }
    if (connection->phase == HTTP_WAITING) {
        http_call_abandon(connection);
    }
    let_go(connection);
    http_stream_lost(&connection->stream);
    return true;
}

/* It is not moved at every request, but looked at when it fires. */
static void on_timer(struct timer *timer, void *context)
{
    struct http_connection *connection = CONTAINER_OF(timer, struct http_connection, timer);
    struct service *service = context;

    if (connection->phase != HTTP_WAITING && connection->deadline <= service_now(service)) {
        end(connection);
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
    if (connection->out.length > 0 || http_stream_wants_room(&connection->stream)) {
        poll_for(connection, UV_WRITABLE);
    } else if (connection->phase == HTTP_WAITING && connection->in.length >= WAITING_MAX) {
        poll_for(connection, UV_DISCONNECT);
    } else {
        poll_for(connection, UV_READABLE);
    }
}

static bool write_bytes(struct http_connection *connection, struct slice bytes)
{
    ssize_t sent = 0;

    if (connection->out.length == 0) {
        sent = http_stream_write(&connection->stream, bytes);
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
    if (!write_bytes(connection, buffer_slice(out))) {
        end(connection);
    } else if (!connection->is_looked_at && list_is_empty(&connection->ready)) {
        list_add_last(&connection->service->http.ready, &connection->ready);
    }
}

static void refuse(struct http_connection *connection, int status, const char *message)
{
    struct http_answer answer = {.closes = true};

    http_refuse(&answer, status, message);
    http_send(connection, &answer);
}

/* ---------------------------------------------------------------- requests */

static enum look refuse_head(struct http_connection *connection, int status)
{
    static const struct {
        int status;
        const char *message;
    } messages[] = {
        {400, "this is not a request of HTTP/1.1"},
        {431, "the head of the request is too long"},
        {501, "a transfer coding other than chunked is not possible"},
        {505, "only HTTP/1.1 and HTTP/1.0 are possible"},
    };

    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].status == status) {
            refuse(connection, status, messages[i].message);
        }
    }
    return connection->phase == HTTP_GONE ? LOOK_GONE : LOOK_ANSWERED;
}

static enum look refuse_body(struct http_connection *connection, const struct http_head *head,
                             int status)
{
    connection->is_head = slice_equal(head->method, SLICE_LITERAL("HEAD"));
    refuse(connection, status,
           status == 413 ? "the body is too long" : "the chunks of the body cannot be read");
    return connection->phase == HTTP_GONE ? LOOK_GONE : LOOK_ANSWERED;
}

static enum look carry_out(struct http_connection *connection, const struct http_head *head,
                           struct slice body)
{
    connection->keeps_alive = head->keeps_alive;
    connection->is_head = slice_equal(head->method, SLICE_LITERAL("HEAD"));
    connection->said_continue = false;
    connection->needed = 0;
    http_call(connection, head, body);
    return connection->phase == HTTP_GONE ? LOOK_GONE : LOOK_ANSWERED;
}

/* False: the connection is gone. */
static bool begin_body(struct http_connection *connection, const struct http_head *head)
{
    if (head->expects_continue && !connection->said_continue) {
        connection->said_continue = true;
        if (!write_bytes(connection, SLICE_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"))) {
            end(connection);
            return false;
        }
    }
    return true;
}

/* Looks at the bytes; *taken: how many of them it needs no more. */
static enum look look_at(struct http_connection *connection, struct slice bytes, size_t *taken)
{
    struct http_head *head = &connection->service->http.head;
    int status = http_head_parse(head, bytes);

    *taken = 0;
    if (status == HTTP_HEAD_INCOMPLETE) {
        return bytes.length > HTTP_HEAD_MAX ? refuse_head(connection, 431) : LOOK_MORE;
    }
    if (status != HTTP_HEAD_COMPLETE) {
        return refuse_head(connection, status);
    }
    if (head->wants_upgrade && !connection->stream.ssl) {
        return hand_over(connection, bytes);
    }
    if (head->is_chunked) {
        connection->chunks = (struct http_chunks){0};
        connection->head_length = head->length;
        connection->body_length = 0;
        return begin_body(connection, head) ? LOOK_CHUNKS : LOOK_GONE;
    }
    if (head->body_length > connection->service->options.maximum_message_size) {
        return refuse_body(connection, head, 413);
    }
    *taken = head->length + (size_t)head->body_length;
    if (bytes.length < *taken) {
        connection->needed = *taken;
        *taken = 0;
        return begin_body(connection, head) ? LOOK_MORE : LOOK_GONE;
    }
    return carry_out(connection, head, slice_make(bytes.data + head->length, head->body_length));
}

/* What is behind the body so far, in `in`, are chunks that were not looked at yet. */
static enum look read_chunks(struct http_connection *connection, size_t *taken)
{
    struct buffer *in = &connection->in;
    struct http_chunks *chunks = &connection->chunks;
    struct http_head *head = &connection->service->http.head;
    size_t begin = connection->head_length + connection->body_length, read = 0;
    size_t data = http_chunks_read(chunks, in->data + begin, in->length - begin, &read);

    connection->body_length += data;
    memmove(in->data + begin + data, in->data + begin + read, in->length - begin - read);
    in->length -= read - data;
    *taken = 0;
    if (chunks->state != CHUNKS_DONE && chunks->state != CHUNKS_BAD &&
        connection->body_length <= connection->service->options.maximum_message_size) {
        return LOOK_MORE;
    }
    *taken = connection->head_length + connection->body_length;
    http_head_parse(head, slice_make(in->data, connection->head_length)); /* it may have moved */
    connection->head_length = 0;
    if (chunks->state != CHUNKS_DONE) {
        return refuse_body(connection, head, chunks->state == CHUNKS_BAD ? 400 : 413);
    }
    return carry_out(connection, head,
                     slice_make(in->data + head->length, connection->body_length));
}

/* ---------------------------------------------------------------- reading */

static bool may_look(const struct http_connection *connection, size_t length)
{
    return connection->phase == HTTP_READING && connection->out.length == 0 && length > 0 &&
           length >= connection->needed;
}

static enum look look_once(struct http_connection *connection, struct slice bytes, size_t *taken)
{
    return connection->head_length > 0 ? read_chunks(connection, taken)
                                       : look_at(connection, bytes, taken);
}

/* Takes requests out of the bytes, which are in the shared read buffer or all of `in`, as long as
 * each is answered at once. The rest stays in `in`. False: the connection is gone. */
static bool look(struct http_connection *connection, struct slice bytes)
{
    struct buffer *in = &connection->in;
    bool is_own = in->length > 0;
    enum look found = LOOK_ANSWERED;

    connection->is_looked_at = true;
    while (found != LOOK_MORE && may_look(connection, bytes.length)) {
        size_t taken;
        found = look_once(connection, bytes, &taken);
        if (found == LOOK_GONE) {
            return false;
        }
        if (found == LOOK_CHUNKS && !is_own) {
            buffer_append(in, bytes);
            is_own = true;
        }
        if (is_own) {
            buffer_consume(in, taken);
        }
        bytes = is_own ? buffer_slice(in) : slice_from(bytes, taken);
    }
    connection->is_looked_at = false;
    if (!is_own && connection->phase != HTTP_CLOSING) {
        buffer_append(in, bytes);
    }
    if (in->length == 0 || connection->phase == HTTP_CLOSING) {
        buffer_release(in);
    }
    return true;
}

/* The last answer was taken: our end is closed, and what still comes is thrown away until the peer
 * has closed its own. Closing at once would destroy the answer on its way if something came. */
static void linger(struct http_connection *connection)
{
    if (connection->phase == HTTP_CLOSING && connection->out.length == 0 &&
        !connection->is_lingering) {
        connection->is_lingering = true;
        http_stream_finish(&connection->stream);
        set_deadline(connection, CLOSE_TIME_MS);
    }
}

static void go_on(struct http_connection *connection)
{
    if (connection->in.length > 0 && !look(connection, buffer_slice(&connection->in))) {
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
    ssize_t length = http_stream_read(&connection->stream, at, HTTP_READ_SIZE);

    if (length <= 0) {
        return (int)length;
    }
    if (connection->phase == HTTP_CLOSING) {
        return 1;
    }
    in->length += is_shared ? 0 : (size_t)length;
    if (!look(connection, is_shared ? slice_make(at, (size_t)length) : buffer_slice(in))) {
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
        end(connection);
    }
    if (connection->phase != HTTP_GONE) {
        linger(connection);
        renew_deadline(connection);
        poll_on(connection);
    }
}

static void write_on(struct http_connection *connection)
{
    ssize_t sent = http_stream_write(&connection->stream, buffer_slice(&connection->out));

    if (sent < 0) {
        end(connection);
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
static enum look hand_over(struct http_connection *connection, struct slice read)
{
    struct buffer in = connection->in; /* which `read` may be of */
    struct http_stream stream = connection->stream;
    struct listener *listener = connection->listener;

    connection->in = (struct buffer){0};
    let_go(connection);
    http_stream_hand_over(&stream, listener, read);
    buffer_release(&in);
    return LOOK_GONE;
}

/* Is the next request, which stays in the stream, one that libwebsockets takes? */
static bool is_for_another(struct service *service, const struct http_stream *stream,
                           struct slice bytes)
{
    struct http_head *head = &service->http.head;
    const uint8_t *target;

    if (!stream->ssl) {
        return http_head_parse(head, bytes) == HTTP_HEAD_COMPLETE && head->wants_upgrade;
    }
    target = memchr(bytes.data, ' ', bytes.length);
    return !target || !rest_is_path(slice_from(bytes, (size_t)(target - bytes.data) + 1));
}

/* Without TLS it is only looked for before anything is read: what was read can be handed over, too.
 */
static void read_first(struct http_connection *connection)
{
    struct service *service = connection->service;
    ssize_t length = http_stream_peek(&connection->stream, service->http.read, HTTP_READ_SIZE);

    if (length < 0) {
        end(connection);
    } else if (length > 0 && is_for_another(service, &connection->stream,
                                            slice_make(service->http.read, (size_t)length))) {
        hand_over(connection, SLICE_EMPTY);
    } else if (length > 0 || !connection->stream.ssl) {
        connection->has_read = !connection->stream.ssl;
        read_on(connection);
    } else {
        poll_on(connection);
    }
}

/* ---------------------------------------------------------------- events */

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct http_connection *connection = CONTAINER_OF(poll, struct http_connection, poll);

    if (status < 0 || (events & UV_DISCONNECT)) {
        end(connection);
    } else if (connection->out.length > 0) {
        write_on(connection);
    } else if (connection->has_read || connection->in.length > 0 ||
               connection->phase != HTTP_READING) {
        read_on(connection);
    } else {
        read_first(connection);
    }
}

void http_accept(struct listener *listener, int fd)
{
    struct service *service = listener->service;
    struct http_connection *connection = memory_allocate_zero(sizeof(*connection));

    if (!http_stream_open(&connection->stream, listener, fd, connection)) {
        free(connection);
        return;
    }
    connection->service = service;
    connection->listener = listener;
    list_init(&connection->ready);
    list_add_last(&service->http.connections, &connection->all);
    service->http.count++;
    timer_init(&connection->timer, on_timer);
    set_deadline(connection, HEAD_TIME_MS);
    uv_poll_init(service->loop, &connection->poll, connection->stream.fd);
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
            end(connection);
        }
    }
}
