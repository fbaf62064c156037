/* URL templates of event handlers (spec/webpubsub.md 7.2): {hub} and {event} stand for the event's,
 * percent-encoded; the rest, the query too, stays as it is. The configuration has checked them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTS_URL_TEMPLATE_H
#define PUBGRID_EVENTS_URL_TEMPLATE_H

#include "base/buffer.h"
#include "base/slice.h"

/* Appends the URL. */
void url_template_expand(struct buffer *out, struct slice template, struct slice hub,
                         struct slice event);
/* "http://host:port" of a template, as it stands there: whom requests go to. */
struct slice url_template_origin(struct slice template);

/* The same placeholders in any other text (topics of listeners), with values put in by `append`. */
void template_expand(struct buffer *out, struct slice template, struct slice hub,
                     struct slice event, void (*append)(struct buffer *out, struct slice value));

#endif
