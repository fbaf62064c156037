/* bridge/net: messages, violations, slow browsers, pauses and keep-alive of WebSockets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/service.h"

#include "test.h"

#include "echo/browser.h"

/* ---------------------------------------------------------------- messages */

static void fill(uint8_t *bytes, size_t length)
{
    uint64_t random = length + 1;

    for (size_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)test_random(&random);
    }
}

TEST(messages_of_every_size)
{
    static const size_t sizes[] = {0,   1,   125,   126,   240,   248,    256,        257,
                                   500, 511, 65535, 65536, 65600, 300000, MESSAGE_MAX};
    uint8_t *bytes = memory_allocate(MESSAGE_MAX);
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        test_note("%zu bytes", sizes[i]);
        fill(bytes, sizes[i]);
        browser_say(&browser, FINAL | BINARY, slice_make(bytes, sizes[i]));
        expect(&browser, FINAL | BINARY, slice_make(bytes, sizes[i]));
    }
    TURN_UNTIL(echo_client(&world.gateway)->written >= MESSAGE_MAX);
    browser_free(&browser);
    free(bytes);
    stop();
}

TEST(fragments_and_pings_between_them)
{
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    browser_say(&browser, TEXT, SLICE_LITERAL("Gr\xc3"));
    browser_say(&browser, FINAL | PING, SLICE_LITERAL("there?"));
    expect(&browser, FINAL | PONG, SLICE_LITERAL("there?"));
    browser_say(&browser, CONTINUATION, SLICE_EMPTY);
    browser_say(&browser, FINAL | PING, SLICE_EMPTY);
    expect(&browser, FINAL | PONG, SLICE_EMPTY);
    browser_say(&browser, FINAL | CONTINUATION,
                SLICE_LITERAL("\xbc\xc3\x9f"
                              "e"));
    EXPECT(&browser, "Gr\xc3\xbc\xc3\x9f"
                     "e");
    SAY(&browser, "and whole ones again");
    EXPECT(&browser, "and whole ones again");
    browser_free(&browser);
    stop();
}

/* Many messages in one segment, and each message in many segments. */
TEST(messages_and_segments)
{
    struct buffer bytes = {0};
    struct browser browser;
    char text[40];

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "this is message number %d", i);
        append_frame(&bytes, FINAL | TEXT, slice_from_string(text));
    }
    browser_send(&browser, buffer_slice(&bytes));
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "this is message number %d", i);
        EXPECT(&browser, text);
    }
    bytes.length = 0;
    append_frame(&bytes, FINAL | TEXT, slice_from_string("byte by byte"));
    for (size_t i = 0; i < bytes.length; i++) {
        browser_send(&browser, slice_make(bytes.data + i, 1));
        turn();
    }
    EXPECT(&browser, "byte by byte");
    browser_free(&browser);
    buffer_release(&bytes);
    stop();
}

/* The first message may come with the request. */
TEST(a_message_right_behind_the_request)
{
    struct buffer bytes = {0};
    struct browser browser;

    start();
    browser = browser_connect();
    buffer_append_string(&bytes, "GET /client/hubs/h HTTP/1.1\r\n" UPGRADE "\r\n");
    append_frame(&bytes, FINAL | TEXT, slice_from_string("early"));
    browser_send(&browser, buffer_slice(&bytes));
    while (browser.in.length == 0 || !contains(&browser.in, "\x81\x05"
                                                            "early")) {
        browser_await(&browser, browser.in.length + 1);
    }
    browser_free(&browser);
    buffer_release(&bytes);
    stop();
}

/* ---------------------------------------------------------------- violations */

