/* See hub_store.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/hub_store.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/fanout.h"
#include "client/gateway.h"
#include "client/internal_topic.h"
#include "client/mqtt_write.h"
#include "trunk/trunk.h"

#define CONFIG_HUBS "$config/hubs/"

/* Packet identifiers; those of changes come round behind the others. */
enum { SUBSCRIBE_ID = 2, MARK_ID = 3, CHANGE_ID_FIRST = 16 };

struct hub_store {
    struct channel channel;
    struct gateway *gateway;
    struct list changes; /* that were sent, the oldest first */
    uint16_t last_id;
    bool is_connected;
};

static struct hub_store *store_of(struct channel *channel)
{
    return CONTAINER_OF(channel, struct hub_store, channel);
}

static void send(struct hub_store *store, struct buffer *packets)
{
    struct link *link = store->gateway->link;

    if (packets->length > 0 && store->channel.is_open) {
        link->ops->send(link, &store->channel, buffer_slice(packets));
    }
    packets->length = 0;
}

static void append_identifier(const struct hub_store *store, struct buffer *out)
{
    buffer_append_format(out, "$wps//settings/%u", store->gateway->index);
}

/* ---------------------------------------------------------------- what is retained */

/* A message to itself, behind all that was retained when it subscribed. */
static void append_mark_topic(const struct hub_store *store, struct buffer *out)
{
    struct buffer number = {0};

    buffer_append_format(&number, "settings-%u", store->gateway->index);
    internal_topic_append(out, INTERNAL_MARK, SLICE_EMPTY, buffer_slice(&number), SLICE_EMPTY);
    buffer_release(&number);
}

static void subscribe(struct hub_store *store)
{
    struct subscription_options options = {.qos = QOS_1};
    struct buffer filters = {0}, mark = {0};
    struct buffer *packets = &store->gateway->packet;

    append_mark_topic(store, &mark);
    write_filter(&filters, SLICE_LITERAL(CONFIG_HUBS "+"), &options);
    write_filter(&filters, buffer_slice(&mark), &options);
    write_subscribe(packets, SUBSCRIBE_ID, buffer_slice(&filters));
    write_publish(packets, &(struct publication){
                               .topic = buffer_slice(&mark),
                               .is_plain = true,
                               .qos = QOS_1,
                               .packet_id = MARK_ID,
                           });
    send(store, packets);
    buffer_release(&filters);
    buffer_release(&mark);
}

static void hear(struct hub_store *store, const struct publish *publish)
{
    static const struct slice hubs = {(const uint8_t *)CONFIG_HUBS, sizeof(CONFIG_HUBS) - 1};
    const struct hub_listener *listener = store->gateway->hub_listener;

    if (slice_starts_with(publish->topic, hubs)) {
        listener->changed(listener->context, slice_from(publish->topic, hubs.length),
                          publish->payload);
    } else {
        listener->complete(listener->context);
    }
}

static void on_publish(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    struct hub_store *store = store_of(channel);
    struct link *link = store->gateway->link;

    if (fanout->is_valid) {
        hear(store, &fanout->publish.publish);
    }
    if (sequence != 0) {
        write_ack(&store->gateway->packet, PACKET_PUBACK, (uint16_t)sequence);
        send(store, &store->gateway->packet);
    }
    link->ops->credit(link, channel, (uint32_t)fanout->packet.length);
}

/* ---------------------------------------------------------------- changes */

static void finish(struct hub_change *change, bool is_stored)
{
    list_remove(&change->link);
    list_init(&change->link);
    change->done(change, is_stored);
}

static void take_puback(struct hub_store *store, struct slice bytes)
{
    const struct packet_limits limits = {
        .version = MQTT_5,
        .packet_size_max = PACKET_SIZE_MAX,
        .from_server = true,
    };
    struct packet packet;

    if (packet_decode(&packet, bytes, &limits) <= 0) {
        return;
    }
    LIST_FOREACH_SAFE (link, &store->changes) {
        struct hub_change *change = CONTAINER_OF(link, struct hub_change, link);
        if (change->packet_id == packet.ack.packet_id) {
            finish(change, packet.ack.reason < REASON_UNSPECIFIED_ERROR);
            return;
        }
    }
}

