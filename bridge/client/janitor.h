/* Clears up behind Web PubSub connections whose sessions have ended: their group states, and
 * streams that they left open while away. It raises their `disconnected` event (spec/webpubsub.md
 * 7.2) where nobody was there to do it: the session expired, or the bridge was killed.
 *
 * Each session's will is a message on `$wps/<hub>/gone/<connection id>`, so it is told of however
 * the connection and its bridge came to their end. All bridge processes listen, as a shared
 * subscription: one of them gets each. The janitor is a connection to the broker without a browser.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_JANITOR_H
#define PUBGRID_CLIENT_JANITOR_H

#include "base/slice.h"

struct gateway;
struct janitor;

struct janitor *janitor_new(struct gateway *gateway);
void janitor_free(struct janitor *janitor);
/* The broker is there. */
void janitor_connect(struct janitor *janitor);
/* The process ends: others do what is to be done from now on. */
void janitor_stop(struct janitor *janitor);
/* This connection has ended and the broker does not know, since it was away itself. */
void janitor_clear(struct gateway *gateway, struct slice hub, struct slice connection_id);

#endif
