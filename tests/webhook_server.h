/* A webhook on the test's own loop: an HTTP server whose paths say how it behaves. Functions of a
 * test, so include it behind test.h from one file of a test binary.
 *
 *     /echo      200 with the request's content type and body
 *     /status/N  the status N
 *     /flaky/N   503 until the request number N, then 200
 *     /hang      nothing, ever
 *     /close     closes at once
 *     /early     closes within its answer
 *     /bytes/N   200 with N bytes
 *     /head/N    200 with a header of N bytes
 *     /chunked   200 in chunks, with a trailer
 *     /continue  100, then 200
 *     /redirect  302 to /echo
 *     /bye       200, and closes the connection
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_WEBHOOK_SERVER_H
#define PUBGRID_TESTS_WEBHOOK_SERVER_H

#include <uv.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/memory.h"
#include "test.h"

enum { PATIENCE_MS = 20000 };

/* Turns the loop until the condition holds. */
#define TURN_UNTIL(loop, condition)                                                                \
    do {                                                                                           \
        msec_t turn_deadline = clock_now() + PATIENCE_MS;                                          \
        while (!(condition)) {                                                                     \
            CHECK(clock_now() < turn_deadline);                                                    \
            uv_run(loop, UV_RUN_NOWAIT);                                                           \
        }                                                                                          \
    } while (0)

struct webhook_server {
    uv_tcp_t listener;
    uint16_t port;
    const char *allowed_origin; /* what OPTIONS is answered with; NULL: 404 */
    bool allows_get;            /* then GET is answered with allowed_origin */
    size_t connections, open, posts, preflights;
    struct buffer last; /* the last POST's head and body */
};

struct webhook_peer {
    uv_tcp_t tcp;
    struct webhook_server *server;
    struct buffer in;
};

struct webhook_write {
    uv_write_t request;
    struct buffer bytes;
};

/* ---------------------------------------------------------------- answers */

static void server_written(uv_write_t *request, int status)
{
    struct webhook_write *write = CONTAINER_OF(request, struct webhook_write, request);

    (void)status;
    buffer_release(&write->bytes);
    free(write);
}

/* Takes over the bytes. */
static void server_send(struct webhook_peer *peer, struct buffer bytes)
{
    struct webhook_write *write = memory_allocate_zero(sizeof(*write));
    uv_buf_t piece;

    write->bytes = bytes;
    piece = uv_buf_init((char *)write->bytes.data, (unsigned)write->bytes.length);
    if (uv_write(&write->request, (uv_stream_t *)&peer->tcp, &piece, 1, server_written) < 0) {
        server_written(&write->request, 0);
    }
}

static void peer_closed(uv_handle_t *handle)
{
    struct webhook_peer *peer = CONTAINER_OF(handle, struct webhook_peer, tcp);

    peer->server->open--;
    buffer_release(&peer->in);
    free(peer);
}

static void peer_close(struct webhook_peer *peer)
{
    if (!uv_is_closing((uv_handle_t *)&peer->tcp)) {
        uv_close((uv_handle_t *)&peer->tcp, peer_closed);
    }
}

static void shut_down(uv_shutdown_t *request, int status)
{
    struct webhook_peer *peer = request->data;

    (void)status;
    free(request);
    peer_close(peer);
}

/* After what is written. */
static void peer_finish(struct webhook_peer *peer)
{
    uv_shutdown_t *request = memory_allocate_zero(sizeof(*request));

    request->data = peer;
    if (uv_shutdown(request, (uv_stream_t *)&peer->tcp, shut_down) < 0) {
        free(request);
        peer_close(peer);
    }
}

static struct buffer server_head(unsigned status, const char *headers, size_t length)
{
    struct buffer out = {0};

    buffer_append_format(&out, "HTTP/1.1 %u X\r\n%sContent-Length: %zu\r\n\r\n", status, headers,
                         length);
    return out;
}

static unsigned long path_number(const char *path)
{
    return strtoul(strrchr(path, '/') + 1, NULL, 10);
}

static bool path_is(const char *path, const char *name)
{
    size_t length = strlen(name);

    return strncmp(path + 1, name, length) == 0 &&
           (path[1 + length] == '\0' || path[1 + length] == '/');
}

static void answer_length(struct webhook_peer *peer, const char *headers, size_t length)
{
    struct buffer out = server_head(200, headers, length);

    memset(buffer_reserve(&out, length), 'x', length);
    out.length += length;
    server_send(peer, out);
}

static void answer_echo(struct webhook_peer *peer, struct slice head, struct slice body)
{
    const char *type = strcasestr((const char *)head.data, "content-type:");
    char headers[256];
    struct buffer out;

    snprintf(headers, sizeof(headers), "%.*s\r\nce-connectionState: s%zu\r\n",
             (int)strcspn(type, "\r"), type, peer->server->posts);
    out = server_head(200, headers, body.length);
    buffer_append(&out, body);
    server_send(peer, out);
}

static void answer_text(struct webhook_peer *peer, const char *text)
{
    struct buffer out = {0};

    buffer_append_string(&out, text);
    server_send(peer, out);
}

static void answer_post(struct webhook_peer *peer, const char *path, struct slice head,
                        struct slice body)
{
    char long_header[70000];

