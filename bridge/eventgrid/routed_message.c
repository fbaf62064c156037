/* See routed_message.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/routed_message.h"

#include "base/siphash.h"
#include "base/uuid.h"
#include "mqtt/publisher.h"

/* --- user properties --- */

uint64_t publisher_number_read(struct slice digits)
{
    uint64_t value = 0;

    for (size_t i = 0; i < digits.length && i < DECIMAL_MAX - 2; i++) {
        value = value * 10 + (uint64_t)(digits.data[i] - '0') % 10;
    }
    return value;
}

/* One of the names that only the broker and the bridge use. */
static void take_reserved(struct routed_message *message, struct buffer *attributes,
                          const struct property_item *item)
{
    static const struct slice attribute = SLICE_LITERAL(PUBLISHER_ATTRIBUTE);

    if (slice_equal(item->name, SLICE_LITERAL(PUBLISHER_RECEIVED))) {
        message->received_ms = (int64_t)publisher_number_read(item->value);
    } else if (slice_equal(item->name, SLICE_LITERAL(PUBLISHER_NAME)) &&
               message->authentication_name.length == 0) {
        message->authentication_name = item->value;
    } else if (slice_starts_with(item->name, attribute)) {
        struct pair pair = {slice_from(item->name, attribute.length), item->value};
        buffer_append(attributes, slice_make(&pair, sizeof(pair)));
    }
}

static size_t count_user_properties(struct slice raw)
{
    struct property_item item;
    size_t count = 0;

    while (properties_next(&raw, &item)) {
        count += item.property == PROPERTY_USER_PROPERTY;
    }
    return count;
}

/* Attributes come last, and are put behind the others, so there is one array of both. */
static void take_user_properties(struct routed_message *message, struct slice raw,
                                 struct buffer *room)
{
    struct buffer attributes = {0};
    struct property_item item;
    struct pair *pairs;
    size_t count = 0;

    room->length = 0;
    pairs = (struct pair *)(void *)buffer_reserve(room, (count_user_properties(raw) + 1) *
                                                            sizeof(*pairs));
    while (properties_next(&raw, &item)) {
        if (item.property != PROPERTY_USER_PROPERTY) {
            continue;
        }
        if (slice_starts_with(item.name, SLICE_LITERAL("$wps."))) {
            take_reserved(message, &attributes, &item);
        } else {
            pairs[count++] = (struct pair){item.name, item.value};
        }
    }
    message->user_properties = (struct pairs){pairs, count};
    if (attributes.length > 0) {
        memcpy(pairs + count, attributes.data, attributes.length);
        message->attributes = (struct pairs){pairs + count, attributes.length / sizeof(*pairs)};
    }
    buffer_release(&attributes);
}

void routed_message_read(struct routed_message *message, const struct packet *publish,
                         struct buffer *room)
{
    const struct properties *properties = &publish->properties;

    *message = (struct routed_message){
        .topic = publish->publish.topic,
        .payload = publish->publish.payload,
        .has_payload_format = properties_have(properties, PROPERTY_PAYLOAD_FORMAT_INDICATOR),
    };
    if (message->has_payload_format) {
        message->payload_format = properties->payload_format_indicator;
    }
    if (properties_have(properties, PROPERTY_CONTENT_TYPE)) {
        message->content_type = properties->content_type;
    }
    if (properties_have(properties, PROPERTY_RESPONSE_TOPIC)) {
        message->response_topic = properties->response_topic;
    }
    if (properties_have(properties, PROPERTY_CORRELATION_DATA)) {
        message->correlation_data = properties->correlation_data;
    }
    if (properties_have(properties, PROPERTY_USER_PROPERTY)) {
        take_user_properties(message, properties->raw, room);
    }
}

/* --- ids --- */

uint64_t route_number(struct slice session)
{
    static const struct siphash_key key = {UINT64_C(0x726f757465206964), 0};

    return siphash_13(session, &key);
}

static void put_big_endian(uint8_t *out, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    }
}

void routed_message_append_id(struct buffer *out, const struct routed_message *message,
                              uint64_t route, uint32_t sequence)
{
    uint8_t bytes[16];

    put_big_endian(bytes, (uint64_t)message->received_ms, 6);
    put_big_endian(bytes + 6, route, 6);
    put_big_endian(bytes + 12, sequence, 4);
    uuid_append_bytes(out, bytes);
}
