/* bridge/events: what answers of webhooks mean.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "events/answer.h"
#include "events/connect.h"

#include "test.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define S            SLICE_LITERAL

/* ---------------------------------------------------------------- any event */

static const struct {
    const char *content_type;
    struct slice body;
    enum data_type type;
} bodies[] = {
    {"application/json", S("{\"a\":1}"), DATA_JSON},
    {"Application/JSON; charset=utf-8", S(" null "), DATA_JSON},
    {"application/json", S("{\"a\":"), DATA_TEXT},
    {"application/json", S("\xFF"), DATA_BINARY},
    {"application/json-patch+json", S("{}"), DATA_BINARY},
    {"text/plain", S("hi"), DATA_TEXT},
    {"text/plain ;charset=utf-8", S("hi"), DATA_TEXT},
    {"text/plain", S("\xC3\x28"), DATA_BINARY},
    {"text/html", S("hi"), DATA_BINARY},
    {"application/octet-stream", S("hi"), DATA_BINARY},
    {NULL, S("hi"), DATA_BINARY},
    {"", S("hi"), DATA_BINARY},
};

TEST(data_is_what_it_says_it_is)
{
    struct answer_scratch scratch = {0};

    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct event_answer answer;
        char head[128] = "HTTP/1.1 200 OK\r\n";
        test_note("row %zu", i);
        if (bodies[i].content_type) {
            snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\ncontent-TYPE: %s\r\n\r\n",
                     bodies[i].content_type);
        }
        event_answer_parse(&answer, &scratch,
                           &(struct answer_parts){.status = 200,
                                                  .head = slice_from_string(head),
                                                  .body = bodies[i].body});
        CHECK_INT_EQUAL(answer.status, 200);
        CHECK_INT_EQUAL(answer.data.type, bodies[i].type);
        CHECK_SLICE_EQUAL(answer.data.bytes, bodies[i].body);
    }
    answer_scratch_release(&scratch);
}

TEST(headers_of_an_answer)
{
    struct answer_scratch scratch = {0};
    struct event_answer answer;
    struct answer_parts parts = {
        .is_blocking = true,
        .status = 204,
        .head = S("HTTP/1.1 204 No Content\r\nCE-ConnectionState:  eyJrIjoxLCJuIjoyfQ== \r\n"
                  "Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\nno colon\r\n: no name\r\n"
                  "X-WebPubSub-Metadata-K: v\r\nx-webpubsub-metadata-k: w\r\n"
                  "x-webpubsub-metadata-\r\nx-webpubsub-metadata-bad: \xFF\r\n"
                  "MQTT-Prop: x\r\nmqtt-prop: y\r\n\r\n"),
        .upstream = S("http://h"),
        .cookies = S("http://h\ta=0\nhttp://i\tc=3\n"),
    };

    event_answer_parse(&answer, &scratch, &parts);
    CHECK_INT_EQUAL(answer.status, 204);
    CHECK(answer.has_state && answer.has_cookies);
    CHECK_SLICE_EQUAL(answer.state, S("eyJrIjoxLCJuIjoyfQ=="));
    CHECK_SLICE_EQUAL(answer.cookies, S("http://i\tc=3\nhttp://h\ta=1\nhttp://h\tb=2\n"));
    CHECK_INT_EQUAL(answer.metadata.count, 1);
    CHECK_SLICE_EQUAL(answer.metadata.items[0].key, S("k"));
    CHECK_SLICE_EQUAL(answer.metadata.items[0].value, S("v"));
    CHECK_INT_EQUAL(answer.properties.count, 2);
    CHECK_SLICE_EQUAL(answer.properties.items[1].key, S("prop"));
    CHECK_SLICE_EQUAL(answer.properties.items[1].value, S("y"));
    parts.is_blocking = false;
    event_answer_parse(&answer, &scratch, &parts);
    CHECK(!answer.has_state);
    answer_scratch_release(&scratch);
}

static void check_refused(struct slice head, struct slice body)
{
    struct answer_scratch scratch = {0};
    struct event_answer answer;

    event_answer_parse(
        &answer, &scratch,
        &(struct answer_parts){.is_blocking = true, .status = 200, .head = head, .body = body});
    CHECK_INT_EQUAL(answer.status, 0);
    CHECK(answer.error);
    CHECK_INT_EQUAL(answer.data.bytes.length, 0);
    answer_scratch_release(&scratch);
}

TEST(answers_that_are_not_good)
{
    static uint8_t long_one[ANSWER_BODY_MAX + 1];
    struct buffer state = {0};

    check_refused(S("ce-connectionState: a\r\nce-connectionState: a\r\n"), SLICE_EMPTY);
    check_refused(S("ce-connectionState: a\x01\r\n"), SLICE_EMPTY);
    check_refused(SLICE_EMPTY, slice_make(long_one, sizeof(long_one)));
    check_refused(slice_make(long_one, ANSWER_HEAD_MAX + 1), SLICE_EMPTY);
    buffer_append_string(&state, "ce-connectionState: ");
    for (int i = 0; i <= ANSWER_STATE_MAX; i++) {
        buffer_append_byte(&state, 'x');
    }
    check_refused(buffer_slice(&state), SLICE_EMPTY);
    buffer_release(&state);
}

