/* bridge/eventgrid: the handshakes with webhooks: what is sent, what an answer means, the URL for
 * consent by hand.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/validation.h"

#include "test.h"

#include "secret/access_keys.h"
#include "secret/base64url.h"
#include "json/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL
#define PRIMARY      "0123456789abcdef0123456789abcdef"
#define SECONDARY    "abcdefghijabcdefghijabcdefghij00"
#define CODE         "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
#define TOPIC_ID     "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/Orders"

static const int64_t now = INT64_C(1772227430123); /* 2026-02-27T21:23:50.123Z */

static struct event_subscription subscription(enum event_schema schema)
{
    return (struct event_subscription){
        .delivery_schema = schema,
        .destination = {.url = S("https://user:password@h:1/hook?code=secret"), .batch_events = 1}};
}

static struct validation validation_of(const struct event_subscription *subscription)
{
    return (struct validation){.subscription = subscription,
                               .source_key = S("domains/shop/topics/a.b"),
                               .name = S("Bill-1"),
                               .topic_id = S(TOPIC_ID),
                               .base_url = S("http://127.0.0.1:8080"),
                               .code = S(CODE),
                               .event_id = S("2d1781af-3a4c-4d7c-bd0c-e34b19da4e66"),
                               .now_ms = now};
}

static struct access_keys *keys_of(const char *text)
{
    struct buffer error = {0};
    struct access_keys *keys = access_keys_parse(slice_from_string(text), &error);

    CHECK(keys);
    return keys;
}

static struct access_keys *keys_new(void)
{
    return keys_of("primary: " PRIMARY "\nsecondary: " SECONDARY "\n");
}

static void check_lines(struct buffer *lines, const char *expected)
{
    for (size_t i = 0; i < lines->length; i++) {
        lines->data[i] = lines->data[i] == '\0' ? '\n' : lines->data[i];
    }
    CHECK_SLICE_EQUAL(buffer_slice(lines), slice_from_string(expected));
}

/* ---------------------------------------------------------------- requests */

TEST(an_event_asks_for_consent)
{
    static const enum event_schema schemas[] = {SCHEMA_EVENT_GRID, SCHEMA_CUSTOM};
    struct access_keys *keys = keys_new();

    for (size_t i = 0; i < COUNT(schemas); i++) {
        struct event_subscription to = subscription(schemas[i]);
        struct validation validation = validation_of(&to);
        struct validation_request request = {0};
        struct buffer url = {0}, expected = {0};
        validation_append_url(&url, &validation, keys);
        validation_make(&validation, keys, &request);
        CHECK_STRING_EQUAL(request.method, "POST");
        check_lines(&request.lines, "Content-Type: application/json; charset=utf-8\n"
                                    "aeg-event-type: SubscriptionValidation\n"
                                    "aeg-subscription-name: BILL-1\n"
                                    "aeg-delivery-count: 0\n"
                                    "aeg-data-version: 1\n"
                                    "aeg-metadata-version: 1\n");
        buffer_append_format(
            &expected,
            "[{\"id\":\"2d1781af-3a4c-4d7c-bd0c-e34b19da4e66\",\"topic\":\"" TOPIC_ID
            "\",\"subject\":\"\",\"data\":{\"validationCode\":\"" CODE
            "\",\"validationUrl\":\"%.*s\"},"
            "\"eventType\":\"Microsoft.EventGrid.SubscriptionValidationEvent\","
            "\"eventTime\":\"2026-02-27T21:23:50.123Z\",\"metadataVersion\":\"1\","
            "\"dataVersion\":\"1\"}]",
            SLICE_PRINT(url));
        CHECK_SLICE_EQUAL(buffer_slice(&request.body), buffer_slice(&expected));
        buffer_release(&url);
        buffer_release(&expected);
        buffer_release(&request.lines);
        buffer_release(&request.body);
    }
    access_keys_free(keys);
}

