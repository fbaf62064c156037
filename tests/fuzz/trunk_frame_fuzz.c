/* Fuzzes the trunk's frames: the input is what a peer writes.
 *
 * Oracles: whatever is decoded lies inside the input and, written again, decodes to the same and is
 * written the same; no proper part of a frame is one.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "trunk/trunk.h"

enum { LENGTH_MORE_MAX = 3 };

static void check_inside(struct slice part, struct slice whole)
{
    FUZZ_CHECK(part.length == 0 ||
               (part.data >= whole.data && part.data + part.length <= whole.data + whole.length));
}

static void put_publish(struct buffer *out, const struct trunk_publish *publish)
{
    size_t count = publish->targets.length / (publish->has_sequences ? 8 : 4), used = 0;
    struct trunk_target *targets = memory_allocate(count * sizeof(*targets));

    for (struct slice rest = publish->targets;
         trunk_next_target(publish, &rest, &targets[used]) && ++used < count;) {
        FUZZ_CHECK(targets[used - 1].channel < TRUNK_CHANNELS_MAX);
    }
    FUZZ_CHECK(used == count);
    trunk_put_publish(out, NULL, publish, targets, count);
    free(targets);
}

static void put_credit(struct buffer *out, const struct trunk_credit *credit)
{
    size_t count = credit->items.length / 8, used = 0;
    struct trunk_credit_item *items = memory_allocate(count * sizeof(*items));

    for (struct slice rest = credit->items;
         trunk_next_credit(&rest, &items[used]) && ++used < count;) {
        FUZZ_CHECK(items[used - 1].channel < TRUNK_CHANNELS_MAX);
    }
    FUZZ_CHECK(used == count);
    trunk_put_credit(out, items, count);
    free(items);
}

static void put_subscriptions(struct buffer *out, const struct trunk_subscriptions *subscriptions)
{
    struct slice rest = subscriptions->filters, filter;
    struct buffer filters = {0};

    while (trunk_next_filter(&rest, &filter)) {
        check_inside(filter, subscriptions->filters);
        trunk_append_filter(&filters, filter);
    }
    FUZZ_CHECK(slice_equal(buffer_slice(&filters), subscriptions->filters));
    trunk_put_subscriptions(
        out, &(struct trunk_subscriptions){subscriptions->channel, buffer_slice(&filters)});
    buffer_release(&filters);
}

static void put_retained(struct buffer *out, const struct trunk_retained *retained)
{
    struct slice rest = retained->messages;
    struct trunk_retained again = *retained;
    struct trunk_message message;
    struct buffer messages = {0};

    while (trunk_next_message(&rest, &message)) {
        check_inside(message.packet, retained->messages);
        trunk_append_message(&messages, &message);
    }
    FUZZ_CHECK(slice_equal(buffer_slice(&messages), retained->messages));
    again.messages = buffer_slice(&messages);
    trunk_put_retained(out, &again);
    buffer_release(&messages);
}

static void put(struct buffer *out, const struct trunk_frame *frame, struct slice in)
{
    switch (frame->kind) {
    case TRUNK_HELLO:
        trunk_put_hello(out, &frame->hello);
        break;
    case TRUNK_OPEN:
        check_inside(frame->open.peer, in);
        check_inside(frame->open.user, in);
        trunk_put_open(out, &frame->open);
        break;
    case TRUNK_BYTES:
        check_inside(frame->bytes.packets, in);
        trunk_put_bytes(out, NULL, frame->bytes.channel, frame->bytes.packets);
        break;
    case TRUNK_PUBLISH:
        check_inside(frame->publish.packets, in);
        check_inside(frame->publish.targets, in);
        put_publish(out, &frame->publish);
        break;
    case TRUNK_CREDIT_BACK:
        check_inside(frame->credit.items, in);
        put_credit(out, &frame->credit);
        break;
    case TRUNK_CLOSE:
        trunk_put_close(out, frame->close.channel, frame->close.reason);
        break;
    case TRUNK_SUBSCRIPTIONS:
        check_inside(frame->subscriptions.filters, in);
        put_subscriptions(out, &frame->subscriptions);
        break;
    case TRUNK_READ:
        check_inside(frame->read.filter, in);
        check_inside(frame->read.behind, in);
        trunk_put_read(out, &frame->read);
        break;
    case TRUNK_RETAINED:
        check_inside(frame->retained.next, in);
        put_retained(out, &frame->retained);
        break;
    }
}

/* Ours is the shortest way to write it, but for the length of packets, which always has four bytes.
 */
static void check_round_trip(const struct trunk_frame *frame, struct slice in)
{
    struct buffer first = {0}, second = {0};
    struct trunk_frame again;

    put(&first, frame, in);
    FUZZ_CHECK(first.length > 4 && first.length <= in.length + LENGTH_MORE_MAX);
    FUZZ_CHECK(trunk_decode(&again, buffer_slice(&first)) == (ssize_t)first.length);
    FUZZ_CHECK(again.kind == frame->kind);
    put(&second, &again, buffer_slice(&first));
    FUZZ_CHECK(slice_equal(buffer_slice(&first), buffer_slice(&second)));
    buffer_release(&first);
    buffer_release(&second);
}

static void check_prefix(struct slice bytes, size_t length)
{
    struct trunk_frame frame;
    struct slice prefix = fuzz_copy(slice_make(bytes.data, length));

    FUZZ_CHECK(trunk_decode(&frame, prefix) == 0);
    fuzz_free(prefix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice copy = fuzz_copy(slice_make(data, size));

    for (struct slice rest = copy; rest.length > 0;) {
        struct trunk_frame frame;
        memset(&frame, 0xA5, sizeof(frame));
        ssize_t used = trunk_decode(&frame, rest);
        FUZZ_CHECK(used >= -1 && used <= (ssize_t)rest.length);
        if (used <= 0) {
            break;
        }
        struct slice bytes = slice_make(rest.data, (size_t)used);
        FUZZ_CHECK(trunk_frame_size(rest) == used);
        check_round_trip(&frame, bytes);
        check_prefix(bytes, bytes.length - 1);
        check_prefix(bytes, bytes.length / 2);
        rest = slice_from(rest, (size_t)used);
    }
    fuzz_free(copy);
    return 0;
}
