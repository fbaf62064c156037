/* Packets of a hub's MQTT client, one function a type: see mqtt_hub.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_hub.h"

#include "client/fanout.h"
#include "client/mqtt_client.h"
#include "client/mqtt_event.h"
#include "client/mqtt_rest.h"
#include "client/mqtt_topics.h"
#include "client/mqtt_write.h"
#include "client/rest_question.h"

static const char *hub_of(const struct mqtt_client *mqtt)
{
    return mqtt->client.upgrade->hub;
}

void mqtt_hub_release(struct mqtt_hub *hub)
{
    buffer_release(&hub->identifier);
    buffer_release(&hub->session);
    buffer_release(&hub->connack_properties);
    buffer_release(&hub->held);
    buffer_release(&hub->aliases);
    buffer_release(&hub->denied);
    for (size_t i = 0; i < 2; i++) {
        buffer_release(&hub->qos[i].held);
    }
}

/* ---------------------------------------------------------------- properties */

/* The bridge's own user properties are not the client's to send. */
static bool has_own_property(const struct properties *properties)
{
    return properties_have_user_prefix(properties, SLICE_LITERAL("$wps."));
}

/* Who it is from, behind what the client's own are. */
static void add_from(struct mqtt_client *mqtt, struct properties *properties)
{
    struct buffer *raw = &mqtt->client.gateway->properties;
    struct slice user = buffer_slice(&mqtt->client.upgrade->user);

    if (mqtt->version != MQTT_5 || user.length == 0) {
        return;
    }
    raw->length = 0;
    buffer_append(raw, properties->raw);
    write_user_property(raw, PROPERTY_FROM, user);
    properties->raw = buffer_slice(raw);
    properties->present |= PROPERTY_BIT(USER_PROPERTY);
}

bool mqtt_hub_adapt(struct mqtt_client *mqtt, struct slice *topic, struct properties *properties)
{
    struct buffer *text = &mqtt->client.gateway->topic;
    bool has_response = properties_have(properties, PROPERTY_RESPONSE_TOPIC);
    struct slice response = has_response ? properties->response_topic : SLICE_EMPTY;
    size_t length = 0;

    if (has_own_property(properties) || response.length > MQTT_TOPIC_MAX) {
        return false;
    }
    text->length = 0;
    if (topic->length > 0) { /* else it is in the alias */
        mqtt_append_topic(text, hub_of(mqtt), *topic);
        length = text->length;
    }
    if (has_response) {
        mqtt_append_topic(text, hub_of(mqtt), response);
        properties->response_topic = slice_from(buffer_slice(text), length);
    }
    *topic = slice_make(text->data, length);
    add_from(mqtt, properties);
    return true;
}

/* ---------------------------------------------------------------- PUBLISH */

/* Of what topic is it? An alias (of those that the broker allows) stands for that with which it
 * last came. */
static enum topic_class class_of(struct mqtt_client *mqtt, const struct packet *packet)
{
    struct buffer *aliases = &mqtt->hub.aliases;
    struct slice topic = packet->publish.topic;
    bool has_alias = properties_have(&packet->properties, PROPERTY_TOPIC_ALIAS);
    uint16_t alias = has_alias ? packet->properties.topic_alias : 0;
    enum topic_class class;

    if (topic.length == 0) { /* the broker knows whether it ever came */
        return alias < aliases->length ? (enum topic_class)aliases->data[alias] : TOPIC_GROUP;
    }
    class = mqtt_topic_class(mqtt->client.upgrade, topic);
    if (has_alias) {
        while (aliases->length <= alias) {
            buffer_append_byte(aliases, TOPIC_GROUP);
        }
        aliases->data[alias] = (uint8_t) class;
    }
    return class;
}

void mqtt_put_publish(struct mqtt_client *mqtt, const struct packet *packet)
{
    packet_encode(&mqtt->client.gateway->packet, packet, mqtt->version);
    mqtt_answer_is_due(mqtt, packet->publish.qos);
}

