/* Names in certificates. See certificate_names.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "secret/certificate_names.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "base/ascii.h"

enum { IPV4_SIZE = 4, IPV6_SIZE = 16, WHOLE_SUBJECT_MAX = 4096 };

/* Is shown each name of a kind; true: this was enough. */
typedef bool take_name(void *context, struct slice name);

/* A NUL inside is a trick against those who read it as a C string. */
static bool offer(take_name *take, void *context, const void *data, int length)
{
    return length > 0 && !memchr(data, '\0', (size_t)length) &&
           take(context, slice_make(data, (size_t)length));
}

/* --- the subject --- */

static bool walk_common_names(const X509 *certificate, take_name *take, void *context)
{
    const X509_NAME *subject = X509_get_subject_name(certificate);
    bool enough = false;
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    while (!enough && at >= 0) {
        unsigned char *name = NULL;
        int length =
            ASN1_STRING_to_UTF8(&name, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
        enough = offer(take, context, name, length);
        OPENSSL_free(name);
        at = X509_NAME_get_index_by_NID(subject, NID_commonName, at);
    }
    return enough;
}

/* As in RFC 2253, in UTF-8. */
static bool is_whole_subject(const X509 *certificate, struct slice name)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool same = false;
    if (memory && X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0,
                                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
        long length = BIO_get_mem_data(memory, &text);
        same = length > 0 && length <= WHOLE_SUBJECT_MAX &&
               equal_ignoring_case(slice_make(text, (size_t)length), name);
    }
    BIO_free(memory);
    return same;
}

/* --- alternative names --- */

static const int types[CERTIFICATE_NAMES] = {
    [CERTIFICATE_SUBJECT] = -1,   [CERTIFICATE_DNS] = GEN_DNS,     [CERTIFICATE_URI] = GEN_URI,
    [CERTIFICATE_IP] = GEN_IPADD, [CERTIFICATE_EMAIL] = GEN_EMAIL,
};

static bool offer_address(take_name *take, void *context, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN];
    int length = ASN1_STRING_length(address);
    int family = length == IPV4_SIZE ? AF_INET : length == IPV6_SIZE ? AF_INET6 : AF_UNSPEC;
    return family != AF_UNSPEC &&
           inet_ntop(family, ASN1_STRING_get0_data(address), text, sizeof(text)) &&
           take(context, slice_from_string(text));
}

static bool walk_alternatives(const X509 *certificate, enum certificate_name kind, take_name *take,
                              void *context)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    bool enough = false;
    for (int i = 0; !enough && i < sk_GENERAL_NAME_num(names); i++) {
        int type;
        const ASN1_STRING *value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);
        if (type != types[kind]) {
            continue;
        }
        enough = kind == CERTIFICATE_IP ? offer_address(take, context, value)
                                        : offer(take, context, ASN1_STRING_get0_data(value),
                                                ASN1_STRING_length(value));
    }
    GENERAL_NAMES_free(names);
    return enough;
}

static bool walk(const X509 *certificate, enum certificate_name kind, take_name *take,
                 void *context)
{
    return kind == CERTIFICATE_SUBJECT ? walk_common_names(certificate, take, context)
                                       : walk_alternatives(certificate, kind, take, context);
}

/* --- what is asked --- */

static bool keep(void *context, struct slice name)
{
    buffer_append(context, name);
    return true;
}

bool certificate_append_name(const X509 *certificate, enum certificate_name kind,
                             struct buffer *out)
{
    return walk(certificate, kind, keep, out);
}

static bool is_wanted(void *context, struct slice name)
{
    return equal_ignoring_case(*(const struct slice *)context, name);
}

/* An address has many spellings; the one that certificates' are compared in. */
static struct slice spell_address(struct slice name, char spelled[INET6_ADDRSTRLEN])
{
    unsigned char bytes[IPV6_SIZE];
    char text[INET6_ADDRSTRLEN];
    if (name.length == 0 || name.length >= sizeof(text)) {
        return name;
    }
    memcpy(text, name.data, name.length);
    text[name.length] = '\0';
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    bool is_one = inet_pton(family, text, bytes) == 1 &&
                  inet_ntop(family, bytes, spelled, INET6_ADDRSTRLEN) != NULL;
    return is_one ? slice_from_string(spelled) : name;
}

bool certificate_has_name(const X509 *certificate, enum certificate_name kind, struct slice name)
{
    char spelled[INET6_ADDRSTRLEN];
    struct slice wanted = kind == CERTIFICATE_IP ? spell_address(name, spelled) : name;
    return name.length > 0 &&
           (walk(certificate, kind, is_wanted, &wanted) ||
            (kind == CERTIFICATE_SUBJECT && is_whole_subject(certificate, name)));
}

bool certificate_has_thumbprint(const X509 *certificate, struct slice digits)
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1];
    unsigned length = 0;
    const EVP_MD *kinds[] = {EVP_sha256(), EVP_sha1()};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (digits.length == 2 * (size_t)EVP_MD_get_size(kinds[i]) &&
            X509_digest(certificate, kinds[i], hash, &length) == 1) {
            for (unsigned k = 0; k < length; k++) {
                snprintf(text + 2 * (size_t)k, 3, "%02x", hash[k]);
            }
            return equal_ignoring_case(slice_make(text, 2 * (size_t)length), digits);
        }
    }
    return false;
}
