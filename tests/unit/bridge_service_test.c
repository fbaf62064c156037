/* bridge/net: handshakes, plain HTTP, and how connections and the service end.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/service.h"

#include "test.h"

#include "echo/browser.h"

/* ---------------------------------------------------------------- the handshake */

static const struct {
    const char *offered; /* header; NULL: none */
    const char *chosen;  /* NULL: the answer has no such header */
} protocols[] = {
    {NULL, NULL},
    {"mqtt", "mqtt"},
    {"chat", NULL},
    {"chat, superchat", NULL},
    {"chat, json.webpubsub.azure.v1", "json.webpubsub.azure.v1"},
    {"protobuf.reliable.webpubsub.azure.v1,json.webpubsub.azure.v1",
     "protobuf.reliable.webpubsub.azure.v1"},
};

TEST(subprotocols)
{
    start();
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        char header[200] = "";
        struct buffer answer = {0};
        struct browser browser;
        test_note("offering %s", protocols[i].offered ? protocols[i].offered : "nothing");
        if (protocols[i].offered) {
            snprintf(header, sizeof(header), "Sec-WebSocket-Protocol: %s\r\n",
                     protocols[i].offered);
        }
        browser = browser_open("/client/hubs/h", header, &answer);
        CHECK(contains(&answer, "HTTP/1.1 101 "));
        CHECK(contains(&answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        CHECK_INT_EQUAL(contains(&answer, "Sec-WebSocket-Protocol"), protocols[i].chosen != NULL);
        if (protocols[i].chosen) {
            snprintf(header, sizeof(header), "Sec-WebSocket-Protocol: %s\r\n", protocols[i].chosen);
            CHECK(contains(&answer, header));
        }
        SAY(&browser, "hello");
        EXPECT(&browser, "hello");
        buffer_release(&answer);
        browser_free(&browser);
    }
    stop();
}

static const struct {
    const char *request, *answer;
} refused[] = {
    {"GET /client/hubs/h?refuse=401 HTTP/1.1\r\n" UPGRADE "\r\n", "HTTP/1.1 401 "},
    {"GET /client/hubs/h?refuse=401 HTTP/1.1\r\n" UPGRADE "\r\n",
     "{\"error\":{\"code\":\"Unauthorized\",\"message\":\"refused by \\\"echo\\\"\"}}"},
    {"GET /client/hubs/h?refuse=404 HTTP/1.1\r\n" UPGRADE "\r\n", "HTTP/1.1 404 "},
    {"POST /client/hubs/h HTTP/1.1\r\n" UPGRADE "\r\n", "HTTP/1.1 400 "},
    {"GET /client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
     "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     "HTTP/1.1 426 "},
    {"GET /client HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUpgrade: websocket\r\n"
     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
     "HTTP/1.1 400 "},
    {"GET /client HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
     "Sec-WebSocket-Version: 13\r\n\r\n",
     "HTTP/1.1 400 "},
    {"GET /client HTTP/1.1\r\n" UPGRADE "Sec-WebSocket-Protocol: ,\r\n\r\n", "HTTP/1.1 400 "},
};

TEST(upgrades_that_are_refused)
{
    start();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct browser browser;
        test_note("row %zu", i);
        browser = browser_request(refused[i].request, refused[i].answer);
        CHECK(contains(&browser.in, refused[i].answer));
        browser_await_end(&browser);
        browser_free(&browser);
    }
    CHECK_INT_EQUAL(world.gateway.opened, 0);
    CHECK_INT_EQUAL(count_refused("426"), 1);
    CHECK(count_refused("400") > 1);
    CHECK_INT_EQUAL(count_refused("503"), 0);
    stop();
}

TEST(without_a_broker)
{
    struct browser browser;

    start();
    world.gateway.is_unready = true;
    browser = browser_request("GET /client HTTP/1.1\r\n" UPGRADE "\r\n", "}}");
    CHECK(contains(&browser.in, "HTTP/1.1 503 "));
    CHECK(contains(&browser.in, "retry-after: 1\r\n"));
    browser_free(&browser);
    browser = browser_request("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n", "}}");
    CHECK(contains(&browser.in, "HTTP/1.1 503 "));
    browser_free(&browser);
    browser = browser_request("GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n", "}}");
    CHECK(contains(&browser.in, "HTTP/1.1 503 "));
    browser_free(&browser);
    browser = browser_request("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "\"}");
    CHECK(contains(&browser.in, "HTTP/1.1 200 "));
    browser_free(&browser);
    stop();
}

/* libwebsockets decodes a URL; what the decision gets must mean what the browser sent. */
TEST(the_url_as_it_came)
{
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/a%20b?x=1&group=a%26b%3Dc%2Bd%25e+f%C3%A4&y=",
                           "Authorization: Bearer abc\r\n", NULL);
    CHECK_STRING_EQUAL(world.gateway.target,
                       "/client/hubs/a%20b?x=1&group=a%26b=c%2Bd%25e%20f%C3%A4&y=");
    CHECK_STRING_EQUAL(world.gateway.authorization, "Bearer abc");
    CHECK_STRING_EQUAL(echo_client(&world.gateway)->peer, "127.0.0.1");
    CHECK(echo_client(&world.gateway)->is_loopback);
    browser_free(&browser);
    stop();
}

