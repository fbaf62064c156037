/* See delivery.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/delivery.h"

#include "access/characters.h"
#include "access/header_lines.h"
#include "access/url.h"
#include "eventgrid/filter_set.h"
#include "secret/base64.h"
#include "secret/digest.h"

#define AUTHORIZATION SLICE_LITERAL("Authorization")

/* What the schema of the events decides about (4.1). */
static const struct {
    struct slice content_type, batch_content_type;
    bool is_cloud_events; /* no dataVersion; a single event stands there without an array */
    struct slice metadata_version;
} schemas[EVENT_SCHEMAS] = {
    [SCHEMA_EVENT_GRID] = {DELIVERY_CONTENT_JSON, DELIVERY_CONTENT_JSON, false, SLICE_LITERAL("1")},
    [SCHEMA_CLOUD_EVENTS] = {SLICE_LITERAL("application/cloudevents+json; charset=utf-8"),
                             SLICE_LITERAL("application/cloudevents-batch+json; charset=utf-8"),
                             true, SLICE_LITERAL("1.0")},
    [SCHEMA_CUSTOM] = {DELIVERY_CONTENT_JSON, DELIVERY_CONTENT_JSON, false, SLICE_LITERAL("1")},
};

/* ---------------------------------------------------------------- lines */

static void append_line(struct buffer *lines, const char *name, struct slice value)
{
    header_line_append(lines, slice_from_string(name), value);
}

static void append_number(struct buffer *lines, const char *name, uint64_t number)
{
    uint8_t digits[DECIMAL_MAX];

    append_line(lines, name, slice_make(digits, decimal_write(digits, number)));
}

/* In upper case, as Azure has it. */
static void append_name(struct buffer *lines, struct slice name)
{
    size_t at;

    append_line(lines, "aeg-subscription-name", name);
    at = lines->length - 1 - name.length;
    for (; at < lines->length; at++) {
        uint8_t c = lines->data[at];
        lines->data[at] = c >= 'a' && c <= 'z' ? (uint8_t)(c - 'a' + 'A') : c;
    }
}

void delivery_append_kind(struct buffer *lines, const struct delivery_kind *kind)
{
    if (kind->content_type.length > 0) {
        append_line(lines, "Content-Type", kind->content_type);
    }
    append_line(lines, "aeg-event-type", kind->event_type);
    append_name(lines, kind->name);
    append_number(lines, "aeg-delivery-count", kind->attempts);
    if (kind->data_version.data) {
        append_line(lines, "aeg-data-version", kind->data_version);
    }
    append_line(lines, "aeg-metadata-version", kind->metadata_version);
}

/* ---------------------------------------------------------------- the URL */

/* What stands before the host: "user:password"; empty: nothing. *host: where the host begins. */
static struct slice credentials_of(struct slice url, size_t *host)
{
    const uint8_t *slashes = url.length > 0 ? memmem(url.data, url.length, "//", 2) : NULL;
    size_t begin = slashes ? (size_t)(slashes - url.data) + 2 : 0, end = begin;
    const uint8_t *at;

    while (end < url.length && !strchr("/?#", url.data[end])) {
        end++;
    }
    at = end > begin ? memrchr(url.data + begin, '@', end - begin) : NULL;
    *host = at ? (size_t)(at - url.data) + 1 : begin;
    return at ? slice_make(url.data + begin, *host - 1 - begin) : SLICE_EMPTY;
}

static void append_credentials(struct buffer *lines, struct slice credentials)
{
    struct buffer plain = {0}, value = {0};

    if (!url_append_decoded(&plain, credentials, false)) {
        plain.length = 0;
        buffer_append(&plain, credentials);
    }
    buffer_append_string(&value, "Basic ");
    base64_append(&value, buffer_slice(&plain));
    header_line_append(lines, AUTHORIZATION, buffer_slice(&value));
    digest_wipe(plain.data, plain.length);
    buffer_release(&plain);
    buffer_release(&value);
}

