/* REST requests: paths, parameters, bodies and errors (spec/webpubsub.md 6.1, 6.3 to 6.8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "rest_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(text)   SLICE_LITERAL(text)

#define SEND      "/api/hubs/hub1/:send"
#define MANY      "/api/hubs/hub1/:addToGroups"
#define LIST      "/api/hubs/hub1/groups/g/connections"
#define GENERATE  "/api/hubs/hub1/:generateToken"
#define PERMITTED "/api/hubs/hub1/permissions/sendToGroup/connections/c1"

/* --- routes --- */

struct row {
    const char *method, *target;
    enum rest_kind kind;
    enum rest_target of;
    const char *name, *group; /* NULL: none */
};

static const struct row rows[] = {
    {"HEAD", "/api/health", REST_HEALTH, TARGET_HUB, NULL, NULL},
    {"GET", "/api/health", REST_HEALTH, TARGET_HUB, NULL, NULL},
    {"POST", "/api/hubs/hub1/:send", REST_SEND, TARGET_HUB, NULL, NULL},
    {"POST", "/api/hubs/hub1/groups/g/:send", REST_SEND, TARGET_GROUP, "g", NULL},
    {"POST", "/api/hubs/hub1/users/u/:send", REST_SEND, TARGET_USER, "u", NULL},
    {"POST", "/api/hubs/hub1/connections/c/:send", REST_SEND, TARGET_CONNECTION, "c", NULL},
    {"POST", "/api/hubs/hub1/:closeConnections", REST_CLOSE, TARGET_HUB, NULL, NULL},
    {"POST", "/api/hubs/hub1/groups/g/:closeConnections", REST_CLOSE, TARGET_GROUP, "g", NULL},
    {"POST", "/api/hubs/hub1/users/u/:closeConnections", REST_CLOSE, TARGET_USER, "u", NULL},
    {"DELETE", "/api/hubs/hub1/connections/c", REST_CLOSE, TARGET_CONNECTION, "c", NULL},
    {"HEAD", "/api/hubs/hub1/connections/c", REST_EXISTS, TARGET_CONNECTION, "c", NULL},
    {"HEAD", "/api/hubs/hub1/groups/g", REST_EXISTS, TARGET_GROUP, "g", NULL},
    {"HEAD", "/api/hubs/hub1/users/u", REST_EXISTS, TARGET_USER, "u", NULL},
    {"GET", "/api/hubs/hub1/groups/g/connections", REST_LIST, TARGET_GROUP, "g", NULL},
    {"PUT", "/api/hubs/hub1/groups/g/connections/c", REST_JOIN, TARGET_CONNECTION, "c", "g"},
    {"DELETE", "/api/hubs/hub1/groups/g/connections/c", REST_LEAVE, TARGET_CONNECTION, "c", "g"},
    {"DELETE", "/api/hubs/hub1/connections/c/groups", REST_LEAVE_ALL, TARGET_CONNECTION, "c", NULL},
    {"PUT", "/api/hubs/hub1/users/u/groups/g", REST_JOIN, TARGET_USER, "u", "g"},
    {"DELETE", "/api/hubs/hub1/users/u/groups/g", REST_LEAVE, TARGET_USER, "u", "g"},
    {"DELETE", "/api/hubs/hub1/users/u/groups", REST_LEAVE_ALL, TARGET_USER, "u", NULL},
    {"PUT", PERMITTED, REST_GRANT, TARGET_CONNECTION, "c1", NULL},
    {"DELETE", PERMITTED, REST_REVOKE, TARGET_CONNECTION, "c1", NULL},
    {"HEAD", PERMITTED, REST_HAS_PERMISSION, TARGET_CONNECTION, "c1", NULL},
    {"POST", "/api/hubs/hub1/:generateToken", REST_TOKEN, TARGET_HUB, NULL, NULL},
    {"GET", "/api/hubs/hub1/connections", REST_LIST, TARGET_HUB, NULL, NULL},
    {"GET", "/api/hubs/hub1/users/u/connections", REST_LIST, TARGET_USER, "u", NULL},
    {"GET", "/api/hubs/hub1/groups", REST_LIST_GROUPS, TARGET_HUB, NULL, NULL},
    {"GET", "/api/hubs/hub1/users", REST_LIST_USERS, TARGET_HUB, NULL, NULL},
    {"GET", "/api/hubs/hub1/:count", REST_COUNT, TARGET_HUB, NULL, NULL},
    {"GET", "/api/hubs/hub1", REST_HUB, TARGET_HUB, NULL, NULL},
    {"DELETE", "/api/hubs/hub1", REST_RESET_HUB, TARGET_HUB, NULL, NULL},
    {"GET", "/api/hubs/hub1/:log", REST_HUB_LOG, TARGET_HUB, NULL, NULL},
    {"POST", "/api/hubs/hub1/:check", REST_CHECK_HUB, TARGET_HUB, NULL, NULL},
};