TEST(violations_close_with_their_code)
{
    static const struct {
        int first_byte;
        const char *payload;
        uint16_t code;
    } rows[] = {
        {FINAL | TEXT, "\xff\xfe", 1007}, {FINAL | TEXT, "cut \xc3", 1007},  {FINAL | 3, "x", 1002},
        {FINAL | 0x40 | TEXT, "x", 1002}, {FINAL | CONTINUATION, "x", 1002}, {PING, "x", 1002},
    };
    struct browser browser;

    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        browser = browser_open("/client/hubs/h", "", NULL);
        browser_say(&browser, rows[i].first_byte, slice_from_string(rows[i].payload));
        expect_close(&browser, rows[i].code);
        TURN_UNTIL(world.gateway.ended == i + 1);
        browser_free(&browser);
    }
    stop();
}

TEST(too_big)
{
    uint8_t *bytes = memory_allocate_zero(MESSAGE_MAX + 1);
    struct browser browser;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    browser_say(&browser, FINAL | BINARY, slice_make(bytes, MESSAGE_MAX + 1));
    expect_close(&browser, 1009);
    browser_free(&browser);
    browser = browser_open("/client/hubs/h", "", NULL);
    browser_say(&browser, BINARY, slice_make(bytes, MESSAGE_MAX / 2));
    browser_say(&browser, CONTINUATION, slice_make(bytes, MESSAGE_MAX / 2));
    browser_say(&browser, FINAL | CONTINUATION, slice_make(bytes, 1));
    expect_close(&browser, 1009);
    browser_free(&browser);
    free(bytes);
    stop();
}

/* ---------------------------------------------------------------- slow browsers */

static const size_t FLOOD_COUNT = 300, FLOOD_SIZE = 100000;

