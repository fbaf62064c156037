/* Requests of MQTT over HTTP (spec/eventgrid.md 6.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "eventgrid/mqtt_request.h"
#include "secret/base64.h"
#include "secret/base64url.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { HEADERS_MAX = 4 };

struct row {
    const char *target;
    struct pair headers[HEADERS_MAX];
    const char *body;
    const char *wrong; /* how the refusal begins; NULL: it is good */
};

#define HEADER(key, value)                                                                         \
    {                                                                                              \
        SLICE_LITERAL(key), SLICE_LITERAL(value)                                                   \
    }

static bool parse(struct mqtt_request *request, const char *method, const struct row *row,
                  struct request_error *error)
{
    struct mqtt_source source = {
        .method = slice_from_string(method),
        .target = slice_from_string(row->target),
        .headers = {row->headers, 0},
        .body = slice_from_string(row->body ? row->body : ""),
    };

    while (source.headers.count < HEADERS_MAX && row->headers[source.headers.count].key.length) {
        source.headers.count++;
    }
    return mqtt_request_parse(request, &source, error);
}

static bool begins(struct slice text, const char *begin)
{
    return slice_starts_with(text, slice_from_string(begin));
}

TEST(paths_and_methods)
{
    static const struct {
        const char *method, *target;
        enum mqtt_operation operation;
        int status; /* 0: it is good */
    } rows[] = {
        {"POST", "/mqtt/messages?topic=a", MQTT_PUBLISH, 0},
        {"POST", "/MQTT/Messages?TOPIC=a&api-version=2025-02-15-preview", MQTT_PUBLISH, 0},
        {"GET", "/mqtt/retainedMessages/message?topic=a", MQTT_READ, 0},
        {"GET", "/mqtt/retainedMessages?topicFilter=%23", MQTT_LIST, 0},
        {"GET", "/mqtt/messages?topic=a", MQTT_PUBLISH, 405},
        {"DELETE", "/mqtt/retainedMessages/message?topic=a", MQTT_READ, 405},
        {"POST", "/mqtt/retainedMessages?topicFilter=a", MQTT_LIST, 405},
        {"GET", "/mqtt", MQTT_OPERATIONS, 404},
        {"POST", "/mqtt/messages/", MQTT_OPERATIONS, 404},
        {"GET", "/mqtt/retainedmessagesx", MQTT_OPERATIONS, 404},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mqtt_request request;
        struct request_error error = {0};
        struct row row = {.target = rows[i].target};
        test_note("%s %s", rows[i].method, rows[i].target);
        CHECK_INT_EQUAL(mqtt_request_is_path(slice_from_string(rows[i].target)),
                        rows[i].operation < MQTT_OPERATIONS);
        CHECK_INT_EQUAL(parse(&request, rows[i].method, &row, &error), rows[i].status == 0);
        CHECK_INT_EQUAL(request.operation, rows[i].operation);
        CHECK_INT_EQUAL(error.status, rows[i].status);
        mqtt_request_release(&request);
    }
    CHECK_STRING_EQUAL(mqtt_request_method(SLICE_LITERAL("/mqtt/messages?a")), "POST");
    CHECK_STRING_EQUAL(mqtt_request_method(SLICE_LITERAL("/mqtt/retainedMessages")), "GET");
}

