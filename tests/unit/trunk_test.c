/* Frames of the trunk: all kinds there and back, their bytes as other implementations of msgpack
 * write them, and what is refused.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "bytes.h"
#include "trunk/trunk.h"

static struct trunk_frame decode(const struct buffer *bytes)
{
    struct trunk_frame frame;

    CHECK_INT_EQUAL(trunk_decode(&frame, buffer_slice(bytes)), bytes->length);
    return frame;
}

/* No proper part of a frame is one. */
static void check_prefixes(const struct buffer *bytes)
{
    struct trunk_frame frame;

    for (size_t i = 0; i < bytes->length; i++) {
        CHECK_INT_EQUAL(trunk_decode(&frame, slice_make(bytes->data, i)), 0);
    }
}

TEST(hello)
{
    struct trunk_hello hello = {TRUNK_VERSION, TRUNK_ANY_WORKER, 70000};
    struct buffer bytes = {0}, wanted = {0};

    trunk_put_hello(&bytes, &hello);
    bytes_append(&wanted, "0000000B 94 00 05 CD FFFF CE 00011170");
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), buffer_slice(&wanted));
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_HELLO);
    CHECK_INT_EQUAL(frame.hello.version, TRUNK_VERSION);
    CHECK_INT_EQUAL(frame.hello.worker, TRUNK_ANY_WORKER);
    CHECK_INT_EQUAL(frame.hello.worker_count, 70000);
    buffer_release(&bytes);
    buffer_release(&wanted);
}

TEST(open)
{
    struct trunk_open open = {.channel = TRUNK_CHANNELS_MAX - 1,
                              .flags = TRUNK_VERIFIED | TRUNK_BOUNDED,
                              .peer = SLICE_LITERAL("127.0.0.1:1234"),
                              .user = SLICE_LITERAL("ann"),
                              .queue_messages = 1000,
                              .queue_bytes = UINT64_C(1) << 40};
    struct buffer bytes = {0};

    trunk_put_open(&bytes, &open);
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_OPEN);
    CHECK_INT_EQUAL(frame.open.channel, open.channel);
    CHECK_INT_EQUAL(frame.open.flags, open.flags);
    CHECK_SLICE_EQUAL(frame.open.peer, open.peer);
    CHECK_SLICE_EQUAL(frame.open.user, open.user);
    CHECK_INT_EQUAL(frame.open.queue_messages, 1000);
    CHECK(frame.open.queue_bytes == open.queue_bytes);
    buffer_release(&bytes);
}

TEST(open_of_nobody)
{
    struct trunk_open open = {.channel = 0, .flags = TRUNK_IS_LOOPBACK};
    struct buffer bytes = {0};

    trunk_put_open(&bytes, &open);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.open.user.length, 0);
    CHECK_INT_EQUAL(frame.open.peer.length, 0);
    CHECK_INT_EQUAL(frame.open.flags, TRUNK_IS_LOOPBACK);
    buffer_release(&bytes);
}

/* All three lengths that msgpack writes lengths with. */
TEST(bytes)
{
    static const size_t lengths[] = {2, 255, 256, 65535, 65536, 1 << 20};

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct buffer packets = {0}, bytes = {0};

        test_note("%zu bytes", lengths[i]);
        memset(buffer_reserve(&packets, lengths[i]), 'x', lengths[i]);
        packets.length = lengths[i];
        trunk_put_bytes(&bytes, NULL, 77, buffer_slice(&packets));
        struct trunk_frame frame = decode(&bytes);
        CHECK_INT_EQUAL(frame.kind, TRUNK_BYTES);
        CHECK_INT_EQUAL(frame.bytes.channel, 77);
        CHECK_SLICE_EQUAL(frame.bytes.packets, buffer_slice(&packets));
        CHECK(frame.bytes.packets.data > bytes.data &&
              frame.bytes.packets.data < bytes.data + bytes.length);
        buffer_release(&packets);
        buffer_release(&bytes);
    }
}

