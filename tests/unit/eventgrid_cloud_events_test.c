/* CloudEvents (spec/eventgrid.md 1.7, 2.1): structured, batched, binary over HTTP and over MQTT;
 * what is refused, and what leaves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "publish_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE          "application/cloudevents+json; charset=utf-8"
#define BATCH        "application/cloudevents-batch+json; charset=utf-8"
#define JSON         "application/json"
#define BASE         "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""
#define CONFORM                                                                                    \
    "This resource is configured to receive event in 'CloudEventV10' schema. The JSON received "   \
    "does not conform to the expected schema."
#define REQUIRES(name)                                                                             \
    "This resource is configured for 'CloudEventV10' schema and requires '" name                   \
    "' property to be set."
#define ATTRIBUTES                                                                                 \
    "Please check required attributes at "                                                         \
    "https://github.com/cloudevents/spec/blob/v1.0/spec.md#required-attributes"
#define CE(...) PUBLISH(.schema = SCHEMA_CLOUD_EVENTS, __VA_ARGS__)

TEST(a_batch_as_the_sdk_sends_it)
{
    static const char body[] =
        "[{\"id\":\"x\",\"source\":\"/s\",\"data_base64\":\"AQID\",\"type\":\"t\","
        "\"time\":\"1970-01-01T00:00:00.000Z\",\"specversion\":\"1.0\","
        "\"datacontenttype\":\"application/octet-stream\",\"subject\":\"sub\",\"ext1\":\"v\","
        "\"n\":5,\"b\":true,\"traceparent\":\"00-1-2-01\"}]";

    CHECK_INT_EQUAL(CE(.content_type = BATCH, .body = body), 0);
    CHECK_INT_EQUAL(published.count, 1);
    const struct event *event = &published.events[0];
    CHECK_SLICE_EQUAL(event->id, SLICE_LITERAL("x"));
    CHECK_SLICE_EQUAL(event->source, SLICE_LITERAL("/s"));
    CHECK_SLICE_EQUAL(event->type, SLICE_LITERAL("t"));
    CHECK_SLICE_EQUAL(event->subject, SLICE_LITERAL("sub"));
    CHECK_SLICE_EQUAL(event->time, SLICE_LITERAL("1970-01-01T00:00:00.000Z"));
    CHECK_SLICE_EQUAL(event->content_type, SLICE_LITERAL("application/octet-stream"));
    CHECK_SLICE_EQUAL(event->data.text, SLICE_LITERAL("\"AQID\""));
    CHECK(event->has_data && event->is_base64 && !event->is_json_content && event->is_verbatim);
    CHECK_SLICE_EQUAL(rendered(0, SCHEMA_CLOUD_EVENTS, false),
                      slice_make(body + 1, sizeof(body) - 3));
    published_release();
}

static const struct {
    const char *content_type, *body;
    size_t count; /* 0: refused */
    int status;   /* 0: 400 */
    const char *message;
} rows[] = {
    {ONE, "{" BASE "}", 1, 0, NULL},
    {"Application/CloudEvents+JSON", " {" BASE "} ", 1, 0, NULL},
    {"application/cloudevents+json ;charset=utf-8", "{" BASE "}", 1, 0, NULL},
    {BATCH, "[{" BASE "},{" BASE "}]", 2, 0, NULL},
    {JSON, "{" BASE "}", 1, 0, NULL},
    {JSON "; charset=utf-8", "\xEF\xBB\xBF{" BASE "}", 1, 0, NULL},
    {ONE, "{" BASE ",\"time\":\"2030-01-01T00:00:00+01:00\",\"data\":null,\"ext\":{\"a\":1}}", 1, 0,
     NULL},
    {ONE, "{" BASE ",\"specversion\":\"0.3\"}", 1, 0, NULL}, /* values are not checked */
    {ONE, "{" BASE ",\"data_base64\":\"AQ\\/ID\\u003d=\"}", 0, 0, "data_base64"},
    {ONE, "{" BASE ",\"data_base64\":\"A\\/I\\u003d\"}", 1, 0, NULL},
    {ONE, "{" BASE ",\"data_base64\":\"\",\"data\":null}", 1, 0, NULL},

    {"text/plain", "{" BASE "}", 0, 415, "The Content-Type header is either missing"},
    {NULL, "{" BASE "}", 0, 415, "The Content-Type header is either missing"},
    {"application/cloudevents", "{" BASE "}", 0, 415, "application/cloudevents-batch+json; "},
    {JSON, "[{" BASE "}]", 0, 0,
     CONFORM " Token Expected: StartObject, Actual Token Received: StartArray."},
    {ONE, "[{" BASE "}]", 0, 0,
     CONFORM " Token Expected: StartObject, Actual Token Received: StartArray."},
    {BATCH, "{" BASE "}", 0, 0,
     CONFORM " Token Expected: StartArray, Actual Token Received: StartObject."},
    {BATCH, "7", 0, 0, CONFORM " Token Expected: StartArray, Actual Token Received: Number."},
    {BATCH, "[]", 0, 0, CONFORM},
    {BATCH, "[null]", 0, 0, CONFORM},
    {ONE, "", 0, 0, "Unexpected end when reading JSON."},
    {ONE, "{" BASE, 0, 0, "Unexpected token when reading JSON."},
    {BATCH, "[{},", 0, 0, "Unexpected token when reading JSON."},

    {ONE, "{}", 0, 0, REQUIRES("specversion")},
    {ONE, "{\"specversion\":\"1.0\"}", 0, 0, REQUIRES("eventType")},
    {ONE, "{\"specversion\":\"1.0\",\"type\":\"t\"}", 0, 0, REQUIRES("source")},
    {ONE, "{\"specversion\":\"1.0\",\"type\":\"t\",\"source\":\"s\"}", 0, 0, REQUIRES("id")},
    {ONE, "{" BASE ",\"id\":\"\"}", 0, 0, REQUIRES("id")},
    {ONE, "{" BASE ",\"source\":null}", 0, 0, REQUIRES("source")},
    {BATCH, "[{" BASE "},{}]", 0, 0, REQUIRES("specversion")},
    {ONE, "{" BASE ",\"id\":5}", 0, 0, CONFORM},
    {ONE, "{" BASE ",\"subject\":5}", 0, 0, CONFORM},
    {ONE, "{" BASE ",\"time\":\"2030-01-01T00:00:00\"}", 0, 0,
     "The event time property 'time' was not a valid date/time."},
    {ONE, "{" BASE ",\"time\":\"\"}", 0, 0, "'time' was not a valid date/time."},
    {ONE, "{" BASE ",\"time\":\"1/1/2030\"}", 0, 0, "'time' was not a valid date/time."},
    {ONE, "{" BASE ",\"data\":1,\"data_base64\":\"\"}", 0, 0, "only one of 'data'"},
    {ONE, "{" BASE ",\"data_base64\":\"AQI\"}", 0, 0, "must be a Base-64 string"},
    {ONE, "{" BASE ",\"data_base64\":\"A-_D\"}", 0, 0, "must be a Base-64 string"},
    {ONE, "{" BASE ",\"data_base64\":7}", 0, 0, "must be a Base-64 string"},
};

