/* bridge/events: what is sent to webhooks and listeners: headers, cookies, bodies, properties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/request.h"

#include "test.h"

#include "base/buffer.h"
#include "events/attributes.h"
#include "events/body.h"
#include "events/connect.h"
#include "events/cookies.h"
#include "events/listener.h"
#include "secret/access_keys.h"
#include "json/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PRIMARY      "0123456789abcdef0123456789abcdef"
#define SECONDARY    "fedcba9876543210fedcba9876543210"
#define S            SLICE_LITERAL
enum { TIME = 1795468683 }; /* 2026-11-23T21:18:03Z */

static struct access_keys *make_keys(void)
{
    struct buffer error = {0};
    struct access_keys *keys =
        access_keys_parse(S("primary: " PRIMARY "\nsecondary: " SECONDARY "\n"), &error);

    CHECK(keys);
    return keys;
}

/* The request's lines with LF behind each. */
static struct buffer lines_of(const struct client_event *event)
{
    struct access_keys *keys = make_keys();
    struct event_sender sender = {.keys = keys, .origin = S("p.example"), .time = TIME};
    struct buffer lines = {0}, scratch = {0};

    event_request_append(&lines, event, &sender, S("http://h"), &scratch);
    for (size_t i = 0; i < lines.length; i++) {
        lines.data[i] = lines.data[i] == '\0' ? '\n' : lines.data[i];
    }
    buffer_release(&scratch);
    access_keys_free(keys);
    return lines;
}

static bool has_line(const struct buffer *lines, const char *line)
{
    char text[256];
    int length = snprintf(text, sizeof(text), "%s\n", line);

    return memmem(lines->data, lines->length, text, (size_t)length) != NULL;
}

/* ---------------------------------------------------------------- headers */

/* HMAC-SHA256 of "c1" with both keys, by `openssl dgst -sha256 -hmac`. */
#define SIGNATURE                                                                                  \
    "sha256=49004518459daba259918f451916b389da469e919ef62110bb7a057f58e9a016,"                     \
    "sha256=8b20ebf634fa4cd02fb4be9f5fad08d3b3ca62ae8650f53c1d2916708dd751ac"

TEST(a_connect_has_no_more_than_it_must)
{
    struct client_event event = {.hub = S("chat"),
                                 .system = SYSTEM_EVENT_CONNECT,
                                 .connection_id = S("c1"),
                                 .data = {DATA_JSON, S("{}")}};
    struct buffer lines = lines_of(&event);

    CHECK_SLICE_EQUAL(buffer_slice(&lines), S("WebHook-Request-Origin: p.example\n"
                                              "Content-Type: application/json\n"
                                              "ce-specversion: 1.0\n"
                                              "ce-awpsversion: 1.0\n"
                                              "ce-type: azure.webpubsub.sys.connect\n"
                                              "ce-source: /hubs/chat/client/c1\n"
                                              "ce-id: 0\n"
                                              "ce-time: 2026-11-23T21:18:03Z\n"
                                              "ce-signature: " SIGNATURE "\n"
                                              "ce-connectionId: c1\n"
                                              "ce-hub: chat\n"
                                              "ce-eventName: connect\n"));
    buffer_release(&lines);
}

TEST(a_user_event_has_all_there_is)
{
    static const struct pair metadata[] = {
        {S("k"), S("v w")}, {S("bad name"), S("x")}, {S(""), S("x")}};
    static const struct pair properties[] = {{S("p"), S("1")}};
    struct client_event event = {.hub = S("chat"),
                                 .is_user_event = true,
                                 .name = S("say"),
                                 .connection_id = S("c1"),
                                 .user_id = S("ann"),
                                 .subprotocol = S("mqtt"),
                                 .state = S("eyJrIjoxfQ==%41\xFF"),
                                 .cookies = S("http://h\ta=1\nhttp://other\ta=2\nhttp://h\tb=\n"),
                                 .physical_connection = S("p1"),
                                 .session = S("s1"),
                                 .number = 4294967295,
                                 .data = {DATA_TEXT, S("hi")},
                                 .metadata = {metadata, COUNT(metadata)},
                                 .properties = {properties, 1}};
    static const char *const expected[] = {
        "Content-Type: text/plain",
        "ce-type: azure.webpubsub.user.say",
        "ce-source: /hubs/chat/client/c1/p1",
        "ce-id: 4294967295",
        "ce-eventName: say",
        "ce-userId: ann",
        "ce-subprotocol: mqtt",
        "ce-connectionState: eyJrIjoxfQ==%41\xFF",
        "ce-physicalConnectionId: p1",
        "ce-sessionId: s1",
        "x-webpubsub-metadata-k: v w",
        "mqtt-p: 1",
        "Cookie: a=1; b=",
    };
    struct buffer lines = lines_of(&event);

    for (size_t i = 0; i < COUNT(expected); i++) {
        test_note("%s", expected[i]);
        CHECK(has_line(&lines, expected[i]));
    }
    CHECK(!memmem(lines.data, lines.length, "bad name", 8));
    buffer_release(&lines);
}

