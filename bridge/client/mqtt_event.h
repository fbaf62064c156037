/* Events of a hub's MQTT client (spec/webpubsub.md 5.2, 5.3).
 *
 *   CONNECT --the hub's handler is asked--> admitted --CONNACK--> `connected` ... `disconnected`
 *
 * A PUBLISH to an event's topic is raised; with the answer it becomes a PUBLISH of that answer,
 * with its packet identifier and QoS, to a topic to which only this session is subscribed
 * (mqtt_topics.h). So its acknowledgement and the answer's delivery are the broker's business as
 * always. Until then the PUBLISHes behind it wait, so that their acknowledgements keep their order
 * (MQTT-4.6.0-2, MQTT-4.6.0-3); other packets go on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_MQTT_EVENT_H
#define PUBGRID_CLIENT_MQTT_EVENT_H

#include <stdbool.h>

#include "events/event.h"
#include "mqtt/packet.h"

struct mqtt_client;

/* --- mqtt_admission.c --- */

/* Asks the hub's handler whether the client is let in (5.3): then mqtt_hub_admitted() follows, or
 * the refusal. False: it is not to be asked. */
bool mqtt_ask(struct mqtt_client *mqtt, const struct packet *connect, struct slice bytes);
void mqtt_stop_asking(struct mqtt_client *mqtt);

/* --- mqtt_event.c --- */

/* It is admitted, and has its identifier. */
void mqtt_begin_events(struct mqtt_client *mqtt);
/* The broker has accepted its CONNECT. */
void mqtt_raise_connected(struct mqtt_client *mqtt, bool session_present);
/* The WebSocket is gone. */
void mqtt_end_events(struct mqtt_client *mqtt);

/* Raises the event of a PUBLISH with a topic of class TOPIC_EVENT. False: nobody takes it. */
bool mqtt_raise(struct mqtt_client *mqtt, const struct packet *publish);
/* Does a PUBLISH have to wait for the answer to an event? Then it is kept. */
bool mqtt_hold(struct mqtt_client *mqtt, struct slice publish);
/* So much waits that the client is not to be read from. */
bool mqtt_holds_too_much(const struct mqtt_client *mqtt);
/* The client sends DISCONNECT: what waits goes before, or is raised without a wait for answers. */
void mqtt_let_go(struct mqtt_client *mqtt, const struct packet *disconnect);
/* Makes the PUBLISH the answer to it: to `.../succeeded` or `.../failed`. Uses the gateway's
 * scratch buffers. */
void mqtt_make_answer(struct mqtt_client *mqtt, struct packet *publish,
                      const struct event_answer *answer);
/* The user properties in a list; the caller frees the items. */
struct pairs mqtt_user_properties(const struct properties *properties);

#endif
