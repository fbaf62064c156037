/* See mqtt_event.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_event.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "client/mqtt_client.h"
#include "client/mqtt_topics.h"
#include "client/mqtt_write.h"

enum { HELD_MAX = 65536 }; /* bytes that wait behind an event, beyond which it is not read from */

static bool answered(void *context, const struct event_tag *tag, const struct event_answer *answer);
static void moved(void *context);

/* ---------------------------------------------------------------- the life of a connection */

/* NULL if the hub has neither handlers nor listeners; it can get some at any time. */
static struct event_queue *queue_of(struct mqtt_client *mqtt)
{
    struct client *client = &mqtt->client;
    struct upgrade *upgrade = client->upgrade;
    struct event_origin origin = {
        .hub = slice_from_string(upgrade->hub),
        .connection_id = buffer_slice(&mqtt->hub.identifier),
        .user_id = buffer_slice(&upgrade->user),
        .subprotocol = SLICE_LITERAL("mqtt"),
        .physical_connection = mqtt_physical_id(mqtt),
        .session = buffer_slice(&mqtt->hub.session),
    };

    if (!client->events) {
        client->events = event_queue_new(client->gateway, &origin,
                                         (struct event_audience){answered, moved, mqtt});
        event_queue_remember(client->events, &(struct event_memory){
                                                 .number = 1, /* `connect` has 0 */
                                                 .state = buffer_slice(&upgrade->state),
                                                 .cookies = buffer_slice(&upgrade->cookies),
                                             });
    }
    return client->events;
}

void mqtt_begin_events(struct mqtt_client *mqtt)
{
    char id[CONNECTION_ID_LENGTH];

    connection_id_choose(mqtt->client.gateway, id);
    buffer_append(&mqtt->hub.session, slice_make(id, sizeof(id)));
    queue_of(mqtt);
    mqtt->hub.owes_disconnected = mqtt->client.upgrade->was_asked;
}

void mqtt_raise_connected(struct mqtt_client *mqtt, bool session_present)
{
    mqtt->hub.owes_disconnected = true;
    if (!session_present) {
        event_queue_system(queue_of(mqtt), SYSTEM_EVENT_CONNECTED, SLICE_EMPTY,
                           SLICE_LITERAL("{}"));
    }
}

/* A session that is kept ends later: see mqtt_keeper.h. */
static bool session_has_ended(const struct mqtt_client *mqtt)
{
    return mqtt->hub.owes_disconnected && !mqtt->hub.keeps_session;
}

void mqtt_end_events(struct mqtt_client *mqtt)
{
    bool is_over = session_has_ended(mqtt);

    if (is_over) {
        client_leaves_all(&mqtt->client);
        event_queue_disconnected(queue_of(mqtt), &mqtt->hub.end);
    }
    mqtt->hub.owes_disconnected = false;
    mqtt_keeper_end(mqtt->hub.keeper, is_over);
    mqtt->hub.keeper = NULL;
}

/* ---------------------------------------------------------------- events */

struct pairs mqtt_user_properties(const struct properties *properties)
{
    struct slice raw = properties->raw;
    struct pair *items = NULL;
    struct property_item item;
    size_t count = 0;

    while (properties_have(properties, PROPERTY_USER_PROPERTY) && properties_next(&raw, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY) {
            items = memory_resize(items, (count + 1) * sizeof(*items));
            items[count++] = (struct pair){item.name, item.value};
        }
    }
    return (struct pairs){items, count};
}

static enum data_type type_of(const struct packet *packet)
{
    const struct properties *properties = &packet->properties;
    struct slice type =
        properties_have(properties, PROPERTY_CONTENT_TYPE) ? properties->content_type : SLICE_EMPTY;

    if (slice_starts_with(type, SLICE_LITERAL("application/json"))) {
        return DATA_JSON;
    }
    return slice_starts_with(type, SLICE_LITERAL("text/plain")) ? DATA_TEXT : DATA_BINARY;
}

/* What is needed of a PUBLISH to answer it: topic, QoS, packet identifier, Correlation Data. */
static struct event_tag tag_of(const struct packet *packet, struct buffer *text)
{
    const struct publish *publish = &packet->publish;
    bool has_data = properties_have(&packet->properties, PROPERTY_CORRELATION_DATA);

    buffer_append(text, publish->topic);
    if (has_data) {
        buffer_append(text, packet->properties.correlation_data);
    }
    return (struct event_tag){
        .kind = (uint8_t)publish->qos,
        .flag = has_data,
        .number = publish->packet_id | (uint64_t)publish->topic.length << 16,
        .text = buffer_slice(text),
    };
}

static struct packet packet_of(const struct event_tag *tag)
{
    size_t length = (size_t)(tag->number >> 16);
    struct packet packet = {
        .type = PACKET_PUBLISH,
        .publish = {.qos = (enum qos)tag->kind,
                    .packet_id = (uint16_t)tag->number,
                    .topic = slice_make(tag->text.data, length)},
    };

    if (tag->flag) {
        packet.properties.present = PROPERTY_BIT(CORRELATION_DATA);
        packet.properties.correlation_data = slice_from(tag->text, length);
    }
    return packet;
}

