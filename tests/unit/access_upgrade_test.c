/* The decision on an upgrade: URL forms, anonymous clients, subprotocols, raw modes
 * (spec/webpubsub.md 1.1, 1.4, 1.5, and the list "Handshake" of section 15).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define JSON     "json.webpubsub.azure.v1"
#define RELIABLE "json.reliable.webpubsub.azure.v1"

/* --- URL forms and hubs --- */

TEST(forms_of_the_url)
{
    static const struct {
        const char *target;
        int status;
    } rows[] = {
        {"/client/hubs/hub1", 0},
        {"/client/hubs/hub1/", 0},
        {"/client/hubs/HUB1", 0},
        {"/Client/Hubs/hub1", 0},
        {"/client?hub=hub1", 0},
        {"/client/?hub=hub1", 0},
        {"/client/?hub=HUB1&x=%20+", 0},
        {"/client?hub=other&hub=hub1", 0},
        {"/client/hubs/hub%31", 0},
        {"/%63lient/hubs/hub1", 0},
        {"/client/hubs/hub1?hub=other", 0}, /* the path has said it */
        {"/client", 400},
        {"/client?hub=", 400},
        {"/client?hub=a%2Fb", 400},
        {"/client/hubs/1hub", 400},
        {"/client/hubs/hub-1", 400},
        {"/client/hubs/hub1?x=%zz", 400},
        {"/client/hubs/hub1?%", 400},
        {"/client/hubs/hub%2", 400},
        {"/client/hubs/hub1%00", 400},
        {"/client/hubs/hub%2531", 400}, /* encoded twice */
        {"/client/hubs/..%2Fhub1", 400},
        {"/client/hubs/..", 400},
        {"/client/hubs/%2e%2e", 400},
        {"client/hubs/hub1", 400},
        {"", 400},
        {"http://127.0.0.1:8080/client/hubs/hub1", 400},
        {"/client/hubs/hub 1", 400},
        {"/client/hubs/h\xC3\xBC", 400},
        {"/client/hubs/hub1#x", 400},
        {"/1/2/3/4/5/6/7/8/9", 400},
        {"/", 404},
        {"/client/hubs", 404},
        {"/client/hubs/", 404},
        {"//client/hubs/hub1", 404},
        {"/client//hubs/hub1", 404},
        {"/client/hubs//hub1", 404},
        {"/client/hubs/hub1//", 404},
        {"/client/hubs/hub1/x", 404},
        {"/client/./hubs/hub1", 404},
        {"/x/../client/hubs/hub1", 404},
        {"/client%2Fhubs%2Fhub1", 404},
        {"/client/hubs%2Fhub1", 404},
        {"/client\\hubs\\hub1", 404},
        {"/clients/hubs/hub1", 404},
        {"/clients/socketio/hubs/hub1", 404},
        {"/client%00/hubs/hub1", 404},
        {"/1/2/3/4/5/6/7/8", 404},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s", rows[i].target);
        CHECK_INT_EQUAL(STATUS(.claims = GOOD, .in_header = true, .target = rows[i].target),
                        rows[i].status);
    }
}

TEST(lengths_of_hub_names)
{
    for (size_t length = 127; length <= 129; length++) {
        struct buffer target = {0}, claims = {0};
        test_note("%zu", length);
        buffer_append_string(&target, "/client/hubs/");
        for (size_t i = 0; i < length; i++) {
            buffer_append_byte(&target, 'H');
        }
        buffer_append_byte(&target, '\0');
        buffer_append_format(&claims, EXP ",\"aud\":\"http://" FIXTURE_HOST "%s\"", target.data);
        buffer_append_byte(&claims, '\0');
        struct upgrade *upgrade =
            DECIDE(.target = (char *)target.data, .claims = (char *)claims.data);
        if (length <= 128) {
            CHECK_INT_EQUAL(strlen(upgrade->hub), length);
            CHECK_INT_EQUAL(upgrade->hub[0], 'h');
        }
        CHECK_INT_EQUAL(status_of(upgrade), length <= 128 ? 0 : 400);
        buffer_release(&target);
        buffer_release(&claims);
    }
}

TEST(a_token_cannot_be_used_for_another_form_of_hub)
{
    /* The path decides, for the audience as well. */
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .target = "/client/hubs/hub2?hub=hub1"), 401);
    CHECK_INT_EQUAL(STATUS(.claims = GOOD, .target = "/client?hub=hub1&hub=hub2"), 401);
    CHECK_INT_EQUAL(
        STATUS(.claims = GOOD, .target = "/clients/mqtt/hubs/hub1", .subprotocols = "mqtt"), 401);
}

