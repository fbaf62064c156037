/* Events become messages: matched, rendered, published; see door.h.
 *
 * All messages of a request are written into one buffer, which goes to the broker in pieces of
 * FLUSH bytes; an event costs no allocation.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/door_state.h"
#include "dispatch/queue_name.h"
#include "eventgrid/queued.h"
#include "eventgrid/render.h"

#define COPY_PREFIX "$events/"

enum {
    FLUSH = 65536,
    EXTRA_MESSAGES = 2,     /* of an event: its copy for MQTT clients, its archive */
    SCRATCH_KEPT = 1 << 16, /* bytes */
};

/* An event on its way. */
struct passage {
    struct door *door;
    struct door_load *load;
    struct catalog_source *source;
    const struct event *event;
    int64_t now_ms;
};

/* ---------------------------------------------------------------- messages */

static void set_extra(struct door *door, uint64_t number, bool is_extra)
{
    size_t at = (size_t)(number % DOOR_IDS);
    uint8_t bit = (uint8_t)(1U << at % 8);

    door->extra[at / 8] =
        (uint8_t)(is_extra ? door->extra[at / 8] | bit : door->extra[at / 8] & ~bit);
}

/* At QoS 1. `is_extra`: it does not count if nobody gets it, or it is refused. */
static void put_message(const struct passage *passage, struct publication *publication,
                        bool is_extra)
{
    struct door *door = passage->door;

    publication->qos = QOS_1;
    publication->packet_id = (uint16_t)(DOOR_FIRST_ID + door->published % DOOR_IDS);
    set_extra(door, door->published, is_extra);
    door->published++;
    passage->load->unacknowledged++;
    write_publish(&door->gateway->packet, publication);
    if (door->gateway->packet.length >= FLUSH) {
        own_channel_send(&door->own);
    }
}

static void put_queued(const struct passage *passage, struct slice queue, enum event_schema schema,
                       struct slice json)
{
    struct door *door = passage->door;
    const struct event *event = passage->event;

    door->properties.length = 0;
    queued_event_append_properties(
        &door->properties,
        &(struct queued_event){
            .schema = schema,
            .id = event->id,
            .data_version = schema == SCHEMA_CLOUD_EVENTS ? SLICE_EMPTY : event->data_version,
            .published_ms = passage->now_ms,
            .hops = passage->load->hops,
        });
    put_message(passage,
                &(struct publication){
                    .topic = queue,
                    .data = {DATA_JSON, json},
                    .is_plain = true,
                    .user_properties = buffer_slice(&door->properties),
                },
                false);
}

/* ---------------------------------------------------------------- who gets it */

/* Rendered when the first subscription of its kind wants it. */
static struct slice render(const struct passage *passage,
                           const struct event_subscription *subscription)
{
    const struct event *event = passage->event;
    bool with_data_schema = event_subscription_has_data_schema(subscription);
    struct rendering *rendering =
        &passage->door->renderings[subscription->delivery_schema][with_data_schema];

    if (event->is_verbatim && subscription->delivery_schema == event->schema) {
        return event->whole.text;
    }
    if (!rendering->is_made) {
        rendering->json.length = 0;
        event_render(&rendering->json, event, subscription->delivery_schema, with_data_schema);
        rendering->is_made = passage->door->has_rendered = passage->door->has_grown = true;
    }
    return buffer_slice(&rendering->json);
}

static void put_to_target(const struct passage *passage,
                          const struct catalog_subscription *subscription)
{
    const struct event_subscription *properties = subscription->properties;

    put_queued(passage, buffer_slice(&subscription->queue), properties->delivery_schema,
               render(passage, properties));
}

/* As it came, so that it can be published again. */
static void put_to_archive(const struct passage *passage)
{
    struct door *door = passage->door;
    const struct catalog_source *source =
        passage->source->domain ? passage->source->domain : passage->source;

    if (source->properties->retention_days > 0) {
        door->topic.length = 0;
        queue_name_append(&door->topic, buffer_slice(&source->key), SLICE_LITERAL(ARCHIVE_NAME));
        put_queued(passage, buffer_slice(&door->topic), passage->event->schema,
                   passage->event->whole.text);
    }
}

/* For MQTT clients: in the CloudEvents binding, on the topic that is called as the event's. */
static void put_copy(const struct passage *passage)
{
    struct door *door = passage->door;
    const struct source_name *name = &passage->source->name;
    struct publication publication = {.is_plain = true};

    door->topic.length = door->properties.length = door->payload.length = 0;
    buffer_append_string(&door->topic, COPY_PREFIX);
    buffer_append(&door->topic, name->name);
    if (passage->event->domain_topic.length > 0) {
        buffer_append_byte(&door->topic, '/');
        buffer_append(&door->topic, passage->event->domain_topic);
    }
    event_render_mqtt(passage->event, &door->properties, &door->payload, &publication.content_type);
    publication.topic = buffer_slice(&door->topic);
    publication.data.bytes = buffer_slice(&door->payload);
    publication.user_properties = buffer_slice(&door->properties);
    put_message(passage, &publication, true);
}

/* ---------------------------------------------------------------- events */

static void forget_renderings(struct door *door)
{
    for (size_t i = 0; door->has_rendered && i < EVENT_SCHEMAS; i++) {
        door->renderings[i][0].is_made = door->renderings[i][1].is_made = false;
    }
    door->has_rendered = false;
}

static bool is_over(const struct catalog_subscription *subscription, int64_t now_ms)
{
    return subscription->properties->expires_ms != 0 &&
           subscription->properties->expires_ms <= now_ms;
}

static bool send_event(struct passage *passage, bool shows_mqtt)
{
    struct catalog_source *source = passage->source;
    struct topic_statistics *statistics = catalog_statistics(source);
    const uint32_t *numbers;
    size_t count;

    catalog_prepare(source);
    numbers = filter_set_match(source->filters, passage->event, &count);
    if (count + EXTRA_MESSAGES > door_room(passage->door)) {
        return false;
    }
    forget_renderings(passage->door);
    for (size_t i = 0; i < count; i++) {
        if (!is_over(source->targets[numbers[i]], passage->now_ms)) {
            put_to_target(passage, source->targets[numbers[i]]);
        }
    }
    put_to_archive(passage);
    if (shows_mqtt) {
        put_copy(passage);
    }
    *(count > 0 ? &statistics->matched : &statistics->unmatched) += 1;
    return true;
}

static void shrink(struct door *door)
{
    for (size_t i = 0; door->has_grown && i < EVENT_SCHEMAS; i++) {
        buffer_empty(&door->renderings[i][0].json, SCRATCH_KEPT);
        buffer_empty(&door->renderings[i][1].json, SCRATCH_KEPT);
    }
    door->has_grown = false;
    buffer_empty(&door->payload, SCRATCH_KEPT);
}

bool door_send(struct door *door, struct catalog_source *source, const struct event *events,
               size_t count, struct door_load *load, bool shows_mqtt)
{
    struct passage passage = {.door = door, .load = load, .now_ms = gateway_now(door->gateway)};
    bool is_sent = true;

    while (is_sent && load->next_event < count) {
        passage.event = &events[load->next_event];
        passage.source = catalog_source_of(source, passage.event);
        is_sent = send_event(&passage, shows_mqtt);
        load->next_event += is_sent;
    }
    own_channel_send(&door->own);
    shrink(door);
    return is_sent;
}

void door_send_release(struct door *door)
{
    for (size_t i = 0; i < EVENT_SCHEMAS; i++) {
        buffer_release(&door->renderings[i][0].json);
        buffer_release(&door->renderings[i][1].json);
    }
    buffer_release(&door->payload);
}
