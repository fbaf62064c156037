/* The fields that decoding fills, and encoding: what one writes the other reads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "bytes.h"
#include "mqtt/packet.h"

static const struct packet_limits client_5 = {MQTT_5, PACKET_SIZE_MAX, false};
static const struct packet_limits client_3 = {MQTT_3_1_1, PACKET_SIZE_MAX, false};
static const struct packet_limits server_5 = {MQTT_5, PACKET_SIZE_MAX, true};
static const struct packet_limits server_3 = {MQTT_3_1_1, PACKET_SIZE_MAX, true};
static const struct packet_limits unknown = {MQTT_UNKNOWN, PACKET_SIZE_MAX, false};

/* The packet's slices borrow `bytes`. Starts from a struct full of rubbish, as a reused one is. */
static void decode_text(struct packet *out, struct buffer *bytes, const char *text,
                        const struct packet_limits *limits)
{
    bytes->length = 0;
    bytes_append(bytes, text);
    memset(out, 0xA5, sizeof(*out));
    test_note("%s", text);
    CHECK_INT_EQUAL(packet_decode(out, buffer_slice(bytes), limits), bytes->length);
}

/* Encoding the decoded packet gives the same bytes again. */
static void check_same_again(const struct packet *packet, const struct buffer *bytes,
                             enum protocol_version version)
{
    struct buffer again = {0};

    packet_encode(&again, packet, version);
    CHECK_SLICE_EQUAL(buffer_slice(&again), buffer_slice(bytes));
    buffer_release(&again);
}

TEST(connect_of_3_1_1)
{
    struct packet packet;
    struct buffer bytes = {0};
    const struct connect *connect = &packet.connect;

    decode_text(&packet, &bytes,
                "10 24 0004 'MQTT' 04 EE 0E10 0003 'cid' 0003 'w/t' 0004 'will' 0004 'user' "
                "0002 00FF",
                &unknown);
    CHECK_INT_EQUAL(packet.type, PACKET_CONNECT);
    CHECK_INT_EQUAL(connect->version, MQTT_3_1_1);
    CHECK(connect->clean_start && connect->has_user_name && connect->has_password);
    CHECK_INT_EQUAL(connect->keep_alive, 3600);
    CHECK_SLICE_EQUAL(connect->client_identifier, SLICE_LITERAL("cid"));
    CHECK(connect->will.present && connect->will.retain);
    CHECK_INT_EQUAL(connect->will.qos, QOS_1);
    CHECK_SLICE_EQUAL(connect->will.topic, SLICE_LITERAL("w/t"));
    CHECK_SLICE_EQUAL(connect->will.payload, SLICE_LITERAL("will"));
    CHECK_SLICE_EQUAL(connect->user_name, SLICE_LITERAL("user"));
    CHECK_SLICE_EQUAL(connect->password, SLICE_LITERAL("\0\xFF"));
    CHECK(packet.properties.present == 0 && connect->will.properties.present == 0);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    buffer_release(&bytes);
}

TEST(connect_of_5)
{
    struct packet packet;
    struct buffer bytes = {0};

    decode_text(&packet, &bytes,
                "10 1E 0004 'MQTT' 05 14 0000 05 11 00000E10 0001 'c' "
                "05 18 0000000A 0001 't' 0000",
                &unknown);
    CHECK_INT_EQUAL(packet.connect.version, MQTT_5);
    CHECK(!packet.connect.clean_start && !packet.connect.has_user_name);
    CHECK_INT_EQUAL(packet.properties.session_expiry_interval, 3600);
    CHECK_INT_EQUAL(packet.connect.will.qos, QOS_2);
    CHECK_INT_EQUAL(packet.connect.will.properties.will_delay_interval, 10);
    CHECK_INT_EQUAL(packet.connect.will.payload.length, 0);
    check_same_again(&packet, &bytes, MQTT_5);
    buffer_release(&bytes);
}

TEST(publish)
{
    struct packet packet;
    struct buffer bytes = {0};
    const struct publish *publish = &packet.publish;

    decode_text(&packet, &bytes, "3D 0A 0003 'a/b' 1234 'xyz'", &client_3);
    CHECK(publish->dup && publish->retain);
    CHECK_INT_EQUAL(publish->qos, QOS_2);
    CHECK_INT_EQUAL(publish->packet_id, 0x1234);
    CHECK_SLICE_EQUAL(publish->topic, SLICE_LITERAL("a/b"));
    CHECK_SLICE_EQUAL(publish->payload, SLICE_LITERAL("xyz"));
    CHECK(packet.properties.present == 0 && packet.properties.raw.length == 0);
    check_same_again(&packet, &bytes, MQTT_3_1_1);

    decode_text(&packet, &bytes, "30 0B 0003 'a/b' 05 02 0000003C", &client_5);
    CHECK(!publish->dup && !publish->retain);
    CHECK_INT_EQUAL(publish->packet_id, 0);
    CHECK_INT_EQUAL(publish->payload.length, 0);
    CHECK_INT_EQUAL(packet.properties.message_expiry_interval, 60);
    check_same_again(&packet, &bytes, MQTT_5);

    decode_text(&packet, &bytes, "30 0A 0000 03 23 0007 'data'", &client_5);
    CHECK_INT_EQUAL(publish->topic.length, 0);
    CHECK_INT_EQUAL(packet.properties.topic_alias, 7);
    check_same_again(&packet, &bytes, MQTT_5);
    buffer_release(&bytes);
}