bool mqtt_raise(struct mqtt_client *mqtt, const struct packet *packet)
{
    struct pairs properties = mqtt_user_properties(&packet->properties);
    struct user_event event = {
        .name = mqtt_event_name(packet->publish.topic),
        .data = {type_of(packet), packet->publish.payload},
        .properties = properties,
    };
    struct buffer text = {0};
    struct event_tag tag = tag_of(packet, &text);

    if (properties_have(&packet->properties, PROPERTY_CONTENT_TYPE)) {
        event.content_type = packet->properties.content_type;
    }
    if (event.name.length > 0 && event_queue_user(queue_of(mqtt), &event, &tag)) {
        mqtt->hub.awaits_event = true;
    }
    buffer_release(&text);
    free((void *)(uintptr_t)properties.items);
    return mqtt->hub.awaits_event;
}

/* ---------------------------------------------------------------- answers */

static const struct slice content_types[] = {
    [DATA_JSON] = SLICE_LITERAL("application/json"),
    [DATA_TEXT] = SLICE_LITERAL("text/plain"),
    [DATA_BINARY] = SLICE_LITERAL("application/octet-stream"),
    [DATA_PROTOBUF] = SLICE_LITERAL("application/x-protobuf"),
};

enum { STATUS_INTERNAL = 500 };

static void put_properties(struct mqtt_client *mqtt, struct properties *properties,
                           const struct event_answer *answer)
{
    static const uint64_t kept = PROPERTY_BIT(CORRELATION_DATA) | PROPERTY_BIT(TOPIC_ALIAS);
    struct buffer *raw = &mqtt->client.gateway->properties;
    char digits[8];
    int length = snprintf(digits, sizeof(digits), "%d",
                          answer->status != 0 ? answer->status : STATUS_INTERNAL);

    raw->length = 0;
    write_user_property(raw, "azure-status-code", slice_make(digits, (size_t)length));
    write_user_pairs(raw, answer->properties);
    properties->present =
        (properties->present & kept) | PROPERTY_BIT(CONTENT_TYPE) | PROPERTY_BIT(USER_PROPERTY);
    properties->content_type = content_types[answer->data.type];
    if (answer->data.type == DATA_TEXT || answer->data.type == DATA_JSON) {
        properties->present |= PROPERTY_BIT(PAYLOAD_FORMAT_INDICATOR);
        properties->payload_format_indicator = 1;
    }
    properties->raw = buffer_slice(raw);
}

void mqtt_make_answer(struct mqtt_client *mqtt, struct packet *packet,
                      const struct event_answer *answer)
{
    struct gateway *gateway = mqtt->client.gateway;
    struct publish *publish = &packet->publish;

    gateway->topic.length = 0;
    if (publish->topic.length > 0) {
        mqtt_append_answer(&gateway->topic, mqtt->client.upgrade->hub,
                           buffer_slice(&mqtt->hub.identifier), publish->topic,
                           event_answer_is_success(answer));
    }
    publish->topic = buffer_slice(&gateway->topic);
    publish->retain = false;
    publish->payload = answer->data.bytes;
    if (answer->status == 0) {
        publish->payload = slice_from_string(answer->error ? answer->error : "");
    }
    put_properties(mqtt, &packet->properties, answer);
}

/* ---------------------------------------------------------------- what waits behind an event */

bool mqtt_hold(struct mqtt_client *mqtt, struct slice publish)
{
    if (mqtt->hub.awaits_event) {
        buffer_append(&mqtt->hub.held, publish);
    }
    return mqtt->hub.awaits_event;
}

bool mqtt_holds_too_much(const struct mqtt_client *mqtt)
{
    return mqtt->hub.held.length >= HELD_MAX;
}

/* Until the next event waits for its answer, or all of them. */
static void receive_held(struct mqtt_client *mqtt, bool all)
{
    struct buffer held = mqtt->hub.held;
    size_t used = 0;

    mqtt->hub.held = (struct buffer){0};
    while (used < held.length && !mqtt->client.closing && (all || !mqtt->hub.awaits_event)) {
        struct slice rest = slice_from(buffer_slice(&held), used);
        size_t size = (size_t)packet_size(rest);
        mqtt->hub.awaits_event = false;
        mqtt_hub_receive(mqtt, slice_make(rest.data, size));
        used += size;
    }
    buffer_consume(&held, used);
    mqtt->hub.held = held;
    if (held.length == 0) {
        buffer_release(&mqtt->hub.held);
    }
}

void mqtt_let_go(struct mqtt_client *mqtt, const struct packet *disconnect)
{
    mqtt->hub.is_leaving = true;
    mqtt->hub.end = (struct disconnected_mqtt){
        .by_client = true, .has_packet = true, .code = disconnect->disconnect.reason};
    if (properties_have(&disconnect->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)) {
        mqtt->hub.keeps_session = disconnect->properties.session_expiry_interval > 0;
    }
    receive_held(mqtt, true);
    mqtt->hub.awaits_event = false;
}

static bool answered(void *context, const struct event_tag *tag, const struct event_answer *answer)
{
    struct mqtt_client *mqtt = context;
    struct packet packet = packet_of(tag);

    if (mqtt->client.closing || mqtt->hub.is_leaving) {
        return true;
    }
    mqtt->hub.awaits_event = false;
    mqtt_make_answer(mqtt, &packet, answer);
    mqtt_put_publish(mqtt, &packet);
    return true;
}

/* The queue is ready for the next one. */
static void moved(void *context)
{
    struct mqtt_client *mqtt = context;

    if (!mqtt->client.closing && !mqtt->hub.is_leaving && !mqtt->hub.awaits_event) {
        receive_held(mqtt, false);
        mqtt_finish_turn(mqtt);
    }
}