TEST(what_is_accepted_and_what_is_refused)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        int status = rows[i].count > 0 ? 0 : rows[i].status > 0 ? rows[i].status : 400;

        test_note("%s: %s", rows[i].content_type ? rows[i].content_type : "no type", rows[i].body);
        CHECK_INT_EQUAL(CE(.content_type = rows[i].content_type, .body = rows[i].body), status);
        if (status == 0) {
            CHECK_INT_EQUAL(published.count, rows[i].count);
            continue;
        }
        CHECK(error_says(rows[i].message));
        CHECK_STRING_EQUAL(published.error.code,
                           status == 400 ? "BadRequest" : "UnsupportedMediaType");
        CHECK_STRING_EQUAL(published.error.detail_code,
                           status == 400 ? "InputJsonInvalid" : "InvalidContentType");
    }
    published_release();
}

TEST(what_leaves)
{
    static const struct {
        const char *in, *out; /* behind the required ones; out NULL: the same */
    } events[] = {
        {"", NULL},
        {",\"data\":{ \"n\":12345678901234567890, \"a\":1,\"a\":2}", NULL},
        {",\"data\":null", NULL},
        {",\"traceparent\":\"00-1\",\"n\":5,\"b\":true,\"e\":\"\"", NULL},
        {",\"subject\":null,\"n\":null,\"x\":\"1\"", ",\"x\":\"1\""},
        {",\"subject\":\"\",\"dataschema\":\"\",\"data\":[null]", ",\"data\":[null]"},
        {",\"time\":null,\"data\":null", ",\"data\":null"},
        {",\"data\":null,\"data_base64\":\"AQID\"", ",\"data_base64\":\"AQID\""},
        {",\"data\":\"x\",\"data_base64\":null", ",\"data\":\"x\""},
        {",\"\\u0073ubject\":null,\"\\u0065\":1", ",\"\\u0065\":1"},
    };

    for (size_t i = 0; i < COUNT(events); i++) {
        struct buffer in = {0}, out = {0};

        test_note("event %s", events[i].in);
        buffer_append_format(&in, "{" BASE "%s}", events[i].in);
        buffer_append_format(&out, "{" BASE "%s}", events[i].out ? events[i].out : events[i].in);
        CHECK_INT_EQUAL(CE(.content_type = ONE, .bytes = buffer_slice(&in)), 0);
        CHECK_SLICE_EQUAL(rendered(0, SCHEMA_CLOUD_EVENTS, true), buffer_slice(&out));
        CHECK(!events[i].out || !published.events[0].is_verbatim);
        buffer_release(&in);
        buffer_release(&out);
    }
    published_release();
}

