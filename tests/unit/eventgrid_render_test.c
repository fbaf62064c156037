/* What leaves (spec/eventgrid.md 3.7): EventGrid events as CloudEvents, and any event in the
 * CloudEvents MQTT binding.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "mqtt/properties.h"
#include "publish_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ONE          "application/cloudevents+json"
#define TIME         "2030-01-02T03:04:05Z"
#define EG           "\"id\":\"1\",\"subject\":\"s\",\"eventType\":\"t\",\"eventTime\":\"" TIME "\""
#define CE_OF_EG                                                                                   \
    "{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"" TOPIC_ID                                 \
    "\",\"type\":\"t\",\"subject\":\"s\",\"time\":\"" TIME "\""

TEST(an_eventgrid_event_as_a_cloud_event)
{
    static const struct {
        const char *members, *with, *without; /* with its dataschema; NULL: the same */
    } rows[] = {
        {"", ",\"dataschema\":\"#\"}", "}"},
        {",\"data\":null,\"dataVersion\":\"1\"", ",\"dataschema\":\"#1\"}", "}"},
        {",\"data\":{ \"n\":12345678901234567890,\"a\":0.10},\"dataVersion\":\"\\\"2\"",
         ",\"dataschema\":\"#\\\"2\",\"data\":{ \"n\":12345678901234567890,\"a\":0.10}}",
         ",\"data\":{ \"n\":12345678901234567890,\"a\":0.10}}"},
        {",\"data\":\"text\"", ",\"dataschema\":\"#\",\"data\":\"text\"}", ",\"data\":\"text\"}"},
        {",\"data\":false,\"dataVersion\":1.0", ",\"dataschema\":\"#1.0\",\"data\":false}",
         ",\"data\":false}"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer body = {0}, with = {0}, without = {0};

        test_note("members %s", rows[i].members);
        buffer_append_format(&body, "{" EG "%s}", rows[i].members);
        buffer_append_format(&with, CE_OF_EG "%s", rows[i].with);
        buffer_append_format(&without, CE_OF_EG "%s", rows[i].without);
        CHECK_INT_EQUAL(PUBLISH(.bytes = buffer_slice(&body)), 0);
        CHECK_SLICE_EQUAL(rendered(0, SCHEMA_CLOUD_EVENTS, true), buffer_slice(&with));
        CHECK_SLICE_EQUAL(rendered(0, SCHEMA_CLOUD_EVENTS, false), buffer_slice(&without));
        buffer_release(&body);
        buffer_release(&with);
        buffer_release(&without);
    }
    published_release();
}

TEST(texts_are_escaped_again)
{
    CHECK_INT_EQUAL(PUBLISH(.body = "{\"id\":\"\\u0001\\\"\",\"subject\":\"\\ud800\\/\","
                                    "\"eventType\":\"\\\\\",\"eventTime\":\"" TIME "\"}"),
                    0);
    CHECK_RENDERED(0, SCHEMA_EVENT_GRID,
                   "{\"id\":\"\\u0001\\\"\",\"topic\":\"" TOPIC_ID
                   "\",\"subject\":\"\xEF\xBF\xBD/\",\"eventType\":\"\\\\\",\"eventTime\":\"" TIME
                   "\",\"dataVersion\":\"\",\"metadataVersion\":\"1\",\"data\":null}");
    published_release();
}

/* ---------------------------------------------------------------- MQTT binding */

/* "name=value;..." of the properties, the content type and the payload, of the one event. */
static struct slice message(void)
{
    static struct buffer out;
    struct buffer properties = {0}, payload = {0};
    struct slice content_type, rest;
    struct property_item item;

    out.length = 0;
    event_render_mqtt(&published.events[0], &properties, &payload, &content_type);
    for (rest = buffer_slice(&properties); properties_next(&rest, &item);) {
        CHECK_INT_EQUAL(item.property, PROPERTY_USER_PROPERTY);
        buffer_append_format(&out, "%.*s=%.*s;", SLICE_PRINT(item.name), SLICE_PRINT(item.value));
    }
    buffer_append_format(&out, "<%.*s>", SLICE_PRINT(content_type));
    buffer_append(&out, buffer_slice(&payload));
    buffer_release(&properties);
    buffer_release(&payload);
    return buffer_slice(&out);
}

#define MUST     "\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\""
#define MUST_OUT "specversion=1.0;id=1;source=/s;type=t;"