TEST(options_asks_for_consent_to_cloud_events)
{
    static const struct delivery_attribute attributes[] = {
        {.name = SLICE_LITERAL("X-Key"), .value = SLICE_LITERAL("k")},
        {.name = SLICE_LITERAL("X-D"), .is_dynamic = true, .value = SLICE_LITERAL("data.k")},
    };
    struct event_subscription to = subscription(SCHEMA_CLOUD_EVENTS);
    struct validation validation = validation_of(&to);
    struct validation_request request = {0};
    struct access_keys *keys = keys_new();
    struct buffer url = {0}, expected = {0};

    to.destination.attributes = attributes;
    to.destination.attribute_count = COUNT(attributes);
    validation_append_url(&url, &validation, keys);
    validation_make(&validation, keys, &request);
    CHECK_STRING_EQUAL(request.method, "OPTIONS");
    CHECK_INT_EQUAL(request.body.length, 0);
    buffer_append_format(&expected,
                         "WebHook-Request-Origin: eventgrid.azure.net\n"
                         "WebHook-Request-Callback: %.*s\n"
                         "WebHook-Request-Rate: 120\n"
                         "X-Key: k\n",
                         SLICE_PRINT(url));
    buffer_append_byte(&expected, '\0');
    check_lines(&request.lines, (const char *)expected.data);
    buffer_release(&url);
    buffer_release(&expected);
    buffer_release(&request.lines);
    access_keys_free(keys);
}

TEST(a_farewell_says_which_subscription_is_gone)
{
    struct event_subscription to = subscription(SCHEMA_EVENT_GRID);
    struct validation validation = validation_of(&to);
    struct validation_request request = {0};

    CHECK(validation_make_farewell(&validation, &request));
    CHECK_STRING_EQUAL(request.method, "POST");
    check_lines(&request.lines, "Content-Type: application/json; charset=utf-8\n"
                                "aeg-event-type: SubscriptionDeletion\n"
                                "aeg-subscription-name: BILL-1\n"
                                "aeg-delivery-count: 0\n"
                                "aeg-data-version: 1\n"
                                "aeg-metadata-version: 1\n");
    CHECK_SLICE_EQUAL(buffer_slice(&request.body),
                      S("[{\"id\":\"2d1781af-3a4c-4d7c-bd0c-e34b19da4e66\",\"topic\":\"" TOPIC_ID
                        "\",\"subject\":\"\",\"data\":{\"eventSubscriptionId\":\"" TOPIC_ID
                        "/providers/Microsoft.EventGrid/eventSubscriptions/Bill-1\"},"
                        "\"eventType\":\"Microsoft.EventGrid.SubscriptionDeletedEvent\","
                        "\"eventTime\":\"2026-02-27T21:23:50.123Z\",\"metadataVersion\":\"1\","
                        "\"dataVersion\":\"1\"}]"));
    buffer_release(&request.lines);
    buffer_release(&request.body);
    to.delivery_schema = SCHEMA_CLOUD_EVENTS; /* has no such event */
    CHECK(!validation_make_farewell(&validation, &request));
}

/* ---------------------------------------------------------------- answers */

#define FAILED "Webhook validation handshake failed for https://h:1/hook. "

