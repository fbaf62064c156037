/* Tokens: the one that a request shows (spec/webpubsub.md 6.2), and those for clients that
 * :generateToken makes (6.9).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "access/audience.h"
#include "access/claims.h"
#include "rest/parser.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "json/json.h"

/* --- a request's --- */

const char *rest_check_token(const struct parser *parser)
{
    const struct rest_request *request = parser->request;
    struct buffer *text = &parser->scratch->claims;
    struct json_value claims, aud;
    struct slice token = claims_bearer_token(rest_header(request, SLICE_LITERAL("authorization")));
    if (token.length == 0) {
        return "A token is needed.";
    }
    if (!access_keys_verify(parser->context->keys, token, text) ||
        !json_parse(buffer_slice(text), &claims)) {
        return "The token is not valid.";
    }
    if (!jwt_claim(&claims, "aud", &aud) ||
        !audience_fits_request(&aud, request->target, parser->context, parser->host)) {
        return "The token is for another audience.";
    }
    return claims_check_time(&claims, request->now);
}

/* --- for clients --- */

static void append_strings(struct buffer *out, const char *name, const struct slice *texts,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i == 0) {
            buffer_append_format(out, ",\"%s\":[", name);
        } else {
            buffer_append_byte(out, ',');
        }
        json_append_string(out, texts[i]);
    }
    buffer_append_string(out, count > 0 ? "]" : "");
}

void rest_token_append(struct buffer *out, const struct upgrade_context *context,
                       const struct rest_operation *operation, int64_t now)
{
    struct buffer claims = {0};
    struct slice base = operation->base_url, hub = operation->hub;
    buffer_append_format(&claims, "{\"aud\":\"%.*s/%s/hubs/", SLICE_PRINT(base),
                         operation->is_mqtt ? "clients/mqtt" : "client");
    buffer_append_format(&claims, "%.*s\",\"iat\":%" PRId64 ",\"exp\":%" PRId64, SLICE_PRINT(hub),
                         now, now + (int64_t)operation->minutes * 60);
    if (operation->user.length > 0) {
        buffer_append_string(&claims, ",\"sub\":");
        json_append_string(&claims, operation->user);
    }
    append_strings(&claims, "role", operation->roles, operation->role_count);
    append_strings(&claims, "webpubsub.group", operation->groups, operation->group_count);
    buffer_append_byte(&claims, '}');
    buffer_append_string(out, "{\"token\":\"");
    jwt_append(out, buffer_slice(&claims), access_keys_get(context->keys, ACCESS_KEY_PRIMARY));
    buffer_append_string(out, "\"}");
    buffer_release(&claims);
}
