/* Fuzzes the decision on an upgrade: URL, query, headers, and the claims of a token. Input: lines
 * of target, Host, Authorization, Sec-WebSocket-Protocol and claims; each `@` in the target and in
 * Authorization becomes a token of the claims, rightly signed.
 *
 * Oracles: what comes out is consistent, and names in it are valid; without a right token nobody is
 * anybody; a reliable client that was let in can come back with its reconnection token as who it
 * was, and what its roles are written as makes the same roles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "access/upgrade.h"
#include "mqtt/utf8.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "json/json.h"

enum { NOW = 1000000 };

#define KEY "0123456789abcdef0123456789abcdef"

static const struct hub_settings hubs[] = {
    {.name = "open", .anonymous_allowed = true},
    {.name = "_default"},
};
static const char *const public_endpoints[] = {"https://p.example", NULL};

/* A heap copy with tokens in the places of the @s. */
static struct slice with_tokens(struct slice text, struct slice claims, bool *has_token)
{
    struct buffer out = {0};
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '@') {
            jwt_append(&out, claims, SLICE_LITERAL(KEY));
            *has_token = true;
        } else {
            buffer_append_byte(&out, text.data[i]);
        }
    }
    struct slice copy = fuzz_copy(buffer_slice(&out));
    buffer_release(&out);
    return copy;
}

/* --- oracles --- */

static void check_hub(const struct upgrade *upgrade)
{
    FUZZ_CHECK(upgrade->settings);
    FUZZ_CHECK((upgrade->hub == NULL) ==
               (upgrade->kind == UPGRADE_MQTT || upgrade->kind == UPGRADE_SYSTEM));
    if (upgrade->hub) {
        struct slice hub = slice_from_string(upgrade->hub);
        FUZZ_CHECK(hub_name_is_valid(hub));
        for (size_t i = 0; i < hub.length; i++) {
            FUZZ_CHECK(hub.data[i] < 'A' || hub.data[i] > 'Z');
        }
    }
}

static void check_subprotocol(const struct upgrade *upgrade)
{
    bool is_mqtt = upgrade->kind == UPGRADE_MQTT || upgrade->kind == UPGRADE_MQTT_HUB ||
                   upgrade->kind == UPGRADE_SYSTEM;
    FUZZ_CHECK((upgrade->subprotocol == SUBPROTOCOL_MQTT) == is_mqtt);
    FUZZ_CHECK((upgrade->subprotocol == SUBPROTOCOL_NONE) == (upgrade->kind == UPGRADE_RAW));
    FUZZ_CHECK((subprotocol_name(upgrade->subprotocol) == NULL) == (upgrade->kind == UPGRADE_RAW));
    if (upgrade->raw_sends_to_group) {
        FUZZ_CHECK(upgrade->kind == UPGRADE_RAW);
        FUZZ_CHECK(group_name_is_valid(buffer_slice(&upgrade->raw_group)));
    }
}

static void check_who(const struct upgrade *upgrade, bool has_token)
{
    FUZZ_CHECK(utf8_is_valid_string(buffer_slice(&upgrade->user)));
    for (size_t i = 0; i < upgrade->group_count; i++) {
        FUZZ_CHECK(group_name_is_valid(buffer_slice(&upgrade->groups[i])));
    }
    if (!has_token) {
        FUZZ_CHECK(upgrade->user.length == 0 && !upgrade->roles && upgrade->group_count == 0);
        FUZZ_CHECK(upgrade->connection_id.length == 0);
        FUZZ_CHECK(upgrade->settings->anonymous_allowed || upgrade->is_recovery ||
                   upgrade->kind == UPGRADE_MQTT);
    }
}

