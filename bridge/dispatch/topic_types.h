/* The kinds of system topics that are known, and the types of their events (spec/eventgrid.md 2.2,
 * 2.3), for who asks what there is and for finding the topic type of a resource. Events of other
 * types are taken, too. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_TOPIC_TYPES_H
#define PUBGRID_DISPATCH_TOPIC_TYPES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

struct topic_type; /* static */

/* By name ("Microsoft.Storage.StorageAccounts"), without regard to case; NULL: it is not known. */
const struct topic_type *topic_type_find(struct slice name);
/* Of the resource with this id; NULL: it has none that is known. */
const struct topic_type *topic_type_of_resource(struct slice id);
const char *topic_type_name(const struct topic_type *type);

/* As answers of management (8.1). */
void topic_type_append(struct buffer *out, const struct topic_type *type);
void topic_types_append(struct buffer *out); /* {"value":[..]} */
void topic_type_append_events(struct buffer *out, const struct topic_type *type); /* NULL: none */

#endif
