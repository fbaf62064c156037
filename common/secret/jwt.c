/* Tokens: three base64url parts between dots. The signature is checked before header and payload
 * are looked at, so that the JSON reader sees only what a holder of a key has written; the header
 * must then name the algorithm of the key that it was.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/jwt.h"

#include "secret/base64url.h"
#include "secret/digest.h"

enum { TIME_DIGITS_MAX = 15 };

/* --- the parts --- */

struct parts {
    struct slice header, payload, signature; /* base64url */
    struct slice signed_text;                /* header, dot, payload */
};

/* Takes up to the next dot, which is left out. */
static bool take_part(struct slice *rest, struct slice *part)
{
    const uint8_t *dot = rest->length > 0 ? memchr(rest->data, '.', rest->length) : NULL;
    if (!dot) {
        return false;
    }
    *part = slice_make(rest->data, (size_t)(dot - rest->data));
    *rest = slice_from(*rest, part->length + 1);
    return true;
}

/* A dot too many ends up in the signature, where it is no base64url. */
static bool split(struct slice token, struct parts *parts)
{
    struct slice rest = token;
    if (token.length > JWT_SIZE_MAX || !take_part(&rest, &parts->header) ||
        !take_part(&rest, &parts->payload)) {
        return false;
    }
    parts->signature = rest;
    parts->signed_text = slice_make(token.data, token.length - rest.length - 1);
    return true;
}

/* Appends a part that must be a JSON object. */
static bool decode_object(struct buffer *out, struct slice part, struct json_value *object)
{
    size_t before = out->length;
    return base64url_decode(out, part) &&
           json_parse(slice_from(buffer_slice(out), before), object) && object->type == JSON_OBJECT;
}

/* --- verifying --- */

/* NULL: none of the keys has signed it. */
static const struct jwt_key *find_signer(const struct parts *parts, const struct jwt_key *keys,
                                         size_t key_count)
{
    struct buffer signature = {0};
    const struct jwt_key *found = NULL;
    if (base64url_decode(&signature, parts->signature)) {
        for (size_t i = 0; i < key_count; i++) {
            if (jwt_key_verify(&keys[i], parts->signed_text, buffer_slice(&signature))) {
                found = &keys[i];
            }
        }
    }
    buffer_release(&signature);
    return found;
}

/* The header must name the one algorithm that the key is for: a token that asks for another one, or
 * for none, was not made for us. `crit` names extensions that must be understood; none are. */
static bool header_is_for(const struct jwt_key *signer, struct slice part)
{
    const char *algorithm = jwt_algorithm_name(signer->algorithm);
    struct buffer text = {0};
    struct json_value header, value;
    bool good = decode_object(&text, part, &header) && jwt_claim(&header, "alg", &value) &&
                value.type == JSON_STRING &&
                json_string_equal(json_string_raw(&value), algorithm) &&
                !jwt_claim(&header, "crit", &value);
    buffer_release(&text);
    return good;
}

bool jwt_verify(struct slice token, const struct jwt_key *keys, size_t key_count,
                struct buffer *claims)
{
    struct parts parts;
    struct json_value object;
    size_t before = claims->length;
    const struct jwt_key *signer =
        split(token, &parts) ? find_signer(&parts, keys, key_count) : NULL;
    bool good = signer && header_is_for(signer, parts.header) &&
                decode_object(claims, parts.payload, &object);
    if (!good) {
        claims->length = before;
    }
    return good;
}

bool jwt_is_one(struct slice token)
{
    struct parts parts;
    struct buffer text = {0};
    struct json_value header;
    bool good = split(token, &parts) && decode_object(&text, parts.header, &header);
    buffer_release(&text);
    return good;
}

/* --- making --- */

void jwt_append(struct buffer *out, struct slice claims, struct slice key)
{
    static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
    size_t start = out->length;
    uint8_t signature[DIGEST_SIZE];
    base64url_append(out, slice_from_string(header));
    buffer_append_byte(out, '.');
    base64url_append(out, claims);
    digest_hmac(key, slice_from(buffer_slice(out), start), signature);
    buffer_append_byte(out, '.');
    base64url_append(out, slice_make(signature, sizeof(signature)));
}

/* --- claims --- */

bool jwt_claim(const struct json_value *claims, const char *name, struct json_value *value)
{
    struct json_walk walk = json_members(claims);
    struct json_value member;
    struct slice key;
    bool found = false;
    while (json_next_member(&walk, &key, &member)) {
        if (json_string_equal(key, name)) {
            *value = member;
            found = true;
        }
    }
    return found;
}

bool jwt_time(const struct json_value *value, int64_t *seconds)
{
    struct slice text = value->text;
    size_t digits = 0;
    int64_t sum = 0;
    if (value->type != JSON_NUMBER) {
        return false;
    }
    while (digits < text.length && text.data[digits] >= '0' && text.data[digits] <= '9') {
        if (digits == TIME_DIGITS_MAX) {
            return false;
        }
        sum = sum * 10 + (text.data[digits] - '0');
        digits++;
    }
    /* A fraction is left out; a sign or an exponent is not how anybody writes a time of today. */
    bool whole = digits == text.length;
    bool fraction = !whole && text.data[digits] == '.' && !memchr(text.data, 'e', text.length) &&
                    !memchr(text.data, 'E', text.length);
    *seconds = sum;
    return digits > 0 && (whole || fraction);
}
