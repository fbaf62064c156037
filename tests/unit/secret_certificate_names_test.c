/* Names and hashes of certificates that are made here.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "secret/certificate_names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add_to_subject(X509 *certificate, const char *what, const char *value, int length)
{
    CHECK(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), what, MBSTRING_UTF8,
                                     (const uint8_t *)value, length, -1, 0) == 1);
}

static X509 *make_certificate(const char *alternatives)
{
    X509 *certificate = X509_new();
    EVP_PKEY *key = EVP_EC_gen("P-256");
    add_to_subject(certificate, "O", "Plant", -1);
    add_to_subject(certificate, "CN", "Sensor-1", -1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
    X509_set_pubkey(certificate, key);
    if (alternatives) {
        X509_EXTENSION *extension =
            X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alternatives);
        CHECK(extension && X509_add_ext(certificate, extension, -1) == 1);
        X509_EXTENSION_free(extension);
    }
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    EVP_PKEY_free(key);
    return certificate;
}

static const char alternatives[] = "DNS:sensor.plant.example,DNS:other.example,URI:urn:dev:ops:1,"
                                   "IP:10.0.0.7,IP:2001:db8::7,email:Sensor@plant.example";

TEST(a_name_of_each_kind)
{
    static const struct {
        enum certificate_name kind;
        const char *first;
        const char *names[4]; /* that it has */
        const char *others[4];
    } rows[] = {
        {CERTIFICATE_SUBJECT,
         "Sensor-1",
         {"sensor-1", "CN=Sensor-1,O=Plant", "Sensor-1"},
         {"Sensor-2", "Plant", "CN=Sensor-1", "sensor.plant.example"}},
        {CERTIFICATE_DNS,
         "sensor.plant.example",
         {"SENSOR.plant.example", "other.example"},
         {"Sensor-1", "plant.example", "10.0.0.7"}},
        {CERTIFICATE_URI, "urn:dev:ops:1", {"urn:dev:ops:1"}, {"urn:dev:ops:2", "1"}},
        {CERTIFICATE_IP,
         "10.0.0.7",
         {"10.0.0.7", "2001:DB8:0:0:0:0:0:7", "2001:db8::7"},
         {"10.0.0.8", "::7", "sensor-1", "010.0.0.7"}},
        {CERTIFICATE_EMAIL, "Sensor@plant.example", {"sensor@plant.example"}, {"plant.example"}},
    };
    X509 *certificate = make_certificate(alternatives);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer first = {0};
        test_note("%s", rows[i].first);
        CHECK(certificate_append_name(certificate, rows[i].kind, &first));
        CHECK_SLICE_EQUAL(buffer_slice(&first), slice_from_string(rows[i].first));
        for (size_t k = 0; k < 4 && rows[i].names[k]; k++) {
            test_note("%s", rows[i].names[k]);
            CHECK(certificate_has_name(certificate, rows[i].kind,
                                       slice_from_string(rows[i].names[k])));
        }
        for (size_t k = 0; k < 4 && rows[i].others[k]; k++) {
            test_note("%s", rows[i].others[k]);
            CHECK(!certificate_has_name(certificate, rows[i].kind,
                                        slice_from_string(rows[i].others[k])));
        }
        buffer_release(&first);
    }
    X509_free(certificate);
}

TEST(names_that_are_not_there)
{
    X509 *certificate = make_certificate(NULL);
    struct buffer name = {0};
    for (int kind = CERTIFICATE_DNS; kind < CERTIFICATE_NAMES; kind++) {
        CHECK(!certificate_append_name(certificate, (enum certificate_name)kind, &name));
        CHECK(!certificate_has_name(certificate, (enum certificate_name)kind, SLICE_EMPTY));
    }
    CHECK(!certificate_has_name(certificate, CERTIFICATE_SUBJECT, SLICE_EMPTY));
    CHECK_INT_EQUAL(name.length, 0);
    X509_free(certificate);
}

TEST(a_name_with_a_nul_is_none)
{
    X509 *certificate = X509_new();
    struct buffer name = {0};
    add_to_subject(certificate, "CN", "boss\0x", 6);
    CHECK(!certificate_append_name(certificate, CERTIFICATE_SUBJECT, &name));
    CHECK(!certificate_has_name(certificate, CERTIFICATE_SUBJECT, SLICE_LITERAL("boss")));
    add_to_subject(certificate, "CN", "clerk", -1);
    CHECK(certificate_append_name(certificate, CERTIFICATE_SUBJECT, &name));
    CHECK_SLICE_EQUAL(buffer_slice(&name), SLICE_LITERAL("clerk"));
    buffer_release(&name);
    X509_free(certificate);
}

TEST(thumbprints)
{
    X509 *certificate = make_certificate(NULL), *other = make_certificate(NULL);
    const EVP_MD *kinds[] = {EVP_sha256(), EVP_sha1()};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        unsigned char hash[EVP_MAX_MD_SIZE];
        unsigned length = 0;
        struct buffer lower = {0}, upper = {0};
        CHECK(X509_digest(certificate, kinds[i], hash, &length) == 1);
        for (unsigned k = 0; k < length; k++) {
            buffer_append_format(&lower, "%02x", hash[k]);
            buffer_append_format(&upper, "%02X", hash[k]);
        }
        CHECK(certificate_has_thumbprint(certificate, buffer_slice(&lower)));
        CHECK(certificate_has_thumbprint(certificate, buffer_slice(&upper)));
        CHECK(!certificate_has_thumbprint(other, buffer_slice(&lower)));
        CHECK(!certificate_has_thumbprint(certificate, slice_from(buffer_slice(&lower), 2)));
        buffer_release(&lower);
        buffer_release(&upper);
    }
    CHECK(!certificate_has_thumbprint(certificate, SLICE_EMPTY));
    X509_free(certificate);
    X509_free(other);
}
