/* See validation.h. A token is the HMAC of a text that begins with TOKEN_PURPOSE, so it is no token
 * for anything else that the same keys sign, nor is one of those good here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/validation.h"

#include "access/characters.h"
#include "access/head.h"
#include "access/header_lines.h"
#include "access/url.h"
#include "base/timestamp.h"
#include "eventgrid/delivery.h"
#include "secret/access_keys.h"
#include "secret/base64url.h"
#include "json/json.h"

enum {
    STATUS_OK = 200,
    STATUS_NO_CONTENT = 204,
    EXCERPT_MAX = 256,     /* bytes of an answer that a sentence shows */
    CLOCK_SKEW_MS = 60000, /* a URL of another process may be that young */
};

#define TOKEN_PURPOSE SLICE_LITERAL("pubgrid event subscription validation\n")
#define TOKEN         SLICE_LITERAL("&token=")

static bool is_cloud_events(const struct validation *validation)
{
    return validation->subscription->delivery_schema == SCHEMA_CLOUD_EVENTS;
}

/* ---------------------------------------------------------------- the URL for consent by hand */

static void sign(const struct access_keys *keys, enum access_key which, struct slice query,
                 uint8_t out[DIGEST_SIZE])
{
    struct buffer text = {0};

    buffer_append(&text, TOKEN_PURPOSE);
    buffer_append(&text, query);
    access_keys_sign(keys, which, buffer_slice(&text), out);
    buffer_release(&text);
}

static void append_digest(struct buffer *out, const struct event_subscription *subscription)
{
    uint8_t digest[DIGEST_SIZE];

    digest_sha256(subscription->destination.url, digest);
    base64url_append(out, slice_make(digest, sizeof(digest)));
}

static void append_query(struct buffer *out, const struct validation *validation)
{
    buffer_append_string(out, "id=");
    url_append_encoded(out, validation->code);
    buffer_append_string(out, "&source=");
    url_append_encoded(out, validation->source_key);
    buffer_append_string(out, "&name=");
    url_append_encoded(out, validation->name);
    buffer_append_string(out, "&endpoint=");
    append_digest(out, validation->subscription);
    buffer_append_string(out, "&t=");
    timestamp_append(out, validation->now_ms);
}

void validation_append_url(struct buffer *out, const struct validation *validation,
                           const struct access_keys *keys)
{
    uint8_t digest[DIGEST_SIZE];
    size_t begin;

    buffer_append(out, validation->base_url);
    buffer_append_string(out, "/eventgrid/validate?");
    begin = out->length;
    append_query(out, validation);
    sign(keys, ACCESS_KEY_PRIMARY, slice_from(buffer_slice(out), begin), digest);
    buffer_append(out, TOKEN);
    base64url_append(out, slice_make(digest, sizeof(digest)));
}

static bool is_signed(struct slice query, struct slice token, const struct access_keys *keys)
{
    struct buffer given = {0};
    bool good = base64url_decode(&given, token) && given.length == DIGEST_SIZE;
    bool is_ours = false;

    for (unsigned which = 0; good && which < ACCESS_KEYS; which++) {
        uint8_t digest[DIGEST_SIZE];
        sign(keys, (enum access_key)which, query, digest);
        is_ours = digest_equal(digest, given.data) || is_ours;
    }
    buffer_release(&given);
    return is_ours;
}

static bool is_recent(struct slice query, int64_t now_ms)
{
    struct buffer text = {0};
    int64_t made_ms;
    bool has_zone;
    bool good = url_query_find(query, "t", &text) &&
                timestamp_parse(buffer_slice(&text), &made_ms, &has_zone) &&
                now_ms >= made_ms - CLOCK_SKEW_MS &&
                now_ms - made_ms <= (int64_t)VALIDATION_BY_HAND_S * 1000;

    buffer_release(&text);
    return good;
}

bool validation_read_url(struct slice query, const struct access_keys *keys, int64_t now_ms,
                         struct buffer *texts, struct validation_consent *out)
{
    static const char *const names[] = {"source", "name", "id", "endpoint"};
    struct slice *const places[] = {&out->source_key, &out->name, &out->code, &out->endpoint};
    const uint8_t *at =
        query.length > 0 ? memmem(query.data, query.length, TOKEN.data, TOKEN.length) : NULL;
    struct slice text;

    if (!at) {
        return false;
    }
    text = slice_make(query.data, (size_t)(at - query.data));
    if (!is_signed(text, slice_from(query, text.length + TOKEN.length), keys) ||
        !is_recent(text, now_ms)) {
        return false;
    }
    buffer_reserve(texts, text.length); /* what is decoded is no longer, so nothing moves */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t begin = texts->length;
        if (!url_query_find(text, names[i], texts)) {
            return false;
        }
        *places[i] = slice_from(buffer_slice(texts), begin);
    }
    return true;
}

