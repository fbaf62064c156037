/* MQTT 5 reason codes (MQTT 5 section 2.4) and what they become for a 3.1.1 client.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_REASON_H
#define PUBGRID_MQTT_REASON_H

#include <stdbool.h>
#include <stdint.h>

enum reason_code {
#define REASON(name, value, text) REASON_##name = (value),
#include "mqtt/reason.def"
#undef REASON
    REASON_NORMAL_DISCONNECTION = REASON_SUCCESS,
    REASON_GRANTED_QOS_0 = REASON_SUCCESS,
};

/* The specification's name, "Unknown reason code" for a value that has none. Static memory. */
const char *reason_text(enum reason_code reason);

/* Is this value allowed in a packet of that type (the tables of MQTT 5 section 3)? `packet_type`
 * is an enum packet_type of packet.h. */
bool reason_allowed_in(unsigned packet_type, uint8_t value);
/* As above, by sender: some values of DISCONNECT and AUTH are the server's or the client's only. */
bool reason_allowed_from(bool server, unsigned packet_type, uint8_t value);

/* The 3.1.1 CONNACK return code for a refused CONNECT: 1 to 5 (MQTT-3.1.1 table 3.1), or 0 when
 * 3.1.1 has no code for it and the connection is closed without a CONNACK. */
uint8_t reason_to_connack_3(enum reason_code reason);

static inline bool reason_is_error(enum reason_code reason)
{
    return reason >= 0x80;
}

#endif
