/* See janitor.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/janitor.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/memory.h"
#include "client/away.h"
#include "client/fanout.h"
#include "client/gateway.h"
#include "client/group_state.h"
#include "client/internal_topic.h"
#include "client/mqtt_write.h"
#include "client/webpubsub.h"
#include "trunk/trunk.h"

enum { SUBSCRIBE_ID = 2, LOOK_ID = 3 }; /* packet identifiers; no answer is waited for */

/* How long the broker keeps what a janitor is to be told while no bridge is there. */
enum { SESSION_EXPIRY_S = 24 * 60 * 60 };

static const char gone_filter[] = "$share/janitor/$wps/+/gone/+";

/* A connection to clear up behind, once the broker is there. */
struct orphan {
    struct list link;
    struct buffer hub, connection_id;
};

struct janitor {
    struct channel channel;
    struct gateway *gateway;
    struct list orphans;
    bool is_connected;
};

static void send(struct janitor *janitor, struct buffer *packets)
{
    struct link *link = janitor->gateway->link;

    if (packets->length > 0 && janitor->channel.is_open) {
        link->ops->send(link, &janitor->channel, buffer_slice(packets));
    }
    packets->length = 0;
}

/* Asks for what it left: that comes as retained messages, and is cleared one by one. */
static void look(struct janitor *janitor, struct slice hub, struct slice connection_id)
{
    struct buffer states = {0}, away = {0}, filters = {0};
    struct buffer *packets = &janitor->gateway->packet;
    struct subscription_options options = {.qos = QOS_0};

    internal_topic_append(&states, INTERNAL_STATE, hub, connection_id, SLICE_EMPTY);
    buffer_append_byte(&states, '#');
    internal_topic_append(&away, INTERNAL_AWAY, hub, connection_id, SLICE_EMPTY);
    write_filter(&filters, buffer_slice(&states), &options);
    write_filter(&filters, buffer_slice(&away), &options);
    write_subscribe(packets, LOOK_ID, buffer_slice(&filters));
    write_unsubscribe(packets, LOOK_ID, buffer_slice(&states));
    write_unsubscribe(packets, LOOK_ID, buffer_slice(&away));
    send(janitor, packets);
    buffer_release(&states);
    buffer_release(&away);
    buffer_release(&filters);
}

static void clear(struct janitor *janitor, const struct internal_topic *topic,
                  const struct fanout *fanout)
{
    struct buffer *packets = &janitor->gateway->packet;
    struct away away;

    if (topic->kind == INTERNAL_AWAY && away_parse(fanout->publish.publish.payload, &away)) {
        streams_cancel_exported(away.streams, topic->hub, packets);
    }
    group_state_write_clear(packets, fanout->publish.publish.topic, gateway_now(janitor->gateway));
    send(janitor, packets);
}

static void on_publish(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    struct janitor *janitor = CONTAINER_OF(channel, struct janitor, channel);
    struct link *link = janitor->gateway->link;
    struct internal_topic topic;

    if (fanout->is_valid && internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        if (topic.kind == INTERNAL_GONE) {
            look(janitor, topic.hub, topic.connection_id);
        } else if (fanout->publish.publish.retain && fanout->publish.publish.payload.length > 0) {
            clear(janitor, &topic, fanout);
        }
    }
    if (sequence != 0) {
        write_ack(&janitor->gateway->packet, PACKET_PUBACK, (uint16_t)sequence);
        send(janitor, &janitor->gateway->packet);
    }
    link->ops->credit(link, channel, (uint32_t)fanout->packet.length);
}

static void orphan_free(struct orphan *orphan)
{
    list_remove(&orphan->link);
    buffer_release(&orphan->hub);
    buffer_release(&orphan->connection_id);
    free(orphan);
}

static void on_packet(struct channel *channel, struct slice packet)
{
    struct janitor *janitor = CONTAINER_OF(channel, struct janitor, channel);
    struct buffer *packets = &janitor->gateway->packet;
    struct buffer filters = {0};

    if (!connack_is_welcome(packet)) {
        return;
    }
    janitor->is_connected = true;
    write_filter(&filters, SLICE_LITERAL(gone_filter),
                 &(struct subscription_options){.qos = QOS_1});
    write_subscribe(packets, SUBSCRIBE_ID, buffer_slice(&filters));
    send(janitor, packets);
    buffer_release(&filters);
    LIST_FOREACH_SAFE (link, &janitor->orphans) {
        struct orphan *orphan = CONTAINER_OF(link, struct orphan, link);
        look(janitor, buffer_slice(&orphan->hub), buffer_slice(&orphan->connection_id));
        orphan_free(orphan);
    }
}

static void on_writable(struct channel *channel)
{
    (void)channel;
}

static void on_closed(struct channel *channel, uint8_t reason)
{
    struct janitor *janitor = CONTAINER_OF(channel, struct janitor, channel);

    janitor->is_connected = false;
    (void)reason; /* the broker stops, or refuses: `ready` comes again with the next broker */
}

static void on_lost(struct channel *channel)
{
    CONTAINER_OF(channel, struct janitor, channel)->is_connected = false;
}

static const struct channel_events events = {
    .packet = on_packet,
    .publish = on_publish,
    .writable = on_writable,
    .closed = on_closed,
    .lost = on_lost,
};

struct janitor *janitor_new(struct gateway *gateway)
{
    struct janitor *janitor = memory_allocate_zero(sizeof(*janitor));

    janitor->gateway = gateway;
    janitor->channel.events = &events;
    list_init(&janitor->orphans);
    return janitor;
}

void janitor_free(struct janitor *janitor)
{
    struct link *way = janitor->gateway->link;

    if (janitor->channel.is_open) {
        way->ops->close(way, &janitor->channel);
    }
    LIST_FOREACH_SAFE (link, &janitor->orphans) {
        orphan_free(CONTAINER_OF(link, struct orphan, link));
    }
    free(janitor);
}

/* Under the same name after a restart, so that it is told what happened meanwhile: most of all that
 * the connections of a bridge that was killed have ended. */
void janitor_connect(struct janitor *janitor)
{
    struct link *link = janitor->gateway->link;
    struct buffer *packets = &janitor->gateway->packet;
    struct packet connect = {.type = PACKET_CONNECT, .connect = {.version = MQTT_5}};
    struct buffer identifier = {0};

    buffer_append_format(&identifier, "$wps//janitor/%u", janitor->gateway->index);
    connect.connect.client_identifier = buffer_slice(&identifier);
    connect.properties.present = PROPERTY_BIT(SESSION_EXPIRY_INTERVAL);
    connect.properties.session_expiry_interval = SESSION_EXPIRY_S;
    link->ops->open(link, &janitor->channel,
                    &(struct link_open){
                        .placement = connect.connect.client_identifier,
                        .flags = TRUNK_VERIFIED,
                        .peer = SLICE_LITERAL("bridge"),
                    });
    packet_encode(packets, &connect, MQTT_5);
    send(janitor, packets);
    buffer_release(&identifier);
}

void janitor_clear(struct gateway *gateway, struct slice hub, struct slice connection_id)
{
    struct janitor *janitor = gateway->janitor;
    struct orphan *orphan;

    if (janitor->is_connected && janitor->channel.is_open) {
        look(janitor, hub, connection_id);
        return;
    }
    orphan = memory_allocate_zero(sizeof(*orphan));
    buffer_append(&orphan->hub, hub);
    buffer_append(&orphan->connection_id, connection_id);
    list_add_last(&janitor->orphans, &orphan->link);
}
