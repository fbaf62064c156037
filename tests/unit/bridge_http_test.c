/* bridge/net: requests that we read ourselves, with a stand-in for who carries REST operations out.
 *
 * The stand-in answers at once, or when the test says so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/service.h"

#include "test.h"

#include "base/random.h"
#include "client/rest.h"
#include "echo/browser.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"

#define KEY       "0123456789abcdef0123456789abcdef"
#define KEYS_FILE "primary: " KEY "\nsecondary: fedcba9876543210" KEY "\n"
#define SEND      "/api/hubs/hub1/:send"

/* ---------------------------------------------------------------- who carries out */

static struct staff {
    bool answers_later;
    struct rest_reply *waiting;
    size_t calls, abandoned;
    enum rest_kind kind;
    struct buffer name, data, metadata;
} staff;

static void answer(struct rest_reply *reply)
{
    if (staff.kind == REST_EXISTS) {
        reply->answer(reply, 404, "Warning.User.NotExisted", SLICE_LITERAL("{\"code\":\"x\"}"));
    } else if (staff.kind == REST_LIST) {
        reply->answer(reply, 200, NULL, SLICE_LITERAL("{\"value\":[]}"));
    } else {
        reply->answer(reply, staff.kind == REST_SEND ? 202 : 204, NULL, SLICE_EMPTY);
    }
}

static void carry_out(struct gateway *gateway, const struct rest_operation *operation,
                      struct rest_reply *reply)
{
    CHECK(gateway == &world.gateway);
    staff.calls++;
    staff.kind = operation->kind;
    staff.name.length = staff.data.length = staff.metadata.length = 0;
    buffer_append(&staff.name, operation->name);
    buffer_append(&staff.data, operation->data.bytes);
    for (size_t i = 0; i < operation->metadata.count; i++) {
        buffer_append(&staff.metadata, operation->metadata.items[i].key);
    }
    if (staff.answers_later) {
        CHECK(!staff.waiting);
        staff.waiting = reply;
    } else {
        answer(reply);
    }
}

static void abandon(struct rest_reply *reply)
{
    CHECK(reply == staff.waiting);
    staff.waiting = NULL;
    staff.abandoned++;
}

static void answer_now(void)
{
    struct rest_reply *reply = staff.waiting;

    CHECK(reply);
    staff.waiting = NULL;
    answer(reply);
}

static struct access_keys *keys;

static void begin(void)
{
    static const struct rest_ops operations = {.carry_out = carry_out, .abandon = abandon};
    struct buffer error = {0};

    staff = (struct staff){0};
    keys = access_keys_parse(SLICE_LITERAL(KEYS_FILE), &error);
    world.rest = &operations;
    world.keys = keys;
    start();
}

static void release_staff(void)
{
    access_keys_free(keys);
    buffer_release(&staff.name);
    buffer_release(&staff.data);
    buffer_release(&staff.metadata);
}

static void finish(void)
{
    stop();
    release_staff();
}

/* ---------------------------------------------------------------- requests */

/* Appends the head of a request without the empty line behind it; the token is a good one. */
static void append_head(struct buffer *out, const char *method, const char *target)
{
    struct buffer claims = {0};

    buffer_append_format(&claims, "{\"aud\":\"%s\",\"exp\":%lld}", target,
                         (long long)(clock_now() / 1000 + 60));
    buffer_append_format(out, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ", method,
                         target);
    jwt_append(out, buffer_slice(&claims), SLICE_LITERAL(KEY));
    buffer_append_string(out, "\r\n");
    buffer_release(&claims);
}

static void append_request(struct buffer *out, const char *method, const char *target,
                           const char *rest)
{
    append_head(out, method, target);
    buffer_append_string(out, rest);
}

static void send_request(struct browser *browser, const char *method, const char *target,
                         const char *rest)
{
    struct buffer request = {0};

    append_request(&request, method, target, rest);
    browser_send(browser, buffer_slice(&request));
    buffer_release(&request);
}

/* Takes the next answer, which must be exactly this. */
static void expect_answer(struct browser *browser, const char *wanted)
{
    size_t length = strlen(wanted);

    browser_await(browser, length);
    CHECK_SLICE_EQUAL(slice_make(browser->in.data, length), slice_from_string(wanted));
    buffer_consume(&browser->in, length);
}

/* The connection ends with an answer that begins so. */
static void expect_last(struct browser *browser, const char *begin)
{
    browser_await_end(browser);
    CHECK(slice_starts_with(buffer_slice(&browser->in), slice_from_string(begin)));
    CHECK(contains(&browser->in, "connection: close\r\n"));
}

