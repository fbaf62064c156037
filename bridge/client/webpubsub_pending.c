/* Requests that wait for the broker's answer: see webpubsub.h.
 *
 * The broker answers in the order of the requests, nearly always, so the one that is looked for is
 * found at the head. For reliable clients the packets are kept, and sent again when the broker was
 * away; that changes nothing that was done before: a SUBSCRIBE is the same twice, and messages go
 * at QoS 2.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "client/internal_topic.h"
#include "client/webpubsub.h"

static struct pending *find(const struct webpubsub *wps, uint16_t packet_id)
{
    LIST_FOREACH (link, &wps->pending) {
        struct pending *pending = CONTAINER_OF(link, struct pending, link);
        if (pending->packet_id == packet_id) {
            return pending;
        }
    }
    return NULL;
}

uint16_t webpubsub_packet_id(struct webpubsub *wps)
{
    uint16_t packet_id;

    do {
        packet_id = wps->next_packet_id;
        wps->next_packet_id = packet_id == UINT16_MAX ? ACK_PACKET_IDS + 1 : packet_id + 1;
    } while (find(wps, packet_id)); /* there are fewer than identifiers */
    return packet_id;
}

struct pending *webpubsub_await(struct webpubsub *wps, enum pending_kind kind, uint16_t packet_id)
{
    struct pending *pending = memory_allocate_zero(sizeof(*pending));

    pending->kind = (uint8_t)kind;
    pending->packet_id = packet_id;
    pending->awaits_answer = true;
    if (is_reliable(wps)) {
        buffer_append(&pending->packet, buffer_slice(&wps->client.gateway->packet));
    }
    list_add_last(&wps->pending, &pending->link);
    wps->pending_count++;
    webpubsub_flush_packet(wps);
    return pending;
}

void webpubsub_owe_ack(struct pending *pending, const struct request *request)
{
    pending->has_ack_id = request->has_ack_id;
    pending->ack_id = request->ack_id;
}

static void pending_free(struct webpubsub *wps, struct pending *pending)
{
    if (pending->task) { /* its answer will not come */
        pending->task->done(pending->task, false);
    }
    list_remove(&pending->link);
    wps->pending_count--;
    buffer_release(&pending->packet);
    buffer_release(&pending->name);
    free(pending);
}

void webpubsub_drop_pending(struct webpubsub *wps)
{
    LIST_FOREACH_SAFE (link, &wps->pending) {
        pending_free(wps, CONTAINER_OF(link, struct pending, link));
    }
}

/* ---------------------------------------------------------------- acks to the browser */

static struct ack_memory *acks_of(struct webpubsub *wps)
{
    if (!wps->acks) {
        wps->acks = ack_memory_new(false);
    }
    return wps->acks;
}

void webpubsub_ack(struct webpubsub *wps, uint64_t ack_id, const char *error, const char *message)
{
    struct ack_response ack = {.ack_id = ack_id, .success = error == NULL};

    if (error) {
        ack.error = (struct error_info){slice_from_string(error), slice_from_string(message)};
    }
    wps->codec->put_ack(&wps->client.gateway->frame, &ack);
    webpubsub_flush_frame(wps);
}

/* What the broker's refusal is called here (2.2). */
static const char *error_name(uint8_t reason)
{
    return reason == REASON_NOT_AUTHORIZED ? "Forbidden" : "InternalServerError";
}

void webpubsub_note_ack(struct webpubsub *wps, uint64_t ack_id)
{
    ack_memory_note(acks_of(wps), ack_id, &wps->client.gateway->packet);
    webpubsub_flush_packet(wps);
}

void webpubsub_acknowledge(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    bool success = !reason_is_error(reason);
    struct buffer *packets = &wps->client.gateway->packet;

    if (!pending->has_ack_id) {
        return;
    }
    if (pending->kind == PENDING_CLAIM) {
        ack_memory_unclaim(wps->acks, pending->ack_id, success, packets);
    } else if (success) {
        ack_memory_note(acks_of(wps), pending->ack_id, packets);
    }
    webpubsub_flush_packet(wps);
    webpubsub_ack(wps, pending->ack_id, success ? NULL : error_name(reason), reason_text(reason));
}

