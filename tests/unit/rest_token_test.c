/* Tokens of REST requests (spec/webpubsub.md 6.2) and those that :generateToken makes (6.9).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "rest_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TARGET       "/api/hubs/Hub1/groups/a%2Fb%20c/connections?api-version=2024-12-01&top=5"
#define PATH         "/api/hubs/Hub1/groups/a%2Fb%20c/connections"

static const struct {
    const char *aud;
    int status;
} audiences[] = {
    {"http://127.0.0.1:8080" TARGET, 0},
    {"https://127.0.0.1:8080" TARGET, 0},
    {"http://127.0.0.1:8080" PATH, 0},
    {"http://127.0.0.1:8080" PATH "/", 0},
    {"http://127.0.0.1:8080/API/hubs/hub1/groups/a%2fb%20C/connections", 0},
    {"http://127.0.0.1:8080/api/hubs/Hub1/groups/a/b c/connections", 0}, /* decoded */
    {TARGET, 0},
    {PATH, 0},
    {"https://pubsub.example.com" TARGET, 0},
    {"https://PubSub.example.com:443" PATH, 0},
    {"http://other.example.com:8000" TARGET, 0},
    {"http://elsewhere:8080" TARGET, 401},
    {"http://127.0.0.1:8081" TARGET, 401},
    {"http://127.0.0.1:8080/api/hubs/Hub1/groups/a%2Fb%20c/connections?api-version=2024-12-01",
     401},
    {"http://127.0.0.1:8080/api/hubs/hub2/groups/a%2Fb%20c/connections", 401},
    {"http://127.0.0.1:8080/api/hubs/Hub1/groups/a%2Fb%20c", 401},
    {"http://127.0.0.1:8080/client/hubs/Hub1", 401},
    {"http://127.0.0.1:8080", 401},
    {"", 401},
    {"/", 401},
    {"https://webpubsub.azure.com", 401},
};

TEST(audiences_of_requests)
{
    for (size_t i = 0; i < COUNT(audiences); i++) {
        test_note("%s", audiences[i].aud);
        CHECK_INT_EQUAL(CALL(.target = TARGET, .aud = audiences[i].aud), audiences[i].status);
    }
    CHECK_INT_EQUAL(
        CALL(.target = TARGET, .aud = "http://elsewhere" TARGET, .ignore_audience_host = true), 0);
    CHECK_INT_EQUAL(
        CALL(.target = TARGET, .claims = "\"aud\":[\"x\",\"http://127.0.0.1:8080" PATH "\"]," EXP),
        0);
    outcome_release();
}

static const struct {
    const char *claims; /* without the audience */
    int status;
} times[] = {
    {"\"exp\":1795467966", 0},
    {"\"exp\":1795467900", 0}, /* clocks differ */
    {"\"exp\":1795460000", 401},
    {"\"iat\":1795467965", 401},
    {"\"nbf\":1795467960,\"iat\":1795467960,\"exp\":1795468260", 0},
    {"\"nbf\":1795470000,\"exp\":1795471000", 401},
};

TEST(times)
{
    for (size_t i = 0; i < COUNT(times); i++) {
        char claims[300];
        snprintf(claims, sizeof(claims), "\"aud\":\"%s\",%s", PATH, times[i].claims);
        test_note("%s", times[i].claims);
        CHECK_INT_EQUAL(CALL(.target = TARGET, .claims = claims), times[i].status);
    }
    outcome_release();
}

TEST(keys)
{
    CHECK_INT_EQUAL(CALL(.target = TARGET, .key = FIXTURE_SECONDARY), 0);
    CHECK_INT_EQUAL(CALL(.target = TARGET, .key = "another key that is as long as ours."), 401);
    CHECK_INT_EQUAL(CALL(.target = TARGET, .key = ""), 401);
    CHECK_INT_EQUAL(CALL(.target = TARGET, .authorization = "Bearer a.b.c"), 401);
    CHECK_INT_EQUAL(CALL(.target = TARGET, .authorization = "Basic YTpi"), 401);
    CHECK_INT_EQUAL(CALL(.target = TARGET, .claims = EXP), 401);
    CHECK_INT_EQUAL(CALL(.target = "/api/health", .key = ""), 0);
    CHECK_INT_EQUAL(CALL(.target = "/api/hubs/_/:count", .key = ""), 401); /* before the values */
    outcome_release();
}

/* The claims in the answer to REST_TOKEN. */
static void check_generated(const char *wanted)
{
    struct upgrade_context context = fixture_context();
    struct buffer answer = {0}, claims = {0}, token = {0};
    struct json_value object, member;
    struct slice key;
    rest_token_append(&answer, &context, &outcome.operation, FIXTURE_NOW);
    CHECK(json_parse(buffer_slice(&answer), &object));
    struct json_walk walk = json_members(&object);
    CHECK(json_next_member(&walk, &key, &member) && json_string_equal(key, "token"));
    json_append_string_value(&token, &member);
    CHECK(access_keys_verify(context.keys, buffer_slice(&token), &claims));
    CHECK_SLICE_EQUAL(buffer_slice(&claims), slice_from_string(wanted));
    buffer_release(&answer);
    buffer_release(&claims);
    buffer_release(&token);
    fixture_context_free(&context);
}

TEST(tokens_for_clients)
{
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = "/api/hubs/Hub1/:generateToken"), 0);
    check_generated("{\"aud\":\"http://127.0.0.1:8080/client/hubs/hub1\",\"iat\":1795467965,"
                    "\"exp\":1795471565}");
    CHECK_INT_EQUAL(CALL(.method = "POST",
                         .target =
                             "/api/hubs/Hub1/:generateToken?userId=u%22&role=r1&role=r2&group="
                             "g1&minutesToExpire=5&clientType=MQTT&group=g2"),
                    0);
    check_generated("{\"aud\":\"http://127.0.0.1:8080/clients/mqtt/hubs/hub1\",\"iat\":1795467965,"
                    "\"exp\":1795468265,\"sub\":\"u\\\"\",\"role\":[\"r1\",\"r2\"],"
                    "\"webpubsub.group\":[\"g1\",\"g2\"]}");
    outcome_release();
}

/* What is generated lets a client in. */
TEST(the_token_is_good)
{
    struct upgrade_context context = fixture_context();
    struct buffer target = {0}, answer = {0};
    CHECK_INT_EQUAL(CALL(.method = "POST", .target = "/api/hubs/hub1/:generateToken?userId=ada"),
                    0);
    rest_token_append(&answer, &context, &outcome.operation, FIXTURE_NOW);
    buffer_append_format(&target, "/client/hubs/hub1?access_token=%.*s",
                         (int)answer.length - (int)strlen("{\"token\":\"\"}"),
                         (const char *)answer.data + strlen("{\"token\":\""));
    struct upgrade *upgrade =
        upgrade_decide(&context, &(struct upgrade_request){.target = buffer_slice(&target),
                                                           .host = SLICE_LITERAL(FIXTURE_HOST),
                                                           .now = FIXTURE_NOW});
    CHECK_INT_EQUAL(upgrade->status, 0);
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("ada"));
    upgrade_free(upgrade);
    buffer_release(&target);
    buffer_release(&answer);
    fixture_context_free(&context);
    outcome_release();
}
