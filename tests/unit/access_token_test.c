/* Tokens and what they say: keys, times, audiences, user, roles, groups (spec/webpubsub.md 1.2, and
 * the list "Handshake" of section 15).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- tokens --- */

TEST(token_in_the_query_and_in_the_header)
{
    CHECK_INT_EQUAL(STATUS(.claims = GOOD), 0);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .in_header = true), 0);
    CHECK_INT_EQUAL(
        STATUS(.claims = GOOD, .in_header = true, .target = "/client/hubs/hub1?access_token="), 0);
    /* The query goes first, even if only the header is good. */
    CHECK_INT_EQUAL(
        STATUS(.claims = GOOD, .in_header = true, .target = "/client/hubs/hub1?access_token=x"),
        401);
    /* The last parameter of a name counts. */
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .target = "/client/hubs/hub1?access_token=x"), 0);
}

TEST(other_authorization_headers)
{
    CHECK_INT_EQUAL(STATUS(.authorization = "Basic eDp5"), 401);
    CHECK_INT_EQUAL(STATUS(.authorization = "Bearer "), 401);
    CHECK_INT_EQUAL(STATUS(.authorization = "Bearer"), 401);
    CHECK_INT_EQUAL(STATUS(.authorization = "Bearer x.y.z"), 401);
    CHECK_INT_EQUAL(STATUS(.authorization = "  ", .target = "/client/hubs/open"), 0);
}

TEST(keys)
{
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .key = FIXTURE_PRIMARY), 0);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .key = FIXTURE_SECONDARY), 0);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .key = FIXTURE_PRIMARY "x"), 401);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .key = ""), 401);
}

TEST(expiry_with_skew)
{
    static const char at_1000[] = AUD_HUB1 ",\"exp\":1000";
    CHECK_INT_EQUAL(STATUS(.claims = at_1000, .now = 1299), 0);
    CHECK_INT_EQUAL(STATUS(.claims = at_1000, .now = 1300), 401);
    CHECK_INT_EQUAL(STATUS(.claims = AUD_HUB1), 401); /* required */
    CHECK_INT_EQUAL(STATUS(.claims = AUD_HUB1 ",\"exp\":\"1795471565\""), 401);
    CHECK_INT_EQUAL(STATUS(.claims = AUD_HUB1 ",\"exp\":-1"), 401);
    CHECK_INT_EQUAL(STATUS(.claims = AUD_HUB1 ",\"exp\":null"), 401);
    CHECK_INT_EQUAL(STATUS(.claims = AUD_HUB1 ",\"exp\":1795471565.25"), 0);
    CHECK_INT_EQUAL(STATUS(.claims = AUD_HUB1 ",\"exp\":99999999999999999999"), 401);
}

TEST(not_before_with_skew)
{
    static const char at_1000[] = AUD_HUB1 ",\"exp\":9000,\"nbf\":1000";
    CHECK_INT_EQUAL(STATUS(.claims = at_1000, .now = 700), 0);
    CHECK_INT_EQUAL(STATUS(.claims = at_1000, .now = 699), 401);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"nbf\":\"soon\""), 401);
}

/* --- audiences --- */

