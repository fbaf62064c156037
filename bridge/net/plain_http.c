/* See plain_http.h. A connection is connecting (`task.easy` is there), busy (`request` is there) or
 * idle.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/plain_http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "events/http_answer.h"
#include "events/url_template.h"

enum {
    READ_SIZE = 65536,
    KEEP_MAX = 65536, /* of a buffer's memory between requests */
    IDLE_TIME_MS = 60000,
};

/* Connections to one server. */
struct pool {
    struct map_node node; /* in http->pools */
    struct buffer origin;
    struct list idle; /* the one used last is last */
    size_t connection_count;
};

struct plain_connection {
    struct plain_http *http;
    struct pool *pool;
    struct list link, all; /* while idle: in pool->idle, in http->idle */
    struct curl_task task; /* while connecting */
    uv_poll_t poll;
    int fd, armed;
    bool was_used; /* something was answered on it */
    struct buffer out;
    size_t sent;
    struct buffer in; /* what could not be taken yet */
    struct http_answer answer;
    struct timer timer; /* of the request, or of being idle */
    struct plain_request *request;
};

/* ---------------------------------------------------------------- pools */

static struct slice pool_key(const struct map_node *node)
{
    return buffer_slice(&CONTAINER_OF(node, struct pool, node)->origin);
}

static struct pool *pool_of(struct plain_http *http, struct slice origin)
{
    struct map_node *node = map_find(&http->pools, origin);
    struct pool *pool;

    if (node) {
        return CONTAINER_OF(node, struct pool, node);
    }
    pool = memory_allocate_zero(sizeof(*pool));
    buffer_append(&pool->origin, origin);
    list_init(&pool->idle);
    map_insert(&http->pools, &pool->node);
    return pool;
}

static void leave_pool(struct plain_connection *connection)
{
    struct pool *pool = connection->pool;

    if (--pool->connection_count == 0) {
        map_remove(&connection->http->pools, &pool->node);
        buffer_release(&pool->origin);
        free(pool);
    }
}

/* ---------------------------------------------------------------- the end of a connection */

static void is_gone(struct plain_http *http)
{
    if (http->handle_count == 0 && http->is_closing) {
        map_release(&http->pools);
        free(http->scratch);
        http->closed(http->context);
    }
}

static void poll_closed(uv_handle_t *handle)
{
    struct plain_connection *connection = handle->data;
    struct plain_http *http = connection->http;

    free(connection);
    http->handle_count--;
    is_gone(http);
}

static void leave_idle(struct plain_connection *connection)
{
    if (!list_is_empty(&connection->all)) {
        list_remove(&connection->link);
        list_remove(&connection->all);
        connection->http->idle_count--;
    }
}

static void connection_close(struct plain_connection *connection)
{
    leave_idle(connection);
    timers_cancel(connection->http->timers, &connection->timer);
    leave_pool(connection);
    buffer_release(&connection->out);
    buffer_release(&connection->in);
    if (connection->task.easy) {
        curl_loop_remove(connection->http->curl, connection->task.easy);
        curl_easy_cleanup(connection->task.easy);
    }
    if (connection->fd < 0) {
        free(connection);
        return;
    }
    uv_close((uv_handle_t *)&connection->poll, poll_closed);
    close(connection->fd);
}

/* ---------------------------------------------------------------- the end of a request */

static void set_timer(struct plain_connection *connection, uint32_t delay_ms)
{
    struct plain_http *http = connection->http;

    timers_set(http->timers, &connection->timer, http->clock() + delay_ms);
    http->timer_set(http->context);
}

static void become_idle(struct plain_connection *connection)
{
    struct plain_http *http = connection->http;

    buffer_empty(&connection->out, KEEP_MAX);
    connection->sent = 0;
    connection->was_used = true;
    list_add_last(&connection->pool->idle, &connection->link);
    list_add_last(&http->idle, &connection->all);
    http->idle_count++;
    set_timer(connection, IDLE_TIME_MS);
    if (http->idle_count > http->idle_max) {
        connection_close(CONTAINER_OF(http->idle.next, struct plain_connection, all));
    }
}

static struct plain_request *detach(struct plain_connection *connection)
{
    struct plain_request *request = connection->request;

    connection->request = NULL;
    request->connection = NULL;
    return request;
}

static void fail(struct plain_connection *connection, CURLcode code)
{
    struct plain_request *request = detach(connection);

    request->status = connection->answer.status;
    connection_close(connection);
    request->done(request, code);
}

