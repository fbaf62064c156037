/* Events as they leave: converted to the schema that a subscription wants (spec/eventgrid.md 3.7),
 * with what the server stamps (1.6), never with null attributes (4.1). `data` keeps its bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_EVENTGRID_RENDER_H
#define PUBGRID_EVENTGRID_RENDER_H

#include "base/buffer.h"
#include "eventgrid/event.h"
#include "wire/message.h"

/* Appends the event as one JSON object. `with_data_schema`: EventGrid's dataVersion becomes
 * dataschema "#..." (3.7). */
void event_render(struct buffer *out, const struct event *event, enum event_schema as,
                  bool with_data_schema);

/* The event in the CloudEvents MQTT binding, binary content mode: appends user properties
 * (mqtt/user_property.h's form) to `properties`, the payload to `payload`. *content_type: empty if
 * there is none. */
void event_render_mqtt(const struct event *event, struct buffer *properties, struct buffer *payload,
                       struct slice *content_type);

#endif
