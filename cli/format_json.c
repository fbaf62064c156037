/* The JSON object of %j and %J, with mosquitto_sub's member names in its order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format_json.h"

#include <time.h>

#include "json/json.h"

static const struct property_name {
    enum MQTTPropertyCodes identifier;
    const char *name;
} property_names[] = {
    {MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR, "payload-format-indicator"},
    {MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL, "message-expiry-interval"},
    {MQTTPROPERTY_CODE_CONTENT_TYPE, "content-type"},
    {MQTTPROPERTY_CODE_RESPONSE_TOPIC, "response-topic"},
    {MQTTPROPERTY_CODE_CORRELATION_DATA, "correlation-data"},
    {MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER, "subscription-identifier"},
    {MQTTPROPERTY_CODE_TOPIC_ALIAS, "topic-alias"},
};

static const char *name_of(enum MQTTPropertyCodes identifier)
{
    for (size_t i = 0; i < sizeof(property_names) / sizeof(property_names[0]); i++) {
        if (property_names[i].identifier == identifier) {
            return property_names[i].name;
        }
    }
    return NULL;
}

static void append_text(struct buffer *out, const MQTTLenString *text)
{
    json_append_string(out, slice_make(text->data, (size_t)text->len));
}

static void append_value(struct buffer *out, const MQTTProperty *property)
{
    switch (MQTTProperty_getType(property->identifier)) {
    case MQTTPROPERTY_TYPE_BYTE:
        buffer_append_format(out, "%u", property->value.byte);
        break;
    case MQTTPROPERTY_TYPE_TWO_BYTE_INTEGER:
        buffer_append_format(out, "%u", property->value.integer2);
        break;
    case MQTTPROPERTY_TYPE_FOUR_BYTE_INTEGER:
    case MQTTPROPERTY_TYPE_VARIABLE_BYTE_INTEGER:
        buffer_append_format(out, "%u", property->value.integer4);
        break;
    default:
        append_text(out, &property->value.data);
        break;
    }
}

/* All user properties form one object, where the first of them stands; equal names stay apart. */
static void append_user_properties(struct buffer *out, const MQTTProperties *list)
{
    const char *separator = "\"user-properties\":{";

    for (int i = 0; i < list->count; i++) {
        const MQTTProperty *property = &list->array[i];

        if (property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY) {
            buffer_append_string(out, separator);
            append_text(out, &property->value.data);
            buffer_append_byte(out, ':');
            append_text(out, &property->value.value);
            separator = ",";
        }
    }
    buffer_append_byte(out, '}');
}

static void append_properties(struct buffer *out, const MQTTProperties *list)
{
    const char *separator = "";
    bool user_properties_done = false;

    buffer_append_string(out, ",\"properties\":{");
    for (int i = 0; i < list->count; i++) {
        const MQTTProperty *property = &list->array[i];
        bool is_user_property = property->identifier == MQTTPROPERTY_CODE_USER_PROPERTY;
        const char *name = name_of(property->identifier);

        if (is_user_property ? user_properties_done : name == NULL) {
            continue;
        }
        buffer_append_string(out, separator);
        separator = ",";
        if (is_user_property) {
            append_user_properties(out, list);
            user_properties_done = true;
        } else {
            buffer_append_format(out, "\"%s\":", name);
            append_value(out, property);
        }
    }
    buffer_append_byte(out, '}');
}

static void append_time(struct buffer *out, const struct timespec *at)
{
    char text[64];
    struct tm local;

    localtime_r(&at->tv_sec, &local);
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &local);
    buffer_append_format(out, "\"%s.%06ldZ", text, at->tv_nsec / 1000);
    strftime(text, sizeof(text), "%z", &local);
    buffer_append_format(out, "%s\"", text);
}

static bool append_payload(struct buffer *out, struct slice payload, bool as_text)
{
    buffer_append_string(out, ",\"payload\":");
    if (payload.length == 0) {
        buffer_append_string(out, "null");
        return true;
    }
    if (as_text) {
        json_append_string(out, payload);
        return true;
    }
    return json_append_compact(out, payload);
}

static bool append_object(struct buffer *out, const struct received *message, bool as_text)
{
    buffer_append_string(out, "{\"tst\":");
    append_time(out, &message->at);
    buffer_append_string(out, ",\"topic\":");
    json_append_string(out, message->topic);
    buffer_append_format(out, ",\"qos\":%d,\"retain\":%d,\"payloadlen\":%zu", message->qos,
                         message->retain, message->payload.length);
    if (message->qos > 0) {
        buffer_append_format(out, ",\"mid\":%d", message->packet_id);
    }
    if (message->properties->count > 0) {
        append_properties(out, message->properties);
    }
    if (!append_payload(out, message->payload, as_text)) {
        return false;
    }
    buffer_append_byte(out, '}');
    return true;
}

bool format_json(struct buffer *out, const struct received *message, bool as_text, bool pretty)
{
    struct buffer object = {0};
    bool good = append_object(&object, message, as_text);

    if (good && pretty) {
        json_append_indented(out, buffer_slice(&object));
    } else if (good) {
        buffer_append(out, buffer_slice(&object));
    }
    buffer_release(&object);
    return good;
}
