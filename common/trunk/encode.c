/* Frames to bytes, with msgpack-c's packer into a buffer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <msgpack/pack.h>

#include "trunk/trunk.h"
#include "trunk/values.h"

enum {
    FRAME_OVERHEAD = 64, /* more than all that a frame has around its runs of bytes */
};

static int append(void *context, const char *bytes, size_t length)
{
    buffer_append(context, slice_make(bytes, length));
    return 0;
}

/* A frame that is being written: where it starts in the buffer, and who writes. */
struct frame {
    msgpack_packer packer;
    struct buffer *out;
    size_t start;
};

/* `count` values follow; `room`: about how many bytes they take. */
static void frame_begin(struct frame *frame, struct buffer *out, enum trunk_kind kind, size_t count,
                        size_t room)
{
    buffer_reserve(out, room + FRAME_OVERHEAD);
    frame->out = out;
    frame->start = out->length;
    out->length += TRUNK_LENGTH_SIZE;
    msgpack_packer_init(&frame->packer, out, append);
    msgpack_pack_array(&frame->packer, count + 1);
    msgpack_pack_uint8(&frame->packer, (uint8_t)kind);
}

static void frame_end(struct frame *frame)
{
    size_t length = frame->out->length - frame->start - TRUNK_LENGTH_SIZE;
    uint8_t *at = frame->out->data + frame->start;

    assert(length <= TRUNK_FRAME_MAX - TRUNK_LENGTH_SIZE);
    at[0] = (uint8_t)(length >> 24);
    at[1] = (uint8_t)(length >> 16);
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
}

static void put_number(struct frame *frame, uint64_t value)
{
    msgpack_pack_uint64(&frame->packer, value);
}

static void put_text(struct frame *frame, struct slice text)
{
    msgpack_pack_str(&frame->packer, text.length);
    buffer_append(frame->out, text);
}

static void put_bytes(struct frame *frame, struct slice bytes)
{
    msgpack_pack_bin(&frame->packer, bytes.length);
    buffer_append(frame->out, bytes);
}

/* Room for `size` bytes of entries, which the caller fills. */
static uint8_t *put_entries(struct frame *frame, size_t size)
{
    msgpack_pack_bin(&frame->packer, size);
    uint8_t *at = buffer_reserve(frame->out, size);
    frame->out->length += size;
    return at;
}

static uint8_t *write_u32(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
    return at + 4;
}

void trunk_put_hello(struct buffer *out, const struct trunk_hello *hello)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_HELLO, 3, 0);
    put_number(&frame, hello->version);
    put_number(&frame, hello->worker);
    put_number(&frame, hello->worker_count);
    frame_end(&frame);
}

void trunk_put_open(struct buffer *out, const struct trunk_open *open)
{
    struct frame frame;

    assert(open->peer.length <= TRUNK_PEER_MAX && open->user.length <= TRUNK_USER_MAX);
    frame_begin(&frame, out, TRUNK_OPEN, 6, open->peer.length + open->user.length);
    put_number(&frame, open->channel);
    put_number(&frame, open->flags);
    put_text(&frame, open->peer);
    put_text(&frame, open->user);
    put_number(&frame, open->queue_messages);
    put_number(&frame, open->queue_bytes);
    frame_end(&frame);
}

void trunk_put_bytes(struct buffer *out, uint32_t channel, struct slice packets)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_BYTES, 2, packets.length);
    put_number(&frame, channel);
    put_bytes(&frame, packets);
    frame_end(&frame);
}

void trunk_put_close(struct buffer *out, uint32_t channel, uint32_t reason)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_CLOSE, 2, 0);
    put_number(&frame, channel);
    put_number(&frame, reason);
    frame_end(&frame);
}

void trunk_put_credit(struct buffer *out, const struct trunk_credit_item *items, size_t count)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_CREDIT_BACK, 1, count * TRUNK_PAIR_SIZE);
    uint8_t *at = put_entries(&frame, count * TRUNK_PAIR_SIZE);
    for (size_t i = 0; i < count; i++) {
        at = write_u32(at, items[i].channel);
        at = write_u32(at, items[i].bytes);
    }
    frame_end(&frame);
}

void trunk_put_publish(struct buffer *out, uint8_t version, bool has_sequences, struct slice packet,
                       const struct trunk_target *targets, size_t count)
{
    size_t targets_size = count * (has_sequences ? TRUNK_PAIR_SIZE : TRUNK_CHANNEL_SIZE);
    struct frame frame;

    frame_begin(&frame, out, TRUNK_PUBLISH, 4, packet.length + targets_size);
    put_number(&frame, version);
    (void)(has_sequences ? msgpack_pack_true(&frame.packer) : msgpack_pack_false(&frame.packer));
    put_bytes(&frame, packet);
    uint8_t *at = put_entries(&frame, targets_size);
    for (size_t i = 0; i < count; i++) {
        at = write_u32(at, targets[i].channel);
        if (has_sequences) {
            at = write_u32(at, targets[i].sequence);
        }
    }
    frame_end(&frame);
}