static void check_row(const struct row *row, const char *target)
{
    test_note("%s %s", row->method, target);
    CHECK_INT_EQUAL(CALL(.method = row->method, .target = target), 0);
    CHECK_INT_EQUAL(outcome.operation.kind, row->kind);
    CHECK_INT_EQUAL(outcome.operation.target, row->of);
    CHECK_SLICE_EQUAL(outcome.operation.name, slice_from_string(row->name ? row->name : ""));
    CHECK_SLICE_EQUAL(outcome.operation.hub,
                      slice_from_string(row->kind == REST_HEALTH ? "" : "hub1"));
    CHECK_INT_EQUAL(outcome.operation.group_count, row->group != NULL);
    if (row->group) {
        CHECK_SLICE_EQUAL(outcome.operation.groups[0], slice_from_string(row->group));
    }
}

TEST(each_operation)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        char target[200];
        check_row(&rows[i], rows[i].target);
        snprintf(target, sizeof(target), "%s?api-version=2024-12-01", rows[i].target);
        check_row(&rows[i], target);
        snprintf(target, sizeof(target), "%s/?unknown=1&&=&x", rows[i].target);
        check_row(&rows[i], target);
    }
    outcome_release();
}

TEST(many_join_and_leave)
{
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = MANY, .body = TEXT("{\"groups\":[\"a\"]}")),
                    0);
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = MANY,
                         .headers = {header("content-type", "text/plain")},
                         .body = TEXT("{\"groups\":[\"a\"]}")),
                    415);
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = "/api/hubs/hub1/:removeFromGroups",
                         .headers = {header("content-type", "application/json")},
                         .body = TEXT("{\"groups\":[\"a\",\"b\\u002fc\"],\"filter\":\"userId eq "
                                      "'\\u00fc'\",\"more\":1}")),
                    0);
    CHECK_INT_EQUAL(outcome.operation.kind, REST_LEAVE_MANY);
    CHECK_INT_EQUAL(outcome.operation.group_count, 2);
    CHECK_SLICE_EQUAL(outcome.operation.groups[0], TEXT("a"));
    CHECK_SLICE_EQUAL(outcome.operation.groups[1], TEXT("b/c"));
    CHECK_SLICE_EQUAL(outcome.operation.filter, TEXT("userId eq '\xC3\xBC'"));
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = MANY,
                         .headers = {header("content-type", "application/json")},
                         .body = TEXT("{\"filter\":null,\"groups\":[]}")),
                    0);
    CHECK_INT_EQUAL(outcome.operation.kind, REST_JOIN_MANY);
    CHECK_INT_EQUAL(outcome.operation.group_count, 0);
    outcome_release();
}

TEST(bad_lists_of_groups)
{
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"groups\":\"a\"}",
        "{\"groups\":[1]}",
        "{\"groups\":[\"\"]}",
        "{\"groups\":[\"a\"],\"groups\":[\"b\"]}",
        "{\"groups\":[\"a\"],\"filter\":1}",
        "{\"groups\":[\"a\"],\"filter\":\"null\"}",
        "{\"groups\":[\"a\"]} x",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        test_note("%s", bodies[i]);
        CHECK_INT_EQUAL(CALL(.method = "POST", .target = MANY,
                             .headers = {header("content-type", "application/json")},
                             .body = slice_from_string(bodies[i])),
                        400);
    }
    outcome_release();
}