bool hub_store_set(struct hub_store *store, struct slice hub, struct slice settings,
                   struct hub_change *change)
{
    struct buffer topic = {0};

    if (!store->is_connected || !store->channel.is_open) {
        return false;
    }
    store->last_id =
        store->last_id < CHANGE_ID_FIRST ? CHANGE_ID_FIRST : (uint16_t)(store->last_id + 1);
    change->packet_id = store->last_id;
    list_add_last(&store->changes, &change->link);
    buffer_append_string(&topic, CONFIG_HUBS);
    buffer_append(&topic, hub);
    write_publish(&store->gateway->packet, &(struct publication){
                                               .topic = buffer_slice(&topic),
                                               .data = {DATA_JSON, settings},
                                               .is_plain = settings.length == 0,
                                               .retain = true,
                                               .qos = QOS_1,
                                               .packet_id = store->last_id,
                                           });
    send(store, &store->gateway->packet);
    buffer_release(&topic);
    return true;
}

void hub_store_abandon(struct hub_change *change)
{
    if (change->packet_id != 0) {
        list_remove(&change->link);
        list_init(&change->link);
    }
}

/* ---------------------------------------------------------------- the connection */

static void on_packet(struct channel *channel, struct slice packet)
{
    struct hub_store *store = store_of(channel);
    const struct hub_listener *listener = store->gateway->hub_listener;

    if (connack_is_welcome(packet)) {
        store->is_connected = true;
        listener->begin(listener->context);
        subscribe(store);
    } else if (packet.length > 0 && packet.data[0] >> 4 == PACKET_PUBACK) {
        take_puback(store, packet);
    }
}

static void on_writable(struct channel *channel)
{
    (void)channel;
}

static void on_lost(struct channel *channel)
{
    struct hub_store *store = store_of(channel);

    store->is_connected = false;
    LIST_FOREACH_SAFE (link, &store->changes) {
        finish(CONTAINER_OF(link, struct hub_change, link), false);
    }
}

static void on_closed(struct channel *channel, uint8_t reason)
{
    (void)reason; /* the broker stops, or refuses: `ready` comes again with the next broker */
    on_lost(channel);
}

static const struct channel_events channel_events = {
    .packet = on_packet,
    .publish = on_publish,
    .writable = on_writable,
    .closed = on_closed,
    .lost = on_lost,
};

void hub_store_connect(struct hub_store *store)
{
    struct gateway *gateway = store->gateway;
    struct buffer identifier = {0};

    append_identifier(store, &identifier);
    gateway->link->ops->open(gateway->link, &store->channel,
                             &(struct link_open){
                                 .placement = buffer_slice(&identifier),
                                 .flags = TRUNK_VERIFIED,
                                 .peer = SLICE_LITERAL("bridge"),
                             });
    write_connect(&gateway->packet, &(struct connect_request){
                                        .client_identifier = buffer_slice(&identifier),
                                        .clean_start = true,
                                    });
    send(store, &gateway->packet);
    buffer_release(&identifier);
}

struct hub_store *hub_store_new(struct gateway *gateway)
{
    struct hub_store *store = memory_allocate_zero(sizeof(*store));

    store->gateway = gateway;
    store->channel.events = &channel_events;
    list_init(&store->changes);
    return store;
}

void hub_store_free(struct hub_store *store)
{
    struct link *link = store->gateway->link;

    if (store->channel.is_open) {
        link->ops->close(link, &store->channel);
    }
    LIST_FOREACH_SAFE (change, &store->changes) {
        finish(CONTAINER_OF(change, struct hub_change, link), false);
    }
    free(store);
}
