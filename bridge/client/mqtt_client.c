/* The life of an MQTT client, and the relay: see mqtt_client.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_client.h"

#include "client/fanout.h"
#include "client/mqtt_event.h"
#include "client/mqtt_rest.h"

enum { CONNECT_TIMEOUT_MS = 10000 };

static const char broker_restarts[] = "the broker restarts";

static bool is_of_hub(const struct mqtt_client *mqtt)
{
    return mqtt->client.upgrade->kind == UPGRADE_MQTT_HUB;
}

static bool is_of_system(const struct mqtt_client *mqtt)
{
    return mqtt->client.upgrade->kind == UPGRADE_SYSTEM;
}

static void update_pause(struct mqtt_client *mqtt)
{
    struct client *client = &mqtt->client;
    const struct link *link = client->gateway->link;
    bool pause = mqtt->hub.asking || !mqtt_keeper_is_ready(mqtt->hub.keeper) ||
                 mqtt_holds_too_much(mqtt) ||
                 (client->channel.is_open &&
                  (mqtt->awaits_connack || !link->ops->may_send(link, &client->channel)));

    if (pause != mqtt->paused && !client->closing) {
        mqtt->paused = pause;
        client->gateway->sockets->pause(client->websocket, pause);
    }
}

/* What was gathered for the broker. */
static void flush(struct mqtt_client *mqtt)
{
    struct buffer *packets = &mqtt->client.gateway->packet;

    if (packets->length > 0) {
        client_send_packets(&mqtt->client, buffer_slice(packets));
        packets->length = 0;
    }
}

/* ---------------------------------------------------------------- the end */

void mqtt_end(struct mqtt_client *mqtt, enum reason_code reason)
{
    struct client *client = &mqtt->client;
    struct link *link = client->gateway->link;
    uint16_t code = MQTT_CLOSE_PROTOCOL;

    if (reason == REASON_PACKET_TOO_LARGE) {
        code = MQTT_CLOSE_TOO_BIG;
    } else if (reason == REASON_NOT_AUTHORIZED) {
        code = MQTT_CLOSE_POLICY;
    }
    client_close(client, code, close_category_of((uint8_t)reason), reason_text(reason));
    flush(mqtt);
    link->ops->close(link, &client->channel);
}

void mqtt_send_packet(struct mqtt_client *mqtt, const struct packet *packet)
{
    struct buffer *frame = &mqtt->client.gateway->frame;

    packet_encode(frame, packet, mqtt->version);
    client_send_frame(&mqtt->client, buffer_slice(frame), false);
    frame->length = 0;
}

void mqtt_refuse(struct mqtt_client *mqtt, enum protocol_version version, enum reason_code reason)
{
    struct packet connack = {.type = PACKET_CONNACK, .connack = {.reason = (uint8_t)reason}};

    if (version == MQTT_3_1_1) {
        connack.connack.reason = reason_to_connack_3(reason);
    }
    if (version != MQTT_UNKNOWN && connack.connack.reason != 0) {
        mqtt->version = version;
        mqtt_send_packet(mqtt, &connack);
    }
    mqtt_end(mqtt, reason);
}

void mqtt_fail(struct mqtt_client *mqtt, enum reason_code reason)
{
    if (!reason_allowed_from(true, PACKET_DISCONNECT, (uint8_t)reason)) {
        reason = REASON_PROTOCOL_ERROR; /* what is wrong with a second CONNECT is that it came */
    }
    if (mqtt->version == MQTT_5) {
        mqtt_send_packet(mqtt, &(struct packet){.type = PACKET_DISCONNECT,
                                                .disconnect = {.reason = (uint8_t)reason}});
    }
    mqtt_end(mqtt, reason);
}

static void on_connect_timeout(struct timer *timer, void *context)
{
    struct mqtt_client *mqtt = CONTAINER_OF(timer, struct mqtt_client, connect_timer);

    (void)context;
    client_close(&mqtt->client, MQTT_CLOSE_POLICY, CLOSED_BAD_REQUEST, "no CONNECT came");
}

