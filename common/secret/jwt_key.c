/* Keys of tokens, by OpenSSL. See jwt_key.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/jwt_key.h"

#include <limits.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/memory.h"
#include "secret/digest.h"

enum {
    RSA_BITS_MIN = 2048,
    P256_NUMBER_SIZE = 32, /* of r and of s */
    P256_DER_MAX = 80,     /* of both as ASN.1 */
};

const char *jwt_algorithm_name(enum jwt_algorithm algorithm)
{
    static const char *const names[] = {
        [JWT_HS256] = "HS256", [JWT_RS256] = "RS256", [JWT_ES256] = "ES256"};
    return names[algorithm];
}

/* --- verifying --- */

static bool hmac_is_right(const struct jwt_key *key, struct slice bytes, struct slice signature)
{
    uint8_t wanted[DIGEST_SIZE];
    bool right = false;
    if (signature.length == DIGEST_SIZE) {
        digest_key_hmac(key->shared, bytes, wanted);
        right = digest_equal(signature.data, wanted);
        digest_wipe(wanted, sizeof(wanted));
    }
    return right;
}

static bool public_is_right(const struct jwt_key *key, struct slice bytes, struct slice signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right =
        context && EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key->public_key) == 1 &&
        EVP_DigestVerify(context, signature.data, signature.length, bytes.data, bytes.length) == 1;
    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return right;
}

/* A token has r and s one behind the other, OpenSSL wants them as ASN.1. */
static bool ecdsa_is_right(const struct jwt_key *key, struct slice bytes, struct slice signature)
{
    uint8_t der[P256_DER_MAX], *end = der;
    if (signature.length != (size_t)2 * P256_NUMBER_SIZE) {
        return false;
    }
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature.data, P256_NUMBER_SIZE, NULL);
    BIGNUM *s = BN_bin2bn(signature.data + P256_NUMBER_SIZE, P256_NUMBER_SIZE, NULL);
    int length = 0;
    if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
        r = s = NULL; /* the pair's now */
        length = i2d_ECDSA_SIG(pair, &end);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(pair);
    return length > 0 && public_is_right(key, bytes, slice_make(der, (size_t)length));
}

bool jwt_key_verify(const struct jwt_key *key, struct slice bytes, struct slice signature)
{
    static bool (*const checks[])(const struct jwt_key *, struct slice, struct slice) = {
        [JWT_HS256] = hmac_is_right,
        [JWT_RS256] = public_is_right,
        [JWT_ES256] = ecdsa_is_right,
    };
    return checks[key->algorithm](key, bytes, signature);
}

/* --- reading --- */

/* What one block of PEM holds. NULL: no public key. */
static EVP_PKEY *public_key_of(const char *name, const uint8_t *der, long length)
{
    if (strcmp(name, PEM_STRING_PUBLIC) == 0) {
        return d2i_PUBKEY(NULL, &der, length);
    }
    if (strcmp(name, PEM_STRING_X509) != 0) {
        return NULL;
    }
    X509 *certificate = d2i_X509(NULL, &der, length);
    EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
    X509_free(certificate);
    return key;
}

/* False: tokens are not verified with such keys. */
static bool algorithm_of(const EVP_PKEY *key, enum jwt_algorithm *algorithm)
{
    char curve[32] = "";
    switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
        *algorithm = JWT_RS256;
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN;
    case EVP_PKEY_EC:
        *algorithm = JWT_ES256;
        return EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL) == 1 &&
               strcmp(curve, "prime256v1") == 0;
    default:
        return false;
    }
}

/* Takes over `key`, NULL included. */
static bool add_key(struct jwt_key_list *list, EVP_PKEY *key, struct buffer *error)
{
    enum jwt_algorithm algorithm = JWT_RS256;
    if (!key || !algorithm_of(key, &algorithm)) {
        buffer_append_string(
            error, key ? "a key is neither RSA of 2048 bits or more nor of the curve P-256"
                       : "something in it is neither a certificate nor a public key");
        EVP_PKEY_free(key);
        return false;
    }
    list->keys = memory_resize(list->keys, (list->count + 1) * sizeof(*list->keys));
    list->keys[list->count++] = (struct jwt_key){.algorithm = algorithm, .public_key = key};
    return true;
}

static bool add_blocks(struct jwt_key_list *list, BIO *text, struct buffer *error)
{
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    long length;
    bool good = true;
    while (good && PEM_read_bio(text, &name, &header, &der, &length) == 1) {
        good = add_key(list, public_key_of(name, der, length), error);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)length);
    }
    return good;
}

static void forget_from(struct jwt_key_list *list, size_t first)
{
    while (list->count > first) {
        EVP_PKEY_free(list->keys[--list->count].public_key);
    }
}

bool jwt_key_list_add_pem(struct jwt_key_list *list, struct slice pem, struct buffer *error)
{
    size_t before = list->count;
    bool fits = pem.length > 0 && pem.length <= INT_MAX;
    BIO *text = fits ? BIO_new_mem_buf(pem.data, (int)pem.length) : NULL;
    bool good = !text || add_blocks(list, text, error);
    if (good && list->count == before) {
        buffer_append_string(error, "there is no certificate and no public key in it (PEM)");
        good = false;
    }
    if (!good) {
        forget_from(list, before);
    }
    BIO_free(text);
    ERR_clear_error(); /* also of the end, which PEM_read_bio() tells as an error */
    return good;
}

void jwt_key_list_release(struct jwt_key_list *list)
{
    forget_from(list, 0);
    free(list->keys);
    *list = (struct jwt_key_list){0};
}
