/* The CloudEvents attributes of an event (spec/webpubsub.md 7.1): headers of a request to a webhook
 * (events/request.h), properties of a listener's message (events/listener.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_ATTRIBUTES_H
#define PUBGRID_EVENTS_ATTRIBUTES_H

#include "base/buffer.h"
#include "events/event.h"

struct access_keys;

enum { EVENT_ATTRIBUTES_MAX = 15 };

struct event_attribute {
    const char *name; /* "specversion", "type", ... */
    struct slice value;
};

/* Fills in those that the event has, and returns how many; `time` in Unix seconds. The values are
 * slices of the event and of `scratch`, until that is used again. */
size_t event_attributes(const struct client_event *event, const struct access_keys *keys,
                        int64_t time, struct event_attribute out[EVENT_ATTRIBUTES_MAX],
                        struct buffer *scratch);

/* What stands in Content-Type. */
struct slice event_content_type(const struct client_event *event);
/* Appends "2026-11-23T21:18:03Z". */
void event_time_append(struct buffer *out, int64_t seconds);

#endif
