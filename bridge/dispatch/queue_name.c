/* See queue_name.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/queue_name.h"

#include "base/ascii.h"

void queue_name_append(struct buffer *out, struct slice source_key, struct slice name)
{
    buffer_append_string(out, "$wps//events/");
    buffer_append(out, source_key);
    buffer_append_string(out, "/eventsubscriptions/");
    ascii_append_lower(out, name);
}