static const struct {
    struct slice user;
    const char *line;
} users[] = {
    {S("a/b c:d%"), "ce-userId: a/b c:d%"},
    {S("\xC3\xBC"), "ce-userId: %C3%BC"},
    {S("50%25"), "ce-userId: 50%2525"},
    {S("a\r\nce-hub: x"), "ce-userId: a%0D%0Ace-hub: x"},
    {S("a\0b\x7F\t"), "ce-userId: a%00b%7F%09"},
};

TEST(a_value_is_one_header_whatever_is_in_it)
{
    for (size_t i = 0; i < COUNT(users); i++) {
        struct client_event event = {
            .hub = S("h"), .connection_id = S("c"), .user_id = users[i].user};
        struct buffer lines = lines_of(&event);
        test_note("%s", users[i].line);
        CHECK(has_line(&lines, users[i].line));
        buffer_release(&lines);
    }
}

static const struct {
    struct client_event event;
    const char *type, *content_type;
} types[] = {
    {{.system = SYSTEM_EVENT_CONNECTED, .data = {DATA_JSON, S("{}")}},
     "sys.connected",
     "application/json"},
    {{.system = SYSTEM_EVENT_DISCONNECTED, .data = {DATA_JSON, S("{}")}},
     "sys.disconnected",
     "application/json"},
    {{.system = SYSTEM_EVENT_JOINED, .data = {DATA_JSON, S("{}")}},
     "gp.joined",
     "application/json"},
    {{.system = SYSTEM_EVENT_LEFT, .data = {DATA_JSON, S("{}")}}, "gp.left", "application/json"},
    {{.is_user_event = true, .name = S("e"), .data = {DATA_BINARY, S("x")}},
     "user.e",
     "application/octet-stream"},
    {{.is_user_event = true, .name = S("e"), .data = {DATA_PROTOBUF, S("x")}},
     "user.e",
     "application/x-protobuf"},
    {{.is_user_event = true, .name = S("e"), .content_type = S("a/b\n")}, "user.e", "a/b%0A"},
};

TEST(types_of_events_and_bodies)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        struct buffer lines = lines_of(&types[i].event);
        char line[128];
        snprintf(line, sizeof(line), "ce-type: azure.webpubsub.%s", types[i].type);
        test_note("%s", line);
        CHECK(has_line(&lines, line));
        snprintf(line, sizeof(line), "Content-Type: %s", types[i].content_type);
        CHECK(has_line(&lines, line));
        buffer_release(&lines);
    }
}

TEST(times)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},          {951782399, "2000-02-28T23:59:59Z"},
        {951782400, "2000-02-29T00:00:00Z"},  {1735689599, "2024-12-31T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, {TIME, "2026-11-23T21:18:03Z"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer text = {0};
        event_time_append(&text, rows[i].seconds);
        CHECK_SLICE_EQUAL(buffer_slice(&text), slice_from_string(rows[i].text));
        buffer_release(&text);
    }
}

/* ---------------------------------------------------------------- cookies */