/* Slashes are split on before decoding, and decoding is done once (6.5). */
TEST(names_are_decoded_once)
{
    CHECK_INT_EQUAL(
        CALL(.method = "POST", .target = "/API/Hubs/HUB1/users/us%20er%2F%C3%BC/%3ASEND"), 0);
    CHECK_SLICE_EQUAL(outcome.operation.name, TEXT("us er/\xC3\xBC"));
    CHECK_SLICE_EQUAL(outcome.operation.hub, TEXT("hub1"));
    CHECK_INT_EQUAL(CALL(.method = "PUT", .target = "/api/hubs/h/groups/a%252Fb+c/connections/c1"),
                    0);
    CHECK_SLICE_EQUAL(outcome.operation.groups[0], TEXT("a%2Fb+c"));
    CHECK_SLICE_EQUAL(outcome.operation.path, TEXT("/api/hubs/h/groups/a%252Fb+c/connections/c1"));
    outcome_release();
}

static const struct {
    const char *method, *target;
    int status;
} refused_paths[] = {
    {"GET", "/api", 404},
    {"GET", "/api/", 404},
    {"GET", "/apis/health", 404},
    {"GET", "/api/hub", 404},
    {"POST", "/api/hubs/hub1/:invoke", 404},
    {"POST", "/api/hubs/hub1/groups/a/b/:send", 404},
    {"GET", "/api/hubs/hub1/groups/g/connections/c/x", 404},
    {"POST", "/api//hubs/hub1/:send", 404},
    {"POST", "/api/hubs/../:send", 400},
    {"POST", "/api/hubs/hub1/groups/%2e%2E/:send", 400},
    {"POST", "/api/hubs/hub1/groups/./:send", 400},
    {"POST", "/api/hubs/hub1/groups/%2/:send", 400},
    {"POST", "/api/hubs/hub1/groups/%zz/:send", 400},
    {"POST", "/api/hubs/hub1/groups/%FF/:send", 400},
    {"POST", "/api/hubs/hub1/groups/%C0%AF/:send", 400}, /* a slash, overlong */
    {"POST", "/api/hubs/hub1/groups/%20/:send", 400},
    {"POST", "/api/hubs/hub1/groups//:send", 400},
    {"POST", "/api/hubs/hub1/users/%00/:send", 400},
    {"POST", "/api/hubs/hub1/users//:send", 400},
    {"POST", "/api/hubs/hub1/connections/%ff/:send", 400},
    {"POST", "/api/hubs/_default/:send", 400},
    {"POST", "/api/hubs/1/:send", 400},
    {"POST", "/api/hubs/hub1/a/b/c/d/e/f", 400}, /* more segments than any path */
    {"PUT", "/api/hubs/hub1/permissions/sendEvent/connections/c", 400},
    {"POST", "*", 400},
    {"PATCH", "/api/health", 405},
    {"GET", "/api/hubs/hub1/:send", 405},
    {"POST", PERMITTED, 405},
};

TEST(paths_that_are_refused)
{
    for (size_t i = 0; i < COUNT(refused_paths); i++) {
        test_note("%s %s", refused_paths[i].method, refused_paths[i].target);
        CHECK_INT_EQUAL(CALL(.method = refused_paths[i].method, .target = refused_paths[i].target),
                        refused_paths[i].status);
        CHECK(outcome.error.code && outcome.error.message.length > 0);
    }
    outcome_release();
}

