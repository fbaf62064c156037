/* The bench's requests of the REST API, and what it makes of answers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/publish.h"
#include "jwt_check.h"
#include "test.h"

#include "../../cli/bench_event.c"
#include "../../cli/bench_rest.c"
#include "../../cli/bench_template.c"
#include "../../cli/bench_webpubsub.c"
#include "../../cli/bench_websocket.c"

#define ACCESS_KEY "0123456789abcdef0123456789abcdef"

static struct bench_options options_for(enum bench_rest rest)
{
    static const struct slice keys =
        SLICE_LITERAL("primary: " ACCESS_KEY "\nsecondary: " ACCESS_KEY "\n");
    struct buffer error = {0};
    struct bench_options options = {.rest = rest, .access_keys = access_keys_parse(keys, &error)};

    CHECK(options.access_keys != NULL);
    options.endpoint.path = "client/hubs/chat?access_token=x";
    snprintf(options.endpoint.name, sizeof(options.endpoint.name), "127.0.0.1:8080");
    return options;
}

/* The claims of the token behind `mark`, up to a line's end. */
static struct buffer claims_behind(struct slice text, const char *mark)
{
    struct slice secret = SLICE_LITERAL(ACCESS_KEY);
    const uint8_t *at = memmem(text.data, text.length, mark, strlen(mark));
    struct buffer claims = {0};
    size_t length = 0;

    CHECK(at != NULL);
    at += strlen(mark);
    while (at + length < text.data + text.length && at[length] != '\r') {
        length++;
    }
    CHECK(jwt_check(slice_make(at, length), &secret, 1, &claims));
    return claims;
}

static bool contains(struct slice text, const char *part)
{
    return memmem(text.data, text.length, part, strlen(part)) != NULL;
}

TEST(requests_of_each_target)
{
    static const struct {
        enum bench_rest rest;
        const char *line, *audience;
    } rows[] = {
        {BENCH_REST_GROUP,
         "POST /api/hubs/chat/groups/a%2Fb%20c/:send?api-version=2024-12-01&filter=x%20eq%201 ",
         "/groups/a%2Fb%20c/:send\""},
        {BENCH_REST_USER, "POST /api/hubs/chat/users/u7/:send?",
         "http://127.0.0.1:8080/api/hubs/chat/users/u7/:send\""},
        {BENCH_REST_HUB, "POST /api/hubs/chat/:send?", "/api/hubs/chat/:send\""},
        {BENCH_REST_MQTT, "POST /mqtt/messages?api-version=2025-02-15-preview&topic=bench%2F7 ",
         "/mqtt/messages\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench_options options = options_for(rows[i].rest);
        struct bench_shape shape = {
            .topic = "a/b c", .payload = 60, .options = &options, .number = 7};
        struct bench_stamp stamp = {1, 2, 3, 4}, again;
        struct bench_template template;

        test_note("target %d", rows[i].rest);
        options.filter = "x eq 1";
        rest_template_build(&template, &shape);
        struct slice text = slice_make(template.bytes, template.size);
        CHECK(slice_starts_with(text, slice_from_string(rows[i].line)));
        CHECK(contains(text, "\r\nContent-Length: 60\r\n\r\n"));
        struct buffer claims = claims_behind(text, "Bearer ");
        CHECK(contains(buffer_slice(&claims), rows[i].audience));
        webpubsub_template_fill(&template, template.bytes, 0, &stamp);
        CHECK(webpubsub_stamp_read(slice_from(text, text.length - 60), &again));
        CHECK(again.sequence == 2);
        buffer_release(&claims);
        bench_template_release(&template);
        access_keys_free(options.access_keys);
    }
}

TEST(subscribers_are_users)
{
    struct bench_options options = options_for(BENCH_REST_USER);
    struct buffer path = {0};

    rest_client_path_append(&path, &options, 12);
    CHECK(slice_starts_with(buffer_slice(&path), SLICE_LITERAL("client/hubs/chat?access_token=")));
    struct buffer claims = claims_behind(buffer_slice(&path), "access_token=");
    CHECK(contains(buffer_slice(&claims), "\"sub\":\"u12\""));
    CHECK(contains(buffer_slice(&claims), "\"aud\":\"http://127.0.0.1:8080/client/hubs/chat\""));
    buffer_release(&claims);
    buffer_release(&path);
    access_keys_free(options.access_keys);
}

/* What is sent is what the server takes: events of the size that was asked for. */
TEST(events_of_a_request)
{
    static const struct {
        int batch;
        size_t payload, size; /* of an event */
    } rows[] = {{1, 256, 256}, {100, 256, 256}, {3, 48, 172}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench_options options = options_for(BENCH_REST_EVENT);
        struct bench_shape shape = {.payload = rows[i].payload, .options = &options};
        struct topic_properties topic = {.schema = SCHEMA_EVENT_GRID};
        struct publish_scratch scratch = {0};
        struct publish_error error;
        struct bench_template template;
        const struct event *events;
        size_t count;
        char length[64];

        options.batch = rows[i].batch;
        options.event_key = "key+/=";
        rest_template_build(&template, &shape);
        struct slice text = slice_make(template.bytes, template.size), body;
        const uint8_t *end = memmem(text.data, text.length, "\r\n\r\n", 4);
        CHECK(end != NULL);
        body = slice_from(text, (size_t)(end - text.data) + 4);
        snprintf(length, sizeof(length), "Content-Length: %zu\r\n", body.length);
        CHECK(contains(text, length) && contains(text, "aeg-sas-key: key+/=\r\n"));
        CHECK(slice_starts_with(text, SLICE_LITERAL("POST /topics/bench/api/events?")));
        CHECK(publish_parse(&(struct publish_request){.topic = &topic, .body = body}, &scratch,
                            &events, &count, &error));
        CHECK_INT_EQUAL(count, rows[i].batch);
        CHECK_INT_EQUAL(events[0].whole.text.length, rows[i].size);
        publish_scratch_release(&scratch);
        bench_template_release(&template);
        access_keys_free(options.access_keys);
    }
}

TEST(answers)
{
    static const struct {
        const char *text;
        enum rest_answer verdict;
        int status;
        size_t size;
    } rows[] = {
        {"", REST_ANSWER_INCOMPLETE, 0, 0},
        {"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n", REST_ANSWER_INCOMPLETE, 0, 0},
        {"HTTP/1.1 202 Accepted\r\n\r\nHTTP", REST_ANSWER_WHOLE, 202, 25},
        {"HTTP/1.1 401 x\r\nA: b\r\nContent-Length: 3\r\n\r\nabcd", REST_ANSWER_WHOLE, 401, 46},
        {"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab", REST_ANSWER_INCOMPLETE, 200, 0},
        {"SSH-2.0\r\n\r\n", REST_ANSWER_BAD, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        size_t size = 0;
        test_note("row %zu", i);
        CHECK_INT_EQUAL(rest_answer_read(slice_from_string(rows[i].text), &status, &size),
                        rows[i].verdict);
        if (rows[i].verdict == REST_ANSWER_WHOLE) {
            CHECK_INT_EQUAL(status, rows[i].status);
            CHECK_INT_EQUAL(size, rows[i].size);
        }
    }
}