static const struct answer_row {
    int status;
    const char *head, *body;
    enum validation_verdict verdict;
    const char *sentence; /* its beginning */
} event_rows[] =
    {
        {200, "", "{\"validationResponse\":\"" CODE "\"}", VALIDATION_GOOD, ""},
        {200, "", " {\"a\":1, \"ValidationResponse\" : \"" CODE "\"}\n", VALIDATION_GOOD, ""},
        {200, "", "\xEF\xBB\xBF{\"validationResponse\":\"512D38B6-C7B8-40C8-89FE-F46F9E9622B6\"}",
         VALIDATION_GOOD, ""},
        {200, "", "{\"validationResponse\":\"512d38b6-c7b8-40c8-89fe-f46f9e9622b7\"}",
         VALIDATION_BY_HAND,
         FAILED "Http POST request retuned 2XX response with response body "
                "{\"validationResponse\":\"512d38b6-c7b8-40c8-89fe-f46f9e9622b7\"}. When "},
        {200, "", "", VALIDATION_BY_HAND,
         FAILED
         "Http POST request retuned 2XX response with response body . When a validation request "
         "is accepted without validation code in the response body, Http GET is expected on the "
         "validation url included in the validation event(within 10 minutes)."},
        {200, "", "ok\r\n\xC3\xA9", VALIDATION_BY_HAND,
         FAILED "Http POST request retuned 2XX response with response body ok    . When "},
        {200, "", "[{\"validationResponse\":\"" CODE "\"}]", VALIDATION_BY_HAND, FAILED},
        {200, "", "{\"validationResponse\":7}", VALIDATION_BY_HAND, FAILED},
        {200, "", "{\"validationResponse\":\"" CODE "\"", VALIDATION_BY_HAND, FAILED},
        {202, "", "{\"validationResponse\":\"" CODE "\"}", VALIDATION_FAILED,
         FAILED "Http POST request was answered with status 202 instead of 200."},
        {404, "", "", VALIDATION_FAILED,
         FAILED "Http POST request was answered with status 404 instead of 200."},
        {302, "", "", VALIDATION_FAILED, FAILED "Http POST request was answered with status 302"},
        {0, "", "", VALIDATION_FAILED, FAILED "Http POST request got no answer: it hung."},
},
  options_rows[] = {
      {200, "HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: eventgrid.azure.net\r\n\r\n", "",
       VALIDATION_GOOD, ""},
      {204, "HTTP/1.1 204 No\r\nwebhook-ALLOWED-origin: *\r\n", "", VALIDATION_GOOD, ""},
      {200, "X: y\r\nwebhook-allowed-origin: a.example, EventGrid.Azure.Net\r\n", "",
       VALIDATION_GOOD, ""},
      {200, "webhook-allowed-origin: a\r\nwebhook-allowed-origin: *\r\n", "", VALIDATION_GOOD, ""},
      {201, "webhook-allowed-origin: *\r\n", "", VALIDATION_FAILED,
       FAILED "Http OPTIONS request was answered with status 201 instead of 200."},
      {200, "HTTP/1.1 200 OK\r\nAllow: POST\r\n", "{\"validationResponse\":\"" CODE "\"}",
       VALIDATION_BY_HAND,
       FAILED
       "Http OPTIONS request returned 2XX response without the header WebHook-Allowed-Origin. "
       "Http GET or POST is then expected"},
      {200, "webhook-allowed-origin: evil.example\r\n", "", VALIDATION_FAILED,
       FAILED
       "The answer's WebHook-Allowed-Origin is evil.example, neither eventgrid.azure.net nor *."},
      {200, "webhook-allowed-origin: eventgrid.azure.net.evil\r\n", "", VALIDATION_FAILED, FAILED},
      {0, "", "", VALIDATION_FAILED, FAILED "Http OPTIONS request got no answer: it hung."},
};

static void check_answers(enum event_schema schema, const struct answer_row *rows, size_t count)
{
    struct event_subscription to = subscription(schema);
    struct validation validation = validation_of(&to);

    for (size_t i = 0; i < count; i++) {
        struct buffer sentence = {0};
        test_note("row %zu", i);
        CHECK_INT_EQUAL(validation_judge(&validation, rows[i].status,
                                         slice_from_string(rows[i].head),
                                         slice_from_string(rows[i].body), "it hung", &sentence),
                        rows[i].verdict);
        if (rows[i].sentence[0] == '\0') {
            CHECK_INT_EQUAL(sentence.length, 0);
        }
        CHECK_SLICE_EQUAL(slice_make(sentence.data, strlen(rows[i].sentence)),
                          slice_from_string(rows[i].sentence));
        buffer_release(&sentence);
    }
}

TEST(answers_to_an_event)
{
    check_answers(SCHEMA_EVENT_GRID, event_rows, COUNT(event_rows));
    check_answers(SCHEMA_CUSTOM, event_rows, COUNT(event_rows));
}

TEST(answers_to_options)
{
    check_answers(SCHEMA_CLOUD_EVENTS, options_rows, COUNT(options_rows));
}

/* ---------------------------------------------------------------- consent by hand */

static struct slice query_of(struct buffer *url, const struct access_keys *keys)
{
    struct event_subscription to = subscription(SCHEMA_EVENT_GRID);
    struct validation validation = validation_of(&to);

    url->length = 0;
    validation_append_url(url, &validation, keys);
    return slice_from(buffer_slice(url), strlen("http://127.0.0.1:8080/eventgrid/validate?"));
}

static bool is_good(struct slice query, const struct access_keys *keys, int64_t now_ms)
{
    struct validation_consent consent;
    struct buffer texts = {0};
    bool good = validation_read_url(query, keys, now_ms, &texts, &consent);

    buffer_release(&texts);
    return good;
}

