/* Certificates, see certificate.h: OpenSSL reads them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/certificate.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/timestamp.h"

static bool read_time(const ASN1_TIME *time, int64_t *ms)
{
    struct tm parts;
    if (ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    *ms = civil_time_to_ms(&(struct civil_time){
        .year = parts.tm_year + 1900,
        .month = (uint32_t)parts.tm_mon + 1,
        .day = (uint32_t)parts.tm_mday,
        .hour = (uint32_t)parts.tm_hour,
        .minute = (uint32_t)parts.tm_min,
        .second = (uint32_t)parts.tm_sec,
    });
    return true;
}

static const char *read_facts(X509 *certificate, struct certificate_facts *out)
{
    if (!read_time(X509_get0_notBefore(certificate), &out->issued_ms) ||
        !read_time(X509_get0_notAfter(certificate), &out->expires_ms)) {
        return "is a certificate whose dates cannot be read";
    }
    out->is_authority = X509_check_ca(certificate) > 0;
    return NULL;
}

const char *certificate_read(struct slice pem, struct certificate_facts *out)
{
    BIO *bio = pem.length <= INT_MAX ? BIO_new_mem_buf(pem.data, (int)pem.length) : NULL;
    X509 *first = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    X509 *second = first ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    const char *problem = !first   ? "is no certificate in PEM (-----BEGIN CERTIFICATE-----)"
                          : second ? "has more than one certificate; register each on its own"
                                   : read_facts(first, out);
    X509_free(first);
    X509_free(second);
    BIO_free(bio);
    ERR_clear_error();
    return problem;
}