TEST(a_publish_has_all_of_its_headers)
{
    /* [{"a":"b"},{"a":"\u00fc"}] */
    static const struct row row = {
        "/mqtt/messages?topic=dev%2F1&mqtt-correlation-data=+/8=&mqtt-message-expiry=60",
        {HEADER("Content-Type", "application/json"),
         HEADER("MQTT-User-Properties", "W3siYSI6ImIifSx7ImEiOiJcdTAwZmMifV0="),
         HEADER("mqtt-response-topic", "re/%C3%BC"), HEADER("mqtt-payload-format-indicator", "1")},
        "{}",
        NULL};
    struct mqtt_request request;
    struct request_error error;
    struct buffer bytes = {0}, wanted = {0};
    struct packet packet;
    struct packet_limits limits = {.version = MQTT_5, .packet_size_max = PACKET_SIZE_MAX};

    CHECK(parse(&request, "POST", &row, &error));
    request.packet.publish.packet_id = 1;
    packet_encode(&bytes, &request.packet, MQTT_5);
    CHECK_INT_EQUAL(packet_decode(&packet, buffer_slice(&bytes), &limits), bytes.length);
    CHECK_SLICE_EQUAL(packet.publish.topic, SLICE_LITERAL("dev/1"));
    CHECK_SLICE_EQUAL(packet.publish.payload, SLICE_LITERAL("{}"));
    CHECK_INT_EQUAL(packet.publish.qos, QOS_1);
    CHECK(!packet.publish.retain);
    CHECK_SLICE_EQUAL(packet.properties.content_type, SLICE_LITERAL("application/json"));
    CHECK_SLICE_EQUAL(packet.properties.response_topic, SLICE_LITERAL("re/\xC3\xBC"));
    CHECK_SLICE_EQUAL(packet.properties.correlation_data, slice_make("\xFB\xFF", 2));
    CHECK_INT_EQUAL(packet.properties.message_expiry_interval, 60);
    CHECK_INT_EQUAL(packet.properties.payload_format_indicator, 1);
    buffer_append(&wanted, slice_make("\x26\0\1a\0\1b\x26\0\1a\0\2\xC3\xBC", 15));
    CHECK(memmem(packet.properties.raw.data, packet.properties.raw.length, wanted.data,
                 wanted.length) != NULL);
    mqtt_request_release(&request);
    buffer_release(&bytes);
    buffer_release(&wanted);
}

TEST(the_query_counts_more_than_headers)
{
    static const struct row row = {"/mqtt/messages?topic=a&mqtt-qos=0&mqtt-retain=1&mqtt-message-"
                                   "expiry=0&content-type=text%2Fplain",
                                   {HEADER("mqtt-qos", "nonsense"), HEADER("mqtt-retain", "0"),
                                    HEADER("mqtt-message-expiry", "9"),
                                    HEADER("content-type", "application/json")},
                                   "x",
                                   NULL};
    struct mqtt_request request;
    struct request_error error;

    CHECK(parse(&request, "POST", &row, &error));
    CHECK_INT_EQUAL(request.packet.publish.qos, QOS_0);
    CHECK(request.packet.publish.retain);
    CHECK(!properties_have(&request.packet.properties, PROPERTY_MESSAGE_EXPIRY_INTERVAL));
    CHECK_SLICE_EQUAL(request.packet.properties.content_type, SLICE_LITERAL("text/plain"));
    mqtt_request_release(&request);
}