static void check_roles(const struct roles *roles)
{
    struct buffer json = {0}, again = {0}, error = {0};
    struct json_value array, element;
    struct roles *copy = NULL;
    roles_append_json(&json, roles);
    FUZZ_CHECK(json_parse(buffer_slice(&json), &array) && array.type == JSON_ARRAY);
    struct json_walk walk = json_elements(&array);
    while (json_next_element(&walk, &element)) {
        struct buffer role = {0};
        json_append_string_value(&role, &element);
        FUZZ_CHECK(roles_add(&copy, buffer_slice(&role), &error));
        buffer_release(&role);
    }
    roles_append_json(&again, copy);
    FUZZ_CHECK(again.length == json.length); /* the order of a set may differ */
    FUZZ_CHECK(!roles_allow_filter(roles, ROLE_SEND, SLICE_LITERAL("#")) ||
               roles_allow(roles, ROLE_SEND, SLICE_LITERAL("a.b/c")));
    roles_free(copy);
    buffer_release(&json);
    buffer_release(&again);
}

static void check_comes_back(const struct upgrade_context *context, const struct upgrade *upgrade)
{
    struct buffer target = {0};
    buffer_append_format(
        &target, "/client/hubs/%s?awps_connection_id=id&awps_reconnection_token=", upgrade->hub);
    reconnection_token_append(&target, context, upgrade, SLICE_LITERAL("id"), NOW);
    struct upgrade_request request = {
        .target = buffer_slice(&target),
        .subprotocols = slice_from_string(subprotocol_name(upgrade->subprotocol)),
        .now = NOW + 1,
    };
    struct upgrade *back = upgrade_decide(context, &request);
    FUZZ_CHECK(back->kind == UPGRADE_WEBPUBSUB && back->subprotocol == upgrade->subprotocol);
    if (target.length <= JWT_SIZE_MAX) { /* the token is then within its limit */
        FUZZ_CHECK(slice_equal(buffer_slice(&back->connection_id), SLICE_LITERAL("id")));
        FUZZ_CHECK(slice_equal(buffer_slice(&back->user), buffer_slice(&upgrade->user)));
        FUZZ_CHECK((back->roles == NULL) == (upgrade->roles == NULL));
    }
    upgrade_free(back);
    buffer_release(&target);
}

static void check(const struct upgrade_context *context, const struct upgrade *upgrade,
                  bool has_token)
{
    if (upgrade->kind == UPGRADE_REFUSED) {
        FUZZ_CHECK(upgrade->status == 400 || upgrade->status == 401 || upgrade->status == 404);
        FUZZ_CHECK(upgrade->reason && upgrade->subprotocol == SUBPROTOCOL_NONE);
        return;
    }
    FUZZ_CHECK(upgrade->status == 0);
    check_hub(upgrade);
    check_subprotocol(upgrade);
    check_who(upgrade, has_token);
    check_roles(upgrade->roles);
    if (subprotocol_is_reliable(upgrade->subprotocol)) {
        check_comes_back(context, upgrade);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char keys_file[] = "primary: " KEY "\nsecondary: fedcba9876543210" KEY "\n";
    struct slice in = slice_make(data, size);
    struct slice target = fuzz_take_line(&in), host = fuzz_take_line(&in),
                 authorization = fuzz_take_line(&in);
    struct slice subprotocols = fuzz_copy(fuzz_take_line(&in));
    bool has_token = false;
    struct buffer error = {0};
    struct access_keys *keys = access_keys_parse(slice_from_string(keys_file), &error);
    struct upgrade_context context = {
        .keys = keys, .hubs = hubs, .hub_count = 2, .public_endpoints = public_endpoints};
    struct upgrade_request request = {.target = with_tokens(target, in, &has_token),
                                      .host = fuzz_copy(host),
                                      .authorization = with_tokens(authorization, in, &has_token),
                                      .subprotocols = subprotocols,
                                      .now = NOW};
    struct upgrade *upgrade = upgrade_decide(&context, &request);
    check(&context, upgrade, has_token);
    upgrade_free(upgrade);
    fuzz_free(request.target);
    fuzz_free(request.host);
    fuzz_free(request.authorization);
    fuzz_free(subprotocols);
    access_keys_free(keys);
    return 0;
}