TEST(publish_with_sequences)
{
    struct trunk_target targets[] = {{1, 0xFFFF0001}, {TRUNK_CHANNELS_MAX - 1, 2}};
    struct trunk_publish publish = {
        .version = 5, .has_sequences = true, .packets = SLICE_LITERAL("2packet")};
    struct buffer bytes = {0}, wanted = {0};
    struct trunk_target target;

    trunk_put_publish(&bytes, NULL, &publish, targets, 2);
    bytes_append(&wanted, "00000022 95 03 05 C3 C4 10 01000000 0100FFFF FFFF0F00 02000000 "
                          "C6 00000007 '2packet'");
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), buffer_slice(&wanted));
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.publish.version, 5);
    CHECK(frame.publish.has_sequences);
    CHECK_SLICE_EQUAL(frame.publish.packets, SLICE_LITERAL("2packet"));
    struct slice rest = frame.publish.targets;
    for (size_t i = 0; i < 2; i++) {
        CHECK(trunk_next_target(&frame.publish, &rest, &target));
        CHECK_INT_EQUAL(target.channel, targets[i].channel);
        CHECK_INT_EQUAL(target.sequence, targets[i].sequence);
    }
    CHECK(!trunk_next_target(&frame.publish, &rest, &target));
    buffer_release(&bytes);
    buffer_release(&wanted);
}

TEST(publish_to_many_at_qos_0)
{
    enum { MANY = 100000 };
    struct trunk_publish publish = {.version = 4, .packets = SLICE_LITERAL("0packet")};
    struct trunk_target *targets = calloc(MANY, sizeof(*targets)), target;
    struct buffer bytes = {0};
    uint32_t count = 0;

    for (uint32_t i = 0; i < MANY; i++) {
        targets[i] = (struct trunk_target){.channel = i, .sequence = 0};
    }
    trunk_put_publish(&bytes, NULL, &publish, targets, MANY);
    struct trunk_frame frame = decode(&bytes);
    CHECK(!frame.publish.has_sequences);
    CHECK_INT_EQUAL(frame.publish.targets.length, MANY * 4);
    for (struct slice rest = frame.publish.targets;
         trunk_next_target(&frame.publish, &rest, &target); count++) {
        CHECK_INT_EQUAL(target.channel, count);
        CHECK_INT_EQUAL(target.sequence, 0);
    }
    CHECK_INT_EQUAL(count, MANY);
    free(targets);
    buffer_release(&bytes);
}

/* ---------------------------------------------------------------- one frame for more packets */

struct shared {
    struct buffer bytes;
    struct trunk_tail tail;
};

static void put_to(struct shared *shared, uint32_t channel, const char *packets)
{
    trunk_put_bytes(&shared->bytes, &shared->tail, channel, slice_from_string(packets));
}

static void publish_to(struct shared *shared, bool has_sequences, uint32_t sequence,
                       const char *packet)
{
    struct trunk_target targets[] = {{7, sequence}, {9, sequence}};
    struct trunk_publish publish = {
        .version = 5, .has_sequences = has_sequences, .packets = slice_from_string(packet)};

    trunk_put_publish(&shared->bytes, &shared->tail, &publish, targets, 2);
}

/* The next frame, which is taken off the front. */
static struct trunk_frame next_of(struct slice *rest)
{
    struct trunk_frame frame;
    ssize_t size = trunk_decode(&frame, *rest);

    CHECK(size > 0);
    *rest = slice_from(*rest, (size_t)size);
    return frame;
}

TEST(packets_of_one_channel_share_a_frame_while_nothing_is_between)
{
    struct shared shared = {0};

    put_to(&shared, 3, "first.");
    put_to(&shared, 3, "second.");
    put_to(&shared, 4, "third.");
    put_to(&shared, 3, "fourth.");
    trunk_put_close(&shared.bytes, 8, 0);
    put_to(&shared, 3, "fifth.");
    struct slice rest = buffer_slice(&shared.bytes);
    CHECK_SLICE_EQUAL(next_of(&rest).bytes.packets, SLICE_LITERAL("first.second."));
    struct trunk_frame third = next_of(&rest);
    CHECK_INT_EQUAL(third.bytes.channel, 4);
    CHECK_SLICE_EQUAL(third.bytes.packets, SLICE_LITERAL("third."));
    CHECK_SLICE_EQUAL(next_of(&rest).bytes.packets, SLICE_LITERAL("fourth."));
    CHECK_INT_EQUAL(next_of(&rest).kind, TRUNK_CLOSE);
    CHECK_SLICE_EQUAL(next_of(&rest).bytes.packets, SLICE_LITERAL("fifth."));
    CHECK_INT_EQUAL(rest.length, 0);
    buffer_release(&shared.bytes);
}