TEST(settings_of_hubs)
{
    static const char *const bad[] = {"", "x", "[]", "{\"a\":}"};
    const struct rest_operation *operation = &outcome.operation;
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs"), 0);
    CHECK_INT_EQUAL(operation->kind, REST_HUBS);
    CHECK_INT_EQUAL(CALL(.method = "PUT", .target = "/api/hubs/CHAT", .body = TEXT("{\"a\":1} ")),
                    0);
    CHECK_INT_EQUAL(operation->kind, REST_SET_HUB);
    CHECK_SLICE_EQUAL(operation->hub, TEXT("chat"));
    CHECK_SLICE_EQUAL(operation->data.bytes, TEXT("{\"a\":1} "));
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK_INT_EQUAL(
            CALL(.method = "PUT", .target = "/api/hubs/chat", .body = slice_from_string(bad[i])),
            400);
    }
    /* The others have settings, but nobody is there. */
    CHECK_INT_EQUAL(CALL(.method = "PUT", .target = "/api/hubs/_default", .body = TEXT("{}")), 0);
    CHECK_SLICE_EQUAL(operation->hub, TEXT("_default"));
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/_default"), 0);
    CHECK_INT_EQUAL(CALL(.method = "DELETE", .target = "/api/hubs/_default"), 0);
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/_default/users"), 400);
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/_other"), 400);
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = "/api/hubs/chat"), 405);
    CHECK_SLICE_EQUAL(outcome.error.allow, TEXT("GET, PUT, DELETE"));
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/chat/:log?failures=true&top=5"), 0);
    CHECK(operation->only_failures);
    CHECK_INT_EQUAL(operation->top, 5);
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/chat/:log?failures=yes"), 400);
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/chat/:log"), 0);
    CHECK(!operation->only_failures);
    outcome_release();
}

TEST(what_is_allowed)
{
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = PERMITTED), 405);
    CHECK_SLICE_EQUAL(outcome.error.allow, TEXT("PUT, DELETE, HEAD"));
    outcome_release();
}

TEST(long_names)
{
    struct buffer target = {0};
    for (size_t length = 1024; length <= 1025; length++) {
        target.length = 0;
        buffer_append_string(&target, "/api/hubs/hub1/users/");
        for (size_t i = 0; i < length; i++) {
            buffer_append_byte(&target, 'u');
        }
        buffer_append_byte(&target, '\0');
        CHECK_INT_EQUAL(CALL(.method = "HEAD", .target = (const char *)target.data),
                        length > 1024 ? 400 : 0);
    }
    buffer_release(&target);
    outcome_release();
}

/* --- parameters --- */

static const struct {
    const char *method, *target;
    int status;
} queries[] = {
    {"POST", SEND "?api-version=2021-10-01", 0},
    {"POST", SEND "?api-version=2022-11-01", 0},
    {"POST", SEND "?api-version=2023-07-01", 0},
    {"POST", SEND "?api-version=2024-01-01", 0},
    {"POST", SEND "?api-version=2021-05-01-preview", 0},
    {"POST", SEND "?api-version=2021-08-01-preview", 0},
    {"POST", SEND "?api-version=2020-01-01", 400},
    {"POST", SEND "?api-version=", 400},
    {"POST", SEND "?api-version=2024-12-01&api-version=2024-12-01", 400},
    {"POST", SEND "?API-Version=2024-12-01&api-version=2024-12-01", 400},
    {"POST", SEND "?messageTtlSeconds=0", 0},
    {"POST", SEND "?messageTtlSeconds=300", 0},
    {"POST", SEND "?messageTtlSeconds=301", 400},
    {"POST", SEND "?messageTtlSeconds=-1", 400},
    {"POST", SEND "?messageTtlSeconds=", 400},
    {"POST", SEND "?messageTtlSeconds=1.5", 400},
    {"POST", SEND "?messageTtlSeconds=99999999999999999999", 400},
    {"POST", SEND "?messageTtlSeconds=1&messageTtlSeconds=1", 400},
    {"POST", SEND "?filter=", 0},
    {"POST", SEND "?filter=%20", 0},
    {"POST", SEND "?filter=null", 400},
    {"POST", SEND "?filter=true&filter=true", 400},
    {"POST", SEND "?excluded=", 400},
    {"POST", SEND "?excluded=%FF", 400},
    {"POST", SEND "?x=%", 400},
    {"POST", SEND "?top=0&maxpagesize=0&minutesToExpire=0", 0}, /* it has none of these */
    {"POST", "/api/hubs/hub1/users/u/:send?filter=1", 400},
    {"POST", "/api/hubs/hub1/connections/c/:send?filter=1", 0},
    {"POST", "/api/hubs/hub1/:closeConnections?reason=%C3", 400},
    {"GET", LIST "?maxpagesize=1&top=1", 0},
    {"GET", LIST "?maxpagesize=200", 0},
    {"GET", LIST "?maxpagesize=0", 400},
    {"GET", LIST "?maxpagesize=201", 400},
    {"GET", LIST "?top=0", 400},
    {"GET", LIST "?continuationToken=", 0},
    {"GET", LIST "?continuationToken=%FF", 400},
    {"PUT", PERMITTED "?targetName=", 400},
    {"PUT", PERMITTED "?targetName=%20%20", 400},
    {"POST", GENERATE "?minutesToExpire=0", 400},
    {"POST", GENERATE "?minutesToExpire=1&clientType=mqtt", 0},
    {"POST", GENERATE "?clientType=DEFAULT", 0},
    {"POST", GENERATE "?clientType=SocketIO", 400},
    {"POST", GENERATE "?group=%20", 400},
    {"POST", GENERATE "?role=%FF", 400},
    {"POST", GENERATE "?userId=%00", 400},
};

