/* Who somebody is by a JSON Web Token. See sign_in.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/address.h"
#include "base/ascii.h"
#include "net/sign_in.h"
#include "secret/access_keys.h"
#include "secret/jwt.h"
#include "json/json.h"

enum { NOT_BEFORE_SKEW_S = 60 /* how far the issuer's clock may be ahead */ };

/* A token whose signature is good. */
struct claims {
    struct json_value object;
    const struct jwt_key *issuer_key; /* of the namespace; NULL: by the server itself */
};

bool sign_in_takes_tokens(const struct sign_in *sign_in, enum token_kind kind)
{
    return sign_in->issuer_keys.count > 0 || (kind == TOKEN_OAUTH2 && sign_in->access_keys);
}

/* --- signatures --- */

static bool is_signed_by_server(struct sign_in *sign_in, struct slice token, struct buffer *text)
{
    if (!sign_in->access_keys) {
        return false;
    }
    pthread_mutex_lock(&sign_in->keys_lock);
    bool good = access_keys_verify(sign_in->access_keys, token, text);
    pthread_mutex_unlock(&sign_in->keys_lock);
    return good;
}

/* NULL: it is signed by none of them. */
static const struct jwt_key *find_issuer_key(const struct sign_in *sign_in, struct slice token,
                                             struct buffer *text)
{
    const struct jwt_key *key = sign_in->issuer_keys.keys;
    size_t left = sign_in->issuer_keys.count;
    while (left > 0 && !jwt_verify(token, key, 1, text)) {
        key++, left--;
    }
    return left > 0 ? key : NULL;
}

static bool verify(struct sign_in *sign_in, enum token_kind kind, struct slice token,
                   struct buffer *text, struct claims *claims)
{
    claims->issuer_key = find_issuer_key(sign_in, token, text);
    return (claims->issuer_key ||
            (kind == TOKEN_OAUTH2 && is_signed_by_server(sign_in, token, text))) &&
           json_parse(buffer_slice(text), &claims->object);
}

/* --- claims --- */

static bool claim_says(const struct json_value *value, struct slice plain)
{
    return value->type == JSON_STRING && json_string_says(json_string_raw(value), plain);
}

/* The namespace's name, a host whose first label it is, or a domain of its own. */
static bool is_namespace(const struct sign_in *sign_in, struct slice audience)
{
    struct slice host = address_host_of_url(audience);
    for (size_t i = 0; i < sign_in->domain_count; i++) {
        if (equal_ignoring_case(host, address_host_of_url(sign_in->domains[i]))) {
            return true;
        }
    }
    return sign_in->name.length > 0 && starts_ignoring_case(host, sign_in->name) &&
           (host.length == sign_in->name.length || host.data[sign_in->name.length] == '.');
}

static bool is_event_grid(struct slice audience)
{
    return slice_equal(audience, SLICE_LITERAL("https://eventgrid.azure.net")) ||
           slice_equal(audience, SLICE_LITERAL("https://eventgrid.azure.net/"));
}

static bool is_audience(const struct sign_in *sign_in, enum token_kind kind, struct slice audience)
{
    if (kind == TOKEN_OAUTH2) {
        return is_event_grid(audience);
    }
    for (size_t i = 0; i < sign_in->audience_count; i++) {
        if (equal_ignoring_case(audience, sign_in->audiences[i])) {
            return true;
        }
    }
    return sign_in->audience_count == 0 && is_namespace(sign_in, audience);
}

static bool has_audience(const struct sign_in *sign_in, enum token_kind kind,
                         const struct json_value *value)
{
    struct buffer text = {0};
    bool good = false;
    if (value->type == JSON_STRING) {
        json_append_string_value(&text, value);
        good = is_audience(sign_in, kind, buffer_slice(&text));
    } else if (value->type == JSON_ARRAY) {
        struct json_walk walk = json_elements(value);
        struct json_value element;
        while (!good && json_next_element(&walk, &element)) {
            good = element.type == JSON_STRING && has_audience(sign_in, kind, &element);
        }
    }
    buffer_release(&text);
    return good;
}

static const char *check_times(const struct json_value *claims, int64_t now, int64_t *expires_at)
{
    struct json_value value;
    int64_t seconds;
    if (!jwt_claim(claims, "exp", &value) || !jwt_time(&value, &seconds)) {
        return "the token has no expiry time (exp)";
    }
    *expires_at = seconds * 1000;
    if (*expires_at <= now) {
        return "the token has expired";
    }
    if (jwt_claim(claims, "nbf", &value) &&
        (!jwt_time(&value, &seconds) || (seconds - NOT_BEFORE_SKEW_S) * 1000 > now)) {
        return "the token is not valid yet (nbf)";
    }
    return NULL;
}

static const char *check_claims(const struct sign_in *sign_in, enum token_kind kind,
                                const struct claims *claims, int64_t now, struct proof *proof)
{
    struct json_value value;
    if (claims->issuer_key &&
        (!jwt_claim(&claims->object, "iss", &value) || !claim_says(&value, sign_in->issuer))) {
        return "the token is not of the tokenIssuer (iss)";
    }
    if (!jwt_claim(&claims->object, "aud", &value) || !has_audience(sign_in, kind, &value)) {
        return "the token is for another audience (aud)";
    }
    return check_times(&claims->object, now, &proof->expires_at);
}

/* --- who --- */

/* Entra's tokens name a client by its object id. */
static const char *take_name(enum token_kind kind, const struct json_value *claims,
                             struct proof *proof)
{
    struct json_value value;
    if (!(kind == TOKEN_OAUTH2 && jwt_claim(claims, "oid", &value)) &&
        !jwt_claim(claims, "sub", &value)) {
        return "the token says not who its bearer is (sub)";
    }
    if (value.type == JSON_STRING) {
        json_append_string_value(&proof->name, &value);
    }
    return proof_has_name(proof) ? NULL : "the name in the token (sub) is none";
}

static bool is_registered(struct slice key)
{
    static const char *const names[] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (json_string_equal(key, names[i])) {
            return true;
        }
    }
    return false;
}

static void take_attributes(const struct json_value *claims, struct proof *proof)
{
    struct json_walk walk = json_members(claims);
    struct json_value value;
    struct slice key;
    while (json_next_member(&walk, &key, &value)) {
        if (!is_registered(key)) {
            proof_take_attribute(proof, key, &value);
        }
    }
}

const char *sign_in_by_token(struct sign_in *sign_in, enum token_kind kind, struct slice token,
                             int64_t now, struct proof *proof)
{
    struct buffer text = {0};
    struct claims claims;
    const char *wrong = "no key that is known here has signed the token";
    if (verify(sign_in, kind, token, &text, &claims)) {
        wrong = check_claims(sign_in, kind, &claims, now, proof);
        wrong = wrong ? wrong : take_name(kind, &claims.object, proof);
        if (!wrong) {
            take_attributes(&claims.object, proof);
            proof->ground = claims.issuer_key ? ground_of_issuer(sign_in, claims.issuer_key) : 0;
        }
    }
    buffer_release(&text);
    return wrong;
}