TEST(audiences)
{
    static const struct {
        const char *aud;
        int status;
    } rows[] = {
        {"\"http://127.0.0.1:8080/client/hubs/hub1\"", 0},
        {"\"https://127.0.0.1:8080/client/hubs/hub1\"", 0},
        {"\"HTTP://127.0.0.1:8080/Client/Hubs/HUB1\"", 0},
        {"\"http://127.0.0.1:8080/client/hubs/hub1/\"", 0},
        {"\"http://127.0.0.1:8080/client/?hub=hub1\"", 0},
        {"\"http://127.0.0.1:8080/client?hub=Hub1\"", 0},
        {"\"http://127.0.0.1:8080/client/hubs/%68ub1\"", 0},
        {"\"http:\\/\\/127.0.0.1:8080\\/client\\/hubs\\/hub1\"", 0},
        {"[\"http://x/client/hubs/hub1\",\"http://127.0.0.1:8080/client/hubs/hub1\"]", 0},
        {"\"https://pubsub.example.com/client/hubs/hub1\"", 0},
        {"\"https://PubSub.Example.com:443/client/hubs/hub1\"", 0},
        {"\"http://other.example.com:8000/client/hubs/hub1\"", 0},
        {"\"http://127.0.0.1:8080/client/hubs/hub2\"", 401},
        {"\"http://127.0.0.1:8080/client/hubs/hub11\"", 401},
        {"\"http://127.0.0.1:8080/client/hubs\"", 401},
        {"\"http://127.0.0.1:8080/clients/mqtt/hubs/hub1\"", 401},
        {"\"http://127.0.0.1:8080/client/hubs/x/../hub1\"", 401},
        {"\"http://127.0.0.1:8080/client%2Fhubs%2Fhub1\"", 401},
        {"\"http://127.0.0.1:8080//client/hubs/hub1\"", 401},
        {"\"http://127.0.0.1:8080/client/hubs/hub2?hub=hub1\"", 401},
        {"\"http://127.0.0.1:8080/\"", 401},
        {"\"http://127.0.0.1:8080\"", 401},
        {"\"http://127.0.0.1:8081/client/hubs/hub1\"", 401},
        {"\"http://127.0.0.1/client/hubs/hub1\"", 401},
        {"\"http://x@127.0.0.1:8080/client/hubs/hub1\"", 401},
        {"\"http:///client/hubs/hub1\"", 401},
        {"\"ws://127.0.0.1:8080/client/hubs/hub1\"", 401},
        {"\"/client/hubs/hub1\"", 401},
        {"\"http://127.0.0.1:8080/client/hubs/hub1#\"", 401},
        {"\"http://127.0.0.1:8080/client/hubs/hub1\\u0000\"", 401},
        {"\"\"", 401},
        {"[]", 401},
        {"[[\"http://127.0.0.1:8080/client/hubs/hub1\"]]", 401},
        {"[1,null]", 401},
        {"{}", 401},
        {"1", 401},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer claims = {0};
        test_note("%s", rows[i].aud);
        buffer_append_format(&claims, EXP ",\"aud\":%s", rows[i].aud);
        buffer_append_byte(&claims, '\0');
        CHECK_INT_EQUAL(STATUS(.claims = (char *)claims.data), rows[i].status);
        buffer_release(&claims);
    }
    CHECK_INT_EQUAL(STATUS(.claims = EXP), 401);
}

TEST(audience_and_the_host_header)
{
    static const struct {
        const char *host, *aud;
        int status;
    } rows[] = {
        {"pub.example", "http://pub.example/client/hubs/hub1", 0},
        {"pub.example", "https://pub.example:443/client/hubs/hub1", 0},
        {"pub.example:443", "https://pub.example/client/hubs/hub1", 0},
        {"pub.example:80", "http://pub.example/client/hubs/hub1", 0},
        {"PUB.example", "http://pub.EXAMPLE/client/hubs/hub1", 0},
        {"[::1]:8080", "http://[::1]:8080/client/hubs/hub1", 0},
        {"pub.example:8443", "https://pub.example/client/hubs/hub1", 401},
        {"example", "http://pub.example/client/hubs/hub1", 401},
        {"", "http:///client/hubs/hub1", 401},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer claims = {0};
        test_note("%s for %s", rows[i].host, rows[i].aud);
        buffer_append_format(&claims, EXP ",\"aud\":\"%s\"", rows[i].aud);
        buffer_append_byte(&claims, '\0');
        CHECK_INT_EQUAL(STATUS(.claims = (char *)claims.data, .host = rows[i].host),
                        rows[i].status);
        buffer_release(&claims);
    }
}

TEST(ignoring_the_host_of_audiences)
{
    static const char claims[] = EXP ",\"aud\":\"https://anywhere/client/hubs/hub1\"";
    static const char other[] = EXP ",\"aud\":\"https://anywhere/client/hubs/hub2\"";
    CHECK_INT_EQUAL(STATUS(.claims = claims), 401);
    CHECK_INT_EQUAL(STATUS(.claims = claims, .ignore_audience_host = true), 0);
    CHECK_INT_EQUAL(STATUS(.claims = other, .ignore_audience_host = true), 401);
}

/* --- claims --- */