TEST(values_of_parameters)
{
    for (size_t i = 0; i < COUNT(queries); i++) {
        test_note("%s %s", queries[i].method, queries[i].target);
        CHECK_INT_EQUAL(CALL(.method = queries[i].method, .target = queries[i].target),
                        queries[i].status);
    }
    outcome_release();
}

TEST(parameters_of_a_send)
{
    const struct rest_operation *operation = &outcome.operation;
    CHECK_INT_EQUAL(CALL(.method = "POST",
                         .target = SEND
                         "?api-version=2024-12-01&excluded=x&excluded=y%2B+z&filter=userId%20ne%"
                         "20%27o%27%27b%27&messageTtlSeconds=5"),
                    0);
    CHECK_SLICE_EQUAL(operation->api_version, TEXT("2024-12-01"));
    CHECK_INT_EQUAL(operation->excluded_count, 2);
    CHECK_SLICE_EQUAL(operation->excluded[0], TEXT("x"));
    CHECK_SLICE_EQUAL(operation->excluded[1], TEXT("y+ z"));
    CHECK_SLICE_EQUAL(operation->filter, TEXT("userId ne 'o''b'"));
    CHECK_INT_EQUAL(operation->ttl_seconds, 5);
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = "/api/hubs/hub1/connections/c/:send?filter=1"),
                    0);
    CHECK_SLICE_EQUAL(operation->filter, TEXT(""));
    CHECK_SLICE_EQUAL(operation->api_version, TEXT(""));
    outcome_release();
}

TEST(parameters_of_the_others)
{
    const struct rest_operation *operation = &outcome.operation;
    CHECK_INT_EQUAL(
        CALL(.method = "POST",
             .target = "/api/hubs/hub1/:closeConnections?excluded=q&reason=bye%20%C3%BC"),
        0);
    CHECK_SLICE_EQUAL(operation->reason, TEXT("bye \xC3\xBC"));
    CHECK_INT_EQUAL(operation->excluded_count, 1);
    CHECK_INT_EQUAL(CALL(.target = LIST "?maxpagesize=2&top=5&continuationToken=T1"), 0);
    CHECK_INT_EQUAL(operation->page_size, 2);
    CHECK_INT_EQUAL(operation->top, 5);
    CHECK_SLICE_EQUAL(operation->continuation, TEXT("T1"));
    CHECK_INT_EQUAL(CALL(.target = LIST), 0);
    CHECK_INT_EQUAL(operation->page_size, 200);
    CHECK_INT_EQUAL(operation->top, 0);
    CHECK_INT_EQUAL(CALL(.method = "PUT", .target = PERMITTED "?targetName=g%201"), 0);
    CHECK(operation->has_target_name && operation->action == ROLE_SEND);
    CHECK_SLICE_EQUAL(operation->target_name, TEXT("g 1"));
    CHECK_INT_EQUAL(
        CALL(.method = "PUT", .target = "/api/hubs/h/permissions/JOINleaveGroup/connections/c"), 0);
    CHECK(!operation->has_target_name && operation->action == ROLE_JOIN_LEAVE);
    CHECK_INT_EQUAL(CALL(.method = "PUT", .target = "/api/hubs/h/permissions/1/connections/c"), 0);
    CHECK_INT_EQUAL(operation->action, ROLE_SEND);
    outcome_release();
}

