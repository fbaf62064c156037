/* The delivery logs of hubs and event subscriptions (events/delivery_log.h) for the REST API:
 * pages, the newest first, of what all processes have.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLIENT_REST_LOG_H
#define PUBGRID_CLIENT_REST_LOG_H

#include "client/gateway.h"
#include "rest/operation.h"

/* Answers REST_HUB_LOG and REST_EVENT_LOG for this process: appends a page of items, whose names
 * sort the newest to the front and whose text is the delivery as JSON. */
void rest_log(const struct gateway *gateway, const struct rest_operation *operation,
              struct buffer *items);
/* Answers REST_EVENT_QUEUE: appends one item if this process runs the queue. */
void rest_queue(const struct gateway *gateway, const struct rest_operation *operation,
                struct buffer *items);

#endif
