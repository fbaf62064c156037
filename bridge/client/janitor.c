/* See janitor.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/janitor.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/memory.h"
#include "client/away.h"
#include "client/group_state.h"
#include "client/internal_topic.h"
#include "client/mqtt_keeper.h"
#include "client/own_channel.h"
#include "client/webpubsub.h"

enum { SUBSCRIBE_ID = 2, LOOK_ID = 3 }; /* packet identifiers; no answer is waited for */

/* How long the broker keeps what a janitor is to be told while no bridge is there. */
enum { SESSION_EXPIRY_S = 24 * 60 * 60 };

static const char gone_filter[] = "$share/janitor/$wps/+/gone/+";

/* A connection to clear up behind, once the broker is there. */
struct orphan {
    struct list link;
    struct buffer hub, connection_id;
};

/* A connection that has ended and whose `disconnected` is due, when it is known what the connection
 * has left: the mark behind it has not come yet. */
struct farewell {
    struct list link;
    struct buffer hub, connection_id;
    struct buffer events; /* event_queue_export() */
    uint32_t sequence;    /* of its will, which is acknowledged when it is done */
};

struct janitor {
    struct own_channel own;
    struct gateway *gateway;
    struct list orphans;
    struct list farewells;
};

static struct janitor *janitor_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct janitor, own);
}

/* Asks for what it left: that comes as retained messages, and is cleared one by one. */
static void look(struct janitor *janitor, struct slice hub, struct slice connection_id)
{
    struct buffer states = {0}, away = {0}, mark = {0}, filters = {0};
    struct buffer *packets = &janitor->gateway->packet;
    struct subscription_options options = {.qos = QOS_0};

    internal_topic_append(&states, INTERNAL_STATE, hub, connection_id, SLICE_EMPTY);
    buffer_append_byte(&states, '#');
    internal_topic_append(&away, INTERNAL_AWAY, hub, connection_id, SLICE_EMPTY);
    write_filter(&filters, buffer_slice(&states), &options);
    internal_topic_append(&mark, INTERNAL_MARK, hub, connection_id, SLICE_EMPTY);
    write_filter(&filters, buffer_slice(&away), &options);
    write_filter(&filters, buffer_slice(&mark), &options);
    write_subscribe(packets, LOOK_ID, buffer_slice(&filters));
    /* Behind the last of what is there. */
    write_publish(packets, &(struct publication){.topic = buffer_slice(&mark), .is_plain = true});
    write_unsubscribe(packets, LOOK_ID, buffer_slice(&states));
    write_unsubscribe(packets, LOOK_ID, buffer_slice(&away));
    write_unsubscribe(packets, LOOK_ID, buffer_slice(&mark));
    own_channel_send(&janitor->own);
    buffer_release(&states);
    buffer_release(&away);
    buffer_release(&mark);
    buffer_release(&filters);
}

/* ---------------------------------------------------------------- the last event */

static struct farewell *find_farewell(const struct janitor *janitor,
                                      const struct internal_topic *topic)
{
    LIST_FOREACH (link, &janitor->farewells) {
        struct farewell *farewell = CONTAINER_OF(link, struct farewell, link);
        if (slice_equal(buffer_slice(&farewell->connection_id), topic->connection_id) &&
            slice_equal(buffer_slice(&farewell->hub), topic->hub)) {
            return farewell;
        }
    }
    return NULL;
}

static void farewell_free(struct farewell *farewell)
{
    list_remove(&farewell->link);
    buffer_release(&farewell->hub);
    buffer_release(&farewell->connection_id);
    buffer_release(&farewell->events);
    free(farewell);
}

static void begin_farewell(struct janitor *janitor, const struct internal_topic *topic,
                           struct slice events, uint32_t sequence)
{
    struct farewell *farewell = memory_allocate_zero(sizeof(*farewell));

    buffer_append(&farewell->hub, topic->hub);
    buffer_append(&farewell->connection_id, topic->connection_id);
    buffer_append(&farewell->events, events);
    farewell->sequence = sequence;
    list_add_last(&janitor->farewells, &farewell->link);
}

static void end_farewell(struct janitor *janitor, const struct internal_topic *topic)
{
    struct farewell *farewell = find_farewell(janitor, topic);

    if (farewell) {
        event_queue_farewell(janitor->gateway, topic->hub, topic->connection_id,
                             buffer_slice(&farewell->events));
        own_channel_acknowledge(&janitor->own, farewell->sequence);
        farewell_free(farewell);
    }
}

/* What was left when the browser went away is newer than the will. */
static void renew_farewell(struct janitor *janitor, const struct internal_topic *topic,
                           struct slice events)
{
    struct farewell *farewell = find_farewell(janitor, topic);