bool validation_consents(const struct validation_consent *consent,
                         const struct event_subscription *subscription)
{
    struct buffer digest = {0};
    bool good;

    append_digest(&digest, subscription);
    good = slice_equal(buffer_slice(&digest), consent->endpoint);
    buffer_release(&digest);
    return good;
}

/* ---------------------------------------------------------------- requests */

static void append_member(struct buffer *out, const char *begin, struct slice value)
{
    buffer_append_string(out, begin);
    json_append_string(out, value);
}

/* An event of the server's own in the EventGrid schema; `data` is JSON. */
static void append_event(struct buffer *out, const struct validation *validation, const char *type,
                         struct slice data)
{
    append_member(out, "[{\"id\":", validation->event_id);
    append_member(out, ",\"topic\":", validation->topic_id);
    buffer_append_string(out, ",\"subject\":\"\",\"data\":");
    buffer_append(out, data);
    append_member(out, ",\"eventType\":", slice_from_string(type));
    buffer_append_string(out, ",\"eventTime\":\"");
    timestamp_append(out, validation->now_ms);
    buffer_append_string(out, "\",\"metadataVersion\":\"1\",\"dataVersion\":\"1\"}]");
}

static void make_post(struct validation_request *out, const struct validation *validation,
                      struct slice event_type)
{
    out->method = "POST";
    delivery_append_kind(&out->lines,
                         &(struct delivery_kind){.content_type = DELIVERY_CONTENT_JSON,
                                                 .event_type = event_type,
                                                 .name = validation->name,
                                                 .data_version = SLICE_LITERAL("1"),
                                                 .metadata_version = SLICE_LITERAL("1")});
    delivery_append_attributes(&out->lines, validation->subscription, NULL);
    delivery_append_signature(&out->lines, validation->subscription, validation->event_id,
                              validation->now_ms, buffer_slice(&out->body));
}

/* 4.7: 1 */
static void make_event(const struct validation *validation, struct slice url,
                       struct validation_request *out)
{
    struct buffer data = {0};

    append_member(&data, "{\"validationCode\":", validation->code);
    append_member(&data, ",\"validationUrl\":", url);
    buffer_append_byte(&data, '}');
    append_event(&out->body, validation, "Microsoft.EventGrid.SubscriptionValidationEvent",
                 buffer_slice(&data));
    make_post(out, validation, SLICE_LITERAL("SubscriptionValidation"));
    buffer_release(&data);
}

/* 4.8 */
static void make_options(const struct validation *validation, struct slice url,
                         struct validation_request *out)
{
    out->method = "OPTIONS";
    header_line_append(&out->lines, SLICE_LITERAL("WebHook-Request-Origin"), DELIVERY_ORIGIN);
    header_line_append(&out->lines, SLICE_LITERAL("WebHook-Request-Callback"), url);
    header_line_append(&out->lines, SLICE_LITERAL("WebHook-Request-Rate"), SLICE_LITERAL("120"));
    delivery_append_attributes(&out->lines, validation->subscription, NULL);
}

void validation_make(const struct validation *validation, const struct access_keys *keys,
                     struct validation_request *out)
{
    struct buffer url = {0};

    validation_append_url(&url, validation, keys);
    (is_cloud_events(validation) ? make_options : make_event)(validation, buffer_slice(&url), out);
    buffer_release(&url);
}

bool validation_make_farewell(const struct validation *validation, struct validation_request *out)
{
    struct buffer id = {0}, data = {0};

    if (is_cloud_events(validation)) {
        return false;
    }
    buffer_append(&id, validation->topic_id);
    buffer_append_string(&id, "/providers/Microsoft.EventGrid/eventSubscriptions/");
    buffer_append(&id, validation->name);
    append_member(&data, "{\"eventSubscriptionId\":", buffer_slice(&id));
    buffer_append_byte(&data, '}');
    append_event(&out->body, validation, "Microsoft.EventGrid.SubscriptionDeletedEvent",
                 buffer_slice(&data));
    make_post(out, validation, SLICE_LITERAL("SubscriptionDeletion"));
    buffer_release(&id);
    buffer_release(&data);
    return true;
}

/* ---------------------------------------------------------------- answers */

/* "Webhook validation handshake failed for <url>. ": without what is secret in it. */
static void begin_sentence(struct buffer *out, const struct validation *validation)
{
    struct buffer url = {0}, secret = {0};
    struct slice shown;

    delivery_append_url(&url, &secret, validation->subscription->destination.url);
    shown = buffer_slice(&url);
    shown = take_up_to(&shown, '?');
    buffer_append_string(out, "Webhook validation handshake failed for ");
    buffer_append(out, shown);
    buffer_append_string(out, ". ");
    buffer_release(&url);
    buffer_release(&secret);
}

