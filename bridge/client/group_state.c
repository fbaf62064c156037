/* Group state: see group_state.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/group_state.h"

#include <stdlib.h>

#include "access/hub.h"
#include "base/memory.h"
#include "client/internal_topic.h"
#include "client/webpubsub.h"
#include "json/json.h"

/* One connection's state, decoded. */
struct item {
    struct group_state_item item;
    struct pair pairs[GROUP_STATE_PAIRS_MAX];
    struct buffer texts; /* unescaped keys and values; reserved first, so that it does not move */
};

/* A copy of a retained message, for a snapshot. */
struct kept_item {
    struct list link;
    struct buffer connection_id, user_id, state;
    uint64_t at;
};

/* A subscription whose snapshot is being collected. */
struct state_watch {
    struct list link;
    struct buffer group; /* escaped, as in topics */
    struct buffer name;  /* as the browser calls it */
    struct list items;   /* struct kept_item */
};

/* ---------------------------------------------------------------- a state as JSON, and back */

static void append_state(struct buffer *out, const struct pairs *state)
{
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < state->count; i++) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        json_append_string(out, state->items[i].key);
        buffer_append_byte(out, ':');
        json_append_string(out, state->items[i].value);
    }
    buffer_append_byte(out, '}');
}

static struct slice append_text(struct buffer *texts, const struct json_value *string)
{
    size_t start = texts->length;

    json_append_string_value(texts, string);
    return slice_make(texts->data + start, texts->length - start);
}

static void read_state(struct item *out, struct slice json)
{
    struct json_value object, value;
    struct json_walk walk;
    struct slice key;
    struct pairs *state = &out->item.state;

    state->items = out->pairs;
    if (!json_parse(json, &object) || object.type != JSON_OBJECT) {
        return;
    }
    out->item.has_state = true;
    buffer_reserve(&out->texts, 3 * json.length + 1);
    walk = json_members(&object);
    while (state->count < GROUP_STATE_PAIRS_MAX && json_next_member(&walk, &key, &value)) {
        struct json_value name = {JSON_STRING, slice_make(key.data - 1, key.length + 2)};
        if (value.type == JSON_STRING) {
            out->pairs[state->count].key = append_text(&out->texts, &name);
            out->pairs[state->count++].value = append_text(&out->texts, &value);
        }
    }
}

void group_state_put_update(struct buffer *body, const struct codec *codec,
                            const struct fanout *fanout)
{
    struct item item = {0};
    struct buffer group = {0};
    struct internal_topic topic;

    if (internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        item.item.connection_id = topic.connection_id;
        item.item.user_id = fanout->message.from_user_id;
        item.item.updated_at = (int64_t)fanout->at;
        read_state(&item, fanout->publish.publish.payload);
        topic_append_unescaped(&group, topic.name);
        codec->put_group_state(body, &(struct group_state_response){
                                         .group = buffer_slice(&group),
                                         .items = &item.item,
                                         .count = 1,
                                     });
    }
    buffer_release(&item.texts);
    buffer_release(&group);
}

/* ---------------------------------------------------------------- setting */

static bool is_small(const struct pairs *state)
{
    size_t bytes = 0;

    for (size_t i = 0; i < state->count; i++) {
        bytes += state->items[i].key.length + state->items[i].value.length;
    }
    return state->count <= GROUP_STATE_PAIRS_MAX && bytes <= GROUP_STATE_BYTES_MAX;
}

static struct slice state_topic(struct webpubsub *wps, struct slice connection, struct slice group)
{
    struct gateway *gateway = wps->client.gateway;

    gateway->topic.length = 0;
    internal_topic_append(&gateway->topic, INTERNAL_STATE,
                          slice_from_string(wps->client.upgrade->hub), connection, group);
    return buffer_slice(&gateway->topic);
}

void group_state_set(struct webpubsub *wps, const struct request *request)
{
    struct gateway *gateway = wps->client.gateway;
    struct buffer state = {0};
    uint16_t packet_id;

    if (!is_small(&request->state)) {
        if (request->has_ack_id) {
            webpubsub_ack(wps, request->ack_id, "BadRequest",
                          "a group state has at most 64 entries and 8 KiB");
        }
        return;
    }
    packet_id = webpubsub_packet_id(wps);
    webpubsub_begin_properties(wps, false);
    write_user_number(&gateway->properties, PROPERTY_AT, (uint64_t)gateway_now(gateway));
    if (request->has_state) {
        append_state(&state, &request->state);
    }
    write_publish(&gateway->packet,
                  &(struct publication){
                      .topic = state_topic(wps, connection_id(wps), request->group),
                      .data = {DATA_JSON, buffer_slice(&state)},
                      .is_plain = true,
                      .retain = true,
                      .qos = QOS_1,
                      .packet_id = packet_id,
                      .user_properties = buffer_slice(&gateway->properties),
                  });
    buffer_release(&state);
    wps->has_state |= request->has_state;
    webpubsub_owe_ack(webpubsub_await(wps, PENDING_REQUEST, packet_id), request);
}

/* Whether a recovered connection has set one is not known. */
void group_state_leave(struct webpubsub *wps, struct slice group)
{
    if (wps->has_state || wps->client.upgrade->is_recovery) {
        group_state_set(wps, &(struct request){.group = group});
    }
}

void group_state_write_clear(struct buffer *packet, struct slice topic, int64_t at)
{
    struct buffer properties = {0};

    write_user_number(&properties, PROPERTY_AT, (uint64_t)at);
    write_publish(packet, &(struct publication){
                              .topic = topic,
                              .is_plain = true,
                              .retain = true,
                              .qos = QOS_1,
                              .packet_id = 1, /* nobody waits for the PUBACK */
                              .user_properties = buffer_slice(&properties),
                          });
    buffer_release(&properties);
}

