/* See mqtt_keeper.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_keeper.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/fanout.h"
#include "client/internal_topic.h"
#include "client/mqtt_client.h"
#include "client/mqtt_write.h"

enum {
    LOOK_ID = 1,        /* packet identifier of the one SUBSCRIBE */
    AWAY_MARGIN_S = 60, /* the memory outlives the session, so that the janitor finds it */
};

struct mqtt_keeper {
    struct channel channel;
    struct mqtt_client *mqtt;
    struct buffer connect; /* the client's */
    uint32_t session_expiry_s;
    bool is_ready;
    bool has_memory; /* there is one, which is to go with the session */
};

/* ---------------------------------------------------------------- packets */

static struct slice topic_of(const struct mqtt_keeper *keeper, enum internal_kind kind,
                             struct buffer *topic)
{
    struct buffer name = {0};

    buffer_append(&name, KEEPER_PREFIX);
    buffer_append(&name, buffer_slice(&keeper->mqtt->hub.identifier));
    topic->length = 0;
    internal_topic_append(topic, kind, slice_from_string(keeper->mqtt->client.upgrade->hub),
                          buffer_slice(&name), SLICE_EMPTY);
    buffer_release(&name);
    return buffer_slice(topic);
}

static void send(struct mqtt_keeper *keeper, struct buffer *packets)
{
    struct link *link = keeper->mqtt->client.gateway->link;

    if (keeper->channel.is_open) {
        link->ops->send(link, &keeper->channel, buffer_slice(packets));
    }
    packets->length = 0;
}

static void send_connect(struct mqtt_keeper *keeper, bool clean_start)
{
    struct client *client = &keeper->mqtt->client;
    struct gateway *gateway = client->gateway;
    struct buffer identifier = {0}, farewell = {0}, packet = {0};

    buffer_append_format(&identifier, "$wps/%s/keeper/", client->upgrade->hub);
    buffer_append(&identifier, buffer_slice(&keeper->mqtt->hub.identifier));
    event_queue_export(client->events, &farewell);
    gateway->link->ops->open(gateway->link, &keeper->channel,
                             &(struct link_open){
                                 .placement = buffer_slice(&identifier),
                                 .flags = TRUNK_VERIFIED,
                                 .peer = slice_from_string(client->peer),
                             });
    write_connect(&packet, &(struct connect_request){
                               .client_identifier = buffer_slice(&identifier),
                               .clean_start = clean_start,
                               .session_expiry_s = keeper->session_expiry_s,
                               .will_topic = topic_of(keeper, INTERNAL_GONE, &gateway->topic),
                               .will_payload = buffer_slice(&farewell),
                           });
    send(keeper, &packet);
    buffer_release(&packet);
    buffer_release(&identifier);
    buffer_release(&farewell);
}

/* Looks for the memory, and sends itself a mark behind it. */
static void look(struct mqtt_keeper *keeper)
{
    struct subscription_options options = {.qos = QOS_0};
    struct buffer topic = {0}, filters = {0}, packets = {0};

    write_filter(&filters, topic_of(keeper, INTERNAL_AWAY, &topic), &options);
    write_filter(&filters, topic_of(keeper, INTERNAL_MARK, &topic), &options);
    write_subscribe(&packets, LOOK_ID, buffer_slice(&filters));
    write_publish(&packets, &(struct publication){.topic = buffer_slice(&topic), .is_plain = true});
    write_unsubscribe(&packets, LOOK_ID, buffer_slice(&topic));
    write_unsubscribe(&packets, LOOK_ID, topic_of(keeper, INTERNAL_AWAY, &topic));
    send(keeper, &packets);
    buffer_release(&topic);
    buffer_release(&filters);
    buffer_release(&packets);
}

/* Empty `bytes`: it is not kept any more. `expiry` 0: for ever. */
static void keep(struct mqtt_keeper *keeper, struct slice bytes, uint32_t expiry)
{
    struct buffer topic = {0}, packet = {0};

    write_publish(&packet, &(struct publication){
                               .topic = topic_of(keeper, INTERNAL_AWAY, &topic),
                               .data = {DATA_BINARY, bytes},
                               .is_plain = true,
                               .retain = true,
                               .expiry_s = expiry,
                           });
    send(keeper, &packet);
    buffer_release(&topic);
    buffer_release(&packet);
}