#define ACCEPTED   "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"
#define NO_CONTENT "HTTP/1.1 204 No Content\r\n\r\n"
#define CONTINUE   "HTTP/1.1 100 Continue\r\n\r\n"

/* ---------------------------------------------------------------- operations */

TEST(operations_are_carried_out)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    send_request(&browser, "POST", SEND "?api-version=2024-12-01",
                 "Content-Type: text/plain\r\nX-WebPubSub-Metadata-Trace: 1\r\n"
                 "Content-Length: 5\r\n\r\nhello");
    expect_answer(&browser, ACCEPTED);
    CHECK_INT_EQUAL(staff.kind, REST_SEND);
    CHECK_SLICE_EQUAL(buffer_slice(&staff.data), SLICE_LITERAL("hello"));
    CHECK_SLICE_EQUAL(buffer_slice(&staff.metadata), SLICE_LITERAL("trace"));
    send_request(&browser, "DELETE", "/api/hubs/hub1/users/a%2Fb%20c/groups", "\r\n");
    expect_answer(&browser, NO_CONTENT);
    CHECK_SLICE_EQUAL(buffer_slice(&staff.name), SLICE_LITERAL("a/b c"));
    send_request(&browser, "GET", "/api/hubs/hub1/connections", "\r\n");
    expect_answer(&browser, "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\n"
                            "content-length: 12\r\n\r\n{\"value\":[]}");
    browser_free(&browser);
    finish();
}

TEST(head_has_no_content)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    send_request(&browser, "HEAD", "/api/hubs/hub1/users/u", "\r\n");
    send_request(&browser, "HEAD", "/api/health", "\r\n");
    expect_answer(&browser, "HTTP/1.1 404 Not Found\r\n"
                            "content-type: application/json; charset=utf-8\r\n"
                            "content-length: 12\r\n"
                            "x-ms-error-code: Warning.User.NotExisted\r\n\r\n");
    expect_answer(&browser, "HTTP/1.1 200 OK\r\n");
    browser_free(&browser);
    finish();
}

static const struct {
    const char *request; /* without a good token */
    const char *answer, *part;
} errors[] = {
    {"GET /api/x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ", "{\"code\":\"Error.NotFound\",\"message\":"},
    {"GET " SEND " HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ", "\r\nallow: POST\r\n"},
    {"POST " SEND " HTTP/1.1\r\n\r\n", "HTTP/1.1 401 ", "\r\nwww-authenticate: Bearer\r\n"},
    {"POST " SEND " HTTP/1.1\r\nAuthorization: Bearer x.y.z\r\n\r\n", "HTTP/1.1 401 ",
     "\r\nx-ms-error-code: Error.Unauthorized\r\n"},
    {"GET /client HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "no Upgrade header"},
    {"GET /client HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
     "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n",
     "HTTP/1.1 400 ", "no Upgrade header"}, /* other protocols are not heard of */
    {"GET /%zz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "}}"},
    {"GET * HTTP/1.1\r\n\r\n", "HTTP/1.1 400 ", "}}"},
};

TEST(errors_are_json_and_the_connection_stays)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        test_note("%s", errors[i].request);
        browser_send(&browser, slice_from_string(errors[i].request));
        while (!contains(&browser.in, "}")) {
            browser_await(&browser, browser.in.length + 1);
        }
        CHECK(slice_starts_with(buffer_slice(&browser.in), slice_from_string(errors[i].answer)));
        CHECK(contains(&browser.in, errors[i].part));
        browser.in.length = 0;
    }
    CHECK_INT_EQUAL(staff.calls, 0);
    browser_free(&browser);
    finish();
}

TEST(tokens_are_made_here)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    send_request(&browser, "POST", "/api/hubs/hub1/:generateToken?userId=u", "\r\n");
    while (!contains(&browser.in, "\"}")) {
        browser_await(&browser, browser.in.length + 1);
    }
    CHECK(contains(&browser.in, "HTTP/1.1 200 OK\r\n") && contains(&browser.in, "{\"token\":\"ey"));
    CHECK_INT_EQUAL(staff.calls, 0);
    browser_free(&browser);
    finish();
}

TEST(the_page_is_told_the_scheme)
{
    struct browser browser;

    begin();
    browser = browser_request("GET /negotiate?user=a HTTP/1.1\r\nHost: x\r\n\r\n", "\"}");
    CHECK(contains(&browser.in, world.is_tls ? "\"wss://x/" : "\"ws://x/"));
    browser_free(&browser);
    finish();
}

