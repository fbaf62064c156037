/* How an MQTT client comes into a hub: its CONNECT and the broker's CONNACK
 * (spec/webpubsub.md 5.1).
 *
 * The token has authenticated the client, so user name and password do not go on. The groups of the
 * token and the answers to events are subscribed in the same breath as CONNECT goes out: before the
 * client can do anything, and without waiting for the broker.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "client/internal_topic.h"
#include "client/mqtt_client.h"
#include "client/mqtt_event.h"
#include "client/mqtt_topics.h"
#include "client/mqtt_write.h"
#include "client/webpubsub.h"
#include "mqtt/topic.h"

enum {
    IDENTIFIER_CHARACTERS_MAX = 128,
    WILL_TOPIC_CHARACTERS_MAX = 1024,
    WILL_PAYLOAD_MAX = 2000, /* bytes */
    OWN_PACKET_ID = 1,       /* of our SUBSCRIBE, before which there is none */
};

static const struct upgrade *upgrade_of(const struct mqtt_client *mqtt)
{
    return mqtt->client.upgrade;
}

/* ---------------------------------------------------------------- the rules */

static size_t count_characters(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++) {
        count += (text.data[i] & 0xC0) != 0x80;
    }
    return count;
}

/* It becomes a level of topics. */
static bool identifier_is_valid(struct slice identifier)
{
    return count_characters(identifier) <= IDENTIFIER_CHARACTERS_MAX &&
           (identifier.length == 0 || (!topic_filter_has_wildcard(identifier) &&
                                       !memchr(identifier.data, '/', identifier.length)));
}

static enum reason_code check_will(const struct mqtt_client *mqtt, const struct will *will)
{
    if (!will->present) {
        return REASON_SUCCESS;
    }
    if (count_characters(will->topic) > WILL_TOPIC_CHARACTERS_MAX) {
        return REASON_TOPIC_NAME_INVALID;
    }
    if (will->payload.length > WILL_PAYLOAD_MAX) {
        return REASON_PACKET_TOO_LARGE;
    }
    return mqtt_topic_class(upgrade_of(mqtt), will->topic) == TOPIC_GROUP ? REASON_SUCCESS
                                                                          : REASON_NOT_AUTHORIZED;
}

static enum reason_code check_connect(const struct packet *packet)
{
    if (!identifier_is_valid(packet->connect.client_identifier)) {
        return REASON_CLIENT_IDENTIFIER_NOT_VALID;
    }
    return properties_have(&packet->properties, PROPERTY_AUTHENTICATION_METHOD)
               ? REASON_BAD_AUTHENTICATION_METHOD
               : REASON_SUCCESS;
}

/* ---------------------------------------------------------------- what goes on */

/* 128 random bits in hexadecimal. */
static void assign_identifier(struct mqtt_client *mqtt)
{
    uint8_t random[16];

    mqtt->client.gateway->random(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++) {
        buffer_append_format(&mqtt->hub.identifier, "%02x", random[i]);
    }
    mqtt->hub.is_assigned = true;
}

/* Apart from the connection ids of Web PubSub: who chooses an identifier like one of those takes
 * over no browser's session. */
static void append_identifier(struct buffer *out, const struct mqtt_client *mqtt)
{
    buffer_append_format(out, "$wps/%s/mqtt/", upgrade_of(mqtt)->hub);
    buffer_append(out, buffer_slice(&mqtt->hub.identifier));
}

/* Appends CONNECT; false if its will cannot be. */
static bool put_connect(struct mqtt_client *mqtt, const struct packet *packet,
                        struct slice identifier)
{
    struct packet adapted = *packet;
    struct connect *connect = &adapted.connect;

    connect->client_identifier = identifier;
    connect->has_user_name = connect->has_password = false;
    /* The hub's topics come in one piece: no alias of the broker's could name them. */
    adapted.properties.present &= ~PROPERTY_BIT(TOPIC_ALIAS_MAXIMUM);
    if (connect->will.present &&
        !mqtt_hub_adapt(mqtt, &connect->will.topic, &connect->will.properties)) {
        return false;
    }
    packet_encode(&mqtt->client.gateway->packet, &adapted, mqtt->version);
    return true;
}

static void put_filter(const struct mqtt_client *mqtt, struct buffer *filters, struct slice filter,
                       enum qos qos, uint8_t retain_handling)
{
    struct subscription_options options = {.qos = qos};

    if (mqtt->version == MQTT_5) {
        options.retain_handling = retain_handling;
    }
    write_filter(filters, filter, &options);
}

/* So that who chooses the connection id of a browser as an identifier reads nothing of the other's:
 * such a client is none that the server can send to by its connection id. */
