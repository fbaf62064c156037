/* Fuzzes tokens, which anybody can send: the parts and base64url as they come; and, as if a holder
 * of a key had written them, any header and any claims. Input: a line, then the rest. As a whole it
 * is a token; the line is a header and the rest claims that get a right signature.
 *
 * Oracles: nobody without a key makes a token that is taken; one that is taken says exactly what
 * was signed, and that is a JSON object; what base64url decodes has no other text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"
#include "jwt_check.h"

#include "secret/base64url.h"
#include "secret/digest.h"
#include "secret/jwt.h"

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

static void check_unsigned(struct slice token)
{
    struct buffer claims = {0};
    FUZZ_CHECK(!jwt_check(token, &other_key, 1, &claims));
    FUZZ_CHECK(claims.length == 0);
    buffer_release(&claims);
}

static bool is_object(struct slice text)
{
    struct json_value value;
    return json_parse(text, &value) && value.type == JSON_OBJECT;
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
    check_signed(header, payload);
    check_made(payload);
    fuzz_free(all);
    return 0;
}