/* A pong may come anywhere between; returns how many did. */
static int expect_flood(struct browser *browser)
{
    int pongs = 0;

    for (uint32_t i = 0; i < FLOOD_COUNT; i++) {
        struct frame frame = next_frame(browser);
        const uint8_t *bytes = frame.payload.data;
        if (frame.first_byte == (FINAL | PONG)) {
            drop_frame(browser, frame);
            pongs++;
            i--;
            continue;
        }
        CHECK_INT_EQUAL(frame.payload.length, FLOOD_SIZE);
        CHECK_INT_EQUAL((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                            (uint32_t)bytes[2] << 8 | bytes[3],
                        i);
        CHECK(bytes[4] == (uint8_t)i && memcmp(bytes + 4, bytes + 5, FLOOD_SIZE - 5) == 0);
        drop_frame(browser, frame);
    }
    return pongs;
}

TEST(a_browser_that_does_not_read)
{
    struct browser slow, other;
    struct client *client;

    start();
    slow = browser_open("/client/hubs/h", "", NULL);
    SAY(&slow, "flood 300 100000");
    client = echo_client(&world.gateway);
    TURN_UNTIL(client->received == 1);
    other = browser_open("/client/hubs/h", "", NULL);
    for (int i = 0; i < 100; i++) {
        SAY(&other, "not held up");
        EXPECT(&other, "not held up");
    }
    CHECK(client->written < FLOOD_COUNT * FLOOD_SIZE); /* the rest waits here, and nobody lost it */
    browser_say(&slow, FINAL | PING, SLICE_LITERAL("?"));
    if (expect_flood(&slow) == 0) {
        expect(&slow, FINAL | PONG, SLICE_LITERAL("?"));
    }
    TURN_UNTIL(client->written == FLOOD_COUNT * FLOOD_SIZE);
    SAY(&slow, "in step again");
    EXPECT(&slow, "in step again");
    browser_free(&slow);
    browser_free(&other);
    stop();
}

enum { REPLIES = 16000, REPLY_SIZE = 4096, IDLE_TURNS = 2000 };

/* Sends the frame again and again; returns how many, when the bridge takes no more or `most` are
 * sent. A part of the next may be sent, too: `*sent` bytes of it. */
static unsigned send_many(struct browser *browser, struct slice frame, unsigned most, size_t *sent)
{
    unsigned count = 0, idle = 0;

    while (count < most && idle < IDLE_TURNS) {
        ssize_t length = browser_send_now(browser, slice_from(frame, *sent));
        idle = length > 0 ? 0 : idle + 1;
        *sent += length > 0 ? (size_t)length : 0;
        if (*sent == frame.length) {
            *sent = 0;
            count++;
        }
        turn();
    }
    return count;
}

/* Replies are not in anybody's credit: who asks for them and does not read is not heard. */
TEST(a_browser_that_asks_and_does_not_read)
{
    static uint8_t text[REPLY_SIZE] = "reply";
    struct buffer frame = {0};
    struct browser browser;
    unsigned count;
    size_t sent = 0;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    append_frame(&frame, FINAL | BINARY, slice_make(text, sizeof(text)));
    count = send_many(&browser, buffer_slice(&frame), REPLIES, &sent);
    CHECK(count < REPLIES); /* 64 MiB, more than the sockets take */
    for (unsigned i = 0; i < count; i++) {
        expect(&browser, FINAL | BINARY, slice_make(text, sizeof(text)));
    }
    browser_send(&browser, slice_from(buffer_slice(&frame), sent));
    expect(&browser, FINAL | BINARY, slice_make(text, sizeof(text)));
    buffer_release(&frame);
    browser_free(&browser);
    stop();
}

TEST(pausing)
{
    struct buffer bytes = {0};
    struct browser browser, other;
    struct client *client;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    client = echo_client(&world.gateway);
    append_frame(&bytes, FINAL | TEXT, slice_from_string("pause"));
    for (int i = 0; i < 10; i++) {
        append_frame(&bytes, FINAL | TEXT, slice_from_string("only after the pause"));
    }
    browser_send(&browser, buffer_slice(&bytes));
    buffer_release(&bytes);
    SAY(&browser, "and this");
    other = browser_open("/client/hubs/h", "", NULL);
    for (int i = 0; i < 10; i++) {
        SAY(&other, "time passes");
        EXPECT(&other, "time passes");
    }
    CHECK_INT_EQUAL(client->received, 1);
    echo_resume(client);
    for (int i = 0; i < 10; i++) {
        EXPECT(&browser, "only after the pause");
    }
    EXPECT(&browser, "and this");
    browser_free(&browser);
    browser_free(&other);
    stop();
}

/* Who closes during a pause still hears the answer, and nothing of what came before it. */
TEST(closing_during_a_pause)
{
    struct browser browser;
    struct client *client;

    start();
    browser = browser_open("/client/hubs/h", "", NULL);
    client = echo_client(&world.gateway);
    SAY(&browser, "pause");
    SAY(&browser, "not heard any more");
    TURN_UNTIL(client->received == 1);
    echo_close(client, 1008);
    expect_close(&browser, 1008);
    TURN_UNTIL(world.gateway.ended == 1);
    CHECK_INT_EQUAL(world.gateway.ended_code, 1008);
    browser_free(&browser);
    stop();
}

/* ---------------------------------------------------------------- keep-alive */

TEST(who_is_silent_is_dropped)
{
    struct browser alive, dead;
    msec_t begin;

    start();
    alive = browser_open("/client/hubs/h?keep_alive=1", "", NULL);
    dead = browser_open("/client/hubs/h?keep_alive=1", "", NULL);
    begin = clock_now();
    for (int i = 0; i < 3; i++) {
        expect(&alive, FINAL | PING, SLICE_EMPTY);
        browser_say(&alive, FINAL | PONG, SLICE_EMPTY);
    }
    CHECK(clock_now() - begin >= 2500);
    CHECK_INT_EQUAL(world.gateway.ended, 1);
    CHECK_INT_EQUAL(world.gateway.ended_code, 1006);
    CHECK_INT_EQUAL(
        metrics_traffic(&world.gateway.metrics, &(struct upgrade){0})->closed[CLOSED_PING_TIMEOUT],
        1);
    SAY(&alive, "here");
    EXPECT(&alive, "here");
    browser_free(&alive);
    browser_free(&dead);
    stop();
}