static bool is_like_connection_id(struct slice identifier)
{
    size_t digits = 0;

    while (digits < identifier.length &&
           (isalnum(identifier.data[digits]) || identifier.data[digits] == '-' ||
            identifier.data[digits] == '_')) {
        digits++;
    }
    return digits == CONNECTION_ID_LENGTH && digits == identifier.length;
}

static void put_own_filter(struct mqtt_client *mqtt, struct buffer *filters,
                           enum internal_kind kind, struct slice name)
{
    struct buffer *topic = &mqtt->client.gateway->topic;

    topic->length = 0;
    internal_topic_append(topic, kind, slice_from_string(upgrade_of(mqtt)->hub), name, name);
    put_filter(mqtt, filters, buffer_slice(topic), QOS_1, 2);
}

/* What the server sends (5.2). */
static void put_filters_of_server(struct mqtt_client *mqtt, struct buffer *filters)
{
    struct slice user = buffer_slice(&upgrade_of(mqtt)->user);
    struct slice identifier = buffer_slice(&mqtt->hub.identifier);

    put_own_filter(mqtt, filters, INTERNAL_ALL, SLICE_EMPTY);
    if (user.length > 0) {
        put_own_filter(mqtt, filters, INTERNAL_USER, user);
    }
    if (!is_like_connection_id(identifier)) {
        put_own_filter(mqtt, filters, INTERNAL_CONN, identifier);
    }
}

/* No permission is needed for the groups of the token (1.2). */
static void put_subscribe(struct mqtt_client *mqtt)
{
    const struct upgrade *upgrade = upgrade_of(mqtt);
    struct gateway *gateway = mqtt->client.gateway;
    struct buffer filters = {0};
    struct packet packet = {.type = PACKET_SUBSCRIBE, .subscribe.packet_id = OWN_PACKET_ID};
    struct buffer *topic = &gateway->topic;

    topic->length = 0;
    mqtt_append_answers(topic, upgrade->hub, buffer_slice(&mqtt->hub.identifier));
    put_filter(mqtt, &filters, buffer_slice(topic), QOS_2, 2);
    put_filters_of_server(mqtt, &filters);
    for (size_t i = 0; i < upgrade->group_count; i++) {
        topic->length = 0;
        buffer_append_format(topic, "%s/", upgrade->hub);
        topic_append_escaped(topic, buffer_slice(&upgrade->groups[i]));
        put_filter(mqtt, &filters, buffer_slice(topic), QOS_1,
                   upgrade->settings->retained_on_join ? 1 : 2);
    }
    packet.subscribe.filters = buffer_slice(&filters);
    packet_encode(&gateway->packet, &packet, mqtt->version);
    buffer_release(&filters);
    mqtt->hub.awaits_suback = true;
}

/* For how long the session outlives the connection, as far as the client has a say. */
static uint32_t session_expiry(const struct packet *packet)
{
    if (packet->connect.version != MQTT_5) {
        return packet->connect.clean_start ? 0 : UINT32_MAX;
    }
    return properties_have(&packet->properties, PROPERTY_SESSION_EXPIRY_INTERVAL)
               ? packet->properties.session_expiry_interval
               : 0;
}

static void send_connect(struct mqtt_client *mqtt, const struct packet *packet)
{
    struct buffer identifier = {0};

    append_identifier(&identifier, mqtt);
    if (put_connect(mqtt, packet, buffer_slice(&identifier))) {
        put_subscribe(mqtt);
        mqtt->awaits_connack = true;
        mqtt_open(mqtt, buffer_slice(&identifier), TRUNK_VERIFIED);
    } else {
        mqtt_refuse(mqtt, mqtt->version, REASON_NOT_AUTHORIZED);
    }
    buffer_release(&identifier);
}

void mqtt_hub_go_on(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {.packet_size_max = mqtt->client.gateway->packet_size_max};
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) > 0) { /* it was good before */
        send_connect(mqtt, &packet);
        mqtt_finish_turn(mqtt);
    }
}

void mqtt_hub_admitted(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {.packet_size_max = mqtt->client.gateway->packet_size_max};
    uint32_t expiry;
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) <= 0) { /* it was good before */
        return;
    }
    expiry = session_expiry(&packet);
    mqtt->hub.keeps_session = expiry > 0;
    mqtt_begin_events(mqtt);
    if (check_will(mqtt, &packet.connect.will) != REASON_SUCCESS) {
        mqtt_refuse(mqtt, mqtt->version, check_will(mqtt, &packet.connect.will));
    } else if (event_queue_takes(mqtt->client.events, SYSTEM_EVENT_DISCONNECTED) &&
               gateway_is_ready(mqtt->client.gateway)) {
        mqtt->awaits_connack = true; /* the packets behind it wait */
        mqtt->hub.keeper = mqtt_keeper_begin(mqtt, bytes, packet.connect.clean_start, expiry);
    } else {
        send_connect(mqtt, &packet);
    }
}

