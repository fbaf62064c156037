/* A front door in the test's own process and raw sockets as its browsers: a loop that the test
 * turns by hand, bridge/net, and the echo clients of echo_bridge.h behind it. Functions of a test,
 * so include it behind test.h from one file of a test binary. With BROWSER_TLS=1 in the environment
 * all of it is over TLS.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_ECHO_BROWSER_H
#define PUBGRID_TESTS_ECHO_BROWSER_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/memory.h"
#include "echo/echo_bridge.h"
#include "net/service.h"
#include "test.h"
#include "tls_credential.h"

#define HELPER __attribute__((unused)) static

enum { PATIENCE_MS = 20000, MESSAGE_MAX = 1 << 20 };

/* ---------------------------------------------------------------- the world */

static struct world {
    uv_loop_t loop;
    struct gateway gateway;
    struct upgrade_context access;
    struct service *service;
    const struct rest_ops *rest; /* may be set before start(); as may */
    struct grid *grid;           /* and */
    const struct grid_ops *grid_ops;
    const struct access_keys *keys; /* of REST requests */
    bool is_stopped;
    bool is_tls;
    SSL_CTX *tls; /* the browsers' */
    struct credential credential;
} world;

HELPER void start_tls(struct service_listener *listener)
{
    credential_make(&world.credential, "localhost", NULL);
    listener->certificate_file = world.credential.certificate_path;
    listener->key_file = world.credential.key_path;
    world.tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(world.tls,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(world.tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
}

/* When nothing is left of the service. */
HELPER void release_world(void)
{
    CHECK_INT_EQUAL(uv_loop_close(&world.loop), 0);
    if (world.is_tls) {
        SSL_CTX_free(world.tls);
        credential_release(&world.credential);
    }
}

HELPER void start(void)
{
    static struct service_listener listener;
    const struct service_listener plain = {
        .address = "127.0.0.1", .page_enabled = true, .metrics_enabled = true};
    struct service_options options = {.listeners = &listener,
                                      .listener_count = 1,
                                      .maximum_message_size = MESSAGE_MAX,
                                      .upgrade_context = &world.access,
                                      .gateway = &world.gateway,
                                      .rest = world.rest,
                                      .grid = world.grid,
                                      .grid_ops = world.grid_ops,
                                      .metrics = &world.gateway.metrics};

    listener = plain;
    world.is_tls |= getenv("BROWSER_TLS") != NULL;
    if (world.is_tls) {
        start_tls(&listener);
    }
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&world.loop);
    echo_init(&world.gateway);
    world.access = echo_context(&world.gateway);
    world.access.keys = world.keys;
    world.is_stopped = false;
    world.service = service_start(&world.loop, &options);
    CHECK(world.service);
}

HELPER void on_stopped(void *context)
{
    ((struct world *)context)->is_stopped = true;
}

HELPER void turn(void)
{
    uv_run(&world.loop, UV_RUN_NOWAIT);
}

#define TURN_UNTIL(condition)                                                                      \
    do {                                                                                           \
        msec_t turn_deadline = clock_now() + PATIENCE_MS;                                          \
        while (!(condition)) {                                                                     \
            CHECK(clock_now() < turn_deadline);                                                    \
            turn();                                                                                \
        }                                                                                          \
    } while (0)

/* Nothing may be left, on the loop or in memory (the sanitizer looks). */
HELPER void stop(void)
{
    service_stop(world.service, on_stopped, &world);
    TURN_UNTIL(world.is_stopped);
    CHECK_INT_EQUAL(world.gateway.opened, world.gateway.ended);
    CHECK(list_is_empty(&world.gateway.clients));
    echo_release(&world.gateway);
    release_world();
}

/* Upgrades that were refused so. */
HELPER uint64_t count_refused(const char *status)
{
    size_t i = 0;

    while (strcmp(metrics_status_name(i), status) != 0) {
        i++;
    }
    return world.gateway.metrics.refused[i];
}

/* ---------------------------------------------------------------- browsers */

struct browser {
    int fd;
    SSL *ssl;         /* NULL: without TLS */
    bool is_ended;    /* the service closed the connection */
    struct buffer in; /* not yet looked at */
};

HELPER struct browser browser_connect_tcp(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(service_port(world.service, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct browser browser = {.fd = socket(AF_INET, SOCK_STREAM, 0)};

    CHECK(connect(browser.fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return browser;
}

HELPER void browser_prepare_tls(struct browser *browser)
{
    CHECK(fcntl(browser->fd, F_SETFL, O_NONBLOCK) == 0);
    browser->ssl = SSL_new(world.tls);
    SSL_set_fd(browser->ssl, browser->fd);
}

HELPER void browser_shake_hands(struct browser *browser)
{
    int returned = 0;

    TURN_UNTIL((returned = SSL_connect(browser->ssl)) == 1 ||
               SSL_get_error(browser->ssl, returned) != SSL_ERROR_WANT_READ);
    CHECK_INT_EQUAL(returned, 1);
}

HELPER struct browser browser_connect(void)
{
    struct browser browser = browser_connect_tcp();

    if (world.is_tls) {
        browser_prepare_tls(&browser);
        browser_shake_hands(&browser);
    }
    return browser;
}

HELPER void browser_free(struct browser *browser)
{
    SSL_free(browser->ssl);
    close(browser->fd);
    buffer_release(&browser->in);
}

/* As recv() and send() do, without waiting. */
HELPER ssize_t browser_receive_now(struct browser *browser, uint8_t *at, size_t size)
{
    size_t length = 0;

    if (!browser->ssl) {
        return recv(browser->fd, at, size, MSG_DONTWAIT);
    }
    ERR_clear_error();
    if (SSL_read_ex(browser->ssl, at, size, &length) != 1) {
        int error = SSL_get_error(browser->ssl, 0);
        errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
        return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    }
    return (ssize_t)length;
}

HELPER ssize_t browser_send_now(struct browser *browser, struct slice bytes)
{
    size_t length = 0;

    if (!browser->ssl) {
        return send(browser->fd, bytes.data, bytes.length, MSG_DONTWAIT);
    }
    ERR_clear_error();
    if (SSL_write_ex(browser->ssl, bytes.data, bytes.length, &length) != 1) {
        int error = SSL_get_error(browser->ssl, 0);
        errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
        return -1;
    }
    return (ssize_t)length;
}

HELPER void browser_read(struct browser *browser)
{
    uint8_t *at = buffer_reserve(&browser->in, 65536);
    ssize_t length = browser_receive_now(browser, at, 65536);

    if (length > 0) {
        browser->in.length += (size_t)length;
    } else if (length == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
        browser->is_ended = true;
    }
}

/* Turns the loop meanwhile. */
HELPER void browser_send(struct browser *browser, struct slice bytes)
{
    msec_t deadline = clock_now() + PATIENCE_MS;

    while (bytes.length > 0) {
        ssize_t length = browser_send_now(browser, bytes);
        bytes = slice_from(bytes, length > 0 ? (size_t)length : 0);
        CHECK(length > 0 || errno == EAGAIN);
        CHECK(clock_now() < deadline);
        turn();
    }
}

HELPER void browser_await(struct browser *browser, size_t length)
{
    msec_t deadline = clock_now() + PATIENCE_MS;

    while (browser->in.length < length) {
        CHECK(!browser->is_ended);
        CHECK(clock_now() < deadline);
        turn();
        browser_read(browser);
    }
}

HELPER void browser_await_end(struct browser *browser)
{
    msec_t deadline = clock_now() + PATIENCE_MS;

    while (!browser->is_ended) {
        CHECK(clock_now() < deadline);
        turn();
        browser_read(browser);
    }
}

HELPER bool contains(const struct buffer *buffer, const char *text)
{
    return buffer->length > 0 && memmem(buffer->data, buffer->length, text, strlen(text)) != NULL;
}

/* Sends a request's head and reads what comes until `end`. */
HELPER struct browser browser_request(const char *head, const char *end)
{
    struct browser browser = browser_connect();

    browser_send(&browser, slice_from_string(head));
    while (!browser.is_ended && !(browser.in.length > 0 && contains(&browser.in, end))) {
        browser_await(&browser, browser.in.length + (browser.is_ended ? 0 : 1));
    }
    return browser;
}

#define UPGRADE                                                                                    \
    "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"                             \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

/* The answer's head stays in `answer`, which may be NULL. */
HELPER struct browser browser_open(const char *target, const char *headers, struct buffer *answer)
{
    struct browser browser = browser_connect();
    struct buffer head = {0};
    const uint8_t *end;

    buffer_append_format(&head, "GET %s HTTP/1.1\r\n" UPGRADE "%s\r\n", target, headers);
    browser_send(&browser, buffer_slice(&head));
    buffer_release(&head);
    browser_await(&browser, 1);
    while (!contains(&browser.in, "\r\n\r\n")) {
        browser_await(&browser, browser.in.length + 1);
    }
    end = memmem(browser.in.data, browser.in.length, "\r\n\r\n", 4);
    if (answer) {
        buffer_append(answer, slice_make(browser.in.data, (size_t)(end - browser.in.data) + 4));
    }
    buffer_consume(&browser.in, (size_t)(end - browser.in.data) + 4);
    return browser;
}

/* ---------------------------------------------------------------- frames */

enum {
    OPEN_END = 0,
    FINAL = 0x80,
    CONTINUATION = 0,
    TEXT = 1,
    BINARY = 2,
    CLOSE = 8,
    PING = 9,
    PONG = 10
};

HELPER void append_frame(struct buffer *out, int first_byte, struct slice payload)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};

    buffer_append_byte(out, (uint8_t)first_byte);
    if (payload.length < 126) {
        buffer_append_byte(out, (uint8_t)(0x80 | payload.length));
    } else if (payload.length < 65536) {
        buffer_append_byte(out, 0x80 | 126);
        buffer_append_u16(out, (uint16_t)payload.length);
    } else {
        buffer_append_byte(out, 0x80 | 127);
        buffer_append_u32(out, 0);
        buffer_append_u32(out, (uint32_t)payload.length);
    }
    buffer_append(out, slice_make(mask, 4));
    buffer_reserve(out, payload.length);
    for (size_t i = 0; i < payload.length; i++) {
        buffer_append_byte(out, payload.data[i] ^ mask[i & 3]);
    }
}

HELPER void browser_say(struct browser *browser, int first_byte, struct slice payload)
{
    struct buffer frame = {0};

    append_frame(&frame, first_byte, payload);
    browser_send(browser, buffer_slice(&frame));
    buffer_release(&frame);
}

#define SAY(browser, text) browser_say(browser, FINAL | TEXT, slice_from_string(text))

struct frame {
    int first_byte;
    struct slice payload; /* in the browser's memory, until it reads on */
    size_t size;
};

/* The next frame; drop_frame() goes on. */
HELPER struct frame next_frame(struct browser *browser)
{
    struct frame frame;
    size_t header = 2, length;

    browser_await(browser, 2);
    length = browser->in.data[1];
    if (length >= 126) {
        header = length == 126 ? 4 : 10;
        browser_await(browser, header);
        length = 0;
        for (size_t i = 2; i < header; i++) {
            length = length << 8 | browser->in.data[i];
        }
    }
    browser_await(browser, header + length);
    frame.first_byte = browser->in.data[0];
    frame.payload = slice_make(browser->in.data + header, length);
    frame.size = header + length;
    return frame;
}

HELPER void drop_frame(struct browser *browser, struct frame frame)
{
    buffer_consume(&browser->in, frame.size);
}

HELPER void expect(struct browser *browser, int first_byte, struct slice payload)
{
    struct frame frame = next_frame(browser);

    CHECK_INT_EQUAL(frame.first_byte, first_byte);
    CHECK_SLICE_EQUAL(frame.payload, payload);
    drop_frame(browser, frame);
}

#define EXPECT(browser, text) expect(browser, FINAL | TEXT, slice_from_string(text))

/* A close frame with this code, and then, when it is answered, the end of the connection. */
HELPER void expect_close(struct browser *browser, uint16_t code)
{
    struct frame frame = next_frame(browser);

    CHECK_INT_EQUAL(frame.first_byte, FINAL | CLOSE);
    CHECK(frame.payload.length >= 2);
    CHECK_INT_EQUAL(frame.payload.data[0] << 8 | frame.payload.data[1], code);
    browser_say(browser, FINAL | CLOSE, slice_make(frame.payload.data, 2));
    drop_frame(browser, frame);
    browser_await_end(browser);
    CHECK_INT_EQUAL(browser->in.length, 0);
}

#endif
