/* See body.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/body.h"

#include "json/json.h"

void user_properties_append(struct buffer *out, struct pairs properties)
{
    buffer_append_string(out, "\"userProperties\":");
    if (properties.count == 0) {
        buffer_append_string(out, "null");
        return;
    }
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < properties.count; i++) {
        buffer_append_string(out, i == 0 ? "{\"name\":" : ",{\"name\":");
        json_append_string(out, properties.items[i].key);
        buffer_append_string(out, ",\"value\":");
        json_append_string(out, properties.items[i].value);
        buffer_append_byte(out, '}');
    }
    buffer_append_byte(out, ']');
}

void disconnected_body_append(struct buffer *out, struct slice reason)
{
    buffer_append_string(out, "{\"reason\":");
    json_append_string(out, reason);
    buffer_append_byte(out, '}');
}

void disconnected_mqtt_body_append(struct buffer *out, struct slice reason,
                                   const struct disconnected_mqtt *mqtt)
{
    buffer_append_string(out, "{\"reason\":");
    if (reason.length > 0) {
        json_append_string(out, reason);
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_string(out, ",\"mqtt\":{\"initiatedByClient\":");
    buffer_append_string(out, mqtt->by_client ? "true" : "false");
    buffer_append_string(out, ",\"disconnectPacket\":");
    if (mqtt->has_packet) {
        buffer_append_format(out, "{\"code\":%u,", mqtt->code);
        user_properties_append(out, mqtt->user_properties);
        buffer_append_byte(out, '}');
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_string(out, "}}");
}

void group_body_append(struct buffer *out, struct slice group)
{
    buffer_append_string(out, "{\"group\":");
    json_append_string(out, group);
    buffer_append_byte(out, '}');
}