void delivery_append_url(struct buffer *url, struct buffer *lines, struct slice given)
{
    size_t host;
    struct slice credentials = credentials_of(given, &host);

    if (credentials.length > 0) {
        append_credentials(lines, credentials);
        buffer_append(url, slice_make(given.data, host - 1 - credentials.length));
        given = slice_from(given, host);
    }
    buffer_append(url, given);
}

/* ---------------------------------------------------------------- attributes */

static bool has_credentials(const struct event_subscription *subscription)
{
    size_t host;

    return credentials_of(subscription->destination.url, &host).length > 0;
}

static void append_dynamic(struct buffer *lines, const struct delivery_attribute *attribute,
                           const struct queued_event *event)
{
    struct buffer value = {0};

    if (event_path_append(event->json, event->schema, attribute->value, &value)) {
        header_line_append(lines, attribute->name, buffer_slice(&value));
    }
    buffer_release(&value);
}

static void append_attribute(struct buffer *lines, const struct delivery_attribute *attribute,
                             const struct queued_event *event)
{
    if (!attribute->is_dynamic) {
        header_line_append(lines, attribute->name, attribute->value);
    } else if (event) {
        append_dynamic(lines, attribute, event);
    }
}

void delivery_append_attributes(struct buffer *lines, const struct event_subscription *subscription,
                                const struct queued_event *event)
{
    const struct destination *destination = &subscription->destination;

    for (size_t i = 0; i < destination->attribute_count; i++) {
        const struct delivery_attribute *attribute = &destination->attributes[i];
        if (!equal_ignoring_case(attribute->name, AUTHORIZATION) ||
            !has_credentials(subscription)) {
            append_attribute(lines, attribute, event);
        }
    }
}

void delivery_append_open_attributes(struct buffer *lines,
                                     const struct event_subscription *subscription,
                                     const struct queued_event *event)
{
    const struct destination *destination = &subscription->destination;

    for (size_t i = 0; i < destination->attribute_count; i++) {
        const struct delivery_attribute *attribute = &destination->attributes[i];
        if (!attribute->is_secret && !equal_ignoring_case(attribute->name, AUTHORIZATION)) {
            append_attribute(lines, attribute, event);
        }
    }
}

/* ---------------------------------------------------------------- the signature */

/* The bytes of "whsec_<base64>", which was checked with the subscription. */
static bool append_key(struct buffer *out, struct slice secret)
{
    static const struct slice prefix = SLICE_LITERAL("whsec_");

    out->length = 0;
    return slice_starts_with(secret, prefix) &&
           base64_append_decoded(out, slice_from(secret, prefix.length)) && out->length > 0;
}

/* Appends "v1,<base64>" for each secret. */
static void append_signatures(struct buffer *out, struct slice secrets, struct slice text)
{
    struct buffer key = {0};
    uint8_t digest[DIGEST_SIZE];

    while (secrets.length > 0) {
        struct slice secret = take_up_to(&secrets, ' ');
        if (append_key(&key, secret)) {
            digest_hmac(buffer_slice(&key), text, digest);
            buffer_append_string(out, out->length > 0 ? " v1," : "v1,");
            base64_append(out, slice_make(digest, sizeof(digest)));
        }
    }
    digest_wipe(key.data, key.capacity);
    buffer_release(&key);
}

void delivery_append_signature(struct buffer *lines, const struct event_subscription *subscription,
                               struct slice id, int64_t now_ms, struct slice body)
{
    static const struct slice name = SLICE_LITERAL("webhook-id");
    struct slice secrets = subscription->destination.signing_secret;
    uint64_t now = (uint64_t)(now_ms / 1000);
    struct buffer text = {0}, signatures = {0};
    size_t begin = lines->length + name.length + 2;