TEST(in_a_domain_the_source_names_the_topic)
{
    CHECK_INT_EQUAL(CE(.kind = SOURCE_DOMAIN, .content_type = BATCH,
                       .body = "[{" BASE ",\"source\":\"sales\"},{" BASE ",\"source\":\"stock\"}]"),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].domain_topic, SLICE_LITERAL("sales"));
    CHECK_SLICE_EQUAL(published.events[1].source, SLICE_LITERAL(DOMAIN_ID "/topics/stock"));
    CHECK_INT_EQUAL(CE(.kind = SOURCE_DOMAIN, .content_type = ONE,
                       .body = "{\"source\":\"sales\",\"id\":\"1\",\"x\":1,\"type\":\"t\","
                               "\"specversion\":\"1.0\"}"),
                    0);
    CHECK_RENDERED(0, SCHEMA_CLOUD_EVENTS,
                   "{\"source\":\"" DOMAIN_ID "/topics/sales\",\"id\":\"1\",\"x\":1,"
                   "\"type\":\"t\",\"specversion\":\"1.0\"}");
    CHECK_INT_EQUAL(CE(.kind = SOURCE_DOMAIN, .content_type = ONE, .body = "{" BASE "}"), 400);
    CHECK(error_says("Domain topic name"));
    /* By MQTT the address names it, and the source is the publisher's own. */
    CHECK_INT_EQUAL(CE(.kind = SOURCE_DOMAIN, .content_type = ONE, .body = "{" BASE "}",
                       .domain_topic = "sales", .is_mqtt = true),
                    0);
    CHECK_SLICE_EQUAL(published.events[0].domain_topic, SLICE_LITERAL("sales"));
    CHECK_RENDERED(0, SCHEMA_CLOUD_EVENTS, "{" BASE "}");
    published_release();
}

/* ---------------------------------------------------------------- binary mode of HTTP */

#define MUST(id)                                                                                   \
    pair("ce-specversion", "1.0"), pair("Ce-Id", id), pair("CE-SOURCE", "/s"), pair("ce-type", "t")
