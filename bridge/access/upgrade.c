/* The decision on an upgrade, step by step: the endpoint, the subprotocol, who it is, and how a raw
 * client wants to work. The first step that fails refuses.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/upgrade.h"

#include <stdlib.h>

#include "access/audience.h"
#include "access/characters.h"
#include "access/claims.h"
#include "access/endpoint.h"
#include "access/reconnection.h"
#include "access/subprotocol.h"
#include "access/url.h"
#include "base/memory.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"

/* What the steps share. */
struct decision {
    const struct upgrade_context *context;
    const struct upgrade_request *request;
    struct url url;
    struct endpoint endpoint;
    struct upgrade *upgrade; /* the result */
};

enum {
    STATUS_BAD_REQUEST = 400,
    STATUS_UNAUTHORIZED = 401,
    STATUS_NOT_FOUND = 404,
    STATUS_UNAVAILABLE = 503,
};

static bool refuse(struct decision *decision, int status, const char *reason)
{
    decision->upgrade->status = status;
    decision->upgrade->reason = reason;
    return false;
}

/* `reason`: NULL if all is well. */
static bool check(struct decision *decision, int status, const char *reason)
{
    return reason ? refuse(decision, status, reason) : true;
}

/* --- the endpoint and the subprotocol --- */

static bool find_endpoint(struct decision *decision)
{
    struct endpoint *endpoint = &decision->endpoint;
    if (!url_split(&decision->url, decision->request->target)) {
        return refuse(decision, STATUS_BAD_REQUEST, "The URL is not valid.");
    }
    endpoint_find(endpoint, &decision->url);
    if (endpoint->kind == ENDPOINT_NONE) {
        return refuse(decision, STATUS_NOT_FOUND, "There is no such endpoint.");
    }
    if (endpoint->kind == ENDPOINT_MQTT) {
        return true;
    }
    if (!endpoint->hub_is_valid && endpoint->kind != ENDPOINT_SYSTEM) {
        return refuse(decision, STATUS_BAD_REQUEST, "The name of the hub is missing or not valid.");
    }
    if (!url_query_is_valid(decision->url.query)) {
        return refuse(decision, STATUS_BAD_REQUEST, "The query of the URL is not valid.");
    }
    if (endpoint->kind != ENDPOINT_SYSTEM) {
        decision->upgrade->hub = memory_copy_string(slice_from_string(endpoint->hub));
    }
    return true;
}

static bool choose_subprotocol(struct decision *decision)
{
    static const enum upgrade_kind kinds[] = {
        [ENDPOINT_CLIENT] = UPGRADE_WEBPUBSUB,
        [ENDPOINT_MQTT] = UPGRADE_MQTT,
        [ENDPOINT_MQTT_HUB] = UPGRADE_MQTT_HUB,
        [ENDPOINT_SYSTEM] = UPGRADE_SYSTEM,
    };
    struct upgrade *upgrade = decision->upgrade;
    enum endpoint_kind kind = decision->endpoint.kind;
    bool mqtt = kind != ENDPOINT_CLIENT;
    upgrade->subprotocol = subprotocol_choose(decision->request->subprotocols, mqtt);
    if (mqtt && upgrade->subprotocol == SUBPROTOCOL_NONE) {
        return refuse(decision, STATUS_BAD_REQUEST, "This endpoint needs the subprotocol mqtt.");
    }
    upgrade->kind = kinds[kind];
    if (kind == ENDPOINT_CLIENT && upgrade->subprotocol == SUBPROTOCOL_NONE) {
        upgrade->kind = UPGRADE_RAW;
    }
    return true;
}

/* --- who it is --- */

/* From the query, else from the Authorization header; an empty one counts as none. */
static struct slice find_token(const struct decision *decision, struct buffer *scratch)
{
    if (url_query_find(decision->url.query, "access_token", scratch) && scratch->length > 0) {
        return buffer_slice(scratch);
    }
    return claims_bearer_token(decision->request->authorization);
}

