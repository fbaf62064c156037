/* Reconnection tokens, and the decision on a recovery: only that token counts, and what cannot be
 * recovered is let in all the same (spec/webpubsub.md 4.1, 4.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define JSON     "json.webpubsub.azure.v1"
#define RELIABLE "json.reliable.webpubsub.azure.v1"
#define PROTOBUF "protobuf.reliable.webpubsub.azure.v1"
#define WEEK     INT64_C(604800)

/* What a client was told when it connected. */
static struct buffer token_of(const struct upgrade_context *context, const char *hub,
                              enum subprotocol subprotocol, const char *connection_id)
{
    char hub_name[] = "hub1", user_name[] = "B\"ob";
    struct buffer token = {0}, error = {0};
    struct upgrade upgrade = {.subprotocol = subprotocol, .hub = hub_name};
    memcpy(hub_name, hub, sizeof(hub_name));
    upgrade.user = (struct buffer){(uint8_t *)user_name, strlen(user_name), 0};
    CHECK(roles_add(&upgrade.roles, SLICE_LITERAL("webpubsub.sendToGroup.g\"1"), &error));
    CHECK(roles_add(&upgrade.roles, SLICE_LITERAL("webpubsub.joinLeaveGroups.a.**"), &error));
    reconnection_token_append(&token, context, &upgrade, slice_from_string(connection_id),
                              FIXTURE_NOW);
    roles_free(upgrade.roles);
    return token;
}

/* Comes back with it: `path` and the query so far, `id` and the token in the query. */
static struct upgrade *come_back(const struct upgrade_context *context, const char *path,
                                 const char *id, struct slice token, const char *offered,
                                 int64_t now)
{
    struct buffer target = {0};
    buffer_append_format(&target, "%s%cawps_connection_id=%s&awps_reconnection_token=%.*s", path,
                         strchr(path, '?') ? '&' : '?', id, SLICE_PRINT(token));
    struct upgrade_request request = {.target = buffer_slice(&target),
                                      .host = SLICE_LITERAL(FIXTURE_HOST),
                                      .subprotocols = slice_from_string(offered),
                                      .now = now};
    struct upgrade *upgrade = upgrade_decide(context, &request);
    buffer_release(&target);
    return upgrade;
}

TEST(a_good_one)
{
    struct upgrade_context context = fixture_context();
    struct buffer token = token_of(&context, "hub1", SUBPROTOCOL_JSON_RELIABLE, "c-1_A");
    static const char *const paths[] = {"/client/hubs/hub1", "/client?hub=HUB1",
                                        "/client/hubs/Hub1?access_token=expired.or.worse"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        struct upgrade *upgrade = come_back(&context, paths[i], "c-1_A", buffer_slice(&token),
                                            "mine," RELIABLE, FIXTURE_NOW + WEEK);
        test_note("%s", paths[i]);
        CHECK_INT_EQUAL(upgrade->kind, UPGRADE_WEBPUBSUB);
        CHECK_INT_EQUAL(upgrade->subprotocol, SUBPROTOCOL_JSON_RELIABLE);
        CHECK(upgrade->is_recovery);
        CHECK_SLICE_EQUAL(buffer_slice(&upgrade->connection_id), SLICE_LITERAL("c-1_A"));
        CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("B\"ob"));
        CHECK_STRING_EQUAL(upgrade->hub, "hub1");
        CHECK_STRING_EQUAL(upgrade->settings->name, "_default");
        CHECK(roles_allow(upgrade->roles, ROLE_SEND, SLICE_LITERAL("g\"1")));
        CHECK(!roles_allow(upgrade->roles, ROLE_SEND, SLICE_LITERAL("g")));
        CHECK(roles_allow(upgrade->roles, ROLE_JOIN_LEAVE, SLICE_LITERAL("a.b.c")));
        upgrade_free(upgrade);
    }
    buffer_release(&token);
    fixture_context_free(&context);
}

/* Let in, but with nothing of what the token says. */
static void check_hopeless(struct upgrade *upgrade)
{
    CHECK(upgrade->kind == UPGRADE_WEBPUBSUB || upgrade->kind == UPGRADE_RAW);
    CHECK_INT_EQUAL(upgrade->status, 0);
    CHECK(upgrade->is_recovery);
    CHECK_INT_EQUAL(upgrade->connection_id.length, 0);
    CHECK_INT_EQUAL(upgrade->user.length, 0);
    CHECK(!upgrade->roles);
    upgrade_free(upgrade);
}

TEST(hopeless_ones)
{
    static const struct {
        const char *path, *id, *offered;
        int64_t after;
    } rows[] = {
        {"/client/hubs/hub2", "c", RELIABLE, 0},          /* another hub */
        {"/client/hubs/hub1", "d", RELIABLE, 0},          /* another connection */
        {"/client/hubs/hub1", "C", RELIABLE, 0},          /* case counts */
        {"/client/hubs/hub1", "", RELIABLE, 0},           /* none */
        {"/client/hubs/hub1", "c", PROTOBUF, 0},          /* another subprotocol */
        {"/client/hubs/hub1", "c", JSON, 0},              /* an unreliable one */
        {"/client/hubs/hub1", "c", "", 0},                /* a raw client */
        {"/client/hubs/open", "c", RELIABLE, 0},          /* would be let in without a token */
        {"/client/hubs/hub1", "c", RELIABLE, WEEK + 300}, /* expired */
    };
    struct upgrade_context context = fixture_context();
    struct buffer token = token_of(&context, "hub1", SUBPROTOCOL_JSON_RELIABLE, "c");
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%zu", i);
        check_hopeless(come_back(&context, rows[i].path, rows[i].id, buffer_slice(&token),
                                 rows[i].offered, FIXTURE_NOW + rows[i].after));
    }
    buffer_release(&token);
    fixture_context_free(&context);
}

