/* An event subscription as a GET shows it (spec/eventgrid.md 3.1): with every default, without
 * secrets.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "resource/source.h"
#include "resource/subscription_parts.h"

/* --- pieces --- */

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

/* `,"name":"text"`, or nothing for an empty text. */
static void append_text(struct buffer *out, const char *name, struct slice text)
{
    if (text.length > 0) {
        buffer_append_format(out, ",\"%s\":", name);
        json_append_string(out, text);
    }
}

static void append_texts(struct buffer *out, const struct slice *texts, size_t count)
{
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        json_append_string(out, texts[i]);
    }
    buffer_append_byte(out, ']');
}

/* With as few digits as give the same number again. */
static void append_double(struct buffer *out, double number)
{
    char text[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, number);
        double again = strtod(text, NULL);
        if (!(again < number) && !(again > number)) {
            break;
        }
    }
    buffer_append_string(out, text);
}

/* --- filters --- */

static void append_value(struct buffer *out, enum filter_shape shape,
                         const struct filter_value *value)
{
    switch (shape) {
    case SHAPE_NUMBER:
    case SHAPE_NUMBERS:
        append_double(out, value->low);
        break;
    case SHAPE_RANGES:
        buffer_append_byte(out, '[');
        append_double(out, value->low);
        buffer_append_byte(out, ',');
        append_double(out, value->high);
        buffer_append_byte(out, ']');
        break;
    case SHAPE_BOOL:
        buffer_append_string(out, truth(value->low > 0));
        break;
    case SHAPE_TEXTS:
        json_append_string(out, value->text);
        break;
    case SHAPE_NONE:
    case SHAPE_FILTERS:
        break;
    }
}

static void append_values(struct buffer *out, enum filter_shape shape,
                          const struct advanced_filter *filter)
{
    bool is_one = shape == SHAPE_NUMBER || shape == SHAPE_BOOL;

    buffer_append_string(out, is_one ? ",\"value\":" : ",\"values\":[");
    for (size_t i = 0; i < filter->value_count; i++) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        append_value(out, shape, &filter->values[i]);
    }
    buffer_append_string(out, is_one ? "" : "]");
}

static void append_filters(struct buffer *out, const struct advanced_filter *filters, size_t count)
{
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        enum filter_operator which = filters[i].operation;
        enum filter_shape shape = filter_operator_shape(which);
        buffer_append_format(out, "%s{\"operatorType\":\"%s\"", i > 0 ? "," : "",
                             filter_operator_names[which]);
        append_text(out, "key", filters[i].key);
        if (shape == SHAPE_FILTERS) {
            buffer_append_string(out, ",\"filters\":");
            append_filters(out, filters[i].alternatives, filters[i].alternative_count);
        } else if (shape != SHAPE_NONE) {
            append_values(out, shape, &filters[i]);
        }
        buffer_append_byte(out, '}');
    }
    buffer_append_byte(out, ']');
}

void included_types_append(struct buffer *out, const struct event_filter *filter)
{
    buffer_append_string(out, "\"includedEventTypes\":");
    if (filter->included_types) {
        append_texts(out, filter->included_types, filter->included_type_count);
    } else {
        buffer_append_string(out, "null");
    }
}

void filters_append(struct buffer *out, const char *name, const struct event_filter *filter)
{
    buffer_append_format(out, "\"%s\":", name);
    append_filters(out, filter->advanced, filter->advanced_count);
}

static void append_filter(struct buffer *out, const struct event_filter *filter)
{
    buffer_append_string(out, "\"filter\":{\"subjectBeginsWith\":");
    json_append_string(out, filter->subject_begins_with);
    buffer_append_string(out, ",\"subjectEndsWith\":");
    json_append_string(out, filter->subject_ends_with);
    buffer_append_format(out,
                         ",\"isSubjectCaseSensitive\":%s,\"enableAdvancedFilteringOnArrays\":%s",
                         truth(filter->is_subject_case_sensitive), truth(filter->on_arrays));
    if (filter->is_extended) {
        buffer_append_string(out, ",\"enableExtendedFiltering\":true");
    }
    buffer_append_byte(out, ',');
    included_types_append(out, filter);
    buffer_append_byte(out, ',');
    filters_append(out, "advancedFilters", filter);
    buffer_append_byte(out, '}');
}