static void append_excerpt(struct buffer *out, struct slice text)
{
    for (size_t i = 0; i < text.length && i < EXCERPT_MAX; i++) {
        bool is_plain = text.data[i] >= 0x20 && text.data[i] < 0x7F;
        buffer_append_byte(out, is_plain ? text.data[i] : ' ');
    }
}

static enum validation_verdict fail(const struct validation *validation, int status,
                                    const char *reason, struct buffer *sentence)
{
    const char *method = is_cloud_events(validation) ? "OPTIONS" : "POST";

    begin_sentence(sentence, validation);
    if (status == 0) {
        buffer_append_format(sentence, "Http %s request got no answer: %s.", method,
                             reason ? reason : "unknown");
    } else {
        buffer_append_format(sentence,
                             "Http %s request was answered with status %d instead of 200.", method,
                             status);
    }
    buffer_append_string(sentence,
                         " An endpoint that cannot take part in the handshake gets events "
                         "with skipValidation: true.");
    return VALIDATION_FAILED;
}

/* Does the body, a JSON object, have the code? The official samples in C# write the member's name
 * with a capital. */
static bool has_code(struct slice body, struct slice code)
{
    static const struct slice mark = SLICE_LITERAL("\xEF\xBB\xBF");
    struct json_value object, value;
    struct json_walk walk;
    struct slice key;
    struct buffer text = {0};
    bool found = false;

    if (!json_parse(slice_starts_with(body, mark) ? slice_from(body, mark.length) : body,
                    &object) ||
        object.type != JSON_OBJECT) {
        return false;
    }
    walk = json_members(&object);
    while (!found && json_next_member(&walk, &key, &value)) {
        found = equal_ignoring_case(key, SLICE_LITERAL("validationResponse")) &&
                value.type == JSON_STRING &&
                equal_ignoring_case(json_string_value(&value, &text), code);
    }
    buffer_release(&text);
    return found;
}

static enum validation_verdict judge_event(const struct validation *validation, int status,
                                           struct slice body, const char *reason,
                                           struct buffer *sentence)
{
    if (status != STATUS_OK) {
        return fail(validation, status, reason, sentence);
    }
    if (has_code(body, validation->code)) {
        return VALIDATION_GOOD;
    }
    begin_sentence(sentence, validation);
    buffer_append_string(sentence, "Http POST request retuned 2XX response with response body ");
    append_excerpt(sentence, body);
    buffer_append_string(sentence,
                         ". When a validation request is accepted without validation code in the "
                         "response body, Http GET is expected on the validation url included in "
                         "the validation event(within 10 minutes).");
    return VALIDATION_BY_HAND;
}

static bool list_has_us(struct slice list)
{
    struct slice word;

    while (list_take(&list, &word)) {
        if (slice_equal(word, SLICE_LITERAL("*")) || equal_ignoring_case(word, DELIVERY_ORIGIN)) {
            return true;
        }
    }
    return false;
}

/* *origin: what the header says, or empty. */
static bool allows_us(struct slice head, struct slice *origin)
{
    struct header header;
    bool allows = false;

    *origin = SLICE_EMPTY;
    while (!allows && head_next(&head, &header)) {
        if (head_name_is(&header, "webhook-allowed-origin")) {
            *origin = header.value;
            allows = list_has_us(header.value);
        }
    }
    return allows;
}

static enum validation_verdict judge_options(const struct validation *validation, int status,
                                             struct slice head, const char *reason,
                                             struct buffer *sentence)
{
    struct slice origin;

    if (status != STATUS_OK && status != STATUS_NO_CONTENT) {
        return fail(validation, status, reason, sentence);
    }
    if (allows_us(head, &origin)) {
        return VALIDATION_GOOD;
    }
    begin_sentence(sentence, validation);
    if (origin.length > 0) {
        buffer_append_string(sentence, "The answer's WebHook-Allowed-Origin is ");
        append_excerpt(sentence, origin);
        buffer_append_string(sentence, ", neither eventgrid.azure.net nor *.");
        return VALIDATION_FAILED;
    }
    buffer_append_string(sentence,
                         "Http OPTIONS request returned 2XX response without the header "
                         "WebHook-Allowed-Origin. Http GET or POST is then expected on the url of "
                         "the header WebHook-Request-Callback (within 10 minutes).");
    return VALIDATION_BY_HAND;
}

enum validation_verdict validation_judge(const struct validation *validation, int status,
                                         struct slice head, struct slice body, const char *reason,
                                         struct buffer *sentence)
{
    return is_cloud_events(validation) ? judge_options(validation, status, head, reason, sentence)
                                       : judge_event(validation, status, body, reason, sentence);
}