static void socket_closed(struct client *client, uint16_t code)
{
    struct mqtt_client *mqtt = mqtt_of(client);

    (void)code; /* only a DISCONNECT, which the broker has had then, is an end in order */
    mqtt_stop_asking(mqtt);
    mqtt_end_events(mqtt);
    timers_cancel(&client->gateway->timers, &mqtt->connect_timer);
    buffer_release(&mqtt->input);
    mqtt_drop_requests(mqtt);
    mqtt_hub_release(&mqtt->hub);
}

/* ---------------------------------------------------------------- from the browser */

static void begin(struct client *client)
{
    struct mqtt_client *mqtt = mqtt_of(client);
    struct gateway *gateway = client->gateway;

    timer_init(&mqtt->connect_timer, on_connect_timeout);
    timers_set(&gateway->timers, &mqtt->connect_timer, gateway_now(gateway) + CONNECT_TIMEOUT_MS);
}

void mqtt_open(struct mqtt_client *mqtt, struct slice client_identifier, uint32_t flags)
{
    struct client *client = &mqtt->client;
    struct link_open open = {.placement = client_identifier, .flags = flags};

    if (client->upgrade->kind != UPGRADE_MQTT) {
        open.user = buffer_slice(&client->upgrade->user);
    }
    if (gateway_is_ready(client->gateway)) {
        client_open_channel(client, &open);
    } else {
        client_close(client, MQTT_CLOSE_SERVICE_RESTART, CLOSED_SERVICE_RELOAD, broker_restarts);
    }
}

/* The broker answers whatever the first packet is; the bridge only wants to know for whom. */
static void relay_connect(struct mqtt_client *mqtt, struct slice packet)
{
    struct packet_limits limits = {.packet_size_max = mqtt->client.gateway->packet_size_max};
    struct packet connect;
    struct slice identifier = SLICE_EMPTY;

    if (packet_decode(&connect, packet, &limits) > 0) {
        mqtt->version = connect.connect.version;
        identifier = connect.connect.client_identifier;
    } else {
        mqtt->version = connect.type == PACKET_CONNECT ? connect.connect.version : MQTT_UNKNOWN;
    }
    if (!is_of_system(mqtt)) {
        mqtt_open(mqtt, identifier, 0);
    } else if (slice_starts_with(identifier, SLICE_LITERAL("$wps/"))) {
        mqtt_refuse(mqtt, mqtt->version, REASON_CLIENT_IDENTIFIER_NOT_VALID); /* sessions of ours */
        return;
    } else {
        mqtt_open(mqtt, identifier, TRUNK_VERIFIED);
    }
    buffer_append(&mqtt->client.gateway->packet, packet);
}

static void take_connect(struct mqtt_client *mqtt, struct slice packet)
{
    if (is_of_hub(mqtt)) {
        mqtt_hub_connect(mqtt, packet);
    } else {
        relay_connect(mqtt, packet);
    }
}

static void take_packet(struct mqtt_client *mqtt, struct slice packet)
{
    if (timer_is_set(&mqtt->connect_timer)) {
        timers_cancel(&mqtt->client.gateway->timers, &mqtt->connect_timer);
        take_connect(mqtt, packet);
    } else if (is_of_hub(mqtt)) {
        mqtt_hub_receive(mqtt, packet);
    } else {
        buffer_append(&mqtt->client.gateway->packet, packet);
    }
}

/* Takes the whole packets off the front; returns how many bytes they are. What is left is less than
 * the largest packet, unless it has to wait for CONNACK. */
