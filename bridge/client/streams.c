/* Streams that a browser publishes (spec/webpubsub.md 2.5).
 *
 * A fragment is a message to the group like any other, with the stream's id and its place in it as
 * user properties. The stream itself is known only here, where it is published; receivers need no
 * memory of it. A fragment is acknowledged when the broker has taken it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/memory.h"
#include "client/webpubsub.h"
#include "mqtt/reader.h"

enum { STREAMS_MAX = 100, STREAM_ID_MAX = 256 };

struct stream {
    struct list link; /* in webpubsub->streams */
    struct webpubsub *wps;
    struct timer timer; /* idle time-out */
    uint64_t expected;  /* the next sequence id */
    uint32_t idle_ms;
    bool no_echo;
    struct buffer id, group;
};

static void idle_fire(struct timer *timer, void *context);

/* ---------------------------------------------------------------- the table of streams */

static struct stream *find(const struct webpubsub *wps, struct slice id)
{
    LIST_FOREACH (link, &wps->streams) {
        struct stream *stream = CONTAINER_OF(link, struct stream, link);
        if (slice_equal(buffer_slice(&stream->id), id)) {
            return stream;
        }
    }
    return NULL;
}

static size_t count(const struct webpubsub *wps)
{
    size_t streams = 0;

    LIST_FOREACH (link, &wps->streams) {
        streams++;
    }
    return streams;
}

static void touch(struct stream *stream)
{
    struct gateway *gateway = stream->wps->client.gateway;

    timers_set(&gateway->timers, &stream->timer, gateway_now(gateway) + stream->idle_ms);
}

static struct stream *add(struct webpubsub *wps, struct slice id, struct slice group,
                          uint32_t idle_ms, bool no_echo)
{
    struct stream *stream = memory_allocate_zero(sizeof(*stream));

    stream->wps = wps;
    stream->expected = 1;
    stream->idle_ms = idle_ms;
    stream->no_echo = no_echo;
    buffer_append(&stream->id, id);
    buffer_append(&stream->group, group);
    timer_init(&stream->timer, idle_fire);
    list_add_last(&wps->streams, &stream->link);
    touch(stream);
    return stream;
}

static void stream_free(struct stream *stream)
{
    timers_cancel(&stream->wps->client.gateway->timers, &stream->timer);
    list_remove(&stream->link);
    buffer_release(&stream->id);
    buffer_release(&stream->group);
    free(stream);
}

void streams_free(struct webpubsub *wps)
{
    LIST_FOREACH_SAFE (link, &wps->streams) {
        stream_free(CONTAINER_OF(link, struct stream, link));
    }
}

/* ---------------------------------------------------------------- what the publisher hears */

static void send_closed(struct webpubsub *wps, struct slice id, const char *name,
                        const char *message)
{
    struct stream_closed closed = {.stream_id = id, .has_error = name != NULL};

    if (name) {
        closed.error = (struct error_info){slice_from_string(name), slice_from_string(message)};
    }
    wps->codec->put_stream_closed(&wps->client.gateway->frame, &closed);
    webpubsub_flush_frame(wps);
}

void streams_refuse(struct webpubsub *wps, struct slice stream_id, const char *name,
                    const char *message)
{
    send_closed(wps, stream_id, name, message);
}

static void send_ack(struct webpubsub *wps, struct slice id, uint64_t expected)
{
    wps->codec->put_stream_ack(
        &wps->client.gateway->frame,
        &(struct stream_ack){.stream_id = id, .expected_sequence = expected});
    webpubsub_flush_frame(wps);
}

static void send_nack(struct webpubsub *wps, const struct stream *stream, const char *name,
                      const char *message)
{
    struct stream_nack nack = {
        .stream_id = buffer_slice(&stream->id),
        .expected_sequence = stream->expected,
        .error = {slice_from_string(name), slice_from_string(message)},
    };

    wps->codec->put_stream_nack(&wps->client.gateway->frame, &nack);
    webpubsub_flush_frame(wps);
}

/* ---------------------------------------------------------------- what the receivers get */

static void add_place(struct buffer *properties, struct slice id, uint64_t sequence)
{
    write_user_property(properties, PROPERTY_STREAM, id);
    write_user_number(properties, PROPERTY_STREAM_AT, sequence);
}

/* Reliable: at QoS 2, so that it is not there twice after the broker was away. */
static void publish(struct webpubsub *wps, const struct stream *stream, struct payload data,
                    enum pending_kind kind)
{
    struct gateway *gateway = wps->client.gateway;
    uint16_t packet_id = webpubsub_packet_id(wps);
    struct pending *pending;

