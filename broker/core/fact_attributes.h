/* The attributes that a client has signed in with, as a session's row has them: v count; of each
 * bytes key, u8 type, v integer (zigzag) or v count of texts, bytes each.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_FACT_ATTRIBUTES_H
#define PUBGRID_CORE_FACT_ATTRIBUTES_H

#include "mqtt/reader.h"
#include "policy/attributes.h"

void fact_append_attributes(struct buffer *out, const struct attribute *first);
/* Into `arena`. The reader has failed if they are none. */
const struct attribute *fact_take_attributes(struct reader *reader, struct arena *arena);

#endif