TEST(acks_leave_out_what_says_nothing)
{
    struct packet packet;
    struct buffer bytes = {0};

    decode_text(&packet, &bytes, "40 02 0007", &client_5);
    CHECK_INT_EQUAL(packet.ack.packet_id, 7);
    CHECK_INT_EQUAL(packet.ack.reason, REASON_SUCCESS);
    CHECK_INT_EQUAL(packet.properties.present, 0);
    check_same_again(&packet, &bytes, MQTT_5);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    decode_text(&packet, &bytes, "62 03 0007 92", &client_5);
    CHECK_INT_EQUAL(packet.ack.reason, REASON_PACKET_IDENTIFIER_NOT_FOUND);
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "50 09 0007 87 05 1F 0002 'no'", &client_5);
    CHECK_SLICE_EQUAL(packet.properties.reason_string, SLICE_LITERAL("no"));
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "70 09 0007 00 05 1F 0002 'ok'", &server_5);
    check_same_again(&packet, &bytes, MQTT_5);
    buffer_release(&bytes);
}

TEST(subscribe)
{
    struct packet packet;
    struct buffer bytes = {0};
    struct subscription_options options;
    struct slice filters, filter;

    decode_text(&packet, &bytes, "82 0F 0001 02 0B 09 0003 'a/+' 2D 0001 '#' 12", &client_5);
    CHECK_INT_EQUAL(packet.subscribe.packet_id, 1);
    CHECK_INT_EQUAL(packet.subscribe.count, 2);
    CHECK_INT_EQUAL(packet.properties.subscription_identifier, 9);
    filters = packet.subscribe.filters;
    CHECK(subscribe_next(&filters, MQTT_5, &filter, &options));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("a/+"));
    CHECK(options.qos == QOS_1 && options.no_local && options.retain_as_published);
    CHECK_INT_EQUAL(options.retain_handling, 2);
    CHECK(subscribe_next(&filters, MQTT_5, &filter, &options));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("#"));
    CHECK(options.qos == QOS_2 && !options.no_local && !options.retain_as_published);
    CHECK_INT_EQUAL(options.retain_handling, 1);
    CHECK(!subscribe_next(&filters, MQTT_5, &filter, &options));
    check_same_again(&packet, &bytes, MQTT_5);

    decode_text(&packet, &bytes, "82 06 0001 0001 'a' 01", &client_3);
    filters = packet.subscribe.filters;
    CHECK(subscribe_next(&filters, MQTT_3_1_1, &filter, &options));
    CHECK(options.qos == QOS_1 && !options.no_local && options.retain_handling == 0);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    buffer_release(&bytes);
}

TEST(unsubscribe)
{
    struct packet packet;
    struct buffer bytes = {0};
    struct slice filters, filter;

    decode_text(&packet, &bytes, "A2 0A 0001 0001 'a' 0003 'b/#'", &client_3);
    CHECK_INT_EQUAL(packet.subscribe.count, 2);
    filters = packet.subscribe.filters;
    CHECK(unsubscribe_next(&filters, &filter));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("a"));
    CHECK(unsubscribe_next(&filters, &filter));
    CHECK_SLICE_EQUAL(filter, SLICE_LITERAL("b/#"));
    CHECK(!unsubscribe_next(&filters, &filter));
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    buffer_release(&bytes);
}

TEST(what_servers_send)
{
    struct packet packet;
    struct buffer bytes = {0};

    decode_text(&packet, &bytes, "20 08 01 00 05 21 0014 25 00", &server_5);
    CHECK(packet.connack.session_present && packet.connack.reason == 0);
    CHECK_INT_EQUAL(packet.properties.receive_maximum, 20);
    CHECK_INT_EQUAL(packet.properties.retain_available, 0);
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "20 02 00 05", &server_3);
    CHECK_INT_EQUAL(packet.connack.reason, 5);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    decode_text(&packet, &bytes, "90 05 0009 00 02 80", &server_5);
    CHECK_SLICE_EQUAL(packet.suback.codes, SLICE_LITERAL("\x02\x80"));
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "B0 04 0009 00 11", &server_5);
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "B0 02 0009", &server_3);
    CHECK_INT_EQUAL(packet.suback.codes.length, 0);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    decode_text(&packet, &bytes, "D0 00", &server_3);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    buffer_release(&bytes);
}

