/* What enrichments (resource/enrichment.h) come to for one MQTT message: attributes of a
 * CloudEvent, as JSON. What is not there is "", lists are joined with commas. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_ENRICH_H
#define PUBGRID_EVENTGRID_ENRICH_H

#include "eventgrid/routed_message.h"
#include "resource/enrichment.h"

/* Appends `,"key":value` for each enrichment whose key the JSON object `whole` does not have;
 * NULL: it has none of them. `text` is scratch. */
void enrich_append(struct buffer *out, const struct enrichments *enrichments,
                   const struct routed_message *message, const struct json_value *whole,
                   struct buffer *text);

#endif
