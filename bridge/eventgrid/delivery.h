/* The HTTP requests of deliveries (spec/eventgrid.md 4.1, 3.5, 3.6), with the signature of Standard
 * Webhooks (9.3: 5). Pure.
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
    const struct queued_event *const *events; /* [count]: any two may share a request */
    size_t count;
    struct slice output_id; /* a UUID: aeg-output-event-id */
    int64_t now_ms;
};

/* Appends the request's header lines (access/header_lines.h), without those of the transport; and
 * the body. */
void delivery_append_request(struct buffer *lines, struct buffer *body,
                             const struct delivery *delivery);
/* May the event go in one request with `first`? All headers that an event decides about (3.5, its
 * dataVersion, attempts so far) must be the same. */
bool delivery_may_share(const struct event_subscription *subscription,
                        const struct queued_event *first, const struct queued_event *event);
/* Appends the URL without user and password, and to `lines` an Authorization header with those:
 * they go before a delivery attribute of that name. The same for all requests of a subscription. */
void delivery_append_url(struct buffer *url, struct buffer *lines, struct slice given);

/* --- what other requests to the endpoint have, too (validation.h) --- */

/* The header lines that say what the request is about. */
struct delivery_kind {
    struct slice content_type; /* empty: no content */
    struct slice event_type;   /* "Notification" ... */
    struct slice name;         /* the subscription's */
    uint32_t attempts;         /* before this one */
    struct slice data_version; /* NULL: none */
    struct slice metadata_version;
};
void delivery_append_kind(struct buffer *lines, const struct delivery_kind *kind);
/* The delivery attributes; `event` NULL: only those that are static. */
void delivery_append_attributes(struct buffer *lines, const struct event_subscription *subscription,
                                const struct queued_event *event);
/* The same but for those that are secret. */
void delivery_append_open_attributes(struct buffer *lines,
                                     const struct event_subscription *subscription,
                                     const struct queued_event *event);
/* webhook-id, -timestamp and -signature, if the subscription has a secret: several, with blanks
 * between them, give several signatures. */
void delivery_append_signature(struct buffer *lines, const struct event_subscription *subscription,
                               struct slice id, int64_t now_ms, struct slice body);

#define DELIVERY_CONTENT_JSON SLICE_LITERAL("application/json; charset=utf-8")
#define DELIVERY_ORIGIN       SLICE_LITERAL("eventgrid.azure.net")

#endif