/* ---------------------------------------------------------------- events of the channel */

static void become_ready(struct mqtt_keeper *keeper)
{
    struct buffer connect = keeper->connect;

    if (keeper->is_ready) {
        return;
    }
    keeper->is_ready = true;
    keeper->connect = (struct buffer){0};
    if (!keeper->mqtt->client.closing) {
        mqtt_hub_go_on(keeper->mqtt, buffer_slice(&connect));
    }
    buffer_release(&connect);
}

static void on_packet(struct channel *channel, struct slice bytes)
{
    struct mqtt_keeper *keeper = CONTAINER_OF(channel, struct mqtt_keeper, channel);
    struct packet_limits limits = {MQTT_5, PACKET_SIZE_MAX, true};
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) <= 0 || packet.type != PACKET_CONNACK) {
        return;
    }
    if (packet.connack.reason == REASON_SUCCESS && packet.connack.session_present) {
        look(keeper);
    } else {
        become_ready(keeper);
    }
}

static void on_publish(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    struct mqtt_keeper *keeper = CONTAINER_OF(channel, struct mqtt_keeper, channel);
    struct link *link = keeper->mqtt->client.gateway->link;
    struct slice payload = fanout->publish.publish.payload;
    struct internal_topic topic;

    (void)sequence; /* all at QoS 0 */
    link->ops->credit(link, channel, (uint32_t)fanout->packet.length);
    if (!fanout->is_valid || !internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        return;
    }
    if (topic.kind == INTERNAL_AWAY && payload.length > 0) {
        event_queue_import(keeper->mqtt->client.events, payload);
        keep(keeper, payload, 0); /* while it is connected; our will knows less */
        keeper->has_memory = true;
    } else if (topic.kind == INTERNAL_MARK) {
        become_ready(keeper);
    }
}

static void on_writable(struct channel *channel)
{
    (void)channel;
}

/* Taken over by the same client's next connection, or the broker stops. */
static void on_closed(struct channel *channel, uint8_t reason)
{
    (void)reason;
    become_ready(CONTAINER_OF(channel, struct mqtt_keeper, channel));
}

static void on_lost(struct channel *channel)
{
    become_ready(CONTAINER_OF(channel, struct mqtt_keeper, channel));
}

static const struct channel_events events = {
    .packet = on_packet,
    .publish = on_publish,
    .writable = on_writable,
    .closed = on_closed,
    .lost = on_lost,
};

/* ---------------------------------------------------------------- beginning and end */

struct mqtt_keeper *mqtt_keeper_begin(struct mqtt_client *mqtt, struct slice connect,
                                      bool clean_start, uint32_t session_expiry_s)
{
    struct mqtt_keeper *keeper = memory_allocate_zero(sizeof(*keeper));

    keeper->channel.events = &events;
    keeper->mqtt = mqtt;
    keeper->session_expiry_s = session_expiry_s;
    buffer_append(&keeper->connect, connect);
    send_connect(keeper, clean_start);
    return keeper;
}

bool mqtt_keeper_is_ready(const struct mqtt_keeper *keeper)
{
    return !keeper || keeper->is_ready;
}

void mqtt_keeper_end(struct mqtt_keeper *keeper, bool is_over)
{
    struct buffer bytes = {0};
    uint32_t expiry;
    struct link *link;

    if (!keeper) {
        return;
    }
    link = keeper->mqtt->client.gateway->link;
    expiry = keeper->session_expiry_s;
    if (is_over) {
        if (keeper->has_memory) {
            keep(keeper, SLICE_EMPTY, 0);
        }
        write_disconnect_for_good(&bytes, false);
        send(keeper, &bytes);
    } else if (keeper->channel.is_open) {
        event_queue_export(keeper->mqtt->client.events, &bytes);
        keep(keeper, buffer_slice(&bytes),
             expiry < UINT32_MAX - AWAY_MARGIN_S ? expiry + AWAY_MARGIN_S : 0);
    }
    link->ops->close(link, &keeper->channel);
    buffer_release(&bytes);
    buffer_release(&keeper->connect);
    free(keeper);
}