/* MQTT 3.1.1 can only be answered by the end of the connection; at QoS 0 nobody is. */
static void refuse_publish(struct mqtt_client *mqtt, const struct publish *publish,
                           enum reason_code reason)
{
    if (publish->qos == QOS_0) {
        return;
    }
    if (mqtt->version == MQTT_5) {
        mqtt_answer_publish(mqtt, publish, (uint8_t)reason);
    } else {
        mqtt_fail(mqtt, reason);
    }
}

static void publish_to_group(struct mqtt_client *mqtt, struct packet *packet)
{
    if (mqtt_hub_adapt(mqtt, &packet->publish.topic, &packet->properties)) {
        mqtt_put_publish(mqtt, packet);
    } else {
        refuse_publish(mqtt, &packet->publish, REASON_NOT_AUTHORIZED);
    }
}

/* Without a handler that is the answer. */
static void publish_event(struct mqtt_client *mqtt, struct packet *packet)
{
    static const struct event_answer no_handler = {
        .status = 404,
        .data = {DATA_TEXT, SLICE_LITERAL("the hub has no event handler for this event")},
    };

    if (!mqtt_raise(mqtt, packet)) {
        mqtt_make_answer(mqtt, packet, &no_handler);
        mqtt_put_publish(mqtt, packet);
    }
}

static void receive_publish(struct mqtt_client *mqtt, struct packet *packet, struct slice bytes)
{
    bool has_alias = properties_have(&packet->properties, PROPERTY_TOPIC_ALIAS);

    if (mqtt_hold(mqtt, bytes)) {
        return;
    }
    if (has_alias && packet->properties.topic_alias > mqtt->hub.alias_maximum) {
        mqtt_fail(mqtt, REASON_TOPIC_ALIAS_INVALID);
        return;
    }
    switch (class_of(mqtt, packet)) {
    case TOPIC_GROUP:
        publish_to_group(mqtt, packet);
        break;
    case TOPIC_EVENT:
        publish_event(mqtt, packet);
        break;
    case TOPIC_FORBIDDEN:
        refuse_publish(mqtt, &packet->publish, REASON_NOT_AUTHORIZED);
        break;
    case TOPIC_TOO_LONG:
        refuse_publish(mqtt, &packet->publish, REASON_TOPIC_NAME_INVALID);
        break;
    }
}

/* ---------------------------------------------------------------- SUBSCRIBE, UNSUBSCRIBE */

/* Appends the filter in the hub, as it stands in a packet but for its options. */
static void put_filter(struct mqtt_client *mqtt, struct buffer *filters, struct slice filter)
{
    size_t start = filters->length, length;

    buffer_append_u16(filters, 0);
    mqtt_append_filter(filters, hub_of(mqtt), filter);
    length = filters->length - start - 2;
    filters->data[start] = (uint8_t)(length >> 8);
    filters->data[start + 1] = (uint8_t)length;
}

static void send_suback(struct mqtt_client *mqtt, uint16_t packet_id, struct slice codes)
{
    mqtt_send_packet(mqtt, &(struct packet){
                               .type = PACKET_SUBACK,
                               .suback = {.packet_id = packet_id, .codes = codes},
                           });
}

/* Splits the filters: `allowed` with their options, and for `codes` who says what becomes of each.
 * Returns the number of allowed ones. */
static size_t split_filters(struct mqtt_client *mqtt, const struct packet *packet,
                            struct buffer *allowed, struct buffer *codes)
{
    uint8_t denied = mqtt->version == MQTT_5 ? REASON_NOT_AUTHORIZED : 0x80;
    struct slice rest = packet->subscribe.filters, filter;
    struct subscription_options options;
    size_t count = 0;

    while (subscribe_next(&rest, mqtt->version, &filter, &options)) {
        bool may = mqtt_may_subscribe(mqtt->client.upgrade, filter);

        buffer_append_byte(codes, may ? MQTT_CODE_OF_BROKER : denied);
        if (may) {
            put_filter(mqtt, allowed, filter);
            buffer_append_byte(allowed, filter.data[filter.length]); /* the options as they are */
            count++;
        }
    }
    return count;
}