static void complete(struct plain_connection *connection, bool is_reusable)
{
    struct plain_request *request = detach(connection);

    request->status = connection->answer.status;
    if (is_reusable && connection->answer.keeps_alive &&
        connection->sent == connection->out.length) {
        become_idle(connection);
    } else {
        connection_close(connection);
    }
    request->done(request, CURLE_OK);
}

static void time_is_over(struct timer *timer, void *context)
{
    struct plain_connection *connection = CONTAINER_OF(timer, struct plain_connection, timer);

    (void)context;
    if (connection->request) {
        fail(connection, CURLE_OPERATION_TIMEDOUT);
    } else {
        connection_close(connection);
    }
}

/* ---------------------------------------------------------------- sending */

static void on_poll(uv_poll_t *poll, int status, int events);

static void arm(struct plain_connection *connection)
{
    int events = UV_READABLE | (connection->sent < connection->out.length ? UV_WRITABLE : 0);

    if (events != connection->armed) {
        connection->armed = events;
        uv_poll_start(&connection->poll, events, on_poll);
    }
}

/* An error shows itself when the answer is read. */
static void flush(struct plain_connection *connection)
{
    struct slice rest = slice_from(buffer_slice(&connection->out), connection->sent);
    ssize_t length =
        rest.length > 0 ? send(connection->fd, rest.data, rest.length, MSG_NOSIGNAL) : 0;

    if (length > 0) {
        connection->sent += (size_t)length;
    }
    if (length >= 0 || errno == EAGAIN) {
        arm(connection);
    }
}

static void append_request(struct buffer *out, const struct plain_request *request)
{
    struct slice origin = url_template_origin(request->url), rest = request->lines;
    struct slice target = slice_from(request->url, origin.length);

    buffer_append(out, request->method);
    buffer_append_string(out, target.length > 0 && target.data[0] == '/' ? " " : " /");
    buffer_append(out, target);
    buffer_append_string(out, " HTTP/1.1\r\nHost: ");
    buffer_append(out, slice_from(origin, strlen("http://")));
    while (rest.length > 0) {
        size_t length = strlen((const char *)rest.data);
        buffer_append_string(out, "\r\n");
        buffer_append(out, slice_make(rest.data, length));
        rest = slice_from(rest, length + 1);
    }
    if (request->has_content) {
        buffer_append_format(out, "\r\nContent-Length: %zu", request->content.length);
    }
    buffer_append_string(out, "\r\n\r\n");
    buffer_append(out, request->content);
}

/* ---------------------------------------------------------------- receiving */

static void send_again(struct plain_connection *connection);

static void take(struct plain_connection *connection, struct slice bytes)
{
    struct plain_request *request = connection->request;
    bool is_kept = connection->in.length > 0;
    size_t taken;

    if (is_kept) {
        buffer_append(&connection->in, bytes);
        bytes = buffer_slice(&connection->in);
    }
    taken = http_answer_take(&connection->answer, bytes, request->head, request->body);
    if (connection->answer.error != HTTP_ANSWER_OK) {
        fail(connection, connection->answer.error == HTTP_ANSWER_TOO_LONG
                             ? CURLE_FILESIZE_EXCEEDED
                             : CURLE_WEIRD_SERVER_REPLY);
    } else if (connection->answer.place == HTTP_ANSWER_DONE) {
        bool is_all = taken == bytes.length;
        connection->in.length = 0;
        complete(connection, is_all);
    } else if (is_kept) {
        buffer_consume(&connection->in, taken);
    } else {
        buffer_append(&connection->in, slice_from(bytes, taken));
    }
}

static void ended(struct plain_connection *connection)
{
    struct plain_request *request = connection->request;
    bool is_silent = connection->in.length == 0 && connection->answer.status == 0;

    if (http_answer_is_whole(&connection->answer)) {
        complete(connection, false);
    } else if (is_silent && connection->was_used && !request->was_sent_again) {
        send_again(connection);
    } else {
        fail(connection, is_silent ? CURLE_GOT_NOTHING : CURLE_PARTIAL_FILE);
    }
}