/* --- destinations --- */

/* Without the query, which may be a secret, and without user and password. */
static void append_base_url(struct buffer *out, struct slice url)
{
    struct buffer base = {0};
    size_t end = 0, host = 0;

    while (end < url.length && url.data[end] != '?') {
        end++;
    }
    for (size_t i = 0, slashes = 0; i < end && slashes < 3; i++) {
        slashes += url.data[i] == '/';
        if (slashes == 2 && url.data[i] == '@') {
            host = i + 1;
        }
    }
    if (host > 0) {
        const uint8_t *authority = memchr(url.data, '/', url.length);
        buffer_append(&base, slice_make(url.data, (size_t)(authority - url.data) + 2));
    }
    buffer_append(&base, slice_make(url.data + host, end - host));
    json_append_string(out, buffer_slice(&base));
    buffer_release(&base);
}

static void append_webhook(struct buffer *out, const struct destination *destination)
{
    buffer_append_string(out, "\"endpointUrl\":null,\"endpointBaseUrl\":");
    append_base_url(out, destination->url);
    buffer_append_format(out, ",\"maxEventsPerBatch\":%u,\"preferredBatchSizeInKilobytes\":%u",
                         destination->batch_events, destination->batch_bytes / 1024);
    append_text(out, "azureActiveDirectoryTenantId", destination->entra_tenant);
    append_text(out, "azureActiveDirectoryApplicationIdOrUri", destination->entra_application);
    append_text(out, "minimumTlsVersionAllowed", destination->tls_least);
    buffer_append_string(out, ",\"deliveryAttributeMappings\":");
    attributes_append(out, destination);
    buffer_append_format(out,
                         ",\"skipValidation\":%s,\"sendDataSchema\":%s,\"maxConcurrentRequests\":%u"
                         ",\"maxRequestsPerSecond\":%u,\"requestTimeoutInSeconds\":%u",
                         truth(destination->skips_validation),
                         truth(destination->sends_data_schema), destination->requests_max,
                         destination->requests_per_second, destination->timeout_ms / 1000);
    append_text(out, "signingSecret",
                destination->signing_secret.length > 0 ? SLICE_LITERAL("Hidden") : SLICE_EMPTY);
}

static void append_web_pub_sub(struct buffer *out, const struct destination *destination)
{
    buffer_append_string(out, "\"hub\":");
    json_append_string(out, destination->hub);
    append_text(out, "group", destination->group);
    append_text(out, "user", destination->user);
}

static void append_mqtt_topic(struct buffer *out, const struct destination *destination)
{
    buffer_append_string(out, "\"topic\":");
    json_append_string(out, destination->topic);
    buffer_append_format(out, ",\"retain\":%s", truth(destination->retain));
}

static void append_topic_name(struct buffer *out, struct slice key)
{
    struct source_name source;

    buffer_append_string(out, "\"topicName\":");
    json_append_string(out, source_key_parse(key, &source) ? source.name : SLICE_EMPTY);
}

static void append_event_topic(struct buffer *out, const struct destination *destination)
{
    if (destination->topic_id.length > 0) {
        buffer_append_string(out, "\"resourceId\":");
        json_append_string(out, destination->topic_id);
        return;
    }
    append_topic_name(out, destination->source_key);
}

static void (*const append_properties[DESTINATION_KINDS])(struct buffer *out,
                                                          const struct destination *destination) = {
    [DESTINATION_WEBHOOK] = append_webhook,
    [DESTINATION_WEB_PUB_SUB] = append_web_pub_sub,
    [DESTINATION_MQTT_TOPIC] = append_mqtt_topic,
    [DESTINATION_EVENT_TOPIC] = append_event_topic,
};

/* `"wrapper":{"identity":..,"name":` if there is an identity, else `"name":`; returns what ends it.
 */
