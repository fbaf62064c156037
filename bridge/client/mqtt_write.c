/* Packets to the broker: see mqtt_write.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_write.h"

/* What a payload is, in MQTT's terms: its Content Type and whether it is UTF-8. */
struct content {
    struct slice type;
    uint8_t is_utf8;
};

static const struct content contents[] = {
    [DATA_JSON] = {{(const uint8_t *)"application/json", 16}, 1},
    [DATA_TEXT] = {{(const uint8_t *)"text/plain", 10}, 1},
    [DATA_BINARY] = {{(const uint8_t *)"application/octet-stream", 24}, 0},
    [DATA_PROTOBUF] = {{(const uint8_t *)"application/x-protobuf", 22}, 0},
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
                .will = {.present = true, .topic = connect->will_topic},
            },
    };
    struct properties *properties = &packet.properties;
    struct properties *will = &packet.connect.will.properties;

    properties->present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL) | PROPERTY_BIT(RECEIVE_MAXIMUM);
    properties->session_expiry_interval = connect->session_expiry_s;
    properties->receive_maximum = UINT16_MAX;
    will->present = PROPERTY_BIT(WILL_DELAY_INTERVAL);
    will->will_delay_interval = UINT32_MAX; /* the session's end comes before */
    packet_encode(out, &packet, MQTT_5);
}

void write_user_pair(struct buffer *list, struct slice name, struct slice value)
{
    buffer_append_byte(list, PROPERTY_USER_PROPERTY);
    buffer_append_u16(list, (uint16_t)name.length);
    buffer_append(list, name);
    buffer_append_u16(list, (uint16_t)value.length);
    buffer_append(list, value);
}

void write_user_property(struct buffer *list, const char *name, struct slice value)
{
    write_user_pair(list, slice_from_string(name), value);
}

void write_publish(struct buffer *out, const struct publication *publication)
{
    const struct content *content = &contents[publication->data.type];
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish =
            {
                .qos = publication->qos,
                .retain = publication->retain,
                .packet_id = publication->packet_id,
                .topic = publication->topic,
                .payload = publication->data.bytes,
            },
    };
    struct properties *properties = &packet.properties;

    if (!publication->is_plain) {
        properties->present |= PROPERTY_BIT(CONTENT_TYPE);
        properties->content_type = content->type;
        properties->payload_format_indicator = content->is_utf8;
        properties->present |= content->is_utf8 ? PROPERTY_BIT(PAYLOAD_FORMAT_INDICATOR) : 0;
    }
    if (publication->expiry_s > 0) {
        properties->present |= PROPERTY_BIT(MESSAGE_EXPIRY_INTERVAL);
        properties->message_expiry_interval = publication->expiry_s;
    }
    if (publication->user_properties.length > 0) {
        properties->present |= PROPERTY_BIT(USER_PROPERTY);
        properties->raw = publication->user_properties;
    }
    packet_encode(out, &packet, MQTT_5);
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
