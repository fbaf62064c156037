/* REST operations (spec/webpubsub.md 6.3, 6.6, 6.7) carried out by two bridge processes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>

#include "client/rest.h"
#include "client/staff.h"
#include "client/webpubsub.h"
#include "support/bridge_broker.h"

/* Who waits for an answer. */
struct answer {
    struct rest_reply reply;
    int status; /* 0: none yet */
    char code[64];
    struct buffer body;
};

static void answered(struct rest_reply *reply, int status, const char *code, struct slice body)
{
    struct answer *answer = CONTAINER_OF(reply, struct answer, reply);

    CHECK_INT_EQUAL(answer->status, 0);
    answer->status = status;
    snprintf(answer->code, sizeof(answer->code), "%s", code ? code : "");
    answer->body.length = 0;
    buffer_append(&answer->body, body);
    buffer_append_byte(&answer->body, '\0');
}

/* The world of each test: two browsers of ada at different processes, one of bob. */
static struct {
    struct broker *broker;
    struct websocket sockets[3];
    struct client *clients[3];
    char ids[3][CONNECTION_ID_LENGTH + 1];
    struct answer answer;
} world;

static void note_id(unsigned number)
{
    snprintf(world.ids[number], sizeof(world.ids[number]), "%s",
             webpubsub_of(world.clients[number])->connection_id);
}

static void begin_with(enum subprotocol subprotocol)
{
    static const char *const users[] = {"ada", "ada", "bob"};

    memset(&world, 0, sizeof(world));
    world.answer.reply.answer = answered;
    world.broker = broker_new();
    for (unsigned i = 0; i < 3; i++) {
        world.clients[i] = broker_client(world.broker, i % 2, &world.sockets[i], subprotocol,
                                         users[i], i == 1 ? NULL : "g", NULL);
        websocket_got(&world.sockets[i]);
        note_id(i);
    }
}

static void begin(void)
{
    begin_with(SUBPROTOCOL_JSON);
}

static void finish(void)
{
    for (unsigned i = 0; i < 3; i++) {
        if (world.clients[i]) {
            client_socket_closed(world.clients[i], 1000);
        }
        buffer_release(&world.sockets[i].got);
    }
    broker_free(world.broker);
    buffer_release(&world.answer.body);
}

static struct rest_operation make(enum rest_kind kind, enum rest_target target, const char *name)
{
    return (struct rest_operation){.kind = kind,
                                   .target = target,
                                   .hub = SLICE_LITERAL("h"),
                                   .name = slice_from_string(name),
                                   .page_size = 100};
}

/* At the process `bridge`; the status. */
static int ask(unsigned bridge, const struct rest_operation *operation)
{
    world.answer.status = 0;
    rest_carry_out(&world.broker->bridges[bridge].gateway, operation, &world.answer.reply);
    broker_run(world.broker);
    return world.answer.status;
}

static int do_it(enum rest_kind kind, enum rest_target target, const char *name)
{
    struct rest_operation operation = make(kind, target, name);

    return ask(0, &operation);
}

static int change_group(enum rest_kind kind, enum rest_target target, const char *name,
                        const char *group)
{
    struct rest_operation operation = make(kind, target, name);
    struct slice groups[] = {slice_from_string(group)};

    operation.groups = groups;
    operation.group_count = 1;
    return ask(1, &operation);
}

static int send_text(enum rest_target target, const char *name, const char *text,
                     const char *filter)
{
    struct rest_operation operation = make(REST_SEND, target, name);

    operation.data = (struct payload){DATA_TEXT, slice_from_string(text)};
    operation.filter = slice_from_string(filter);
    return ask(0, &operation);
}

static const char *body(void)
{
    return (const char *)world.answer.body.data;
}

#define CHECK_CODE(wanted) CHECK_STRING_EQUAL(world.answer.code, wanted)

/* ---------------------------------------------------------------- sending */

static void check_got(const char *all)
{
    for (unsigned i = 0; i < 3; i++) {
        bool got = strstr(websocket_got(&world.sockets[i]), "\"data\":\"hi\"") != NULL;
        test_note("browser %u", i);
        CHECK_INT_EQUAL(got, all[i] == 'x');
    }
}

