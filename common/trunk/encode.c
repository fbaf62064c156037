/* Frames to bytes, with msgpack-c's packer into a buffer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <msgpack/pack.h>
#include <string.h>

#include "trunk/trunk.h"
#include "trunk/values.h"

enum {
    FRAME_OVERHEAD = 64,   /* more than all that a frame has around its runs of bytes */
    TAIL_MAX = 256 * 1024, /* bytes of a frame: then the next packets get one of their own */
    RUN_MARK = 0xc6,       /* msgpack's bin 32, whose length has a fixed place */
    RUN_HEADER = 5,
    RECEIVER_SEQUENCES = 1 << 27, /* in the mark of a receiver */
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

static void write_length(uint8_t *at, size_t length)
{
    at[0] = (uint8_t)(length >> 24);
    at[1] = (uint8_t)(length >> 16);
    at[2] = (uint8_t)(length >> 8);
    at[3] = (uint8_t)length;
}

static void frame_end(struct frame *frame)
{
    size_t length = frame->out->length - frame->start - TRUNK_LENGTH_SIZE;

    assert(length <= TRUNK_FRAME_MAX - TRUNK_LENGTH_SIZE);
    write_length(frame->out->data + frame->start, length);
}

/* Is the tail the end of the buffer up to `end`, and is there room for the packets? */
static bool has_room(const struct trunk_tail *tail, size_t end, struct slice packets)
{
    return tail && tail->end > 0 && tail->end == end &&
           tail->end - tail->frame + packets.length <= TAIL_MAX;
}

/* Puts the packets behind those of the buffer's last frame. */
static void extend(struct buffer *out, struct trunk_tail *tail, struct slice packets)
{
    buffer_append(out, packets);
    tail->end = out->length;
    write_length(out->data + tail->run + 1, out->length - tail->run - RUN_HEADER);
    write_length(out->data + tail->frame, out->length - tail->frame - TRUNK_LENGTH_SIZE);
}

/* Puts the packets into the buffer's last frame, if that is one for this receiver alone, and the
 * sequence (0: none) is the one that comes next there. */
static bool extend_for(struct buffer *out, struct trunk_tail *tail, uint32_t receiver,
                       uint32_t sequence, struct slice packets)
{
    if (!has_room(tail, out->length, packets) || tail->receiver != receiver ||
        tail->next != sequence) {
        return false;
    }
    extend(out, tail, packets);
    tail->next = sequence != 0 ? trunk_next_sequence(sequence) : 0;
    return true;
}

/* The last value of a frame; ends it. */
static struct trunk_tail put_packets(struct frame *frame, struct slice packets)
{
    struct buffer *out = frame->out;
    size_t run = out->length;

    *buffer_reserve(out, RUN_HEADER) = RUN_MARK;
    out->length += RUN_HEADER;
    buffer_append(out, packets);
    write_length(out->data + run + 1, packets.length);
    frame_end(frame);
    return (struct trunk_tail){.frame = frame->start, .run = run, .end = out->length};
}

static void put_number(struct frame *frame, uint64_t value)
{
    msgpack_pack_uint64(&frame->packer, value);
}

static void put_boolean(struct frame *frame, bool value)
{
    (void)(value ? msgpack_pack_true(&frame->packer) : msgpack_pack_false(&frame->packer));
}

