/* The bench's Socket.IO: packets as the server writes them, and requests.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_socketio.c"
#include "../../cli/bench_template.c"
#include "../../cli/bench_webpubsub.c"
#include "../../cli/bench_websocket.c"

TEST(packets_of_the_server)
{
    static const struct {
        const char *text;
        enum socketio_kind kind;
        const char *data;
        uint64_t id;
    } rows[] = {
        {"0{\"sid\":\"a\",\"upgrades\":[],\"pingInterval\":25000}", SOCKETIO_OPEN, "", 0},
        {"2", SOCKETIO_PING, "", 0},
        {"40{\"sid\":\"b\"}", SOCKETIO_CONNECTED, "", 0},
        {"42[\"message\",\"bench/1/0\",\"abc\"]", SOCKETIO_MESSAGE, "abc", 0},
        {"42[\"message\",\"g\",\"\"]", SOCKETIO_MESSAGE, "", 0},
        {"42[\"message\",\"g\"]", SOCKETIO_OTHER, "", 0},
        {"42[\"message\",\"g\",\"x", SOCKETIO_OTHER, "", 0},
        {"42[\"message\",\"g\",\"", SOCKETIO_OTHER, "", 0},
        {"42[\"else\",\"g\",\"x\"]", SOCKETIO_OTHER, "", 0},
        {"431[]", SOCKETIO_ACK, "", 1},
        {"431000000007[]", SOCKETIO_ACK, "", 1000000007},
        {"43[]", SOCKETIO_END, "", 0},
        {"43", SOCKETIO_END, "", 0},
        {"41", SOCKETIO_END, "", 0},
        {"44{\"message\":\"no\"}", SOCKETIO_END, "", 0},
        {"1", SOCKETIO_END, "", 0},
        {"", SOCKETIO_END, "", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct socketio_packet packet;
        test_note("row %zu", i);
        socketio_read(&packet, slice_from_string(rows[i].text));
        CHECK_INT_EQUAL(packet.kind, rows[i].kind);
        CHECK_INT_EQUAL(packet.id, rows[i].id);
        CHECK_SLICE_EQUAL(packet.data, slice_from_string(rows[i].data));
    }
}

TEST(join)
{
    struct buffer out = {0};
    socketio_join_write(&out, SLICE_LITERAL("bench/1/0"));
    CHECK_SLICE_EQUAL(buffer_slice(&out), SLICE_LITERAL("421[\"join\",\"bench/1/0\"]"));
    buffer_release(&out);
}

TEST(messages_of_a_template)
{
    static const struct bench_stamp stamp = {123456789, 42, 7, 0xabcdef01};
    for (int qos = 0; qos <= 1; qos++) {
        struct bench_shape shape = {.topic = "g", .qos = qos, .payload = 60};
        struct bench_template template;
        struct bench_stamp again;
        char start[32];
        socketio_template_build(&template, &shape);
        webpubsub_template_fill(&template, template.bytes, 0, &stamp);
        snprintf(start, sizeof(start), "42%s[\"send\",\"g\",\"", qos > 0 ? "1000000042" : "");
        struct slice text = slice_make(template.bytes, template.size);
        CHECK(slice_starts_with(text, slice_from_string(start)));
        struct slice data = slice_from(text, strlen(start));
        CHECK_INT_EQUAL(data.length, 60 + strlen("\"]"));
        CHECK(webpubsub_stamp_read(data, &again));
        CHECK(memcmp(&again, &stamp, sizeof(stamp)) == 0);
        bench_template_release(&template);
    }
}
