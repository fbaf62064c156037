/* Which handler of a hub takes an event, and which listeners (spec/webpubsub.md 7.2, 7.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_MATCH_H
#define PUBGRID_EVENTS_MATCH_H

#include <stdbool.h>

#include "events/event.h"

/* `*`, a name, or such with commas between; white space around them does not count. */
bool event_pattern_matches(struct slice pattern, struct slice name);
/* The first of the hub that takes it; NULL: none. */
const struct event_handler *event_handler_find(const struct hub_settings *settings,
                                               const struct client_event *event);
bool event_listener_takes(const struct event_listener *listener, const struct client_event *event);
/* Does any of the hub's take it? */
bool event_is_listened_to(const struct hub_settings *settings, const struct client_event *event);

/* "connect", ..., or the user event's name: ce-eventName. */
struct slice event_name(const struct client_event *event);

#endif