    if (secrets.length == 0) {
        return;
    }
    /* What is signed is the identifier as the receiver will read it. */
    header_line_append_encoded(lines, name, id);
    buffer_append(&text, slice_make(lines->data + begin, lines->length - 1 - begin));
    buffer_append_byte(&text, '.');
    buffer_append_decimal(&text, now);
    buffer_append_byte(&text, '.');
    buffer_append(&text, body);
    append_signatures(&signatures, secrets, buffer_slice(&text));
    append_number(lines, "webhook-timestamp", now);
    append_line(lines, "webhook-signature", buffer_slice(&signatures));
    buffer_release(&text);
    buffer_release(&signatures);
}

/* ---------------------------------------------------------------- the request */

static void append_body(struct buffer *body, const struct delivery *delivery, bool is_array)
{
    if (is_array) {
        buffer_append_byte(body, '[');
    }
    for (size_t i = 0; i < delivery->count; i++) {
        if (i > 0) {
            buffer_append_byte(body, ',');
        }
        buffer_append(body, delivery->events[i]->json);
    }
    if (is_array) {
        buffer_append_byte(body, ']');
    }
}

void delivery_append_request(struct buffer *lines, struct buffer *body,
                             const struct delivery *delivery)
{
    const struct event_subscription *subscription = delivery->subscription;
    const struct queued_event *first = delivery->events[0];
    bool is_cloud_events = schemas[first->schema].is_cloud_events;
    bool is_batch = subscription->destination.batch_events > 1 || delivery->count > 1;
    size_t begin = body->length;

    append_body(body, delivery, is_batch || !is_cloud_events);
    delivery_append_kind(lines,
                         &(struct delivery_kind){
                             .content_type = is_batch ? schemas[first->schema].batch_content_type
                                                      : schemas[first->schema].content_type,
                             .event_type = SLICE_LITERAL("Notification"),
                             .name = delivery->name,
                             .attempts = first->attempts,
                             .data_version = is_cloud_events                  ? SLICE_EMPTY
                                             : first->data_version.length > 0 ? first->data_version
                                                                              : SLICE_LITERAL(""),
                             .metadata_version = schemas[first->schema].metadata_version,
                         });
    append_line(lines, "aeg-output-event-id", delivery->output_id);
    if (subscription->of_namespace) {
        append_line(lines, "aeg-compatibility-mode-enabled", SLICE_LITERAL("false"));
    }
    if (is_cloud_events) {
        append_line(lines, "Origin", DELIVERY_ORIGIN);
    }
    delivery_append_attributes(lines, subscription, first);
    /* A request that is made again has the same identifier if it is for the same event. */
    delivery_append_signature(lines, subscription,
                              delivery->count == 1 ? first->id : delivery->output_id,
                              delivery->now_ms, slice_from(buffer_slice(body), begin));
}

/* ---------------------------------------------------------------- batches */

static bool are_equal_at(struct slice path, const struct queued_event *a,
                         const struct queued_event *b)
{
    struct buffer values[2] = {{0}};
    bool has_a = event_path_append(a->json, a->schema, path, &values[0]);
    bool has_b = event_path_append(b->json, b->schema, path, &values[1]);
    bool equal = has_a == has_b && slice_equal(buffer_slice(&values[0]), buffer_slice(&values[1]));

    buffer_release(&values[0]);
    buffer_release(&values[1]);
    return equal;
}

bool delivery_may_share(const struct event_subscription *subscription,
                        const struct queued_event *first, const struct queued_event *event)
{
    const struct destination *destination = &subscription->destination;

    if (first->schema != event->schema || first->attempts != event->attempts ||
        !slice_equal(first->data_version, event->data_version)) {
        return false;
    }
    for (size_t i = 0; i < destination->attribute_count; i++) {
        const struct delivery_attribute *attribute = &destination->attributes[i];
        if (attribute->is_dynamic && !are_equal_at(attribute->value, first, event)) {
            return false;
        }
    }
    return true;
}
