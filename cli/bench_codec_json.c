/* json.webpubsub.azure.v1 and json.reliable.webpubsub.azure.v1 (spec/webpubsub.md 2 and 4).
 *
 * A topic is a group. QoS 1 means that every sendToGroup has an ackId. On the reliable one the
 * numbers of the messages must rise by one, and one sequenceAck acknowledges many, as the
 * official clients do, though by count where theirs goes by time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench_codec.h"
#include "bench_fleet.h"
#include "bench_webpubsub.h"

enum { SEQUENCE_ACK_EVERY = 100 /* messages; servers keep a thousand */ };

static void text_send(struct bench_fleet *fleet, struct bench_connection *connection,
                      struct buffer *text)
{
    bench_connection_send(fleet, connection, buffer_slice(text));
    buffer_release(text);
}

static void join_send(struct bench_fleet *fleet, struct bench_connection *connection,
                      const struct slice *groups, size_t count)
{
    struct buffer text = {0};
    (void)count;
    webpubsub_join_write(&text, groups[0]);
    text_send(fleet, connection, &text);
}

/* Counts a message of a reliable connection; false: its number is not the next one. */
static bool sequence_take(struct bench_fleet *fleet, struct bench_connection *connection,
                          struct slice number)
{
    uint64_t sequence_id;
    if (!webpubsub_number(number, &sequence_id) || sequence_id != connection->sequence_id + 1) {
        return bench_fleet_fail(fleet, "sequenceId %.*s after %llu", SLICE_PRINT(number),
                                (unsigned long long)connection->sequence_id);
    }
    connection->sequence_id = sequence_id;
    if (sequence_id % SEQUENCE_ACK_EVERY == 0) {
        struct buffer text = {0};
        webpubsub_sequence_ack_write(&text, sequence_id);
        text_send(fleet, connection, &text);
    }
    return true;
}

typedef bool frame_function(struct bench_fleet *fleet, struct bench_connection *connection,
                            const struct webpubsub_frame *frame, struct bench_event *out);

static bool message_read(struct bench_fleet *fleet, struct bench_connection *connection,
                         const struct webpubsub_frame *frame, struct bench_event *out)
{
    if (fleet->codec->promises && !sequence_take(fleet, connection, frame->sequence_id)) {
        return false;
    }
    bool ours = slice_equal(frame->data_type, SLICE_LITERAL("text")) &&
                webpubsub_stamp_read(frame->data, &out->stamp);
    out->kind = ours ? BENCH_EVENT_DELIVERY : BENCH_EVENT_FOREIGN;
    out->payload = frame->data.length;
    return true;
}

static bool ack_read(struct bench_fleet *fleet, struct bench_connection *connection,
                     const struct webpubsub_frame *frame, struct bench_event *out)
{
    uint64_t ack_id;
    if (!slice_equal(frame->success, SLICE_LITERAL("true")) ||
        !webpubsub_number(frame->ack_id, &ack_id)) {
        return bench_fleet_fail(fleet, "connection %zu of %zu: request refused: %.*s",
                                bench_fleet_number(fleet, connection) + 1, fleet->count,
                                SLICE_PRINT(frame->error));
    }
    out->kind = ack_id == WEBPUBSUB_JOIN_ACK_ID ? BENCH_EVENT_SUBSCRIBED : BENCH_EVENT_ACKNOWLEDGED;
    return true;
}

static bool system_read(struct bench_fleet *fleet, struct bench_connection *connection,
                        const struct webpubsub_frame *frame, struct bench_event *out)
{
    if (slice_equal(frame->event, SLICE_LITERAL("disconnected"))) {
        return bench_fleet_fail(fleet, "connection %zu of %zu: disconnected: %.*s",
                                bench_fleet_number(fleet, connection) + 1, fleet->count,
                                SLICE_PRINT(frame->message));
    }
    out->kind = slice_equal(frame->event, SLICE_LITERAL("connected")) ? BENCH_EVENT_WELCOME
                                                                      : BENCH_EVENT_NONE;
    out->session_present = false;
    out->receive_maximum = UINT16_MAX;
    return true;
}

/* The function of a type; NULL: it means nothing here. */
static frame_function *function_find(struct slice type)
{
    static const struct {
        struct slice type;
        frame_function *read;
    } table[] = {
        {SLICE_LITERAL("message"), message_read},
        {SLICE_LITERAL("ack"), ack_read},
        {SLICE_LITERAL("system"), system_read},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (slice_equal(type, table[i].type)) {
            return table[i].read;
        }
    }
    return NULL;
}

static enum bench_next frame_next(struct bench_fleet *fleet, struct bench_connection *connection,
                                  struct slice in, struct bench_event *out, size_t *size)
{
    const uint8_t *end = in.length == 0 ? NULL : memchr(in.data, '\0', in.length);
    struct webpubsub_frame frame;
    if (end == NULL) {
        return BENCH_NEXT_INCOMPLETE;
    }
    size_t length = (size_t)(end - in.data);
    *size = length + 1;
    out->kind = BENCH_EVENT_NONE;
    if (!webpubsub_read(&frame, slice_make(in.data, length))) {
        bench_fleet_fail(fleet, "the server sent what is not a JSON object");
        return BENCH_NEXT_FAILED;
    }
    frame_function *read = function_find(frame.type);
    return read == NULL || read(fleet, connection, &frame, out) ? BENCH_NEXT_EVENT
                                                                : BENCH_NEXT_FAILED;
}

#define JSON(build)                                                                                \
    .text = true, .qos_max = 1, .payload_min = WEBPUBSUB_STAMP_SIZE, .subscribe = join_send,       \
    .next = frame_next, .template_build = (build), .template_fill = webpubsub_template_fill

const struct bench_codec bench_codec_json = {JSON(webpubsub_template_build), .protocol = "json",
                                             .subprotocol = "json.webpubsub.azure.v1"};
/* Messages are events, which an event handler answers. */
const struct bench_codec bench_codec_json_event = {JSON(webpubsub_event_template_build),
                                                   .protocol = "json-event",
                                                   .subprotocol = "json.webpubsub.azure.v1"};
const struct bench_codec bench_codec_json_reliable = {
    JSON(webpubsub_template_build), .protocol = "json-reliable",
    .subprotocol = "json.reliable.webpubsub.azure.v1", .promises = true};
