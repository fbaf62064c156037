/* Reconnection tokens: JWTs whose audience is the connection, which no endpoint is; and no token of
 * an endpoint has this issuer. So neither kind stands in for the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "access/reconnection.h"

#include <inttypes.h>

#include "access/claims.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "json/json.h"

#define ISSUER "pubgrid-reconnection"

static void append_claim(struct buffer *out, const char *name, struct slice value)
{
    buffer_append_format(out, "\"%s\":", name);
    json_append_string(out, value);
    buffer_append_byte(out, ',');
}

void reconnection_token_append(struct buffer *out, const struct upgrade_context *context,
                               const struct upgrade *upgrade, struct slice connection_id,
                               int64_t now)
{
    struct buffer claims = {0};
    const char *subprotocol = subprotocol_name(upgrade->subprotocol);
    buffer_append_byte(&claims, '{');
    append_claim(&claims, "iss", SLICE_LITERAL(ISSUER));
    append_claim(&claims, "aud", connection_id);
    append_claim(&claims, "hub", slice_from_string(upgrade->hub));
    append_claim(&claims, "subprotocol", slice_from_string(subprotocol ? subprotocol : ""));
    append_claim(&claims, "sub", buffer_slice(&upgrade->user));
    buffer_append_format(&claims, "\"iat\":%" PRId64 ",\"exp\":%" PRId64 ",\"role\":", now,
                         now + RECONNECTION_TOKEN_LIFE_S);
    roles_append_json(&claims, upgrade->roles);
    buffer_append_byte(&claims, '}');
    jwt_append(out, buffer_slice(&claims), access_keys_get(context->keys, ACCESS_KEY_PRIMARY));
    buffer_release(&claims);
}

static bool claim_is(const struct json_value *claims, const char *name, struct slice wanted)
{
    struct json_value value;
    struct buffer text = {0};
    if (!jwt_claim(claims, name, &value) || value.type != JSON_STRING) {
        return false;
    }
    json_append_string_value(&text, &value);
    bool same = slice_equal(buffer_slice(&text), wanted);
    buffer_release(&text);
    return same;
}

bool reconnection_token_read(struct upgrade *upgrade, const struct access_keys *keys,
                             struct slice token, struct slice connection_id, int64_t now)
{
    struct buffer text = {0};
    struct json_value claims;
    const char *subprotocol = subprotocol_name(upgrade->subprotocol);
    bool good = connection_id.length > 0 && subprotocol_is_reliable(upgrade->subprotocol) &&
                access_keys_verify(keys, token, &text) &&
                json_parse(buffer_slice(&text), &claims) &&
                claim_is(&claims, "iss", SLICE_LITERAL(ISSUER)) &&
                claim_is(&claims, "aud", connection_id) &&
                claim_is(&claims, "hub", slice_from_string(upgrade->hub)) &&
                claim_is(&claims, "subprotocol", slice_from_string(subprotocol)) &&
                !claims_check_time(&claims, now) && !claims_read_user(&claims, &upgrade->user) &&
                !claims_read_roles(&claims, &upgrade->roles);
    buffer_release(&text);
    return good;
}