#define MUST_JSON(id) "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/s\",\"type\":\"t\""

TEST(headers_are_attributes)
{
    CHECK_INT_EQUAL(CE(.content_type = JSON, .body = " {\"a\": 1.0} ",
                       .attributes = {MUST("1"), pair("ce-time", "2030-01-01T00:00:00Z"),
                                      pair("ce-subject", "Euro%20%E2%82%AC"), pair("ce-MyExt", "5"),
                                      pair("traceparent", "00"), pair("ce-traceparent", "00-1"),
                                      pair("ce-bad_name", "x")}),
                    0);
    CHECK_RENDERED(
        0, SCHEMA_CLOUD_EVENTS,
        MUST_JSON("1") ",\"time\":\"2030-01-01T00:00:00Z\",\"subject\":\"Euro \xE2\x82\xAC\","
                       "\"myext\":\"5\",\"traceparent\":\"00-1\","
                       "\"datacontenttype\":\"application/json\",\"data\":{\"a\": 1.0}}");
    const struct event *event = &published.events[0];
    CHECK_SLICE_EQUAL(event->subject, SLICE_LITERAL("Euro \xE2\x82\xAC"));
    CHECK_SLICE_EQUAL(event->data.text, SLICE_LITERAL("{\"a\": 1.0}"));
    CHECK_SLICE_EQUAL(event->content_type, SLICE_LITERAL(JSON));
    CHECK(event->is_verbatim && event->has_data);
    published_release();
}

TEST(header_values_are_decoded_leniently)
{
    static const struct {
        const char *value, *text;
    } values[] = {
        {"plain", "plain"},
        {"\xc3\xa9", "\xc3\xa9"},         /* UTF-8 as it is */
        {"\xe9", "\xc3\xa9"},             /* Latin-1 */
        {"%C3%A9 100%", "\xc3\xa9 100%"}, /* a % alone stays */
        {"%E9", "\xc3\xa9"},
        {"%2", "%2"},
        {"%zz", "%zz"},
        {"a+b", "a+b"},
        {"\"a \\\"b\\\" %41\"", "a \"b\" A"}, /* quoted */
        {"\"", "\""},
        {"%22%5C", "\"\\"},
        {"%01", "\x01"},
        {"%F0%9F%8C%A1", "\xf0\x9f\x8c\xa1"},
    };

    for (size_t i = 0; i < COUNT(values); i++) {
        test_note("value %s", values[i].value);
        CHECK_INT_EQUAL(
            CE(.content_type = JSON, .body = "1", .attributes = {MUST(values[i].value)}), 0);
        CHECK_SLICE_EQUAL(published.events[0].id, slice_from_string(values[i].text));
        rendered(0, SCHEMA_CLOUD_EVENTS, true);
    }
    published_release();
}

TEST(of_headers_of_the_same_name_the_last_one_counts)
{
    CHECK_INT_EQUAL(
        CE(.content_type = JSON, .body = "1",
           .attributes = {MUST("1"), pair("ce-id", "2"), pair("ce-x", "a"), pair("CE-X", "b"),
                          pair("ce-datacontenttype", "text/plain"), pair("ce-data", "no")}),
        0);
    CHECK_RENDERED(0, SCHEMA_CLOUD_EVENTS,
                   "{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"t\",\"id\":\"2\","
                   "\"x\":\"b\",\"datacontenttype\":\"application/json\",\"data\":1}");
    published_release();
}

