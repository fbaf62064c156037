/* See settings_store.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/settings_store.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/internal_topic.h"
#include "client/own_channel.h"

/* Packet identifiers; those of changes come round behind the others. */
enum { SUBSCRIBE_ID = 2, MARK_ID = 3, CHANGE_ID_FIRST = 16 };

struct settings_store {
    struct own_channel own;
    struct gateway *gateway;
    const struct settings_kind *kind;
    const struct settings_listener *listener; /* NULL: not connected yet */
    struct list changes;                      /* that were sent, the oldest first */
    uint16_t last_id;
};

static struct settings_store *store_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct settings_store, own);
}

/* ---------------------------------------------------------------- what is retained */

/* A message to itself, behind all that was retained when it subscribed. */
static void append_mark_topic(const struct settings_store *store, struct buffer *out)
{
    struct buffer number = {0};

    buffer_append_format(&number, "%s-%u", store->kind->role, store->gateway->index);
    internal_topic_append(out, INTERNAL_MARK, SLICE_EMPTY, buffer_slice(&number), SLICE_EMPTY);
    buffer_release(&number);
}

static void subscribe(struct settings_store *store)
{
    struct subscription_options options = {.qos = QOS_1};
    struct buffer filters = {0}, mark = {0}, places = {0};
    struct buffer *packets = &store->gateway->packet;

    append_mark_topic(store, &mark);
    buffer_append(&places, store->kind->prefix);
    buffer_append_string(&places, store->kind->places);
    write_filter(&filters, buffer_slice(&places), &options);
    write_filter(&filters, buffer_slice(&mark), &options);
    write_subscribe(packets, SUBSCRIBE_ID, buffer_slice(&filters));
    write_publish(packets, &(struct publication){
                               .topic = buffer_slice(&mark),
                               .is_plain = true,
                               .qos = QOS_1,
                               .packet_id = MARK_ID,
                           });
    own_channel_send(&store->own);
    buffer_release(&filters);
    buffer_release(&places);
    buffer_release(&mark);
}

static void hear(struct settings_store *store, const struct publish *publish)
{
    const struct settings_listener *listener = store->listener;
    struct slice prefix = store->kind->prefix;

    if (slice_starts_with(publish->topic, prefix)) {
        listener->changed(listener->context, slice_from(publish->topic, prefix.length),
                          publish->payload);
    } else {
        listener->complete(listener->context);
    }
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    if (fanout->is_valid) {
        hear(store_of(own), &fanout->publish.publish);
    }
    own_channel_acknowledge(own, sequence);
}

/* ---------------------------------------------------------------- changes */

static void finish(struct settings_change *change, bool is_stored)
{
    list_remove(&change->link);
    change->done(change, is_stored);
}

static void on_packet(struct own_channel *own, const struct packet *packet)
{
    if (packet->type != PACKET_PUBACK) {
        return;
    }
    LIST_FOREACH_SAFE (link, &store_of(own)->changes) {
        struct settings_change *change = CONTAINER_OF(link, struct settings_change, link);
        if (change->packet_id == packet->ack.packet_id) {
            finish(change, !reason_is_error(packet->ack.reason));
            return;
        }
    }
}

bool settings_store_set(struct settings_store *store, struct slice place, struct slice settings,
                        struct settings_change *change)
{
    struct buffer topic = {0};

    if (!store->own.is_connected || !store->own.channel.is_open) {
        return false;
    }
    store->last_id =
        store->last_id < CHANGE_ID_FIRST ? CHANGE_ID_FIRST : (uint16_t)(store->last_id + 1);
    change->packet_id = store->last_id;
    list_add_last(&store->changes, &change->link);
    buffer_append(&topic, store->kind->prefix);
    buffer_append(&topic, place);
    write_publish(&store->gateway->packet, &(struct publication){
                                               .topic = buffer_slice(&topic),
                                               .data = {DATA_JSON, settings},
                                               .is_plain = settings.length == 0,
                                               .retain = true,
                                               .qos = QOS_1,
                                               .packet_id = store->last_id,
                                           });
    own_channel_send(&store->own);
    buffer_release(&topic);
    return true;
}

void settings_store_abandon(struct settings_change *change)
{
    if (change->packet_id != 0) {
        list_remove(&change->link);
    }
}

/* ---------------------------------------------------------------- the connection */

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct settings_store *store = store_of(own);

    (void)connack;
    store->listener->begin(store->listener->context);
    subscribe(store);
}

/* What was not acknowledged is not stored, as far as is known. */
static void on_ended(struct own_channel *own)
{
    LIST_FOREACH_SAFE (link, &store_of(own)->changes) {
        finish(CONTAINER_OF(link, struct settings_change, link), false);
    }
}

/* It must hear what changes, so it does not stay away: the broker may not like what was sent. */
static void on_closed(struct own_channel *own, uint8_t reason)
{
    log_write(LOG_WARNING, "the connection for settings was ended", "role=%s reason=\"%s\"",
              store_of(own)->kind->role, reason_text(reason));
}

static void connect(struct own_channel *own)
{
    own_channel_connect(own, store_of(own)->kind->role, NULL,
                        (struct connect_request){.clean_start = true});
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .packet = on_packet,
    .publish = on_publish,
    .ended = on_ended,
    .closed = on_closed,
    .again = connect,
};

void settings_store_connect(struct settings_store *store, const struct settings_listener *listener)
{
    store->listener = listener;
    connect(&store->own);
}

struct settings_store *settings_store_new(struct gateway *gateway, const struct settings_kind *kind)
{
    struct settings_store *store = memory_allocate_zero(sizeof(*store));

    store->gateway = gateway;
    store->kind = kind;
    own_channel_init(&store->own, gateway, &events);
    list_init(&store->changes);
    return store;
}

void settings_store_free(struct settings_store *store)
{
    own_channel_close(&store->own);
    on_ended(&store->own);
    free(store);
}
