/* The trunk's frames at the broker: what one PUBLISH frame is shared by, order, credit, congestion,
 * and what a bridge must not say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>

#include "bridge_fixture.h"
#include "bytes.h"

/* ---------------------------------------------------------------- HELLO */

TEST(hello_names_the_worker)
{
    struct server *server = server_with_trunk();

    for (unsigned i = 0; i < 8; i++) {
        struct bridge bridge = bridge_open(i % WORKERS);
        bridge_guest(&bridge, 0, "guest");
        bridge_close(&bridge);
    }
    struct bridge any = bridge_open(TRUNK_ANY_WORKER);
    CHECK(any.worker < WORKERS);
    bridge_close(&any);
    server_free(server);
}

/* What is sent right behind HELLO moves along with the trunk. */
TEST(frames_right_behind_hello)
{
    struct server *server = server_with_trunk();

    for (unsigned i = 0; i < 8; i++) {
        struct bridge bridge = bridge_connect();
        struct bridge_client client = {.open = {.flags = TRUNK_IS_LOOPBACK}};
        struct trunk_hello hello = {.version = TRUNK_VERSION, .worker = i % WORKERS};
        struct packet connack;
        char name[64];
        name_at(name, sizeof(name), "early", i % WORKERS);
        trunk_put_hello(&bridge.out, &hello);
        bridge_put_client(&bridge, name, &client);
        bridge_expect(&bridge, TRUNK_HELLO);
        bridge_expect_packet(&bridge, 0, MQTT_5, &connack);
        CHECK_INT_EQUAL(connack.connack.reason, REASON_SUCCESS);
        bridge_close(&bridge);
    }
    server_free(server);
}

/* ---------------------------------------------------------------- sharing */

TEST(one_frame_for_a_thousand_channels)
{
    enum { MANY = 1000 };
    static struct trunk_target targets[MANY];
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(1);
    int device = device_open(server, "device");

    for (uint32_t i = 0; i < MANY; i++) {
        char stem[16];
        snprintf(stem, sizeof(stem), "c%u", i);
        bridge_guest(&bridge, i, stem);
        bridge_subscribe(&bridge, i, "t", 1, 0);
        targets[i].channel = i;
    }
    device_publish(device, "t", 0, SLICE_LITERAL("at 0"));
    bridge_expect_publish(&bridge, targets, MANY, SLICE_LITERAL("at 0"));
    for (uint32_t message = 1; message <= 2; message++) {
        for (uint32_t i = 0; i < MANY; i++) {
            targets[i].sequence = message;
        }
        device_publish(device, "t", 1, SLICE_LITERAL("at 1"));
        bridge_expect_publish(&bridge, targets, MANY, SLICE_LITERAL("at 1"));
    }
    bridge_ping(&bridge, 7); /* and nothing else came */
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

TEST(a_frame_for_each_form)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client old = {.open = {.channel = 4, .flags = TRUNK_IS_LOOPBACK},
                                .version = MQTT_3_1_1};
    int device = device_open(server, "device");
    struct packet suback;
    char name[64];

    for (uint32_t i = 0; i < 4; i++) {
        char stem[16];
        snprintf(stem, sizeof(stem), "c%u", i);
        bridge_guest(&bridge, i, stem);
        bridge_subscribe(&bridge, i, "t", i % 2, i == 3 ? 77 : 0);
    }
    name_at(name, sizeof(name), "old", 0);
    bridge_client(&bridge, name, &old);
    trunk_put_bytes(&bridge.out, NULL, 4, slice_make("\x82\x06\0\1\0\1t\0", 8));
    bridge_expect_packet(&bridge, 4, MQTT_3_1_1, &suback);
    device_publish(device, "t", 1, SLICE_LITERAL("x"));
    /* Its own, for its subscription identifier, at once; the others when all are known: 3.1.1, and
     * 5 at QoS 0 and 1. */
    bridge_expect_publish(&bridge, &(struct trunk_target){3, 1}, 1, SLICE_LITERAL("x"));
    CHECK(memmem(bridge.frame.publish.packets.data, bridge.frame.publish.packets.length, "\x0b\x4d",
                 2));
    bridge_expect_publish(&bridge, &(struct trunk_target){4, 0}, 1, SLICE_LITERAL("x"));
    CHECK_INT_EQUAL(bridge.frame.publish.version, MQTT_3_1_1);
    bridge_expect_publish(&bridge, (struct trunk_target[]){{0, 0}, {2, 0}}, 2, SLICE_LITERAL("x"));
    CHECK(!bridge.frame.publish.has_sequences);
    bridge_expect_publish(&bridge, &(struct trunk_target){1, 1}, 1, SLICE_LITERAL("x"));
    CHECK(bridge.frame.publish.has_sequences);
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

/* The Message Expiry Interval differs by time only, so it does not keep a frame from being shared.
 */
TEST(a_message_that_expires_is_shared)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish = {.topic = SLICE_LITERAL("t"), .payload = SLICE_LITERAL("x")}};

    for (uint32_t i = 0; i < 3; i++) {
        char stem[16];
        snprintf(stem, sizeof(stem), "c%u", i);
        bridge_guest(&bridge, i, stem);
        bridge_subscribe(&bridge, i, "t", 0, 0);
    }
    packet.properties.present = PROPERTY_BIT(MESSAGE_EXPIRY_INTERVAL);
    packet.properties.message_expiry_interval = 100;
    bridge_put(&bridge, 0, MQTT_5, &packet);
    bridge_expect_publish(&bridge, (struct trunk_target[]){{0, 0}, {1, 0}, {2, 0}}, 3,
                          SLICE_LITERAL("x"));
    bridge_close(&bridge);
    server_free(server);
}