TEST(a_cloud_event_becomes_a_binary_message)
{
    static const struct {
        const char *members, *seen;
    } rows[] = {
        {"", MUST_OUT "<>"},
        {",\"data\":{\"a\": 1}", MUST_OUT "<application/json>{\"a\": 1}"},
        {",\"data\":\"x\"", MUST_OUT "<application/json>\"x\""},
        {",\"data\":null", MUST_OUT "<application/json>null"},
        {",\"datacontenttype\":\"text/plain\",\"data\":\"a\\nb\"", MUST_OUT "<text/plain>a\nb"},
        {",\"datacontenttype\":\"application/xml\",\"data\":7", MUST_OUT "<application/xml>7"},
        {",\"datacontenttype\":\"a/b\",\"data_base64\":\"QUJD\"", MUST_OUT "<a/b>ABC"},
        {",\"data_base64\":\"QUI\\u003d\"", MUST_OUT "<>AB"},
        {",\"subject\":\"\\u00e9\",\"n\":5,\"b\":true,\"z\":null,\"traceparent\":\"00-1\"",
         MUST_OUT "subject=\xc3\xa9;n=5;b=true;traceparent=00-1;<>"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer body = {0};

        test_note("members %s", rows[i].members);
        buffer_append_format(&body, "{" MUST "%s}", rows[i].members);
        CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CLOUD_EVENTS, .content_type = ONE,
                                .bytes = buffer_slice(&body)),
                        0);
        CHECK_SLICE_EQUAL(message(), slice_from_string(rows[i].seen));
        buffer_release(&body);
    }
    published_release();
}

TEST(an_event_of_another_schema_is_converted)
{
    static const struct schema_mapping mapping = {
        .event_type = {.default_value = SLICE_LITERAL("t"), .has_default = true},
        .subject = {.default_value = SLICE_LITERAL("s"), .has_default = true},
        .data_version = {.default_value = SLICE_LITERAL("1"), .has_default = true},
    };

    CHECK_INT_EQUAL(PUBLISH(.body = "{" EG ",\"data\":[1],\"dataVersion\":\"2\"}"), 0);
    CHECK_SLICE_EQUAL(message(), SLICE_LITERAL("specversion=1.0;id=1;source=" TOPIC_ID
                                               ";type=t;subject=s;time=" TIME
                                               ";dataschema=#2;<application/json>[1]"));
    CHECK_INT_EQUAL(PUBLISH(.body = "{" EG "}"), 0);
    CHECK_SLICE_EQUAL(message(), SLICE_LITERAL("specversion=1.0;id=1;source=" TOPIC_ID
                                               ";type=t;subject=s;time=" TIME ";<>"));
    CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CUSTOM, .mapping = &mapping, .body = "{\"a\":1}"), 0);
    CHECK_SLICE_EQUAL(message(), SLICE_LITERAL("specversion=1.0;id=" MADE_ID ";source=" TOPIC_ID
                                               ";type=t;subject=s;time=2025-01-05T14:07:09.000Z;"
                                               "dataschema=#1;<application/json>{\"a\":1}"));
    published_release();
}

TEST(the_source_of_a_domain_event_is_what_is_stamped)
{
    CHECK_INT_EQUAL(
        PUBLISH(.schema = SCHEMA_CLOUD_EVENTS, .kind = SOURCE_DOMAIN, .content_type = ONE,
                .body =
                    "{\"specversion\":\"1.0\",\"id\":\"1\",\"type\":\"t\",\"source\":\"sales\"}"),
        0);
    CHECK_SLICE_EQUAL(message(), SLICE_LITERAL("specversion=1.0;id=1;type=t;source=" DOMAIN_ID
                                               "/topics/sales;<>"));
    published_release();
}

/* What MQTT cannot carry as a user property. */
TEST(an_event_goes_structured_if_it_must)
{
    static const char *const members[] = {
        ",\"x\":\"a\\u0000b\"",
        ",\"x\":{\"an\":\"object\"}",
        ",\"x\\u0000\":1",
        ",\"datacontenttype\":\"\\u0000\"",
    };
    struct buffer body = {0}, wanted = {0};

    for (size_t i = 0; i < COUNT(members); i++) {
        test_note("members %s", members[i]);
        body.length = wanted.length = 0;
        buffer_append_format(&body, "{" MUST "%s}", members[i]);
        CHECK_INT_EQUAL(PUBLISH(.schema = SCHEMA_CLOUD_EVENTS, .content_type = ONE,
                                .bytes = buffer_slice(&body)),
                        0);
        buffer_append_format(&wanted, "<application/cloudevents+json; charset=utf-8>%.*s",
                             SLICE_PRINT(buffer_slice(&body)));
        CHECK_SLICE_EQUAL(message(), buffer_slice(&wanted));
    }
    body.length = wanted.length = 0;
    for (int i = 0; i < 65536; i++) {
        buffer_append_byte(&wanted, 'i');
    }
    buffer_append_format(&body,
                         "{\"id\":\"%.*s\",\"subject\":\"s\",\"eventType\":\"t\","
                         "\"eventTime\":\"" TIME "\"}",
                         SLICE_PRINT(buffer_slice(&wanted)));
    CHECK_INT_EQUAL(PUBLISH(.bytes = buffer_slice(&body)), 0);
    CHECK(slice_starts_with(message(),
                            SLICE_LITERAL("<application/cloudevents+json; charset=utf-8>{")));
    buffer_release(&body);
    buffer_release(&wanted);
    published_release();
}
