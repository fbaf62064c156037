/* bridge/client: what the connect event asks, and what its answers change (spec/webpubsub.md 7.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "client/admission.h"
#include "support/bridge_fakes.h"
#include "test.h"

static struct {
    struct admission admission;
    int status; /* 0: not decided */
    char text[200];
} asked;

static void decided(struct admission *admission, const struct admission_verdict *verdict)
{
    (void)admission;
    asked.status = verdict->status;
    snprintf(asked.text, sizeof(asked.text), "%.*s", SLICE_PRINT(verdict->text));
}

/* A client of hub `h` that offers three subprotocols; JSON was chosen. */
static struct upgrade *arrive(struct fakes *fakes, enum upgrade_kind kind)
{
    static const char *const texts[] = {"access_token=t&webpubsub_mode=sendToGroup&group=g",
                                        "chat, json.webpubsub.azure.v1,protobuf.webpubsub.azure.v1",
                                        "user-agent",
                                        "me",
                                        "authorization",
                                        "Bearer t"};
    struct upgrade *upgrade = fakes_upgrade(
        fakes, kind, kind == UPGRADE_RAW ? SUBPROTOCOL_NONE : SUBPROTOCOL_JSON, "u1", NULL);

    fakes_handle_events(fakes);
    fakes->events.system_events = UINT32_MAX;
    buffer_append_string(&upgrade->claims, "{\"sub\":\"u1\"}");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        arrival_add(&upgrade->arrival, slice_from_string(texts[i]));
    }
    memset(&asked, 0, sizeof(asked));
    asked.admission.decided = decided;
    return upgrade;
}

/* The handler answers with this status and JSON. */
static void ask(struct fakes *fakes, struct upgrade *upgrade, int status, const char *json)
{
    asked.status = 0;
    admission_begin(&asked.admission, &fakes->gateway, upgrade);
    CHECK_INT_EQUAL(asked.status, 0);
    fakes_answer_event_with(
        fakes,
        &(struct event_answer){.status = status, .data = {DATA_JSON, slice_from_string(json)}});
    CHECK(asked.status != 0);
}

static void finish(struct fakes *fakes, struct upgrade *upgrade)
{
    upgrade_free(upgrade);
    fakes_free(fakes);
}

TEST(the_question)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = arrive(fakes, UPGRADE_WEBPUBSUB);
    const char *raised;

    ask(fakes, upgrade, 204, "");
    raised = fakes_raised(fakes);
    CHECK(strncmp(raised, "#0 connect user=u1 [{\"claims\":{\"sub\":[\"u1\"]}",
                  strlen("#0 connect user=u1 [{\"claims\":{\"sub\":[\"u1\"]}")) == 0);
    CHECK(strstr(raised, "\"user-agent\":[\"me\"]") && strstr(raised, "\"group\":[\"g\"]"));
    CHECK(!strstr(raised, "Bearer") && !strstr(raised, "access_token"));
    CHECK_INT_EQUAL(asked.status, 101);
    CHECK_INT_EQUAL(upgrade->connection_id.length, 22);
    CHECK(upgrade->was_asked);
    CHECK_INT_EQUAL(upgrade->arrival.capacity + upgrade->claims.capacity, 0);
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("u1"));
    finish(fakes, upgrade);
}

TEST(who_is_asked_about)
{
    static const struct {
        enum upgrade_kind kind;
        bool is_recovery, is_handled, is_wanted;
    } rows[] = {
        {UPGRADE_WEBPUBSUB, false, true, true},   {UPGRADE_RAW, false, true, true},
        {UPGRADE_MQTT_HUB, false, true, true},    {UPGRADE_MQTT, false, true, false},
        {UPGRADE_SYSTEM, false, true, false},     {UPGRADE_WEBPUBSUB, true, true, false},
        {UPGRADE_WEBPUBSUB, false, false, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct upgrade *upgrade = arrive(fakes, rows[i].kind);
        test_note("row %zu", i);
        upgrade->is_recovery = rows[i].is_recovery;
        fakes->events.system_events = rows[i].is_handled ? UINT32_MAX : 0;
        CHECK_INT_EQUAL(admission_is_wanted(&fakes->gateway, upgrade), rows[i].is_wanted);
        finish(fakes, upgrade);
    }
}

TEST(the_answer_says_who_it_is_and_what_it_may)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = arrive(fakes, UPGRADE_WEBPUBSUB);

    upgrade->groups = calloc(1, sizeof(struct buffer));
    upgrade->group_count = 1;
    buffer_append_string(&upgrade->groups[0], "of the token");
    ask(fakes, upgrade, 200,
        "{\"userId\":\"u2\",\"groups\":[\"a\",\"b\"],\"roles\":[\"webpubsub.sendToGroup\"],"
        "\"subprotocol\":\"protobuf.webpubsub.azure.v1\"}");
    CHECK_INT_EQUAL(asked.status, 101);
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("u2"));
    CHECK_INT_EQUAL(upgrade->group_count, 2);
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->groups[1]), SLICE_LITERAL("b"));
    CHECK(roles_allow(upgrade->roles, ROLE_SEND, SLICE_LITERAL("x")));
    CHECK_INT_EQUAL(upgrade->subprotocol, SUBPROTOCOL_PROTOBUF);
    finish(fakes, upgrade);
}

