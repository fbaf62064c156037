/* The bench's WebSocket: the upgrade, and frames that arrive in any pieces.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_template.c"
#include "../../cli/bench_websocket.c"

/* ---------------------------------------------------------------- the upgrade */

static enum websocket_answer answer_read(const char *text, size_t *size, int *status)
{
    return websocket_answer_read(slice_from_string(text), "mqtt", size, status);
}

#define ACCEPTED                                                                                   \
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"                                   \
    "sec-websocket-accept:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\nSec-WebSocket-Protocol: mqtt\r\n\r\n"

TEST(upgrade_is_accepted_in_any_pieces)
{
    static const char text[] = ACCEPTED "\x82";
    size_t size = 0;
    int status;
    for (size_t length = 0; length < sizeof(ACCEPTED) - 1; length++) {
        CHECK_INT_EQUAL(websocket_answer_read(slice_make(text, length), "mqtt", &size, &status),
                        WEBSOCKET_INCOMPLETE);
    }
    CHECK_INT_EQUAL(answer_read(text, &size, &status), WEBSOCKET_ACCEPTED);
    CHECK_INT_EQUAL(size, sizeof(ACCEPTED) - 1);
}

TEST(upgrade_is_refused)
{
    static const struct {
        const char *text;
        int status;
    } rows[] = {
        {"HTTP/1.1 401 Unauthorized\r\n\r\n", 401},
        {"HTTP/1.1 200 OK\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 200},
        {"SSH-2.0\r\n\r\n", 0},
        {"HTTP/1.1 101 x\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n", 0},
        {"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 0},
        {"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
         "Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n",
         0},
        {"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n"
         "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
         0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size;
        int status = -1;
        test_note("row %zu", i);
        CHECK_INT_EQUAL(answer_read(rows[i].text, &size, &status), WEBSOCKET_REFUSED);
        CHECK_INT_EQUAL(status, rows[i].status);
    }
}

/* ---------------------------------------------------------------- reading */

/* Feeds `raw` in pieces of at most `piece` bytes; returns the stream, and the last state. */
static enum websocket_state pieces_read(struct websocket_reader *reader, struct slice raw,
                                        size_t piece, struct buffer *stream, struct buffer *answers)
{
    enum websocket_state state = WEBSOCKET_OPEN;
    while (raw.length > 0 && state == WEBSOCKET_OPEN) {
        size_t taken = piece < raw.length ? piece : raw.length;
        uint8_t *place = malloc(taken + WEBSOCKET_SLACK); /* exact, for AddressSanitizer */
        size_t length;
        memcpy(place + WEBSOCKET_SLACK, raw.data, taken);
        state = websocket_unframe(reader, slice_make(place + WEBSOCKET_SLACK, taken), place,
                                  &length, answers);
        CHECK(length <= taken + WEBSOCKET_SLACK);
        buffer_append(stream, slice_make(place, length));
        free(place);
        raw = slice_from(raw, taken);
    }
    return state;
}

/* What a server writes: a frame without a mask. */
static void server_frame(struct buffer *out, uint8_t first, struct slice payload)
{
    uint8_t header[WEBSOCKET_HEADER_MAX];
    size_t size = websocket_header_write(header, WEBSOCKET_TEXT, payload.length, 0) - 4;
    header[0] = first;
    header[1] &= LENGTH;
    buffer_append(out, slice_make(header, size));
    buffer_append(out, payload);
}

/* Frames of all three sizes of header, a fragmented message, an empty one, a ping between. */
static void conversation_make(struct buffer *frames, struct buffer *expected)
{
    static uint8_t big[70000];
    memset(big, 'b', sizeof(big));
    static const struct {
        uint8_t first;
        size_t length;
    } rows[] = {{0x81, 5}, {0x81, 0}, {0x01, 3}, {0x89, 4},     {0x00, 126},
                {0x8a, 0}, {0x80, 2}, {0x81, 1}, {0x81, 70000}, {0x81, 125}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice payload = slice_make(big, rows[i].length);
        server_frame(frames, rows[i].first, payload);
        if ((rows[i].first & CONTROL) == 0) {
            buffer_append(expected, payload);
        }
        if ((rows[i].first & (CONTROL | FINAL)) == FINAL) {
            buffer_append_byte(expected, 0);
        }
    }
}

TEST(frames_in_any_pieces)
{
    struct buffer frames = {0}, expected = {0};
    conversation_make(&frames, &expected);
    static const size_t pieces[] = {1, 2, 3, 5, 7, 64, 127, 4096, 1000000};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct websocket_reader reader = {.opcode = WEBSOCKET_TEXT, .terminated = true};
        struct buffer stream = {0}, answers = {0};
        test_note("pieces of %zu", pieces[i]);
        CHECK_INT_EQUAL(pieces_read(&reader, buffer_slice(&frames), pieces[i], &stream, &answers),
                        WEBSOCKET_OPEN);
        CHECK_SLICE_EQUAL(buffer_slice(&stream), buffer_slice(&expected));
        CHECK_SLICE_EQUAL(buffer_slice(&answers), SLICE_LITERAL("\x8a\x84\0\0\0\0bbbb"));
        buffer_release(&stream);
        buffer_release(&answers);
    }
    buffer_release(&frames);
    buffer_release(&expected);
}

TEST(close_frame_tells_why)
{
    struct websocket_reader reader = {.opcode = WEBSOCKET_BINARY};
    struct buffer stream = {0}, answers = {0};
    CHECK_INT_EQUAL(pieces_read(&reader, SLICE_LITERAL("\x82\x01x\x88\x06\x03\xf0slow\x82\x01y"), 4,
                                &stream, &answers),
                    WEBSOCKET_CLOSED);
    CHECK_INT_EQUAL(websocket_close_code(&reader), 1008);
    CHECK_SLICE_EQUAL(websocket_close_reason(&reader), SLICE_LITERAL("slow"));
    buffer_release(&stream);

    reader = (struct websocket_reader){.opcode = WEBSOCKET_BINARY};
    CHECK_INT_EQUAL(pieces_read(&reader, SLICE_LITERAL("\x88\x00"), 2, &stream, &answers),
                    WEBSOCKET_CLOSED);
    CHECK_INT_EQUAL(websocket_close_code(&reader), 0);
    CHECK_INT_EQUAL(websocket_close_reason(&reader).length, 0);
    buffer_release(&stream);
}

TEST(frames_that_no_server_may_send)
{
    static const struct slice rows[] = {
        SLICE_LITERAL("\x81\x81\0\0\0\0x"),                        /* masked */
        SLICE_LITERAL("\xc1\x01x"),                                /* compressed */
        SLICE_LITERAL("\x82\x01x"),                                /* binary */
        SLICE_LITERAL("\x80\x01x"),                                /* continues nothing */
        SLICE_LITERAL("\x01\x01x\x81\x01y"),                       /* begins within a message */
        SLICE_LITERAL("\x09\x01x"),                                /* fragment of a ping */
        SLICE_LITERAL("\x89\x7e\x00\x7e"),                         /* ping of 126 bytes */
        SLICE_LITERAL("\x8b\x00"),                                 /* unknown control frame */
        SLICE_LITERAL("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), /* length of 64 bits */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct websocket_reader reader = {.opcode = WEBSOCKET_TEXT};
        struct buffer stream = {0}, answers = {0};
        test_note("row %zu", i);
        CHECK_INT_EQUAL(pieces_read(&reader, rows[i], 100, &stream, &answers), WEBSOCKET_BAD);
        buffer_release(&stream);
        buffer_release(&answers);
    }
}

/* ---------------------------------------------------------------- writing */

/* Takes the mask off a frame; the payload. */
static struct slice unmasked(struct buffer *frame)
{
    size_t size = header_size(frame->data) + 4;
    const uint8_t *key = frame->data + size - 4;
    CHECK(frame->data[1] & MASKED);
    CHECK_INT_EQUAL(header_payload(frame->data), frame->length - size);
    for (size_t i = size; i < frame->length; i++) {
        frame->data[i] ^= key[(i - size) % 4];
    }
    return slice_from(buffer_slice(frame), size);
}

TEST(frame_example_of_the_rfc)
{
    struct buffer out = {0};
    websocket_frame_write(&out, WEBSOCKET_TEXT, 0x37fa213d, SLICE_LITERAL("Hello"));
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"));
    buffer_release(&out);
    websocket_close_write(&out, 0x01020304, 1000);
    CHECK_SLICE_EQUAL(unmasked(&out), SLICE_LITERAL("\x03\xe8"));
    buffer_release(&out);
}

TEST(masking_goes_on_anywhere)
{
    static const char text[] = "The quick brown fox jumps over the lazy dog";
    for (size_t phase = 0; phase < 9; phase++) {
        uint8_t bytes[sizeof(text)];
        memcpy(bytes, text, sizeof(text));
        websocket_mask(bytes, phase, 0xa1b2c3d4, 0);
        websocket_mask(bytes + phase, sizeof(text) - phase, 0xa1b2c3d4, phase);
        websocket_mask(bytes, sizeof(text), 0xa1b2c3d4, 0);
        CHECK(memcmp(bytes, text, sizeof(text)) == 0);
    }
}

TEST(template_is_masked_but_for_its_fields)
{
    static const size_t sizes[] = {40, 125, 126, 65535, 65536};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct bench_template template = {.size = sizes[i], .id = {5, 2}, .stamp = {9, 24}};
        template.bytes = malloc(sizes[i]);
        memset(template.bytes, 'x', sizes[i]);
        bench_template_frame(&template, WEBSOCKET_BINARY, 0x12345678);
        struct buffer frame = {0};
        buffer_append(&frame, slice_make(template.bytes, template.size));
        memcpy(frame.data + template.id.offset, "id", 2);
        memset(frame.data + template.stamp.offset, 's', 24);
        bench_template_mask(&template, frame.data, &template.id);
        bench_template_mask(&template, frame.data, &template.stamp);
        struct slice payload = unmasked(&frame);
        test_note("%zu bytes", sizes[i]);
        CHECK_SLICE_EQUAL(slice_make(payload.data, 36),
                          SLICE_LITERAL("xxxxxidxxssssssssssssssssssssssssxxx"));
        CHECK_INT_EQUAL(payload.data[payload.length - 1], 'x');
        buffer_release(&frame);
        bench_template_release(&template);
    }
}

TEST(request_names_what_is_wanted)
{
    struct buffer out = {0};
    struct websocket_request request = {"127.0.0.1:8080", "client/hubs/bench?a=b", "mqtt"};
    websocket_request_write(&out, &request);
    CHECK(slice_starts_with(buffer_slice(&out),
                            SLICE_LITERAL("GET /client/hubs/bench?a=b HTTP/1.1\r\n"
                                          "Host: 127.0.0.1:8080\r\n")));
    buffer_append_byte(&out, 0);
    CHECK(strstr((char *)out.data, "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n") != NULL);
    buffer_release(&out);
    request.subprotocol = "";
    websocket_request_write(&out, &request);
    buffer_append_byte(&out, 0);
    CHECK(strstr((char *)out.data, "Protocol") == NULL);
    CHECK(strstr((char *)out.data, "\r\nSec-WebSocket-Version: 13\r\n\r\n") != NULL);
    buffer_release(&out);
}

TEST(upgrade_without_a_subprotocol)
{
    static const char text[] = "HTTP/1.1 101 Switching Protocols\r\n"
                               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    size_t size;
    int status;
    CHECK_INT_EQUAL(websocket_answer_read(slice_from_string(text), "", &size, &status),
                    WEBSOCKET_ACCEPTED);
    CHECK_INT_EQUAL(websocket_answer_read(slice_from_string(text), "mqtt", &size, &status),
                    WEBSOCKET_REFUSED);
}
