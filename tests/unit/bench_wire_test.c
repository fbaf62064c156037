/* The bench's own MQTT, cross-checked with the codec that the broker uses: what one writes, the
 * other must read, in both directions and both versions.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_template.c"
#include "../../cli/bench_websocket.c"
#include "../../cli/bench_wire.c"

static const int versions[] = {4, 5};

enum { VERSION_COUNT = sizeof(versions) / sizeof(versions[0]) };

/* Decodes the one packet in `bytes` as a broker would. */
static struct packet decoded(const struct buffer *bytes, int version)
{
    struct packet packet;
    struct packet_limits limits = {(enum protocol_version)version, PACKET_SIZE_MAX, false};
    CHECK_INT_EQUAL(packet_decode(&packet, buffer_slice(bytes), &limits), bytes->length);
    return packet;
}

TEST(connect_is_read_by_the_codec)
{
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        struct buffer out = {0};
        struct wire_connect connect = {.version = versions[i],
                                       .client_identifier = "bench-1",
                                       .user_name = "joe",
                                       .password = "secret"};
        wire_connect_write(&out, &connect);
        struct packet packet = decoded(&out, MQTT_UNKNOWN);
        CHECK_INT_EQUAL(packet.type, PACKET_CONNECT);
        CHECK_INT_EQUAL(packet.connect.version, versions[i]);
        CHECK(packet.connect.clean_start && !packet.connect.will.present);
        CHECK_SLICE_EQUAL(packet.connect.client_identifier, SLICE_LITERAL("bench-1"));
        CHECK_SLICE_EQUAL(packet.connect.user_name, SLICE_LITERAL("joe"));
        CHECK_SLICE_EQUAL(packet.connect.password, SLICE_LITERAL("secret"));
        buffer_release(&out);
    }
}

TEST(connect_of_a_durable_session)
{
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        struct buffer out = {0};
        struct wire_connect connect = {.version = versions[i],
                                       .client_identifier = "bench-1",
                                       .durable = true,
                                       .receive_maximum = 700};
        wire_connect_write(&out, &connect);
        struct packet packet = decoded(&out, MQTT_UNKNOWN);
        CHECK(!packet.connect.clean_start);
        CHECK_SLICE_EQUAL(packet.connect.client_identifier, SLICE_LITERAL("bench-1"));
        if (versions[i] == 5) {
            CHECK_INT_EQUAL(packet.properties.session_expiry_interval, 86400);
            CHECK_INT_EQUAL(packet.properties.receive_maximum, 700);
        }
        buffer_release(&out);
    }
}

TEST(subscribe_is_read_by_the_codec)
{
    for (size_t i = 0; i < VERSION_COUNT; i++) {
        struct buffer out = {0};
        const struct slice filters[] = {SLICE_LITERAL("bench/+"), SLICE_LITERAL("a/#")};
        wire_subscribe_write(&out, versions[i], filters, 2, 2);
        struct packet packet = decoded(&out, versions[i]);
        struct slice filter;
        struct subscription_options options;
        CHECK_INT_EQUAL(packet.type, PACKET_SUBSCRIBE);
        for (size_t f = 0; f < 2; f++) {
            CHECK(subscribe_next(&packet.subscribe.filters, (enum protocol_version)versions[i],
                                 &filter, &options));
            CHECK_SLICE_EQUAL(filter, filters[f]);
            CHECK_INT_EQUAL(options.qos, QOS_2);
        }
        buffer_release(&out);
    }
}

TEST(suback_codes_stand_behind_the_properties)
{
    static const uint8_t body[] = {0, 1, 3, 0x1f, 0, 0, 1, 0x80};
    struct wire_packet packet = {.body = body, .length = sizeof(body)};
    CHECK_SLICE_EQUAL(wire_suback_codes(&packet, 4), slice_make(body + 2, 6));
    CHECK_SLICE_EQUAL(wire_suback_codes(&packet, 5), slice_make(body + 6, 2));
    packet.length = 5; /* properties that are cut off */
    CHECK_INT_EQUAL(wire_suback_codes(&packet, 5).length, 0);
    packet.length = 2;
    CHECK_INT_EQUAL(wire_suback_codes(&packet, 4).length, 0);
}

/* One message of the template, as bytes. */
static struct buffer published(const struct bench_shape *shape, const struct bench_stamp *stamp)
{
    struct bench_template template;
    struct buffer out = {0};
    wire_template_build(&template, shape);
    buffer_append(&out, slice_make(template.bytes, template.size));
    wire_template_fill(&template, out.data, 0x1234, stamp);
    bench_template_release(&template);
    return out;
}

