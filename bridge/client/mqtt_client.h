/* A browser that speaks MQTT, 3.1.1 or 5.
 *
 * Its packets are put together again, however they were cut into WebSocket messages, and go to the
 * broker as they are (`/mqtt`: a listener like any other, the broker authenticates; the system hub,
 * `/clients/mqtt/hubs/$system`: the token has authenticated, and opens the whole topic tree) or as
 * the hub's (`/clients/mqtt/hubs/{hub}`; see mqtt_hub.h). What the broker sends comes the other
 * way. The bridge keeps no state of the session: packet identifiers, quotas and QoS are between
 * client and broker.
 *
 *   begin --CONNECT--> channel open --DISCONNECT, an error, or either side is gone--> closing
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_CLIENT_H
#define PUBGRID_CLIENT_MQTT_CLIENT_H

#include "base/buffer.h"
#include "base/timers.h"
#include "client/client.h"
#include "client/mqtt_hub.h"
#include "mqtt/packet.h"

/* WebSocket close codes (spec/webpubsub.md 1.6). */
enum {
    MQTT_CLOSE_NORMAL = 1000,
    MQTT_CLOSE_PROTOCOL = 1002,
    MQTT_CLOSE_WRONG_KIND = 1003,
    MQTT_CLOSE_POLICY = 1008,
    MQTT_CLOSE_TOO_BIG = 1009,
    MQTT_CLOSE_INTERNAL = 1011,
    MQTT_CLOSE_SERVICE_RESTART = 1012,
};

struct mqtt_client {
    struct client client;
    struct buffer input;           /* the beginning of a packet, for which more must come */
    struct timer connect_timer;    /* until CONNECT is here */
    enum protocol_version version; /* MQTT_UNKNOWN before CONNECT */
    bool paused;
    bool awaits_connack; /* of a hub: before it the client gets no answer of ours (MQTT-3.2.0-1) */
    struct mqtt_hub hub; /* of UPGRADE_MQTT_HUB */
};

static inline struct mqtt_client *mqtt_of(struct client *client)
{
    return CONTAINER_OF(client, struct mqtt_client, client);
}

static inline struct slice mqtt_physical_id(const struct mqtt_client *mqtt)
{
    return slice_make(mqtt->hub.physical_id, CONNECTION_ID_LENGTH);
}

/* Opens the channel for a session of this identifier. */
void mqtt_open(struct mqtt_client *mqtt, struct slice client_identifier, uint32_t flags);
/* Refuses or ends the connection: a CONNACK before CONNECT was accepted, else a DISCONNECT (as far
 * as the version has one with this reason), and closes the WebSocket and the channel. */
void mqtt_refuse(struct mqtt_client *mqtt, enum protocol_version version, enum reason_code reason);
void mqtt_fail(struct mqtt_client *mqtt, enum reason_code reason);
/* Sends what was gathered for the broker, and reads on or not. */
void mqtt_finish_turn(struct mqtt_client *mqtt);
/* Closes the WebSocket and the channel. The broker gets what came before, and publishes the will.
 */
void mqtt_end(struct mqtt_client *mqtt, enum reason_code reason);
/* The broker has accepted the CONNECT: what came behind it has its turn. */
void mqtt_is_connected(struct mqtt_client *mqtt);
/* Sends the browser one packet. */
void mqtt_send_packet(struct mqtt_client *mqtt, const struct packet *packet);

#endif
