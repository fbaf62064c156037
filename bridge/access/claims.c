/* Reading claims. Tools of .NET write some of them under the long names of older standards.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/claims.h"

#include "access/characters.h"
#include "base/memory.h"
#include "secret/jwt.h"

#define LONG_NAME_IDENTIFIER "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier"
#define LONG_ROLE            "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"

struct slice claims_bearer_token(struct slice authorization)
{
    static const struct slice scheme = SLICE_LITERAL("Bearer ");
    if (!starts_ignoring_case(authorization, scheme)) {
        return SLICE_EMPTY;
    }
    struct slice token = slice_from(authorization, scheme.length);
    while (token.length > 0 && token.data[0] == ' ') {
        token = slice_from(token, 1);
    }
    return token;
}

const char *claims_check_time(const struct json_value *claims, int64_t now)
{
    struct json_value value;
    int64_t time;
    if (!jwt_claim(claims, "exp", &value) || !jwt_time(&value, &time)) {
        return "The token has no expiry time.";
    }
    if (time + CLAIMS_CLOCK_SKEW_S <= now) {
        return "The token has expired.";
    }
    if (!jwt_claim(claims, "nbf", &value)) {
        return NULL;
    }
    if (!jwt_time(&value, &time) || time - CLAIMS_CLOCK_SKEW_S > now) {
        return "The token is not valid yet.";
    }
    return NULL;
}

const char *claims_read_user(const struct json_value *claims, struct buffer *user)
{
    struct json_value value;
    if (!jwt_claim(claims, "sub", &value) && !jwt_claim(claims, LONG_NAME_IDENTIFIER, &value)) {
        return NULL;
    }
    if (value.type != JSON_STRING) {
        return "The token's user is not a string.";
    }
    json_append_string_value(user, &value);
    if (user->length > 0 && memchr(user->data, '\0', user->length)) {
        return "The token's user has a null character in it."; /* MQTT cannot carry it */
    }
    return NULL;
}

/* --- strings or arrays of them --- */

/* False: not good. */
typedef bool take_string(void *context, struct slice text);

static bool take_one(const struct json_value *value, take_string *take, void *context)
{
    struct buffer text = {0};
    if (value->type != JSON_STRING) {
        return false;
    }
    json_append_string_value(&text, value);
    bool good = take(context, buffer_slice(&text));
    buffer_release(&text);
    return good;
}

/* A claim that is not there is good. */
static bool take_strings(const struct json_value *claims, const char *name, take_string *take,
                         void *context)
{
    struct json_value value, element;
    if (!jwt_claim(claims, name, &value)) {
        return true;
    }
    if (value.type != JSON_ARRAY) {
        return take_one(&value, take, context);
    }
    struct json_walk walk = json_elements(&value);
    bool good = true;
    while (good && json_next_element(&walk, &element)) {
        good = take_one(&element, take, context);
    }
    return good;
}

static bool take_role(void *context, struct slice text)
{
    struct buffer error = {0};
    bool good = roles_add(context, text, &error);
    buffer_release(&error);
    return good;
}

const char *claims_read_roles(const struct json_value *claims, struct roles **roles)
{
    if (!take_strings(claims, "role", take_role, roles) ||
        !take_strings(claims, LONG_ROLE, take_role, roles)) {
        return "A role in the token is not valid.";
    }
    return NULL;
}

static bool take_group(void *context, struct slice text)
{
    struct upgrade *upgrade = context;
    if (!group_name_is_valid(text)) {
        return false;
    }
    size_t count = upgrade->group_count++;
    if ((count & (count - 1)) == 0) { /* full, as the room is a power of two */
        size_t room = count == 0 ? 1 : count * 2;
        upgrade->groups = memory_resize(upgrade->groups, room * sizeof(*upgrade->groups));
    }
    upgrade->groups[count] = (struct buffer){0};
    buffer_append(&upgrade->groups[count], text);
    return true;
}

const char *claims_read_groups(const struct json_value *claims, struct upgrade *upgrade)
{
    bool is_mqtt = upgrade->kind == UPGRADE_MQTT_HUB;
    if (!take_strings(claims, "webpubsub.group", take_group, upgrade) ||
        (is_mqtt && !take_strings(claims, "group", take_group, upgrade))) {
        return "A group in the token is not valid.";
    }
    return NULL;
}