    write_publish(&gateway->packet, &(struct publication){
                                        .topic = webpubsub_topic(wps, buffer_slice(&stream->group)),
                                        .data = data,
                                        .qos = is_reliable(wps) ? QOS_2 : QOS_1,
                                        .packet_id = packet_id,
                                        .user_properties = buffer_slice(&gateway->properties),
                                    });
    pending = webpubsub_await(wps, kind, packet_id);
    pending->stream_sequence = stream->expected;
    buffer_append(&pending->name, buffer_slice(&stream->id));
}

/* Why it ends, for the receivers; all empty: as planned. */
struct stream_end {
    struct slice name, message, code;
};

/* The message that ends it for the receivers; it needs a valid payload (2.5). */
static void publish_end(struct webpubsub *wps, const struct stream *stream, enum pending_kind kind,
                        const struct stream_end *end)
{
    struct buffer *properties = &wps->client.gateway->properties;

    webpubsub_begin_properties(wps, stream->no_echo);
    add_place(properties, buffer_slice(&stream->id), stream->expected);
    write_user_property(properties, PROPERTY_STREAM_END, end->name);
    if (end->message.length > 0) {
        write_user_property(properties, PROPERTY_STREAM_ERROR, end->message);
    }
    if (end->code.length > 0) {
        write_user_property(properties, PROPERTY_STREAM_CODE, end->code);
    }
    publish(wps, stream, (struct payload){.type = DATA_TEXT}, kind);
}

static void idle_fire(struct timer *timer, void *context)
{
    struct stream *stream = CONTAINER_OF(timer, struct stream, timer);
    struct webpubsub *wps = stream->wps;
    static const char message[] = "nothing was sent on the stream for too long";

    (void)context;
    if (wps->phase != PHASE_OPEN) {
        touch(stream); /* the browser could not send */
        return;
    }
    publish_end(
        wps, stream, PENDING_STREAM_CUT,
        &(struct stream_end){SLICE_LITERAL("IdleTimeout"), SLICE_LITERAL(message), SLICE_EMPTY});
    send_closed(wps, buffer_slice(&stream->id), "IdleTimeout", message);
    stream_free(stream);
}

/* ---------------------------------------------------------------- requests */

void streams_open(struct webpubsub *wps, const struct request *request)
{
    const struct stream *known = find(wps, request->stream_id);

    if (known) {
        send_ack(wps, request->stream_id, known->expected); /* asked again */
        return;
    }
    if (request->stream_id.length > STREAM_ID_MAX || request->idle_timeout_ms == 0 ||
        count(wps) >= STREAMS_MAX) {
        send_closed(
            wps, request->stream_id, "BadRequest",
            "a connection has at most 100 streams, with ids of 1 to 256 bytes and a time-out "
            "above 0");
        return;
    }
    add(wps, request->stream_id, request->group, request->idle_timeout_ms, request->no_echo);
    send_ack(wps, request->stream_id, 1);
}

static void take_fragment(struct webpubsub *wps, struct stream *stream,
                          const struct request *request)
{
    struct buffer *properties = &wps->client.gateway->properties;

    webpubsub_begin_properties(wps, stream->no_echo);
    add_place(properties, buffer_slice(&stream->id), stream->expected);
    publish(wps, stream, request->data, PENDING_STREAM_DATA);
    stream->expected++;
}

void streams_data(struct webpubsub *wps, const struct request *request)
{
    struct stream *stream = find(wps, request->stream_id);

    if (!stream) {
        send_closed(wps, request->stream_id, "StreamNotFound", "there is no such stream");
        return;
    }
    touch(stream);
    if (!request->has_stream_sequence || !request->has_data) {
        return; /* only to keep it alive */
    }
    if (request->stream_sequence > stream->expected) {
        send_nack(wps, stream, "InvalidSequenceId", "fragments are missing before this one");
    } else if (request->stream_sequence == stream->expected) {
        take_fragment(wps, stream, request);
    }
}

void streams_end(struct webpubsub *wps, const struct request *request)
{
    struct stream *stream = find(wps, request->stream_id);

    if (!stream) {
        send_closed(wps, request->stream_id, "StreamNotFound", "there is no such stream");
        return;
    }
    publish_end(wps, stream, PENDING_STREAM_END,
                &(struct stream_end){
                    request->has_error ? SLICE_LITERAL("UserError") : SLICE_EMPTY,
                    request->error_message,
                    request->user_error_code,
                });
    stream_free(stream);
}

/* ---------------------------------------------------------------- the broker's answers */