TEST(what_is_wrong_is_said)
{
    static const struct row rows[] = {
        {.target = "/mqtt/messages", .wrong = "A topic is needed"},
        {.target = "/mqtt/messages?topic=", .wrong = "topic must"},
        {.target = "/mqtt/messages?topic=a/%23", .wrong = "topic must"},
        {.target = "/mqtt/messages?topic=a%00", .wrong = "topic must"},
        {.target = "/mqtt/messages?topic=%FF", .wrong = "topic must"},
        {.target = "/mqtt/messages?topic=%zz", .wrong = "The query"},
        {.target = "/mqtt/messages?topic=a&mqtt-qos=2", .wrong = "mqtt-qos"},
        {.target = "/mqtt/messages?topic=a&mqtt-qos=", .wrong = "mqtt-qos"},
        {.target = "/mqtt/messages?topic=a", {HEADER("mqtt-qos", "-1")}, .wrong = "mqtt-qos"},
        {.target = "/mqtt/messages?topic=a", {HEADER("mqtt-retain", "true")}, .wrong = "mqtt-r"},
        {.target = "/mqtt/messages?topic=a",
         {HEADER("mqtt-message-expiry", "4294967296")},
         .wrong = "mqtt-message-expiry"},
        {.target = "/mqtt/messages?topic=a",
         {HEADER("mqtt-response-topic", "a/+")},
         .wrong = "mqtt-response-topic"},
        {.target = "/mqtt/messages?topic=a",
         {HEADER("mqtt-response-topic", "%4")},
         .wrong = "mqtt-response-topic"},
        {.target = "/mqtt/messages?topic=a",
         {HEADER("mqtt-correlation-data", "?")},
         .wrong = "mqtt-correlation-data"},
        {.target = "/mqtt/messages?topic=a",
         {HEADER("mqtt-payload-format-indicator", "2")},
         .wrong = "mqtt-payload"},
        {.target = "/mqtt/messages?topic=a",
         {HEADER("mqtt-payload-format-indicator", "1")},
         .body = "\xFF",
         .wrong = "The body is not UTF-8"},
        {.target = "/mqtt/messages?topic=a", {HEADER("content-type", "\xFF")}, .wrong = "content"},
        /* {"a":"b"} - [1] - [{"a":1}] - [{"a":"b","c":"d"}] - [{}] - [{"a":"\u0000"}] */
        {.target = "/mqtt/messages?topic=a&mqtt-user-properties=eyJhIjoiYiJ9", .wrong = "mqtt-u"},
        {.target = "/mqtt/messages?topic=a&mqtt-user-properties=WzFd", .wrong = "mqtt-user"},
        {.target = "/mqtt/messages?topic=a&mqtt-user-properties=W3siYSI6MX1d", .wrong = "mqtt-u"},
        {.target = "/mqtt/messages?topic=a&mqtt-user-properties=W3siYSI6ImIiLCJjIjoiZCJ9XQ==",
         .wrong = "mqtt-user"},
        {.target = "/mqtt/messages?topic=a&mqtt-user-properties=W3t9XQ==", .wrong = "mqtt-user"},
        {.target = "/mqtt/messages?topic=a&mqtt-user-properties=W3siYSI6Ilx1MDAwMCJ9XQ==",
         .wrong = "mqtt-user"},
        {.target = "/mqtt/retainedMessages/message", .wrong = "A topic is needed"},
        {.target = "/mqtt/retainedMessages/message?topic=%2B", .wrong = "topic must"},
        {.target = "/mqtt/retainedMessages", .wrong = "A topicFilter or"},
        {.target = "/mqtt/retainedMessages?topicFilter=a%23", .wrong = "topicFilter"},
        {.target = "/mqtt/retainedMessages?topicFilter=%24share/g/a", .wrong = "topicFilter"},
        {.target = "/mqtt/retainedMessages?topicFilter=a&maxResults=0", .wrong = "maxResults"},
        {.target = "/mqtt/retainedMessages?topicFilter=a&maxResults=101", .wrong = "maxResults"},
        {.target = "/mqtt/retainedMessages?continuationToken=", .wrong = "continuationToken"},
        {.target = "/mqtt/retainedMessages?continuationToken=YQ", .wrong = "continuationToken"},
        {.target = "/mqtt/retainedMessages?continuationToken=!", .wrong = "continuationToken"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct mqtt_request request;
        struct request_error error = {0};
        struct slice target = slice_from_string(rows[i].target);
        test_note("row %zu: %s", i, rows[i].target);
        CHECK(!parse(&request, mqtt_request_method(target), &rows[i], &error));
        CHECK_INT_EQUAL(error.status, 400);
        CHECK(begins(error.message, rows[i].wrong));
        mqtt_request_release(&request);
    }
}

TEST(a_list_goes_on_by_its_token)
{
    struct mqtt_request request;
    struct request_error error;
    struct buffer target = {0};

    buffer_append_string(&target, "/mqtt/retainedMessages?maxResults=7&continuationToken=");
    mqtt_token_append(&target, SLICE_LITERAL("a/+/#"), SLICE_LITERAL("a/b"));
    size_t length = target.length;
    buffer_append_byte(&target, '\0');
    CHECK(parse(&request, "GET", &(struct row){.target = (const char *)target.data}, &error));
    CHECK_SLICE_EQUAL(request.filter, SLICE_LITERAL("a/+/#"));
    CHECK_SLICE_EQUAL(request.behind, SLICE_LITERAL("a/b"));
    CHECK_INT_EQUAL(request.results_max, 7);
    mqtt_request_release(&request);

    target.length = length;
    buffer_append_string(&target, "&topicFilter=a/%2B/%23");
    length = target.length;
    buffer_append_byte(&target, '\0');
    CHECK(parse(&request, "GET", &(struct row){.target = (const char *)target.data}, &error));
    mqtt_request_release(&request);

    target.length = length;
    buffer_append_string(&target, "%23"); /* another filter, and none at all */
    buffer_append_byte(&target, '\0');
    CHECK(!parse(&request, "GET", &(struct row){.target = (const char *)target.data}, &error));
    mqtt_request_release(&request);
    buffer_release(&target);
}