TEST(hubs_and_their_settings)
{
    struct upgrade *upgrade = DECIDE(.claims = GOOD, .target = "/client/hubs/HUB1");
    CHECK_STRING_EQUAL(upgrade->hub, "hub1");
    CHECK_STRING_EQUAL(upgrade->settings->name, "_default");
    upgrade_free(upgrade);
    upgrade = DECIDE(.target = "/client/hubs/Open");
    CHECK_STRING_EQUAL(upgrade->hub, "open");
    CHECK_STRING_EQUAL(upgrade->settings->name, "open");
    upgrade_free(upgrade);
}

TEST(settings_are_held_and_waited_for)
{
    size_t users = 0;
    struct hub_settings hub = {.name = "_default", .anonymous_allowed = true, .users = &users};
    struct upgrade_context context = fixture_context();
    struct upgrade_request request = {.target = SLICE_LITERAL("/client/hubs/hub1"),
                                      .host = SLICE_LITERAL(FIXTURE_HOST),
                                      .now = FIXTURE_NOW};
    context.hubs = &hub;
    context.hub_count = 1;
    struct upgrade *one = upgrade_decide(&context, &request);
    struct upgrade *two = upgrade_decide(&context, &request);
    CHECK_INT_EQUAL(one->kind, UPGRADE_RAW);
    CHECK_INT_EQUAL(users, 2);
    context.awaits_settings = true;
    struct upgrade *early = upgrade_decide(&context, &request);
    CHECK_INT_EQUAL(early->status, 503);
    CHECK_INT_EQUAL(users, 2);
    upgrade_free(early);
    upgrade_free(one);
    upgrade_free(two);
    CHECK_INT_EQUAL(users, 0);
    fixture_context_free(&context);
}

/* --- anonymous --- */

TEST(anonymous)
{
    CHECK_INT_EQUAL(STATUS(.target = "/client/hubs/hub1"), 401);
    CHECK_INT_EQUAL(STATUS(.target = "/clients/mqtt/hubs/hub1", .subprotocols = "mqtt"), 401);
    CHECK_INT_EQUAL(STATUS(.target = "/clients/mqtt/hubs/open", .subprotocols = "mqtt"), 0);
    struct upgrade *upgrade = DECIDE(.target = "/client/hubs/open");
    CHECK_INT_EQUAL(upgrade->user.length, 0);
    CHECK(!upgrade->roles);
    CHECK_INT_EQUAL(upgrade->group_count, 0);
    CHECK_INT_EQUAL(status_of(upgrade), 0);
    /* A token that is not good is not the same as none. */
    CHECK_INT_EQUAL(STATUS(.target = "/client/hubs/open?access_token=x"), 401);
    CHECK_INT_EQUAL(STATUS(.target = "/client/hubs/open", .claims = GOOD), 401);
}

/* 5.3: the connect event may judge user name and password, so an MQTT client needs no token then.
 */
TEST(a_handler_may_judge_mqtt_clients_without_a_token)
{
    static const struct event_handler handler = {
        .url_template = "http://h/", .system_events = SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT)};
    size_t users = 0;
    struct hub_settings hub = {.name = "_default", .event_handlers = &handler, .users = &users};
    struct upgrade_context context = fixture_context();
    static const struct {
        const char *target, *subprotocols;
        bool needs_handler;
    } rows[] = {
        {"/clients/mqtt/hubs/hub1", "mqtt", true},
        {"/clients/mqtt/hubs/hub1?access_token=x", "mqtt", false},
        {"/client/hubs/hub1", JSON, false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct upgrade_request request = {
            .target = slice_from_string(rows[i].target),
            .host = SLICE_LITERAL(FIXTURE_HOST),
            .subprotocols = slice_from_string(rows[i].subprotocols),
            .now = FIXTURE_NOW,
        };
        test_note("%s", rows[i].target);
        hub.event_handler_count = 1;
        context.hubs = &hub;
        context.hub_count = 1;
        struct upgrade *upgrade = upgrade_decide(&context, &request);
        CHECK_INT_EQUAL(upgrade->needs_handler, rows[i].needs_handler);
        CHECK_INT_EQUAL(status_of(upgrade), rows[i].needs_handler ? 0 : 401);
        hub.event_handler_count = 0;
        CHECK_INT_EQUAL(status_of(upgrade_decide(&context, &request)), 401);
    }
    fixture_context_free(&context);
}

