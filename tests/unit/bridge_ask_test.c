/* bridge/net: handshakes that are answered when the hub's event handler has been asked
 * (spec/webpubsub.md 7.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/service.h"

#include "test.h"

#include "echo/browser.h"

#define ASK_HEADERS                                                                                \
    "Sec-WebSocket-Protocol: chat, json.webpubsub.azure.v1\r\nUser-Agent: me\r\nCookie: a=b\r\n"   \
    "X-Tenant:  one \r\nx-tenant: two\r\nX-Empty:\r\n"
#define ASK_REQUEST "GET /client/hubs/h?ask=1&x=y HTTP/1.1\r\n" UPGRADE ASK_HEADERS "\r\n"

/* It has sent its handshake, and the handler is being asked. */
static struct browser ask(void)
{
    struct browser browser = browser_connect();

    browser_send(&browser, SLICE_LITERAL(ASK_REQUEST));
    TURN_UNTIL(world.gateway.asking);
    return browser;
}

static void read_head(struct browser *browser)
{
    browser_await(browser, 1);
    while (!contains(&browser->in, "\r\n\r\n")) {
        browser_await(browser, browser->in.length + 1);
    }
}

TEST(the_answer_waits_for_the_handler)
{
    static const struct {
        const char *chosen; /* NULL: what was chosen without it */
        const char *header; /* NULL: none */
    } choices[] = {
        {NULL, "Sec-WebSocket-Protocol: json.webpubsub.azure.v1\r\n"},
        {"protobuf.webpubsub.azure.v1", "Sec-WebSocket-Protocol: protobuf.webpubsub.azure.v1\r\n"},
        {"", NULL},
    };

    start();
    for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
        struct browser browser = ask(), other;

        other = browser_open("/client/hubs/h", "", NULL); /* nobody else waits */
        SAY(&other, "hello");
        EXPECT(&other, "hello");
        browser_free(&other);
        browser_read(&browser);
        CHECK_INT_EQUAL(browser.in.length, 0);
        echo_decide(&world.gateway, 101, "", choices[i].chosen);
        read_head(&browser);
        CHECK(contains(&browser.in, "HTTP/1.1 101 "));
        CHECK(contains(&browser.in, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        CHECK_INT_EQUAL(contains(&browser.in, "Sec-WebSocket-Protocol"), choices[i].header != NULL);
        CHECK(!choices[i].header || contains(&browser.in, choices[i].header));
        browser.in.length = 0;
        SAY(&browser, "hello");
        EXPECT(&browser, "hello");
        browser_free(&browser);
    }
    stop();
}

static void check_arrival(void)
{
    CHECK(strncmp(world.gateway.arrival, "ask=1&x=y\nchat, json.webpubsub.azure.v1\n",
                  strlen("ask=1&x=y\nchat, json.webpubsub.azure.v1\n")) == 0);
    CHECK(strstr(world.gateway.arrival, "\nHost\nlocalhost\n"));
    CHECK(strstr(world.gateway.arrival, "\nUser-Agent\nme\nCookie\na=b\n"));
    CHECK(strstr(world.gateway.arrival, "\nX-Tenant\none\nx-tenant\ntwo\nX-Empty\n\n"));
}

/* With headers that libwebsockets has no name for. */
TEST(the_handler_is_told_of_the_request)
{
    struct browser browser;

    start();
    browser = ask();
    check_arrival();
    echo_decide(&world.gateway, 101, "", NULL);
    browser_free(&browser);
    stop();
}

/* As far as it has come it was read before it is libwebsockets'. */
TEST(the_handler_is_told_of_a_request_that_came_in_pieces)
{
    static const struct slice request = SLICE_LITERAL(ASK_REQUEST);
    static const size_t pieces[] = {10, 100, sizeof(ASK_REQUEST) - 2};

    start();
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct browser browser = browser_connect();

        browser_send(&browser, slice_make(request.data, pieces[i]));
        browser_send(&browser, slice_from(request, pieces[i]));
        TURN_UNTIL(world.gateway.asking);
        check_arrival();
        echo_decide(&world.gateway, 101, "", NULL);
        read_head(&browser);
        CHECK(contains(&browser.in, "HTTP/1.1 101 "));
        browser_free(&browser);
    }
    stop();
}

/* And so is the request before it, on the same connection. */
TEST(the_handler_is_told_of_a_request_behind_another)
{
    struct browser browser;

    start();
    browser = browser_request("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", "}");
    browser_send(&browser, SLICE_LITERAL(ASK_REQUEST));
    TURN_UNTIL(world.gateway.asking);
    check_arrival();
    echo_decide(&world.gateway, 101, "", NULL);
    browser_free(&browser);
    stop();
}

TEST(the_handler_refuses)
{
    static const struct {
        int status;
        const char *head;
    } refusals[] = {{401, "HTTP/1.1 401 "}, {418, "HTTP/1.1 418 "}, {500, "HTTP/1.1 500 "}};

    start();
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct browser browser = ask();

        echo_decide(&world.gateway, refusals[i].status, "denied!", NULL);
        browser_await_end(&browser);
        CHECK(contains(&browser.in, refusals[i].head));
        CHECK(contains(&browser.in, "content-length: 7\r\n"));
        CHECK(contains(&browser.in, "\r\n\r\ndenied!"));
        browser_free(&browser);
    }
    CHECK_INT_EQUAL(world.gateway.opened, 0);
    CHECK_INT_EQUAL(count_refused("401"), 1);
    CHECK_INT_EQUAL(count_refused("other"), 1);
    CHECK_INT_EQUAL(count_refused("500"), 1);
    stop();
}

TEST(a_browser_that_goes_meanwhile_is_forgotten)
{
    struct browser browser;

    start();
    browser = ask();
    browser_free(&browser);
    TURN_UNTIL(!world.gateway.asking);
    TURN_UNTIL(service_websocket_count(world.service) == 0);
    CHECK_INT_EQUAL(world.gateway.opened, 0);
    stop();
}

TEST(a_browser_that_does_not_wait_for_its_answer_is_dropped)
{
    struct browser browser;

    start();
    browser = ask();
    SAY(&browser, "hello");
    browser_await_end(&browser);
    CHECK_INT_EQUAL(browser.in.length, 0);
    CHECK(!world.gateway.asking);
    browser_free(&browser);
    stop();
}

TEST(a_service_that_stops_asks_no_more)
{
    struct browser browser;

    start();
    browser = ask();
    service_stop(world.service, on_stopped, &world);
    browser_await_end(&browser);
    CHECK(contains(&browser.in, "HTTP/1.1 503 "));
    CHECK(!world.gateway.asking);
    browser_free(&browser);
    TURN_UNTIL(world.is_stopped);
    release_world();
}
