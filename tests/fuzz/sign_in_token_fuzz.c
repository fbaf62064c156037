/* Fuzzes claims of tokens that clients of a namespace sign in with, as if the issuer had written
 * them. Input: the claims.
 *
 * Oracles: whoever is let in has a name that MQTT can carry, for a time that is not over; what the
 * token is for stands in it; attributes have keys that are some and are no registered claims; asked
 * again, the answer is the same. Who is not let in is told why.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/utf8.h"
#include "net/sign_in.h"
#include "secret/digest.h"
#include "secret/jwt.h"

enum { NOW_S = 1800000000 };

static const struct slice key = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};

/* Its issuer has a shared key, so that any claims can be signed here. */
static struct sign_in *the_sign_in(void)
{
    static struct sign_in *sign_in;
    static struct jwt_key issuer;
    struct client_authentication authentication = {.token_issuer = SLICE_LITERAL("i")};
    struct sign_in_options options = {.name = SLICE_LITERAL("plant"),
                                      .authentication = &authentication};

    if (!sign_in) {
        sign_in = sign_in_new(&options);
        issuer = (struct jwt_key){.algorithm = JWT_HS256, .shared = digest_key_new(key)};
        sign_in->issuer_keys = (struct jwt_key_list){&issuer, 1};
    }
    return sign_in;
}

static void check_proof(enum token_kind kind, struct slice claims, const struct proof *proof)
{
    static const char *const registered[] = {"iss", "sub", "aud", "exp", "nbf", "iat", "jti"};
    struct slice name = buffer_slice(&proof->name);
    struct json_value object, value;

    FUZZ_CHECK(name.length > 0 && utf8_is_valid_string(name));
    FUZZ_CHECK(proof->expires_at > (int64_t)NOW_S * 1000);
    FUZZ_CHECK(json_parse(claims, &object) && jwt_claim(&object, "aud", &value));
    FUZZ_CHECK(kind == TOKEN_CUSTOM || value.text.length > sizeof("eventgrid.azure.net"));
    for (const struct attribute *one = proof->attributes; one; one = one->next) {
        FUZZ_CHECK(attribute_key_is_valid(one->key));
        for (size_t i = 0; i < sizeof(registered) / sizeof(registered[0]); i++) {
            FUZZ_CHECK(!slice_equal(one->key, slice_from_string(registered[i])));
        }
    }
}

static void check_kind(enum token_kind kind, struct slice token, struct slice claims)
{
    struct proof proof = {0}, again = {0};
    const char *wrong = sign_in_by_token(the_sign_in(), kind, token, (int64_t)NOW_S * 1000, &proof);

    FUZZ_CHECK(wrong ==
               sign_in_by_token(the_sign_in(), kind, token, (int64_t)NOW_S * 1000, &again));
    if (!wrong) {
        check_proof(kind, claims, &proof);
        FUZZ_CHECK(slice_equal(buffer_slice(&proof.name), buffer_slice(&again.name)));
        FUZZ_CHECK(proof.expires_at == again.expires_at);
    } else {
        FUZZ_CHECK(wrong[0] != '\0' && !proof.attributes);
    }
    proof_release(&proof);
    proof_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice claims = fuzz_copy(slice_make(data, size));
    struct buffer token = {0};

    jwt_append(&token, claims, key);
    check_kind(TOKEN_CUSTOM, buffer_slice(&token), claims);
    check_kind(TOKEN_OAUTH2, buffer_slice(&token), claims);
    buffer_release(&token);
    fuzz_free(claims);
    return 0;
}
