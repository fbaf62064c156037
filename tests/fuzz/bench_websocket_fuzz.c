/* Fuzzes what `pubgrid bench` reads from a WebSocket server: the answer to the upgrade, the frames,
 * and the JSON or Socket.IO in them. The first byte says how long the pieces are in which frames
 * come.
 *
 * Oracles: frames in pieces give the same stream and the same end as in one piece, the stream is
 * never longer than the frames, and what a template holds is read back from it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "../../cli/bench_socketio.c"
#include "../../cli/bench_template.c"
#include "../../cli/bench_webpubsub.c"
#include "../../cli/bench_websocket.c"

struct outcome {
    enum websocket_state state;
    struct buffer stream, answers;
};

static struct outcome frames_read(struct slice raw, size_t piece)
{
    struct websocket_reader reader = {.opcode = WEBSOCKET_TEXT, .terminated = true};
    struct outcome out = {0};
    while (raw.length > 0 && out.state == WEBSOCKET_OPEN) {
        size_t taken = piece < raw.length ? piece : raw.length, length;
        uint8_t *place = memory_allocate(taken + WEBSOCKET_SLACK);
        memcpy(place + WEBSOCKET_SLACK, raw.data, taken);
        out.state = websocket_unframe(&reader, slice_make(place + WEBSOCKET_SLACK, taken), place,
                                      &length, &out.answers);
        if (out.state == WEBSOCKET_OPEN) {
            buffer_append(&out.stream, slice_make(place, length));
        }
        if (out.state == WEBSOCKET_CLOSED) {
            FUZZ_CHECK(websocket_close_reason(&reader).length <= WEBSOCKET_CONTROL_MAX);
        }
        free(place);
        raw = slice_from(raw, taken);
    }
    return out;
}

static void outcome_release(struct outcome *outcome)
{
    buffer_release(&outcome->stream);
    buffer_release(&outcome->answers);
}

/* Each message of the stream, as bench_codec_json.c takes it. */
static void messages_read(struct slice stream)
{
    const uint8_t *end;
    while (stream.length > 0 && (end = memchr(stream.data, '\0', stream.length)) != NULL) {
        size_t length = (size_t)(end - stream.data);
        struct slice text = fuzz_copy(slice_make(stream.data, length));
        struct webpubsub_frame frame;
        struct bench_stamp stamp;
        uint64_t number;
        if (webpubsub_read(&frame, text)) {
            webpubsub_number(frame.ack_id, &number);
            webpubsub_number(frame.sequence_id, &number);
            webpubsub_stamp_read(frame.data, &stamp);
        }
        struct socketio_packet packet;
        socketio_read(&packet, text);
        FUZZ_CHECK(packet.data.length <= text.length);
        fuzz_free(text);
        stream = slice_from(stream, length + 1);
    }
}

static void template_check(const uint8_t *data, size_t size)
{
    struct bench_stamp stamp = {0}, again;
    struct bench_template template;
    struct webpubsub_frame frame;
    memcpy(&stamp, data, size < sizeof(stamp) ? size : sizeof(stamp));
    struct bench_shape shape = {.topic = "g", .qos = 1, .payload = WEBPUBSUB_STAMP_SIZE + size % 9};
    webpubsub_template_build(&template, &shape);
    webpubsub_template_fill(&template, template.bytes, 0, &stamp);
    FUZZ_CHECK(webpubsub_read(&frame, slice_make(template.bytes, template.size)));
    FUZZ_CHECK(webpubsub_stamp_read(frame.data, &again));
    FUZZ_CHECK(memcmp(&stamp, &again, sizeof(stamp)) == 0);
    bench_template_release(&template);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct slice input = fuzz_copy(slice_make(data + 1, size - 1));
    size_t used;
    int status;
    if (websocket_answer_read(input, "mqtt", &used, &status) == WEBSOCKET_ACCEPTED) {
        FUZZ_CHECK(used <= input.length && status == SWITCHING_PROTOCOLS);
    }
    struct outcome whole = frames_read(input, input.length + 1);
    struct outcome pieces = frames_read(input, (size_t)data[0] + 1);
    FUZZ_CHECK(whole.state == pieces.state);
    FUZZ_CHECK(slice_equal(buffer_slice(&whole.answers), buffer_slice(&pieces.answers)));
    if (whole.state == WEBSOCKET_OPEN) {
        FUZZ_CHECK(slice_equal(buffer_slice(&whole.stream), buffer_slice(&pieces.stream)));
        FUZZ_CHECK(whole.stream.length <= input.length);
    }
    messages_read(buffer_slice(&pieces.stream));
    template_check(data, size);
    outcome_release(&whole);
    outcome_release(&pieces);
    fuzz_free(input);
    return 0;
}
