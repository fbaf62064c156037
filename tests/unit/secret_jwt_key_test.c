/* Tokens that are signed with a private key: RFC 7515's examples, keys that are made here, and that
 * no token chooses its algorithm.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "secret/base64.h"
#include "secret/base64url.h"
#include "secret/digest.h"
#include "secret/jwt.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char claims_text[] = "{\"sub\":\"sensor1\"}";

/* --- keys that are made here --- */

static struct buffer pem_of(BIO *memory)
{
    struct buffer pem = {0};
    char *text;
    long length = BIO_get_mem_data(memory, &text);
    buffer_append(&pem, slice_make(text, (size_t)length));
    BIO_free(memory);
    return pem;
}

static struct buffer pem_of_public(EVP_PKEY *key)
{
    BIO *memory = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PUBKEY(memory, key) == 1);
    return pem_of(memory);
}

static struct buffer pem_of_certificate(EVP_PKEY *key)
{
    BIO *memory = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, key);
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    CHECK(PEM_write_bio_X509(memory, certificate) == 1);
    X509_free(certificate);
    return pem_of(memory);
}

/* ASN.1's r and s as 32 bytes each. */
static void append_pair(struct buffer *out, const uint8_t *der, size_t length)
{
    uint8_t raw[64];
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    CHECK(pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32) == 32 &&
          BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32) == 32);
    base64url_append(out, slice_make(raw, sizeof(raw)));
    ECDSA_SIG_free(pair);
}

static struct buffer sign(const char *header, EVP_PKEY *key)
{
    struct buffer token = {0};
    uint8_t signature[512];
    size_t length = sizeof(signature);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    base64url_append(&token, slice_from_string(header));
    buffer_append_byte(&token, '.');
    base64url_append(&token, slice_from_string(claims_text));
    CHECK(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
          EVP_DigestSign(context, signature, &length, token.data, token.length) == 1);
    EVP_MD_CTX_free(context);
    buffer_append_byte(&token, '.');
    if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
        append_pair(&token, signature, length);
    } else {
        base64url_append(&token, slice_make(signature, length));
    }
    return token;
}

static bool is_taken(const struct jwt_key_list *list, struct buffer token)
{
    struct buffer claims = {0};
    bool taken = jwt_verify(buffer_slice(&token), list->keys, list->count, &claims);
    CHECK(taken ? slice_equal(buffer_slice(&claims), slice_from_string(claims_text))
                : claims.length == 0);
    buffer_release(&claims);
    buffer_release(&token);
    return taken;
}

static struct jwt_key_list read_keys(struct buffer pem)
{
    struct jwt_key_list list = {0};
    struct buffer error = {0};
    CHECK(jwt_key_list_add_pem(&list, buffer_slice(&pem), &error));
    buffer_release(&pem);
    return list;
}

/* --- RFC 7515 --- */

#define RFC_CLAIMS                                                                                 \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"  \
    "lfQ"

/* A SubjectPublicKeyInfo: its beginning in hexadecimal, the rest in base64url. */
static struct jwt_key_list key_of_parts(const char *head, const char *const *parts, size_t count,
                                        const char *tail)
{
    struct buffer der = {0}, pem = {0};
    const char *texts[] = {head, tail};
    for (int i = 0; i < 2; i++) {
        for (const char *at = texts[i]; *at; at += 2) {
            buffer_append_byte(&der, (uint8_t)strtoul((char[]){at[0], at[1], 0}, NULL, 16));
        }
        for (size_t k = 0; i == 0 && k < count; k++) {
            CHECK(base64url_decode(&der, slice_from_string(parts[k])));
        }
    }
    buffer_append_string(&pem, "-----BEGIN PUBLIC KEY-----\n");
    for (size_t at = 0; at < der.length; at += 48) {
        size_t length = der.length - at < 48 ? der.length - at : 48;
        base64_append(&pem, slice_make(der.data + at, length));
        buffer_append_byte(&pem, '\n');
    }
    buffer_append_string(&pem, "-----END PUBLIC KEY-----\n");
    buffer_release(&der);
    return read_keys(pem);
}

static void check_rfc(struct jwt_key_list list, enum jwt_algorithm algorithm, const char *token)
{
    struct buffer claims = {0};
    CHECK_INT_EQUAL(list.count, 1);
    CHECK_INT_EQUAL(list.keys[0].algorithm, algorithm);
    CHECK(jwt_verify(slice_from_string(token), list.keys, 1, &claims));
    CHECK(slice_starts_with(buffer_slice(&claims), SLICE_LITERAL("{\"iss\":\"joe\"")));
    buffer_release(&claims);
    jwt_key_list_release(&list);
}

TEST(rs256_of_rfc_7515_appendix_a_2)
{
    static const char *const modulus =
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-"
        "4qPCJrcS2mJPMEzP1Pt0Bm"
        "4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-"
        "bSf63kpaSHSXndS5z5r"
        "exMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_"
        "I5IhlJH7aGhyx"
        "XFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    check_rfc(
        key_of_parts("30820122300d06092a864886f70d01010105000382010f003082010a0282010100", &modulus,
                     1, "0203010001"),
        JWT_RS256,
        "eyJhbGciOiJSUzI1NiJ9." RFC_CLAIMS
        ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"
        "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLI"
        "ARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOP"
        "qvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe7"
        "7Rw");
}

TEST(es256_of_rfc_7515_appendix_a_3)
{
    static const char *const point[] = {"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                                        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"};
    check_rfc(
        key_of_parts("3059301306072a8648ce3d020106082a8648ce3d03010703420004", point, 2, ""),
        JWT_ES256,
        "eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS
        ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU"
        "1Q");
}

/* --- what is taken --- */