TEST(the_end_of_a_conversation)
{
    struct packet packet;
    struct buffer bytes = {0};

    decode_text(&packet, &bytes, "C0 00", &client_5);
    CHECK_INT_EQUAL(packet.properties.present, 0);
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "E0 00", &client_5);
    CHECK_INT_EQUAL(packet.disconnect.reason, REASON_NORMAL_DISCONNECTION);
    check_same_again(&packet, &bytes, MQTT_5);
    check_same_again(&packet, &bytes, MQTT_3_1_1);
    decode_text(&packet, &bytes, "E0 01 04", &client_5);
    CHECK_INT_EQUAL(packet.disconnect.reason, REASON_DISCONNECT_WITH_WILL_MESSAGE);
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "E0 07 00 05 11 00000000", &client_5);
    CHECK(properties_have(&packet.properties, PROPERTY_SESSION_EXPIRY_INTERVAL));
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "F0 0A 18 08 15 0001 'm' 16 0001 'd'", &client_5);
    CHECK_INT_EQUAL(packet.auth.reason, REASON_CONTINUE_AUTHENTICATION);
    CHECK_SLICE_EQUAL(packet.properties.authentication_data, SLICE_LITERAL("d"));
    check_same_again(&packet, &bytes, MQTT_5);
    decode_text(&packet, &bytes, "F0 00", &server_5);
    CHECK_INT_EQUAL(packet.auth.reason, REASON_SUCCESS);
    check_same_again(&packet, &bytes, MQTT_5);
    buffer_release(&bytes);
}

TEST(large_packets)
{
    static const size_t payloads[] = {120, 125, 16380, 16400, 2097100, 2097160};
    static uint8_t payload[2097160];
    struct buffer bytes = {0};

    memset(payload, 'p', sizeof(payload));
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct packet packet = {.type = PACKET_PUBLISH}, back;
        packet.publish.topic = SLICE_LITERAL("t");
        packet.publish.payload = slice_make(payload, payloads[i]);
        bytes.length = 0;
        packet_encode(&bytes, &packet, MQTT_5);
        test_note("%zu bytes of payload", payloads[i]);
        CHECK_INT_EQUAL(packet_decode(&back, buffer_slice(&bytes), &client_5), bytes.length);
        CHECK_SLICE_EQUAL(back.publish.payload, packet.publish.payload);
        CHECK_INT_EQUAL(packet_decode(&back, slice_make(bytes.data, bytes.length - 1), &client_5),
                        0);
    }
    buffer_release(&bytes);
}

/* Two packets in one buffer: the second begins where the first ended. */
TEST(packets_back_to_back)
{
    struct buffer bytes = {0};
    struct packet packet;
    ssize_t used;

    bytes_append(&bytes, "30 06 0001 'a' 00 'xy' C0 00 E0");
    used = packet_decode(&packet, buffer_slice(&bytes), &client_5);
    CHECK_INT_EQUAL(used, 8);
    CHECK_SLICE_EQUAL(packet.publish.payload, SLICE_LITERAL("xy"));
    buffer_consume(&bytes, (size_t)used);
    CHECK_INT_EQUAL(packet_decode(&packet, buffer_slice(&bytes), &client_5), 2);
    CHECK_INT_EQUAL(packet.type, PACKET_PINGREQ);
    buffer_consume(&bytes, 2);
    CHECK_INT_EQUAL(packet_decode(&packet, buffer_slice(&bytes), &client_5), 0);
    buffer_release(&bytes);
}

TEST(where_the_packet_identifier_of_a_publish_stands)
{
    struct packet packet = {.type = PACKET_PUBLISH};
    static uint8_t topic[UINT16_MAX];
    struct buffer bytes = {0};

    memset(topic, 't', sizeof(topic));
    packet.publish.topic = slice_make(topic, sizeof(topic));
    packet_encode(&bytes, &packet, MQTT_5);
    CHECK_INT_EQUAL(packet_publish_id_at(buffer_slice(&bytes)), 0);
    bytes.length = 0;
    packet.publish.qos = QOS_1;
    packet.publish.packet_id = 0x1234;
    packet_encode(&bytes, &packet, MQTT_5);
    size_t at = packet_publish_id_at(buffer_slice(&bytes));
    CHECK_INT_EQUAL(at, 1 + 3 + 2 + UINT16_MAX);
    CHECK_INT_EQUAL(bytes.data[at], 0x12);
    CHECK_INT_EQUAL(bytes.data[at + 1], 0x34);
    CHECK_INT_EQUAL(packet_publish_id_at(slice_make(bytes.data, at + 1)), 0);
    CHECK_INT_EQUAL(packet_publish_id_at(SLICE_EMPTY), 0);
    buffer_release(&bytes);
}
