/* Event listeners (spec/webpubsub.md 7.7): copies of events as MQTT messages, with the CloudEvents
 * attributes as user properties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_LISTENER_H
#define PUBGRID_EVENTS_LISTENER_H

#include "base/buffer.h"
#include "events/event.h"

struct access_keys;

enum { LISTENER_PAIRS_MAX = 32 };

/* A message to publish; slices of the event and of the scratch memory. */
struct listener_message {
    struct slice topic;
    struct payload payload;
    struct slice content_type;
    struct pair pairs[LISTENER_PAIRS_MAX]; /* user properties */
    size_t pair_count;
    struct buffer topic_text, values, names, id; /* owned; kept between messages */
};

/* Fills in the properties, which are the same for all listeners, ... */
void listener_message_begin(struct listener_message *message, const struct client_event *event,
                            const struct access_keys *keys, int64_t time);
/* ... and the topic of one. */
void listener_message_address(struct listener_message *message, const struct client_event *event,
                              const struct event_listener *listener);
void listener_message_release(struct listener_message *message);

#endif
