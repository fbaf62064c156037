/* The headers of a request to a webhook (spec/webpubsub.md 7.1). Whatever is in the values, each is
 * one header: bytes that may not be in it are percent-encoded, as CloudEvents says (HTTP binding
 * 3.1.3.2), and with them a % that could be taken for such an encoding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_REQUEST_H
#define PUBGRID_EVENTS_REQUEST_H

#include "base/buffer.h"
#include "events/event.h"

struct access_keys;

/* What the requests of this process share. */
struct event_sender {
    const struct access_keys *keys;
    struct slice origin; /* our public host: WebHook-Request-Origin */
    int64_t time;        /* Unix seconds */
};

/* Appends "Name: value" lines, each with a NUL behind it. `upstream` is the origin of the URL
 * (url_template_origin()), for cookies. `scratch` is overwritten. */
void event_request_append(struct buffer *lines, const struct event *event,
                          const struct event_sender *sender, struct slice upstream,
                          struct buffer *scratch);
/* The same for a preflight (7.3). */
void preflight_request_append(struct buffer *lines, struct slice origin);

#endif
