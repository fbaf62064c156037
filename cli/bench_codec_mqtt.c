/* MQTT 3.1.1 and 5, on a byte stream and in binary WebSocket frames.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "bench_codec.h"
#include "bench_fleet.h"

enum { REFUSED = 0x80 /* reason codes from here on are errors */ };

/* ---------------------------------------------------------------- writing */

/* Sends what is in `packet` and frees it. */
static void packet_send(struct bench_fleet *fleet, struct bench_connection *connection,
                        struct buffer *packet)
{
    bench_connection_send(fleet, connection, buffer_slice(packet));
    buffer_release(packet);
}

static void connect_send(struct bench_fleet *fleet, struct bench_connection *connection)
{
    char client_identifier[32];
    struct buffer packet = {0};
    snprintf(client_identifier, sizeof(client_identifier), "bench-%08x-%zu", fleet->run,
             bench_fleet_number(fleet, connection));
    struct wire_connect connect = {
        .version = fleet->options->version,
        .client_identifier = client_identifier,
        .user_name = fleet->options->user_name,
        .password = fleet->options->password,
        .durable = connection->session == BENCH_SESSION_KEEP ||
                   connection->session == BENCH_SESSION_RESUME,
    };
    connect.receive_maximum = connect.durable ? (uint16_t)fleet->options->receive_maximum : 0;
    wire_connect_write(&packet, &connect);
    packet_send(fleet, connection, &packet);
}

static void subscribe_send(struct bench_fleet *fleet, struct bench_connection *connection,
                           const struct slice *filters, size_t count)
{
    struct buffer packet = {0};
    wire_subscribe_write(&packet, fleet->options->version, filters, count, fleet->options->qos);
    packet_send(fleet, connection, &packet);
}

static void pingreq_send(struct bench_fleet *fleet, struct bench_connection *connection)
{
    struct buffer packet = {0};
    wire_pingreq_write(&packet);
    packet_send(fleet, connection, &packet);
}

static void disconnect_send(struct bench_fleet *fleet, struct bench_connection *connection)
{
    struct buffer packet = {0};
    wire_disconnect_write(&packet);
    packet_send(fleet, connection, &packet);
}

static void ack_send(struct bench_fleet *fleet, struct bench_connection *connection, uint8_t first,
                     uint16_t packet_id)
{
    uint8_t packet[WIRE_ACK_SIZE];
    wire_ack_put(packet, first, packet_id);
    bench_connection_send(fleet, connection, slice_make(packet, sizeof(packet)));
}

/* ---------------------------------------------------------------- reading */

/* The event is in *out; false: fleet->error says what is wrong. */
typedef bool packet_function(struct bench_fleet *fleet, struct bench_connection *connection,
                             const struct wire_packet *packet, struct bench_event *out);

static bool connack_read(struct bench_fleet *fleet, struct bench_connection *connection,
                         const struct wire_packet *packet, struct bench_event *out)
{
    (void)connection;
    if (packet->length < 2 || packet->body[1] != 0) {
        return bench_fleet_fail(fleet, "the broker refused CONNECT with code %u",
                                packet->length < 2 ? 0u : packet->body[1]);
    }
    out->kind = BENCH_EVENT_WELCOME;
    out->session_present = (packet->body[0] & 1) != 0;
    out->receive_maximum =
        fleet->options->version == 5 ? wire_connack_receive_maximum(packet) : UINT16_MAX;
    return true;
}

static bool suback_read(struct bench_fleet *fleet, struct bench_connection *connection,
                        const struct wire_packet *packet, struct bench_event *out)
{
    (void)connection;
    struct slice codes = wire_suback_codes(packet, fleet->options->version);
    if (codes.length == 0) {
        return bench_fleet_fail(fleet, "the broker's SUBACK is cut short");
    }
    for (size_t i = 0; i < codes.length; i++) {
        if (codes.data[i] >= REFUSED) {
            return bench_fleet_fail(fleet, "the broker refused SUBSCRIBE with code %u",
                                    codes.data[i]);
        }
        if (codes.data[i] != fleet->options->qos) {
            return bench_fleet_fail(fleet, "the broker granted QoS %u, not %d", codes.data[i],
                                    fleet->options->qos);
        }
    }
    out->kind = BENCH_EVENT_SUBSCRIBED;
    return true;
}

