/* Server packets into the output: see reply.h. PUBLISH has its own file, publish_write.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/reply.h"

#include "core/shard.h"

void connection_mark_dirty(struct connection *connection)
{
    if (list_is_empty(&connection->dirty)) {
        list_add_last(&connection->shard->outbox.dirty, &connection->dirty);
    }
}

static void count_packet(struct connection *connection)
{
    counter_add(&connection->shard->counters.packets_sent, 1);
    connection_mark_dirty(connection);
}

bool reply_packet(struct connection *connection, const struct packet *packet)
{
    struct buffer bytes = {0};
    packet_encode(&bytes, packet, connection->version);
    bool fits = bytes.length <= connection->peer_packet_size_max;
    if (fits) {
        output_append(&connection->output, &connection->shard->pool, buffer_slice(&bytes));
        count_packet(connection);
    }
    buffer_release(&bytes);
    return fits;
}

/* Sends CONNACK or DISCONNECT with `text` as Reason String, without it where that would be larger
 * than the client takes (MQTT-3.14.2-3). */
static void reply_with_text(struct connection *connection, struct packet *packet, const char *text)
{
    if (text && connection->version == MQTT_5) {
        packet->properties.present |= PROPERTY_BIT(REASON_STRING);
        packet->properties.reason_string = slice_from_string(text);
        if (reply_packet(connection, packet)) {
            return;
        }
        packet->properties.present &= ~PROPERTY_BIT(REASON_STRING);
    }
    reply_packet(connection, packet);
}

void reply_ack(struct connection *connection, enum packet_type type, uint16_t packet_id,
               enum reason_code reason)
{
    bool with_reason = reason != REASON_SUCCESS && connection->version == MQTT_5;
    size_t length = with_reason ? 5 : 4;
    uint8_t *out = output_reserve(&connection->output, &connection->shard->pool, length);
    out[0] = (uint8_t)(type << 4 | (type == PACKET_PUBREL ? 2 : 0));
    out[1] = (uint8_t)(length - 2);
    out[2] = (uint8_t)(packet_id >> 8);
    out[3] = (uint8_t)packet_id;
    if (with_reason) {
        out[4] = (uint8_t)reason;
    }
    count_packet(connection);
}

void reply_pingresp(struct connection *connection)
{
    uint8_t *out = output_reserve(&connection->output, &connection->shard->pool, 2);
    out[0] = PACKET_PINGRESP << 4;
    out[1] = 0;
    count_packet(connection);
}

void reply_disconnect(struct connection *connection, enum reason_code reason, const char *text)
{
    if (connection->version == MQTT_5) {
        struct packet packet = {.type = PACKET_DISCONNECT,
                                .disconnect = {.reason = (uint8_t)reason}};
        reply_with_text(connection, &packet, text);
    }
}

void reply_connack_refused(struct connection *connection, enum reason_code reason, const char *text)
{
    struct packet packet = {.type = PACKET_CONNACK, .connack = {.reason = (uint8_t)reason}};
    if (connection->version != MQTT_5) {
        packet.connack.reason = reason_to_connack_3(reason);
        if (packet.connack.reason == 0) {
            return;
        }
    }
    reply_with_text(connection, &packet, text);
}
