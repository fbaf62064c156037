/* Who published a message, as the broker tells it to sessions of the bridge that want to know: user
 * properties behind the message's own. Clients cannot send such names; of the bridge's own
 * connections one may say on whose behalf it publishes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_MQTT_PUBLISHER_H
#define PUBGRID_MQTT_PUBLISHER_H

#define PUBLISHER_NAME      "$wps.publisher"  /* authentication name; without: anonymous */
#define PUBLISHER_RECEIVED  "$wps.received"   /* when the broker had it: Unix ms */
#define PUBLISHER_ATTRIBUTE "$wps.attribute." /* and the key; of a list its values and commas */

#endif