/* ---------------------------------------------------------------- order */

/* A channel that publishes to itself, many packets in one turn: acknowledgement, message,
 * acknowledgement, ... */
TEST(packets_of_a_channel_keep_their_order)
{
    enum { ROUNDS = 20 };
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);

    bridge_guest(&bridge, 0, "self");
    bridge_subscribe(&bridge, 0, "t", 1, 0);
    bridge_guest(&bridge, 1, "other");
    bridge_subscribe(&bridge, 1, "t", 1, 0);
    for (uint16_t i = 1; i <= ROUNDS; i++) {
        char text[8];
        snprintf(text, sizeof(text), "%u", i);
        bridge_put_publish(&bridge, 0, "t", 1, i, slice_from_string(text));
    }
    for (uint16_t i = 1; i <= ROUNDS; i++) {
        struct packet puback;
        char text[8];
        snprintf(text, sizeof(text), "%u", i);
        bridge_expect_packet(&bridge, 0, MQTT_5, &puback);
        CHECK_INT_EQUAL(puback.type, PACKET_PUBACK);
        CHECK_INT_EQUAL(puback.ack.packet_id, i);
        bridge_expect_publish(&bridge, (struct trunk_target[]){{0, i}, {1, i}}, 2,
                              slice_from_string(text));
    }
    bridge_close(&bridge);
    server_free(server);
}

/* ---------------------------------------------------------------- credit */

/* A device publishes so many messages to channel 0, which gives no credit back, and to 1, which
 * does. Once 1 has all: how many bytes have come to 0, in `count` messages. */
static size_t bytes_without_credit(struct server *server, struct bridge *bridge, size_t messages,
                                   size_t length, size_t *count)
{
    uint8_t *payload = memory_allocate_zero(length);
    int device = device_open(server, "device");
    size_t counts[2] = {0}, bytes = 0;

    bridge_subscribe(bridge, 0, "t", 0, 0);
    bridge_guest(bridge, 1, "quick");
    bridge_subscribe(bridge, 1, "t", 0, 0);
    for (size_t i = 0; i < messages; i++) {
        payload[0] = (uint8_t)i;
        device_publish(device, "t", 0, slice_make(payload, length));
    }
    while (counts[1] < messages) {
        const struct trunk_frame *frame = bridge_expect(bridge, TRUNK_PUBLISH);
        struct slice rest = frame->publish.targets, packets = frame->publish.packets;
        struct trunk_target target;
        while (trunk_next_target(&frame->publish, &rest, &target)) {
            CHECK_INT_EQUAL(packets.data[packets.length - length], counts[target.channel]);
            counts[target.channel]++;
            bytes += target.channel == 0 ? packets.length : 0;
        }
        bridge_put_credit(bridge, 1, (uint32_t)packets.length);
    }
    close(device);
    free(payload);
    *count = counts[0];
    return bytes;
}

