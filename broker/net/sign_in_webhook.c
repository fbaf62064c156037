/* Requests to webhooks that let clients in, and their answers. See sign_in_webhook.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/sign_in_webhook.h"

#include <openssl/pem.h>

#include "base/timestamp.h"
#include "secret/base64.h"
#include "json/json.h"

/* --- the request --- */

/* `,"name":"text"`, if there is a text. */
static void append_text(struct buffer *out, const char *name, struct slice text)
{
    if (text.length > 0) {
        buffer_append_format(out, ",\"%s\":", name);
        json_append_string(out, text);
    }
}

static void append_bytes(struct buffer *out, const char *name, struct slice bytes)
{
    struct buffer text = {0};
    base64_append(&text, bytes);
    append_text(out, name, buffer_slice(&text));
    buffer_release(&text);
}

static void append_pem(struct buffer *out, const char *name, BIO *pem)
{
    char *text = NULL;
    long length = BIO_get_mem_data(pem, &text);
    append_text(out, name, slice_make(text, length > 0 ? (size_t)length : 0));
    BIO_free(pem);
}

static void append_certificates(struct buffer *out, const struct peer_certificate *certificate)
{
    BIO *leaf = BIO_new(BIO_s_mem()), *chain = BIO_new(BIO_s_mem());
    if (leaf && chain) {
        PEM_write_bio_X509(leaf, certificate->leaf);
        for (int i = 0; i < sk_X509_num(certificate->chain); i++) {
            PEM_write_bio_X509(chain, sk_X509_value(certificate->chain, i));
        }
        append_pem(out, "clientCertificate", leaf);
        append_pem(out, "clientCertificateChain", chain);
    } else {
        BIO_free(leaf);
        BIO_free(chain);
    }
}

static void append_user_properties(struct buffer *out, const struct properties *properties)
{
    struct slice rest = properties->raw;
    struct property_item item;
    bool any = false;
    while (properties_next(&rest, &item)) {
        if (item.property != PROPERTY_USER_PROPERTY) {
            continue;
        }
        buffer_append_string(out, any ? "," : ",\"userProperties\":[");
        buffer_append_string(out, "{\"name\":");
        json_append_string(out, item.name);
        buffer_append_string(out, ",\"value\":");
        json_append_string(out, item.value);
        buffer_append_byte(out, '}');
        any = true;
    }
    buffer_append_string(out, any ? "]" : "");
}

void webhook_request_append(struct buffer *out, const struct webhook_client *client)
{
    const struct properties *properties = client->properties;
    buffer_append_string(out, "{\"clientId\":");
    json_append_string(out, client->client_identifier);
    append_text(out, "userName", client->user_name);
    append_bytes(out, "password", client->password);
    if (properties_have(properties, PROPERTY_AUTHENTICATION_METHOD)) {
        append_text(out, "authenticationMethod", properties->authentication_method);
    }
    if (properties_have(properties, PROPERTY_AUTHENTICATION_DATA)) {
        append_bytes(out, "authenticationData", properties->authentication_data);
    }
    if (client->certificate) {
        append_certificates(out, client->certificate);
    }
    if (properties_have(properties, PROPERTY_USER_PROPERTY)) {
        append_user_properties(out, properties);
    }
    buffer_append_byte(out, '}');
}

/* --- the answer --- */

static bool says(const struct json_value *object, const char *name, const char *word)
{
    struct json_value value;
    return json_find_member(object, name, &value) && value.type == JSON_STRING &&
           json_string_equal(json_string_raw(&value), word);
}

static const char *read_name(const struct json_value *answer, struct proof *proof)
{
    struct json_value value;
    if (!json_find_member(answer, "clientAuthenticationName", &value) || value.type == JSON_NULL) {
        return NULL;
    }
    if (value.type == JSON_STRING) {
        json_append_string_value(&proof->name, &value);
    }
    return proof_has_name(proof) ? NULL : "clientAuthenticationName is no name";
}

static const char *read_attributes(const struct json_value *answer, struct proof *proof)
{
    struct json_value attributes, value;
    struct slice key;
    if (!json_find_member(answer, "attributes", &attributes) || attributes.type == JSON_NULL) {
        return NULL;
    }
    if (attributes.type != JSON_OBJECT) {
        return "attributes is no object";
    }
    struct json_walk walk = json_members(&attributes);
    while (json_next_member(&walk, &key, &value)) {
        proof_take_attribute(proof, key, &value);
    }
    return NULL;
}

static const char *read_expiration(const struct json_value *answer, int64_t now,
                                   struct proof *proof)
{
    struct json_value value;
    struct buffer text = {0};
    bool has_zone;
    if (!json_find_member(answer, "expiration", &value) || value.type == JSON_NULL) {
        return NULL;
    }
    if (value.type == JSON_STRING) {
        json_append_string_value(&text, &value);
    }
    bool good = timestamp_parse(buffer_slice(&text), &proof->expires_at, &has_zone);
    buffer_release(&text);
    return !good                      ? "expiration is no time of RFC 3339"
           : proof->expires_at <= now ? "expiration is in the past"
                                      : NULL;
}

static const char *read_allowance(const struct json_value *answer, int64_t now, struct proof *proof)
{
    const char *wrong = read_name(answer, proof);
    wrong = wrong ? wrong : read_attributes(answer, proof);
    return wrong ? wrong : read_expiration(answer, now, proof);
}

enum webhook_decision webhook_answer_read(long status, struct slice body, int64_t now,
                                          struct proof *proof, struct slice *why)
{
    struct json_value answer, reason;
    bool is_answer = json_parse(body, &answer) && answer.type == JSON_OBJECT;
    if (is_answer && says(&answer, "decision", "deny")) {
        bool has_reason = json_find_member(&answer, "errorReason", &reason);
        *why = has_reason ? reason.text : SLICE_LITERAL("it gives no reason");
        return WEBHOOK_DENIES;
    }
    if (status != 200) {
        *why = SLICE_LITERAL("its status is neither 200 nor that of a denial");
        return WEBHOOK_FAILS;
    }
    if (!is_answer || !says(&answer, "decision", "allow")) {
        *why = SLICE_LITERAL("its decision is neither allow nor deny");
        return WEBHOOK_BROKEN;
    }
    const char *wrong = read_allowance(&answer, now, proof);
    *why = slice_from_string(wrong ? wrong : "");
    return wrong ? WEBHOOK_BROKEN : WEBHOOK_ALLOWS;
}
