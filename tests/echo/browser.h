/* A front door in the test's own process and raw sockets as its browsers: a loop that the test
 * turns by hand, bridge/net, and the echo clients of echo_bridge.h behind it. Functions of a test,
 * so include it behind test.h from one file of a test binary.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_ECHO_BROWSER_H
#define PUBGRID_TESTS_ECHO_BROWSER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/memory.h"
#include "echo/echo_bridge.h"
#include "net/service.h"
#include "test.h"

#define HELPER __attribute__((unused)) static

enum { PATIENCE_MS = 20000, MESSAGE_MAX = 1 << 20 };

/* ---------------------------------------------------------------- the world */

static struct world {
    uv_loop_t loop;
    struct gateway gateway;
    struct upgrade_context access;
    struct service *service;
    const struct rest_ops *rest;    /* may be set before start(); as may */
    const struct access_keys *keys; /* of REST requests */
    bool is_stopped;
} world;

HELPER void start(void)
{
    static const struct service_listener listener = {
        .address = "127.0.0.1", .page_enabled = true, .metrics_enabled = true};
    struct service_options options = {.listeners = &listener,
                                      .listener_count = 1,
                                      .maximum_message_size = MESSAGE_MAX,
                                      .upgrade_context = &world.access,
                                      .gateway = &world.gateway,
                                      .rest = world.rest,
                                      .metrics = &world.gateway.metrics};

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
    CHECK_INT_EQUAL(uv_loop_close(&world.loop), 0);
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
    bool is_ended;    /* the service closed the connection */
    struct buffer in; /* not yet looked at */
};

HELPER struct browser browser_connect(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(service_port(world.service, 0)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct browser browser = {.fd = socket(AF_INET, SOCK_STREAM, 0)};

    CHECK(connect(browser.fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return browser;
}

HELPER void browser_free(struct browser *browser)
{
    close(browser->fd);
    buffer_release(&browser->in);
}

HELPER void browser_read(struct browser *browser)
{
    uint8_t *at = buffer_reserve(&browser->in, 65536);
    ssize_t length = recv(browser->fd, at, 65536, MSG_DONTWAIT);

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
        ssize_t length = send(browser->fd, bytes.data, bytes.length, MSG_DONTWAIT);
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
    return buffer->length > 0 &&
           memmem(buffer->data, buffer->length, text, strlen(text)) != NULL;
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