TEST(publishes_to_the_same_targets_share_a_frame_but_not_with_sequences)
{
    struct shared shared = {0};

    publish_to(&shared, false, 0, "0one");
    publish_to(&shared, false, 0, "0two");
    publish_to(&shared, true, 1, "2one");
    publish_to(&shared, true, 1, "2two");
    struct slice rest = buffer_slice(&shared.bytes);
    struct trunk_frame both = next_of(&rest);
    CHECK_SLICE_EQUAL(both.publish.packets, SLICE_LITERAL("0one0two"));
    CHECK_INT_EQUAL(both.publish.targets.length, 8);
    CHECK_SLICE_EQUAL(next_of(&rest).publish.packets, SLICE_LITERAL("2one"));
    CHECK_SLICE_EQUAL(next_of(&rest).publish.packets, SLICE_LITERAL("2two"));
    CHECK_INT_EQUAL(rest.length, 0);
    buffer_release(&shared.bytes);
}

static void publish_numbered(struct shared *shared, uint32_t channel, uint32_t sequence,
                             const char *packet)
{
    struct trunk_target target = {channel, sequence};
    struct trunk_publish publish = {
        .version = 5, .has_sequences = true, .packets = slice_from_string(packet)};

    trunk_put_publish(&shared->bytes, &shared->tail, &publish, &target, 1);
}

static void expect_numbered(struct slice *rest, uint32_t channel, uint32_t sequence,
                            const char *packets)
{
    struct trunk_frame frame = next_of(rest);
    struct slice targets = frame.publish.targets;
    struct trunk_target target;

    CHECK_SLICE_EQUAL(frame.publish.packets, slice_from_string(packets));
    CHECK(trunk_next_target(&frame.publish, &targets, &target));
    CHECK_INT_EQUAL(target.channel, channel);
    CHECK_INT_EQUAL(target.sequence, sequence);
    CHECK_INT_EQUAL(targets.length, 0);
}

TEST(what_follows_by_number_in_one_channel_shares_a_frame)
{
    struct shared shared = {0};

    publish_numbered(&shared, 7, 0x2fffe, "2one");
    publish_numbered(&shared, 7, 0x2ffff, "2two");
    publish_numbered(&shared, 7, 0x30001, "2three");
    publish_numbered(&shared, 7, 0x30003, "2five"); /* one was dropped */
    publish_numbered(&shared, 8, 0x30004, "2other");
    publish_to(&shared, true, 0x30005, "2both");
    publish_numbered(&shared, 8, 0x30005, "2next");
    publish_numbered(&shared, 8, 0x30006, "2last");
    struct slice rest = buffer_slice(&shared.bytes);
    expect_numbered(&rest, 7, 0x2fffe, "2one2two2three");
    expect_numbered(&rest, 7, 0x30003, "2five");
    expect_numbered(&rest, 8, 0x30004, "2other");
    CHECK_INT_EQUAL(next_of(&rest).publish.targets.length, 16);
    expect_numbered(&rest, 8, 0x30005, "2next2last");
    CHECK_INT_EQUAL(rest.length, 0);
    buffer_release(&shared.bytes);
}

/* As if they were counted one after the other. */
static void check_numbers_behind(uint32_t first)
{
    uint32_t sequence = first;

    for (size_t packets = 0; packets < 200000; packets++) {
        CHECK_INT_EQUAL(trunk_sequence_behind(first, packets), sequence);
        sequence = trunk_next_sequence(sequence);
    }
}

TEST(numbers_behind_a_number_leave_out_those_whose_low_half_is_0)
{
    static const uint32_t firsts[] = {1, 0xffff, 0x10001, 0x2fff0, 0xfffffff0};

    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        check_numbers_behind(firsts[i]);
    }
    CHECK_INT_EQUAL(trunk_sequence_behind(0, 5), 0);
}

