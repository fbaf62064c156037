/* Writing the packets that a connection needs once, and the template of the one it repeats.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_wire.h"

#include "mqtt/packet.h"

enum {
    KEEP_ALIVE_SECONDS = 3600, /* longer than a run, so that no ping disturbs it */
    EXPIRY_SECONDS = 86400,    /* of a durable session that the bench could not remove */
};

static void string_write(struct buffer *out, const char *text)
{
    buffer_append_u16(out, (uint16_t)strlen(text));
    buffer_append_string(out, text);
}

/* Puts the fixed header in front of `body` and frees it. */
static void packet_finish(struct buffer *out, uint8_t first, struct buffer *body)
{
    uint8_t length[4];
    buffer_append_byte(out, first);
    buffer_append(out, slice_make(length, varint_write(length, (uint32_t)body->length)));
    buffer_append(out, buffer_slice(body));
    buffer_release(body);
}

/* The property list of an MQTT 5 CONNECT. */
static void connect_properties_write(struct buffer *body, const struct wire_connect *connect)
{
    uint8_t expiry = connect->durable ? 5 : 0;
    uint8_t receive_maximum = connect->receive_maximum > 0 ? 3 : 0;
    buffer_append_byte(body, (uint8_t)(expiry + receive_maximum));
    if (expiry > 0) {
        buffer_append_byte(body, PROPERTY_SESSION_EXPIRY_INTERVAL);
        buffer_append_u32(body, EXPIRY_SECONDS);
    }
    if (receive_maximum > 0) {
        buffer_append_byte(body, PROPERTY_RECEIVE_MAXIMUM);
        buffer_append_u16(body, connect->receive_maximum);
    }
}

void wire_connect_write(struct buffer *out, const struct wire_connect *connect)
{
    enum { CLEAN = 0x02, HAS_PASSWORD = 0x40, HAS_USER_NAME = 0x80 };
    struct buffer body = {0};
    string_write(&body, "MQTT");
    buffer_append_byte(&body, (uint8_t)connect->version);
    buffer_append_byte(&body, (uint8_t)((connect->durable ? 0 : CLEAN) |
                                        (connect->user_name ? HAS_USER_NAME : 0) |
                                        (connect->password ? HAS_PASSWORD : 0)));
    buffer_append_u16(&body, KEEP_ALIVE_SECONDS);
    if (connect->version == 5) {
        connect_properties_write(&body, connect);
    }
    string_write(&body, connect->client_identifier);
    if (connect->user_name != NULL) {
        string_write(&body, connect->user_name);
    }
    if (connect->password != NULL) {
        string_write(&body, connect->password);
    }
    packet_finish(out, WIRE_CONNECT, &body);
}

void wire_subscribe_write(struct buffer *out, int version, const struct slice *filters,
                          size_t count, int qos)
{
    struct buffer body = {0};
    buffer_append_u16(&body, 1);
    if (version == 5) {
        buffer_append_byte(&body, 0);
    }
    for (size_t i = 0; i < count; i++) {
        buffer_append_u16(&body, (uint16_t)filters[i].length);
        buffer_append(&body, filters[i]);
        buffer_append_byte(&body, (uint8_t)qos);
    }
    packet_finish(out, WIRE_SUBSCRIBE, &body);
}

void wire_disconnect_write(struct buffer *out)
{
    buffer_append_byte(out, WIRE_DISCONNECT);
    buffer_append_byte(out, 0);
}

void wire_pingreq_write(struct buffer *out)
{
    buffer_append_byte(out, WIRE_PINGREQ);
    buffer_append_byte(out, 0);
}

void wire_template_build(struct bench_template *out, const struct bench_shape *shape)
{
    size_t body = 2 + strlen(shape->topic) + (shape->qos > 0 ? 2 : 0) +
                  (shape->version == 5 ? 1 : 0) + shape->payload;
    struct buffer packet = {0};
    uint8_t length[4];
    buffer_append_byte(&packet, (uint8_t)(WIRE_PUBLISH | shape->qos << 1 | shape->retain));
    buffer_append(&packet, slice_make(length, varint_write(length, (uint32_t)body)));
    string_write(&packet, shape->topic);
    size_t topic = strlen(shape->topic);
    *out = (struct bench_template){.id = {packet.length, shape->qos > 0 ? 2 : 0},
                                   .topic = {packet.length - topic, topic}};
    if (shape->qos > 0) {
        buffer_append_u16(&packet, 0);
    }
    if (shape->version == 5) {
        buffer_append_byte(&packet, 0);
    }
    out->stamp = (struct bench_field){packet.length, shape->payload > 0 ? BENCH_STAMP_SIZE : 0};
    memset(buffer_reserve(&packet, shape->payload), 'x', shape->payload);
    out->size = packet.length + shape->payload;
    out->bytes = packet.data;
}

size_t wire_properties_size(struct slice in)
{
    uint32_t length;
    int used = varint_read(in, &length);
    if (used <= 0 || length > in.length - (size_t)used) {
        return 0;
    }
    return (size_t)used + length;
}

struct slice wire_suback_codes(const struct wire_packet *packet, int version)
{
    struct slice in = packet->length < 3 ? SLICE_EMPTY : slice_make(packet->body, packet->length);
    if (in.length == 0) {
        return in;
    }
    in = slice_from(in, 2);
    size_t properties = version == 5 ? wire_properties_size(in) : 0;
    return version == 5 && properties == 0 ? SLICE_EMPTY : slice_from(in, properties);
}

/* Size of one property's value, by its identifier; 0: one that CONNACK cannot have. */
static size_t property_value_size(uint8_t identifier, struct slice value)
{
    static const uint8_t fixed[] = {[0x11] = 4, [0x13] = 2, [0x21] = 2, [0x22] = 2, [0x24] = 1,
                                    [0x25] = 1, [0x27] = 4, [0x28] = 1, [0x29] = 1, [0x2a] = 1};
    enum { USER_PROPERTY = 0x26 };
    if (identifier < sizeof(fixed) && fixed[identifier] != 0) {
        return fixed[identifier];
    }
    size_t size = 0;
    for (int strings = identifier == USER_PROPERTY ? 2 : 1; strings > 0; strings--) {
        if (value.length < size + 2) {
            return 0;
        }
        size += (size_t)2 + wire_u16(value.data + size);
    }
    return size;
}

uint16_t wire_connack_receive_maximum(const struct wire_packet *packet)
{
    struct slice in = packet->length < 2 ? SLICE_EMPTY : slice_make(packet->body, packet->length);
    size_t size = in.length < 3 ? 0 : wire_properties_size(slice_from(in, 2));
    uint32_t list_length;
    if (size == 0) {
        return UINT16_MAX;
    }
    in = slice_from(in, 2 + (size_t)varint_read(slice_from(in, 2), &list_length));
    while (in.length > 2) {
        size = property_value_size(in.data[0], slice_from(in, 1));
        if (size == 0 || size + 1 > in.length) {
            break;
        }
        if (in.data[0] == PROPERTY_RECEIVE_MAXIMUM) {
            return wire_u16(in.data + 1);
        }
        in = slice_from(in, size + 1);
    }
    return UINT16_MAX;
}
