/* See stored_subscription.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/stored_subscription.h"

#include "json/json.h"

static void append_text(struct buffer *out, const char *name, struct slice value)
{
    if (value.length > 0) {
        buffer_append_format(out, ",\"%s\":", name);
        json_append_string(out, value);
    }
}

void stored_subscription_append(struct buffer *out, const struct stored_subscription *stored)
{
    buffer_append_string(out, "{\"name\":");
    json_append_string(out, stored->name);
    if (stored->properties.length > 0) {
        buffer_append_string(out, ",\"properties\":");
        buffer_append(out, stored->properties);
    }
    buffer_append_format(out, ",\"state\":\"%s\"", subscription_state_name(stored->state));
    append_text(out, "stateReason", stored->reason);
    append_text(out, "stateUrl", stored->about->destination.url);
    append_text(out, "stateSchema",
                slice_from_string(schema_delivery_name(stored->about->delivery_schema)));
    if (stored->consent_until_ms != 0) {
        buffer_append_format(out, ",\"consentUntil\":%lld", (long long)stored->consent_until_ms);
    }
    buffer_append_byte(out, '}');
}
