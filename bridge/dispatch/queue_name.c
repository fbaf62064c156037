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

void route_queue_append(struct buffer *out, struct slice namespace_name, struct slice route)
{
    buffer_append_string(out, "$wps//events/routes/");
    ascii_append_lower(out, namespace_name);
    buffer_append_byte(out, '/');
    ascii_append_lower(out, route);
}