/* --- subprotocols --- */

TEST(subprotocols)
{
    static const struct {
        const char *offered, *chosen;
        enum upgrade_kind kind;
    } rows[] = {
        {"", NULL, UPGRADE_RAW},
        {JSON, JSON, UPGRADE_WEBPUBSUB},
        {RELIABLE, RELIABLE, UPGRADE_WEBPUBSUB},
        {"protobuf.webpubsub.azure.v1", "protobuf.webpubsub.azure.v1", UPGRADE_WEBPUBSUB},
        {"protobuf.reliable.webpubsub.azure.v1", "protobuf.reliable.webpubsub.azure.v1",
         UPGRADE_WEBPUBSUB},
        {"mine", NULL, UPGRADE_RAW},
        {"mqtt", NULL, UPGRADE_RAW},
        {"mine, " JSON, JSON, UPGRADE_WEBPUBSUB},
        {RELIABLE "," JSON, RELIABLE, UPGRADE_WEBPUBSUB},
        {JSON " ,\t" RELIABLE, JSON, UPGRADE_WEBPUBSUB},
        {" ,, " JSON, JSON, UPGRADE_WEBPUBSUB},
        {JSON "x", NULL, UPGRADE_RAW},
        {"JSON.webpubsub.azure.v1", NULL, UPGRADE_RAW},
        {",", NULL, UPGRADE_RAW},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct upgrade *upgrade = DECIDE(.claims = GOOD, .subprotocols = rows[i].offered);
        const char *chosen = subprotocol_name(upgrade->subprotocol);
        test_note("%s", rows[i].offered);
        CHECK_INT_EQUAL(upgrade->kind, rows[i].kind);
        CHECK_INT_EQUAL(chosen != NULL, rows[i].chosen != NULL);
        CHECK(!chosen || strcmp(chosen, rows[i].chosen) == 0);
        CHECK_INT_EQUAL(subprotocol_is_reliable(upgrade->subprotocol),
                        chosen && strstr(chosen, "reliable"));
        upgrade_free(upgrade);
    }
}

TEST(mqtt_at_its_own_path)
{
    static const char *const targets[] = {"/mqtt", "/mqtt/", "/mqtt?x=%zz&access_token=x",
                                          "/mqtt?awps_connection_id=c"};
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct upgrade *upgrade = DECIDE(.target = targets[i], .subprotocols = "mqttv3.1, mqtt");
        test_note("%s", targets[i]);
        CHECK_INT_EQUAL(upgrade->kind, UPGRADE_MQTT);
        CHECK_INT_EQUAL(upgrade->subprotocol, SUBPROTOCOL_MQTT);
        CHECK(!upgrade->hub && !upgrade->is_recovery);
        CHECK_STRING_EQUAL(upgrade->settings->name, "_default");
        upgrade_free(upgrade);
    }
    CHECK_INT_EQUAL(STATUS(.target = "/mqtt"), 400);
    CHECK_INT_EQUAL(STATUS(.target = "/mqtt", .subprotocols = "mqttv3.1"), 400);
    CHECK_INT_EQUAL(STATUS(.target = "/mqtt", .subprotocols = JSON), 400);
    CHECK_INT_EQUAL(STATUS(.target = "/mqtt/hub1", .subprotocols = "mqtt"), 404);
}

TEST(mqtt_of_a_hub)
{
    static const char claims[] =
        EXP ",\"aud\":\"http://127.0.0.1:8080/clients/mqtt/hubs/hub1\",\"sub\":\"u\"";
    struct upgrade *upgrade = DECIDE(.claims = claims, .target = "/clients/mqtt/hubs/HUB1",
                                     .subprotocols = "mqtt", .in_header = true);
    CHECK_INT_EQUAL(upgrade->kind, UPGRADE_MQTT_HUB);
    CHECK_STRING_EQUAL(upgrade->hub, "hub1");
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("u"));
    upgrade_free(upgrade);
    CHECK_INT_EQUAL(STATUS(.claims = claims, .target = "/clients/mqtt/hubs/hub1"), 400);
    CHECK_INT_EQUAL(
        STATUS(.claims = claims, .target = "/clients/mqtt/hubs/hub1", .subprotocols = JSON), 400);
}

