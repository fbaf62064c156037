/* net/frame: headers of every size, in their shortest form.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/frame.h"

#include "base/memory.h"
#include "test.h"

static const struct {
    size_t payload;
    uint8_t header[FRAME_HEADER_MAX];
    size_t header_length;
} frames[] = {
    {0, {0x82, 0}, 2},
    {125, {0x82, 125}, 2},
    {126, {0x82, 126, 0, 126}, 4},
    {65535, {0x82, 126, 0xff, 0xff}, 4},
    {65536, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10},
    {1 << 20, {0x82, 127, 0, 0, 0, 0, 0, 0x10, 0, 0}, 10},
};

TEST(headers)
{
    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        uint8_t *payload = memory_allocate(frames[i].payload + 1);
        struct outgoing *outgoing;
        uint8_t *out;
        size_t length;
        memset(payload, 'x', frames[i].payload + 1);
        outgoing = outgoing_new(slice_make(payload, frames[i].payload), false);
        out = memory_allocate(frame_size_max(outgoing));
        test_note("a payload of %zu bytes", frames[i].payload);
        length = frame_write(out, outgoing, 0);
        CHECK_INT_EQUAL(length, frames[i].header_length + frames[i].payload);
        CHECK(memcmp(out, frames[i].header, frames[i].header_length) == 0);
        CHECK(memcmp(out + frames[i].header_length, payload, frames[i].payload) == 0);
        outgoing_release(outgoing);
        free(out);
        free(payload);
    }
}

static size_t finish_to_x(struct slice body, uint64_t sequence_id, uint8_t *out)
{
    (void)sequence_id;
    memcpy(out, body.data, body.length);
    out[body.length] = 'x';
    return body.length + 1;
}

/* The room that a codec may take would need a longer header than what it does take. */
TEST(header_is_the_shortest_for_what_the_codec_wrote)
{
    static const struct codec codec = {.finish = finish_to_x};
    static const size_t bodies[] = {100, 124, 125, 65500, 65534, 65535};

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        uint8_t *body = memory_allocate_zero(bodies[i]);
        struct outgoing *outgoing = outgoing_new(slice_make(body, bodies[i]), true);
        uint8_t *out;
        size_t length, header = bodies[i] + 1 <= 125 ? 2 : bodies[i] + 1 <= 65535 ? 4 : 10;
        outgoing->codec = &codec;
        out = memory_allocate(frame_size_max(outgoing));
        test_note("a body of %zu bytes", bodies[i]);
        length = frame_write(out, outgoing, 0);
        CHECK_INT_EQUAL(length, header + bodies[i] + 1);
        CHECK_INT_EQUAL(out[0], 0x81);
        CHECK_INT_EQUAL(out[header], 0);
        CHECK_INT_EQUAL(out[length - 1], 'x');
        outgoing_release(outgoing);
        free(out);
        free(body);
    }
}

TEST(control_frames)
{
    uint8_t out[FRAME_CLOSE_MAX], reason[200];

    frame_write_ping(out);
    CHECK_SLICE_EQUAL(slice_make(out, FRAME_PING_SIZE), SLICE_LITERAL("\x89\x00"));
    CHECK_INT_EQUAL(frame_write_close(out, 1001, SLICE_LITERAL("bye")), 7);
    CHECK_SLICE_EQUAL(slice_make(out, 7), SLICE_LITERAL("\x88\x05\x03\xe9"
                                                        "bye"));
    CHECK_INT_EQUAL(frame_write_close(out, 1000, SLICE_EMPTY), 4);
    memset(reason, 'r', sizeof(reason));
    CHECK_INT_EQUAL(frame_write_close(out, 1000, slice_make(reason, sizeof(reason))),
                    FRAME_CLOSE_MAX);
    CHECK_INT_EQUAL(out[1], 125);
}
