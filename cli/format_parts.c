/* The parts of a message that a format can name: a function for each, and the table of letters.
 *
 * Numbers, texts and the payload have different rules for width and precision; they are
 * mosquitto_sub's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "format_parts.h"

#include <stdio.h>
#include <string.h>

#include "format_json.h"

static const MQTTProperty *find_property(const struct received *message,
                                         enum MQTTPropertyCodes identifier)
{
    for (int i = 0; i < message->properties->count; i++) {
        if (message->properties->array[i].identifier == identifier) {
            return &message->properties->array[i];
        }
    }
    return NULL;
}

static struct slice text_of(const MQTTLenString *text)
{
    return slice_make(text->data, (size_t)text->len);
}

static void append_pad(struct buffer *out, char pad, int count)
{
    for (int i = 0; i < count; i++) {
        buffer_append_byte(out, (uint8_t)pad);
    }
}

static void append_padded(struct buffer *out, const struct layout *layout, struct slice text,
                          char pad)
{
    int missing = layout->width - (int)text.length;

    if (!layout->left) {
        append_pad(out, pad, missing);
    }
    buffer_append(out, text);
    if (layout->left) {
        append_pad(out, ' ', missing);
    }
}

static bool append_number(struct buffer *out, const struct layout *layout, long number)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%ld", number);

    append_padded(out, layout, slice_make(digits, (size_t)length), layout->pad);
    return true;
}

static bool append_text(struct buffer *out, const struct layout *layout, struct slice text)
{
    if (layout->precision >= 0 && (size_t)layout->precision < text.length) {
        text.length = (size_t)layout->precision;
    }
    append_padded(out, layout, text, ' ');
    return true;
}

void format_append_time(struct buffer *out, const struct received *message, const char *format)
{
    char text[100];
    struct tm local;

    localtime_r(&message->at.tv_sec, &local);
    /* The format is a constant of this file or two characters of the user's. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    buffer_append(out, slice_make(text, strftime(text, sizeof(text), format, &local)));
#pragma GCC diagnostic pop
}

static bool part_percent(struct buffer *out, const struct layout *layout,
                         const struct format_options *options, const struct received *message)
{
    (void)layout, (void)options, (void)message;
    buffer_append_byte(out, '%');
    return true;
}

/* An absent number is as wide as a present one. */
static bool append_property_number(struct buffer *out, const struct layout *layout,
                                   const MQTTProperty *property, long number)
{
    if (property == NULL) {
        append_pad(out, layout->pad, layout->width);
        return true;
    }
    return append_number(out, layout, number);
}

static bool part_topic_alias(struct buffer *out, const struct layout *layout,
                             const struct format_options *options, const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_TOPIC_ALIAS);

    (void)options;
    return append_property_number(out, layout, p, p == NULL ? 0 : p->value.integer2);
}

static bool part_expiry(struct buffer *out, const struct layout *layout,
                        const struct format_options *options, const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL);

    (void)options;
    return append_property_number(out, layout, p, p == NULL ? 0 : (long)p->value.integer4);
}

static bool part_payload_format(struct buffer *out, const struct layout *layout,
                                const struct format_options *options,
                                const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR);

    (void)options;
    return append_property_number(out, layout, p, p == NULL ? 0 : p->value.byte);
}

static bool part_subscription(struct buffer *out, const struct layout *layout,
                              const struct format_options *options, const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_SUBSCRIPTION_IDENTIFIER);

    (void)options;
    return append_property_number(out, layout, p, p == NULL ? 0 : (long)p->value.integer4);
}

static bool part_content_type(struct buffer *out, const struct layout *layout,
                              const struct format_options *options, const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_CONTENT_TYPE);

    (void)options;
    return append_text(out, layout, p == NULL ? SLICE_EMPTY : text_of(&p->value.data));
}

static bool part_response_topic(struct buffer *out, const struct layout *layout,
                                const struct format_options *options,
                                const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_RESPONSE_TOPIC);

    (void)options;
    return p == NULL || append_text(out, layout, text_of(&p->value.data));
}

static bool part_correlation(struct buffer *out, const struct layout *layout,
                             const struct format_options *options, const struct received *message)
{
    const MQTTProperty *p = find_property(message, MQTTPROPERTY_CODE_CORRELATION_DATA);

    (void)layout, (void)options;
    if (p != NULL) {
        buffer_append(out, text_of(&p->value.data));
    }
    return true;
}

static bool part_user_properties(struct buffer *out, const struct layout *layout,
                                 const struct format_options *options,
                                 const struct received *message)
{
    const char *separator = "";

    (void)layout, (void)options;
    for (int i = 0; i < message->properties->count; i++) {
        const MQTTProperty *p = &message->properties->array[i];

        if (p->identifier == MQTTPROPERTY_CODE_USER_PROPERTY) {
            buffer_append_string(out, separator);
            buffer_append(out, text_of(&p->value.data));
            buffer_append_byte(out, ':');
            buffer_append(out, text_of(&p->value.value));
            separator = " ";
        }
    }
    return true;
}