TEST(a_wide_channel_has_more_credit)
{
    enum { MESSAGES = 80, LENGTH = 20000 };
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client wide = {.open = {.channel = 0, .flags = TRUNK_IS_LOOPBACK | TRUNK_WIDE}};
    char name[64];
    size_t count;

    name_at(name, sizeof(name), "wide", 0);
    bridge_client(&bridge, name, &wide);
    size_t bytes = bytes_without_credit(server, &bridge, MESSAGES, LENGTH, &count);
    CHECK(bytes >= TRUNK_CREDIT_WIDE - 200);
    CHECK(bytes < TRUNK_CREDIT_WIDE + LENGTH + 100);
    CHECK(count < MESSAGES);
    bridge_close(&bridge);
    server_free(server);
}

TEST(without_credit_messages_wait_in_the_session)
{
    enum { MESSAGES = 100, LENGTH = 2000 };
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    size_t slow;

    bridge_guest(&bridge, 0, "slow");
    size_t bytes = bytes_without_credit(server, &bridge, MESSAGES, LENGTH, &slow);
    CHECK(bytes >= TRUNK_CREDIT - 200); /* CONNACK and SUBACK took some of it */
    CHECK(bytes < TRUNK_CREDIT + LENGTH + 100);
    while (slow < MESSAGES) {
        bridge_put_credit(&bridge, 0, LENGTH);
        const struct trunk_frame *frame = bridge_expect(&bridge, TRUNK_PUBLISH);
        size_t length = frame->publish.packets.length;
        CHECK_INT_EQUAL(frame->publish.packets.data[length - LENGTH], slow++);
    }
    bridge_close(&bridge);
    server_free(server);
}

/* Replies that a client does not read wait for credit as well, and delay nobody else. */
TEST(replies_wait_for_credit)
{
    enum { CHUNK = 2048, TOTAL = 100 * CHUNK, SLACK = 1024 };
    static uint8_t pings[CHUNK];
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client witness = {.open = {.channel = 1, .flags = TRUNK_IS_LOOPBACK}};
    size_t got = 0, sent = 0, credit = TRUNK_CREDIT - SLACK;
    bool answered = false;
    char name[64];

    bridge_guest(&bridge, 0, "noisy");
    for (size_t i = 0; i < CHUNK; i += 2) {
        pings[i] = PACKET_PINGREQ << 4;
    }
    while (!answered) {
        if (sent < TOTAL && credit >= CHUNK) {
            trunk_put_bytes(&bridge.out, NULL, 0, slice_make(pings, CHUNK));
            credit -= CHUNK;
            sent += CHUNK;
            if (sent == TOTAL) {
                name_at(name, sizeof(name), "witness", 0);
                bridge_put_client(&bridge, name, &witness);
            }
            continue;
        }
        const struct trunk_frame *frame = bridge_next(&bridge);
        struct trunk_credit_item item;
        CHECK(frame);
        if (frame->kind == TRUNK_CREDIT_BACK) {
            struct slice rest = frame->credit.items;
            CHECK(trunk_next_credit(&rest, &item) && item.channel == 0);
            credit += item.bytes;
        } else {
            got += frame->bytes.channel == 0 ? frame->bytes.packets.length : 0;
            answered = frame->bytes.channel == 1;
        }
    }
    CHECK(got <= TRUNK_CREDIT);
    CHECK(got > TRUNK_CREDIT - SLACK);
    while (got < TOTAL) {
        bridge_put_credit(&bridge, 0, CHUNK);
        const struct trunk_frame *frame = bridge_next(&bridge);
        got += frame && frame->kind == TRUNK_BYTES ? frame->bytes.packets.length : 0;
    }
    CHECK_INT_EQUAL(got, TOTAL);
    bridge_close(&bridge);
    server_free(server);
}