TEST(the_base_url)
{
    CHECK_INT_EQUAL(CALL(.target = LIST), 0);
    CHECK_SLICE_EQUAL(outcome.operation.base_url, TEXT("http://" FIXTURE_HOST));
    CHECK_INT_EQUAL(CALL(.target = LIST, .is_tls = true), 0);
    CHECK_SLICE_EQUAL(outcome.operation.base_url, TEXT("https://" FIXTURE_HOST));
    CHECK_INT_EQUAL(CALL(.target = LIST, .host = "pubsub.example.com"), 0);
    CHECK_SLICE_EQUAL(outcome.operation.base_url, TEXT("https://pubsub.example.com"));
    CHECK_INT_EQUAL(CALL(.target = LIST, .host = "other.example.com:8000", .is_tls = true), 0);
    CHECK_SLICE_EQUAL(outcome.operation.base_url, TEXT("http://other.example.com:8000"));
    CHECK_INT_EQUAL(CALL(.target = LIST, .host = "", .aud = "https://pubsub.example.com" LIST), 0);
    CHECK_SLICE_EQUAL(outcome.operation.base_url, TEXT("https://pubsub.example.com"));
    CHECK_INT_EQUAL(CALL(.target = LIST, .host = "a\"b", .aud = "https://pubsub.example.com" LIST),
                    400);
    outcome_release();
}

/* --- bodies --- */

static const struct {
    const char *type; /* NULL: none */
    struct slice body;
    int status;
    enum data_type data;
    struct slice bytes;
} bodies[] = {
    {NULL, TEXT("\xFF\0x"), 0, DATA_BINARY, TEXT("\xFF\0x")},
    {"application/octet-stream", TEXT("\xFF"), 0, DATA_BINARY, TEXT("\xFF")},
    {"Application/Octet-Stream; charset=whatever", TEXT(""), 0, DATA_BINARY, TEXT("")},
    {"application/json", TEXT(" {\"a\": 1} "), 0, DATA_JSON, TEXT(" {\"a\": 1} ")},
    {"application/json", TEXT("\"hi\""), 0, DATA_JSON, TEXT("\"hi\"")},
    {"application/json", TEXT("{a:1}"), 400, 0, TEXT("")},
    {"application/json", TEXT(""), 400, 0, TEXT("")},
    {"application/json; charset=utf-16le", TEXT("1\0"), 0, DATA_JSON, TEXT("1")},
    {"application/json; charset=utf-16le", TEXT("1\0\0"), 400, 0, TEXT("")},
    {"text/plain", TEXT("h\xC3\xBC"), 0, DATA_TEXT, TEXT("h\xC3\xBC")},
    {" TEXT/Plain ;format=flowed; Charset=\"UTF-8\" ", TEXT("x"), 0, DATA_TEXT, TEXT("x")},
    {"text/plain", TEXT(""), 0, DATA_TEXT, TEXT("")},
    {"text/plain", TEXT("h\xFC"), 400, 0, TEXT("")},
    {"text/plain;charset=iso-8859-1", TEXT("h\xFC"), 0, DATA_TEXT, TEXT("h\xC3\xBC")},
    {"text/plain;charset=utf-16", TEXT("\xFF\xFEh\0\xAC\x20"), 0, DATA_TEXT, TEXT("h\xE2\x82\xAC")},
    {"text/plain;charset=utf-16", TEXT("\xFE\xFF\xD8\x3D\xDE\x00"), 0, DATA_TEXT,
     TEXT("\xF0\x9F\x98\x80")},
    {"text/plain;charset=utf-16be", TEXT("\0h"), 0, DATA_TEXT, TEXT("h")},
    {"text/plain;charset=utf-16be", TEXT("\xD8\x3D"), 400, 0, TEXT("")},
    {"text/plain;charset=utf-16be", TEXT("\xD8\x3D\0h"), 400, 0, TEXT("")},
    {"text/plain;charset=utf-16be", TEXT("\xDE\x00\0h"), 400, 0, TEXT("")},
    {"text/plain;charset=koi8-r", TEXT("h"), 415, 0, TEXT("")},
    {"text/html", TEXT("h"), 415, 0, TEXT("")},
    {"application/xml", TEXT(""), 415, 0, TEXT("")},
};