static bool part_length(struct buffer *out, const struct layout *layout,
                        const struct format_options *options, const struct received *message)
{
    (void)options;
    return append_number(out, layout, (long)message->payload.length);
}

static bool part_packet_id(struct buffer *out, const struct layout *layout,
                           const struct format_options *options, const struct received *message)
{
    (void)options;
    return append_number(out, layout, message->packet_id);
}

static bool part_qos(struct buffer *out, const struct layout *layout,
                     const struct format_options *options, const struct received *message)
{
    (void)layout, (void)options;
    buffer_append_byte(out, (uint8_t)('0' + message->qos));
    return true;
}

static bool part_retain(struct buffer *out, const struct layout *layout,
                        const struct format_options *options, const struct received *message)
{
    (void)layout, (void)options;
    buffer_append_byte(out, message->retain ? '1' : '0');
    return true;
}

static bool part_topic(struct buffer *out, const struct layout *layout,
                       const struct format_options *options, const struct received *message)
{
    (void)options;
    return append_text(out, layout, message->topic);
}

/* A width cuts the payload, unlike other text: mosquitto_sub's rule. */
static bool part_payload(struct buffer *out, const struct layout *layout,
                         const struct format_options *options, const struct received *message)
{
    struct slice payload = message->payload;

    (void)options;
    if (layout->width > 0 && payload.length > (size_t)layout->width) {
        payload.length = (size_t)layout->width;
    }
    append_padded(out, layout, payload, layout->pad);
    return true;
}

static bool append_hex(struct buffer *out, const struct layout *layout, struct slice payload,
                       const char *digits)
{
    int missing;

    if (layout->width > 0 && payload.length > (size_t)layout->width / 2) {
        payload.length = (size_t)layout->width / 2;
    }
    missing = layout->width - (int)(payload.length * 2);
    if (!layout->left) {
        append_pad(out, layout->pad, missing);
    }
    for (size_t i = 0; i < payload.length; i++) {
        buffer_append_byte(out, (uint8_t)digits[payload.data[i] >> 4]);
        buffer_append_byte(out, (uint8_t)digits[payload.data[i] & 15]);
    }
    if (layout->left) {
        append_pad(out, ' ', missing);
    }
    return true;
}

static bool part_hex_lower(struct buffer *out, const struct layout *layout,
                           const struct format_options *options, const struct received *message)
{
    (void)options;
    return append_hex(out, layout, message->payload, "0123456789abcdef");
}

static bool part_hex_upper(struct buffer *out, const struct layout *layout,
                           const struct format_options *options, const struct received *message)
{
    (void)options;
    return append_hex(out, layout, message->payload, "0123456789ABCDEF");
}

static bool part_iso_time(struct buffer *out, const struct layout *layout,
                          const struct format_options *options, const struct received *message)
{
    struct buffer text = {0};

    (void)options;
    format_append_time(&text, message, "%FT%T%z");
    append_text(out, layout, buffer_slice(&text));
    buffer_release(&text);
    return true;
}

static bool part_unix_time(struct buffer *out, const struct layout *layout,
                           const struct format_options *options, const struct received *message)
{
    (void)layout, (void)options;
    buffer_append_format(out, "%lld.%09ld", (long long)message->at.tv_sec, message->at.tv_nsec);
    return true;
}

static bool part_json_text(struct buffer *out, const struct layout *layout,
                           const struct format_options *options, const struct received *message)
{
    (void)layout;
    return format_json(out, message, true, options->pretty);
}

static bool part_json(struct buffer *out, const struct layout *layout,
                      const struct format_options *options, const struct received *message)
{
    (void)layout;
    return format_json(out, message, false, options->pretty);
}

static const struct {
    char letter;
    append_part *append;
} parts[] = {
    {'%', part_percent},        {'A', part_topic_alias},  {'C', part_content_type},
    {'D', part_correlation},    {'E', part_expiry},       {'F', part_payload_format},
    {'I', part_iso_time},       {'J', part_json},         {'P', part_user_properties},
    {'R', part_response_topic}, {'S', part_subscription}, {'U', part_unix_time},
    {'X', part_hex_upper},      {'j', part_json_text},    {'l', part_length},
    {'m', part_packet_id},      {'p', part_payload},      {'q', part_qos},
    {'r', part_retain},         {'t', part_topic},        {'x', part_hex_lower},
};

append_part *format_find_part(char letter)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i].letter == letter) {
            return parts[i].append;
        }
    }
    return NULL;
}