TEST(without_staff)
{
    struct browser browser;

    begin();
    stop();
    world.rest = NULL;
    start();
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "\r\n");
    while (!contains(&browser.in, "reached")) {
        browser_await(&browser, browser.in.length + 1);
    }
    CHECK(contains(&browser.in, "HTTP/1.1 503 ") && contains(&browser.in, "retry-after: 1\r\n"));
    browser_free(&browser);
    finish();
}

/* ---------------------------------------------------------------- one after another */

TEST(pipelined_requests_are_answered_in_order)
{
    struct browser browser;
    struct buffer requests = {0};

    begin();
    browser = browser_connect();
    for (int i = 0; i < 200; i++) {
        append_request(&requests, "POST", SEND, "Content-Length: 1\r\n\r\nx");
        append_request(&requests, "DELETE", "/api/hubs/hub1/users/u/groups", "\r\n");
    }
    browser_send(&browser, buffer_slice(&requests));
    for (int i = 0; i < 200; i++) {
        expect_answer(&browser, ACCEPTED);
        expect_answer(&browser, NO_CONTENT);
    }
    CHECK_INT_EQUAL(staff.calls, 400);
    buffer_release(&requests);
    browser_free(&browser);
    finish();
}

TEST(an_answer_may_come_later)
{
    struct browser browser;

    begin();
    staff.answers_later = true;
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "Content-Length: 1\r\n\r\nx");
    send_request(&browser, "GET", "/api/hubs/hub1/connections", "\r\n");
    TURN_UNTIL(staff.waiting);
    for (int i = 0; i < 20; i++) {
        turn();
    }
    CHECK_INT_EQUAL(staff.calls, 1); /* the next one waits */
    answer_now();
    expect_answer(&browser, ACCEPTED);
    TURN_UNTIL(staff.waiting);
    CHECK_INT_EQUAL(staff.kind, REST_LIST);
    answer_now();
    expect_answer(&browser, "HTTP/1.1 200 OK\r\n");
    browser_free(&browser);
    finish();
}

TEST(who_goes_does_not_get_an_answer)
{
    struct browser browser;

    begin();
    staff.answers_later = true;
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "Content-Length: 0\r\n\r\n");
    TURN_UNTIL(staff.waiting);
    browser_free(&browser);
    TURN_UNTIL(staff.abandoned == 1);
    finish();
}

TEST(much_that_comes_while_waiting_is_left)
{
    struct browser browser;
    struct buffer more = {0};

    begin();
    staff.answers_later = true;
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "Content-Length: 0\r\n\r\n");
    TURN_UNTIL(staff.waiting);
    append_request(&more, "POST", SEND, "Content-Length: 300000\r\n\r\n");
    memset(buffer_reserve(&more, 300000), 'x', 300000);
    more.length += 300000;
    browser_send(&browser, buffer_slice(&more));
    answer_now();
    expect_answer(&browser, ACCEPTED);
    TURN_UNTIL(staff.waiting);
    CHECK_INT_EQUAL(staff.data.length, 300000);
    answer_now();
    expect_answer(&browser, ACCEPTED);
    buffer_release(&more);
    browser_free(&browser);
    finish();
}

/* ---------------------------------------------------------------- bodies */

static void send_in_pieces(struct browser *browser, struct slice bytes, size_t size)
{
    while (bytes.length > 0) {
        size_t piece = bytes.length < size ? bytes.length : size;
        browser_send(browser, slice_make(bytes.data, piece));
        bytes = slice_from(bytes, piece);
    }
}

static const struct {
    const char *rest;
    const char *data; /* NULL: 400 */
} chunked[] = {
    {"0\r\n\r\n", ""},
    {"5\r\nhello\r\n0\r\n\r\n", "hello"},
    {"3\r\nhel\r\n02;a=b\r\nlo\r\n00\r\nTrailer: x\r\nAnother: y\r\n\r\n", "hello"},
    {"A \r\n0123456789\r\n0 \r\n\r\n", "0123456789"},
    {"x\r\n", NULL},
    {"\r\n", NULL},
    {"5\nhello\n0\n\n", NULL},
    {"5\r\nhello0\r\n\r\n", NULL},
    {"5\r\nhello\r0\r\n\r\n", NULL},
    {"FFFFFFFFFFFFFFFF\r\n", NULL},
    {"-1\r\n", NULL},
    {"0\r\nTrailer: x\n\r\n", NULL},
};

