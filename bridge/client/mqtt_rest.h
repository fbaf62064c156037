/* What the server asks of a hub's MQTT client (client_kind in client.h), and its groups: those that
 * it subscribes to itself, and those that the server puts it into.
 *
 * SUBSCRIBEs and UNSUBSCRIBEs are noted until they are answered. The server's have packet
 * identifiers that no noted one has; their answers are not the client's to see.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_REST_H
#define PUBGRID_CLIENT_MQTT_REST_H

#include <stdbool.h>
#include <stdint.h>

#include "client/client.h"
#include "mqtt/packet.h"

struct mqtt_client;

/* The client's own, as it came; `codes` as in mqtt_deny_filters(), or all are the broker's if
 * empty. */
void mqtt_note_request(struct mqtt_client *mqtt, const struct packet *packet);
/* SUBACK or UNSUBACK with the codes for all its filters. True: it is the answer to the server's,
 * and not the client's. */
bool mqtt_note_answer(struct mqtt_client *mqtt, const struct packet *packet);
void mqtt_drop_requests(struct mqtt_client *mqtt);

void mqtt_rest_join(struct client *client, struct slice group, struct client_task *task);
void mqtt_rest_leave(struct client *client, struct slice group, struct client_task *task);
void mqtt_rest_permit(struct client *client, const struct permission *permission,
                      struct client_task *task);
void mqtt_rest_end(struct client *client, struct slice reason);

#endif