/* ---------------------------------------------------------------- answers */

static void beginning_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    (void)pending;
    if (reason_is_error(reason)) {
        webpubsub_fail(wps, 1011, CLOSED_TRANSIENT_ERROR,
                       "the broker cannot take the connection now");
    } else {
        webpubsub_has_begun(wps);
        webpubsub_open(wps);
    }
}

static void away_search_answered(struct webpubsub *wps, const struct pending *pending,
                                 uint8_t reason)
{
    (void)pending, (void)reason;
    away_answered(wps);
}

static void away_clear_answered(struct webpubsub *wps, const struct pending *pending,
                                uint8_t reason)
{
    (void)pending, (void)reason;
    webpubsub_open(wps);
}

typedef void answered_function(struct webpubsub *wps, const struct pending *pending,
                               uint8_t reason);

static answered_function *const answered[PENDING_KINDS] = {
    [PENDING_BEGINNING] = beginning_answered,
    [PENDING_REQUEST] = webpubsub_acknowledge,
    [PENDING_JOIN] = webpubsub_joined,
    [PENDING_LEAVE] = webpubsub_left,
    [PENDING_PERMISSION] = webpubsub_acknowledge, /* nobody is owed an ack */
    [PENDING_CLAIM] = webpubsub_acknowledge,
    [PENDING_STREAM_DATA] = streams_answered,
    [PENDING_STREAM_END] = streams_answered,
    [PENDING_STREAM_CUT] = streams_answered,
    [PENDING_REPLY] = webpubsub_reply_answered,
    [PENDING_WATCH] = group_state_answered,
    [PENDING_AWAY] = away_search_answered,
    [PENDING_AWAY_CLEARED] = away_clear_answered,
};

static void finish(struct webpubsub *wps, struct pending *pending, uint8_t reason)
{
    struct client_task *task = pending->task;

    answered[pending->kind](wps, pending, reason);
    pending->task = NULL;
    pending_free(wps, pending);
    if (task) {
        task->done(task, !reason_is_error(reason));
    }
    webpubsub_update_pause(wps);
}

static bool is_done(const struct pending *pending)
{
    return !pending->awaits_answer && !pending->awaits_mark;
}

/* QoS 2 of a message without a claim: PUBREC is the answer, but PUBREL and PUBCOMP follow. */
static void release_message(struct webpubsub *wps, struct pending *pending)
{
    struct buffer *packet = &wps->client.gateway->packet;

    pending->is_released = true;
    write_ack(packet, PACKET_PUBREL, pending->packet_id);
    pending->packet.length = 0;
    buffer_append(&pending->packet, buffer_slice(packet));
    webpubsub_flush_packet(wps);
}

static uint8_t reason_of(const struct packet *packet)
{
    uint8_t worst = 0;

    if (packet->type != PACKET_SUBACK && packet->type != PACKET_UNSUBACK) {
        return packet->ack.reason;
    }
    for (size_t i = 0; i < packet->suback.codes.length; i++) {
        worst = packet->suback.codes.data[i] > worst ? packet->suback.codes.data[i] : worst;
    }
    return worst;
}

static uint16_t packet_id_of(const struct packet *packet)
{
    return packet->type == PACKET_SUBACK || packet->type == PACKET_UNSUBACK
               ? packet->suback.packet_id
               : packet->ack.packet_id;
}