    if (path_is(path, "echo")) {
        answer_echo(peer, head, body);
    } else if (path_is(path, "status")) {
        server_send(peer, server_head((unsigned)path_number(path), "", 0));
    } else if (path_is(path, "flaky")) {
        bool is_good = peer->server->posts >= path_number(path);
        server_send(peer, server_head(is_good ? 200 : 503, "", 0));
    } else if (path_is(path, "close")) {
        peer_close(peer);
    } else if (path_is(path, "early")) {
        answer_text(peer, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxxx");
        peer_finish(peer);
    } else if (path_is(path, "bytes")) {
        answer_length(peer, "", path_number(path));
    } else if (path_is(path, "head")) {
        memset(long_header, 'x', sizeof(long_header));
        memcpy(long_header, "X: ", 3);
        memcpy(long_header + path_number(path) - 2, "\r\n", 3);
        answer_length(peer, long_header, 0);
    } else if (path_is(path, "chunked")) {
        answer_text(peer, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n"
                          "ce-connectionState: trailer\r\n\r\n");
    } else if (path_is(path, "continue")) {
        answer_text(peer, "HTTP/1.1 100 Continue\r\nce-connectionState: no\r\n\r\n"
                          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    } else if (path_is(path, "redirect")) {
        server_send(peer, server_head(302, "Location: /echo\r\n", 0));
    } else if (path_is(path, "bye")) {
        answer_text(peer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        peer_finish(peer);
    }
}

static void answer_preflight(struct webhook_peer *peer, bool is_get)
{
    struct webhook_server *server = peer->server;
    char headers[128];

    server->preflights++;
    if (!server->allowed_origin || is_get != server->allows_get) {
        server_send(peer, server_head(404, "", 0));
        return;
    }
    snprintf(headers, sizeof(headers), "WebHook-Allowed-Origin: %s\r\n", server->allowed_origin);
    server_send(peer, server_head(200, headers, 0));
}

/* ---------------------------------------------------------------- requests */

/* `head` has a NUL in the place of its last byte. */
static void server_answer(struct webhook_peer *peer, struct slice head, struct slice body)
{
    struct webhook_server *server = peer->server;
    char method[16], path[256];

    CHECK(sscanf((const char *)head.data, "%15s %255s", method, path) == 2);
    path[strcspn(path, "?")] = '\0';
    if (strcmp(method, "POST") != 0) {
        answer_preflight(peer, strcmp(method, "GET") == 0);
        return;
    }
    server->posts++;
    server->last.length = 0;
    buffer_append(&server->last, head);
    buffer_append(&server->last, body);
    answer_post(peer, path, head, body);
}

/* Takes one request from the front. */
static bool server_take(struct webhook_peer *peer)
{
    struct slice in = buffer_slice(&peer->in);
    uint8_t *end = in.length > 0 ? memmem(in.data, in.length, "\r\n\r\n", 4) : NULL;
    const char *field;
    size_t head, length;

    if (!end) {
        return false;
    }
    head = (size_t)(end - in.data) + 4;
    end[3] = '\0';
    field = strcasestr((const char *)in.data, "content-length:");
    length = field ? strtoul(field + 15, NULL, 10) : 0;
    if (in.length < head + length) {
        end[3] = '\n';
        return false;
    }
    server_answer(peer, slice_make(in.data, head), slice_make(in.data + head, length));
    buffer_consume(&peer->in, head + length);
    return true;
}

static void server_provide(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct webhook_peer *peer = CONTAINER_OF(handle, struct webhook_peer, tcp);

    *out = uv_buf_init((char *)buffer_reserve(&peer->in, suggested), (unsigned)suggested);
}

static void server_came(uv_stream_t *stream, ssize_t count, const uv_buf_t *bytes)
{
    struct webhook_peer *peer = CONTAINER_OF(stream, struct webhook_peer, tcp);

    (void)bytes;
    if (count < 0) {
        peer_close(peer);
        return;
    }
    peer->in.length += (size_t)count;
    while (!uv_is_closing((uv_handle_t *)stream) && server_take(peer)) {
    }
}

static void server_connected(uv_stream_t *listener, int status)
{
    struct webhook_server *server = CONTAINER_OF(listener, struct webhook_server, listener);
    struct webhook_peer *peer = memory_allocate_zero(sizeof(*peer));

    CHECK(status == 0);
    peer->server = server;
    server->connections++;
    server->open++;
    uv_tcp_init(listener->loop, &peer->tcp);
    CHECK(uv_accept(listener, (uv_stream_t *)&peer->tcp) == 0);
    uv_tcp_nodelay(&peer->tcp, 1);
    uv_read_start((uv_stream_t *)&peer->tcp, server_provide, server_came);
}

static void webhook_server_start(struct webhook_server *server, uv_loop_t *loop)
{
    struct sockaddr_in address;
    int length = sizeof(address);

    *server = (struct webhook_server){.allowed_origin = "*"};
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(loop, &server->listener);
    CHECK(uv_tcp_bind(&server->listener, (struct sockaddr *)&address, 0) == 0);
    CHECK(uv_listen((uv_stream_t *)&server->listener, 512, server_connected) == 0);
    CHECK(uv_tcp_getsockname(&server->listener, (struct sockaddr *)&address, &length) == 0);
    server->port = ntohs(address.sin_port);
}

/* What hangs was closed by its client. Nothing may be left on the loop. */
static void webhook_server_stop(struct webhook_server *server)
{
    uv_loop_t *loop = server->listener.loop;

    TURN_UNTIL(loop, server->open == 0);
    uv_close((uv_handle_t *)&server->listener, NULL);
    buffer_release(&server->last);
    uv_run(loop, UV_RUN_NOWAIT);
    CHECK_INT_EQUAL(uv_loop_close(loop), 0);
}

#endif
