/* Who may manage: tokens for this server, and programs of this machine if so set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access_fixture.h"

#include "dispatch/management_access.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define TARGET "/subscriptions/s/providers/Microsoft.EventGrid/topics?api-version=2022-06-15"

enum { HEADERS_MAX = 4 };

struct visit {
    enum access_purpose purpose;
    const char *claims; /* NULL: no token */
    const char *key;    /* the primary one */
    const char *host;   /* FIXTURE_HOST */
    const char *header, *value;
    bool opens, is_remote;
};

static bool admits(struct visit visit)
{
    struct upgrade_context context = fixture_context();
    struct buffer claims = {0}, authorization = {0};
    struct pair headers[HEADERS_MAX];
    size_t count = 0;

    headers[count++] = (struct pair){SLICE_LITERAL("Host"),
                                     slice_from_string(visit.host ? visit.host : FIXTURE_HOST)};
    if (visit.claims) {
        buffer_append_format(&claims, "{%s," EXP "}", visit.claims);
        buffer_append_string(&authorization, "Bearer ");
        jwt_append(&authorization, buffer_slice(&claims),
                   slice_from_string(visit.key ? visit.key : FIXTURE_PRIMARY));
        headers[count++] =
            (struct pair){SLICE_LITERAL("authorization"), buffer_slice(&authorization)};
    }
    if (visit.header) {
        headers[count++] =
            (struct pair){slice_from_string(visit.header), slice_from_string(visit.value)};
    }
    struct grid_request request = {.method = SLICE_LITERAL("GET"),
                                   .target = SLICE_LITERAL(TARGET),
                                   .headers = {headers, count},
                                   .is_loopback = !visit.is_remote};
    const char *wrong =
        management_check_access(&context, &request, visit.purpose, visit.opens, FIXTURE_NOW);
    CHECK(!wrong || wrong[0] != '\0');
    buffer_release(&claims);
    buffer_release(&authorization);
    fixture_context_free(&context);
    return !wrong;
}

#define ADMITS(...) admits((struct visit){__VA_ARGS__})

TEST(tokens_for_this_server)
{
    static const char *const good[] = {
        "\"aud\":\"http://127.0.0.1:8080" TARGET "\"",
        "\"aud\":\"" TARGET "\"",
        "\"aud\":\"http://127.0.0.1:8080\"",
        "\"aud\":\"http://127.0.0.1:8080/\"",
        "\"aud\":\"https://pubsub.example.com/.default\"",
        "\"aud\":\"https://management.azure.com/\"",
        "\"aud\":[\"x\",\"https://Management.core.windows.net\"]",
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        test_note("%s", good[i]);
        CHECK(ADMITS(.claims = good[i], .is_remote = true));
        CHECK(ADMITS(.claims = good[i], .key = FIXTURE_SECONDARY));
        CHECK(!ADMITS(.claims = good[i], .key = "00000000000000000000000000000000"));
    }
}

/* Tokens that clients of hubs have are signed with the same keys. */
TEST(tokens_for_others)
{
    static const char *const bad[] = {
        AUD_HUB1,
        "\"aud\":\"http://127.0.0.1:8080/api/hubs/h/:send\"",
        "\"aud\":\"http://127.0.0.1:8080/client\"",
        "\"aud\":\"https://management.azure.com.example.com\"",
        "\"aud\":\"https://management.azure.com/client/hubs/h\"",
        "\"aud\":\"http://elsewhere\"",
        "\"aud\":\"https://eventgrid.azure.net\"", /* of who publishes */
        "\"aud\":\"/\"",
        "\"aud\":\"\"",
        "\"sub\":\"x\"",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        test_note("%s", bad[i]);
        CHECK(!ADMITS(.claims = bad[i]));
    }
    CHECK(!ADMITS(.claims = NULL));
}

TEST(tokens_to_publish)
{
    CHECK(
        ADMITS(.purpose = ACCESS_TO_PUBLISH, .claims = "\"aud\":\"https://eventgrid.azure.net\""));
    CHECK(
        ADMITS(.purpose = ACCESS_TO_PUBLISH, .claims = "\"aud\":\"https://management.azure.com\""));
    CHECK(!ADMITS(.purpose = ACCESS_TO_PUBLISH, .claims = AUD_HUB1));
}

TEST(this_machine)
{
    CHECK(ADMITS(.opens = true));
    CHECK(ADMITS(.opens = true, .host = "localhost"));
    CHECK(ADMITS(.opens = true, .host = "orders.localhost:8080"));
    CHECK(ADMITS(.opens = true, .host = "[::1]:8080"));
    CHECK(ADMITS(.opens = true, .claims = "\"aud\":\"whatever\""));
    CHECK(ADMITS(.opens = true, .header = "origin", .value = "http://127.0.0.1:8080"));
    CHECK(!ADMITS(.opens = false));
    CHECK(!ADMITS(.opens = true, .is_remote = true));
}

TEST(others_by_way_of_this_machine)
{
    static const char *const headers[][2] = {
        {"X-Forwarded-For", "10.0.0.1"},
        {"Forwarded", "for=10.0.0.1"},
        {"Via", "1.1 proxy"},
        {"Origin", "http://evil.example"},
        {"Origin", "null"},
    };
    static const char *const hosts[] = {"evil.example:8080", "127.evil.example", "notlocalhost",
                                        "10.0.0.1", ""};
    for (size_t i = 0; i < COUNT(headers); i++) {
        test_note("%s", headers[i][0]);
        CHECK(!ADMITS(.opens = true, .header = headers[i][0], .value = headers[i][1]));
    }
    for (size_t i = 0; i < COUNT(hosts); i++) {
        test_note("%s", hosts[i]);
        CHECK(!ADMITS(.opens = true, .host = hosts[i]));
    }
}
