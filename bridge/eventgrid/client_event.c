/* See client_event.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/client_event.h"

#include "base/siphash.h"
#include "base/timestamp.h"
#include "base/uuid.h"
#include "eventgrid/routed_message.h"
#include "mqtt/life_cycle.h"
#include "mqtt/properties.h"
#include "mqtt/publisher.h"
#include "json/json.h"

#define TYPE "Microsoft.EventGrid.MQTTClient"

/* ---------------------------------------------------------------- what the broker tells */

bool client_session_change_read(struct client_session_change *change, const struct packet *publish)
{
    struct slice raw = publish->properties.raw;
    struct property_item item;

    *change = (struct client_session_change){.number = 0};
    while (properties_next(&raw, &item)) {
        if (item.property != PROPERTY_USER_PROPERTY) {
            continue;
        }
        if (slice_equal(item.name, SLICE_LITERAL(PUBLISHER_NAME))) {
            change->authentication_name = item.value;
        } else if (slice_equal(item.name, SLICE_LITERAL(PUBLISHER_RECEIVED))) {
            change->time_ms = (int64_t)publisher_number_read(item.value);
        } else if (slice_equal(item.name, SLICE_LITERAL(LIFE_CYCLE_SESSION))) {
            change->session = item.value;
        } else if (slice_equal(item.name, SLICE_LITERAL(LIFE_CYCLE_NUMBER))) {
            change->number = publisher_number_read(item.value);
        } else if (slice_equal(item.name, SLICE_LITERAL(LIFE_CYCLE_REASON))) {
            change->reason = item.value;
        }
    }
    return change->number > 0;
}

/* ---------------------------------------------------------------- what all have */

static void append_id(struct buffer *out, struct slice told)
{
    static const struct siphash_key keys[] = {{UINT64_C(0x636c69656e742121), 1},
                                              {UINT64_C(0x65766e7421212121), 2}};
    uint64_t halves[] = {siphash_13(told, &keys[0]), siphash_13(told, &keys[1])};

    uuid_append_bytes(out, (const uint8_t *)halves);
}

static void append_member(struct buffer *out, const char *name, struct slice text)
{
    buffer_append_string(out, name);
    json_append_string(out, text);
}

static void append_time(struct buffer *out, const char *name, int64_t ms)
{
    buffer_append_string(out, name);
    buffer_append_byte(out, '"');
    timestamp_append(out, ms);
    buffer_append_byte(out, '"');
}

/* `data` is what the event tells but for its time. */
static void append_event(struct buffer *out, const char *type, struct slice subject,
                         struct slice data, int64_t time_ms)
{
    struct buffer told = {0};

    buffer_append_format(&told, "%s %lld ", type, (long long)time_ms);
    buffer_append(&told, data);
    buffer_append_string(out, "{\"id\":\"");
    append_id(out, buffer_slice(&told));
    buffer_append_format(out, "\",\"eventType\":\"" TYPE "%s\"", type);
    append_member(out, ",\"subject\":", subject);
    append_time(out, ",\"eventTime\":", time_ms);
    buffer_append_string(out, ",\"dataVersion\":\"1\",\"data\":");
    buffer_append(out, data);
    buffer_append_byte(out, '}');
    buffer_release(&told);
}

/* ---------------------------------------------------------------- sessions */

void client_session_event_append(struct buffer *out, struct slice namespace_name,
                                 const struct client_session_change *change)
{
    struct buffer subject = {0}, data = {0};

    buffer_append_string(&subject, "clients/");
    buffer_append(&subject, change->authentication_name);
    buffer_append_string(&subject, "/sessions/");
    buffer_append(&subject, change->session);
    append_member(&data, "{\"namespaceName\":", namespace_name);
    append_member(&data, ",\"clientAuthenticationName\":", change->authentication_name);
    append_member(&data, ",\"clientSessionName\":", change->session);
    buffer_append_string(&data, ",\"sequenceNumber\":");
    buffer_append_decimal(&data, change->number);
    if (change->reason.length > 0) {
        append_member(&data, ",\"disconnectionReason\":", change->reason);
    }
    buffer_append_byte(&data, '}');
    append_event(out, change->reason.length > 0 ? "SessionDisconnected" : "SessionConnected",
                 buffer_slice(&subject), buffer_slice(&data), change->time_ms);
    buffer_release(&subject);
    buffer_release(&data);
}

/* ---------------------------------------------------------------- client resources */

void client_event_append(struct buffer *out, struct slice namespace_name,
                         const struct client_change *change, int64_t now_ms)
{
    struct buffer subject = {0}, data = {0};

    buffer_append_string(&subject, "clients/");
    buffer_append(&subject, change->name);
    append_member(&data, "{\"namespaceName\":", namespace_name);
    append_member(&data, ",\"clientName\":", change->name);
    append_member(&data, ",\"clientAuthenticationName\":", change->authentication_name);
    if (!change->is_deleted) {
        append_time(&data, ",\"createdOn\":", change->created_ms > 0 ? change->created_ms : now_ms);
        append_time(&data, ",\"updatedOn\":", now_ms);
        buffer_append_format(&data, ",\"state\":\"%s\",\"attributes\":",
                             change->is_enabled ? "Enabled" : "Disabled");
        buffer_append(&data,
                      change->attributes.length > 0 ? change->attributes : SLICE_LITERAL("{}"));
    }
    buffer_append_byte(&data, '}');
    append_event(out, change->is_deleted ? "Deleted" : "CreatedOrUpdated", buffer_slice(&subject),
                 buffer_slice(&data), now_ms);
    buffer_release(&subject);
    buffer_release(&data);
}