static void check_chunked(const char *rest, const char *data, size_t piece)
{
    struct browser browser = browser_connect();
    struct buffer request = {0};

    append_request(&request, "POST", SEND, "Transfer-Encoding: chunked\r\n\r\n");
    buffer_append_string(&request, rest);
    if (data) { /* another one behind it */
        append_request(&request, "DELETE", "/api/hubs/hub1/users/u/groups", "\r\n");
    }
    send_in_pieces(&browser, buffer_slice(&request), piece);
    if (data) {
        expect_answer(&browser, ACCEPTED NO_CONTENT);
    } else {
        expect_last(&browser, "HTTP/1.1 400 ");
    }
    buffer_release(&request);
    browser_free(&browser);
}

TEST(bodies_in_chunks)
{
    begin();
    for (size_t i = 0; i < sizeof(chunked) / sizeof(chunked[0]); i++) {
        test_note("row %zu", i);
        staff.calls = 0;
        check_chunked(chunked[i].rest, chunked[i].data, SIZE_MAX);
        check_chunked(chunked[i].rest, chunked[i].data, 1);
        CHECK_INT_EQUAL(staff.calls, chunked[i].data ? 4 : 0);
    }
    finish();
}

TEST(what_is_in_the_chunks)
{
    struct browser browser;
    struct buffer request = {0};

    begin();
    browser = browser_connect();
    append_request(&request, "POST", SEND, "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 1000; i++) {
        buffer_append_format(&request, "%x\r\n%0100d\r\n", 100, i);
    }
    buffer_append_string(&request, "0\r\n\r\n");
    send_in_pieces(&browser, buffer_slice(&request), 777);
    expect_answer(&browser, ACCEPTED);
    CHECK_INT_EQUAL(staff.data.length, 100000);
    for (int i = 0; i < 1000; i++) {
        char wanted[101];
        snprintf(wanted, sizeof(wanted), "%0100d", i);
        CHECK(memcmp(staff.data.data + (size_t)i * 100, wanted, 100) == 0);
    }
    buffer_release(&request);
    browser_free(&browser);
    finish();
}

TEST(bodies_are_bounded)
{
    struct browser browser;
    struct buffer request = {0};

    begin();
    for (size_t over = 0; over < 2; over++) {
        request.length = 0;
        browser = browser_connect();
        append_head(&request, "POST", SEND);
        buffer_append_format(&request, "Content-Length: %zu\r\n\r\n", MESSAGE_MAX + over);
        memset(buffer_reserve(&request, MESSAGE_MAX + 1), 'x', MESSAGE_MAX + 1);
        request.length += MESSAGE_MAX + over;
        browser_send(&browser, buffer_slice(&request));
        if (over) {
            expect_last(&browser, "HTTP/1.1 413 ");
        } else {
            expect_answer(&browser, ACCEPTED);
            CHECK_INT_EQUAL(staff.data.length, MESSAGE_MAX);
        }
        browser_free(&browser);
    }
    browser = browser_connect();
    request.length = 0;
    append_request(&request, "POST", SEND, "Transfer-Encoding: chunked\r\n\r\n100001\r\n");
    memset(buffer_reserve(&request, MESSAGE_MAX + 1), 'x', MESSAGE_MAX + 1);
    request.length += MESSAGE_MAX + 1;
    browser_send(&browser, buffer_slice(&request));
    expect_last(&browser, "HTTP/1.1 413 ");
    browser_free(&browser);
    buffer_release(&request);
    finish();
}

TEST(continue_is_said_once)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    expect_answer(&browser, CONTINUE);
    browser_send(&browser, SLICE_LITERAL("he"));
    browser_send(&browser, SLICE_LITERAL("llo"));
    expect_answer(&browser, ACCEPTED);
    send_request(&browser, "POST", SEND,
                 "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n");
    expect_answer(&browser, CONTINUE);
    browser_send(&browser, SLICE_LITERAL("2\r\nhi\r\n0\r\n\r\n"));
    expect_answer(&browser, ACCEPTED);
    CHECK_SLICE_EQUAL(buffer_slice(&staff.data), SLICE_LITERAL("hi"));
    send_request(&browser, "POST", SEND, "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
    expect_answer(&browser, ACCEPTED); /* it was there already */
    send_request(&browser, "POST", SEND, "Expect: 100-continue\r\nContent-Length: 9999999\r\n\r\n");
    expect_last(&browser, "HTTP/1.1 413 ");
    browser_free(&browser);
    finish();
}

