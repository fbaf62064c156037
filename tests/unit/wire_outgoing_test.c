/* Frames that many receivers share, and plain WebSocket's codec.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "wire/outgoing.h"

static void check_written(const struct outgoing *outgoing, uint64_t number, struct slice wanted)
{
    struct buffer out = {0};

    out.length =
        outgoing_write(outgoing, number, buffer_reserve(&out, outgoing_size_max(outgoing)));
    CHECK_SLICE_EQUAL(buffer_slice(&out), wanted);
    buffer_release(&out);
}

TEST(bytes_are_copied_and_counted)
{
    char bytes[] = "hello";
    struct outgoing *outgoing = outgoing_new(slice_from_string(bytes), true);

    CHECK(outgoing->is_text && !outgoing->codec && outgoing->references == 1);
    bytes[0] = 'x';
    CHECK(outgoing_hold(outgoing) == outgoing);
    outgoing_release(outgoing);
    check_written(outgoing, 0, SLICE_LITERAL("hello"));
    outgoing_release(outgoing);
    outgoing = outgoing_new(SLICE_EMPTY, false);
    CHECK(!outgoing->is_text);
    check_written(outgoing, 0, SLICE_EMPTY);
    outgoing_release(outgoing);
}

TEST(each_receiver_has_its_sequence_id)
{
    struct outgoing *outgoing = outgoing_new(SLICE_LITERAL("{\"a\":1"), true);

    outgoing->codec = &codec_json_reliable;
    check_written(outgoing, 1, SLICE_LITERAL("{\"a\":1,\"sequenceId\":1}"));
    check_written(outgoing, UINT64_MAX,
                  SLICE_LITERAL("{\"a\":1,\"sequenceId\":18446744073709551615}"));
    check_written(outgoing, 0, SLICE_LITERAL("{\"a\":1}"));
    outgoing_release(outgoing);
}

TEST(each_receiver_has_its_packet_identifier)
{
    struct outgoing *outgoing = outgoing_new(SLICE_LITERAL("\x32\x06\0\1a\0\0x"), false);

    outgoing->packet_id_at = 5;
    check_written(outgoing, 0x1234, SLICE_LITERAL("\x32\x06\0\1a\x12\x34x"));
    check_written(outgoing, 0xFFFF, SLICE_LITERAL("\x32\x06\0\1a\xff\xffx"));
    outgoing_release(outgoing);
}

TEST(plain_websocket_gets_the_payload_alone)
{
    struct message_response message = {.group = SLICE_LITERAL("g"),
                                       .data = {DATA_BINARY, SLICE_LITERAL("\0\xff")}};
    struct outgoing *outgoing;
    struct buffer body = {0};

    codec_raw.put_message(&body, &message);
    outgoing = outgoing_new(buffer_slice(&body), false);
    outgoing->codec = &codec_raw;
    check_written(outgoing, 7, SLICE_LITERAL("\0\xff"));
    outgoing_release(outgoing);
    buffer_release(&body);
}

TEST(plain_websocket_gets_text_frames_for_what_is_text)
{
    static const struct {
        struct payload payload;
        bool is_text;
    } rows[] = {
        {{DATA_TEXT, {(const uint8_t *)"caf\xc3\xa9", 5}}, true},
        {{DATA_TEXT, {NULL, 0}}, true},
        {{DATA_TEXT, {(const uint8_t *)"\xc3", 1}}, false},
        {{DATA_JSON, {(const uint8_t *)"{}", 2}}, true},
        {{DATA_JSON, {(const uint8_t *)"\xff", 1}}, false},
        {{DATA_BINARY, {(const uint8_t *)"a", 1}}, false},
        {{DATA_PROTOBUF, {(const uint8_t *)"a", 1}}, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        CHECK(raw_is_text(&rows[i].payload) == rows[i].is_text);
    }
}