static void put_text(struct frame *frame, struct slice text)
{
    msgpack_pack_str(&frame->packer, text.length);
    buffer_append(frame->out, text);
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

static uint8_t *write_u64(uint8_t *at, uint64_t value)
{
    return write_u32(write_u32(at, (uint32_t)value), (uint32_t)(value >> 32));
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

/* Does the frame, up to its packets, begin as the last one does? */
static bool begins_as_tail(const struct frame *frame, const struct trunk_tail *tail)
{
    const uint8_t *bytes = frame->out->data + TRUNK_LENGTH_SIZE;
    size_t beginning = frame->out->length - frame->start;

    return tail->run - tail->frame == beginning &&
           memcmp(bytes + tail->frame, bytes + frame->start, beginning - TRUNK_LENGTH_SIZE) == 0;
}

/* The packet, in a frame that can hold those that follow it, if it goes to one channel alone. */
static void put_numbered(struct frame *frame, struct trunk_tail *tail, uint32_t receiver,
                         uint32_t sequence, struct slice packet)
{
    struct trunk_tail own = put_packets(frame, packet);

    if (tail) {
        *tail = own;
        tail->receiver = receiver;
        tail->next = trunk_next_sequence(sequence);
    }
}

/* The packets, in a frame that can hold more for the same receivers: in the last one if it is such
 * a frame. Without a tail, in one of their own. */
static void put_shareable(struct frame *frame, struct trunk_tail *tail, uint32_t receiver,
                          struct slice packets)
{
    if (has_room(tail, frame->start, packets) && begins_as_tail(frame, tail)) {
        frame->out->length = frame->start;
        extend(frame->out, tail, packets);
        return;
    }
    struct trunk_tail own = put_packets(frame, packets);
    if (tail) {
        *tail = own;
        tail->receiver = receiver;
    }
}

/* Tells frames with one receiver apart, so that the next need not be written to see that it is for
 * the same one. Channels are below 2^20. */
static uint32_t receiver_mark(enum trunk_kind kind, uint8_t version, uint32_t channel)
{
    return (uint32_t)kind << 28 | (uint32_t)version << 20 | channel;
}

/* The same of a PUBLISH; 0: it goes to several. */
static uint32_t publish_mark(const struct trunk_publish *publish,
                             const struct trunk_target *targets, size_t count)
{
    uint32_t sequences = publish->has_sequences ? RECEIVER_SEQUENCES : 0;

    return count == 1
               ? receiver_mark(TRUNK_PUBLISH, publish->version, targets[0].channel) | sequences
               : 0;
}

void trunk_put_bytes(struct buffer *out, struct trunk_tail *tail, uint32_t channel,
                     struct slice packets)
{
    uint32_t receiver = receiver_mark(TRUNK_BYTES, 0, channel);
    struct frame frame;

    if (extend_for(out, tail, receiver, 0, packets)) {
        return;
    }
    frame_begin(&frame, out, TRUNK_BYTES, 2, packets.length);
    put_number(&frame, channel);
    put_shareable(&frame, tail, receiver, packets);
}

void trunk_put_close(struct buffer *out, uint32_t channel, uint32_t reason)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_CLOSE, 2, 0);
    put_number(&frame, channel);
    put_number(&frame, reason);
    frame_end(&frame);
}

void trunk_append_filter(struct buffer *filters, struct slice filter)
{
    assert(filter.length > 0 && filter.length <= UINT16_MAX);
    buffer_append_u16(filters, (uint16_t)filter.length);
    buffer_append(filters, filter);
}

void trunk_put_subscriptions(struct buffer *out, const struct trunk_subscriptions *subscriptions)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_SUBSCRIPTIONS, 2, subscriptions->filters.length);
    put_number(&frame, subscriptions->channel);
    put_packets(&frame, subscriptions->filters);
}

void trunk_put_read(struct buffer *out, const struct trunk_read *read)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_READ, 5, read->filter.length + read->behind.length);
    put_number(&frame, read->channel);
    put_boolean(&frame, read->with_content);
    put_number(&frame, read->most);
    put_text(&frame, read->filter);
    put_text(&frame, read->behind);
    frame_end(&frame);
}

void trunk_append_message(struct buffer *messages, const struct trunk_message *message)
{
    uint8_t *at = buffer_reserve(messages, TRUNK_MESSAGE_HEADER + message->packet.length);

    at = write_u64(write_u64(at, message->modified_at), message->expires_at);
    at = write_u32(at, message->size);
    write_u32(at, (uint32_t)message->packet.length);
    messages->length += TRUNK_MESSAGE_HEADER;
    buffer_append(messages, message->packet);
}

void trunk_put_retained(struct buffer *out, const struct trunk_retained *retained)
{
    struct frame frame;

    frame_begin(&frame, out, TRUNK_RETAINED, 4, retained->next.length + retained->messages.length);
    put_number(&frame, retained->channel);
    put_number(&frame, retained->reason);
    put_text(&frame, retained->next);
    put_packets(&frame, retained->messages);
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

void trunk_put_publish(struct buffer *out, struct trunk_tail *tail,
                       const struct trunk_publish *publish, const struct trunk_target *targets,
                       size_t count)
{
    bool has_sequences = publish->has_sequences;
    uint32_t receiver = publish_mark(publish, targets, count);
    size_t targets_size = count * (has_sequences ? TRUNK_PAIR_SIZE : TRUNK_CHANNEL_SIZE);
    struct frame frame;

    if (receiver != 0 && extend_for(out, tail, receiver, has_sequences ? targets[0].sequence : 0,
                                    publish->packets)) {
        return;
    }
    frame_begin(&frame, out, TRUNK_PUBLISH, 4, publish->packets.length + targets_size);
    put_number(&frame, publish->version);
    put_boolean(&frame, has_sequences);
    uint8_t *at = put_entries(&frame, targets_size);
    for (size_t i = 0; i < count; i++) {
        at = write_u32(at, targets[i].channel);
        if (has_sequences) {
            at = write_u32(at, targets[i].sequence);
        }
    }
    if (has_sequences) {
        put_numbered(&frame, receiver != 0 ? tail : NULL, receiver, targets[0].sequence,
                     publish->packets);
    } else {
        put_shareable(&frame, tail, receiver, publish->packets);
    }
}