/* What was sent is gone from the front: its tail must not be written to. */
TEST(a_tail_that_was_reset_is_not_continued)
{
    struct shared shared = {0};

    put_to(&shared, 3, "sent.");
    shared.bytes.length = 0;
    shared.tail = (struct trunk_tail){0};
    put_to(&shared, 3, "next.");
    struct slice rest = buffer_slice(&shared.bytes);
    CHECK_SLICE_EQUAL(next_of(&rest).bytes.packets, SLICE_LITERAL("next."));
    CHECK_INT_EQUAL(rest.length, 0);
    buffer_release(&shared.bytes);
}

TEST(a_shared_frame_has_a_bound)
{
    enum { EACH = 60000, COUNT = 20, FRAME_MAX = 300000 };
    struct shared shared = {0};
    struct buffer packets = {0};
    size_t frames = 0, bytes = 0;

    memset(buffer_reserve(&packets, EACH), 'x', EACH);
    packets.length = EACH;
    for (int i = 0; i < COUNT; i++) {
        trunk_put_bytes(&shared.bytes, &shared.tail, 1, buffer_slice(&packets));
    }
    for (struct slice rest = buffer_slice(&shared.bytes); rest.length > 0; frames++) {
        size_t length = next_of(&rest).bytes.packets.length;
        CHECK(length <= FRAME_MAX);
        bytes += length;
    }
    CHECK_INT_EQUAL(bytes, (size_t)EACH * COUNT);
    CHECK_INT_EQUAL(frames, 5);
    buffer_release(&packets);
    buffer_release(&shared.bytes);
}

TEST(credit)
{
    struct trunk_credit_item items[] = {{3, 40000}, {9, UINT32_MAX}}, item;
    struct buffer bytes = {0};

    trunk_put_credit(&bytes, items, 2);
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_CREDIT_BACK);
    struct slice rest = frame.credit.items;
    for (size_t i = 0; i < 2; i++) {
        CHECK(trunk_next_credit(&rest, &item));
        CHECK_INT_EQUAL(item.channel, items[i].channel);
        CHECK_INT_EQUAL(item.bytes, items[i].bytes);
    }
    CHECK(!trunk_next_credit(&rest, &item));
    buffer_release(&bytes);
}

TEST(close)
{
    struct buffer bytes = {0};

    trunk_put_close(&bytes, 300, 0x97);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_CLOSE);
    CHECK_INT_EQUAL(frame.close.channel, 300);
    CHECK_INT_EQUAL(frame.close.reason, 0x97);
    buffer_release(&bytes);
}

TEST(frames_follow_each_other)
{
    struct buffer bytes = {0};
    struct trunk_frame frame;

    trunk_put_close(&bytes, 1, 0);
    size_t first = bytes.length;
    trunk_put_bytes(&bytes, NULL, 2, SLICE_LITERAL("\xC0\x00"));
    CHECK_INT_EQUAL(trunk_frame_size(buffer_slice(&bytes)), first);
    CHECK_INT_EQUAL(trunk_decode(&frame, buffer_slice(&bytes)), first);
    CHECK_INT_EQUAL(frame.kind, TRUNK_CLOSE);
    CHECK_INT_EQUAL(trunk_decode(&frame, slice_from(buffer_slice(&bytes), first)),
                    bytes.length - first);
    CHECK_INT_EQUAL(frame.kind, TRUNK_BYTES);
    buffer_release(&bytes);
}

/* Written in another way than ours, but right. */
TEST(other_forms_of_numbers)
{
    struct buffer bytes = {0};

    bytes_append(&bytes, "00000013 DD00000003 CF0000000000000005 CD0001 CC80");
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_CLOSE);
    CHECK_INT_EQUAL(frame.close.channel, 1);
    CHECK_INT_EQUAL(frame.close.reason, 0x80);
    buffer_release(&bytes);
}

TEST(length)
{
    struct buffer longest = {0}, too_long = {0};
    struct trunk_frame frame;

    buffer_append_u32(&longest, TRUNK_FRAME_MAX - 4);
    buffer_append_u32(&too_long, TRUNK_FRAME_MAX - 3);
    CHECK_INT_EQUAL(trunk_frame_size(buffer_slice(&longest)), TRUNK_FRAME_MAX);
    CHECK_INT_EQUAL(trunk_decode(&frame, buffer_slice(&longest)), 0);
    CHECK_INT_EQUAL(trunk_frame_size(buffer_slice(&too_long)), -1);
    CHECK_INT_EQUAL(trunk_decode(&frame, buffer_slice(&too_long)), -1);
    CHECK_INT_EQUAL(trunk_frame_size(slice_make(longest.data, 3)), 0);
    buffer_release(&longest);
    buffer_release(&too_long);
}

