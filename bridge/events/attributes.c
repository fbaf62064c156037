/* See attributes.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/attributes.h"

#include "events/match.h"
#include "secret/access_keys.h"
#include "secret/digest.h"

enum { TEXTS_SIZE = 512 }; /* type, source, id, time and signature without the event's own parts */

/* ---------------------------------------------------------------- signature */

static void append_hex(struct buffer *out, const uint8_t *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < length; i++) {
        buffer_append_byte(out, (uint8_t)digits[bytes[i] >> 4]);
        buffer_append_byte(out, (uint8_t)digits[bytes[i] & 15]);
    }
}

/* "sha256=<hex>,sha256=<hex>", with both keys. */
static void append_signature(struct buffer *out, const struct access_keys *keys,
                             struct slice connection_id)
{
    for (int which = 0; which < ACCESS_KEYS; which++) {
        uint8_t digest[DIGEST_SIZE];
        access_keys_sign(keys, (enum access_key)which, connection_id, digest);
        buffer_append_string(out, which == 0 ? "sha256=" : ",sha256=");
        append_hex(out, digest, sizeof(digest));
    }
}

/* ---------------------------------------------------------------- time */

/* Two digits at least. */
static void append_number(struct buffer *out, int64_t value)
{
    if (value >= 100) {
        append_number(out, value / 100);
        value %= 100;
    }
    buffer_append_byte(out, (uint8_t)('0' + value / 10));
    buffer_append_byte(out, (uint8_t)('0' + value % 10));
}

static bool is_leap_year(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

void event_time_append(struct buffer *out, int64_t seconds)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int64_t days = seconds / 86400, second = seconds % 86400, year = 1970;
    size_t month = 0;

    for (; days >= 365 + is_leap_year(year); year++) {
        days -= 365 + is_leap_year(year);
    }
    for (; days >= lengths[month] + (month == 1 && is_leap_year(year)); month++) {
        days -= lengths[month] + (month == 1 && is_leap_year(year));
    }
    const int64_t parts[] = {year,          (int64_t)month + 1, days + 1,
                             second / 3600, second / 60 % 60,   second % 60};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        append_number(out, parts[i]);
        buffer_append_byte(out, (uint8_t) "--T::Z"[i]);
    }
}

/* ---------------------------------------------------------------- attributes */

static void append_type(struct buffer *out, const struct client_event *event)
{
    bool is_of_group = event->system == SYSTEM_EVENT_JOINED || event->system == SYSTEM_EVENT_LEFT;

    buffer_append_string(out, "azure.webpubsub.");
    buffer_append_string(out, event->is_user_event ? "user." : is_of_group ? "gp." : "sys.");
    buffer_append(out, event_name(event));
}

static void append_source(struct buffer *out, const struct client_event *event)
{
    buffer_append_string(out, "/hubs/");
    buffer_append(out, event->hub);
    buffer_append_string(out, "/client/");
    buffer_append(out, event->connection_id);
    if (event->physical_connection.length > 0) {
        buffer_append_byte(out, '/');
        buffer_append(out, event->physical_connection);
    }
}

/* The text behind `from`. */
static struct slice tail(const struct buffer *buffer, size_t from)
{
    return slice_from(buffer_slice(buffer), from);
}

size_t event_attributes(const struct client_event *event, const struct access_keys *keys,
                        int64_t time, struct event_attribute out[EVENT_ATTRIBUTES_MAX],
                        struct buffer *scratch)
{
    struct slice name = event_name(event), type, source, number, when, signature;
    size_t count = 0;

    scratch->length = 0;
    buffer_reserve(scratch, TEXTS_SIZE + name.length + event->hub.length +
                                event->connection_id.length + event->physical_connection.length);
    append_type(scratch, event);
    type = tail(scratch, 0);
    append_source(scratch, event);
    source = tail(scratch, type.length);
    buffer_append_decimal(scratch, event->number);
    number = tail(scratch, type.length + source.length);
    event_time_append(scratch, time);
    when = tail(scratch, type.length + source.length + number.length);
    append_signature(scratch, keys, event->connection_id);
    signature = tail(scratch, type.length + source.length + number.length + when.length);

    const struct event_attribute all[EVENT_ATTRIBUTES_MAX] = {
        {"specversion", SLICE_LITERAL("1.0")},
        {"awpsversion", SLICE_LITERAL("1.0")},
        {"type", type},
        {"source", source},
        {"id", number},
        {"time", when},
        {"signature", signature},
        {"connectionId", event->connection_id},
        {"hub", event->hub},
        {"eventName", name},
        {"userId", event->user_id},
        {"subprotocol", event->subprotocol},
        {"connectionState", event->state},
        {"physicalConnectionId", event->physical_connection},
        {"sessionId", event->session},
    };
    for (size_t i = 0; i < EVENT_ATTRIBUTES_MAX; i++) {
        if (all[i].value.length > 0) {
            out[count++] = all[i];
        }
    }
    return count;
}

struct slice event_content_type(const struct client_event *event)
{
    static const struct slice by_type[] = {
        [DATA_JSON] = SLICE_LITERAL("application/json"),
        [DATA_TEXT] = SLICE_LITERAL("text/plain"),
        [DATA_BINARY] = SLICE_LITERAL("application/octet-stream"),
        [DATA_PROTOBUF] = SLICE_LITERAL("application/x-protobuf"),
    };

    return event->content_type.length > 0 ? event->content_type : by_type[event->data.type];
}