TEST(cookies_are_kept_for_each_upstream)
{
    struct buffer jar = {0}, header = {0};

    CHECK(cookies_set(&jar, S("http://h"), S("a=1; Path=/; HttpOnly")));
    CHECK(cookies_set(&jar, S("http://i"), S("a=2")));
    CHECK(cookies_set(&jar, S("http://h"), S("b = x ")));
    CHECK(cookies_set(&jar, S("http://h"), S("a=3")));
    cookies_append_header(&header, buffer_slice(&jar), S("http://h"));
    CHECK_SLICE_EQUAL(buffer_slice(&header), S("b = x; a=3"));
    CHECK(cookies_set(&jar, S("http://h"), S("a=; Secure; max-age = 0")));
    CHECK(cookies_set(&jar, S("http://h"), S("b =;Max-Age=-1")));
    CHECK_SLICE_EQUAL(buffer_slice(&jar), S("http://i\ta=2\n"));
    CHECK(!cookies_set(&jar, S("http://h"), S("")));
    CHECK(!cookies_set(&jar, S("http://h"), S("=x")));
    CHECK(!cookies_set(&jar, S("http://h"), S("novalue; a=b")));
    CHECK(!cookies_set(&jar, S("http://h"), S("a=x\ty")));
    CHECK(!cookies_set(&jar, S("http://h"), S("a=\xC3\xBC")));
    buffer_release(&jar);
    buffer_release(&header);
}

TEST(cookies_are_bounded)
{
    struct buffer jar = {0};
    char text[64];
    unsigned taken = 0;

    for (unsigned i = 0; i < 1000; i++) {
        snprintf(text, sizeof(text), "name%u=0123456789", i);
        taken += cookies_set(&jar, S("http://h"), slice_from_string(text));
    }
    CHECK(taken > 200 && taken < 400);
    CHECK(jar.length <= COOKIES_SIZE_MAX);
    CHECK(cookies_set(&jar, S("http://h"), S("name0=abc"))); /* in the place of the old one */
    buffer_release(&jar);
}

/* ---------------------------------------------------------------- bodies */

TEST(the_body_of_connect)
{
    static const struct pair headers[] = {{S("User-Agent"), S("x")},
                                          {S("authorization"), S("Bearer t")},
                                          {S("X-A"), S("1\"")},
                                          {S("x-a"), S("2")}};
    struct connect_facts facts = {
        .claims = S("{\"sub\":\"u\",\"exp\":12,\"role\":[\"r1\",{\"x\":null}],\"\\u0061\":true}"),
        .query = S("k=v&access_token=t&k=%41+b&&=x&e&bad=%zz&K=1"),
        .headers = {headers, COUNT(headers)},
        .subprotocols = S("json.webpubsub.azure.v1,, other "),
    };
    struct buffer body = {0};
    struct json_value value;

    connect_body_append(&body, &facts);
    CHECK_SLICE_EQUAL(
        buffer_slice(&body),
        S("{\"claims\":{\"sub\":[\"u\"],\"exp\":[\"12\"],\"role\":[\"r1\",\"{\\\"x\\\":null}\"],"
          "\"\\u0061\":[\"true\"]},"
          "\"query\":{\"k\":[\"v\",\"A b\"],\"e\":[\"\"],\"bad\":[\"%zz\"],\"K\":[\"1\"]},"
          "\"headers\":{\"User-Agent\":[\"x\"],\"X-A\":[\"1\\\"\",\"2\"]},"
          "\"subprotocols\":[\"json.webpubsub.azure.v1\",\"other\"],"
          "\"clientCertificates\":[]}"));
    CHECK(json_parse(buffer_slice(&body), &value));
    buffer_release(&body);
}

TEST(the_body_of_connect_with_nothing)
{
    struct connect_facts facts = {.claims = S("[1]")};
    struct buffer body = {0};

    connect_body_append(&body, &facts);
    CHECK_SLICE_EQUAL(buffer_slice(&body),
                      S("{\"claims\":{},\"query\":{},\"headers\":{},\"subprotocols\":[],"
                        "\"clientCertificates\":[]}"));
    buffer_release(&body);
}

TEST(the_body_of_connect_is_bounded)
{
    struct buffer query = {0}, body = {0};
    struct json_value value;

    for (int i = 0; i < 10000; i++) {
        buffer_append_format(&query, "p%d=&", i);
    }
    connect_body_append(&body, &(struct connect_facts){.query = buffer_slice(&query)});
    CHECK(json_parse(buffer_slice(&body), &value));
    CHECK(memmem(body.data, body.length, "\"p511\"", 6));
    CHECK(!memmem(body.data, body.length, "\"p512\"", 6));
    buffer_release(&query);
    buffer_release(&body);
}

