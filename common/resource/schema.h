/* The schemas of events (spec/eventgrid.md 1.6 to 1.8, 3.7).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_RESOURCE_SCHEMA_H
#define PUBGRID_RESOURCE_SCHEMA_H

#include <stdbool.h>

#include "base/slice.h"

enum event_schema {
    SCHEMA_EVENT_GRID,   /* "EventGridSchema" */
    SCHEMA_CLOUD_EVENTS, /* "CloudEventSchemaV1_0" */
    SCHEMA_CUSTOM,       /* "CustomEventSchema" of a topic, "CustomInputSchema" of a subscription */
    EVENT_SCHEMAS
};

/* As a topic's inputSchema, and as a subscription's eventDeliverySchema; read in any case. */
const char *schema_input_name(enum event_schema schema);
const char *schema_delivery_name(enum event_schema schema);
bool schema_from_input_name(struct slice name, enum event_schema *out);
bool schema_from_delivery_name(struct slice name, enum event_schema *out);
/* May events that come as `input` be delivered as `output` (the matrix of 3.7)? */
bool schema_may_become(enum event_schema input, enum event_schema output);

#endif