static bool use_claims(struct decision *decision, const struct json_value *claims)
{
    struct upgrade *upgrade = decision->upgrade;
    const struct upgrade_request *request = decision->request;
    struct json_value aud;
    if (!jwt_claim(claims, "aud", &aud) ||
        !audience_fits(&aud, &decision->endpoint, decision->context, request->host)) {
        return refuse(decision, STATUS_UNAUTHORIZED, "The token is for another audience.");
    }
    return check(decision, STATUS_UNAUTHORIZED, claims_check_time(claims, request->now)) &&
           check(decision, STATUS_UNAUTHORIZED, claims_read_user(claims, &upgrade->user)) &&
           check(decision, STATUS_BAD_REQUEST, claims_read_roles(claims, &upgrade->roles)) &&
           check(decision, STATUS_BAD_REQUEST, claims_read_groups(claims, upgrade));
}

static bool use_token(struct decision *decision, struct slice token)
{
    struct buffer text = {0};
    struct json_value claims;
    bool good;
    if (access_keys_verify(decision->context->keys, token, &text) &&
        json_parse(buffer_slice(&text), &claims)) {
        good = use_claims(decision, &claims);
    } else {
        good = refuse(decision, STATUS_UNAUTHORIZED, "The token is not valid.");
    }
    decision->upgrade->claims = text;
    return good;
}

/* An MQTT client may say who it is in CONNECT, if the hub has a handler that judges it (5.3). */
static bool handler_judges(const struct upgrade *upgrade)
{
    const struct hub_settings *settings = upgrade->settings;
    uint32_t events = 0;

    for (size_t i = 0; i < settings->event_handler_count; i++) {
        events |= settings->event_handlers[i].system_events;
    }
    return upgrade->kind == UPGRADE_MQTT_HUB &&
           (events & SYSTEM_EVENT_BIT(SYSTEM_EVENT_CONNECT)) != 0;
}

static bool authenticate(struct decision *decision)
{
    struct buffer scratch = {0};
    struct slice token = find_token(decision, &scratch);
    bool good = true;
    if (token.length > 0) {
        good = use_token(decision, token);
    } else if (!decision->upgrade->settings->anonymous_allowed || !decision->upgrade->hub) {
        decision->upgrade->needs_handler = handler_judges(decision->upgrade);
        good = decision->upgrade->needs_handler ||
               refuse(decision, STATUS_UNAUTHORIZED, "A token is needed.");
    }
    buffer_release(&scratch);
    return good;
}

/* --- recovery --- */

static bool is_recovery(struct decision *decision)
{
    struct upgrade *upgrade = decision->upgrade;
    return decision->endpoint.kind == ENDPOINT_CLIENT &&
           url_query_find(decision->url.query, "awps_connection_id", &upgrade->connection_id);
}

/* Counts is the reconnection token only: the access token in the URL has often expired. What cannot
 * be recovered is no refusal; the client would try it again and again (4.2). */
static void recover(struct decision *decision)
{
    struct upgrade *upgrade = decision->upgrade;
    struct buffer token = {0};
    upgrade->is_recovery = true;
    url_query_find(decision->url.query, "awps_reconnection_token", &token);
    if (!reconnection_token_read(upgrade, decision->context->keys, buffer_slice(&token),
                                 buffer_slice(&upgrade->connection_id), decision->request->now)) {
        upgrade->connection_id.length = 0;
        upgrade->user.length = 0;
        roles_free(upgrade->roles);
        upgrade->roles = NULL;
    }
    buffer_release(&token);
}

/* --- raw clients (1.5) --- */

static bool is_word(const struct buffer *text, const char *word)
{
    return equal_ignoring_case(buffer_slice(text), slice_from_string(word));
}

static const char *read_no_echo(struct upgrade *upgrade, struct slice query)
{
    struct buffer value = {0};
    const char *wrong = NULL;
    if (url_query_find(query, "noEcho", &value)) {
        upgrade->raw_no_echo = is_word(&value, "true");
        if (!is_word(&value, "true") && !is_word(&value, "false")) {
            wrong = "noEcho must be true or false.";
        }
    }
    buffer_release(&value);
    return wrong;
}

