/* bridge/eventgrid: the requests of deliveries, byte by byte.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/delivery.h"

#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL
#define OUTPUT_ID    "2d1781af-3a4c-4d7c-bd0c-e34b19da4e66"

static const struct queued_event event_grid = {
    .schema = SCHEMA_EVENT_GRID,
    .json =
        SLICE_LITERAL("{\"id\":\"1\",\"subject\":\"a/b\",\"data\":{\"n\":7,\"k\":\"v\",\"o\":{}}}"),
    .id = SLICE_LITERAL("1"),
    .data_version = SLICE_LITERAL("2.0"),
};
static const struct queued_event cloud_event = {
    .schema = SCHEMA_CLOUD_EVENTS,
    .json = SLICE_LITERAL("{\"specversion\":\"1.0\",\"id\":\"x\"}"),
    .id = SLICE_LITERAL("x"),
};
static const struct queued_event custom_event = {
    .schema = SCHEMA_CUSTOM,
    .json = SLICE_LITERAL("{\"foo\":1}"),
    .id = SLICE_LITERAL("y"),
};

/* ---------------------------------------------------------------- texts */

/* The lines with a line break in the place of each NUL. */
static void check_lines(struct buffer *lines, const char *expected)
{
    for (size_t i = 0; i < lines->length; i++) {
        lines->data[i] = lines->data[i] == '\0' ? '\n' : lines->data[i];
    }
    CHECK_SLICE_EQUAL(buffer_slice(lines), slice_from_string(expected));
    lines->length = 0;
}

static void check_request(const struct event_subscription *subscription,
                          const struct queued_event *const *events, size_t count,
                          const char *expected_lines, const char *expected_body)
{
    struct buffer lines = {0}, body = {0};

    delivery_append_request(&lines, &body,
                            &(struct delivery){.subscription = subscription,
                                               .name = S("Bill-1z"),
                                               .events = events,
                                               .count = count,
                                               .output_id = S(OUTPUT_ID),
                                               .now_ms = INT64_C(1614265330123)});
    CHECK_SLICE_EQUAL(buffer_slice(&body), slice_from_string(expected_body));
    check_lines(&lines, expected_lines);
    buffer_release(&lines);
    buffer_release(&body);
}

static struct event_subscription plain_subscription(void)
{
    return (struct event_subscription){
        .destination = {.url = S("http://h/x?code=1"), .batch_events = 1}};
}

#define JSON_LINES(attempts, data_version)                                                         \
    "Content-Type: application/json; charset=utf-8\n"                                              \
    "aeg-event-type: Notification\n"                                                               \
    "aeg-subscription-name: BILL-1Z\n"                                                             \
    "aeg-delivery-count: " attempts "\n"                                                           \
    "aeg-data-version: " data_version "\n"                                                         \
    "aeg-metadata-version: 1\n"                                                                    \
    "aeg-output-event-id: " OUTPUT_ID "\n"

TEST(an_event_of_event_grid)
{
    struct event_subscription subscription = plain_subscription();
    const struct queued_event *events[] = {&event_grid};

    check_request(&subscription, events, 1, JSON_LINES("0", "2.0"),
                  "[{\"id\":\"1\",\"subject\":\"a/b\",\"data\":{\"n\":7,\"k\":\"v\",\"o\":{}}}]");
}

TEST(the_count_is_that_of_attempts_before)
{
    struct event_subscription subscription = plain_subscription();
    struct queued_event again = event_grid;
    const struct queued_event *events[] = {&again};

    again.attempts = 12;
    again.data_version = SLICE_EMPTY;
    check_request(&subscription, events, 1, JSON_LINES("12", ""),
                  "[{\"id\":\"1\",\"subject\":\"a/b\",\"data\":{\"n\":7,\"k\":\"v\",\"o\":{}}}]");
}

#define CLOUD_EVENT_LINES                                                                          \
    "aeg-event-type: Notification\n"                                                               \
    "aeg-subscription-name: BILL-1Z\n"                                                             \
    "aeg-delivery-count: 0\n"                                                                      \
    "aeg-metadata-version: 1.0\n"                                                                  \
    "aeg-output-event-id: " OUTPUT_ID "\n"                                                         \
    "Origin: eventgrid.azure.net\n"