/* ---------------------------------------------------------------- watching */

static void kept_free(struct kept_item *kept)
{
    list_remove(&kept->link);
    buffer_release(&kept->connection_id);
    buffer_release(&kept->user_id);
    buffer_release(&kept->state);
    free(kept);
}

static void watch_free(struct webpubsub *wps, struct state_watch *watch)
{
    LIST_FOREACH_SAFE (link, &watch->items) {
        kept_free(CONTAINER_OF(link, struct kept_item, link));
    }
    wps->watch_count--;
    list_remove(&watch->link);
    buffer_release(&watch->group);
    buffer_release(&watch->name);
    free(watch);
}

void group_state_free(struct webpubsub *wps)
{
    LIST_FOREACH_SAFE (link, &wps->watches) {
        watch_free(wps, CONTAINER_OF(link, struct state_watch, link));
    }
}

static struct state_watch *watch_new(struct webpubsub *wps, struct slice group)
{
    struct state_watch *watch = memory_allocate_zero(sizeof(*watch));

    topic_append_escaped(&watch->group, group);
    buffer_append(&watch->name, group);
    list_init(&watch->items);
    list_add_last(&wps->watches, &watch->link);
    wps->watch_count++;
    return watch;
}

void group_state_subscribe(struct webpubsub *wps, const struct request *request)
{
    struct pending *pending =
        webpubsub_collect(wps, PENDING_WATCH, state_topic(wps, SLICE_LITERAL("+"), request->group),
                          is_reliable(wps) ? QOS_1 : QOS_0);

    webpubsub_owe_ack(pending, request);
    pending->watch = watch_new(wps, request->group);
    webpubsub_update_pause(wps); /* each may become large */
}

void group_state_unsubscribe(struct webpubsub *wps, const struct request *request)
{
    uint16_t packet_id = webpubsub_packet_id(wps);

    write_unsubscribe(&wps->client.gateway->packet, packet_id,
                      state_topic(wps, SLICE_LITERAL("+"), request->group));
    webpubsub_owe_ack(webpubsub_await(wps, PENDING_REQUEST, packet_id), request);
}

/* Its number is that of the mark, which is behind all that the browser has been sent: a lower one
 * it would take for a repetition. */
static void send_snapshot(struct webpubsub *wps, const struct state_watch *watch, uint32_t mark)
{
    struct buffer body = {0};
    struct outgoing *outgoing;
    struct item *items;
    struct group_state_item *plain;
    size_t count = 0;

    LIST_FOREACH (link, &watch->items) {
        count++;
    }
    items = memory_allocate_zero((count + 1) * sizeof(*items));
    plain = memory_allocate_zero((count + 1) * sizeof(*plain));
    count = 0;
    LIST_FOREACH (link, &watch->items) {
        const struct kept_item *kept = CONTAINER_OF(link, struct kept_item, link);
        struct item *item = &items[count];
        item->item.connection_id = buffer_slice(&kept->connection_id);
        item->item.user_id = buffer_slice(&kept->user_id);
        item->item.updated_at = (int64_t)kept->at;
        read_state(item, buffer_slice(&kept->state));
        plain[count++] = item->item;
    }
    wps->codec->put_group_state(&body, &(struct group_state_response){
                                           .is_snapshot = true,
                                           .group = buffer_slice(&watch->name),
                                           .items = plain,
                                           .count = count,
                                       });
    outgoing = outgoing_new(buffer_slice(&body), !wps->codec->is_binary);
    outgoing->codec = wps->codec;
    webpubsub_send(wps, outgoing, sequence_id_of(mark));
    outgoing_release(outgoing);
    for (size_t i = 0; i < count; i++) {
        buffer_release(&items[i].texts);
    }
    free(items);
    free(plain);
    buffer_release(&body);
}

void group_state_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    struct state_watch *watch = pending->watch;

    webpubsub_acknowledge(wps, pending, reason);
    if (!reason_is_error(reason)) {
        send_snapshot(wps, watch, pending->mark);
    }
    watch_free(wps, watch);
}

static struct state_watch *find_watch(const struct webpubsub *wps, struct slice group)
{
    LIST_FOREACH (link, &wps->watches) {
        struct state_watch *watch = CONTAINER_OF(link, struct state_watch, link);
        if (slice_equal(buffer_slice(&watch->group), group)) {
            return watch;
        }
    }
    return NULL;
}

/* What comes while the snapshot is collected is part of it, also what changes meanwhile. */
static void keep(struct state_watch *watch, const struct internal_topic *topic,
                 const struct fanout *fanout)
{
    struct kept_item *kept;

    LIST_FOREACH_SAFE (link, &watch->items) {
        kept = CONTAINER_OF(link, struct kept_item, link);
        if (slice_equal(buffer_slice(&kept->connection_id), topic->connection_id)) {
            kept_free(kept);
        }
    }
    if (fanout->publish.publish.payload.length == 0) {
        return;
    }
    kept = memory_allocate_zero(sizeof(*kept));
    buffer_append(&kept->connection_id, topic->connection_id);
    buffer_append(&kept->user_id, fanout->message.from_user_id);
    buffer_append(&kept->state, fanout->publish.publish.payload);
    kept->at = fanout->at;
    list_add_last(&watch->items, &kept->link);
}

void group_state_deliver(struct webpubsub *wps, struct fanout *fanout, uint32_t sequence)
{
    struct internal_topic topic;
    struct state_watch *watch = NULL;

    if (internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        watch = find_watch(wps, topic.name);
    }
    if (watch) {
        keep(watch, &topic, fanout);
        client_drop(&wps->client, fanout);
    } else {
        webpubsub_send(wps, fanout_encode_group_state(fanout, wps->codec),
                       sequence_id_of(sequence));
    }
}
