/* Fuzzes tokens, which anybody can send: the parts and base64url as they come; and, as if a holder
 * of a key had written them, any header and any claims. Input: a line, then the rest. As a whole it
 * is a token; the line is a header and the rest claims that get a right signature.
 *
 * Oracles: nobody without a key makes a token that is taken, whatever its algorithm; one that is
 * taken says exactly what was signed, and that is a JSON object; what base64url decodes has no
 * other text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "jwt_check.h"

#include "secret/base64url.h"
#include "secret/digest.h"
#include "secret/jwt.h"

#define PUBLIC_KEYS                                                                                \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApAa1AwfWmPCUUXQTt+VQ\n"                           \
    "/SxgGyClnLUj+pRtjJhUO34fTLSZZVS73jrAjBt1HsBv5ax/Ys0ocGDbrzGxLEnx\n"                           \
    "ua1+jBF9mRRV5KCu6Mxt5088Fi6eOI5Nx5Q5NBUg0RkuBmuI2Vi1CtBmdDEdQSBA\n"                           \
    "P/yICt7UU9/lt0ZeK8UIbRn2gU+YNehsZZe0M4lHelVx3pIbLHhlXATBmzdDIX7f\n"                           \
    "JfIbh7nf4RaOvamaHKivjbDO7EL2+lUcCOifWpQpPOIPmJv7CRTvoQbeOIE0MZZJ\n"                           \
    "96lL3DRD6BQ30YOf0FM8sW2Mnau9oQ1JXSHUwQv4OI9JYJVmnLYczAKSTqWZ2bd9\n"                           \
    "IwIDAQAB\n"                                                                                   \
    "-----END PUBLIC KEY-----\n"                                                                   \
    "-----BEGIN PUBLIC KEY-----\n"                                                                 \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE/KHjMuILRnBgN4LLIBxQIU9psn3N\n"                           \
    "nrRPw1Z6/+J5orreWETAH/jwCzQpAReOGJebmigHLdudcGNrBfh0zjs9wA==\n"                               \
    "-----END PUBLIC KEY-----\n"

static const struct slice key = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};
static const struct slice other_key = {(const uint8_t *)"fedcba9876543210fedcba9876543210", 32};

static void check_base64url(struct slice text)
{
    struct buffer bytes = {0}, again = {0};
    if (base64url_decode(&bytes, text)) {
        base64url_append(&again, buffer_slice(&bytes));
        FUZZ_CHECK(slice_equal(buffer_slice(&again), text));
    } else {
        FUZZ_CHECK(bytes.length == 0);
    }
    again.length = bytes.length = 0;
    base64url_append(&again, text);
    FUZZ_CHECK(base64url_decode(&bytes, buffer_slice(&again)));
    FUZZ_CHECK(slice_equal(buffer_slice(&bytes), text));
    buffer_release(&bytes);
    buffer_release(&again);
}

/* Public keys, whose private ones nobody has any more. */
static const struct jwt_key_list *public_keys(void)
{
    static struct jwt_key_list list;
    struct buffer error = {0};
    FUZZ_CHECK(list.count > 0 || jwt_key_list_add_pem(&list, SLICE_LITERAL(PUBLIC_KEYS), &error));
    return &list;
}

static void check_unsigned(struct slice token)
{
    const struct jwt_key_list *list = public_keys();
    struct buffer claims = {0};
    FUZZ_CHECK(!jwt_check(token, &other_key, 1, &claims));
    FUZZ_CHECK(!jwt_verify(token, list->keys, list->count, &claims));
    FUZZ_CHECK(claims.length == 0);
    buffer_release(&claims);
}

static bool is_object(struct slice text)
{
    struct json_value value;
    return json_parse(text, &value) && value.type == JSON_OBJECT;
}

/* A key file is written by somebody who is trusted, and may be broken all the same. */
static void check_pem(struct slice text)
{
    struct jwt_key_list list = {0};
    struct buffer error = {0};
    bool taken = jwt_key_list_add_pem(&list, text, &error);
    FUZZ_CHECK(taken == (list.count > 0) && taken == (error.length == 0));
    jwt_key_list_release(&list);
    buffer_release(&error);
}

/* All claims are looked at, as a time too. */
static void walk_claims(struct slice text)
{
    struct json_value claims, value, found;
    struct json_walk walk;
    struct slice name;
    int64_t seconds;
    FUZZ_CHECK(json_parse(text, &claims));
    walk = json_members(&claims);
    while (json_next_member(&walk, &name, &value)) {
        FUZZ_CHECK(!jwt_time(&value, &seconds) || seconds >= 0);
    }
    FUZZ_CHECK(!jwt_claim(&claims, "exp", &found) || found.text.length > 0);
}

static void check_signed(struct slice header, struct slice payload)
{
    struct buffer token = {0}, claims = {0};
    uint8_t signature[DIGEST_SIZE];
    base64url_append(&token, header);
    buffer_append_byte(&token, '.');
    base64url_append(&token, payload);
    digest_hmac(key, buffer_slice(&token), signature);
    buffer_append_byte(&token, '.');
    base64url_append(&token, slice_make(signature, sizeof(signature)));
    if (jwt_check(buffer_slice(&token), &key, 1, &claims)) {
        FUZZ_CHECK(is_object(header) && memmem(header.data, header.length, "HS", 2));
        FUZZ_CHECK(slice_equal(buffer_slice(&claims), payload));
        walk_claims(payload);
    }
    check_unsigned(buffer_slice(&token));
    buffer_release(&token);
    buffer_release(&claims);
}

static void check_made(struct slice payload)
{
    struct slice keys[] = {other_key, key};
    struct buffer token = {0}, claims = {0};
    jwt_append(&token, payload, key);
    bool taken = jwt_check(buffer_slice(&token), keys, 2, &claims);
    FUZZ_CHECK(taken == (is_object(payload) && token.length <= JWT_SIZE_MAX));
    buffer_release(&token);
    buffer_release(&claims);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t length = newline ? (size_t)(newline - data) : size;
    struct slice all = fuzz_copy(slice_make(data, size));
    struct slice header = slice_make(all.data, length);
    struct slice payload = newline ? slice_from(all, length + 1) : SLICE_EMPTY;
    check_base64url(header);
    check_unsigned(all);
    check_pem(all);
    FUZZ_CHECK(!jwt_is_one(all) || memchr(all.data, '.', all.length));
    check_signed(header, payload);
    check_made(payload);
    fuzz_free(all);
    return 0;
}