static struct browser ask_with_token(size_t length)
{
    struct buffer request = {0};
    struct browser browser = browser_connect();

    buffer_append_string(&request, "GET /client/hubs/h?access_token=");
    memset(buffer_reserve(&request, length), 'a', length);
    request.length += length;
    buffer_append_string(&request, " HTTP/1.1\r\n" UPGRADE "\r\n");
    browser_send(&browser, buffer_slice(&request));
    buffer_release(&request);
    return browser;
}

TEST(long_urls)
{
    struct browser browser;

    start();
    browser = ask_with_token(36000); /* two tokens and more */
    browser_await(&browser, 100);
    CHECK(contains(&browser.in, "HTTP/1.1 101 "));
    CHECK_INT_EQUAL(strlen(world.gateway.target), 36000 + strlen("/client/hubs/h?access_token="));
    browser_free(&browser);
    browser = ask_with_token(40000);
    browser_await(&browser, 100);
    CHECK(contains(&browser.in, "HTTP/1.1 414 "));
    browser_free(&browser);
    browser = ask_with_token(64000); /* more than is kept of a head: no answer, but no harm */
    browser_free(&browser);
    browser = browser_open("/client/hubs/h", "", NULL);
    SAY(&browser, "still there");
    EXPECT(&browser, "still there");
    browser_free(&browser);
    stop();
}

/* ---------------------------------------------------------------- plain HTTP */

static const struct {
    const char *request, *answer, *body; /* body NULL: none */
} plain[] = {
    {"GET /healthz", "200 OK", "{\"status\":\"ok\"}"},
    {"HEAD /healthz", "200 OK", NULL},
    {"GET /readyz", "200 OK", "{\"status\":\"ok\"}"},
    {"GET /api/health", "200 OK", "{\"status\":\"ok\"}"},
    {"HEAD /api/health?api-version=2024-12-01", "200 OK", NULL},
    {"GET /metrics", "200 OK", "opened 0\n"},
    {"HEAD /metrics", "200 OK", NULL},
    {"GET /nothing", "404 Not Found",
     "{\"error\":{\"code\":\"NotFound\",\"message\":\"there is nothing at this path\"}}"},
    {"GET /client/hubs/h", "400 Bad Request",
     "{\"error\":{\"code\":\"BadRequest\",\"message\":\"this is for WebSockets: the request has no "
     "Upgrade header\"}}"},
    {"GET /mqtt", "400 Bad Request", "no Upgrade header\"}}"},
    {"OPTIONS /healthz", "204 No Content", NULL},
    {"DELETE /healthz", "405 Method Not Allowed", "are possible here\"}}"},
    {"GET /", "200 OK", "</html>"},
    {"GET /negotiate", "400 Bad Request", NULL},
};

TEST(plain_http)
{
    struct browser browser;

    start();
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        char request[200];
        test_note("%s", plain[i].request);
        snprintf(request, sizeof(request), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 plain[i].request);
        browser = browser_request(request, "\r\n\r\n");
        browser_await_end(&browser);
        CHECK(contains(&browser.in, plain[i].answer));
        if (plain[i].body) {
            CHECK(contains(&browser.in, plain[i].body));
        } else if (strncmp(plain[i].request, "GET", 3) != 0) {
            CHECK(memcmp(browser.in.data + browser.in.length - 4, "\r\n\r\n", 4) == 0);
        }
        browser_free(&browser);
    }
    stop();
}

TEST(several_requests_on_one_connection)
{
    struct browser browser;

    start();
    browser = browser_connect();
    for (int i = 0; i < 3; i++) {
        browser_send(&browser, SLICE_LITERAL("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"));
        browser_await(&browser, 1);
        while (!contains(&browser.in, "{\"status\":\"ok\"}")) {
            browser_await(&browser, browser.in.length + 1);
        }
        browser.in.length = 0;
    }
    browser_free(&browser);
    stop();
}

/* ---------------------------------------------------------------- closing */

/* Of clients without a subprotocol. */
static struct traffic *traffic(void)
{
    return metrics_traffic(&world.gateway.metrics, &(struct upgrade){.kind = UPGRADE_RAW});
}

