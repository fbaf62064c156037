/* How the broker tells the bridge that a client's session was connected or disconnected: a message
 * at QoS 1 on a topic that only the bridge can subscribe to, without payload; what it says are user
 * properties, PUBLISHER_NAME and PUBLISHER_RECEIVED (mqtt/publisher.h) among them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_LIFE_CYCLE_H
#define PUBGRID_MQTT_LIFE_CYCLE_H

/* The session that hears it; while there is none, nothing is told. */
#define LIFE_CYCLE_LISTENER "$wps//events/sessions"
#define LIFE_CYCLE_TOPIC    "$wps//sessions"

#define LIFE_CYCLE_SESSION "$wps.session" /* client identifier */
#define LIFE_CYCLE_NUMBER  "$wps.number"  /* of the connection, in this session, from 1 */
#define LIFE_CYCLE_REASON  "$wps.reason"  /* why it was disconnected; without: it was connected */

#endif