TEST(the_subprotocol_of_a_hopeless_one_is_chosen)
{
    struct upgrade_context context = fixture_context();
    struct upgrade *upgrade =
        come_back(&context, "/client/hubs/hub1", "c", SLICE_LITERAL("x"), PROTOBUF, FIXTURE_NOW);
    CHECK_INT_EQUAL(upgrade->kind, UPGRADE_WEBPUBSUB);
    CHECK_INT_EQUAL(upgrade->subprotocol, SUBPROTOCOL_PROTOBUF_RELIABLE);
    upgrade_free(upgrade);
    upgrade = come_back(&context, "/client/hubs/hub1?webpubsub_mode=nonsense", "c",
                        SLICE_LITERAL("x"), "mine", FIXTURE_NOW);
    CHECK_INT_EQUAL(upgrade->kind, UPGRADE_RAW);
    check_hopeless(upgrade);
    fixture_context_free(&context);
}

/* A token with these claims, signed with this key. */
static void check_forged(const char *claims, const char *key)
{
    struct upgrade_context context = fixture_context();
    struct buffer token = {0};
    test_note("%s", claims);
    jwt_append(&token, slice_from_string(claims), slice_from_string(key));
    check_hopeless(
        come_back(&context, "/client/hubs/hub1", "c", buffer_slice(&token), RELIABLE, FIXTURE_NOW));
    buffer_release(&token);
    fixture_context_free(&context);
}

#define CLAIMS(iss, aud, rest)                                                                     \
    "{\"iss\":\"" iss "\",\"aud\":\"" aud "\",\"hub\":\"hub1\",\"subprotocol\":\"" RELIABLE        \
    "\",\"sub\":\"u\"" rest "}"

TEST(tokens_that_are_no_reconnection_tokens)
{
    static const char good[] = CLAIMS("pubgrid-reconnection", "c", "," EXP);
    struct upgrade_context context = fixture_context();
    struct buffer token = {0};
    jwt_append(&token, slice_from_string(good),
               SLICE_LITERAL(FIXTURE_SECONDARY)); /* by either key */
    struct upgrade *upgrade =
        come_back(&context, "/client/hubs/hub1", "c", buffer_slice(&token), RELIABLE, FIXTURE_NOW);
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->connection_id), SLICE_LITERAL("c"));
    upgrade_free(upgrade);
    buffer_release(&token);
    fixture_context_free(&context);

    check_forged(good, FIXTURE_PRIMARY "0");
    check_forged(CLAIMS("someone", "c", "," EXP), FIXTURE_PRIMARY);
    check_forged(CLAIMS("pubgrid-reconnection", "d", "," EXP), FIXTURE_PRIMARY);
    check_forged(CLAIMS("pubgrid-reconnection", "c", ""), FIXTURE_PRIMARY);
    check_forged(CLAIMS("pubgrid-reconnection", "c", "," EXP ",\"hub\":1"), FIXTURE_PRIMARY);
    check_forged(CLAIMS("pubgrid-reconnection", "c", "," EXP ",\"subprotocol\":\"\""),
                 FIXTURE_PRIMARY);
    check_forged(
        CLAIMS("pubgrid-reconnection", "c", "," EXP ",\"role\":\"webpubsub.sendToGroups.\\\\\""),
        FIXTURE_PRIMARY);
    check_forged("{}", FIXTURE_PRIMARY);
}

TEST(access_tokens_do_not_recover)
{
    static const char audience[] = "http://127.0.0.1:8080/client/hubs/hub1";
    struct upgrade_context context = fixture_context();
    struct buffer token = {0};
    jwt_append(&token,
               SLICE_LITERAL("{\"aud\":\"http://127.0.0.1:8080/client/hubs/hub1\"," EXP "}"),
               SLICE_LITERAL(FIXTURE_PRIMARY));
    check_hopeless(come_back(&context, "/client/hubs/hub1", audience, buffer_slice(&token),
                             RELIABLE, FIXTURE_NOW));
    buffer_release(&token);
    fixture_context_free(&context);
}

TEST(reconnection_tokens_give_no_access)
{
    struct upgrade_context context = fixture_context();
    struct buffer token = token_of(&context, "hub1", SUBPROTOCOL_JSON_RELIABLE, "c"), target = {0};
    buffer_append_format(&target, "/client/hubs/hub1?access_token=%.*s",
                         SLICE_PRINT(buffer_slice(&token)));
    struct upgrade_request request = {.target = buffer_slice(&target),
                                      .host = SLICE_LITERAL(FIXTURE_HOST),
                                      .subprotocols = SLICE_LITERAL(RELIABLE),
                                      .now = FIXTURE_NOW};
    context.ignore_audience_host = true;
    struct upgrade *upgrade = upgrade_decide(&context, &request);
    CHECK_INT_EQUAL(upgrade->kind, UPGRADE_REFUSED);
    CHECK_INT_EQUAL(upgrade->status, 401);
    upgrade_free(upgrade);
    buffer_release(&target);
    buffer_release(&token);
    fixture_context_free(&context);
}

TEST(a_token_alone_is_no_recovery)
{
    struct upgrade_context context = fixture_context();
    struct upgrade_request request = {
        .target = SLICE_LITERAL("/client/hubs/hub1?awps_reconnection_token=x"),
        .host = SLICE_LITERAL(FIXTURE_HOST),
        .now = FIXTURE_NOW};
    struct upgrade *upgrade = upgrade_decide(&context, &request);
    CHECK_INT_EQUAL(upgrade->status, 401);
    CHECK(!upgrade->is_recovery);
    upgrade_free(upgrade);
    fixture_context_free(&context);
}
