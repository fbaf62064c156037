/* Packets to the broker: see mqtt_write.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_write.h"

#include <string.h>

#define CONTENT(bytes)                                                                             \
    {                                                                                              \
        (const uint8_t *)(bytes), sizeof(bytes) - 1                                                \
    }

/* What a payload is, in MQTT's terms, encoded: Payload Format Indicator if it is UTF-8, Content
 * Type. */
static const struct slice contents[] = {
    [DATA_JSON] = CONTENT("\1\1\3\0\x10"
                          "application/json"),
    [DATA_TEXT] = CONTENT("\1\1\3\0\x0a"
                          "text/plain"),
    [DATA_BINARY] = CONTENT("\3\0\x18"
                            "application/octet-stream"),
    [DATA_PROTOBUF] = CONTENT("\3\0\x16"
                              "application/x-protobuf"),
};

void write_connect(struct buffer *out, const struct connect_request *connect)
{
    struct packet packet = {
        .type = PACKET_CONNECT,
        .connect =
            {
                .version = MQTT_5,
                .clean_start = connect->clean_start,
                .client_identifier = connect->client_identifier,
                .will = {.present = connect->will_topic.length > 0,
                         .qos = QOS_1,
                         .retain = connect->will_is_retained,
                         .topic = connect->will_topic,
                         .payload = connect->will_payload},
            },
    };
    struct properties *properties = &packet.properties;
    struct properties *will = &packet.connect.will.properties;

    properties->present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
    properties->session_expiry_interval = connect->session_expiry_s;
    if (!connect->window_is_default) {
        properties->present |= PROPERTY_BIT(RECEIVE_MAXIMUM);
        properties->receive_maximum = connect->window > 0 ? connect->window : UINT16_MAX;
    }
    will->present = PROPERTY_BIT(WILL_DELAY_INTERVAL);
    will->will_delay_interval = UINT32_MAX; /* the session's end comes before */
    packet_encode(out, &packet, MQTT_5);
}

static uint8_t *put_u16(uint8_t *out, size_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return out + 2;
}

static uint8_t *put(uint8_t *out, struct slice bytes)
{
    if (bytes.length > 0) {
        memcpy(out, bytes.data, bytes.length);
    }
    return out + bytes.length;
}

void write_user_pairs(struct buffer *list, struct pairs pairs)
{
    for (size_t i = 0; i < pairs.count; i++) {
        write_user_pair(list, pairs.items[i].key, pairs.items[i].value);
    }
}

enum { STRING_SIZE = 3, EXPIRY_SIZE = 5, FIXED_HEADER_MAX = 5 }; /* STRING_SIZE: besides the text */

/* Each message of a browser comes through here: its size is known first, then it is written once.
 */
void write_publish(struct buffer *out, const struct publication *publication)
{
    struct slice content = publication->is_plain ? SLICE_EMPTY : contents[publication->data.type];
    struct slice type = publication->content_type;
    size_t properties = content.length + (type.length > 0 ? STRING_SIZE + type.length : 0) +
                        (publication->expiry_s > 0 ? EXPIRY_SIZE : 0) +
                        publication->user_properties.length;
    size_t remaining = 2 + publication->topic.length + (publication->qos != QOS_0 ? 2 : 0) +
                       varint_size((uint32_t)properties) + properties +
                       publication->data.bytes.length;
    uint8_t *start = buffer_reserve(out, FIXED_HEADER_MAX + remaining), *at = start;

    *at++ = (uint8_t)((unsigned)PACKET_PUBLISH << 4 | (unsigned)publication->qos << 1 |
                      (unsigned)publication->retain);
    at += varint_write(at, (uint32_t)remaining);
    at = put(put_u16(at, publication->topic.length), publication->topic);
    if (publication->qos != QOS_0) {
        at = put_u16(at, publication->packet_id);
    }
    at += varint_write(at, (uint32_t)properties);
    at = put(at, content);
    if (type.length > 0) {
        *at++ = PROPERTY_CONTENT_TYPE;
        at = put(put_u16(at, type.length), type);
    }
    if (publication->expiry_s > 0) {
        *at++ = PROPERTY_MESSAGE_EXPIRY_INTERVAL;
        at = put_u16(put_u16(at, publication->expiry_s >> 16), publication->expiry_s & 0xffff);
    }
    at = put(put(at, publication->user_properties), publication->data.bytes);
    out->length += (size_t)(at - start);
}

void write_property(struct buffer *list, enum property property, struct slice value)
{
    buffer_append_byte(list, (uint8_t)property);
    buffer_append_u16(list, (uint16_t)value.length);
    buffer_append(list, value);
}

void write_filter(struct buffer *filters, struct slice filter,
                  const struct subscription_options *options)
{
    buffer_append_u16(filters, (uint16_t)filter.length);
    buffer_append(filters, filter);
    buffer_append_byte(filters,
                       (uint8_t)((unsigned)options->qos | (unsigned)options->no_local << 2 |
                                 (unsigned)options->retain_as_published << 3 |
                                 (unsigned)options->retain_handling << 4));
}

void write_subscribe(struct buffer *out, uint16_t packet_id, struct slice filters)
{
    struct packet packet = {
        .type = PACKET_SUBSCRIBE,
        .subscribe = {.packet_id = packet_id, .filters = filters},
    };

    packet_encode(out, &packet, MQTT_5);
}

void write_unsubscribe(struct buffer *out, uint16_t packet_id, struct slice filter)
{
    struct buffer filters = {0};
    struct packet packet = {.type = PACKET_UNSUBSCRIBE, .subscribe = {.packet_id = packet_id}};

    buffer_append_u16(&filters, (uint16_t)filter.length);
    buffer_append(&filters, filter);
    packet.subscribe.filters = buffer_slice(&filters);
    packet_encode(out, &packet, MQTT_5);
    buffer_release(&filters);
}

void write_ack(struct buffer *out, enum packet_type type, uint16_t packet_id)
{
    struct packet packet = {.type = type, .ack = {.packet_id = packet_id}};

    packet_encode(out, &packet, MQTT_5);
}

void write_disconnect_for_good(struct buffer *out, bool with_will)
{
    struct packet packet = {
        .type = PACKET_DISCONNECT,
        .disconnect = {.reason = with_will ? REASON_DISCONNECT_WITH_WILL_MESSAGE
                                           : REASON_NORMAL_DISCONNECTION},
        .properties = {.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL)},
    };

    packet_encode(out, &packet, MQTT_5);
}