static const char *read_send_to_group(struct upgrade *upgrade, struct slice query)
{
    upgrade->raw_sends_to_group = true;
    if (!url_query_find(query, "group", &upgrade->raw_group) ||
        !group_name_is_valid(buffer_slice(&upgrade->raw_group))) {
        return "sendToGroup needs the name of a group.";
    }
    return read_no_echo(upgrade, query);
}

/* NULL: all is well. */
static const char *read_raw_mode(struct upgrade *upgrade, struct slice query)
{
    struct buffer mode = {0};
    const char *wrong = NULL;
    if (url_query_find(query, "webpubsub_mode", &mode) && !is_word(&mode, "sendEvent")) {
        wrong = is_word(&mode, "sendToGroup") ? read_send_to_group(upgrade, query)
                                              : "webpubsub_mode is unknown.";
    }
    buffer_release(&mode);
    return wrong;
}

/* --- the choice of an event handler --- */

bool upgrade_choose(struct upgrade *upgrade, struct slice name, struct slice offered,
                    struct slice query)
{
    enum subprotocol known = subprotocol_from_name(name);
    if (name.length > 0 && !subprotocol_is_offered(offered, name)) {
        return false;
    }
    free(upgrade->custom_subprotocol);
    upgrade->custom_subprotocol = NULL;
    if (known != SUBPROTOCOL_NONE && known != SUBPROTOCOL_MQTT) {
        upgrade->kind = UPGRADE_WEBPUBSUB;
        upgrade->subprotocol = known;
        return true;
    }
    if (name.length > 0) {
        upgrade->custom_subprotocol = memory_copy_string(name);
    }
    upgrade->subprotocol = SUBPROTOCOL_NONE;
    if (upgrade->kind == UPGRADE_RAW) {
        return true;
    }
    upgrade->kind = UPGRADE_RAW;
    return !read_raw_mode(upgrade, query);
}

/* --- the decision --- */

static bool decide(struct decision *decision)
{
    const struct upgrade_context *context = decision->context;
    struct upgrade *upgrade = decision->upgrade;
    if (!find_endpoint(decision) || !choose_subprotocol(decision)) {
        return false;
    }
    if (context->awaits_settings && upgrade->kind != UPGRADE_MQTT) {
        return refuse(decision, STATUS_UNAVAILABLE, "The server is starting.");
    }
    upgrade->settings = hub_settings_find(context->hubs, context->hub_count,
                                          slice_from_string(upgrade->hub ? upgrade->hub : ""));
    hub_settings_hold(upgrade->settings);
    if (upgrade->kind == UPGRADE_MQTT) {
        return true; /* CONNECT will say who it is */
    }
    if (is_recovery(decision)) {
        recover(decision);
        return true;
    }
    return authenticate(decision) &&
           (upgrade->kind != UPGRADE_RAW ||
            check(decision, STATUS_BAD_REQUEST, read_raw_mode(upgrade, decision->url.query)));
}

struct upgrade *upgrade_decide(const struct upgrade_context *context,
                               const struct upgrade_request *request)
{
    struct decision decision = {.context = context, .request = request};
    decision.upgrade = memory_allocate_zero(sizeof(*decision.upgrade));
    if (!decide(&decision)) {
        decision.upgrade->kind = UPGRADE_REFUSED;
        decision.upgrade->subprotocol = SUBPROTOCOL_NONE;
    }
    url_release(&decision.url);
    return decision.upgrade;
}

void upgrade_free(struct upgrade *upgrade)
{
    if (!upgrade) {
        return;
    }
    for (size_t i = 0; i < upgrade->group_count; i++) {
        buffer_release(&upgrade->groups[i]);
    }
    if (upgrade->settings) {
        hub_settings_release(upgrade->settings);
    }
    free(upgrade->groups);
    free(upgrade->hub);
    roles_free(upgrade->roles);
    buffer_release(&upgrade->user);
    buffer_release(&upgrade->raw_group);
    buffer_release(&upgrade->connection_id);
    buffer_release(&upgrade->claims);
    buffer_release(&upgrade->arrival);
    buffer_release(&upgrade->state);
    buffer_release(&upgrade->cookies);
    free(upgrade->custom_subprotocol);
    free(upgrade);
}