TEST(sends_reach_whom_they_are_for)
{
    begin();
    CHECK_INT_EQUAL(send_text(TARGET_HUB, "", "hi", ""), 202);
    check_got("xxx");
    CHECK_INT_EQUAL(send_text(TARGET_GROUP, "g", "hi", ""), 202);
    check_got("x-x");
    CHECK_INT_EQUAL(send_text(TARGET_USER, "ada", "hi", ""), 202);
    check_got("xx-");
    CHECK_INT_EQUAL(send_text(TARGET_CONNECTION, world.ids[1], "hi", ""), 202);
    check_got("-x-");
    CHECK_INT_EQUAL(send_text(TARGET_HUB, "", "hi", "'g' in groups and userId eq 'bob'"), 202);
    check_got("--x");
    CHECK_INT_EQUAL(send_text(TARGET_USER, "nobody", "hi", ""), 202);
    CHECK_INT_EQUAL(send_text(TARGET_CONNECTION, "none", "hi", ""), 202);
    check_got("---");
    finish();
}

TEST(a_send_that_the_broker_refuses_is_to_be_tried_again)
{
    begin();
    world.broker->puback = REASON_QUOTA_EXCEEDED;
    CHECK_INT_EQUAL(send_text(TARGET_HUB, "", "hi", ""), 503);
    CHECK_CODE("Error.ServiceUnavailable");
    CHECK(strstr(body(), "\"code\":\"Error.ServiceUnavailable\""));
    finish();
}

/* ---------------------------------------------------------------- asking */

TEST(what_exists_and_what_does_not)
{
    begin();
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_CONNECTION, world.ids[1]), 200);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_USER, "ada"), 200);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_GROUP, "g"), 200);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_CONNECTION, "none"), 404);
    CHECK_CODE("Warning.Connection.NotExisted");
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_USER, "Ada"), 404);
    CHECK_CODE("Warning.User.NotExisted");
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_GROUP, "none"), 404);
    CHECK_CODE("Warning.Group.NotExisted");
    finish();
}

TEST(counts_of_a_hub_see_a_user_of_two_processes_once)
{
    begin();
    CHECK_INT_EQUAL(do_it(REST_COUNT, TARGET_HUB, ""), 200);
    CHECK_STRING_EQUAL(body(), "{\"connections\":3,\"users\":2,\"groups\":1}");
    finish();
}

TEST(lists_of_names_add_up)
{
    begin();
    CHECK_INT_EQUAL(do_it(REST_LIST_USERS, TARGET_HUB, ""), 200);
    CHECK_STRING_EQUAL(body(), "{\"value\":[{\"userId\":\"ada\",\"connections\":2},"
                               "{\"userId\":\"bob\",\"connections\":1}]}");
    CHECK_INT_EQUAL(do_it(REST_LIST_GROUPS, TARGET_HUB, ""), 200);
    CHECK_STRING_EQUAL(body(), "{\"value\":[{\"group\":\"g\",\"connections\":2}]}");
    CHECK_INT_EQUAL(do_it(REST_LIST, TARGET_GROUP, "none"), 200);
    CHECK_STRING_EQUAL(body(), "{\"value\":[]}");
    finish();
}

/* Each page begins behind the last of the one before; `top` counts down. */
TEST(pages)
{
    struct rest_operation operation;
    char last[CONNECTION_ID_LENGTH + 1] = "";
    unsigned seen = 0;

    begin();
    operation = make(REST_LIST, TARGET_HUB, "");
    operation.page_size = 1;
    operation.base_url = SLICE_LITERAL("http://x:1");
    operation.path = SLICE_LITERAL("/api/hubs/h/connections");
    for (const char *more = body(); more || seen == 0; seen++) {
        char id[CONNECTION_ID_LENGTH + 1] = "", link[200];
        CHECK_INT_EQUAL(ask(0, &operation), 200);
        CHECK(sscanf(body(), "{\"value\":[{\"connectionId\":\"%22[^\"]", id) == 1);
        CHECK(strcmp(id, last) > 0);
        memcpy(last, id, sizeof(last));
        operation.continuation = slice_from_string(last);
        more = strstr(body(), "\"nextLink\"");
        snprintf(link, sizeof(link),
                 "\"nextLink\":\"http://x:1/api/hubs/h/connections?api-version=2024-12-01"
                 "&maxpagesize=1&continuationToken=%s\"}",
                 id);
        CHECK(!more || strcmp(more, link) == 0);
    }
    CHECK_INT_EQUAL(seen, 3);
    operation.continuation = SLICE_EMPTY;
    operation.top = 2;
    CHECK_INT_EQUAL(ask(0, &operation), 200);
    CHECK(strstr(body(), "&top=1&continuationToken="));
    operation.top = 1;
    CHECK_INT_EQUAL(ask(0, &operation), 200);
    CHECK(!strstr(body(), "nextLink"));
    finish();
}

