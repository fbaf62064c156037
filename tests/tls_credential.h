/* A key and a certificate that a test makes, in files of a folder of their own. Functions of a
 * test, so include it behind test.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_TLS_CREDENTIAL_H
#define PUBGRID_TESTS_TLS_CREDENTIAL_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

struct credential {
    EVP_PKEY *key;
    X509 *certificate;
    char folder[32];
    char certificate_path[64], key_path[64];
};

static inline void name_add(X509_NAME *name, const char *common_name)
{
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)common_name, -1,
                                     -1, 0) == 1);
}

static inline void extension_add(X509 *certificate, int which, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, which, value);

    CHECK(extension && X509_add_ext(certificate, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

/* Of a server at 127.0.0.1. Signed by `issuer`, or by itself if that is NULL. */
static inline void credential_make(struct credential *out, const char *common_name,
                                   const struct credential *issuer)
{
    X509 *certificate = X509_new();
    FILE *file;

    out->key = EVP_EC_gen("P-256");
    out->certificate = certificate;
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), issuer ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, out->key);
    name_add(X509_get_subject_name(certificate), common_name);
    X509_set_issuer_name(certificate,
                         X509_get_subject_name(issuer ? issuer->certificate : certificate));
    extension_add(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    if (!issuer) {
        extension_add(certificate, NID_basic_constraints, "critical,CA:TRUE");
    }
    CHECK(X509_sign(certificate, issuer ? issuer->key : out->key, EVP_sha256()) > 0);
    strcpy(out->folder, "/tmp/net_tls_XXXXXX");
    CHECK(mkdtemp(out->folder));
    snprintf(out->certificate_path, sizeof(out->certificate_path), "%s/cert.pem", out->folder);
    snprintf(out->key_path, sizeof(out->key_path), "%s/key.pem", out->folder);
    file = fopen(out->certificate_path, "w");
    PEM_write_X509(file, certificate);
    fclose(file);
    file = fopen(out->key_path, "w");
    PEM_write_PrivateKey(file, out->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}

static inline void credential_release(struct credential *credential)
{
    unlink(credential->certificate_path);
    unlink(credential->key_path);
    rmdir(credential->folder);
    X509_free(credential->certificate);
    EVP_PKEY_free(credential->key);
}

#endif