void webpubsub_answered(struct webpubsub *wps, const struct packet *packet)
{
    struct pending *pending = find(wps, packet_id_of(packet));
    uint8_t reason = reason_of(packet);

    if (packet->type == PACKET_PUBCOMP) {
        ack_memory_released(wps->acks, packet_id_of(packet));
    }
    if (!pending) {
        return; /* a message without an ackId, or a PUBREL that ended a memory */
    }
    if (packet->type == PACKET_PUBCOMP) {
        if (pending->is_released) {
            pending_free(wps, pending);
            webpubsub_update_pause(wps);
        }
        return;
    }
    if (packet->type == PACKET_PUBREC && pending->kind != PENDING_CLAIM &&
        !reason_is_error(reason)) {
        if (!pending->is_released) {
            answered[pending->kind](wps, pending, reason);
        }
        release_message(wps, pending);
        return;
    }
    pending->awaits_answer = false;
    if (pending->kind == PENDING_REPLY && reason == REASON_NO_MATCHING_SUBSCRIBERS) {
        reason = REASON_UNSPECIFIED_ERROR; /* it will not come */
    }
    if (is_done(pending) || reason_is_error(reason)) {
        finish(wps, pending, reason);
    }
}

/* ---------------------------------------------------------------- collections */

static struct slice mark_topic(struct webpubsub *wps, struct buffer *topic)
{
    internal_topic_append(topic, INTERNAL_MARK, slice_from_string(wps->client.upgrade->hub),
                          connection_id(wps), SLICE_EMPTY);
    return buffer_slice(topic);
}

/* The mark is a message to ourselves behind the SUBSCRIBE: it goes the same way as the retained
 * messages, through the store and the session's queue, and so is behind the last of them. */
struct pending *webpubsub_collect(struct webpubsub *wps, enum pending_kind kind,
                                  struct slice filter, enum qos qos)
{
    struct buffer *packet = &wps->client.gateway->packet;
    struct subscription_options options = {.qos = qos};
    struct buffer filters = {0}, topic = {0};
    struct slice mark = mark_topic(wps, &topic);
    uint16_t packet_id = webpubsub_packet_id(wps);
    struct pending *pending;
    char number[8];
    int length = snprintf(number, sizeof(number), "%u", packet_id);

    write_filter(&filters, filter, &options);
    write_filter(&filters, mark, &options);
    write_subscribe(packet, packet_id, buffer_slice(&filters));
    write_publish(packet, &(struct publication){
                              .topic = mark,
                              .data = {DATA_BINARY, slice_make(number, (size_t)length)},
                              .is_plain = true,
                              .qos = qos,
                              .packet_id = webpubsub_packet_id(wps),
                          });
    write_unsubscribe(packet, webpubsub_packet_id(wps), mark);
    pending = webpubsub_await(wps, kind, packet_id);
    pending->awaits_mark = true;
    buffer_release(&filters);
    buffer_release(&topic);
    return pending;
}

static void mark(struct webpubsub *wps, uint16_t packet_id, uint32_t sequence)
{
    struct pending *pending = find(wps, packet_id);

    if (pending && pending->awaits_mark) {
        pending->awaits_mark = false;
        pending->mark = sequence;
        if (is_done(pending)) {
            finish(wps, pending, REASON_SUCCESS);
        }
    }
}

void webpubsub_marked(struct webpubsub *wps, const struct fanout *fanout, uint32_t sequence)
{
    struct slice digits = fanout->publish.publish.payload;
    unsigned packet_id = 0;

    for (size_t i = 0; i < digits.length; i++) {
        packet_id = packet_id * 10 + (unsigned)(digits.data[i] - '0');
    }
    mark(wps, (uint16_t)packet_id, sequence);
}

void webpubsub_reply_came(struct webpubsub *wps, uint16_t packet_id, uint32_t sequence)
{
    mark(wps, packet_id, sequence);
}

/* ---------------------------------------------------------------- again */

void webpubsub_repeat(struct webpubsub *wps)
{
    struct buffer *packet = &wps->client.gateway->packet;

    LIST_FOREACH (link, &wps->pending) {
        const struct pending *pending = CONTAINER_OF(link, struct pending, link);
        size_t start = packet->length;
        buffer_append(packet, buffer_slice(&pending->packet));
        if (packet->length > start && packet->data[start] >> 4 == PACKET_PUBLISH) {
            packet->data[start] |= 8; /* DUP (MQTT-3.3.1-1) */
        }
    }
    ack_memory_repeat(wps->acks, packet);
    webpubsub_flush_packet(wps);
}