/* ---------------------------------------------------------------- groups */

TEST(joining_and_leaving)
{
    begin();
    CHECK_INT_EQUAL(change_group(REST_JOIN, TARGET_CONNECTION, world.ids[1], "a/b"), 200);
    CHECK_INT_EQUAL(send_text(TARGET_GROUP, "a/b", "hi", ""), 202);
    check_got("-x-");
    CHECK_INT_EQUAL(change_group(REST_JOIN, TARGET_USER, "ada", "u"), 200);
    CHECK_INT_EQUAL(send_text(TARGET_GROUP, "u", "hi", ""), 202);
    check_got("xx-");
    CHECK_INT_EQUAL(change_group(REST_LEAVE, TARGET_CONNECTION, world.ids[0], "u"), 204);
    CHECK_INT_EQUAL(send_text(TARGET_GROUP, "u", "hi", ""), 202);
    check_got("-x-");
    CHECK_INT_EQUAL(do_it(REST_LEAVE_ALL, TARGET_USER, "ada"), 204);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_GROUP, "u"), 404);
    CHECK_INT_EQUAL(change_group(REST_JOIN, TARGET_CONNECTION, "none", "a"), 404);
    CHECK_CODE("Error.Connection.NotExisted");
    CHECK_INT_EQUAL(change_group(REST_JOIN, TARGET_USER, "nobody", "a"), 404);
    CHECK_INT_EQUAL(change_group(REST_LEAVE, TARGET_USER, "nobody", "a"), 204);
    CHECK_INT_EQUAL(change_group(REST_LEAVE, TARGET_CONNECTION, "none", "a"), 204);
    finish();
}

TEST(groups_of_all_that_a_filter_takes)
{
    struct rest_operation operation;
    struct slice groups[] = {SLICE_LITERAL("m"), SLICE_LITERAL("n")};

    begin();
    operation = make(REST_JOIN_MANY, TARGET_HUB, "");
    operation.groups = groups;
    operation.group_count = 2;
    operation.filter = SLICE_LITERAL("userId eq 'ada'");
    CHECK_INT_EQUAL(ask(0, &operation), 200);
    send_text(TARGET_GROUP, "n", "hi", "");
    check_got("xx-");
    operation.kind = REST_LEAVE_MANY;
    CHECK_INT_EQUAL(ask(1, &operation), 200);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_GROUP, "m"), 404);
    finish();
}

/* ---------------------------------------------------------------- permissions */

static int permit(enum rest_kind kind, const char *id, const char *group)
{
    struct rest_operation operation = make(kind, TARGET_CONNECTION, id);

    operation.action = ROLE_SEND;
    operation.has_target_name = group != NULL;
    operation.target_name = group ? slice_from_string(group) : SLICE_EMPTY;
    return ask(0, &operation);
}

TEST(permissions)
{
    begin();
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], "g"), 404);
    CHECK_INT_EQUAL(permit(REST_GRANT, world.ids[1], "g"), 200);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], "g"), 200);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], "other"), 404);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], NULL), 404);
    CHECK_INT_EQUAL(permit(REST_GRANT, world.ids[1], NULL), 200);
    CHECK_INT_EQUAL(permit(REST_REVOKE, world.ids[1], "other"), 204);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], NULL), 200);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], "other"), 404);
    CHECK_INT_EQUAL(permit(REST_REVOKE, world.ids[1], NULL), 204);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[1], "g"), 404);
    CHECK_INT_EQUAL(permit(REST_GRANT, "none", "g"), 404);
    CHECK_CODE("Info.Connection.NotExisted");
    CHECK_INT_EQUAL(permit(REST_REVOKE, "none", "g"), 204);
    finish();
}