static void receive_subscribe(struct mqtt_client *mqtt, struct packet *packet, struct slice bytes)
{
    struct buffer allowed = {0}, codes = {0};
    size_t count = split_filters(mqtt, packet, &allowed, &codes);

    (void)bytes;
    if (count > 0) {
        mqtt_note_request(mqtt, packet);
        if (count < packet->subscribe.count) {
            mqtt_deny_filters(&mqtt->hub, packet->subscribe.packet_id, buffer_slice(&codes));
        }
        packet->subscribe.filters = buffer_slice(&allowed);
        packet_encode(&mqtt->client.gateway->packet, packet, mqtt->version);
    } else {
        send_suback(mqtt, packet->subscribe.packet_id, buffer_slice(&codes));
    }
    buffer_release(&allowed);
    buffer_release(&codes);
}

static void receive_unsubscribe(struct mqtt_client *mqtt, struct packet *packet, struct slice bytes)
{
    struct slice rest = packet->subscribe.filters, filter;
    struct buffer filters = {0};
    bool fits = true;

    (void)bytes;
    while (unsubscribe_next(&rest, &filter)) {
        fits &= filter.length <= MQTT_TOPIC_MAX;
        if (fits) {
            put_filter(mqtt, &filters, filter);
        }
    }
    if (fits) {
        mqtt_note_request(mqtt, packet);
        packet->subscribe.filters = buffer_slice(&filters);
        packet_encode(&mqtt->client.gateway->packet, packet, mqtt->version);
    } else {
        mqtt_fail(mqtt, REASON_TOPIC_FILTER_INVALID); /* nobody has subscribed to that */
    }
    buffer_release(&filters);
}

/* ---------------------------------------------------------------- all packets of the client */

static void pass_on(struct mqtt_client *mqtt, struct packet *packet, struct slice bytes)
{
    (void)packet;
    buffer_append(&mqtt->client.gateway->packet, bytes);
}

static void receive_disconnect(struct mqtt_client *mqtt, struct packet *packet, struct slice bytes)
{
    mqtt_let_go(mqtt, packet);
    pass_on(mqtt, packet, bytes);
}

typedef void receive_function(struct mqtt_client *mqtt, struct packet *packet, struct slice bytes);

/* What is not here has neither topics nor anything else of the hub's. */
static receive_function *const receivers[16] = {
    [PACKET_PUBLISH] = receive_publish,
    [PACKET_SUBSCRIBE] = receive_subscribe,
    [PACKET_UNSUBSCRIBE] = receive_unsubscribe,
    [PACKET_DISCONNECT] = receive_disconnect,
};

void mqtt_hub_receive(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {mqtt->version, mqtt->client.gateway->packet_size_max, false};
    struct packet packet;
    ssize_t used = packet_decode(&packet, bytes, &limits);

    if (used < 0) {
        mqtt_fail(mqtt, (enum reason_code) - used);
    } else {
        receive_function *receive = receivers[packet.type];

        (receive ? receive : pass_on)(mqtt, &packet, bytes);
    }
}

/* ---------------------------------------------------------------- from the broker */

/* SUBACK or UNSUBACK. */
static void return_suback(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {mqtt->version, PACKET_SIZE_MAX, true};
    struct buffer codes = {0};
    struct packet packet;
    bool is_read;

    if (mqtt->hub.awaits_suback && bytes.data[0] >> 4 == PACKET_SUBACK) {
        mqtt->hub.awaits_suback = false;
        return;
    }
    is_read = packet_decode(&packet, bytes, &limits) > 0;
    if (is_read && packet.type == PACKET_SUBACK && mqtt->hub.denied.length > 0 &&
        mqtt_merge_codes(&mqtt->hub, &packet.suback, &codes)) {
        packet.suback.codes = buffer_slice(&codes);
        mqtt_note_answer(mqtt, &packet);
        mqtt_send_packet(mqtt, &packet);
    } else if (!is_read || !mqtt_note_answer(mqtt, &packet)) {
        client_send_frame(&mqtt->client, bytes, false);
    }
    buffer_release(&codes);
}