TEST(bodies_of_mqtt)
{
    static const struct pair properties[] = {{S("a"), S("b")}};
    struct connect_mqtt mqtt = {.version = 5,
                                .clean_start = true,
                                .has_password = true,
                                .password = S("\xFFx"),
                                .user_properties = {properties, 1}};
    struct disconnected_mqtt end = {.by_client = true, .has_packet = true, .code = 4};
    struct buffer body = {0};

    connect_body_append(&body, &(struct connect_facts){.mqtt = &mqtt});
    static const char expected[] =
        ",\"mqtt\":{\"protocolVersion\":5,\"cleanStart\":true,\"username\":null,"
        "\"password\":\"/3g=\",\"userProperties\":[{\"name\":\"a\",\"value\":\"b\"}]}}";
    CHECK(memmem(body.data, body.length, expected, sizeof(expected) - 1));
    body.length = 0;
    disconnected_mqtt_body_append(&body, S(""), &end);
    CHECK_SLICE_EQUAL(buffer_slice(&body),
                      S("{\"reason\":null,\"mqtt\":{\"initiatedByClient\":true,"
                        "\"disconnectPacket\":{\"code\":4,\"userProperties\":null}}}"));
    body.length = 0;
    disconnected_mqtt_body_append(&body, S("r"), &(struct disconnected_mqtt){0});
    CHECK_SLICE_EQUAL(buffer_slice(&body),
                      S("{\"reason\":\"r\",\"mqtt\":{\"initiatedByClient\":false,"
                        "\"disconnectPacket\":null}}"));
    body.length = 0;
    disconnected_body_append(&body, S("a\"\xFF"));
    CHECK_SLICE_EQUAL(buffer_slice(&body), S("{\"reason\":\"a\\\"\xEF\xBF\xBD\"}"));
    body.length = 0;
    group_body_append(&body, S("g1"));
    CHECK_SLICE_EQUAL(buffer_slice(&body), S("{\"group\":\"g1\"}"));
    buffer_release(&body);
}

/* ---------------------------------------------------------------- listeners */

static struct slice property(const struct listener_message *message, const char *name)
{
    for (size_t i = 0; i < message->pair_count; i++) {
        if (slice_equal(message->pairs[i].key, slice_from_string(name))) {
            return message->pairs[i].value;
        }
    }
    return SLICE_EMPTY;
}

TEST(messages_of_listeners)
{
    struct access_keys *keys = make_keys();
    struct event_listener listener = {.topic = "audit/{hub}/{event}"};
    struct client_event event = {.hub = S("h"),
                                 .is_user_event = true,
                                 .name = S("say"),
                                 .connection_id = S("c1"),
                                 .user_id = S("\xC3\xBC"),
                                 .number = 12,
                                 .data = {DATA_TEXT, S("hi")}};
    struct listener_message message = {0};

    for (int round = 0; round < 2; round++) { /* the memory is used again */
        listener_message_begin(&message, &event, keys, TIME);
        listener_message_address(&message, &event, &listener);
        CHECK_SLICE_EQUAL(message.topic, S("audit/h/say"));
        CHECK_SLICE_EQUAL(message.content_type, S("text/plain"));
        CHECK_SLICE_EQUAL(message.payload.bytes, S("hi"));
        CHECK_SLICE_EQUAL(property(&message, "cloudEvents:type"), S("azure.webpubsub.user.say"));
        CHECK_SLICE_EQUAL(property(&message, "cloudEvents:signature"), S(SIGNATURE));
        CHECK_SLICE_EQUAL(property(&message, "cloudEvents:userId"), S("\xC3\xBC"));
        CHECK_SLICE_EQUAL(property(&message, "cloudEvents:time"), S("2026-11-23T21:18:03Z"));
        CHECK_SLICE_EQUAL(property(&message, "messageId"), S("c1/12"));
        CHECK_SLICE_EQUAL(property(&message, "partitionKey"), S("c1"));
        CHECK_INT_EQUAL(property(&message, "cloudEvents:subprotocol").length, 0);
    }
    listener_message_release(&message);
    access_keys_free(keys);
}