    if (farewell && events.length > 0) {
        farewell->events.length = 0;
        buffer_append(&farewell->events, events);
    }
}

/* They come again when the broker is back. */
static void forget_farewells(struct janitor *janitor)
{
    LIST_FOREACH_SAFE (link, &janitor->farewells) {
        farewell_free(CONTAINER_OF(link, struct farewell, link));
    }
}

/* ---------------------------------------------------------------- what comes */

static void clear(struct janitor *janitor, const struct internal_topic *topic,
                  const struct fanout *fanout)
{
    struct buffer *packets = &janitor->gateway->packet;
    struct away away;

    if (topic->kind == INTERNAL_AWAY && slice_starts_with(topic->connection_id, KEEPER_PREFIX)) {
        renew_farewell(janitor, topic, fanout->publish.publish.payload);
    } else if (topic->kind == INTERNAL_AWAY && away_parse(fanout->publish.publish.payload, &away)) {
        renew_farewell(janitor, topic, away.events);
        streams_cancel_exported(away.streams, topic->hub, packets);
    }
    group_state_write_clear(packets, fanout->publish.publish.topic, gateway_now(janitor->gateway));
    own_channel_send(&janitor->own);
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    struct janitor *janitor = janitor_of(own);
    struct slice payload = fanout->publish.publish.payload;
    struct internal_topic topic;

    if (fanout->is_valid && internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        if (topic.kind == INTERNAL_GONE) {
            if (payload.length > 0) {
                begin_farewell(janitor, &topic, payload, sequence);
                sequence = 0; /* later */
            }
            look(janitor, topic.hub, topic.connection_id);
        } else if (topic.kind == INTERNAL_MARK) {
            end_farewell(janitor, &topic);
        } else if (fanout->publish.publish.retain && fanout->publish.publish.payload.length > 0) {
            clear(janitor, &topic, fanout);
        }
    }
    own_channel_acknowledge(own, sequence);
}

static void orphan_free(struct orphan *orphan)
{
    list_remove(&orphan->link);
    buffer_release(&orphan->hub);
    buffer_release(&orphan->connection_id);
    free(orphan);
}

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    struct janitor *janitor = janitor_of(own);
    struct buffer filters = {0};

    (void)connack;
    write_filter(&filters, SLICE_LITERAL(gone_filter),
                 &(struct subscription_options){.qos = QOS_1});
    write_subscribe(&janitor->gateway->packet, SUBSCRIBE_ID, buffer_slice(&filters));
    own_channel_send(own);
    buffer_release(&filters);
    LIST_FOREACH_SAFE (link, &janitor->orphans) {
        struct orphan *orphan = CONTAINER_OF(link, struct orphan, link);
        look(janitor, buffer_slice(&orphan->hub), buffer_slice(&orphan->connection_id));
        orphan_free(orphan);
    }
}

static void on_ended(struct own_channel *own)
{
    forget_farewells(janitor_of(own));
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .publish = on_publish,
    .ended = on_ended,
};

struct janitor *janitor_new(struct gateway *gateway)
{
    struct janitor *janitor = memory_allocate_zero(sizeof(*janitor));

    janitor->gateway = gateway;
    own_channel_init(&janitor->own, gateway, &events);
    list_init(&janitor->orphans);
    list_init(&janitor->farewells);
    return janitor;
}

void janitor_stop(struct janitor *janitor)
{
    own_channel_close(&janitor->own);
    forget_farewells(janitor);
}

void janitor_free(struct janitor *janitor)
{
    janitor_stop(janitor);
    LIST_FOREACH_SAFE (link, &janitor->orphans) {
        orphan_free(CONTAINER_OF(link, struct orphan, link));
    }
    free(janitor);
}

/* Under the same name after a restart, so that it is told what happened meanwhile: most of all that
 * the connections of a bridge that was killed have ended. */
void janitor_connect(struct janitor *janitor)
{
    own_channel_connect(&janitor->own, "janitor", NULL,
                        (struct connect_request){
                            .session_expiry_s = SESSION_EXPIRY_S,
                            .window_is_default = true,
                        });
}

void janitor_clear(struct gateway *gateway, struct slice hub, struct slice connection_id)
{
    struct janitor *janitor = gateway->janitor;
    struct orphan *orphan;

    if (janitor->own.is_connected && janitor->own.channel.is_open) {
        look(janitor, hub, connection_id);
        return;
    }
    orphan = memory_allocate_zero(sizeof(*orphan));
    buffer_append(&orphan->hub, hub);
    buffer_append(&orphan->connection_id, connection_id);
    list_add_last(&janitor->orphans, &orphan->link);
}
