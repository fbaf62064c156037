/* struct packet to bytes, all types, for what is not hot: core writes PUBLISH and acks its own way.
 *
 * The body is written first and its length inserted before it. Nothing is judged here: tests make
 * wrong packets with it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "mqtt/packet.h"

static void append_binary(struct buffer *out, struct slice bytes)
{
    assert(bytes.length <= UINT16_MAX);
    buffer_append_u16(out, (uint16_t)bytes.length);
    buffer_append(out, bytes);
}

static void append_properties(struct buffer *out, const struct properties *properties,
                              enum protocol_version version)
{
    if (version == MQTT_5) {
        properties_write(out, properties);
    }
}

static uint8_t connect_flags(const struct connect *connect)
{
    unsigned flags = (unsigned)connect->clean_start << 1 | (unsigned)connect->has_password << 6 |
                     (unsigned)connect->has_user_name << 7;

    if (connect->will.present) {
        flags |= 1u << 2 | (unsigned)connect->will.qos << 3 | (unsigned)connect->will.retain << 5;
    }
    return (uint8_t)flags;
}

/* In the version that it asks for, whatever the caller speaks otherwise. */
static void encode_connect(struct buffer *out, const struct packet *packet,
                           enum protocol_version version)
{
    const struct connect *connect = &packet->connect;

    version = connect->version;
    append_binary(out, SLICE_LITERAL("MQTT"));
    buffer_append_byte(out, (uint8_t)version);
    buffer_append_byte(out, connect_flags(connect));
    buffer_append_u16(out, connect->keep_alive);
    append_properties(out, &packet->properties, version);
    append_binary(out, connect->client_identifier);
    if (connect->will.present) {
        append_properties(out, &connect->will.properties, version);
        append_binary(out, connect->will.topic);
        append_binary(out, connect->will.payload);
    }
    if (connect->has_user_name) {
        append_binary(out, connect->user_name);
    }
    if (connect->has_password) {
        append_binary(out, connect->password);
    }
}

static void encode_connack(struct buffer *out, const struct packet *packet,
                           enum protocol_version version)
{
    buffer_append_byte(out, packet->connack.session_present);
    buffer_append_byte(out, packet->connack.reason);
    append_properties(out, &packet->properties, version);
}

static void encode_publish(struct buffer *out, const struct packet *packet,
                           enum protocol_version version)
{
    append_binary(out, packet->publish.topic);
    if (packet->publish.qos != QOS_0) {
        buffer_append_u16(out, packet->publish.packet_id);
    }
    append_properties(out, &packet->properties, version);
    buffer_append(out, packet->publish.payload);
}

/* Reason and properties as far as they say anything. */
static void append_reason(struct buffer *out, uint8_t reason, const struct properties *properties)
{
    if (reason != REASON_SUCCESS || properties->present != 0) {
        buffer_append_byte(out, reason);
    }
    if (properties->present != 0) {
        properties_write(out, properties);
    }
}

static void encode_ack(struct buffer *out, const struct packet *packet,
                       enum protocol_version version)
{
    buffer_append_u16(out, packet->ack.packet_id);
    if (version == MQTT_5) {
        append_reason(out, packet->ack.reason, &packet->properties);
    }
}

static void encode_subscribe(struct buffer *out, const struct packet *packet,
                             enum protocol_version version)
{
    buffer_append_u16(out, packet->subscribe.packet_id);
    append_properties(out, &packet->properties, version);
    buffer_append(out, packet->subscribe.filters);
}

static void encode_suback(struct buffer *out, const struct packet *packet,
                          enum protocol_version version)
{
    buffer_append_u16(out, packet->suback.packet_id);
    append_properties(out, &packet->properties, version);
    buffer_append(out, packet->suback.codes);
}

static void encode_ping(struct buffer *out, const struct packet *packet,
                        enum protocol_version version)
{
    (void)out;
    (void)packet;
    (void)version;
}

static void encode_disconnect(struct buffer *out, const struct packet *packet,
                              enum protocol_version version)
{
    if (version == MQTT_5) {
        append_reason(out, packet->disconnect.reason, &packet->properties);
    }
}

/* Unlike a DISCONNECT, an AUTH with a reason always has a property length (section 3.15.2.1). */
static void encode_auth(struct buffer *out, const struct packet *packet,
                        enum protocol_version version)
{
    if (packet->auth.reason != REASON_SUCCESS || packet->properties.present != 0) {
        buffer_append_byte(out, packet->auth.reason);
        append_properties(out, &packet->properties, version);
    }
}

struct packet_writer {
    void (*encode)(struct buffer *out, const struct packet *packet, enum protocol_version version);
    uint8_t flags; /* PUBLISH has its own */
};

static const struct packet_writer writers[16] = {
    [PACKET_CONNECT] = {encode_connect, 0}, [PACKET_CONNACK] = {encode_connack, 0},
    [PACKET_PUBLISH] = {encode_publish, 0}, [PACKET_PUBACK] = {encode_ack, 0},
    [PACKET_PUBREC] = {encode_ack, 0},      [PACKET_PUBREL] = {encode_ack, 2},
    [PACKET_PUBCOMP] = {encode_ack, 0},     [PACKET_SUBSCRIBE] = {encode_subscribe, 2},
    [PACKET_SUBACK] = {encode_suback, 0},   [PACKET_UNSUBSCRIBE] = {encode_subscribe, 2},
    [PACKET_UNSUBACK] = {encode_suback, 0}, [PACKET_PINGREQ] = {encode_ping, 0},
    [PACKET_PINGRESP] = {encode_ping, 0},   [PACKET_DISCONNECT] = {encode_disconnect, 0},
    [PACKET_AUTH] = {encode_auth, 0},
};

static uint8_t publish_flags(const struct publish *publish)
{
    return (uint8_t)((unsigned)publish->dup << 3 | (unsigned)publish->qos << 1 |
                     (unsigned)publish->retain);
}

void packet_encode(struct buffer *out, const struct packet *packet, enum protocol_version version)
{
    const struct packet_writer *writer = &writers[packet->type & 15];
    uint8_t flags = writer->flags;
    size_t body;

    assert(writer->encode);
    if (packet->type == PACKET_PUBLISH) {
        flags = publish_flags(&packet->publish);
    }
    buffer_append_byte(out, (uint8_t)((unsigned)packet->type << 4 | flags));
    body = out->length;
    writer->encode(out, packet, version);
    varint_insert_length(out, body);
}
