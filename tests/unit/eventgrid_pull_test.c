/* Requests to namespace topics, lock tokens, and the bodies of pull delivery
 * (spec/eventgrid.md 5.2, 5.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "eventgrid/pull_body.h"
#include "eventgrid/pull_request.h"
#include "eventgrid/pull_wire.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- paths --- */

struct path_row {
    const char *target;
    enum pull_operation operation;
    const char *namespace_name, *topic, *subscription;
};

static const struct path_row paths[] = {
    {"/topics/t:publish?api-version=2024-06-01", PULL_PUBLISH, "", "t", ""},
    {"/ns1/topics/t:publish", PULL_PUBLISH, "ns1", "t", ""},
    {"/namespaces/ns1/topics/t:publish", PULL_PUBLISH, "ns1", "t", ""},
    {"/topics/topics/t:publish", PULL_PUBLISH, "topics", "t", ""},
    {"/TOPICS/T:Publish", PULL_PUBLISH, "", "T", ""},
    {"/topics/top%20ic%2F%C3%BC:publish", PULL_PUBLISH, "", "top ic/\xC3\xBC", ""},
    {"/topics/t%3Apublish", PULL_OPERATIONS, "", "", ""},
    {"/topics/a:b:publish", PULL_PUBLISH, "", "a:b", ""},
    {"/topics/t/eventsubscriptions/s:receive", PULL_RECEIVE, "", "t", "s"},
    {"/topics/t/eventSubscriptions/s:acknowledge", PULL_ACKNOWLEDGE, "", "t", "s"},
    {"/n/topics/t/eventsubscriptions/s:release", PULL_RELEASE, "n", "t", "s"},
    {"/n/topics/t/eventsubscriptions/s:reject", PULL_REJECT, "n", "t", "s"},
    {"/namespaces/n/topics/t/eventsubscriptions/s:renewLock", PULL_RENEW_LOCK, "n", "t", "s"},
    /* Not these. */
    {"/", PULL_OPERATIONS, "", "", ""},
    {"/topics/t:purge", PULL_OPERATIONS, "", "", ""},
    {"/topics/t/api/events", PULL_OPERATIONS, "", "", ""},
    {"/api/hubs/chat/:send", PULL_OPERATIONS, "", "", ""},
    {"/api/hubs/chat/groups/room:release", PULL_OPERATIONS, "", "", ""},
    {"/api/hubs/chat/users/ann/groups/topics:publish?x=1", PULL_OPERATIONS, "", "", ""},
    {"/api/topics/t:publish", PULL_PUBLISH, "api", "t", ""},
    {"t:publish", PULL_OPERATIONS, "", "", ""},
    {"/namespaces/n/mqtt/messages", PULL_OPERATIONS, "", "", ""},
};

TEST(a_path_names_the_operation_the_topic_and_the_subscription)
{
    struct pull_request request;
    struct request_error error;

    for (size_t i = 0; i < COUNT(paths); i++) {
        struct slice target = slice_from_string(paths[i].target);
        test_note("%s", paths[i].target);
        CHECK_INT_EQUAL(pull_is_path(target), paths[i].operation < PULL_OPERATIONS);
        if (paths[i].operation < PULL_OPERATIONS) {
            CHECK(pull_request_parse(&request, target, &error));
            CHECK_INT_EQUAL(request.operation, paths[i].operation);
            CHECK_SLICE_EQUAL(request.namespace_name, slice_from_string(paths[i].namespace_name));
            CHECK_SLICE_EQUAL(request.topic, slice_from_string(paths[i].topic));
            CHECK_SLICE_EQUAL(request.subscription, slice_from_string(paths[i].subscription));
            pull_request_release(&request);
        }
    }
}

TEST(a_path_that_is_only_alike_is_not_found)
{
    static const char *const targets[] = {
        "/:publish",
        "/topics/:publish",
        "/topics/t:receive",
        "/topics/t/eventsubscriptions/:receive",
        "/topics/t/subscriptions/s:receive",
        "/a/b/topics/t:publish",
        "/a/b/c/topics/t:publish",
        "/x:publish",
        "/topics/t/eventsubscriptions/s:publish",
        "/a/b/c/d/e/f/g/h/i:publish",
        "/topics/%zz:publish",
        "/namespaces/n/topics",
        "/namespaces/n/topics/t:nothing",
        "/namespaces/n/topics/t",
        "/namespaces/n/topics/t/eventsubscriptions/s",
        "/namespaces/n/topics/t/eventsubscriptions/s:publish",
    };
    struct pull_request request;
    struct request_error error;

    for (size_t i = 0; i < COUNT(targets); i++) {
        test_note("%s", targets[i]);
        CHECK(pull_is_path(slice_from_string(targets[i])));
        CHECK(!pull_request_parse(&request, slice_from_string(targets[i]), &error));
        CHECK_INT_EQUAL(error.status, 404);
        pull_request_release(&request);
    }
}

