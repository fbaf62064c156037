/* bridge/net: what is special about https listeners. That all else is the same with TLS, the other
 * tests of the front door show, which run with it as well (tests/CMakeLists.txt).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <poll.h>

#include "echo/browser.h"

static void begin(void)
{
    world.is_tls = true;
    start();
}

/* Nothing is ready: a loop that goes on by itself wants no processor. */
static bool is_quiet(void)
{
    struct pollfd loop = {.fd = uv_backend_fd(&world.loop), .events = POLLIN};

    turn();
    turn();
    return poll(&loop, 1, 0) == 0;
}

/* The next connection is offered these settings. */
static struct browser connect_with(SSL_SESSION *session, struct slice protocols)
{
    struct browser browser = browser_connect_tcp();

    browser_prepare_tls(&browser);
    SSL_set_session(browser.ssl, session);
    SSL_set_alpn_protos(browser.ssl, protocols.data, (unsigned)protocols.length);
    browser_shake_hands(&browser);
    return browser;
}

static void reset(struct browser *browser)
{
    struct linger at_once = {.l_onoff = 1};

    setsockopt(browser->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    browser_free(browser);
}

/* ---------------------------------------------------------------- handshakes */

TEST(what_is_not_tls_is_dropped)
{
    static const struct slice garbage[] = {
        SLICE_LITERAL("GET / HTTP/1.1\r\n\r\n"),
        SLICE_LITERAL("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), /* a ClientHello of nothing */
        SLICE_LITERAL("\x16\x03\x01\xff\xff"),                 /* longer than any record */
        SLICE_LITERAL("\x15\x03\x03\x00\x02\x02\x28"),         /* it has failed, they say */
    };

    begin();
    for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
        struct browser browser = browser_connect_tcp();
        test_note("row %zu", i);
        browser_send(&browser, garbage[i]);
        browser_await_end(&browser);
        CHECK(!contains(&browser.in, "HTTP"));
        browser_free(&browser);
    }
    stop();
}

TEST(a_handshake_has_its_time)
{
    struct browser silent, slow;
    msec_t since;

    begin();
    since = clock_now();
    silent = browser_connect_tcp();
    slow = browser_connect_tcp();
    browser_send(&slow, SLICE_LITERAL("\x16\x03\x01\x02\x00\x01"));
    TURN_UNTIL(is_quiet());
    browser_await_end(&silent);
    browser_await_end(&slow);
    CHECK(clock_now() - since >= 9500);
    browser_free(&silent);
    browser_free(&slow);
    stop();
}

TEST(stopping_does_not_wait_for_handshakes)
{
    struct browser browser;
    msec_t since;

    begin();
    browser = browser_connect_tcp();
    browser_send(&browser, SLICE_LITERAL("\x16\x03\x01\x02\x00\x01"));
    TURN_UNTIL(is_quiet());
    since = clock_now();
    stop();
    CHECK(clock_now() - since < 4000);
    browser_free(&browser);
}

TEST(sessions_resume_by_tickets)
{
    struct browser browser;
    SSL_SESSION *session;

    begin();
    browser = browser_request("GET /healthz HTTP/1.1\r\n\r\n", "}"); /* the ticket came as well */
    session = SSL_get1_session(browser.ssl);
    CHECK(!SSL_session_reused(browser.ssl));
    SSL_set_shutdown(browser.ssl, SSL_SENT_SHUTDOWN); /* else it is not to be resumed */
    browser_free(&browser);
    browser = connect_with(session, SLICE_EMPTY);
    CHECK(SSL_session_reused(browser.ssl));
    browser_free(&browser);
    SSL_SESSION_free(session);
    stop();
}

TEST(http_is_chosen_of_the_protocols_that_are_offered)
{
    const unsigned char *chosen = NULL;
    unsigned length = 0;
    struct browser browser;

    begin();
    browser = connect_with(NULL, SLICE_LITERAL("\x02h2\x08http/1.1"));
    SSL_get0_alpn_selected(browser.ssl, &chosen, &length);
    CHECK_SLICE_EQUAL(slice_make(chosen, length), SLICE_LITERAL("http/1.1"));
    browser_free(&browser);
    browser = connect_with(NULL, SLICE_LITERAL("\x02h2"));
    SSL_get0_alpn_selected(browser.ssl, &chosen, &length);
    CHECK_INT_EQUAL(length, 0);
    browser_free(&browser);
    stop();
}

/* ---------------------------------------------------------------- certificates */

static bool shows(const struct credential *credential)
{
    struct browser browser = browser_connect();
    X509 *shown = SSL_get1_peer_certificate(browser.ssl);
    bool is_same = X509_cmp(shown, credential->certificate) == 0;

    X509_free(shown);
    browser_free(&browser);
    return is_same;
}

TEST(certificates_are_read_again)
{
    struct service_listener listener = {.address = "127.0.0.1"};
    struct credential other;
    struct browser before;

    begin();
    credential_make(&other, "other", NULL);
    before = browser_open("/client/hubs/h", "", NULL);
    listener.certificate_file = other.certificate_path;
    listener.key_file = world.credential.key_path; /* which is not its key */
    service_reload_certificates(world.service, &listener, 1);
    CHECK(shows(&world.credential));
    listener.key_file = other.key_path;
    service_reload_certificates(world.service, &listener, 1);
    CHECK(shows(&other));
    SAY(&before, "still there");
    EXPECT(&before, "still there");
    browser_free(&before);
    credential_release(&other);
    stop();
}

/* ---------------------------------------------------------------- bytes */

enum { FLOOD = 200, FLOOD_SIZE = 100000 };

static void read_flood(struct browser *browser)
{
    for (int i = 0; i < FLOOD; i++) {
        struct frame frame = next_frame(browser);
        CHECK_INT_EQUAL(frame.payload.length, FLOOD_SIZE);
        CHECK_INT_EQUAL(frame.payload.data[3], i);
        drop_frame(browser, frame);
    }
}

TEST(a_browser_that_does_not_read_is_waited_for)
{
    struct browser browser;

    begin();
    browser = browser_open("/client/hubs/h", "", NULL);
    SAY(&browser, "flood 200 100000");
    TURN_UNTIL(echo_client(&world.gateway)->received == 1 && is_quiet());
    SAY(&browser, "heard meanwhile");
    TURN_UNTIL(echo_client(&world.gateway)->received == 2 && is_quiet());
    read_flood(&browser);
    EXPECT(&browser, "heard meanwhile");
    browser_free(&browser);
    stop();
}

TEST(big_frames_pass_each_other)
{
    struct buffer big = {0};
    struct browser browser;

    begin();
    memset(buffer_reserve(&big, MESSAGE_MAX), 'b', MESSAGE_MAX);
    big.length = MESSAGE_MAX;
    browser = browser_open("/client/hubs/h", "", NULL);
    SAY(&browser, "flood 200 100000");
    browser_say(&browser, FINAL | BINARY, buffer_slice(&big));
    read_flood(&browser);
    expect(&browser, FINAL | BINARY, buffer_slice(&big));
    browser_free(&browser);
    buffer_release(&big);
    stop();
}

/* ---------------------------------------------------------------- ends */

TEST(a_browser_that_is_gone_is_noticed)
{
    struct browser browser;

    begin();
    browser = browser_open("/client/hubs/h", "", NULL);
    reset(&browser);
    TURN_UNTIL(world.gateway.ended == 1);
    CHECK_INT_EQUAL(world.gateway.ended_code, 1006);
    browser = browser_open("/client/hubs/h", "", NULL);
    SAY(&browser, "flood 200 100000");
    TURN_UNTIL(echo_client(&world.gateway)->received == 1 && is_quiet());
    reset(&browser); /* while much waits for it */
    TURN_UNTIL(world.gateway.ended == 2);
    TURN_UNTIL(is_quiet());
    stop();
}

TEST(who_says_goodbye_is_answered_so)
{
    struct browser browser;

    begin();
    browser = browser_request("GET /healthz HTTP/1.1\r\n\r\n", "}");
    SSL_shutdown(browser.ssl);
    browser_await_end(&browser);
    CHECK(SSL_get_shutdown(browser.ssl) & SSL_RECEIVED_SHUTDOWN);
    browser_free(&browser);
    stop();
}

/* The answer is behind a close that the browser does not answer for a while. */
TEST(a_service_that_has_ended_waits_for_the_browser)
{
    struct browser browser;

    begin();
    browser = browser_connect();
    browser_send(&browser, SLICE_LITERAL("GET /healthz HTTP/1.0\r\n\r\n"));
    browser_await_end(&browser);
    CHECK(contains(&browser.in, "{\"status\":\"ok\"}"));
    CHECK(SSL_get_shutdown(browser.ssl) & SSL_RECEIVED_SHUTDOWN);
    TURN_UNTIL(is_quiet());
    browser_send(&browser, SLICE_LITERAL("is thrown away"));
    TURN_UNTIL(is_quiet());
    browser_free(&browser);
    stop();
}

TEST(a_browser_that_is_deaf_does_not_hold_up_the_stop)
{
    struct browser browser;
    msec_t since;

    begin();
    browser = browser_open("/client/hubs/h", "", NULL);
    SAY(&browser, "flood 200 100000");
    TURN_UNTIL(echo_client(&world.gateway)->received == 1 && is_quiet());
    since = clock_now();
    stop();
    CHECK(clock_now() - since < 8000);
    browser_free(&browser);
}