TEST(malformed)
{
    /* Without the length in front. */
    static const struct {
        const char *what, *bytes;
    } rows[] = {
        {"nothing", ""},
        {"no array", "05"},
        {"an empty array", "90"},
        {"no such kind", "93 09 01 00"},
        {"a kind that is no number", "93 A105 01 00"},
        {"too few values", "92 05 01"},
        {"too many values", "94 05 01 00 00"},
        {"more values than any frame has", "99 05 01 00 00 00 00 00 00 00"},
        {"as many as fit the number", "DDFFFFFFFF 05 01 00"},
        {"an array in it", "93 05 91 01 00"},
        {"an array at its end", "93 05 01 91 00"},
        {"a map in it", "93 05 81 01 01 00"},
        {"nil in it", "93 05 01 C0"},
        {"a fraction in it", "93 05 01 CA 00000000"},
        {"a negative number", "93 05 01 FF"},
        {"a boolean for a number", "93 05 01 C2"},
        {"an extension in it", "93 05 01 D4 01 01"},
        {"a byte that msgpack never uses", "93 05 01 C1"},
        {"something behind it", "93 05 01 00 00"},
        {"a value cut short", "93 05 01 CD 00"},
        {"bytes cut short", "93 02 01 C4 05 C000"},
        {"bytes of 4 GiB", "93 02 01 C6 FFFFFFFF C000"},
        {"text for bytes", "93 02 01 A2 C000"},
        {"bytes for text", "97 01 01 00 C400 A0 00 00"},
        {"no packet", "93 02 01 C400"},
        {"a channel too high", "93 05 CE 00100000 00"},
        {"a channel too high by far", "93 05 CF 0000000100000001 00"},
        {"a reason that is none", "93 05 01 CD 0100"},
        {"unknown flags", "97 01 01 CC80 A0 A0 00 00"},
        {"more worker than 32 bits", "94 00 01 CF 0000000100000000 00"},
        {"an unknown version of MQTT", "95 03 06 C2 C402 3000 C404 01000000"},
        {"an old version of MQTT", "95 03 03 C2 C402 3000 C404 01000000"},
        {"a number for has_sequences", "95 03 05 00 C402 3000 C404 01000000"},
        {"no targets", "95 03 05 C2 C402 3000 C400"},
        {"half a target", "95 03 05 C2 C402 3000 C406 01000000 0100"},
        {"a target without its sequence", "95 03 05 C3 C402 3000 C404 01000000"},
        {"a target too high", "95 03 05 C2 C402 3000 C408 01000000 00001000"},
        {"a sequence that is identifier 0", "95 03 05 C3 C402 3000 C408 01000000 00000100"},
        {"no credit", "92 04 C400"},
        {"half an item", "92 04 C40C 01000000 01000000 01000000"},
        {"credit for a channel too high", "92 04 C408 00001000 01000000"},
        {"reading nothing", "96 07 01 C2 00 A1 'a' A0"},
        {"reading too much", "96 07 01 C2 65 A1 'a' A0"},
        {"reading of no filter", "96 07 01 C2 01 A0 A0"},
        {"half a message", "95 08 01 00 A0 C408 0000000000000000"},
        {"a message cut short",
         "95 08 01 00 A0 C41A 0000000000000000 0000000000000000 00000000 03000000 3100"},
        {"a message without a packet",
         "95 08 01 00 A0 C418 0000000000000000 0000000000000000 00000000 00000000"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer body = {0}, bytes = {0};
        struct trunk_frame frame;

        test_note("%s", rows[i].what);
        bytes_append(&body, rows[i].bytes);
        buffer_append_u32(&bytes, (uint32_t)body.length);
        buffer_append(&bytes, buffer_slice(&body));
        CHECK_INT_EQUAL(trunk_decode(&frame, buffer_slice(&bytes)), -1);
        buffer_release(&body);
        buffer_release(&bytes);
    }
}

TEST(subscriptions)
{
    struct buffer filters = {0}, bytes = {0}, wanted = {0};
    struct slice rest, filter;

    trunk_append_filter(&filters, SLICE_LITERAL("h/g"));
    trunk_append_filter(&filters, SLICE_LITERAL("#"));
    trunk_put_subscriptions(&bytes, &(struct trunk_subscriptions){7, buffer_slice(&filters)});
    bytes_append(&wanted, "00000010 93 06 07 C6 00000008 0003 'h/g' 0001 '#'");
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), buffer_slice(&wanted));
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_SUBSCRIPTIONS);
    CHECK_INT_EQUAL(frame.subscriptions.channel, 7);
    rest = frame.subscriptions.filters;
    CHECK(trunk_next_filter(&rest, &filter));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("h/g"));
    CHECK(trunk_next_filter(&rest, &filter));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("#"));
    CHECK(!trunk_next_filter(&rest, &filter));
    buffer_release(&filters);
    buffer_release(&bytes);
    buffer_release(&wanted);
}

