/* Socket.IO, for comparison with servers that are built on it. A topic is a room; QoS 1 means that
 * every `send` asks for an acknowledgement.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bench_codec.h"
#include "bench_fleet.h"
#include "bench_socketio.h"
#include "bench_webpubsub.h"

static void join_send(struct bench_fleet *fleet, struct bench_connection *connection,
                      const struct slice *rooms, size_t count)
{
    struct buffer text = {0};
    (void)count;
    socketio_join_write(&text, rooms[0]);
    bench_connection_send(fleet, connection, buffer_slice(&text));
    buffer_release(&text);
}

static void message_take(const struct socketio_packet *packet, struct bench_event *out)
{
    bool ours = webpubsub_stamp_read(packet->data, &out->stamp);
    out->kind = ours ? BENCH_EVENT_DELIVERY : BENCH_EVENT_FOREIGN;
    out->payload = packet->data.length;
}

/* False: the connection cannot go on. */
static bool packet_take(struct bench_fleet *fleet, struct bench_connection *connection,
                        struct slice text, struct bench_event *out)
{
    struct socketio_packet packet;
    socketio_read(&packet, text);
    switch (packet.kind) {
    case SOCKETIO_OPEN:
        bench_connection_send(fleet, connection, socketio_connect);
        return true;
    case SOCKETIO_PING:
        bench_connection_send(fleet, connection, socketio_pong);
        return true;
    case SOCKETIO_CONNECTED:
        out->kind = BENCH_EVENT_WELCOME;
        out->session_present = false;
        out->receive_maximum = UINT16_MAX;
        return true;
    case SOCKETIO_MESSAGE:
        message_take(&packet, out);
        return true;
    case SOCKETIO_ACK:
        out->kind =
            packet.id == SOCKETIO_JOIN_ID ? BENCH_EVENT_SUBSCRIBED : BENCH_EVENT_ACKNOWLEDGED;
        return true;
    case SOCKETIO_OTHER:
        out->kind = BENCH_EVENT_FOREIGN;
        return true;
    case SOCKETIO_END:
        break;
    }
    return bench_fleet_fail(fleet, "connection %zu of %zu: the server sent %.*s",
                            bench_fleet_number(fleet, connection) + 1, fleet->count,
                            SLICE_PRINT(text));
}

static enum bench_next packet_next(struct bench_fleet *fleet, struct bench_connection *connection,
                                   struct slice in, struct bench_event *out, size_t *size)
{
    const uint8_t *end = in.length == 0 ? NULL : memchr(in.data, '\0', in.length);
    if (end == NULL) {
        return BENCH_NEXT_INCOMPLETE;
    }
    size_t length = (size_t)(end - in.data);
    *size = length + 1;
    out->kind = BENCH_EVENT_NONE;
    return packet_take(fleet, connection, slice_make(in.data, length), out) ? BENCH_NEXT_EVENT
                                                                            : BENCH_NEXT_FAILED;
}

const struct bench_codec bench_codec_socketio = {
    .protocol = "socketio",
    .subprotocol = "",
    .text = true,
    .qos_max = 1,
    .payload_min = WEBPUBSUB_STAMP_SIZE,
    .subscribe = join_send,
    .next = packet_next,
    .template_build = socketio_template_build,
    .template_fill = webpubsub_template_fill,
};