TEST(the_system_hub_needs_a_token_of_its_own)
{
    static const char claims[] =
        EXP ",\"aud\":\"http://127.0.0.1:8080/clients/mqtt/hubs/$system\",\"sub\":\"u\"";
    static const char of_hub[] =
        EXP ",\"aud\":\"http://127.0.0.1:8080/clients/mqtt/hubs/system\",\"sub\":\"u\"";
    static const char target[] = "/clients/mqtt/hubs/$system";
    struct upgrade *upgrade =
        DECIDE(.claims = claims, .target = "/clients/mqtt/hubs/%24SYSTEM", .subprotocols = "mqtt");
    CHECK_INT_EQUAL(upgrade->kind, UPGRADE_SYSTEM);
    CHECK(!upgrade->hub);
    CHECK_SLICE_EQUAL(buffer_slice(&upgrade->user), SLICE_LITERAL("u"));
    upgrade_free(upgrade);
    CHECK_INT_EQUAL(STATUS(.claims = of_hub, .target = target, .subprotocols = "mqtt"), 401);
    CHECK_INT_EQUAL(STATUS(.target = target, .subprotocols = "mqtt"), 401);
    CHECK_INT_EQUAL(STATUS(.claims = claims, .target = target, .subprotocols = JSON), 400);
    CHECK_INT_EQUAL(
        STATUS(.claims = claims, .target = "/client/hubs/$system", .subprotocols = JSON), 400);
}

/* --- raw clients --- */

TEST(raw_modes)
{
    static const struct {
        const char *query;
        int status;
        const char *group; /* NULL: events */
        bool no_echo;
    } rows[] = {
        {"", 0, NULL, false},
        {"webpubsub_mode=sendEvent", 0, NULL, false},
        {"webpubsub_mode=SENDEVENT&group=&noEcho=x", 0, NULL, false},
        {"webpubsub_mode=sendToGroup&group=g", 0, "g", false},
        {"webpubsub_mode=SendToGroup&group=g&noEcho=true", 0, "g", true},
        {"webpubsub_mode=sendToGroup&group=g&noEcho=FALSE", 0, "g", false},
        {"webpubsub_mode=sendToGroup&group=a+b%2F%C3%BC%26", 0, "a b/\xC3\xBC&", false},
        {"webpubsub_mode=x&webpubsub_mode=sendEvent", 0, NULL, false},
        {"webpubsub_mode=sendEvent&webpubsub_mode=sendToGroup&group=a&group=b", 0, "b", false},
        {"webpubsub_mode=", 400, NULL, false},
        {"webpubsub_mode", 400, NULL, false},
        {"webpubsub_mode=sendtogroups", 400, NULL, false},
        {"webpubsub_mode=sendToGroup", 400, NULL, false},
        {"webpubsub_mode=sendToGroup&group=", 400, NULL, false},
        {"webpubsub_mode=sendToGroup&group=+%20", 400, NULL, false},
        {"webpubsub_mode=sendToGroup&group=%FF", 400, NULL, false},
        {"webpubsub_mode=sendToGroup&group=g&noEcho=yes", 400, NULL, false},
        {"webpubsub_mode=sendToGroup&group=g&noEcho=", 400, NULL, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer target = {0};
        test_note("%s", rows[i].query);
        buffer_append_format(&target, "/client/hubs/open?%s", rows[i].query);
        buffer_append_byte(&target, '\0');
        struct upgrade *upgrade = DECIDE(.target = (char *)target.data);
        if (rows[i].status == 0) {
            CHECK_INT_EQUAL(upgrade->kind, UPGRADE_RAW);
            CHECK_INT_EQUAL(upgrade->raw_sends_to_group, rows[i].group != NULL);
            CHECK_INT_EQUAL(upgrade->raw_no_echo, rows[i].no_echo);
            CHECK_SLICE_EQUAL(buffer_slice(&upgrade->raw_group),
                              slice_from_string(rows[i].group ? rows[i].group : ""));
        }
        CHECK_INT_EQUAL(status_of(upgrade), rows[i].status);
        buffer_release(&target);
    }
}

TEST(modes_are_for_raw_clients)
{
    struct upgrade *upgrade =
        DECIDE(.target = "/client/hubs/open?webpubsub_mode=x", .subprotocols = JSON);
    CHECK_INT_EQUAL(upgrade->kind, UPGRADE_WEBPUBSUB);
    CHECK_INT_EQUAL(status_of(upgrade), 0);
}
