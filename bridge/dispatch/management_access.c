/* See management_access.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/management_access.h"

#include "access/audience.h"
#include "access/characters.h"
#include "access/claims.h"
#include "mqtt/utf8.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"

/* --- from this machine --- */

/* Without the port. */
static struct slice host_name(struct slice host)
{
    bool is_v6 = host.length > 0 && host.data[0] == '[';
    return is_v6 ? host : take_up_to(&host, ':');
}

/* A name that stands for this machine whatever a name server says: pages of other sites have
 * browsers send names of theirs that mean 127.0.0.1. */
static bool is_local_name(struct slice name)
{
    static const struct slice local = SLICE_LITERAL("localhost"), v4 = SLICE_LITERAL("127."),
                              v6 = SLICE_LITERAL("[::1]");
    bool is_below = name.length > local.length && name.data[name.length - local.length - 1] == '.';
    struct slice end =
        name.length >= local.length ? slice_from(name, name.length - local.length) : SLICE_EMPTY;

    if (equal_ignoring_case(end, local)) {
        return is_below || name.length == local.length;
    }
    for (size_t i = 0; i < name.length; i++) {
        if (!ascii_is_digit(name.data[i]) && name.data[i] != '.') {
            return slice_starts_with(name, v6);
        }
    }
    return slice_starts_with(name, v4);
}

/* Not passed on by a proxy, and not from a page in a browser but for our own. */
static bool is_of_this_machine(const struct grid_request *request)
{
    static const char *const of_proxies[] = {"forwarded", "x-forwarded-for", "x-forwarded-host",
                                             "x-real-ip", "via"};
    struct slice host = grid_header(request, "host"), origin = grid_header(request, "origin");

    for (size_t i = 0; i < sizeof(of_proxies) / sizeof(of_proxies[0]); i++) {
        if (grid_header(request, of_proxies[i]).length > 0) {
            return false;
        }
    }
    if (origin.length > 0) {
        take_up_to(&origin, '/');
        take_up_to(&origin, '/');
        if (!equal_ignoring_case(origin, host)) {
            return false;
        }
    }
    return request->is_loopback && is_local_name(host_name(host));
}

/* --- tokens --- */

enum { AUDIENCES_MAX = 4 };

/* One for these is signed with our keys all the same. */
static const char *const azure[ACCESS_PURPOSES][AUDIENCES_MAX] = {
    [ACCESS_TO_MANAGE] = {"management.azure.com", "management.core.windows.net"},
    [ACCESS_TO_PUBLISH] = {"management.azure.com", "management.core.windows.net",
                           "eventgrid.azure.net"},
};

static const char *check_token(const struct upgrade_context *context,
                               const struct grid_request *request, enum access_purpose purpose,
                               struct buffer *text, int64_t now)
{
    struct slice token = claims_bearer_token(grid_header(request, "authorization"));
    struct slice host = grid_header(request, "host");
    struct json_value claims, aud;

    if (token.length == 0) {
        return "A token is needed: Authorization: Bearer ...";
    }
    if (!access_keys_verify(context->keys, token, text) ||
        !json_parse(buffer_slice(text), &claims)) {
        return "The token is not valid: it must be signed with an access key of this server.";
    }
    if (!jwt_claim(&claims, "aud", &aud) ||
        (!audience_fits_request(&aud, request->target, context, host) &&
         !audience_fits_server(&aud, azure[purpose], context, host))) {
        return "The token is for another audience.";
    }
    return claims_check_time(&claims, now);
}

const char *management_check_access(const struct upgrade_context *context,
                                    const struct grid_request *request, enum access_purpose purpose,
                                    bool opens, int64_t now)
{
    struct buffer text = {0};
    const char *wrong;

    if (opens && is_of_this_machine(request)) {
        return NULL;
    }
    wrong = check_token(context, request, purpose, &text, now);
    buffer_release(&text);
    return wrong;
}

/* Of verified claims. */
static const char *read_client(struct slice text, struct buffer *user)
{
    struct json_value claims, value;
    bool is_named = json_parse(text, &claims) &&
                    (jwt_claim(&claims, "oid", &value) || jwt_claim(&claims, "sub", &value)) &&
                    value.type == JSON_STRING;

    if (is_named) {
        json_append_string_value(user, &value);
    }
    return user->length > 0 && utf8_is_valid_string(buffer_slice(user))
               ? NULL
               : "The token names nobody: it needs a claim oid or sub.";
}

const char *management_check_client(const struct upgrade_context *context,
                                    const struct grid_request *request, struct buffer *user,
                                    int64_t now)
{
    struct buffer text = {0};
    const char *wrong = check_token(context, request, ACCESS_TO_PUBLISH, &text, now);

    if (!wrong) {
        wrong = read_client(buffer_slice(&text), user);
    }
    buffer_release(&text);
    return wrong;
}