static void fragment_refused(struct webpubsub *wps, const struct pending *pending)
{
    struct stream *stream = find(wps, buffer_slice(&pending->name));

    if (stream && stream->expected > pending->stream_sequence) {
        stream->expected = pending->stream_sequence;
        send_nack(wps, stream, "TransientError", "the broker cannot take the fragment now");
    }
}

/* Taken, but behind one that was refused it is to come again: the publisher has been told so. */
static bool is_to_come_again(const struct webpubsub *wps, const struct pending *pending)
{
    const struct stream *stream = find(wps, buffer_slice(&pending->name));

    return stream && stream->expected <= pending->stream_sequence;
}

void streams_answered(struct webpubsub *wps, const struct pending *pending, uint8_t reason)
{
    struct slice id = buffer_slice(&pending->name);

    if (pending->kind == PENDING_STREAM_END) {
        send_closed(wps, id, NULL, NULL);
    } else if (pending->kind == PENDING_STREAM_CUT) {
        return; /* the publisher has been told, or is gone */
    } else if (reason_is_error(reason)) {
        fragment_refused(wps, pending);
    } else if (!is_to_come_again(wps, pending)) {
        send_ack(wps, id, pending->stream_sequence + 1);
    }
}

/* ---------------------------------------------------------------- the connection ends */

static const char cancelled[] = "the publisher's connection has ended";

void streams_cancel(struct webpubsub *wps)
{
    LIST_FOREACH_SAFE (link, &wps->streams) {
        struct stream *stream = CONTAINER_OF(link, struct stream, link);
        publish_end(wps, stream, PENDING_STREAM_CUT,
                    &(struct stream_end){SLICE_LITERAL("Cancelled"), SLICE_LITERAL(cancelled),
                                         SLICE_EMPTY});
        stream_free(stream);
    }
}

static void append_text(struct buffer *out, struct slice text)
{
    buffer_append_u16(out, (uint16_t)text.length);
    buffer_append(out, text);
}

void streams_export(const struct webpubsub *wps, struct buffer *out)
{
    LIST_FOREACH (link, &wps->streams) {
        const struct stream *stream = CONTAINER_OF(link, struct stream, link);
        append_text(out, buffer_slice(&stream->id));
        append_text(out, buffer_slice(&stream->group));
        buffer_append_u32(out, (uint32_t)(stream->expected >> 32));
        buffer_append_u32(out, (uint32_t)stream->expected);
        buffer_append_u32(out, stream->idle_ms);
        buffer_append_byte(out, stream->no_echo);
    }
}

/* One exported stream. */
struct exported {
    struct slice id, group;
    uint64_t expected;
    uint32_t idle_ms;
    bool no_echo;
};

static bool next_exported(struct reader *reader, struct exported *out)
{
    if (reader_left(reader) == 0) {
        return false;
    }
    out->id = reader_binary(reader);
    out->group = reader_binary(reader);
    out->expected = (uint64_t)reader_u32(reader) << 32;
    out->expected |= reader_u32(reader);
    out->idle_ms = reader_u32(reader);
    out->no_echo = reader_u8(reader) == 1;
    return !reader->failed;
}

bool streams_import(struct webpubsub *wps, struct slice bytes)
{
    struct reader reader = reader_make(bytes);
    struct exported exported;

    while (next_exported(&reader, &exported)) {
        struct stream *stream =
            add(wps, exported.id, exported.group, exported.idle_ms, exported.no_echo);
        stream->expected = exported.expected;
    }
    return !reader.failed;
}

void streams_cancel_exported(struct slice bytes, struct slice hub, struct buffer *packets)
{
    struct reader reader = reader_make(bytes);
    struct buffer topic = {0}, properties = {0};
    struct exported exported;

    while (next_exported(&reader, &exported)) {
        topic.length = properties.length = 0;
        buffer_append(&topic, hub);
        buffer_append_byte(&topic, '/');
        topic_append_escaped(&topic, exported.group);
        add_place(&properties, exported.id, exported.expected);
        write_user_property(&properties, PROPERTY_STREAM_END, SLICE_LITERAL("Cancelled"));
        write_user_property(&properties, PROPERTY_STREAM_ERROR, SLICE_LITERAL(cancelled));
        write_publish(packets, &(struct publication){
                                   .topic = buffer_slice(&topic),
                                   .data = {.type = DATA_TEXT},
                                   .qos = QOS_1,
                                   .packet_id = 1, /* nobody waits for the PUBACK */
                                   .user_properties = buffer_slice(&properties),
                               });
    }
    buffer_release(&topic);
    buffer_release(&properties);
}
