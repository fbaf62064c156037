/* Copies of events on their way to event listeners' topics (spec/webpubsub.md 7.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_EVENT_COPY_H
#define PUBGRID_CLIENT_EVENT_COPY_H

#include "client/gateway.h"
#include "events/listener.h"

/* Publishes it at QoS 1. Nobody waits: it is dropped if the broker is not there, or takes no
 * message of this size. May be called while a client is writing its own packets. */
void event_copy_publish(struct gateway *gateway, const struct listener_message *message);

#endif