/* --- queries --- */

#define SUBSCRIPTION "/topics/t/eventsubscriptions/s"

static int status_of(const char *target, struct pull_request *request)
{
    struct request_error error;
    int status =
        pull_request_parse(request, slice_from_string(target), &error) ? 200 : error.status;

    pull_request_release(request);
    return status;
}

TEST(a_receive_has_defaults_and_ranges)
{
    struct pull_request request;

    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive", &request), 200);
    CHECK_INT_EQUAL(request.events_max, 1);
    CHECK_INT_EQUAL(request.wait_s, 60);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=100&maxWaitTime=120", &request),
                    200);
    CHECK_INT_EQUAL(request.events_max, 100);
    CHECK_INT_EQUAL(request.wait_s, 120);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxWaitTime=10&maxEvents=1", &request), 200);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=0", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=101", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=-1", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=1.5", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxEvents=4294967297", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxWaitTime=9", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":receive?maxWaitTime=121", &request), 400);
}

TEST(a_release_has_one_of_five_delays)
{
    static const uint32_t delays[] = {0, 10, 60, 600, 3600};
    struct pull_request request;
    char target[128];

    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":release", &request), 200);
    CHECK_INT_EQUAL(request.delay_s, 0);
    for (size_t i = 0; i < COUNT(delays); i++) {
        snprintf(target, sizeof(target), SUBSCRIPTION ":release?releaseDelayInSeconds=%u",
                 delays[i]);
        CHECK_INT_EQUAL(status_of(target, &request), 200);
        CHECK_INT_EQUAL(request.delay_s, delays[i]);
    }
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":release?releaseDelayInSeconds=5", &request), 400);
    CHECK_INT_EQUAL(status_of(SUBSCRIPTION ":acknowledge?releaseDelayInSeconds=5", &request), 200);
}

TEST(an_error_has_an_array_of_details)
{
    struct buffer out = {0};

    request_error_append(&out,
                         &(struct request_error){400, "BadRequest", SLICE_LITERAL("say \"x\"")});
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("{\"error\":{\"code\":\"BadRequest\",\"message\":"
                                    "\"say \\\"x\\\"\",\"details\":[]}}"));
    buffer_release(&out);
}

/* --- tokens --- */

static const struct pull_token token = {
    .owner = UINT64_C(0x0123456789abcdef), .place = 0xfffefdfc, .secret = "0123456789ab"};

TEST(a_token_comes_back_as_it_went)
{
    struct buffer text = {0}, bytes = {0};
    struct pull_token read;

    pull_token_append(&text, &token);
    CHECK_INT_EQUAL(text.length, PULL_TOKEN_LENGTH);
    CHECK(pull_token_parse(buffer_slice(&text), &read));
    CHECK(pull_token_equal(&read, &token));
    pull_token_append_bytes(&bytes, &token);
    CHECK_INT_EQUAL(bytes.length, PULL_TOKEN_SIZE);
    struct slice rest = buffer_slice(&bytes);
    read = (struct pull_token){0};
    CHECK(pull_token_take_bytes(&rest, &read));
    CHECK(pull_token_equal(&read, &token));
    CHECK(!pull_token_take_bytes(&rest, &read));
    buffer_release(&text);
    buffer_release(&bytes);
}

TEST(tokens_are_equal_in_all_their_parts_only)
{
    struct pull_token other = token;

    other.secret[PULL_SECRET_SIZE - 1] ^= 1;
    CHECK(!pull_token_equal(&other, &token));
    other = token;
    other.owner++;
    CHECK(!pull_token_equal(&other, &token));
    other = token;
    other.place++;
    CHECK(!pull_token_equal(&other, &token));
}

TEST(what_is_no_token_is_told_from_one)
{
    static const char *const texts[] = {"",
                                        "bad",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
                                        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                        "AAAAAAAAAAAAAAAA AAAAAAAAAAAAAAA"};
    struct pull_token read;

    for (size_t i = 0; i < COUNT(texts); i++) {
        test_note("%s", texts[i]);
        CHECK(!pull_token_parse(slice_from_string(texts[i]), &read));
    }
}

/* --- bodies --- */

struct body {
    struct buffer locks, texts;
    struct request_error error;
};

static size_t read_body(struct body *body, const char *json)
{
    body->locks.length = body->texts.length = 0;
    CHECK(pull_locks_read(slice_from_string(json), &body->locks, &body->texts, &body->error));
    return body->locks.length / sizeof(struct pull_lock);
}

