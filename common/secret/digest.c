/* SHA-256, HMAC and PBKDF2 by OpenSSL. See digest.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

static void need(bool done)
{
    if (!done) {
        fputs("OpenSSL cannot compute SHA-256\n", stderr);
        abort();
    }
}

void digest_sha256(struct slice bytes, uint8_t out[DIGEST_SIZE])
{
    need(EVP_Digest(bytes.data, bytes.length, out, NULL, EVP_sha256(), NULL) == 1);
}

void digest_hmac(struct slice key, struct slice bytes, uint8_t out[DIGEST_SIZE])
{
    /* OpenSSL takes a NULL key for "the one of before", even when it has no bytes. */
    const void *key_data = key.length > 0 ? (const void *)key.data : "";
    need(HMAC(EVP_sha256(), key_data, (int)key.length, bytes.data, bytes.length, out, NULL) !=
         NULL);
}

/* OpenSSL's context, under a name of ours. */
static EVP_MAC_CTX *context_of(struct digest_key *key)
{
    return (EVP_MAC_CTX *)(void *)key;
}

struct digest_key *digest_key_new(struct slice key)
{
    static char name[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_DIGEST, name, sizeof(name) - 1),
        OSSL_PARAM_END,
    };
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(hmac);

    need(context && EVP_MAC_init(context, key.data, key.length, parameters) == 1);
    EVP_MAC_free(hmac);
    return (struct digest_key *)(void *)context;
}

void digest_key_hmac(struct digest_key *key, struct slice bytes, uint8_t out[DIGEST_SIZE])
{
    EVP_MAC_CTX *context = context_of(key);

    need(EVP_MAC_init(context, NULL, 0, NULL) == 1 &&
         EVP_MAC_update(context, bytes.data, bytes.length) == 1 &&
         EVP_MAC_final(context, out, NULL, DIGEST_SIZE) == 1);
}

void digest_key_free(struct digest_key *key)
{
    EVP_MAC_CTX_free(context_of(key));
}

void digest_pbkdf2(struct slice password, struct slice salt, unsigned iterations,
                   uint8_t out[DIGEST_SIZE])
{
    const char *text = password.length > 0 ? (const char *)password.data : "";
    need(PKCS5_PBKDF2_HMAC(text, (int)password.length, salt.data, (int)salt.length, (int)iterations,
                           EVP_sha256(), DIGEST_SIZE, out) == 1);
}

bool digest_equal(const uint8_t a[DIGEST_SIZE], const uint8_t b[DIGEST_SIZE])
{
    return CRYPTO_memcmp(a, b, DIGEST_SIZE) == 0;
}

bool digest_equal_texts(struct slice a, struct slice b)
{
    return a.length == b.length && (a.length == 0 || CRYPTO_memcmp(a.data, b.data, a.length) == 0);
}

void digest_wipe(void *bytes, size_t length)
{
    OPENSSL_cleanse(bytes, length);
}

void digest_wipe_buffer(struct buffer *secret)
{
    if (secret->capacity > 0) {
        digest_wipe(secret->data, secret->capacity);
    }
    buffer_release(secret);
}
