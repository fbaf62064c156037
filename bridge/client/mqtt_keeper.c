/* See mqtt_keeper.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/mqtt_keeper.h"

#include <stdlib.h>

#include "base/memory.h"
#include "client/internal_topic.h"
#include "client/mqtt_client.h"
#include "client/own_channel.h"

enum {
    LOOK_ID = 1,        /* packet identifier of the one SUBSCRIBE */
    AWAY_MARGIN_S = 60, /* the memory outlives the session, so that the janitor finds it */
};

struct mqtt_keeper {
    struct own_channel own;
    struct mqtt_client *mqtt;
    struct buffer connect; /* the client's */
    uint32_t session_expiry_s;
    bool is_ready;
    bool has_memory; /* there is one, which is to go with the session */
};

static struct mqtt_keeper *keeper_of(struct own_channel *own)
{
    return CONTAINER_OF(own, struct mqtt_keeper, own);
}

/* ---------------------------------------------------------------- packets */

/* In gateway->topic. */
static struct slice topic_of(struct mqtt_keeper *keeper, enum internal_kind kind)
{
    struct buffer *topic = &keeper->own.gateway->topic, name = {0};

    buffer_append(&name, KEEPER_PREFIX);
    buffer_append(&name, buffer_slice(&keeper->mqtt->hub.identifier));
    topic->length = 0;
    internal_topic_append(topic, kind, slice_from_string(keeper->mqtt->client.upgrade->hub),
                          buffer_slice(&name), SLICE_EMPTY);
    buffer_release(&name);
    return buffer_slice(topic);
}

static void send_connect(struct mqtt_keeper *keeper, bool clean_start)
{
    struct client *client = &keeper->mqtt->client;
    struct buffer identifier = {0}, farewell = {0};

    buffer_append_format(&identifier, "$wps/%s/keeper/", client->upgrade->hub);
    buffer_append(&identifier, buffer_slice(&keeper->mqtt->hub.identifier));
    event_queue_export(client->events, &farewell);
    own_channel_open(&keeper->own, client->peer,
                     &(struct connect_request){
                         .client_identifier = buffer_slice(&identifier),
                         .clean_start = clean_start,
                         .session_expiry_s = keeper->session_expiry_s,
                         .will_topic = topic_of(keeper, INTERNAL_GONE),
                         .will_payload = buffer_slice(&farewell),
                     });
    buffer_release(&identifier);
    buffer_release(&farewell);
}

/* Looks for the memory, and sends itself a mark behind it. */
static void look(struct mqtt_keeper *keeper)
{
    struct subscription_options options = {.qos = QOS_0};
    struct buffer *packets = &keeper->own.gateway->packet, filters = {0};
    struct slice mark;

    write_filter(&filters, topic_of(keeper, INTERNAL_AWAY), &options);
    mark = topic_of(keeper, INTERNAL_MARK);
    write_filter(&filters, mark, &options);
    write_subscribe(packets, LOOK_ID, buffer_slice(&filters));
    write_publish(packets, &(struct publication){.topic = mark, .is_plain = true});
    write_unsubscribe(packets, LOOK_ID, mark);
    write_unsubscribe(packets, LOOK_ID, topic_of(keeper, INTERNAL_AWAY));
    own_channel_send(&keeper->own);
    buffer_release(&filters);
}

/* Empty `bytes`: it is not kept any more. `expiry` 0: for ever. */
static void keep(struct mqtt_keeper *keeper, struct slice bytes, uint32_t expiry)
{
    write_publish(&keeper->own.gateway->packet, &(struct publication){
                                                    .topic = topic_of(keeper, INTERNAL_AWAY),
                                                    .data = {DATA_BINARY, bytes},
                                                    .is_plain = true,
                                                    .retain = true,
                                                    .expiry_s = expiry,
                                                });
    own_channel_send(&keeper->own);
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

static void on_connected(struct own_channel *own, const struct packet *connack)
{
    if (connack->connack.session_present) {
        look(keeper_of(own));
    } else {
        become_ready(keeper_of(own));
    }
}

static void on_publish(struct own_channel *own, struct fanout *fanout, uint32_t sequence)
{
    struct mqtt_keeper *keeper = keeper_of(own);
    struct slice payload = fanout->publish.publish.payload;
    struct internal_topic topic;

    (void)sequence; /* all at QoS 0 */
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

/* Taken over by the same client's next connection, refused, or the broker stops. */
static void on_ended(struct own_channel *own)
{
    become_ready(keeper_of(own));
}

static const struct own_channel_events events = {
    .connected = on_connected,
    .publish = on_publish,
    .ended = on_ended,
};

/* ---------------------------------------------------------------- beginning and end */

struct mqtt_keeper *mqtt_keeper_begin(struct mqtt_client *mqtt, struct slice connect,
                                      bool clean_start, uint32_t session_expiry_s)
{
    struct mqtt_keeper *keeper = memory_allocate_zero(sizeof(*keeper));

    own_channel_init(&keeper->own, mqtt->client.gateway, &events);
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

    if (!keeper) {
        return;
    }
    expiry = keeper->session_expiry_s;
    if (is_over) {
        if (keeper->has_memory) {
            keep(keeper, SLICE_EMPTY, 0);
        }
        write_disconnect_for_good(&keeper->own.gateway->packet, false);
        own_channel_send(&keeper->own);
    } else if (keeper->own.channel.is_open) {
        event_queue_export(keeper->mqtt->client.events, &bytes);
        keep(keeper, buffer_slice(&bytes),
             expiry < UINT32_MAX - AWAY_MARGIN_S ? expiry + AWAY_MARGIN_S : 0);
    }
    own_channel_close(&keeper->own);
    buffer_release(&bytes);
    buffer_release(&keeper->connect);
    free(keeper);
}