TEST(the_algorithm_is_the_keys)
{
    static const struct {
        const char *header;
        bool rsa, ec;
    } rows[] = {
        {"{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"any\"}", true, false},
        {"{\"alg\":\"ES256\"}", false, true},
        {"{\"alg\":\"RS256\",\"crit\":[\"b64\"]}", false, false},
        {"{\"alg\":\"PS256\"}", false, false},
        {"{\"alg\":\"RS512\"}", false, false},
        {"{\"alg\":\"HS256\"}", false, false},
        {"{\"alg\":\"none\"}", false, false},
        {"{}", false, false},
    };
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256");
    struct jwt_key_list list = read_keys(pem_of_certificate(rsa));
    struct buffer pem = pem_of_public(ec), error = {0};
    CHECK(jwt_key_list_add_pem(&list, buffer_slice(&pem), &error));
    CHECK_INT_EQUAL(list.count, 2);
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s", rows[i].header);
        CHECK_INT_EQUAL(is_taken(&list, sign(rows[i].header, rsa)), rows[i].rsa);
        CHECK_INT_EQUAL(is_taken(&list, sign(rows[i].header, ec)), rows[i].ec);
    }
    buffer_release(&pem);
    jwt_key_list_release(&list);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ec);
}

/* The attack of old: the public key, which everybody knows, as the secret of an HMAC. */
TEST(a_public_key_is_no_secret)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    struct buffer pem = pem_of_public(rsa), token = {0}, claims = {0}, copy = {0};
    buffer_append(&copy, buffer_slice(&pem));
    struct jwt_key_list list = read_keys(copy);
    jwt_append(&token, slice_from_string(claims_text), buffer_slice(&pem));
    CHECK(!jwt_verify(buffer_slice(&token), list.keys, list.count, &claims));
    buffer_release(&pem);
    buffer_release(&token);
    jwt_key_list_release(&list);
    EVP_PKEY_free(rsa);
}

TEST(a_changed_character_anywhere)
{
    EVP_PKEY *keys[] = {EVP_RSA_gen(2048), EVP_EC_gen("P-256")};
    static const char *const headers[] = {"{\"alg\":\"RS256\"}", "{\"alg\":\"ES256\"}"};
    for (size_t k = 0; k < COUNT(keys); k++) {
        struct jwt_key_list list = read_keys(pem_of_public(keys[k]));
        struct buffer token = sign(headers[k], keys[k]);
        for (size_t i = 0; i < token.length; i += 7) {
            struct buffer changed = {0};
            buffer_append(&changed, buffer_slice(&token));
            changed.data[i] = changed.data[i] == 'A' ? 'B' : 'A';
            test_note("%s, character %zu", headers[k], i);
            CHECK(!is_taken(&list, changed));
        }
        CHECK(is_taken(&list, token));
        jwt_key_list_release(&list);
        EVP_PKEY_free(keys[k]);
    }
}

TEST(somebody_elses_key)
{
    EVP_PKEY *mine = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    struct jwt_key_list list = read_keys(pem_of_public(mine));
    CHECK(is_taken(&list, sign("{\"alg\":\"ES256\"}", mine)));
    CHECK(!is_taken(&list, sign("{\"alg\":\"ES256\"}", other)));
    jwt_key_list_release(&list);
    CHECK(!is_taken(&list, sign("{\"alg\":\"ES256\"}", mine)));
    EVP_PKEY_free(mine);
    EVP_PKEY_free(other);
}

TEST(what_looks_like_a_token)
{
    static const struct {
        const char *text;
        bool is_one;
    } rows[] = {
        {"eyJhbGciOiJub25lIn0.x.y", true},
        {"eyJhbGciOiJub25lIn0..", true},
        {"eyJhbGciOiJub25lIn0.x", false},
        {"secret", false},
        {"my.long.password", false},
        {"MTI.x.y", false}, /* a number as header */
        {"", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s", rows[i].text);
        CHECK_INT_EQUAL(jwt_is_one(slice_from_string(rows[i].text)), rows[i].is_one);
    }
}

/* --- what is no key --- */

static void check_no_key(struct buffer pem, const char *why)
{
    struct jwt_key_list list = {0};
    struct buffer error = {0};
    CHECK(!jwt_key_list_add_pem(&list, buffer_slice(&pem), &error));
    CHECK_INT_EQUAL(list.count, 0);
    CHECK(memmem(error.data, error.length, why, strlen(why)));
    buffer_release(&error);
    buffer_release(&pem);
    jwt_key_list_release(&list);
}

static struct buffer text_of(const char *text)
{
    struct buffer out = {0};
    buffer_append_string(&out, text);
    return out;
}

TEST(what_is_no_key)
{
    EVP_PKEY *weak = EVP_RSA_gen(1024), *curve = EVP_EC_gen("P-384"), *good = EVP_EC_gen("P-256");
    BIO *private = BIO_new(BIO_s_mem());
    CHECK(PEM_write_bio_PrivateKey(private, good, NULL, NULL, 0, NULL, NULL) == 1);
    check_no_key(pem_of_public(weak), "2048");
    check_no_key(pem_of_public(curve), "P-256");
    check_no_key(pem_of(private), "neither a certificate nor a public key");
    check_no_key(text_of(""), "PEM");
    check_no_key(text_of("no key"), "PEM");
    check_no_key(text_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                 "neither a certificate");
    /* All or nothing. */
    struct buffer both = pem_of_public(good), bad = pem_of_public(weak);
    buffer_append(&both, buffer_slice(&bad));
    check_no_key(both, "2048");
    buffer_release(&bad);
    EVP_PKEY_free(weak);
    EVP_PKEY_free(curve);
    EVP_PKEY_free(good);
}