TEST(what_is_refused_in_binary_mode)
{
    static const struct {
        const char *content_type, *body;
        struct pair attributes[4];
        int status;
        const char *detail_code, *message;
    } refused[] = {
#define A(key, value) {SLICE_LITERAL(key), SLICE_LITERAL(value)}
        {JSON,
         "1",
         {A("ce-id", "1")},
         400,
         "InvalidCloudEventHeader",
         "ce-specversion header is missing for the cloud event. " ATTRIBUTES},
        {JSON,
         "1",
         {A("ce-specversion", "1.0")},
         400,
         "InvalidCloudEventHeader",
         "ce-id header is missing"},
        {JSON,
         "1",
         {A("ce-specversion", "1.0"), A("ce-id", "1")},
         400,
         "InvalidCloudEventHeader",
         "ce-source header is missing"},
        {JSON,
         "1",
         {A("ce-specversion", "1.0"), A("ce-id", "1"), A("ce-source", "s")},
         400,
         "InvalidCloudEventHeader",
         "ce-type header is missing"},
        {JSON,
         "1",
         {A("ce-type", ""), A("ce-specversion", "1.0"), A("ce-id", "1"), A("ce-source", "s")},
         400,
         "InvalidCloudEventHeader",
         "ce-type header is empty for the cloud event. " ATTRIBUTES},
        {"text/plain", "1", {A("ce-id", "1")}, 415, "InvalidContentType", "Content-Type header"},
        {NULL, "1", {A("ce-id", "1")}, 415, "InvalidContentType", "Content-Type header"},
        {ONE, "{" BASE "}", {A("ce-id", "1")}, 400, "InputJsonInvalid", "Conflicting content mode"},
        {BATCH,
         "[{" BASE "}]",
         {A("ce-type", "1")},
         400,
         "InputJsonInvalid",
         "Conflicting content mode"},
        {JSON,
         "",
         {A("ce-type", "t"), A("ce-specversion", "1.0"), A("ce-id", "1"), A("ce-source", "s")},
         400,
         "InputJsonInvalid",
         "Unexpected end when reading JSON."},
        {JSON,
         "1,\"id\":\"2\"",
         {A("ce-type", "t"), A("ce-specversion", "1.0"), A("ce-id", "1"), A("ce-source", "s")},
         400,
         "InputJsonInvalid",
         "Unexpected token when reading JSON."},
#undef A
    };

    for (size_t i = 0; i < COUNT(refused); i++) {
        struct ask ask = {.schema = SCHEMA_CLOUD_EVENTS,
                          .content_type = refused[i].content_type,
                          .body = refused[i].body};

        test_note("row %zu", i);
        memcpy(ask.attributes, refused[i].attributes, sizeof(refused[i].attributes));
        CHECK(!publish_ask(&ask));
        CHECK_INT_EQUAL(published.error.status, refused[i].status);
        CHECK_STRING_EQUAL(published.error.detail_code, refused[i].detail_code);
        CHECK(error_says(refused[i].message));
    }
    CHECK_INT_EQUAL(
        CE(.content_type = JSON, .body = "1", .attributes = {MUST("1"), pair("ce-time", "now")}),
        400);
    CHECK(error_says("'time' was not a valid date/time."));
    published_release();
}

/* An event of one attribute only, none of the required ones, is no binary event. */
TEST(other_headers_do_not_make_it_binary)
{
    CHECK_INT_EQUAL(CE(.content_type = ONE, .body = "{" BASE "}",
                       .attributes = {pair("ce-subject", "x"), pair("aeg-sas-key", "k")}),
                    0);
    CHECK_RENDERED(0, SCHEMA_CLOUD_EVENTS, "{" BASE "}");
    published_release();
}

/* ---------------------------------------------------------------- MQTT binding */

#define MQTT_MUST                                                                                  \
    pair("specversion", "1.0"), pair("id", "1"), pair("source", "/s"), pair("type", "t")