TEST(a_cloud_event_is_an_object_unless_batches_are_configured)
{
    struct event_subscription subscription = plain_subscription();
    const struct queued_event *events[] = {&cloud_event, &cloud_event};

    check_request(&subscription, events, 1,
                  "Content-Type: application/cloudevents+json; charset=utf-8\n" CLOUD_EVENT_LINES,
                  "{\"specversion\":\"1.0\",\"id\":\"x\"}");
    subscription.destination.batch_events = 2;
    check_request(
        &subscription, events, 1,
        "Content-Type: application/cloudevents-batch+json; charset=utf-8\n" CLOUD_EVENT_LINES,
        "[{\"specversion\":\"1.0\",\"id\":\"x\"}]");
    check_request(
        &subscription, events, 2,
        "Content-Type: application/cloudevents-batch+json; charset=utf-8\n" CLOUD_EVENT_LINES,
        "[{\"specversion\":\"1.0\",\"id\":\"x\"},{\"specversion\":\"1.0\",\"id\":\"x\"}]");
}

/* spec/eventgrid.md 5.5 */
TEST(a_push_of_a_namespace_says_so)
{
    struct event_subscription subscription = plain_subscription();
    const struct queued_event *events[] = {&cloud_event};

    subscription.of_namespace = true;
    check_request(&subscription, events, 1,
                  "Content-Type: application/cloudevents+json; charset=utf-8\n"
                  "aeg-event-type: Notification\n"
                  "aeg-subscription-name: BILL-1Z\n"
                  "aeg-delivery-count: 0\n"
                  "aeg-metadata-version: 1.0\n"
                  "aeg-output-event-id: " OUTPUT_ID "\n"
                  "aeg-compatibility-mode-enabled: false\n"
                  "Origin: eventgrid.azure.net\n",
                  "{\"specversion\":\"1.0\",\"id\":\"x\"}");
}

TEST(a_custom_event_is_in_an_array)
{
    struct event_subscription subscription = plain_subscription();
    const struct queued_event *events[] = {&custom_event};

    check_request(&subscription, events, 1, JSON_LINES("0", ""), "[{\"foo\":1}]");
}

/* ---------------------------------------------------------------- attributes */

TEST(attributes_are_headers)
{
    static const struct delivery_attribute attributes[] = {
        {.name = SLICE_LITERAL("X-Static"), .value = SLICE_LITERAL("50%25 \xC3\xA9\r\nevil: 1")},
        {.name = SLICE_LITERAL("authorization"),
         .is_secret = true,
         .value = SLICE_LITERAL("Key k")},
        {.name = SLICE_LITERAL("X-N"), .is_dynamic = true, .value = SLICE_LITERAL("data.n")},
        {.name = SLICE_LITERAL("X-K"), .is_dynamic = true, .value = SLICE_LITERAL("data.k")},
        {.name = SLICE_LITERAL("X-O"), .is_dynamic = true, .value = SLICE_LITERAL("data.o")},
        {.name = SLICE_LITERAL("X-None"), .is_dynamic = true, .value = SLICE_LITERAL("data.x.y")},
    };
    struct event_subscription subscription = plain_subscription();
    struct buffer lines = {0};

    subscription.destination.attributes = attributes;
    subscription.destination.attribute_count = COUNT(attributes);
    delivery_append_attributes(&lines, &subscription, &event_grid);
    check_lines(&lines, "X-Static: 50%25 \xC3\xA9  evil: 1\nauthorization: Key k\n"
                        "X-N: 7\nX-K: v\n");
    delivery_append_attributes(&lines, &subscription, NULL);
    check_lines(&lines, "X-Static: 50%25 \xC3\xA9  evil: 1\nauthorization: Key k\n");
    subscription.destination.url = S("https://u:p@h/"); /* its credentials go before */
    delivery_append_attributes(&lines, &subscription, NULL);
    check_lines(&lines, "X-Static: 50%25 \xC3\xA9  evil: 1\n");
    buffer_release(&lines);
}

TEST(events_share_a_request_if_their_headers_agree)
{
    static const struct delivery_attribute attributes[] = {
        {.name = SLICE_LITERAL("X-S"), .value = SLICE_LITERAL("s")},
        {.name = SLICE_LITERAL("X-K"), .is_dynamic = true, .value = SLICE_LITERAL("data.k")},
    };
    struct event_subscription subscription = plain_subscription();
    struct queued_event other = event_grid;

    CHECK(delivery_may_share(&subscription, &event_grid, &other));
    other.attempts = 1;
    CHECK(!delivery_may_share(&subscription, &event_grid, &other));
    other = event_grid;
    other.data_version = S("2.1");
    CHECK(!delivery_may_share(&subscription, &event_grid, &other));
    CHECK(!delivery_may_share(&subscription, &event_grid, &cloud_event));
    subscription.destination.attributes = attributes;
    subscription.destination.attribute_count = COUNT(attributes);
    other = event_grid;
    other.json = S("{\"data\":{\"k\":\"v\"}}");
    CHECK(delivery_may_share(&subscription, &event_grid, &other));
    other.json = S("{\"data\":{\"k\":\"w\"}}");
    CHECK(!delivery_may_share(&subscription, &event_grid, &other));
    other.json = S("{\"data\":{}}");
    CHECK(!delivery_may_share(&subscription, &event_grid, &other));
}