static const struct pull_lock *lock_at(const struct body *body, size_t i)
{
    return (const struct pull_lock *)(const void *)body->locks.data + i;
}

static void release(struct body *body)
{
    buffer_release(&body->locks);
    buffer_release(&body->texts);
}

#define A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define B "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

TEST(each_token_counts_once)
{
    struct body body = {0};

    CHECK_INT_EQUAL(read_body(&body, "{\"lockTokens\":[]}"), 0);
    CHECK_INT_EQUAL(read_body(&body, "{\"x\":1, \"lockTokens\": [\"" A "\", \"bad\",\"" B
                                     "\",\"bad\",\"\\u0041"
                                     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]}"),
                    3);
    CHECK_SLICE_EQUAL(lock_at(&body, 0)->text, SLICE_LITERAL(A));
    CHECK_INT_EQUAL(lock_at(&body, 0)->result, PULL_SUCCEEDED);
    CHECK_SLICE_EQUAL(lock_at(&body, 1)->text, SLICE_LITERAL("bad"));
    CHECK_INT_EQUAL(lock_at(&body, 1)->result, PULL_BAD_TOKEN);
    CHECK_SLICE_EQUAL(lock_at(&body, 2)->text, SLICE_LITERAL(B));
    CHECK_INT_EQUAL(lock_at(&body, 2)->token.owner >> 56, 4);
    release(&body);
}

TEST(what_is_no_list_of_tokens_is_refused)
{
    static const char *const bodies[] = {"",
                                         "{",
                                         "[]",
                                         "{}",
                                         "{\"lockTokens\":null}",
                                         "{\"lockTokens\":\"a\"}",
                                         "{\"lockTokens\":[1]}",
                                         "{\"lockTokens\":[\"a\",null]}",
                                         "{\"lockTokens\":[]}x"};
    struct body body = {0};

    for (size_t i = 0; i < COUNT(bodies); i++) {
        test_note("%s", bodies[i]);
        CHECK(
            !pull_locks_read(slice_from_string(bodies[i]), &body.locks, &body.texts, &body.error));
        CHECK_INT_EQUAL(body.error.status, 400);
    }
    release(&body);
}

TEST(there_may_be_a_thousand_tokens)
{
    struct buffer json = {0};
    struct body body = {0};

    buffer_append_string(&json, "{\"lockTokens\":[\"0\"");
    for (int i = 1; i < PULL_TOKENS_MAX; i++) {
        buffer_append_format(&json, ",\"%d\"", i);
    }
    size_t length = json.length;
    buffer_append_string(&json, "]}");
    CHECK(pull_locks_read(buffer_slice(&json), &body.locks, &body.texts, &body.error));
    CHECK_INT_EQUAL(body.locks.length / sizeof(struct pull_lock), PULL_TOKENS_MAX);
    json.length = length;
    buffer_append_string(&json, ",\"0\"]}");
    body.locks.length = 0;
    CHECK(!pull_locks_read(buffer_slice(&json), &body.locks, &body.texts, &body.error));
    buffer_release(&json);
    release(&body);
}

TEST(an_answer_always_has_both_lists)
{
    struct pull_lock locks[] = {
        {.text = SLICE_LITERAL("a"), .result = PULL_SUCCEEDED},
        {.text = SLICE_LITERAL("b\""), .result = PULL_TOKEN_LOST},
        {.text = SLICE_LITERAL("c"), .result = PULL_BAD_TOKEN},
        {.text = SLICE_LITERAL("d"), .result = PULL_SUCCEEDED},
    };
    struct buffer out = {0};

    pull_locks_append(&out, locks, 0);
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("{\"failedLockTokens\":[],\"succeededLockTokens\":[]}"));
    out.length = 0;
    pull_locks_append(&out, locks, COUNT(locks));
    CHECK_SLICE_EQUAL(
        buffer_slice(&out),
        SLICE_LITERAL("{\"failedLockTokens\":["
                      "{\"lockToken\":\"b\\\"\",\"error\":{\"code\":\"TokenLost\",\"message\":"
                      "\"Token has expired.\"}},"
                      "{\"lockToken\":\"c\",\"error\":{\"code\":\"BadToken\",\"message\":"
                      "\"Token is not valid.\"}}],"
                      "\"succeededLockTokens\":[\"a\",\"d\"]}"));
    buffer_release(&out);
}