static size_t take_packets(struct mqtt_client *mqtt, struct slice bytes)
{
    size_t taken = 0;

    while (!mqtt->client.closing && !mqtt->awaits_connack) {
        struct slice rest = slice_from(bytes, taken);
        ssize_t size = packet_size(rest);

        if (size < 0) {
            mqtt_fail(mqtt, REASON_MALFORMED_PACKET);
        } else if ((size_t)size > mqtt->client.gateway->packet_size_max) {
            mqtt_fail(mqtt, REASON_PACKET_TOO_LARGE);
        } else if (size == 0 || (size_t)size > rest.length) {
            break;
        } else {
            take_packet(mqtt, slice_make(rest.data, (size_t)size));
            taken += (size_t)size;
        }
    }
    return taken;
}

void mqtt_finish_turn(struct mqtt_client *mqtt)
{
    if (mqtt->input.length == 0) {
        buffer_release(&mqtt->input);
    }
    flush(mqtt);
    update_pause(mqtt);
}

static void receive(struct client *client, struct slice message, bool is_text)
{
    struct mqtt_client *mqtt = mqtt_of(client);
    struct buffer *input = &mqtt->input;

    if (is_text) {
        client_close(client, MQTT_CLOSE_WRONG_KIND, CLOSED_BAD_REQUEST,
                     "MQTT has only binary frames");
        return;
    }
    if (input->length > 0) {
        buffer_append(input, message);
        buffer_consume(input, take_packets(mqtt, buffer_slice(input)));
    } else {
        buffer_append(input, slice_from(message, take_packets(mqtt, message)));
    }
    mqtt_finish_turn(mqtt);
}

void mqtt_is_connected(struct mqtt_client *mqtt)
{
    mqtt->awaits_connack = false;
    buffer_consume(&mqtt->input, take_packets(mqtt, buffer_slice(&mqtt->input)));
    mqtt_finish_turn(mqtt);
}

/* ---------------------------------------------------------------- from the broker */

static void on_packet(struct channel *channel, struct slice packet)
{
    struct mqtt_client *mqtt = mqtt_of(client_of(channel));

    if (is_of_hub(mqtt) && !mqtt->client.closing) {
        mqtt_hub_return(mqtt, packet);
    } else {
        client_send_frame(&mqtt->client, packet, false);
    }
}

static void on_publish(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    struct client *client = client_of(channel);

    if (client->closing) {
        client_drop(client, fanout);
    } else if (is_of_hub(mqtt_of(client))) {
        mqtt_hub_deliver(mqtt_of(client), fanout, sequence);
    } else {
        client->gateway->sockets->send(client->websocket, fanout_mqtt(fanout, false),
                                       (uint16_t)sequence);
    }
}

static void on_subscriptions(struct channel *channel, struct slice filters)
{
    client_restore_groups(client_of(channel), filters);
}

static void on_writable(struct channel *channel)
{
    update_pause(mqtt_of(client_of(channel)));
}

/* Its DISCONNECT, if any, came before and goes before. */
static void on_closed(struct channel *channel, uint8_t reason)
{
    if (reason == REASON_SESSION_TAKEN_OVER) {
        mqtt_of(client_of(channel))->hub.owes_disconnected = false; /* the keeper is, too */
    }
    client_close(client_of(channel), MQTT_CLOSE_NORMAL, close_category_of(reason),
                 reason == REASON_SUCCESS ? "" : reason_text(reason));
}

static void on_lost(struct channel *channel)
{
    client_close(client_of(channel), MQTT_CLOSE_SERVICE_RESTART, CLOSED_SERVICE_RELOAD,
                 broker_restarts);
}

/* There is no client that waits for the broker: the WebSocket was closed. */
static void on_ready(struct client *client)
{
    (void)client;
}

const struct client_kind mqtt_kind = {
    .size = sizeof(struct mqtt_client),
    .begin = begin,
    .receive = receive,
    .socket_closed = socket_closed,
    .ready = on_ready,
    .join = mqtt_rest_join,
    .leave = mqtt_rest_leave,
    .permit = mqtt_rest_permit,
    .end = mqtt_rest_end,
    .events =
        {
            .packet = on_packet,
            .publish = on_publish,
            .subscriptions = on_subscriptions,
            .writable = on_writable,
            .closed = on_closed,
            .lost = on_lost,
        },
};