TEST(the_url_says_whose_consent_it_is)
{
    struct access_keys *keys = keys_new();
    struct buffer url = {0}, texts = {0};
    struct slice query = query_of(&url, keys);
    struct event_subscription to = subscription(SCHEMA_EVENT_GRID);
    struct validation_consent consent;

    CHECK(slice_starts_with(
        buffer_slice(&url),
        S("http://127.0.0.1:8080/eventgrid/validate?id=" CODE
          "&source=domains%2Fshop%2Ftopics%2Fa.b&name=Bill-1&endpoint="
          "hq2TrAG54322S9N90zLETRiQUebnaQDtCE1cuV-jEZg&t=2026-02-27T21:23:50.123Z&token=")));
    CHECK(validation_read_url(query, keys, now + 1, &texts, &consent));
    CHECK_SLICE_EQUAL(consent.source_key, S("domains/shop/topics/a.b"));
    CHECK_SLICE_EQUAL(consent.name, S("Bill-1"));
    CHECK_SLICE_EQUAL(consent.code, S(CODE));
    CHECK(validation_consents(&consent, &to));
    to.destination.url = S("https://victim/hook"); /* it was changed meanwhile */
    CHECK(!validation_consents(&consent, &to));
    buffer_release(&url);
    buffer_release(&texts);
    access_keys_free(keys);
}

TEST(the_url_is_good_for_ten_minutes)
{
    struct access_keys *keys = keys_new();
    struct buffer url = {0};
    struct slice query = query_of(&url, keys);

    CHECK(is_good(query, keys, now + 9 * 60000));
    CHECK(is_good(query, keys, now + 10 * 60000));
    CHECK(!is_good(query, keys, now + 10 * 60000 + 1));
    CHECK(!is_good(query, keys, now + 11 * 60000));
    CHECK(is_good(query, keys, now - 60000)); /* another machine's clock */
    CHECK(!is_good(query, keys, now - 60001));
    buffer_release(&url);
    access_keys_free(keys);
}

TEST(the_other_key_is_good_too_and_no_third)
{
    struct access_keys *keys = keys_new();
    struct access_keys *swapped = keys_of("primary: " SECONDARY "\nsecondary: " PRIMARY "\n");
    struct access_keys *others = keys_of("primary: " SECONDARY "\nsecondary: " SECONDARY "\n");
    struct buffer url = {0};
    struct slice query = query_of(&url, keys);

    CHECK(is_good(query, swapped, now));
    CHECK(!is_good(query, others, now));
    buffer_release(&url);
    access_keys_free(keys);
    access_keys_free(swapped);
    access_keys_free(others);
}

/* Every byte counts: of the text, since it is signed, and of the token. */
TEST(no_byte_may_be_another)
{
    struct access_keys *keys = keys_new();
    struct buffer url = {0};
    struct slice query = query_of(&url, keys);
    uint8_t *bytes = url.data + (url.length - query.length);

    for (size_t i = 0; i < query.length; i++) {
        test_note("byte %zu", i);
        bytes[i] ^= 1;
        CHECK(!is_good(query, keys, now));
        bytes[i] ^= 1;
        CHECK(!is_good(slice_make(query.data, i), keys, now));
    }
    CHECK(is_good(query, keys, now));
    buffer_release(&url);
    access_keys_free(keys);
}

/* A signature by the same keys of the same text, made for something else. */
TEST(signatures_for_other_purposes_are_refused)
{
    struct access_keys *keys = keys_new();
    struct buffer url = {0}, forged = {0};
    struct slice query = query_of(&url, keys);
    const uint8_t *token = memmem(query.data, query.length, "&token=", 7);
    struct slice text = slice_make(query.data, (size_t)(token - query.data));
    uint8_t digest[DIGEST_SIZE];

    access_keys_sign(keys, ACCESS_KEY_PRIMARY, text, digest);
    buffer_append(&forged, text);
    buffer_append_string(&forged, "&token=");
    base64url_append(&forged, slice_make(digest, sizeof(digest)));
    CHECK(!is_good(buffer_slice(&forged), keys, now));
    buffer_release(&url);
    buffer_release(&forged);
    access_keys_free(keys);
}