static void receive(struct plain_connection *connection)
{
    ssize_t length = recv(connection->fd, connection->http->scratch, READ_SIZE, 0);

    if (length > 0) {
        take(connection, slice_make(connection->http->scratch, (size_t)length));
    } else if (length == 0 || (errno != EAGAIN && errno != EINTR)) {
        ended(connection);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct plain_connection *connection = poll->data;

    if (!connection->request) { /* the server closes it, or says what nobody asked for */
        connection_close(connection);
        return;
    }
    if (status == 0 && (events & UV_WRITABLE)) {
        flush(connection);
    }
    if (status < 0 || (events & UV_READABLE)) {
        receive(connection);
    }
}

/* ---------------------------------------------------------------- connecting */

/* The connection goes on without libcurl, which closes its own descriptor of it. */
static bool take_socket(struct plain_connection *connection)
{
    struct plain_http *http = connection->http;
    curl_socket_t fd = CURL_SOCKET_BAD;
    int own;

    curl_easy_getinfo(connection->task.easy, CURLINFO_ACTIVESOCKET, &fd);
    own = fd == CURL_SOCKET_BAD ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
    curl_loop_remove(http->curl, connection->task.easy);
    curl_easy_cleanup(connection->task.easy);
    connection->task.easy = NULL;
    if (own < 0 || uv_poll_init_socket(http->curl->loop, &connection->poll, own) < 0) {
        if (own >= 0) {
            close(own);
        }
        return false;
    }
    connection->fd = own;
    connection->poll.data = connection;
    http->handle_count++;
    return true;
}

static void connected(struct curl_task *task, CURLcode code)
{
    struct plain_connection *connection = CONTAINER_OF(task, struct plain_connection, task);

    if (code != CURLE_OK) {
        fail(connection, code);
    } else if (!take_socket(connection)) {
        fail(connection, CURLE_COULDNT_CONNECT);
    } else {
        flush(connection);
    }
}

static void begin_connecting(struct plain_connection *connection)
{
    struct curl_task *task = &connection->task;

    task->done = connected;
    curl_loop_prepare(connection->http->curl, task);
    if (task->easy) {
        struct buffer origin = {0};
        buffer_append(&origin, buffer_slice(&connection->pool->origin));
        buffer_append_byte(&origin, '\0');
        curl_easy_setopt(task->easy, CURLOPT_URL, (const char *)origin.data);
        curl_easy_setopt(task->easy, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(task->easy, CURLOPT_PROTOCOLS_STR, "http");
        buffer_release(&origin);
    }
}

static struct plain_connection *connection_new(struct plain_http *http, struct pool *pool)
{
    struct plain_connection *connection = memory_allocate_zero(sizeof(*connection));

    connection->http = http;
    connection->pool = pool;
    connection->fd = -1;
    pool->connection_count++;
    list_init(&connection->link);
    list_init(&connection->all);
    timer_init(&connection->timer, time_is_over);
    begin_connecting(connection);
    return connection;
}

/* ---------------------------------------------------------------- requests */

/* What is to be sent is in `out`. */
static void assign(struct plain_connection *connection, struct plain_request *request)
{
    connection->request = request;
    request->connection = connection;
    connection->answer = (struct http_answer){.body_max = request->body_max};
    set_timer(connection, request->timeout_ms);
    if (connection->fd >= 0) {
        flush(connection);
    } else if (connection->task.easy) {
        curl_loop_add(connection->http->curl, &connection->task);
    } else {
        set_timer(connection, 0); /* libcurl has no memory: it fails from the loop */
    }
}

void plain_http_send(struct plain_http *http, struct plain_request *request)
{
    struct pool *pool = pool_of(http, url_template_origin(request->url));
    struct plain_connection *connection;

    request->was_sent_again = false;
    if (list_is_empty(&pool->idle)) {
        connection = connection_new(http, pool);
    } else {
        connection = CONTAINER_OF(pool->idle.prev, struct plain_connection, link);
        leave_idle(connection);
    }
    connection->out.length = connection->sent = 0;
    append_request(&connection->out, request);
    assign(connection, request);
}

static void send_again(struct plain_connection *connection)
{
    struct plain_connection *other = connection_new(connection->http, connection->pool);
    struct plain_request *request = detach(connection);

    request->was_sent_again = true;
    other->out = connection->out;
    connection->out = (struct buffer){0};
    connection_close(connection);
    assign(other, request);
}

void plain_http_cancel(struct plain_request *request)
{
    if (request->connection) {
        struct plain_connection *connection = request->connection;
        detach(connection);
        connection_close(connection);
    }
}

/* ---------------------------------------------------------------- the whole */

void plain_http_open(struct plain_http *http)
{
    map_init(&http->pools, pool_key);
    list_init(&http->idle);
    http->scratch = memory_allocate(READ_SIZE);
}

void plain_http_close(struct plain_http *http)
{
    LIST_FOREACH_SAFE (link, &http->idle) {
        connection_close(CONTAINER_OF(link, struct plain_connection, all));
    }
    http->is_closing = true;
    is_gone(http);
}
