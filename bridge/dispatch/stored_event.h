/* An event that was accepted before, as JSON, taken apart once more: on its way to another event
 * topic, or out of an archive. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_STORED_EVENT_H
#define PUBGRID_DISPATCH_STORED_EVENT_H

#include <stdbool.h>

#include "base/buffer.h"
#include "dispatch/catalog.h"
#include "eventgrid/publish.h"

struct gateway;

/* Memory that one after the other uses; zeroed memory is good. */
struct stored_event_scratch {
    struct publish_scratch parts;
    struct buffer json;
};

/* As an event of `source`, in `schema`. NULL: its schema is another, or demands what it lacks.
 * Valid until the next use of the scratch memory. */
const struct event *stored_event_read(struct stored_event_scratch *scratch,
                                      const struct gateway *gateway,
                                      const struct catalog_source *source, enum event_schema schema,
                                      struct slice json);
void stored_event_scratch_release(struct stored_event_scratch *scratch);

#endif
