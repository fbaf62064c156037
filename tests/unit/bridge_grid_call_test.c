/* net/http_call.h: requests for Event Grid, with a stand-in for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/call.h"

#include "test.h"

#include "echo/browser.h"

static struct grid {
    bool answers_later, is_too_long;
    struct grid_reply *waiting;
    size_t calls, abandoned;
    int status;
    const char *headers, *content_type, *body;
    struct buffer seen; /* a line a request: method, target, headers, length of the body */
} grid;

static bool is_path(const struct grid *of, struct slice method, struct slice target,
                    struct slice host)
{
    CHECK(of == &grid && method.length > 0);
    return slice_starts_with(target, SLICE_LITERAL("/topics/")) ||
           slice_equal(host, SLICE_LITERAL("orders.localhost"));
}

static void answer(struct grid_reply *reply)
{
    reply->call = NULL;
    reply->abandon = NULL;
    reply->answer(reply, grid.status, slice_from_string(grid.headers), grid.content_type,
                  slice_from_string(grid.body));
}

static void on_abandoned(struct grid_reply *reply)
{
    CHECK(reply == grid.waiting);
    grid.waiting = NULL;
    grid.abandoned++;
}

static void call(struct grid *of, const struct grid_request *request, struct grid_reply *reply)
{
    static const uint8_t loopback[16] = {[10] = 0xff, 0xff, 127, 0, 0, 1};

    CHECK(of == &grid);
    CHECK(memcmp(request->peer, loopback, sizeof(loopback)) == 0 && request->is_loopback);
    CHECK(request->is_tls == world.is_tls);
    grid.calls++;
    grid.is_too_long = request->is_too_long;
    grid.seen.length = 0;
    buffer_append_format(&grid.seen, "%.*s %.*s", SLICE_PRINT(request->method),
                         SLICE_PRINT(request->target));
    for (size_t i = 0; i < request->headers.count; i++) {
        buffer_append_format(&grid.seen, " %.*s=%.*s", SLICE_PRINT(request->headers.items[i].key),
                             SLICE_PRINT(request->headers.items[i].value));
    }
    buffer_append_format(&grid.seen, " %zu", request->body.length);
    if (grid.answers_later) {
        grid.waiting = reply;
        reply->call = &grid;
        reply->abandon = on_abandoned;
    } else {
        answer(reply);
    }
}

static struct browser begin(void)
{
    static const struct grid_ops operations = {.is_path = is_path, .call = call};

    grid = (struct grid){.status = 200, .headers = "", .body = ""};
    world.grid = &grid;
    world.grid_ops = &operations;
    start();
    return browser_connect();
}

static void finish(struct browser *browser)
{
    browser_free(browser);
    stop();
    buffer_release(&grid.seen);
}

static void expect_answer(struct browser *browser, const char *wanted)
{
    size_t length = strlen(wanted);

    browser_await(browser, length);
    CHECK_SLICE_EQUAL(slice_make(browser->in.data, length), slice_from_string(wanted));
    buffer_consume(&browser->in, length);
}

static void say(struct browser *browser, const char *text)
{
    browser_send(browser, slice_from_string(text));
}

TEST(requests_go_to_event_grid_as_they_came)
{
    struct browser browser = begin();

    say(&browser, "POST /topics/a%2Fb/api/events?api-version=2018-01-01 HTTP/1.1\r\n"
                  "Host: h\r\nAEG-SAS-Key: k=\r\nContent-Length: 2\r\n\r\n[]");
    expect_answer(&browser, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    CHECK_SLICE_EQUAL(buffer_slice(&grid.seen),
                      SLICE_LITERAL("POST /topics/a%2Fb/api/events?api-version=2018-01-01 "
                                    "Host=h AEG-SAS-Key=k= Content-Length=2 2"));
    grid.status = 201;
    grid.headers = "x-ms-request-id: 1\r\n";
    grid.content_type = "application/json";
    grid.body = "{}";
    say(&browser, "PUT / HTTP/1.1\r\nHost: orders.localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    expect_answer(&browser, "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\n"
                            "content-length: 2\r\nx-ms-request-id: 1\r\n\r\n{}");
    grid.content_type = NULL;
    say(&browser, "HEAD /topics/x HTTP/1.1\r\n\r\n");
    expect_answer(&browser,
                  "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-ms-request-id: 1\r\n\r\n");
    say(&browser, "GET /healthz HTTP/1.1\r\nHost: other\r\n\r\n");
    expect_answer(&browser, "HTTP/1.1 200 OK\r\ncontent-type: ");
    CHECK_INT_EQUAL(grid.calls, 3);
    finish(&browser);
}

TEST(answers_may_come_later_and_be_abandoned)
{
    struct browser browser = begin();

    grid.answers_later = true;
    say(&browser, "POST /topics/x HTTP/1.1\r\n\r\nPOST /topics/y HTTP/1.1\r\n\r\n");
    TURN_UNTIL(grid.waiting);
    CHECK_INT_EQUAL(grid.calls, 1); /* the next one waits */
    answer(grid.waiting);
    expect_answer(&browser, "HTTP/1.1 200 OK\r\n");
    TURN_UNTIL(grid.calls == 2);
    browser_free(&browser);
    TURN_UNTIL(grid.abandoned == 1);
    browser = browser_connect();
    finish(&browser);
}

/* Event Grid says it in its own words. */
TEST(long_bodies_are_not_read)
{
    struct browser browser = begin();
    struct buffer body = {0};

    grid.status = 413;
    grid.body = "too long";
    say(&browser, "POST /topics/x HTTP/1.1\r\nContent-Length: 1536001\r\n\r\n");
    browser_await_end(&browser);
    CHECK(contains(&browser.in, "HTTP/1.1 413 ") && contains(&browser.in, "connection: close") &&
          contains(&browser.in, "too long"));
    CHECK(grid.is_too_long && grid.calls == 1);
    browser_free(&browser);

    grid.status = 200;
    grid.body = "";
    browser = browser_connect();
    buffer_append_string(&body, "POST /topics/x HTTP/1.1\r\nContent-Length: 1536000\r\n\r\n");
    memset(buffer_reserve(&body, GRID_BODY_MAX), 'x', GRID_BODY_MAX);
    body.length += GRID_BODY_MAX;
    browser_send(&browser, buffer_slice(&body));
    expect_answer(&browser, "HTTP/1.1 200 OK\r\n");
    CHECK(!grid.is_too_long);
    buffer_release(&body);
    finish(&browser);
}