static void publish_check(const struct bench_shape *shape)
{
    static const struct bench_stamp stamp = {123456789, 42, 7, 0xabcdef01};
    test_note("version %d, QoS %d, %zu bytes", shape->version, shape->qos, shape->payload);
    struct buffer bytes = published(shape, &stamp);
    struct packet packet = decoded(&bytes, shape->version);
    CHECK_INT_EQUAL(packet.type, PACKET_PUBLISH);
    CHECK_INT_EQUAL(packet.publish.qos, shape->qos);
    CHECK_INT_EQUAL(packet.publish.retain, shape->retain);
    CHECK_INT_EQUAL(packet.publish.packet_id, shape->qos > 0 ? 0x1234 : 0);
    CHECK_SLICE_EQUAL(packet.publish.topic, slice_from_string(shape->topic));
    CHECK_INT_EQUAL(packet.publish.payload.length, shape->payload);

    struct buffer again = {0};
    struct wire_packet frame;
    struct wire_publish publish;
    packet_encode(&again, &packet, (enum protocol_version)shape->version);
    CHECK_INT_EQUAL(wire_frame_next(buffer_slice(&again), &frame), WIRE_FRAME_WHOLE);
    CHECK_INT_EQUAL(frame.size, again.length);
    CHECK(wire_publish_read(&frame, shape->version, &publish));
    CHECK_INT_EQUAL(publish.packet_id, packet.publish.packet_id);
    CHECK_INT_EQUAL(publish.payload, shape->payload);
    CHECK_INT_EQUAL(publish.retain, shape->retain);
    CHECK_SLICE_EQUAL(publish.topic, slice_from_string(shape->topic));
    CHECK(memcmp(&publish.stamp, &stamp, sizeof(stamp)) == 0);
    buffer_release(&again);
    buffer_release(&bytes);
}

TEST(publish_goes_both_ways)
{
    static const size_t payloads[] = {BENCH_STAMP_SIZE, 64, 200, 20000, 3000000};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        for (int qos = 0; qos <= 2; qos++) {
            for (size_t v = 0; v < VERSION_COUNT; v++) {
                struct bench_shape shape = {.topic = "bench/01234567/0",
                                            .version = versions[v],
                                            .qos = qos,
                                            .retain = i % 2 == 1,
                                            .payload = payloads[i]};
                publish_check(&shape);
            }
        }
    }
}

TEST(topic_and_stamp_of_a_template)
{
    struct bench_template template;
    struct bench_shape shape = {.topic = "bench/0", .version = 4, .retain = true};
    wire_template_build(&template, &shape);
    CHECK_INT_EQUAL(template.stamp.size, 0);
    CHECK_SLICE_EQUAL(slice_make(template.bytes + template.topic.offset, template.topic.size),
                      SLICE_LITERAL("bench/0"));
    bench_template_frame(&template, WEBSOCKET_BINARY, 0x01020304);
    bench_template_mask(&template, template.bytes, &template.topic);
    CHECK_SLICE_EQUAL(slice_make(template.bytes + template.topic.offset, template.topic.size),
                      SLICE_LITERAL("bench/0"));
    bench_template_release(&template);
}

TEST(frames_are_cut_only_where_they_end)
{
    static const uint8_t bytes[] = {0x30, 0x80, 0x01};
    struct wire_packet packet;
    for (size_t length = 0; length < sizeof(bytes); length++) {
        CHECK_INT_EQUAL(wire_frame_next(slice_make(bytes, length), &packet), WIRE_FRAME_INCOMPLETE);
        CHECK_INT_EQUAL(packet.size, 0);
    }
    CHECK_INT_EQUAL(wire_frame_next(slice_make(bytes, 3), &packet), WIRE_FRAME_INCOMPLETE);
    CHECK_INT_EQUAL(packet.size, 131);
    static const uint8_t bad[] = {0x30, 0x80, 0x80, 0x80, 0x80, 0x01};
    CHECK_INT_EQUAL(wire_frame_next(slice_make(bad, sizeof(bad)), &packet), WIRE_FRAME_BAD);
}

TEST(short_publish_is_not_ours)
{
    struct wire_packet packet = {.first = 0x32};
    static const uint8_t body[] = {0, 1, 'a', 0, 1, 0x85, 0x80, 0x80, 0x80, 0x80, 1};
    struct wire_publish publish;
    packet.body = body;
    for (packet.length = 0; packet.length <= sizeof(body); packet.length++) {
        CHECK(!wire_publish_read(&packet, 4, &publish));
        CHECK(!wire_publish_read(&packet, 5, &publish));
    }
}

TEST(receive_maximum_is_found_behind_other_properties)
{
    static const struct {
        uint8_t body[24];
        size_t length;
        uint16_t expected;
    } rows[] = {
        {{0, 0}, 2, 65535},
        {{0, 0, 0}, 3, 65535},
        {{0, 0, 3, 0x21, 0, 20}, 6, 20},
        {{0, 0, 13, 0x12, 0, 2, 'i', 'd', 0x22, 0, 10, 0x24, 1, 0x21, 1, 0}, 16, 256},
        {{0, 0, 9, 0x26, 0, 1, 'a', 0, 0, 0x21, 0, 5}, 12, 5},
        {{0, 0, 3, 0x12, 0xff, 0xff}, 6, 65535},
        {{0, 0, 9, 0x21}, 4, 65535},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct wire_packet packet = {.body = rows[i].body, .length = rows[i].length};
        test_note("row %zu", i);
        CHECK_INT_EQUAL(wire_connack_receive_maximum(&packet), rows[i].expected);
    }
}
