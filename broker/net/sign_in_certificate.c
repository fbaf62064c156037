/* Who somebody is by a certificate. See sign_in.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/ascii.h"
#include "net/sign_in.h"

static const char *const not_in_time = "it has expired, or is not valid yet";
static const char *const not_a_name = "its name is no text that a user name can be";
static const char *const not_signed = "no authority that is known here has signed it";

/* By the authorities of the namespace. NULL, or why not. */
static const char *check_authorities(const struct sign_in *sign_in,
                                     const struct peer_certificate *peer, struct proof *proof)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    const char *wrong = not_signed;
    if (check && sign_in->authority_count > 0 &&
        X509_STORE_CTX_init(check, sign_in->authorities, peer->leaf, peer->chain) == 1 &&
        X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_CLIENT) == 1) {
        bool good = X509_verify_cert(check) == 1;
        wrong = good ? NULL : X509_verify_cert_error_string(X509_STORE_CTX_get_error(check));
        if (good) {
            const STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(check);
            proof->ground = ground_of_authority(sk_X509_value(chain, sk_X509_num(chain) - 1));
        }
    }
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return wrong;
}

static const char *check_trust(const struct sign_in *sign_in, const struct peer_certificate *peer,
                               struct proof *proof)
{
    return peer->is_trusted ? NULL : check_authorities(sign_in, peer, proof);
}

static bool is_in_time(const X509 *certificate)
{
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* --- the certificate of a client that is known --- */

/* Nobody needs to have signed it: it is known itself. */
static const char *check_thumbprint(const struct sign_in_client *client, const X509 *certificate,
                                    struct proof *proof)
{
    for (size_t i = 0; i < client->thumbprint_count; i++) {
        if (certificate_has_thumbprint(certificate, client->thumbprints[i])) {
            if (!is_in_time(certificate)) {
                return not_in_time;
            }
            proof->ground = ground_of_thumbprint(client, client->thumbprints[i]);
            return NULL;
        }
    }
    return "its thumbprint is none of the client's";
}

static const char *check_client(const struct sign_in *sign_in, const struct sign_in_client *client,
                                const struct peer_certificate *peer, struct proof *proof)
{
    static const enum certificate_name kinds[VALIDATION_SCHEMES] = {
        [VALIDATE_SUBJECT] = CERTIFICATE_SUBJECT, [VALIDATE_DNS] = CERTIFICATE_DNS,
        [VALIDATE_URI] = CERTIFICATE_URI,         [VALIDATE_IP] = CERTIFICATE_IP,
        [VALIDATE_EMAIL] = CERTIFICATE_EMAIL,
    };
    if (client->scheme == VALIDATE_THUMBPRINT) {
        return check_thumbprint(client, peer->leaf, proof);
    }
    return certificate_has_name(peer->leaf, kinds[client->scheme], client->name)
               ? check_trust(sign_in, peer, proof)
               : "the client's name is not where its validationScheme says";
}

/* --- the name that a certificate gives --- */

/* The first source that the certificate has. A client of that name has a word in the matter. */
static const char *take_name(const struct sign_in *sign_in, const struct peer_certificate *peer,
                             struct proof *proof)
{
    for (size_t i = 0; i < sign_in->source_count; i++) {
        if (certificate_append_name(peer->leaf, sign_in->sources[i], &proof->name)) {
            if (!proof_has_name(proof)) {
                return not_a_name;
            }
            const struct sign_in_client *client = sign_in_find(sign_in, buffer_slice(&proof->name));
            return client ? check_client(sign_in, client, peer, proof)
                          : check_trust(sign_in, peer, proof);
        }
    }
    return sign_in->source_count > 0 ? "it has none of the alternativeAuthenticationNameSources"
                                     : "the user name is that of no client, and there are no "
                                       "alternativeAuthenticationNameSources";
}

static const char *check_name(const struct sign_in *sign_in, const struct peer_certificate *peer,
                              struct slice user_name, struct proof *proof)
{
    const char *wrong = take_name(sign_in, peer, proof);
    bool is_another =
        user_name.length > 0 && !equal_ignoring_case(user_name, buffer_slice(&proof->name));
    return wrong || !is_another ? wrong : "the user name is not the one in it";
}

const char *sign_in_by_certificate(const struct sign_in *sign_in,
                                   const struct peer_certificate *peer, struct slice user_name,
                                   struct proof *proof)
{
    const struct sign_in_client *client =
        user_name.length > 0 ? sign_in_find(sign_in, user_name) : NULL;
    const char *wrong = client ? check_client(sign_in, client, peer, proof) : NULL;
    if (client && !wrong) {
        buffer_append(&proof->name, client->name);
        return NULL;
    }
    const char *unnamed = check_name(sign_in, peer, user_name, proof);
    if (unnamed) {
        proof->name.length = 0;
        proof->ground = 0;
    }
    return unnamed && wrong ? wrong : unnamed;
}

const char *sign_in_by_common_name(const struct sign_in *sign_in,
                                   const struct peer_certificate *peer, struct proof *proof)
{
    if (!peer->is_trusted) {
        return not_signed;
    }
    if (!certificate_append_name(peer->leaf, CERTIFICATE_SUBJECT, &proof->name) ||
        !proof_has_name(proof)) {
        proof->name.length = 0;
        return not_a_name;
    }
    const struct sign_in_client *client =
        sign_in ? sign_in_find(sign_in, buffer_slice(&proof->name)) : NULL;
    const char *wrong = client ? check_client(sign_in, client, peer, proof) : NULL;
    if (wrong) {
        proof->name.length = 0;
    }
    return wrong;
}