static const char *append_wrapper(struct buffer *out, struct slice identity, const char *wrapper,
                                  const char *name)
{
    if (identity.length > 0) {
        buffer_append_format(out, "\"%s\":{\"identity\":%.*s,", wrapper, SLICE_PRINT(identity));
    }
    buffer_append_format(out, "\"%s\":", name);
    return identity.length > 0 ? "}" : "";
}

void destination_append(struct buffer *out, const struct destination *destination)
{
    const char *end =
        append_wrapper(out, destination->identity, "deliveryWithResourceIdentity", "destination");

    buffer_append_format(out, "{\"endpointType\":\"%s\",\"properties\":{",
                         destination->topic_id.length > 0 ? NAMESPACE_TOPIC_NAME
                                                          : destination_names[destination->kind]);
    append_properties[destination->kind](out, destination);
    buffer_append_format(out, "}}%s", end);
}

void subscription_append_dead_letter(struct buffer *out, const struct dead_letter *dead_letter,
                                     const char *wrapper, const char *absent)
{
    const char *end =
        append_wrapper(out, dead_letter->identity, wrapper,
                       dead_letter->kind == DEAD_LETTER_NONE ? absent : "deadLetterDestination");

    switch (dead_letter->kind) {
    case DEAD_LETTER_NONE:
        buffer_append_string(out, "null");
        break;
    case DEAD_LETTER_FILES:
        buffer_append_string(out, "{\"endpointType\":\"" DEAD_LETTER_FILES_NAME
                                  "\",\"properties\":{\"blobContainerName\":");
        json_append_string(out, dead_letter->container);
        append_text(out, "resourceId", dead_letter->resource_id);
        buffer_append_string(out, "}}");
        break;
    case DEAD_LETTER_TOPIC:
        buffer_append_format(out, "{\"endpointType\":\"%s\",\"properties\":{",
                             destination_names[DESTINATION_EVENT_TOPIC]);
        append_topic_name(out, dead_letter->source_key);
        buffer_append_string(out, "}}");
        break;
    }
    buffer_append_string(out, end);
}

/* --- all of it --- */

void backoff_append(struct buffer *out, const struct retry_policy *retry)
{
    for (size_t i = 0; i < retry->backoff_count; i++) {
        buffer_append_format(out, "%s%u", i == 0 ? ",\"backoffInSeconds\":[" : ",",
                             retry->backoff_s[i]);
    }
    buffer_append_format(out, "%s,\"probation\":%s", retry->backoff_count > 0 ? "]" : "",
                         truth(retry->has_probation));
}

static void append_retry(struct buffer *out, const struct retry_policy *retry)
{
    buffer_append_format(out,
                         "\"retryPolicy\":{\"maxDeliveryAttempts\":%u,"
                         "\"eventTimeToLiveInMinutes\":%" PRIu64,
                         retry->attempts_max, retry->time_to_live_ms / 60000);
    backoff_append(out, retry);
    buffer_append_byte(out, '}');
}

void expiration_append(struct buffer *out, int64_t expires_ms)
{
    buffer_append_string(out, "\"expirationTimeUtc\":");
    if (expires_ms == 0) {
        buffer_append_string(out, "null");
        return;
    }
    buffer_append_byte(out, '"');
    timestamp_append(out, expires_ms);
    buffer_append_byte(out, '"');
}

void event_subscription_append_members(struct buffer *out,
                                       const struct event_subscription *subscription)
{
    if (subscription->of_namespace) {
        namespace_subscription_append(out, subscription);
        return;
    }
    destination_append(out, &subscription->destination);
    buffer_append_byte(out, ',');
    append_filter(out, &subscription->filter);
    buffer_append_string(out, ",\"labels\":");
    append_texts(out, subscription->labels, subscription->label_count);
    buffer_append_format(out, ",\"eventDeliverySchema\":\"%s\",",
                         schema_delivery_name(subscription->delivery_schema));
    append_retry(out, &subscription->retry);
    buffer_append_byte(out, ',');
    subscription_append_dead_letter(out, &subscription->dead_letter,
                                    "deadLetterWithResourceIdentity", "deadLetterDestination");
    buffer_append_byte(out, ',');
    expiration_append(out, subscription->expires_ms);
}