TEST(subscriptions_that_are_none)
{
    static const char *const rows[] = {
        "0000000C 93 06 07 C4 07 0003 'h/g' 0001", /* cut short */
        "00000007 93 06 07 C4 02 0000",            /* an empty one */
        "00000006 93 06 07 C4 01 00",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buffer bytes = {0};
        struct trunk_frame frame;
        test_note("row %zu", i);
        bytes_append(&bytes, rows[i]);
        CHECK_INT_EQUAL(trunk_decode(&frame, buffer_slice(&bytes)), -1);
        buffer_release(&bytes);
    }
}

TEST(reading)
{
    struct buffer bytes = {0}, wanted = {0};

    trunk_put_read(&bytes,
                   &(struct trunk_read){7, true, 100, SLICE_LITERAL("a/#"), SLICE_LITERAL("a/b")});
    bytes_append(&wanted, "0000000D 96 07 07 C3 64 A3 'a/#' A3 'a/b'");
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), buffer_slice(&wanted));
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_READ);
    CHECK_INT_EQUAL(frame.read.channel, 7);
    CHECK(frame.read.with_content);
    CHECK_INT_EQUAL(frame.read.most, 100);
    CHECK_SLICE_EQUAL(frame.read.filter, SLICE_LITERAL("a/#"));
    CHECK_SLICE_EQUAL(frame.read.behind, SLICE_LITERAL("a/b"));
    buffer_release(&bytes);
    buffer_release(&wanted);
}

TEST(retained_messages)
{
    struct buffer messages = {0}, bytes = {0}, wanted = {0};
    struct trunk_message message;
    struct slice rest;

    trunk_append_message(&messages, &(struct trunk_message){UINT64_C(0x0102030405060708), 3, 9,
                                                            slice_make("\x31\0", 2)});
    trunk_put_retained(
        &bytes, &(struct trunk_retained){7, 0x87, SLICE_LITERAL("n"), buffer_slice(&messages)});
    bytes_append(&wanted, "00000026 95 08 07 CC87 A1 'n' C6 0000001A 0807060504030201 "
                          "0300000000000000 09000000 02000000 3100");
    CHECK_SLICE_EQUAL(buffer_slice(&bytes), buffer_slice(&wanted));
    check_prefixes(&bytes);
    struct trunk_frame frame = decode(&bytes);
    CHECK_INT_EQUAL(frame.kind, TRUNK_RETAINED);
    CHECK_INT_EQUAL(frame.retained.channel, 7);
    CHECK_INT_EQUAL(frame.retained.reason, 0x87);
    CHECK_SLICE_EQUAL(frame.retained.next, SLICE_LITERAL("n"));
    rest = frame.retained.messages;
    CHECK(trunk_next_message(&rest, &message));
    CHECK(message.modified_at == UINT64_C(0x0102030405060708));
    CHECK_INT_EQUAL(message.expires_at, 3);
    CHECK_INT_EQUAL(message.size, 9);
    CHECK_SLICE_EQUAL(message.packet, slice_make("\x31\0", 2));
    CHECK(!trunk_next_message(&rest, &message));
    buffer_release(&messages);
    buffer_release(&bytes);
    buffer_release(&wanted);
}
