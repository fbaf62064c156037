/* What the queue of an event subscription is called: its topic, and the client identifier of its
 * session, "$wps//events/<source key>/eventsubscriptions/<name in lower case>". Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_QUEUE_NAME_H
#define PUBGRID_DISPATCH_QUEUE_NAME_H

#include "base/buffer.h"
#include "base/slice.h"

/* The queue of a source's archive (resource/topic.h: retention_days) is that of a subscription with
 * this name. */
#define ARCHIVE_NAME "$archive"

void queue_name_append(struct buffer *out, struct slice source_key, struct slice name);
/* The session of a namespace's route: "$wps//events/routes/<namespace>/<route>", in lower case. */
void route_queue_append(struct buffer *out, struct slice namespace_name, struct slice route);

#endif