/* ---------------------------------------------------------------- URLs */

TEST(credentials_in_the_url_become_a_header)
{
    static const struct {
        const char *given, *url, *lines;
    } rows[] = {
        {"https://h:1/x?code=a@b", "https://h:1/x?code=a@b", ""},
        {"https://user:pass@h:1/x?y", "https://h:1/x?y", "Authorization: Basic dXNlcjpwYXNz\n"},
        {"http://us%40er:p%3a@[::1]:1?q", "http://[::1]:1?q",
         "Authorization: Basic dXNAZXI6cDo=\n"},
        {"http://u:a@b@h/", "http://h/", "Authorization: Basic dTphQGI=\n"},
        {"http://u@h", "http://h", "Authorization: Basic dQ==\n"},
        {"http://u:100%@h", "http://h", "Authorization: Basic dToxMDAl\n"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer url = {0}, lines = {0};
        test_note("row %zu", i);
        delivery_append_url(&url, &lines, slice_from_string(rows[i].given));
        CHECK_SLICE_EQUAL(buffer_slice(&url), slice_from_string(rows[i].url));
        check_lines(&lines, rows[i].lines);
        buffer_release(&url);
        buffer_release(&lines);
    }
}

/* ---------------------------------------------------------------- signatures */

/* The secret, identifier, time and text of the tests of the official libraries. */
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

TEST(the_signature_is_that_of_standard_webhooks)
{
    struct event_subscription subscription = plain_subscription();
    struct buffer lines = {0};

    subscription.destination.signing_secret = S(SECRET);
    delivery_append_signature(&lines, &subscription, S("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                              INT64_C(1614265330999), S("{\"test\": 2432232314}"));
    check_lines(&lines, "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\n"
                        "webhook-timestamp: 1614265330\n"
                        "webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=\n");
    buffer_release(&lines);
}

/* The second one by
 * printf '%s' '1.1614265330.[{"foo":1}]' | openssl dgst -sha256 -hmac abcdefghijklmnopqrstuvwx
 * -binary | base64
 */
TEST(each_secret_gives_a_signature)
{
    struct event_subscription subscription = plain_subscription();
    struct buffer lines = {0};

    subscription.destination.signing_secret = S(SECRET " whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4");
    delivery_append_signature(&lines, &subscription, S("1"), INT64_C(1614265330000),
                              S("[{\"foo\":1}]"));
    check_lines(&lines, "webhook-id: 1\n"
                        "webhook-timestamp: 1614265330\n"
                        "webhook-signature: v1,RBpRwZZDz8yNzbn0Y5GXAPN5+rLL6tGpFe2iKI5q5l8= "
                        "v1,M7FSU3+hUbeheruRMEbIZQv6r8U4A6wvNqIU/3llH4s=\n");
    buffer_release(&lines);
}

/* An identifier that is no header value is signed as it is sent. */
TEST(the_identifier_is_that_of_the_event_and_of_a_batch_that_of_the_request)
{
    struct event_subscription subscription = plain_subscription();
    struct queued_event odd = custom_event;
    const struct queued_event *events[] = {&odd, &odd};

    odd.id = S("\xC3\xA9\n");
    subscription.destination.signing_secret = S(SECRET);
    check_request(
        &subscription, events, 1,
        JSON_LINES("0", "") "webhook-id: %C3%A9%0A\n"
                            "webhook-timestamp: 1614265330\n"
                            "webhook-signature: v1,eXaOUAO7gnctK8BSn4ObyFh0KVJC0i+X9xTJNtbonBY=\n",
        "[{\"foo\":1}]");
    subscription.destination.batch_events = 10;
    check_request(
        &subscription, events, 2,
        JSON_LINES("0", "") "webhook-id: " OUTPUT_ID "\n"
                            "webhook-timestamp: 1614265330\n"
                            "webhook-signature: v1,U0OE6TrHLNlfFKDyOLMBZlzaeTeFAAGsSpFbk52DCmo=\n",
        "[{\"foo\":1},{\"foo\":1}]");
}
