/* The floor over WebSocket: RFC 6455 without checks, and Web PubSub's JSON by searching for names.
 * See floor.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "floor.h"

#include <stdio.h>

/* The header of a server's frame. */
void floor_header_append(struct bytes *out, uint8_t opcode, size_t length)
{
    uint8_t header[10] = {(uint8_t)(0x80 | opcode)};
    size_t size = length < 126 ? 2 : length < 65536 ? 4 : 10;
    header[1] = (uint8_t)(size == 2 ? length : size == 4 ? 126 : 127);
    for (size_t i = size; i > 2; i--, length >>= 8) {
        header[i - 1] = (uint8_t)length;
    }
    floor_append(out, (struct part){header, size});
}

/* ---------------------------------------------------------------- JSON */

/* What stands behind `name` up to the byte `end`; length 0: there is none. */
static struct part member(struct part in, const char *name, int end)
{
    const uint8_t *at = memmem(in.data, in.length, name, strlen(name));
    if (at == NULL) {
        return (struct part){0};
    }
    struct part rest = part_from(in, (size_t)(at - in.data) + strlen(name));
    const uint8_t *stop = memchr(rest.data, end, rest.length);
    return (struct part){rest.data, stop == NULL ? 0 : (size_t)(stop - rest.data)};
}

static void take_json(struct server *server, struct client *from, struct part request)
{
    struct part group = member(request, "\"group\":\"", '"');
    const uint8_t *data = memmem(request.data, request.length, "\"dataType\"", 10);
    struct part ack_id = member(request, "\"ackId\":", data == NULL ? '}' : ',');
    if (data == NULL) {
        floor_subscribe(from, group);
    } else {
        struct part head = part_of("{\"type\":\"message\",\"from\":\"group\",\"group\":\"");
        struct part tail = part_from(request, (size_t)(data - request.data));
        server->frame.length = 0;
        floor_header_append(&server->frame, FRAME_TEXT,
                            head.length + group.length + 2 + tail.length);
        floor_append(&server->frame, head);
        floor_append(&server->frame, group);
        floor_append(&server->frame, part_of("\","));
        floor_append(&server->frame, tail);
        floor_pass_on(server, from, group);
    }
    if (ack_id.length > 0) {
        char ack[80];
        snprintf(ack, sizeof(ack), "{\"type\":\"ack\",\"ackId\":%.*s,\"success\":true}",
                 (int)ack_id.length, (const char *)ack_id.data);
        floor_answer(server, from, part_of(ack));
    }
}

/* ---------------------------------------------------------------- WebSocket */

/* The upgrade: the accept value is that of the bench's constant key. */
void floor_upgrade(struct server *server, struct client *client, struct part request)
{
    struct part protocol = member(request, "Sec-WebSocket-Protocol: ", '\r');
    bool json = protocol.length > 4 && memcmp(protocol.data, "json", 4) == 0;
    floor_append(&client->out, part_of("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                       "Connection: Upgrade\r\n"
                                       "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                       "Sec-WebSocket-Protocol: "));
    floor_append(&client->out, protocol);
    floor_append(&client->out, part_of("\r\n\r\n"));
    client->mode = json ? MODE_WEBSOCKET_JSON : MODE_WEBSOCKET_MQTT;
    floor_enqueue(server, client);
    if (json) {
        floor_answer(
            server, client,
            part_of("{\"type\":\"system\",\"event\":\"connected\",\"connectionId\":\"c\"}"));
    }
}

/* Unmasks the frame at the start of `in`, which is in server->input. Returns its size, 0: it is
 * not all there. */
static size_t frame_next(uint8_t *in, size_t length, struct part *payload)
{
    size_t header = length < 2 ? 2 : (in[1] & 0x7f) == 126 ? 4 : (in[1] & 0x7f) == 127 ? 10 : 2;
    if (length < header + 4) {
        return 0;
    }
    uint64_t size = header == 2 ? in[1] & 0x7f : 0;
    for (size_t i = 2; i < header; i++) {
        size = size << 8 | in[i];
    }
    if (length - header - 4 < size) {
        return 0;
    }
    const uint8_t *mask = in + header;
    uint8_t *body = in + header + 4;
    for (size_t i = 0; i < size; i++) {
        body[i] ^= mask[i & 3];
    }
    *payload = (struct part){body, size};
    return header + 4 + size;
}

size_t floor_frame_take(struct server *server, struct client *client, uint8_t *in, size_t length)
{
    struct part payload;
    struct packet packet;
    size_t size = frame_next(in, length, &payload);
    if (size > 0 && (in[0] & 0x0f) == FRAME_TEXT) {
        take_json(server, client, payload);
    } else if (size > 0 && (in[0] & 0x0f) == FRAME_BINARY && floor_packet_next(payload, &packet)) {
        floor_packet_take(server, client, &packet);
    }
    return size;
}