TEST(what_comes_and_goes_is_counted)
{
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    SAY(&browser, "12345");
    EXPECT(&browser, "12345");
    SAY(&browser, "flood 3 65536");
    for (int i = 0; i < 3; i++) {
        browser_await(&browser, 65536 + 10);
        buffer_consume(&browser.in, 65536 + 10);
    }
    CHECK_INT_EQUAL(traffic()->connections, 1);
    CHECK_INT_EQUAL(traffic()->connections_total, 1);
    CHECK_INT_EQUAL(traffic()->messages_in, 2);
    CHECK_INT_EQUAL(traffic()->bytes_in, 5 + 13);
    CHECK_INT_EQUAL(traffic()->messages_out, 4);
    CHECK_INT_EQUAL(traffic()->bytes_out, 5 + 3 * 65536);
    browser_say(&browser, FINAL | CLOSE, SLICE_LITERAL("\x03\xe8"));
    TURN_UNTIL(world.gateway.ended == 1);
    browser_free(&browser);
    CHECK_INT_EQUAL(traffic()->connections, 0);
    CHECK_INT_EQUAL(traffic()->closed[CLOSED_NORMAL], 1);
    browser = browser_open("/client/hubs/h", "", NULL);
    browser_say(&browser, FINAL | TEXT, SLICE_LITERAL("\xff"));
    expect(&browser, FINAL | CLOSE,
           SLICE_LITERAL("\x03\xef"
                         "text is not UTF-8"));
    browser_say(&browser, FINAL | CLOSE, SLICE_LITERAL("\x03\xef"));
    TURN_UNTIL(world.gateway.ended == 2);
    browser_free(&browser);
    CHECK_INT_EQUAL(traffic()->connections_total, 2);
    CHECK_INT_EQUAL(traffic()->closed[CLOSED_BAD_REQUEST], 1);
    stop();
}

TEST(the_client_learns_how_it_ended)
{
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    browser_say(&browser, FINAL | CLOSE,
                SLICE_LITERAL("\x03\xe8"
                              "bye"));
    expect(&browser, FINAL | CLOSE,
           SLICE_LITERAL("\x03\xe8"
                         "bye"));
    browser_await_end(&browser);
    CHECK_INT_EQUAL(world.gateway.ended_code, 1000);
    browser_free(&browser);

    browser = browser_open("/client/hubs/h", "", NULL);
    browser_say(&browser, FINAL | CLOSE, SLICE_EMPTY);
    browser_await_end(&browser);
    CHECK_INT_EQUAL(world.gateway.ended_code, 1005);
    browser_free(&browser);

    browser = browser_open("/client/hubs/h", "", NULL);
    browser_free(&browser);
    TURN_UNTIL(world.gateway.ended == 3);
    CHECK_INT_EQUAL(world.gateway.ended_code, 1006);
    CHECK_INT_EQUAL(service_websocket_count(world.service), 0);
    stop();
}

TEST(closing_comes_behind_what_waits)
{
    struct buffer both = {0};
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    append_frame(&both, FINAL | TEXT, slice_from_string("last words"));
    append_frame(&both, FINAL | TEXT, slice_from_string("close 4001 as you wish"));
    append_frame(&both, FINAL | TEXT, slice_from_string("not heard any more"));
    browser_send(&browser, buffer_slice(&both));
    buffer_release(&both);
    EXPECT(&browser, "last words");
    expect(&browser, FINAL | CLOSE,
           SLICE_LITERAL("\x0f\xa1"
                         "as you wish"));
    CHECK_INT_EQUAL(echo_client(&world.gateway)->received, 2);
    browser_say(&browser, FINAL | CLOSE, SLICE_LITERAL("\x0f\xa1"));
    browser_await_end(&browser);
    CHECK_INT_EQUAL(browser.in.length, 0);
    CHECK_INT_EQUAL(world.gateway.ended_code, 4001);
    browser_free(&browser);
    stop();
}

/* A browser that neither reads nor answers is dropped five seconds after the close. */
TEST(closing_ends_without_the_browser)
{
    struct browser deaf, silent;
    msec_t begin;

    start();
    deaf = browser_open("/client/hubs/h", "", NULL);
    SAY(&deaf, "flood 200 100000");
    silent = browser_open("/client/hubs/h", "", NULL);
    begin = clock_now();
    SAY(&deaf, "close 1008 slow");
    SAY(&silent, "close 1000 bye");
    TURN_UNTIL(world.gateway.ended == 2);
    CHECK(clock_now() - begin >= 4500);
    CHECK(clock_now() - begin < 8000);
    browser_free(&deaf);
    browser_free(&silent);
    stop();
}

TEST(stopping_closes_all)
{
    struct browser browsers[3];

    start();
    for (int i = 0; i < 3; i++) {
        browsers[i] = browser_open("/client/hubs/h", "", NULL);
    }
    service_stop(world.service, on_stopped, &world);
    for (int i = 0; i < 3; i++) {
        expect(&browsers[i], FINAL | CLOSE, SLICE_LITERAL("\x03\xe9service restart"));
        browser_say(&browsers[i], FINAL | CLOSE, SLICE_LITERAL("\x03\xe9"));
    }
    TURN_UNTIL(world.is_stopped);
    for (int i = 0; i < 3; i++) {
        browser_free(&browsers[i]);
    }
    CHECK_INT_EQUAL(world.gateway.ended, 3);
    CHECK_INT_EQUAL(traffic()->connections, 0);
    CHECK_INT_EQUAL(traffic()->closed[CLOSED_SERVICE_RELOAD], 3);
    echo_release(&world.gateway);
    release_world();
}