TEST(an_event_is_answered_as_it_is)
{
    struct buffer out = {0};

    pull_event_append(&out, &(struct pull_token){0}, 1, SLICE_LITERAL("{\"n\":1.50 }"), true);
    pull_event_append(&out, &(struct pull_token){0}, 20, SLICE_LITERAL("{}"), false);
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("{\"brokerProperties\":{\"lockToken\":\"" A
                                    "\",\"deliveryCount\":1},\"event\":{\"n\":1.50 }},"
                                    "{\"brokerProperties\":{\"lockToken\":\"" A
                                    "\",\"deliveryCount\":20},\"event\":{}}"));
    CHECK(out.length <= 2 * PULL_EVENT_MARGIN + strlen("{\"n\":1.50 }{}"));
    buffer_release(&out);
}

/* --- among processes --- */

TEST(an_order_comes_as_it_went)
{
    struct pull_lock locks[] = {{.token = token}, {.token = {.owner = 1, .place = 2}}};
    struct pull_wanted wanted = {.operation = PULL_RELEASE,
                                 .queue = SLICE_LITERAL("$wps//q"),
                                 .events_max = 100,
                                 .bytes_max = 1 << 20,
                                 .wait_ms = 120000,
                                 .delay_s = 3600,
                                 .locks = locks,
                                 .lock_count = COUNT(locks)},
                       read;
    struct buffer bytes = {0}, space = {0};

    pull_wanted_append(&bytes, &wanted);
    CHECK(pull_wanted_parse(buffer_slice(&bytes), &space, &read));
    CHECK_INT_EQUAL(read.operation, PULL_RELEASE);
    CHECK_SLICE_EQUAL(read.queue, wanted.queue);
    CHECK_INT_EQUAL(read.events_max, 100);
    CHECK_INT_EQUAL(read.bytes_max, 1 << 20);
    CHECK_INT_EQUAL(read.wait_ms, 120000);
    CHECK_INT_EQUAL(read.delay_s, 3600);
    CHECK_INT_EQUAL(read.lock_count, COUNT(locks));
    CHECK(pull_token_equal(&read.locks[0].token, &token));
    CHECK(pull_token_equal(&read.locks[1].token, &locks[1].token));
    for (size_t cut = 1; cut < bytes.length; cut++) { /* but for whole tokens */
        struct slice part = slice_make(bytes.data, bytes.length - cut);
        CHECK(!pull_wanted_parse(part, &space, &read) || cut % PULL_TOKEN_SIZE == 0);
    }
    buffer_release(&bytes);
    buffer_release(&space);
}

TEST(an_answer_comes_as_it_went)
{
    struct pull_lock locks[] = {{.result = PULL_TOKEN_LOST}, {.result = PULL_SUCCEEDED}};
    struct pull_wanted acknowledge = {
        .operation = PULL_ACKNOWLEDGE, .locks = locks, .lock_count = COUNT(locks)};
    struct pull_wanted receive = {.operation = PULL_RECEIVE};
    struct pull_found found = {0}, read = {0};
    struct buffer bytes = {0};
    enum pull_outcome outcome;

    pull_answer_append(&bytes, PULL_DONE, &acknowledge, &found);
    locks[0].result = locks[1].result = PULL_BAD_TOKEN;
    CHECK(pull_answer_parse(buffer_slice(&bytes), &acknowledge, &outcome, &read));
    CHECK_INT_EQUAL(outcome, PULL_DONE);
    CHECK_INT_EQUAL(locks[0].result, PULL_TOKEN_LOST);
    CHECK_INT_EQUAL(locks[1].result, PULL_SUCCEEDED);
    bytes.length = 0;
    pull_token_append_bytes(&found.tokens, &token);
    buffer_append_string(&found.events, "{\"e\":1}");
    pull_answer_append(&bytes, PULL_DONE, &receive, &found);
    CHECK(pull_answer_parse(buffer_slice(&bytes), &receive, &outcome, &read));
    CHECK_SLICE_EQUAL(buffer_slice(&read.tokens), buffer_slice(&found.tokens));
    CHECK_SLICE_EQUAL(buffer_slice(&read.events), SLICE_LITERAL("{\"e\":1}"));
    bytes.length = 0;
    pull_answer_append(&bytes, PULL_ELSEWHERE, &acknowledge, &found);
    CHECK(pull_answer_parse(buffer_slice(&bytes), &acknowledge, &outcome, &read));
    CHECK_INT_EQUAL(outcome, PULL_ELSEWHERE);
    CHECK(!pull_answer_parse(SLICE_LITERAL("\x01"), &acknowledge, &outcome, &read));
    CHECK(!pull_answer_parse(SLICE_LITERAL("\x02\x00\x00\x00"), &acknowledge, &outcome, &read));
    CHECK(!pull_answer_parse(SLICE_LITERAL("\x01\x00\x00"), &acknowledge, &outcome, &read));
    pull_found_release(&found);
    pull_found_release(&read);
    buffer_release(&bytes);
}