TEST(user_properties_are_attributes)
{
    static const struct {
        const char *content_type;
        struct slice payload;
        const char *out; /* behind the required ones */
    } payloads[] = {
        {JSON, SLICE_LITERAL(" [1] "), ",\"datacontenttype\":\"application/json\",\"data\":[1]}"},
        {"application/vnd.x+json", SLICE_LITERAL("{}"),
         ",\"datacontenttype\":\"application/vnd.x+json\",\"data\":{}}"},
        {NULL, SLICE_LITERAL("{\"t\":21.5}"), ",\"data\":{\"t\":21.5}}"},
        {NULL, SLICE_LITERAL("hello"), ",\"datacontenttype\":\"text/plain\",\"data\":\"hello\"}"},
        {NULL, SLICE_LITERAL("\x01\xff"),
         ",\"datacontenttype\":\"application/octet-stream\",\"data_base64\":\"Af8=\"}"},
        {"text/plain", SLICE_LITERAL("a \"b\"\n"),
         ",\"datacontenttype\":\"text/plain\",\"data\":\"a \\\"b\\\"\\n\"}"},
        {"text/plain", SLICE_LITERAL("\xff"),
         ",\"datacontenttype\":\"text/plain\",\"data_base64\":\"/w==\"}"},
        {"image/png", SLICE_LITERAL("text"),
         ",\"datacontenttype\":\"image/png\",\"data_base64\":\"dGV4dA==\"}"},
        {JSON, SLICE_EMPTY, ",\"datacontenttype\":\"application/json\"}"},
        {NULL, SLICE_EMPTY, "}"},
    };

    for (size_t i = 0; i < COUNT(payloads); i++) {
        struct buffer wanted = {0};

        test_note("row %zu", i);
        CHECK_INT_EQUAL(CE(.is_mqtt = true, .content_type = payloads[i].content_type,
                           .bytes = payloads[i].payload,
                           .attributes = {MQTT_MUST, pair("$wps.x", "y"), pair("Case", "z"),
                                          pair("site", "100%41")}),
                        0);
        buffer_append_format(&wanted, "%s,\"site\":\"100%%41\"%s", MUST_JSON("1"), payloads[i].out);
        CHECK_SLICE_EQUAL(rendered(0, SCHEMA_CLOUD_EVENTS, true), buffer_slice(&wanted));
        buffer_release(&wanted);
    }
    published_release();
}

TEST(mqtt_messages_may_be_structured_or_a_batch)
{
    CHECK_INT_EQUAL(CE(.is_mqtt = true, .content_type = ONE, .body = "{" BASE "}",
                       .attributes = {pair("id", "of somebody else's")}),
                    0);
    CHECK_RENDERED(0, SCHEMA_CLOUD_EVENTS, "{" BASE "}");
    CHECK_INT_EQUAL(CE(.is_mqtt = true, .content_type = BATCH, .body = "[{" BASE "},{" BASE "}]"),
                    0);
    CHECK_INT_EQUAL(published.count, 2);
    CHECK_INT_EQUAL(CE(.is_mqtt = true, .content_type = JSON, .body = "{" BASE "}"), 0);
    CHECK_INT_EQUAL(CE(.is_mqtt = true, .body = "{" BASE "}"), 0);
    CHECK_INT_EQUAL(CE(.is_mqtt = true, .body = "hello"), 400);
    CHECK_INT_EQUAL(
        CE(.is_mqtt = true, .content_type = JSON, .body = "hello", .attributes = {MQTT_MUST}), 400);
    CHECK_INT_EQUAL(CE(.is_mqtt = true, .body = "1", .attributes = {pair("id", "1")}), 400);
    CHECK(error_says("specversion header is missing"));
    published_release();
}

TEST(an_eventgrid_topic_takes_its_own_json_over_mqtt)
{
#define EG                                                                                         \
    "{\"id\":\"1\",\"subject\":\"s\",\"eventType\":\"t\",\"eventTime\":\"2030-01-02T03:04:05Z\"}"
    CHECK_INT_EQUAL(PUBLISH(.is_mqtt = true, .body = "[" EG "," EG "]"), 0);
    CHECK_INT_EQUAL(published.count, 2);
    CHECK_INT_EQUAL(PUBLISH(.is_mqtt = true, .content_type = JSON, .body = EG), 0);
    CHECK_INT_EQUAL(PUBLISH(.is_mqtt = true, .body = "hello"), 400);
    published_release();
}
