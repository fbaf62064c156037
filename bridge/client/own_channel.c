/* See own_channel.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/own_channel.h"

#include "trunk/trunk.h"

enum { AGAIN_MS = 1000 };

static struct own_channel *own_of(struct channel *channel)
{
    return CONTAINER_OF(channel, struct own_channel, channel);
}

/* ---------------------------------------------------------------- events of the channel */

static void on_packet(struct channel *channel, struct slice bytes)
{
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    struct own_channel *own = own_of(channel);
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) <= 0) {
        return;
    }
    if (packet.type != PACKET_CONNACK) {
        if (own->events->packet) {
            own->events->packet(own, &packet);
        }
    } else if (!reason_is_error(packet.connack.reason)) {
        own->is_connected = true;
        own->events->connected(own, &packet);
    }
}

static void on_publish(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    struct own_channel *own = own_of(channel);

    own->events->publish(own, fanout, sequence);
    if (!own->holds_credit) {
        own_channel_credit(own, fanout->packet.length);
    }
}

static void on_subscriptions(struct channel *channel, struct slice filters)
{
    struct own_channel *own = own_of(channel);

    if (own->events->subscriptions) {
        own->events->subscriptions(own, filters);
    }
}

static void on_writable(struct channel *channel)
{
    struct own_channel *own = own_of(channel);

    if (own->events->writable) {
        own->events->writable(own);
    }
}

static void on_retained(struct channel *channel, const struct trunk_retained *retained)
{
    struct own_channel *own = own_of(channel);

    if (own->events->retained) {
        own->events->retained(own, retained);
    }
}

static void end(struct own_channel *own, uint8_t reason)
{
    own->is_connected = false;
    own->reason = reason;
    own->events->ended(own);
}

static void on_lost(struct channel *channel)
{
    end(own_of(channel), 0);
}

static void on_closed(struct channel *channel, uint8_t reason)
{
    struct own_channel *own = own_of(channel);

    end(own, reason);
    if (own->events->again) {
        own_channel_try_later(own);
    }
    if (own->events->closed) {
        own->events->closed(own, reason);
    }
}

static void on_try_again(struct timer *timer, void *context)
{
    struct own_channel *own = CONTAINER_OF(timer, struct own_channel, try_again);

    (void)context;
    if (!own->channel.is_open && gateway_is_ready(own->gateway)) {
        own->events->again(own);
    }
}

static const struct channel_events channel_events = {
    .packet = on_packet,
    .publish = on_publish,
    .subscriptions = on_subscriptions,
    .writable = on_writable,
    .retained = on_retained,
    .closed = on_closed,
    .lost = on_lost,
};

/* ---------------------------------------------------------------- to the broker */

void own_channel_init(struct own_channel *own, struct gateway *gateway,
                      const struct own_channel_events *events)
{
    own->channel.events = &channel_events;
    own->gateway = gateway;
    own->events = events;
    timer_init(&own->try_again, on_try_again);
}

static void open_channel(struct own_channel *own, const struct link_open *open,
                         const struct connect_request *connect)
{
    struct gateway *gateway = own->gateway;

    timers_cancel(&gateway->timers, &own->try_again);
    gateway->link->ops->open(gateway->link, &own->channel, open);
    write_connect(&gateway->packet, connect);
    own_channel_send(own);
}

void own_channel_open(struct own_channel *own, const char *peer,
                      const struct connect_request *connect)
{
    uint32_t tells = own->events->subscriptions ? TRUNK_TELLS_SUBSCRIPTIONS : 0;
    uint32_t holds = own->holds_credit ? TRUNK_HOLDS_CREDIT : 0;
    uint32_t wide = own->is_wide ? TRUNK_WIDE : 0;

    open_channel(own,
                 &(struct link_open){
                     .placement = connect->client_identifier,
                     .flags = TRUNK_VERIFIED | tells | holds | wide,
                     .peer = slice_from_string(peer),
                 },
                 connect);
}

void own_channel_open_as(struct own_channel *own, const char *peer, struct slice user,
                         const struct connect_request *connect)
{
    open_channel(own,
                 &(struct link_open){
                     .placement = connect->client_identifier,
                     .flags = TRUNK_NAMED,
                     .peer = slice_from_string(peer),
                     .user = user,
                 },
                 connect);
}

void own_channel_connect(struct own_channel *own, const char *role, const char *name,
                         struct connect_request connect)
{
    struct buffer identifier = {0};

    buffer_append_format(&identifier, "$wps//%s/", role);
    if (name) {
        buffer_append_string(&identifier, name);
    } else {
        buffer_append_format(&identifier, "%u", own->gateway->index);
    }
    connect.client_identifier = buffer_slice(&identifier);
    own_channel_open(own, "bridge", &connect);
    buffer_release(&identifier);
}

void own_channel_send(struct own_channel *own)
{
    struct link *link = own->gateway->link;
    struct buffer *packets = &own->gateway->packet;

    if (packets->length > 0 && own->channel.is_open) {
        link->ops->send(link, &own->channel, buffer_slice(packets));
    }
    packets->length = 0;
}

void own_channel_acknowledge(struct own_channel *own, uint32_t sequence)
{
    if (sequence != 0) {
        write_ack(&own->gateway->packet, PACKET_PUBACK, (uint16_t)sequence);
        own_channel_send(own);
    }
}

void own_channel_credit(struct own_channel *own, size_t bytes)
{
    struct link *link = own->gateway->link;

    if (own->channel.is_open) {
        link->ops->credit(link, &own->channel, (uint32_t)bytes);
    }
}

void own_channel_try_later(struct own_channel *own)
{
    timers_set(&own->gateway->timers, &own->try_again, gateway_now(own->gateway) + AGAIN_MS);
}

void own_channel_close(struct own_channel *own)
{
    struct link *link = own->gateway->link;

    own->is_connected = false;
    timers_cancel(&own->gateway->timers, &own->try_again);
    if (own->channel.is_open) {
        link->ops->close(link, &own->channel);
    }
}
