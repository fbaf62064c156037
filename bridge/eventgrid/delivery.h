/* The HTTP requests of deliveries (spec/eventgrid.md 4.1, 3.5, 3.6), with the signature of Standard
 * Webhooks. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_DELIVERY_H
#define PUBGRID_EVENTGRID_DELIVERY_H

#include "base/buffer.h"
#include "eventgrid/queued.h"
#include "resource/subscription.h"

struct delivery {
    const struct event_subscription *subscription;
    struct slice name;                        /* the subscription's */
    const struct queued_event *const *events; /* [count]: of the same schema */
    size_t count;
    struct slice output_id; /* a UUID: aeg-output-event-id */
    int64_t now_ms;
};

/* Appends the request's header lines, "Name: value" with a NUL behind each (as
 * net/webhook_transfer.h takes them), without those of the transport; and the body. */
void delivery_append_request(struct buffer *lines, struct buffer *body,
                             const struct delivery *delivery);
/* May the event go in one request with `first` (3.5: headers must agree)? */
bool delivery_may_share(const struct event_subscription *subscription,
                        const struct queued_event *first, const struct queued_event *event);
/* Appends the URL without user and password, and to `lines` an Authorization header with those.
 * They are the same for all requests of a subscription, so do this once. */
void delivery_append_url(struct buffer *url, struct buffer *lines, struct slice given);

#endif