/* ---------------------------------------------------------------- heads */

static const struct {
    const char *request, *answer;
} heads[] = {
    {"GET /healthz\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nA : b\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nA\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nA: b\nB: c\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nA: \x01\r\n\r\n", "HTTP/1.1 400 "},
    {"GET  /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"G@T /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
    {"\x16\x03\x01 hello\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
     "HTTP/1.1 400 "},
    {"GET /healthz HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
    {"GET /healthz HTTP/2.0\r\n\r\n", "HTTP/1.1 505 "},
    {"GET /healthz HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "},
    {"GET /healthz HTTP/1.1\r\nConnection: Close\r\n\r\n", "HTTP/1.1 200 "},
};

TEST(heads_that_end_the_connection)
{
    struct browser browser;

    begin();
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        test_note("row %zu", i);
        browser = browser_connect();
        browser_send(&browser, slice_from_string(heads[i].request));
        expect_last(&browser, heads[i].answer);
        browser_free(&browser);
    }
    finish();
}

TEST(heads_are_bounded)
{
    struct browser browser;
    struct buffer head = {0};

    begin();
    browser = browser_connect();
    buffer_append_string(&head, "GET /healthz HTTP/1.1\r\n");
    for (int i = 0; i < 101; i++) {
        buffer_append_string(&head, "A: b\r\n");
    }
    buffer_append_string(&head, "\r\n");
    browser_send(&browser, buffer_slice(&head));
    expect_last(&browser, "HTTP/1.1 431 ");
    browser_free(&browser);
    browser = browser_connect();
    head.length = 0;
    buffer_append_string(&head, "GET /");
    memset(buffer_reserve(&head, 70000), 'x', 70000);
    head.length += 70000;
    browser_send(&browser, buffer_slice(&head));
    expect_last(&browser, "HTTP/1.1 431 ");
    browser_free(&browser);
    buffer_release(&head);
    finish();
}

TEST(keep_alive_of_old_clients)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    for (int i = 0; i < 2; i++) {
        browser_send(&browser, SLICE_LITERAL("\r\nGET /healthz HTTP/1.0\r\n"
                                             "Connection: Keep-Alive\r\n\r\n"));
        expect_answer(&browser, "HTTP/1.1 200 OK\r\ncontent-type: application/json; "
                                "charset=utf-8\r\ncontent-length: 15\r\n\r\n{\"status\":\"ok\"}");
    }
    browser_free(&browser);
    finish();
}

/* ---------------------------------------------------------------- handing over */

#define UPGRADING "GET /client/hubs/h HTTP/1.1\r\n" UPGRADE "\r\n"

static void check_echo(struct browser *browser)
{
    while (!contains(&browser->in, "\r\n\r\n")) {
        browser_await(browser, browser->in.length + 1);
    }
    CHECK(contains(&browser->in, "HTTP/1.1 101 "));
    browser->in.length = 0;
    SAY(browser, "hello");
    EXPECT(browser, "hello");
    browser_free(browser);
}

TEST(an_upgrade_in_pieces)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    send_in_pieces(&browser, SLICE_LITERAL(UPGRADING), 20);
    check_echo(&browser);
    finish();
}

TEST(an_upgrade_behind_other_requests)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "Content-Length: 0\r\n\r\n");
    expect_answer(&browser, ACCEPTED);
    browser_send(&browser, SLICE_LITERAL(UPGRADING));
    check_echo(&browser);
    browser = browser_connect();
    send_request(&browser, "POST", SEND, "Content-Length: 0\r\n\r\n" UPGRADING);
    expect_answer(&browser, ACCEPTED);
    check_echo(&browser);
    finish();
}

/* ---------------------------------------------------------------- the end */

TEST(stopping_waits_for_answers)
{
    struct browser idle, waiting;

    begin();
    staff.answers_later = true;
    idle = browser_request("GET /healthz HTTP/1.1\r\n\r\n", "}");
    waiting = browser_connect();
    send_request(&waiting, "POST", SEND, "Content-Length: 0\r\n\r\n");
    TURN_UNTIL(staff.waiting);
    service_stop(world.service, on_stopped, &world);
    browser_await_end(&idle);
    answer_now();
    expect_last(&waiting, "HTTP/1.1 202 Accepted\r\n");
    browser_free(&idle);
    browser_free(&waiting);
    TURN_UNTIL(world.is_stopped);
    release_world();
    release_staff();
}
