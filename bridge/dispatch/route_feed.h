/* Routes: MQTT messages become events (spec/eventgrid.md 6.6). Each route of the namespace whose
 * MQTT is enabled is a durable session, `$wps//events/routes/<namespace>/<route>`, that one process
 * has (ownership.h); what it hears is wrapped (eventgrid/route_wrap.h) and goes in at the door of
 * its event topic. A session that nobody has for as long as an event lives at most is over. No
 * Local keeps away what the bridge publishes itself, deliveries to MQTT topics above all. Inside of
 * the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_ROUTE_FEED_H
#define PUBGRID_DISPATCH_ROUTE_FEED_H

#include <stdbool.h>

#include "dispatch/catalog.h"

struct runner;

/* Begins or ends what this process does for the routes of the source, if it is a namespace. */
void route_feeds_look(struct runner *runner, struct catalog_source *source);
/* The source's properties are others, or (NULL) it goes with them. */
void route_feeds_change(struct runner *runner, const struct catalog_source *source,
                        const struct topic_properties *properties);
/* The broker is there. */
void route_feeds_connect(struct runner *runner);
/* Do all routes of this process hear? */
bool route_feeds_are_open(const struct runner *runner);
void route_feeds_free(struct runner *runner);

#endif