TEST(pairs_of_an_answer_are_bounded)
{
    struct answer_scratch scratch = {0};
    struct event_answer answer;
    struct buffer head = {0};

    for (int i = 0; i < 500; i++) {
        buffer_append_format(&head, "x-webpubsub-metadata-k%d: 1\r\nmqtt-k%d: 1\r\n", i, i);
    }
    event_answer_parse(&answer, &scratch,
                       &(struct answer_parts){.status = 200, .head = buffer_slice(&head)});
    CHECK_INT_EQUAL(answer.metadata.count, ANSWER_PAIRS_MAX);
    CHECK_INT_EQUAL(answer.properties.count, ANSWER_PAIRS_MAX);
    buffer_release(&head);
    answer_scratch_release(&scratch);
}

/* ---------------------------------------------------------------- connect */

static const struct {
    const char *body;
    bool is_good;
} bodies_of_connect[] = {
    {"", true},
    {"null", true},
    {" {} ", true},
    {"{\"userId\":null,\"groups\":null,\"other\":[1]}", true},
    {"{\"subProtocol\":\"\"}", true},
    {"{\"subprotocol\":1}", false},
    {"[]", false},
    {"\"x\"", false},
    {"{", false},
    {"<html>", false},
    {"{\"userId\":1}", false},
    {"{\"userId\":\"a\\u0000\"}", false},
    {"{\"groups\":\"g\"}", false},
    {"{\"groups\":[\"g\",1]}", false},
    {"{\"groups\":[\" \"]}", false},
    {"{\"groups\":[\"\"]}", false},
    {"{\"roles\":{}}", false},
    {"{\"roles\":[\"webpubsub.joinLeaveGroups.\\\\\"]}", false},
    {"{\"mqtt\":{\"userProperties\":[{\"name\":\"a\"}]}}", true},
    {"{\"mqtt\":{\"userProperties\":[{\"value\":\"a\"}]}}", false},
    {"{\"mqtt\":{\"code\":-1}}", false},
};

TEST(which_answers_to_connect_are_good)
{
    for (size_t i = 0; i < COUNT(bodies_of_connect); i++) {
        struct connect_answer answer;
        test_note("%s", bodies_of_connect[i].body);
        CHECK_INT_EQUAL(connect_answer_read(&answer, slice_from_string(bodies_of_connect[i].body)),
                        bodies_of_connect[i].is_good);
        CHECK(bodies_of_connect[i].is_good || (!answer.groups && !answer.has_user_id));
        connect_answer_release(&answer);
    }
}

TEST(who_one_comes_in_as)
{
    struct connect_answer answer;

    CHECK(connect_answer_read(
        &answer,
        S("{\"USERID\":\"\\u00fc\",\"groups\":[\"first\"],\"Groups\":[\"a\",\"b/\\u0063\"],"
          "\"roles\":[\"webpubsub.sendToGroup.g\"],\"subprotocol\":\"x\",\"mqtt\":{"
          "\"userProperties\":["
          "{\"name\":\"n\",\"value\":\"v\"},{\"Name\":\"m\"}]}}")));
    CHECK(answer.has_user_id && answer.has_roles && answer.has_subprotocol);
    CHECK_SLICE_EQUAL(buffer_slice(&answer.user_id), S("\xC3\xBC"));
    CHECK(roles_allow(answer.roles, ROLE_SEND, S("g")));
    CHECK(!roles_allow(answer.roles, ROLE_SEND, S("h")));
    CHECK_INT_EQUAL(answer.group_count, 2);
    CHECK_SLICE_EQUAL(buffer_slice(&answer.groups[1]), S("b/c"));
    CHECK_SLICE_EQUAL(buffer_slice(&answer.subprotocol), S("x"));
    CHECK_INT_EQUAL(answer.user_property_count, 2);
    CHECK_SLICE_EQUAL(answer.user_properties[0].value, S("v"));
    CHECK_SLICE_EQUAL(answer.user_properties[1].key, S("m"));
    connect_answer_release(&answer);
    CHECK(connect_answer_read(&answer, S("{\"roles\":[]}")));
    CHECK(answer.has_roles && !answer.roles);
    connect_answer_release(&answer);
}

TEST(refusals_of_mqtt)
{
    struct connect_answer answer;

    CHECK(connect_answer_read(&answer, S("{\"mqtt\":{\"code\":138,\"reason\":\"ban\"}}")));
    CHECK(answer.has_code);
    CHECK_INT_EQUAL(answer.code, 138);
    CHECK_SLICE_EQUAL(buffer_slice(&answer.reason), S("ban"));
    connect_answer_release(&answer);
}

TEST(lists_are_bounded)
{
    enum { MOST = 2048 };
    struct buffer body = {0};
    struct connect_answer answer;

    for (int count = MOST; count <= MOST + 1; count++) {
        body.length = 0;
        buffer_append_string(&body, "{\"groups\":[\"r\"");
        for (int i = 1; i < count; i++) {
            buffer_append_string(&body, ",\"r\"");
        }
        buffer_append_string(&body, "]}");
        CHECK_INT_EQUAL(connect_answer_read(&answer, buffer_slice(&body)), count == MOST);
        connect_answer_release(&answer);
    }
    buffer_release(&body);
}