/* How the connection ends, for its last event. */
static void note_disconnect(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {mqtt->version, PACKET_SIZE_MAX, true};
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) > 0) {
        mqtt->hub.end =
            (struct disconnected_mqtt){.has_packet = true, .code = packet.disconnect.reason};
    }
}

void mqtt_hub_return(struct mqtt_client *mqtt, struct slice bytes)
{
    unsigned type = bytes.data[0] >> 4;

    if (type == PACKET_CONNACK) {
        mqtt_hub_connack(mqtt, bytes);
    } else if (type == PACKET_SUBACK || type == PACKET_UNSUBACK) {
        return_suback(mqtt, bytes);
    } else {
        if (type == PACKET_DISCONNECT) {
            note_disconnect(mqtt, bytes);
        }
        client_send_frame(&mqtt->client, bytes, false);
        if (type == PACKET_PUBACK || type == PACKET_PUBREC) {
            mqtt_answer_came(mqtt, type == PACKET_PUBACK ? QOS_1 : QOS_2);
        }
    }
}

/* The client cannot get it; the broker need not try again. After a PUBREC of MQTT 3.1.1 comes a
 * PUBREL, to which the client answers as to any that it does not know. */
static void skip(struct mqtt_client *mqtt, const struct fanout *fanout, uint32_t sequence)
{
    enum qos qos = fanout->is_valid ? fanout->publish.publish.qos : QOS_0;
    struct packet answer = {
        .type = qos == QOS_1 ? PACKET_PUBACK : PACKET_PUBREC,
        .ack = {.packet_id = (uint16_t)sequence, .reason = REASON_TOPIC_NAME_INVALID},
    };
    struct buffer *packet = &mqtt->client.gateway->packet;

    if (qos != QOS_0) {
        packet_encode(packet, &answer, mqtt->version);
        client_send_packets(&mqtt->client, buffer_slice(packet));
        packet->length = 0;
    }
    client_drop(&mqtt->client, fanout);
}

/* An answer to an event; `topic` is what the client knows. */
static void deliver_answer(struct mqtt_client *mqtt, const struct fanout *fanout,
                           struct slice topic, uint32_t sequence)
{
    struct client *client = &mqtt->client;
    struct buffer *frame = &client->gateway->frame;
    struct packet packet = fanout->publish;
    struct outgoing *outgoing;

    packet.publish.topic = topic;
    packet.publish.packet_id = (uint16_t)sequence;
    packet_encode(frame, &packet, (enum protocol_version)fanout->version);
    outgoing = outgoing_new(buffer_slice(frame), false);
    outgoing->credit = (uint32_t)fanout->packet.length;
    frame->length = 0;
    client->gateway->sockets->send(client->websocket, outgoing, 0);
    outgoing_release(outgoing);
}

/* False: it is on the hub itself, which is no group, but matches its `#`. */
static bool deliver(struct mqtt_client *mqtt, struct fanout *fanout, uint32_t sequence)
{
    struct client *client = &mqtt->client;
    struct slice topic = fanout->is_valid ? fanout->publish.publish.topic : SLICE_EMPTY;
    struct buffer *text = &client->gateway->topic;

    text->length = 0;
    if (!fanout->message.from_server) {
        if (mqtt_append_answer_topic(text, topic)) {
            deliver_answer(mqtt, fanout, buffer_slice(text), sequence);
            return true;
        }
        if (mqtt_topic_in_hub(topic).length == 0) {
            return false;
        }
    }
    client->gateway->sockets->send(client->websocket, fanout_mqtt(fanout, true),
                                   (uint16_t)sequence);
    return true;
}

void mqtt_hub_deliver(struct mqtt_client *mqtt, struct fanout *fanout, uint32_t sequence)
{
    struct client *client = &mqtt->client;
    bool is_command;

    fanout_read(fanout);
    is_command = fanout->is_command && fanout->message.from_server;
    if (is_command) {
        rest_take_command(client, fanout->publish.publish.payload);
    }
    if (is_command || !client_is_meant(client, fanout) || !deliver(mqtt, fanout, sequence)) {
        skip(mqtt, fanout, sequence);
    }
}
