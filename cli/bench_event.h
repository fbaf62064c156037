/* Publish requests of Event Grid (spec/eventgrid.md 1.2) as load: the same events again and again,
 * as the official publisher sends them. Nothing is delivered here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_EVENT_H
#define PUBGRID_CLI_BENCH_EVENT_H

#include "base/buffer.h"
#include "bench_template.h"

#define BENCH_EVENT_TOPIC "bench" /* that of whoever starts the server */

/* Appends the request: options->batch events of shape->payload bytes each, or as few as say what
 * they must. */
void bench_event_request_append(struct buffer *out, const struct bench_shape *shape);

#endif