TEST(user)
{
    static const struct {
        const char *claims;
        struct slice user;
        int status;
    } rows[] = {
        {GOOD, SLICE_LITERAL(""), 0},
        {GOOD ",\"sub\":\"Bob\"", SLICE_LITERAL("Bob"), 0},
        {GOOD ",\"sub\":\"\\u00fc\\n/\"", SLICE_LITERAL("\xC3\xBC\n/"), 0},
        {GOOD ",\"sub\":\"\"", SLICE_LITERAL(""), 0},
        {GOOD ",\"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier\":\"u\"",
         SLICE_LITERAL("u"), 0},
        {GOOD ",\"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier\":\"u\""
              ",\"sub\":\"v\"",
         SLICE_LITERAL("v"), 0},
        {GOOD ",\"sub\":7", SLICE_LITERAL(""), 401},
        {GOOD ",\"sub\":null", SLICE_LITERAL(""), 401},
        {GOOD ",\"sub\":\"a\\u0000b\"", SLICE_LITERAL("a\0b"), 401},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct upgrade *upgrade = DECIDE(.claims = rows[i].claims);
        test_note("%s", rows[i].claims);
        CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), rows[i].user);
        CHECK_INT_EQUAL(status_of(upgrade), rows[i].status);
    }
}

static bool may_send(const char *claims, const char *group)
{
    struct upgrade *upgrade = DECIDE(.claims = claims);
    bool may = roles_allow(upgrade->roles, ROLE_SEND, slice_from_string(group));
    CHECK_INT_EQUAL(status_of(upgrade), 0);
    return may;
}

TEST(roles)
{
    static const char long_name[] =
        GOOD ",\"http://schemas.microsoft.com/ws/2008/06/identity/claims/role\":"
             "[\"webpubsub.sendToGroup.l\"],\"role\":[\"webpubsub.sendToGroup.s\"]";
    CHECK(!may_send(GOOD, "g"));
    CHECK(may_send(GOOD ",\"role\":\"webpubsub.sendToGroup\"", "g"));
    CHECK(may_send(GOOD ",\"role\":[\"webpubsub.sendToGroup\"]", "g"));
    CHECK(may_send(GOOD ",\"role\":[\"x\",\"webpubsub.sendToGroup.g\"]", "g"));
    CHECK(!may_send(GOOD ",\"role\":[\"x\",\"webpubsub.sendToGroup.g\"]", "h"));
    CHECK(!may_send(GOOD ",\"role\":[]", "g"));
    CHECK(may_send(long_name, "l") && may_send(long_name, "s"));
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"role\":1"), 400);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"role\":[1]"), 400);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"role\":\"webpubsub.sendToGroups.a\\\\\""), 400);
}

static void check_groups(struct upgrade *upgrade, const char *wanted)
{
    struct buffer all = {0};
    for (size_t i = 0; i < upgrade->group_count; i++) {
        buffer_append(&all, buffer_slice(&upgrade->groups[i]));
        buffer_append_byte(&all, ';');
    }
    CHECK_SLICE_EQUAL(buffer_slice(&all), slice_from_string(wanted));
    buffer_release(&all);
    CHECK_INT_EQUAL(status_of(upgrade), 0);
}

TEST(groups)
{
    static const char mqtt[] =
        EXP ",\"aud\":\"http://127.0.0.1:8080/clients/mqtt/hubs/hub1\",\"webpubsub.group\":\"a\""
            ",\"group\":[\"b\"]";
    check_groups(DECIDE(.claims = GOOD ",\"webpubsub.group\":\"g\""), "g;");
    check_groups(DECIDE(.claims = GOOD ",\"webpubsub.group\":[\"g/1\",\"\\u00fc\",\"g\"]"),
                 "g/1;\xC3\xBC;g;");
    check_groups(DECIDE(.claims = GOOD ",\"webpubsub.group\":[]"), "");
    check_groups(DECIDE(.claims = GOOD ",\"group\":\"g\""), "");
    check_groups(
        DECIDE(.claims = mqtt, .target = "/clients/mqtt/hubs/hub1", .subprotocols = "mqtt"),
        "a;b;");
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"webpubsub.group\":\"\""), 400);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"webpubsub.group\":[\"g\",\" \"]"), 400);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"webpubsub.group\":[\"g\",1]"), 400);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD ",\"webpubsub.group\":{}"), 400);
}