/* Who bounds its messages by credit that it holds back still hears what it has asked for. */
TEST(replies_need_no_credit_where_it_is_held_back)
{
    enum { MESSAGES = 100, LENGTH = 2000 };
    static const uint8_t ping[] = {PACKET_PINGREQ << 4, 0};
    static uint8_t payload[LENGTH];
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct bridge_client holder = {
        .open = {.channel = 0, .flags = TRUNK_IS_LOOPBACK | TRUNK_HOLDS_CREDIT}};
    int device = device_open(server, "device");
    size_t bytes = 0;
    struct packet packet;
    char name[64];

    name_at(name, sizeof(name), "holder", 0);
    bridge_client(&bridge, name, &holder);
    bridge_subscribe(&bridge, 0, "t", 0, 0);
    for (int i = 0; i < MESSAGES; i++) {
        device_publish(device, "t", 0, slice_make(payload, LENGTH));
    }
    while (bytes < TRUNK_CREDIT - 200) {
        bytes += bridge_expect(&bridge, TRUNK_PUBLISH)->publish.packets.length;
    }
    trunk_put_bytes(&bridge.out, NULL, 0, slice_make(ping, sizeof(ping)));
    bridge_expect_packet(&bridge, 0, MQTT_5, &packet);
    CHECK_INT_EQUAL(packet.type, PACKET_PINGRESP);
    bridge_put_credit(&bridge, 0, LENGTH);
    bridge_expect(&bridge, TRUNK_PUBLISH);
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

TEST(input_gives_credit_back)
{
    enum { LENGTH = 100000 };
    uint8_t *payload = memory_allocate_zero(LENGTH);
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct trunk_credit_item item;

    bridge_guest(&bridge, 0, "writer");
    bridge_put_publish(&bridge, 0, "t", 0, 0, slice_make(payload, LENGTH)); /* beyond, but one */
    const struct trunk_frame *frame = bridge_expect(&bridge, TRUNK_CREDIT_BACK);
    struct slice rest = frame->credit.items;
    CHECK(trunk_next_credit(&rest, &item));
    CHECK_INT_EQUAL(item.channel, 0);
    CHECK(item.bytes > LENGTH);
    for (int i = 0; i < 3; i++) { /* little is due: nothing comes */
        bridge_put_publish(&bridge, 0, "t", 0, 0, slice_make(payload, TRUNK_CREDIT / 8));
    }
    bridge_ping(&bridge, 0);
    bridge_put_publish(&bridge, 0, "t", 0, 0, slice_make(payload, TRUNK_CREDIT / 8));
    bridge_expect(&bridge, TRUNK_CREDIT_BACK);
    free(payload);
    bridge_close(&bridge);
    server_free(server);
}

TEST(more_than_credit_allows_closes_the_channel)
{
    enum { LENGTH = TRUNK_CREDIT };
    uint8_t *payload = memory_allocate_zero(LENGTH);
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);
    struct packet publish = {
        .type = PACKET_PUBLISH,
        .publish = {.topic = SLICE_LITERAL("t"), .payload = slice_make(payload, LENGTH)}};
    struct packet ping = {.type = PACKET_PINGREQ}, disconnect;
    struct buffer packets = {0};

    bridge_guest(&bridge, 0, "greedy");
    bridge_guest(&bridge, 1, "neighbour");
    packet_encode(&packets, &publish, MQTT_5);
    packet_encode(&packets, &ping, MQTT_5);
    trunk_put_bytes(&bridge.out, NULL, 0, buffer_slice(&packets));
    bridge_expect_packet(&bridge, 0, MQTT_5, &disconnect);
    CHECK_INT_EQUAL(disconnect.type, PACKET_DISCONNECT);
    CHECK_INT_EQUAL(disconnect.disconnect.reason, REASON_PROTOCOL_ERROR);
    bridge_expect_close(&bridge, 0, REASON_PROTOCOL_ERROR);
    bridge_ping(&bridge, 1);
    buffer_release(&packets);
    free(payload);
    bridge_close(&bridge);
    server_free(server);
}

/* CREDIT that comes late, or is more than was used, does no harm. */
TEST(credit_for_a_channel_that_is_no_more)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(0);

    bridge_guest(&bridge, 0, "first");
    trunk_put_close(&bridge.out, 0, 0);
    bridge_expect_close(&bridge, 0, 0);
    bridge_put_credit(&bridge, 0, 1000);
    bridge_guest(&bridge, 0, "second");
    bridge_put_credit(&bridge, 0, UINT32_MAX);
    bridge_ping(&bridge, 0);
    bridge_close(&bridge);
    server_free(server);
}

/* ---------------------------------------------------------------- congestion */

enum { CROWD = 100, EACH = 3, CROWD_LENGTH = 20000 };

static void publish_to_crowd(int device)
{
    static uint8_t payload[CROWD_LENGTH];

    for (uint8_t i = 0; i < EACH; i++) {
        payload[0] = i;
        for (unsigned k = 0; k < CROWD; k++) {
            char topic[16];
            snprintf(topic, sizeof(topic), "crowd/%u", k);
            device_publish(device, topic, 0, slice_make(payload, sizeof(payload)));
        }
    }
    client_send(device, "\xc0\0", 2);
    client_expect(device, "\xd0\0", 2); /* a bridge that does not read delays nobody else */
}