static bool publish_read(struct bench_fleet *fleet, struct bench_connection *connection,
                         const struct wire_packet *packet, struct bench_event *out)
{
    struct wire_publish publish;
    if (!wire_publish_read(packet, fleet->options->version, &publish)) {
        out->kind = BENCH_EVENT_FOREIGN;
        return true;
    }
    if (publish.packet_id != 0) {
        uint8_t answer = (packet->first & 0x06) == 0x02 ? WIRE_PUBACK : WIRE_PUBREC;
        ack_send(fleet, connection, answer, publish.packet_id);
    }
    out->kind = BENCH_EVENT_DELIVERY;
    out->payload = publish.payload;
    out->retain = publish.retain;
    out->topic = publish.topic;
    out->stamp = publish.stamp;
    return true;
}

/* PUBREC -> PUBREL, PUBREL -> PUBCOMP; PUBACK and PUBCOMP end the matter. */
static bool ack_read(struct bench_fleet *fleet, struct bench_connection *connection,
                     const struct wire_packet *packet, struct bench_event *out)
{
    if (packet->length < 2) {
        return bench_fleet_fail(fleet, "acknowledgement without identifier");
    }
    if (packet->length > 2 && packet->body[2] >= REFUSED) {
        return bench_fleet_fail(fleet, "the broker refused a message with reason code 0x%02x",
                                packet->body[2]);
    }
    uint16_t packet_id = wire_u16(packet->body);
    if (packet->first == WIRE_PUBREC || packet->first == WIRE_PUBREL) {
        ack_send(fleet, connection, packet->first == WIRE_PUBREC ? WIRE_PUBREL : WIRE_PUBCOMP,
                 packet_id);
        return true;
    }
    out->kind = BENCH_EVENT_ACKNOWLEDGED;
    out->packet_id = packet_id;
    return true;
}

static bool pingresp_read(struct bench_fleet *fleet, struct bench_connection *connection,
                          const struct wire_packet *packet, struct bench_event *out)
{
    (void)fleet, (void)connection, (void)packet;
    out->kind = BENCH_EVENT_PONG;
    return true;
}

static bool disconnect_read(struct bench_fleet *fleet, struct bench_connection *connection,
                            const struct wire_packet *packet, struct bench_event *out)
{
    (void)out;
    return bench_fleet_fail(fleet, "connection %zu of %zu: DISCONNECT with reason code 0x%02x",
                            bench_fleet_number(fleet, connection) + 1, fleet->count,
                            packet->length > 0 ? packet->body[0] : 0u);
}

static enum bench_next packet_next(struct bench_fleet *fleet, struct bench_connection *connection,
                                   struct slice in, struct bench_event *out, size_t *size)
{
    static packet_function *const table[16] = {
        [WIRE_CONNACK >> 4] = connack_read,
        [WIRE_SUBACK >> 4] = suback_read,
        [WIRE_PUBLISH >> 4] = publish_read,
        [WIRE_PUBACK >> 4] = ack_read,
        [WIRE_PUBREC >> 4] = ack_read,
        [WIRE_PUBREL >> 4] = ack_read,
        [WIRE_PUBCOMP >> 4] = ack_read,
        [WIRE_PINGRESP >> 4] = pingresp_read,
        [WIRE_DISCONNECT >> 4] = disconnect_read,
    };
    struct wire_packet packet;
    switch (wire_frame_next(in, &packet)) {
    case WIRE_FRAME_INCOMPLETE:
        return BENCH_NEXT_INCOMPLETE;
    case WIRE_FRAME_BAD:
        bench_fleet_fail(fleet, "the broker does not speak MQTT");
        return BENCH_NEXT_FAILED;
    case WIRE_FRAME_WHOLE:
        break;
    }
    *size = packet.size;
    out->kind = BENCH_EVENT_NONE;
    packet_function *read = table[packet.first >> 4];
    if (read == NULL) {
        bench_fleet_fail(fleet, "unexpected packet 0x%02x", packet.first);
        return BENCH_NEXT_FAILED;
    }
    return read(fleet, connection, &packet, out) ? BENCH_NEXT_EVENT : BENCH_NEXT_FAILED;
}

#define MQTT                                                                                       \
    .protocol = "mqtt", .wildcards = true, .shared_subscriptions = true, .sessions = true,         \
    .qos_max = 2, .payload_min = BENCH_STAMP_SIZE, .greet = connect_send,                          \
    .subscribe = subscribe_send, .ping = pingreq_send, .leave = disconnect_send,                   \
    .next = packet_next, .template_build = wire_template_build,                                    \
    .template_fill = wire_template_fill

const struct bench_codec bench_codec_mqtt = {MQTT};
const struct bench_codec bench_codec_mqtt_websocket = {MQTT, .subprotocol = "mqtt"};
