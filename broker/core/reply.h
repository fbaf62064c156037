/* Packets that the server sends, straight into a connection's output.
 *
 * All of them keep to what the peer can take: its protocol version and Maximum Packet Size. Reason
 * Strings go into CONNACK and DISCONNECT only, where they need no leave (MQTT-3.1.2-29). They mark
 * the connection dirty and count the packet.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_REPLY_H
#define PUBGRID_CORE_REPLY_H

#include <stdbool.h>

#include "core/connection.h"
#include "core/delivery.h"
#include "mqtt/packet.h"

/* Any packet, by packet_encode(). Left out if it is larger than the peer takes: false. */
bool reply_packet(struct connection *connection, const struct packet *packet);

/* PUBACK, PUBREC, PUBREL, PUBCOMP; without a Reason String, which some clients cannot read there
 * (the Paho interoperability suite's among them) and the code says enough. */
void reply_ack(struct connection *connection, enum packet_type type, uint16_t packet_id,
               enum reason_code reason);
void reply_pingresp(struct connection *connection);
/* MQTT 5 only (3.1.1 has no server DISCONNECT: nothing is sent). */
void reply_disconnect(struct connection *connection, enum reason_code reason, const char *text);
/* Refuses a CONNECT: CONNACK with the version's code, if it has one. */
void reply_connack_refused(struct connection *connection, enum reason_code reason,
                           const char *text);
/* PUBLISH; false if it is larger than the peer takes (then nothing was sent). */
bool reply_publish(struct connection *connection, const struct delivery *delivery,
                   uint16_t packet_id, bool dup);

/* Puts the connection into its shard's dirty list. */
void connection_mark_dirty(struct connection *connection);

#endif
