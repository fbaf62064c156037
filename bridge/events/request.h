/* The headers of a request to a webhook (spec/webpubsub.md 7.1).
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

/* Appends lines (access/header_lines.h). `upstream` is the origin of the URL
 * (url_template_origin()), for cookies. `scratch` is overwritten. */
void event_request_append(struct buffer *lines, const struct client_event *event,
                          const struct event_sender *sender, struct slice upstream,
                          struct buffer *scratch);
/* The same for a preflight (7.3). */
void preflight_request_append(struct buffer *lines, struct slice origin);

#endif