TEST(bodies_to_send)
{
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct pair type = header("Content-Type", bodies[i].type ? bodies[i].type : "");
        test_note("row %zu, %s", i, bodies[i].type ? bodies[i].type : "no type");
        CHECK_INT_EQUAL(
            bodies[i].type
                ? CALL(.method = "POST", .target = SEND, .headers = {type}, .body = bodies[i].body)
                : CALL(.method = "POST", .target = SEND, .body = bodies[i].body),
            bodies[i].status);
        if (bodies[i].status == 0) {
            CHECK_INT_EQUAL(outcome.operation.data.type, bodies[i].data);
            CHECK_SLICE_EQUAL(outcome.operation.data.bytes, bodies[i].bytes);
        }
    }
    outcome_release();
}

TEST(metadata)
{
    const struct pairs *metadata = &outcome.operation.metadata;
    CHECK_INT_EQUAL(
        CALL(.method = "POST", .target = SEND,
             .headers = {header("X-WebPubSub-Metadata-Trace-Id", " 12 "),
                         header("x-webpubsub", "no"), header("x-webpubsub-metadata-b", "")}),
        0);
    CHECK_INT_EQUAL(metadata->count, 2);
    CHECK_SLICE_EQUAL(metadata->items[0].key, TEXT("trace-id"));
    CHECK_SLICE_EQUAL(metadata->items[0].value, TEXT("12"));
    CHECK_SLICE_EQUAL(metadata->items[1].key, TEXT("b"));
    CHECK_SLICE_EQUAL(metadata->items[1].value, TEXT(""));
    CHECK_INT_EQUAL(
        CALL(.method = "POST", .target = SEND, .headers = {header("x-webpubsub-metadata-", "a")}),
        400);
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = SEND,
                         .headers = {header("x-webpubsub-metadata-a", "\x80")}),
                    400);
    outcome_release();
}

TEST(metadata_is_bounded)
{
    struct buffer name = {0};
    buffer_append_string(&name, "x-webpubsub-metadata-");
    for (int i = 0; i < 9000; i++) {
        buffer_append_byte(&name, 'a');
    }
    buffer_append_byte(&name, '\0');
    CHECK_INT_EQUAL(
        CALL(.method = "POST", .target = SEND, .headers = {header((const char *)name.data, "a")}),
        400);
    buffer_release(&name);
    outcome_release();
}

/* --- errors --- */

static void check_error_body(const char *wanted)
{
    struct buffer out = {0};
    struct json_value value;
    rest_error_append(&out, &outcome.error);
    CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(wanted));
    CHECK(json_parse(buffer_slice(&out), &value));
    buffer_release(&out);
}

TEST(errors)
{
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = SEND "?filter=null"), 400);
    check_error_body("{\"code\":\"Error.BadRequest\",\"message\":\"Invalid syntax for 'null': Type "
                     "'null', expect 'bool'. (Parameter 'filter')\",\"target\":\"filter\"}");
    CHECK_INT_EQUAL(CALL(.target = "/api/x"), 404);
    check_error_body("{\"code\":\"Error.NotFound\",\"message\":\"There is no such operation.\"}");
    outcome_release();
}