/* ---------------------------------------------------------------- closing */

TEST(closing)
{
    struct rest_operation operation;
    struct slice excluded[1];

    begin();
    excluded[0] = slice_from_string(world.ids[0]);
    operation = make(REST_CLOSE, TARGET_USER, "ada");
    operation.excluded = excluded;
    operation.excluded_count = 1;
    operation.reason = SLICE_LITERAL("bye");
    CHECK_INT_EQUAL(ask(0, &operation), 204);
    CHECK_STRING_EQUAL(websocket_got(&world.sockets[1]),
                       "{\"type\":\"system\",\"event\":\"disconnected\",\"message\":\"bye\"}\n"
                       "close 1000 ClosedByAppServer \n");
    CHECK_STRING_EQUAL(websocket_got(&world.sockets[0]), "");
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_CONNECTION, world.ids[1]), 404);
    CHECK_INT_EQUAL(do_it(REST_CLOSE, TARGET_CONNECTION, "none"), 204);
    CHECK_INT_EQUAL(do_it(REST_CLOSE, TARGET_HUB, ""), 204);
    CHECK_INT_EQUAL(do_it(REST_COUNT, TARGET_HUB, ""), 200);
    CHECK_STRING_EQUAL(body(), "{\"connections\":0,\"users\":0,\"groups\":0}");
    finish();
}

TEST(closing_a_raw_client_says_the_reason_in_the_close_frame)
{
    struct rest_operation operation;

    begin_with(SUBPROTOCOL_NONE);
    operation = make(REST_CLOSE, TARGET_GROUP, "g");
    operation.reason = SLICE_LITERAL("bye");
    CHECK_INT_EQUAL(ask(0, &operation), 204);
    CHECK_STRING_EQUAL(websocket_got(&world.sockets[0]), "close 1000 ClosedByAppServer bye\n");
    CHECK_STRING_EQUAL(websocket_got(&world.sockets[1]), "");
    finish();
}

/* ---------------------------------------------------------------- reliable clients */

/* Its socket breaks, and it comes back at the other process. */
static void go_away(unsigned number)
{
    client_socket_closed(world.clients[number], 1006);
    world.clients[number] = NULL;
    broker_run(world.broker);
}

static void come_back(unsigned number, const char *user)
{
    world.clients[number] = broker_client(world.broker, 1, &world.sockets[number],
                                          SUBPROTOCOL_JSON_RELIABLE, user, NULL, world.ids[number]);
}

TEST(who_closes_a_reliable_connection_ends_its_session)
{
    begin_with(SUBPROTOCOL_JSON_RELIABLE);
    CHECK_INT_EQUAL(do_it(REST_CLOSE, TARGET_CONNECTION, world.ids[2]), 204);
    go_away(2);
    websocket_got(&world.sockets[2]);
    come_back(2, "bob");
    CHECK(strstr(websocket_got(&world.sockets[2]), "close 1008 "));
    finish();
}

TEST(a_recovered_connection_has_its_groups_and_permissions)
{
    begin_with(SUBPROTOCOL_JSON_RELIABLE);
    CHECK_INT_EQUAL(permit(REST_GRANT, world.ids[0], NULL), 200);
    CHECK_INT_EQUAL(permit(REST_REVOKE, world.ids[0], "x/y"), 204);
    go_away(0);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_USER, "bob"), 200);
    come_back(0, "ada");
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[0], "g"), 200);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[0], "x/y"), 404);
    CHECK_INT_EQUAL(do_it(REST_LIST_GROUPS, TARGET_HUB, ""), 200);
    CHECK_STRING_EQUAL(body(), "{\"value\":[{\"group\":\"g\",\"connections\":2}]}");
    finish();
}

