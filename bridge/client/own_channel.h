/* A connection of the bridge's own to the broker, without a browser: what the janitor, the reporter
 * and the staff do alike. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_OWN_CHANNEL_H
#define PUBGRID_CLIENT_OWN_CHANNEL_H

#include "client/gateway.h"
#include "client/link.h"

/* Opens the channel for a session of this client identifier, and sends the CONNECT that the caller
 * has put into gateway->packet. */
void own_channel_connect(struct gateway *gateway, struct channel *channel,
                         struct slice client_identifier);
/* Sends and empties gateway->packet. */
void own_channel_send(struct gateway *gateway, struct channel *channel);
/* Harmless if it is not open. */
void own_channel_close(struct gateway *gateway, struct channel *channel);
/* For channel_events of those that never wait for credit. */
void own_channel_ignore(struct channel *channel);

#endif
