/* Requests out of the bytes that have come; see http_connection.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"
#include "net/service_state.h"

/* What looking at bytes has come to. */
enum look {
    LOOK_ANSWERED, /* a request was answered or is being carried out */
    LOOK_MORE,     /* it is not all there */
    LOOK_CHUNKS,   /* its head is, and its body comes in chunks */
    LOOK_GONE,     /* the connection is not ours any more */
};

/* ---------------------------------------------------------------- refusing */

static void refuse(struct http_connection *connection, int status, const char *message)
{
    struct http_answer answer = {.closes = true};

    http_refuse(&answer, status, message);
    http_send(connection, &answer);
}

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

    connection->is_head = false;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (messages[i].status == status) {
            refuse(connection, status, messages[i].message);
        }
    }
    return connection->phase == HTTP_GONE ? LOOK_GONE : LOOK_ANSWERED;
}

static enum look refuse_body(struct http_connection *connection, const struct http_head *head,
                             bool is_long)
{
    connection->is_head = slice_equal(head->method, SLICE_LITERAL("HEAD"));
    if (is_long) {
        http_refuse_body(connection, head);
    } else {
        refuse(connection, 400, "the chunks of the body cannot be read");
    }
    return connection->phase == HTTP_GONE ? LOOK_GONE : LOOK_ANSWERED;
}

/* ---------------------------------------------------------------- one request */

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
        if (!http_write_bytes(connection, SLICE_LITERAL("HTTP/1.1 100 Continue\r\n\r\n"))) {
            http_end(connection);
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
    if (head->wants_upgrade) {
        http_hand_over(connection, bytes);
        return LOOK_GONE;
    }
    if (head->is_chunked) {
        connection->chunks = (struct http_chunks){0};
        connection->head_length = head->length;
        connection->body_length = 0;
        connection->body_max = http_body_max(connection, head);
        return begin_body(connection, head) ? LOOK_CHUNKS : LOOK_GONE;
    }
    if (head->body_length > http_body_max(connection, head)) {
        return refuse_body(connection, head, true);
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
    bool is_long = connection->body_length > connection->body_max;
    memmove(in->data + begin + data, in->data + begin + read, in->length - begin - read);
    in->length -= read - data;
    *taken = 0;
    if (chunks->state != CHUNKS_DONE && chunks->state != CHUNKS_BAD && !is_long) {
        return LOOK_MORE;
    }
    *taken = connection->head_length + connection->body_length;
    http_head_parse(head, slice_make(in->data, connection->head_length)); /* it may have moved */
    connection->head_length = 0;
    if (chunks->state != CHUNKS_DONE || is_long) {
        return refuse_body(connection, head, chunks->state != CHUNKS_BAD);
    }
    return carry_out(connection, head,
                     slice_make(in->data + head->length, connection->body_length));
}

/* ---------------------------------------------------------------- one after another */

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

bool http_look(struct http_connection *connection, struct slice bytes)
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
