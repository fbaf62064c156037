/* A reliable client that is away: the broker keeps its session, its groups and its messages; what
 * the bridge knows beyond that (ackIds, events, open streams) it leaves there too, as a retained
 * message that expires after the session. So the bridge has no memory of who is away, and another
 * process can resume.
 *
 * If there is no such message, since the bridge died, ackIds are known to the broker only
 * (ack_memory.h) and streams are not found any more.
 *
 * Bytes: version 2; the length of what follows of ackIds (4 bytes) and they; the same of events;
 * the streams.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/away.h"

#include "client/internal_topic.h"
#include "client/webpubsub.h"
#include "mqtt/reader.h"

enum {
    AWAY_VERSION = 2,
    AWAY_MARGIN_S = 60, /* longer than the session, so that the janitor finds the streams */
};

static void keep(struct webpubsub *wps, struct slice bytes)
{
    write_publish(&wps->client.gateway->packet,
                  &(struct publication){
                      .topic = webpubsub_own_topic(wps, INTERNAL_AWAY),
                      .data = {DATA_BINARY, bytes},
                      .is_plain = true,
                      .retain = true,
                      .expiry_s = wps->client.upgrade->settings->recovery_s + AWAY_MARGIN_S,
                  });
    webpubsub_flush_packet(wps);
}

/* What was found is out of date with the next request, so that waits until it is gone for good:
 * whoever found it once more, after both have been killed, would know of fewer ackIds than the
 * broker holds identifiers for. */
static void clear(struct webpubsub *wps)
{
    uint16_t packet_id = webpubsub_packet_id(wps);

    write_publish(&wps->client.gateway->packet,
                  &(struct publication){
                      .topic = webpubsub_own_topic(wps, INTERNAL_AWAY),
                      .is_plain = true,
                      .retain = true,
                      .qos = QOS_1,
                      .packet_id = packet_id,
                  });
    webpubsub_await(wps, PENDING_AWAY_CLEARED, packet_id);
}

static void export_acks(const struct webpubsub *wps, struct buffer *out)
{
    if (wps->acks) {
        ack_memory_export(wps->acks, out);
    }
    LIST_FOREACH (link, &wps->pending) {
        const struct pending *pending = CONTAINER_OF(link, struct pending, link);
        if (pending->kind == PENDING_CLAIM) {
            ack_memory_export_claim(out, pending->ack_id);
        }
    }
}

static void append_part(struct buffer *out, struct buffer *part)
{
    buffer_append_u32(out, (uint32_t)part->length);
    buffer_append(out, buffer_slice(part));
    buffer_release(part);
}

void away_keep(struct webpubsub *wps)
{
    struct buffer bytes = {0}, acks = {0}, events = {0};

    if (!wps->acks && !wps->client.events && list_is_empty(&wps->streams)) {
        return;
    }
    export_acks(wps, &acks);
    if (wps->client.events) {
        event_queue_export(wps->client.events, &events);
    }
    buffer_append_byte(&bytes, AWAY_VERSION);
    append_part(&bytes, &acks);
    append_part(&bytes, &events);
    streams_export(wps, &bytes);
    keep(wps, buffer_slice(&bytes));
    buffer_release(&bytes);
}

/* At QoS 0, so that it does not wait behind the messages of the time away. */
void away_search(struct webpubsub *wps)
{
    webpubsub_collect(wps, PENDING_AWAY, webpubsub_own_topic(wps, INTERNAL_AWAY), QOS_0);
}

bool away_parse(struct slice bytes, struct away *out)
{
    struct reader reader = reader_make(bytes);

    if (reader_u8(&reader) != AWAY_VERSION) {
        return false;
    }
    out->acks = reader_take(&reader, reader_u32(&reader));
    out->events = reader_take(&reader, reader_u32(&reader));
    out->streams = reader_rest(&reader);
    return !reader.failed;
}

void away_found(struct webpubsub *wps, const struct fanout *fanout)
{
    struct away away;

    if (wps->acks || !away_parse(fanout->publish.publish.payload, &away)) {
        return;
    }
    wps->acks = ack_memory_new(false);
    if (!ack_memory_import(wps->acks, away.acks)) {
        ack_memory_free(wps->acks);
        wps->acks = NULL; /* as if nothing had been found */
        return;
    }
    event_queue_import(wps->client.events, away.events);
    streams_import(wps, away.streams);
}

void away_answered(struct webpubsub *wps)
{
    if (wps->acks) {
        clear(wps);
    } else {
        wps->acks = ack_memory_new(true);
        webpubsub_open(wps);
    }
}
