/* What the broker delivers to a browser, and how the browser acknowledges it: see webpubsub.h.
 *
 * On reliable connections the sequence id of a frame is the number of its delivery in the session,
 * which the broker knows and a crash does not change. Numbers whose delivery the browser does not
 * get (its own message with noEcho, an expired one) are left out; clients only compare.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "client/group_state.h"
#include "client/internal_topic.h"
#include "client/rest_question.h"
#include "client/webpubsub.h"

enum { NUMBERS = UINT16_MAX }; /* of deliveries between two that are left out */

uint64_t sequence_id_of(uint32_t sequence)
{
    return sequence - (sequence >> 16);
}

/* Its inverse. */
static uint32_t sequence_of(uint64_t sequence_id)
{
    return (uint32_t)(sequence_id + (sequence_id - 1) / NUMBERS);
}

static bool is_before(uint32_t sequence, uint32_t other)
{
    return (int32_t)(sequence - other) < 0;
}

/* ---------------------------------------------------------------- acknowledgements */

static void count_unacknowledged(struct webpubsub *wps)
{
    uint32_t now = wps->has_sequence ? wps->sequence_sent - wps->sequence_acked : 0;

    wps->traffic->unacknowledged += now;
    wps->traffic->unacknowledged -= wps->unacknowledged;
    wps->unacknowledged = now;
}

void webpubsub_end_sequence(struct webpubsub *wps)
{
    wps->has_sequence = false;
    count_unacknowledged(wps);
}

static void acknowledge_one(struct webpubsub *wps, uint32_t sequence)
{
    write_ack(&wps->client.gateway->packet, PACKET_PUBACK, (uint16_t)sequence);
}

/* As far as it was sent, and no further. */
static void acknowledge_wanted(struct webpubsub *wps)
{
    uint32_t until = wps->sequence_wanted;

    if (is_before(wps->sequence_sent, until)) {
        until = wps->sequence_sent;
    }
    while (is_before(wps->sequence_acked, until)) {
        wps->sequence_acked++;
        if ((uint16_t)wps->sequence_acked != 0) {
            acknowledge_one(wps, wps->sequence_acked);
        }
    }
    webpubsub_flush_packet(wps);
}

void webpubsub_sequence_ack(struct webpubsub *wps, uint64_t sequence_id)
{
    uint32_t sequence = sequence_id > 0 ? sequence_of(sequence_id) : 0;

    if (!is_reliable(wps) || sequence == 0) {
        return;
    }
    if (!wps->has_wanted || is_before(wps->sequence_wanted, sequence)) {
        wps->has_wanted = true;
        wps->sequence_wanted = sequence;
    }
    if (wps->has_sequence) {
        acknowledge_wanted(wps);
        count_unacknowledged(wps);
    }
}

/* The browser does not get this one, or has had it. */
static void skip(struct webpubsub *wps, const struct fanout *fanout, uint32_t sequence)
{
    if (sequence != 0) {
        acknowledge_one(wps, sequence);
        webpubsub_flush_packet(wps);
    }
    client_drop(&wps->client, fanout);
}

/* The broker was away and sends it again; this socket has had it. If the acknowledgement was lost
 * with the broker, it is due again. */
static void deliver_again(struct webpubsub *wps, const struct fanout *fanout, uint32_t sequence)
{
    if (is_before(wps->sequence_acked, sequence)) {
        client_drop(&wps->client, fanout);
    } else {
        skip(wps, fanout, sequence);
    }
}

/* ---------------------------------------------------------------- deliveries */

void webpubsub_send(struct webpubsub *wps, struct outgoing *outgoing, uint64_t number)
{
    struct client *client = &wps->client;
    struct opening *opening = wps->opening;

    if (wps->phase != PHASE_CONNECTING && wps->phase != PHASE_JOINING) {
        client->gateway->sockets->send(client->websocket, outgoing, number);
        return;
    }
    opening->held =
        memory_resize(opening->held, (opening->held_count + 1) * sizeof(*opening->held));
    opening->held[opening->held_count++] = (struct held_frame){outgoing_hold(outgoing), number};
}

/* Is it to be sent? Notes that it was. */
static bool take_sequence(struct webpubsub *wps, uint32_t sequence)
{
    if (sequence == 0) {
        return true;
    }
    if (!wps->has_sequence) {
        wps->has_sequence = true;
        wps->sequence_acked = wps->sequence_sent = sequence - 1;
    }
    if (!is_before(wps->sequence_sent, sequence)) {
        return false;
    }
    wps->sequence_sent = sequence;
    return true;
}

static void deliver_message(struct webpubsub *wps, struct fanout *fanout, uint32_t sequence)
{
    if (fanout->is_command && fanout->message.from_server) {
        rest_take_command(&wps->client, fanout->publish.publish.payload);
        skip(wps, fanout, sequence);
    } else if (client_is_meant(&wps->client, fanout)) {
        webpubsub_send(wps, fanout_encode(fanout, wps->codec), sequence_id_of(sequence));
        if (fanout->reply != 0) {
            webpubsub_reply_came(wps, fanout->reply, sequence);
        }
    } else {
        skip(wps, fanout, sequence);
    }
}

static void deliver_internal(struct webpubsub *wps, struct fanout *fanout, uint32_t sequence)
{
    struct internal_topic topic;

    if (internal_topic_parse(fanout->publish.publish.topic, &topic)) {
        if (topic.kind == INTERNAL_STATE) {
            group_state_deliver(wps, fanout, sequence);
            return;
        }
        if (topic.kind == INTERNAL_AWAY) {
            away_found(wps, fanout);
        } else if (topic.kind == INTERNAL_MARK) {
            webpubsub_marked(wps, fanout, sequence);
        }
    }
    skip(wps, fanout, sequence);
}

static void deliver(struct webpubsub *wps, struct fanout *fanout, uint32_t sequence)
{
    if (wps->client.closing) {
        client_drop(&wps->client, fanout);
    } else if (!fanout->is_valid) {
        skip(wps, fanout, sequence);
    } else if (!take_sequence(wps, sequence)) {
        deliver_again(wps, fanout, sequence);
    } else if (sequence != 0 && wps->has_wanted && !is_before(wps->sequence_wanted, sequence)) {
        wps->sequence_acked = sequence;
        skip(wps, fanout, sequence);
    } else if (topic_is_internal(fanout->publish.publish.topic) && !fanout->message.from_server) {
        deliver_internal(wps, fanout, sequence);
    } else {
        deliver_message(wps, fanout, sequence);
    }
}

void webpubsub_deliver(struct channel *channel, struct fanout *fanout, uint32_t sequence)
{
    struct webpubsub *wps = webpubsub_of(client_of(channel));

    fanout_read(fanout);
    deliver(wps, fanout, sequence);
    if (sequence != 0) {
        count_unacknowledged(wps);
    }
}