TEST(the_token_stands_where_the_answer_says_nothing)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = arrive(fakes, UPGRADE_WEBPUBSUB);
    struct buffer error = {0};

    CHECK(roles_add(&upgrade->roles, SLICE_LITERAL("webpubsub.sendToGroup"), &error));
    ask(fakes, upgrade, 200, "{\"groups\":[]}");
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("u1"));
    CHECK(roles_allow(upgrade->roles, ROLE_SEND, SLICE_LITERAL("x")));
    CHECK_INT_EQUAL(upgrade->subprotocol, SUBPROTOCOL_JSON);
    ask(fakes, upgrade, 200, "{\"roles\":[]}");
    CHECK(!roles_allow(upgrade->roles, ROLE_SEND, SLICE_LITERAL("x")));
    finish(fakes, upgrade);
}

TEST(the_answer_chooses_the_subprotocol)
{
    static const struct {
        enum upgrade_kind kind;
        const char *answer;
        int status;
        const char *custom; /* NULL: none */
        bool sends_to_group;
    } rows[] = {
        {UPGRADE_WEBPUBSUB, "{\"subprotocol\":\"\"}", 101, NULL, true},
        {UPGRADE_WEBPUBSUB, "{\"subProtocol\":\"chat\"}", 101, "chat", true},
        {UPGRADE_RAW, "{\"subprotocol\":\"chat\"}", 101, "chat", false},
        {UPGRADE_WEBPUBSUB, "{\"subprotocol\":\"never offered\"}", 500, NULL, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct upgrade *upgrade = arrive(fakes, rows[i].kind);
        test_note("row %zu", i);
        ask(fakes, upgrade, 200, rows[i].answer);
        CHECK_INT_EQUAL(asked.status, rows[i].status);
        if (rows[i].status == 101) {
            CHECK_INT_EQUAL(upgrade->kind, UPGRADE_RAW);
            CHECK_INT_EQUAL(upgrade->raw_sends_to_group, rows[i].sends_to_group);
        }
        CHECK_INT_EQUAL(upgrade->custom_subprotocol != NULL, rows[i].custom != NULL);
        CHECK(!rows[i].custom || strcmp(upgrade->custom_subprotocol, rows[i].custom) == 0);
        finish(fakes, upgrade);
    }
}

TEST(state_and_cookies_are_kept)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = arrive(fakes, UPGRADE_WEBPUBSUB);

    admission_begin(&asked.admission, &fakes->gateway, upgrade);
    fakes_answer_event_with(fakes, &(struct event_answer){.status = 204,
                                                          .has_state = true,
                                                          .state = SLICE_LITERAL("s"),
                                                          .has_cookies = true,
                                                          .cookies = SLICE_LITERAL("c")});
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->state), SLICE_LITERAL("s"));
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->cookies), SLICE_LITERAL("c"));
    finish(fakes, upgrade);
}

TEST(refusals_and_failures)
{
    static const struct {
        int status;
        const char *answer;
        int refused;
        const char *text; /* that it has */
    } rows[] = {
        {401, "\"no\"", 401, "\"no\""},
        {403, "", 403, "refuses"},
        {429, "\xff", 429, "refuses"},
        {302, "", 500, "no valid answer"},
        {500, "", 500, "no valid answer"},
        {0, "", 500, "no valid answer"},
        {200, "{", 500, "no valid answer"},
        {200, "{\"groups\":[\" \"]}", 500, "no valid answer"},
        {200, "{\"roles\":\"x\"}", 500, "no valid answer"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fakes *fakes = fakes_new();
        struct upgrade *upgrade = arrive(fakes, UPGRADE_WEBPUBSUB);
        test_note("row %zu", i);
        ask(fakes, upgrade, rows[i].status, rows[i].answer);
        CHECK_INT_EQUAL(asked.status, rows[i].refused);
        CHECK(strstr(asked.text, rows[i].text));
        CHECK(!upgrade->was_asked);
        finish(fakes, upgrade);
    }
}

TEST(nobody_waits_any_more)
{
    struct fakes *fakes = fakes_new();
    struct upgrade *upgrade = arrive(fakes, UPGRADE_WEBPUBSUB);

    admission_begin(&asked.admission, &fakes->gateway, upgrade);
    admission_cancel(&asked.admission);
    CHECK(strstr(fakes_raised(fakes), "cancelled\n"));
    CHECK_INT_EQUAL(asked.status, 0);
    finish(fakes, upgrade);
}