TEST(commands_wait_for_a_connection_that_is_away)
{
    begin_with(SUBPROTOCOL_JSON_RELIABLE);
    go_away(0);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_CONNECTION, world.ids[0]), 200);
    CHECK_INT_EQUAL(change_group(REST_JOIN, TARGET_CONNECTION, world.ids[0], "later"), 200);
    CHECK_INT_EQUAL(permit(REST_GRANT, world.ids[0], "later"), 200);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_GROUP, "later"), 404);
    come_back(0, "ada");
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_GROUP, "later"), 200);
    CHECK_INT_EQUAL(permit(REST_HAS_PERMISSION, world.ids[0], "later"), 200);
    go_away(0);
    CHECK_INT_EQUAL(do_it(REST_CLOSE, TARGET_CONNECTION, world.ids[0]), 204);
    websocket_got(&world.sockets[0]);
    come_back(0, "ada");
    CHECK(strstr(websocket_got(&world.sockets[0]), "close 1"));
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_CONNECTION, world.ids[0]), 404);
    finish();
}

/* ---------------------------------------------------------------- processes that come and go */

TEST(a_process_that_is_killed_is_not_waited_for)
{
    begin();
    client_socket_closed(world.clients[1], 1006);
    world.clients[1] = NULL;
    broker_kill(world.broker, 1);
    broker_run(world.broker);
    CHECK_INT_EQUAL(do_it(REST_COUNT, TARGET_HUB, ""), 200);
    CHECK_STRING_EQUAL(body(), "{\"connections\":2,\"users\":2,\"groups\":1}");
    broker_start(world.broker, 1);
    broker_run(world.broker);
    CHECK_INT_EQUAL(do_it(REST_COUNT, TARGET_HUB, ""), 200);
    finish();
}

/* 503 after the time-out; it is taken for dead then, until it says that it lives. */
TEST(a_process_that_is_silent)
{
    struct gateway *gateway;

    begin();
    gateway = &world.broker->bridges[0].gateway;
    world.broker->bridges[1].is_deaf = true;
    CHECK_INT_EQUAL(do_it(REST_COUNT, TARGET_HUB, ""), 0);
    broker_now += STAFF_TIMEOUT_MS;
    gateway_advance(gateway);
    CHECK_INT_EQUAL(world.answer.status, 503);
    CHECK_INT_EQUAL(do_it(REST_EXISTS, TARGET_USER, "bob"), 200);
    world.broker->bridges[1].is_deaf = false;
    finish();
}

/* A stale birth: nobody is behind it. */
TEST(a_birth_without_a_process_is_found_out_by_who_comes)
{
    struct gateway *gateway;

    begin();
    world.broker->bridges[1].is_deaf = true;
    broker_start(world.broker, 2);
    broker_run(world.broker);
    gateway = &world.broker->bridges[2].gateway;
    broker_now += 2000;
    gateway_advance(gateway);
    broker_run(world.broker);
    world.answer.status = 0;
    rest_carry_out(gateway, &(struct rest_operation){.kind = REST_COUNT, .hub = SLICE_LITERAL("h")},
                   &world.answer.reply);
    broker_run(world.broker);
    CHECK_INT_EQUAL(world.answer.status, 200);
    CHECK_STRING_EQUAL(body(), "{\"connections\":2,\"users\":2,\"groups\":1}");
    world.broker->bridges[1].is_deaf = false;
    finish();
}

TEST(who_does_not_wait_any_more_is_not_answered)
{
    struct rest_operation operation;

    begin();
    operation = make(REST_COUNT, TARGET_HUB, "");
    world.answer.status = 0;
    rest_carry_out(&world.broker->bridges[0].gateway, &operation, &world.answer.reply);
    rest_abandon(&world.answer.reply);
    operation = make(REST_SEND, TARGET_HUB, "");
    rest_carry_out(&world.broker->bridges[0].gateway, &operation, &world.answer.reply);
    rest_abandon(&world.answer.reply);
    rest_abandon(&world.answer.reply);
    broker_run(world.broker);
    CHECK_INT_EQUAL(world.answer.status, 0);
    CHECK_INT_EQUAL(send_text(TARGET_HUB, "", "hi", ""), 202);
    finish();
}
