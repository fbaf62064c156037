/* SCRAM's messages: attributes `x=value` between commas. See scram.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/scram.h"

#include <stdlib.h>

#include "base/memory.h"
#include "secret/base64.h"

struct scram_exchange {
    bool known;
    struct scram_secret secret;
    struct buffer user;
    struct buffer gs2_header;   /* "n,," */
    struct buffer nonce;        /* both parts */
    struct buffer auth_message; /* client-first-bare "," server-first ",", then the rest */
};

/* --- attributes --- */

/* Takes the text up to the next comma (or the end) and the comma. False at the end of text. */
static bool take_attribute(struct slice *text, struct slice *attribute)
{
    if (!text->data) {
        return false;
    }
    const uint8_t *comma = text->length > 0 ? memchr(text->data, ',', text->length) : NULL;
    *attribute = slice_make(text->data, comma ? (size_t)(comma - text->data) : text->length);
    *text = comma ? slice_from(*text, attribute->length + 1) : SLICE_EMPTY;
    return true;
}

/* The value of attribute `name`, which must be the next one. */
static bool take_value(struct slice *text, char name, struct slice *value)
{
    struct slice attribute;
    if (!take_attribute(text, &attribute) || attribute.length < 2 ||
        attribute.data[0] != (uint8_t)name || attribute.data[1] != '=') {
        return false;
    }
    *value = slice_from(attribute, 2);
    return true;
}

/* A saslname: "=2C" is a comma, "=3D" an equals sign, any other "=" an error. */
static bool unescape(struct slice name, struct buffer *out)
{
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.data[i];
        if (c == '=') {
            struct slice code = slice_from(name, i);
            if (slice_starts_with(code, SLICE_LITERAL("=2C"))) {
                c = ',';
            } else if (!slice_starts_with(code, SLICE_LITERAL("=3D"))) {
                return false;
            }
            i += 2;
        }
        if (c == '\0') {
            return false;
        }
        buffer_append_byte(out, c);
    }
    return out->length > 0;
}

static bool is_nonce(struct slice nonce)
{
    for (size_t i = 0; i < nonce.length; i++) {
        if (nonce.data[i] < 0x21 || nonce.data[i] > 0x7e || nonce.data[i] == ',') {
            return false;
        }
    }
    return nonce.length > 0;
}

/* --- client-first --- */

/* "n,," or "y,,", perhaps with the authorization identity "a=name" between the commas, which must
 * be the user's own name. */
static bool read_gs2_header(struct scram_exchange *exchange, struct slice *text,
                            struct slice *authorization)
{
    struct slice whole = *text, flag;
    if (!take_attribute(text, &flag) || flag.length != 1 ||
        (flag.data[0] != 'n' && flag.data[0] != 'y')) {
        return false; /* p=...: channel binding */
    }
    if (!take_attribute(text, authorization) || !text->data) {
        return false;
    }
    buffer_append(&exchange->gs2_header, slice_make(whole.data, (size_t)(text->data - whole.data)));
    return authorization->length == 0 || slice_starts_with(*authorization, SLICE_LITERAL("a="));
}

static bool read_client_first(struct scram_exchange *exchange, struct slice text)
{
    struct slice authorization, user, nonce;
    if (text.length > SCRAM_MESSAGE_MAX || !read_gs2_header(exchange, &text, &authorization)) {
        return false;
    }
    buffer_append(&exchange->auth_message, text);
    /* A mandatory extension "m=" would stand in front of the name: none is known here. */
    if (!take_value(&text, 'n', &user) || !take_value(&text, 'r', &nonce) || !is_nonce(nonce) ||
        !unescape(user, &exchange->user)) {
        return false;
    }
    buffer_append(&exchange->nonce, nonce);
    return authorization.length == 0 || slice_equal(slice_from(authorization, 2), user);
}

static void write_server_first(struct scram_exchange *exchange, struct buffer *reply)
{
    buffer_append_string(reply, "r=");
    buffer_append(reply, buffer_slice(&exchange->nonce));
    buffer_append_string(reply, ",s=");
    base64_append(reply, slice_make(exchange->secret.salt, exchange->secret.salt_length));
    buffer_append_format(reply, ",i=%u", exchange->secret.iterations);
}

struct scram_exchange *scram_begin(struct slice client_first, struct slice nonce,
                                   scram_lookup *lookup, void *context, struct buffer *reply)
{
    struct scram_exchange *exchange = memory_allocate_zero(sizeof(*exchange));
    if (!read_client_first(exchange, client_first)) {
        scram_free(exchange);
        return NULL;
    }
    exchange->known = lookup(context, scram_user(exchange), &exchange->secret);
    buffer_append(&exchange->nonce, nonce);
    size_t before = reply->length;
    write_server_first(exchange, reply);
    buffer_append_byte(&exchange->auth_message, ',');
    buffer_append(&exchange->auth_message, slice_from(buffer_slice(reply), before));
    buffer_append_byte(&exchange->auth_message, ',');
    return exchange;
}

/* --- client-final --- */

static bool header_is_repeated(const struct scram_exchange *exchange, struct slice binding)
{
    struct buffer wanted = {0};
    base64_append(&wanted, buffer_slice(&exchange->gs2_header));
    bool equal = slice_equal(buffer_slice(&wanted), binding);
    buffer_release(&wanted);
    return equal;
}

/* The proof is the last attribute; what comes before it is part of the authenticated text. */
static bool take_proof(struct slice text, uint8_t proof[DIGEST_SIZE], struct slice *before)
{
    static const struct slice mark = {(const uint8_t *)",p=", 3};
    size_t length;
    for (size_t at = text.length; at > 0; at--) {
        struct slice rest = slice_from(text, at - 1);
        if (slice_starts_with(rest, mark)) {
            *before = slice_make(text.data, at - 1);
            return base64_decode(slice_from(rest, mark.length), proof, DIGEST_SIZE, &length) &&
                   length == DIGEST_SIZE;
        }
    }
    return false;
}

bool scram_finish(struct scram_exchange *exchange, struct slice client_final, struct buffer *reply)
{
    uint8_t proof[DIGEST_SIZE], signature[DIGEST_SIZE];
    struct slice text, binding, nonce;
    if (client_final.length > SCRAM_MESSAGE_MAX || !take_proof(client_final, proof, &text)) {
        return false;
    }
    buffer_append(&exchange->auth_message, text);
    if (!take_value(&text, 'c', &binding) || !header_is_repeated(exchange, binding) ||
        !take_value(&text, 'r', &nonce) || !slice_equal(nonce, buffer_slice(&exchange->nonce))) {
        return false;
    }
    struct slice auth_message = buffer_slice(&exchange->auth_message);
    if (!scram_secret_verify(&exchange->secret, auth_message, proof) || !exchange->known) {
        return false;
    }
    scram_secret_sign(&exchange->secret, auth_message, signature);
    buffer_append_string(reply, "v=");
    base64_append(reply, slice_make(signature, sizeof(signature)));
    return true;
}

struct slice scram_user(const struct scram_exchange *exchange)
{
    return buffer_slice(&exchange->user);
}

void scram_free(struct scram_exchange *exchange)
{
    if (!exchange) {
        return;
    }
    buffer_release(&exchange->user);
    buffer_release(&exchange->gs2_header);
    buffer_release(&exchange->nonce);
    buffer_release(&exchange->auth_message);
    digest_wipe(exchange, sizeof(*exchange));
    free(exchange);
}