void mqtt_hub_connect(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {.packet_size_max = mqtt->client.gateway->packet_size_max};
    struct packet packet;
    ssize_t used = packet_decode(&packet, bytes, &limits);
    enum protocol_version version =
        packet.type == PACKET_CONNECT ? packet.connect.version : MQTT_UNKNOWN;
    enum reason_code reason = used < 0 ? (enum reason_code) - used : check_connect(&packet);

    if (reason != REASON_SUCCESS) {
        mqtt_refuse(mqtt, version, reason);
        return;
    }
    mqtt->version = version;
    connection_id_choose(mqtt->client.gateway, mqtt->hub.physical_id);
    buffer_append(&mqtt->hub.identifier, packet.connect.client_identifier);
    if (packet.connect.client_identifier.length == 0) {
        assign_identifier(mqtt);
    }
    if (mqtt_ask(mqtt, &packet, bytes)) {
        return;
    }
    if (mqtt->client.upgrade->needs_handler) { /* the hub has none any more */
        mqtt_refuse(mqtt, version, REASON_NOT_AUTHORIZED);
    } else {
        mqtt_hub_admitted(mqtt, bytes);
    }
}

/* ---------------------------------------------------------------- what comes back */

/* One that has the identifier has been taken over. */
static void enter_registry(struct mqtt_client *mqtt, bool session_present)
{
    const struct upgrade *upgrade = upgrade_of(mqtt);
    struct registry *registry = &mqtt->client.gateway->registry;
    struct slice name = slice_from_string(upgrade->hub);
    struct slice identifier = buffer_slice(&mqtt->hub.identifier);
    struct registry_hub *hub = registry_find_hub(registry, name);
    struct member *old = hub ? registry_find(hub, identifier) : NULL;

    if (old) {
        registry_remove(registry, old);
    }
    registry_add(registry, &mqtt->client.member, name, identifier);
    registry_open(&mqtt->client.member, buffer_slice(&upgrade->user));
    for (size_t i = 0; i < upgrade->group_count; i++) {
        if (session_present) {
            client_is_in(&mqtt->client, buffer_slice(&upgrade->groups[i]));
        } else {
            client_joined(&mqtt->client, buffer_slice(&upgrade->groups[i]));
        }
    }
}

/* What we say beside the broker, in MQTT 5. */
static void adapt_connack(struct mqtt_client *mqtt, struct packet *packet)
{
    struct properties *properties = &packet->properties;
    struct buffer *raw = &mqtt->client.gateway->properties;

    if (mqtt->hub.is_assigned && packet->connack.reason == 0) {
        properties->present |= PROPERTY_BIT(ASSIGNED_CLIENT_IDENTIFIER);
        properties->assigned_client_identifier = buffer_slice(&mqtt->hub.identifier);
    }
    if (properties_have(properties, PROPERTY_SESSION_EXPIRY_INTERVAL)) {
        mqtt->hub.keeps_session = properties->session_expiry_interval > 0;
    }
    if (mqtt->hub.connack_properties.length > 0) {
        raw->length = 0;
        buffer_append(raw, properties->raw);
        buffer_append(raw, buffer_slice(&mqtt->hub.connack_properties));
        properties->raw = buffer_slice(raw);
        properties->present |= PROPERTY_BIT(USER_PROPERTY);
    }
    if (mqtt->client.events) { /* an event needs its name */
        properties->present &= ~PROPERTY_BIT(TOPIC_ALIAS_MAXIMUM);
    }
}

void mqtt_hub_connack(struct mqtt_client *mqtt, struct slice bytes)
{
    struct packet_limits limits = {mqtt->version, PACKET_SIZE_MAX, true};
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) < 0) {
        client_close(&mqtt->client, MQTT_CLOSE_INTERNAL, CLOSED_TRANSIENT_ERROR,
                     "the broker's answer is malformed");
        return;
    }
    if (mqtt->version == MQTT_5) {
        adapt_connack(mqtt, &packet);
    }
    if (properties_have(&packet.properties, PROPERTY_TOPIC_ALIAS_MAXIMUM)) {
        mqtt->hub.alias_maximum = packet.properties.topic_alias_maximum;
    }
    mqtt_send_packet(mqtt, &packet);
    if (packet.connack.reason == REASON_SUCCESS) {
        mqtt_raise_connected(mqtt, packet.connack.session_present);
        enter_registry(mqtt, packet.connack.session_present);
        mqtt_is_connected(mqtt);
    }
}