/* Waits until everything published has been sent or waits; returns how many wait. */
static uint64_t await_crowd(const struct server *server, unsigned worker)
{
    const struct counters *counters = &server->workers[worker].shard.counters;
    uint64_t sent, queued;

    do {
        sched_yield();
        sent = counter_read(&counters->publish_sent);
        queued = counter_read(&counters->messages_queued);
    } while (sent + queued < CROWD * EACH);
    return queued;
}

static void subscribe_crowd(struct bridge *bridge)
{
    for (uint32_t i = 0; i < CROWD; i++) {
        char text[16];
        snprintf(text, sizeof(text), "m%u", i);
        bridge_guest(bridge, i, text);
        snprintf(text, sizeof(text), "crowd/%u", i);
        bridge_subscribe(bridge, i, text, 0, 0);
    }
}

TEST(a_bridge_that_takes_nothing_for_too_long_is_given_up)
{
    struct server *server = server_with_patience(200);
    struct bridge bridge = bridge_open(1);
    int device = device_open(server, "device");

    subscribe_crowd(&bridge);
    publish_to_crowd(device);
    /* The end shows in the counters before this reads what is left in the socket. */
    while (counter_read(&server->workers[1].shard.counters.channels) > 0) {
        sched_yield();
    }
    while (bridge_next(&bridge)) {
    }
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

TEST(a_bridge_that_does_not_read_holds_messages_back_and_gets_them_in_turn)
{
    struct server *server = server_with_trunk();
    struct bridge bridge = bridge_open(1);
    int device = device_open(server, "device");
    uint8_t counts[CROWD] = {0};

    subscribe_crowd(&bridge);
    publish_to_crowd(device);
    uint64_t queued = await_crowd(server, 1);
    CHECK(queued >= 20); /* of 6 MB the trunk keeps 4 MiB, the kernel some more */
    CHECK(queued <= CROWD * 2);
    for (unsigned i = 0; i < CROWD * EACH; i++) {
        const struct trunk_frame *frame = bridge_expect(&bridge, TRUNK_PUBLISH);
        struct slice rest = frame->publish.targets;
        struct trunk_target target;
        CHECK(trunk_next_target(&frame->publish, &rest, &target));
        size_t length = frame->publish.packets.length;
        CHECK_INT_EQUAL(frame->publish.packets.data[length - CROWD_LENGTH], counts[target.channel]);
        counts[target.channel]++;
    }
    bridge_ping(&bridge, 0);
    close(device);
    bridge_close(&bridge);
    server_free(server);
}

/* ---------------------------------------------------------------- what a bridge must not say */

TEST(malformed_and_misplaced_frames_end_the_trunk)
{
    /* Behind HELLO and OPEN of channel 5. */
    static const struct {
        const char *what, *bytes;
    } rows[] = {
        {"a malformed frame", "00000002 9305"},
        {"no msgpack", "00000001 C1"},
        {"a frame of 4 GiB", "FFFFFFFF"},
        {"a second HELLO", "00000005 94 00 01 00 00"},
        {"OPEN of a channel that is open", "00000008 97 01 05 00 A0 A0 00 00"},
        {"a user that is no UTF-8", "00000009 97 01 06 01 A0 A1 FF 00 00"},
        {"BYTES of no channel", "00000007 93 02 06 C4 02 C000"},
        {"CLOSE of no channel", "00000004 93 05 06 00"},
        {"a PUBLISH", "0000000E 95 03 05 C2 C4 02 3000 C4 04 05000000"},
    };
    struct server *server = server_with_trunk();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bridge bridge = bridge_open(i % WORKERS);
        struct trunk_open open = {.channel = 5};
        test_note("%s", rows[i].what);
        trunk_put_open(&bridge.out, &open);
        bytes_append(&bridge.out, rows[i].bytes);
        bridge_expect_end(&bridge);
        bridge_close(&bridge);
    }
    server_free(server);
}

TEST(the_first_frame_is_hello_of_our_version)
{
    struct server *server = server_with_trunk();
    struct bridge silent = bridge_connect(), other = bridge_connect();
    struct trunk_hello hello = {.version = TRUNK_VERSION + 1};
    struct trunk_open open = {0};

    trunk_put_open(&silent.out, &open);
    bridge_expect_end(&silent);
    trunk_put_hello(&other.out, &hello);
    bridge_expect_end(&other);
    bridge_close(&silent);
    bridge_close(&other);
    server_free(server);
}
