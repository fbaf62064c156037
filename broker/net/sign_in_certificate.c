/* Who somebody is by a certificate. See sign_in.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/ascii.h"
#include "net/sign_in.h"

/* Is it good by the authorities of the namespace? */
static bool is_vouched_for(const struct sign_in *sign_in, const struct peer_certificate *peer)
{
    X509_STORE_CTX *check = X509_STORE_CTX_new();
    bool good = check && sign_in->authority_count > 0 &&
                X509_STORE_CTX_init(check, sign_in->authorities, peer->leaf, peer->chain) == 1 &&
                X509_STORE_CTX_set_purpose(check, X509_PURPOSE_SSL_CLIENT) == 1 &&
                X509_verify_cert(check) == 1;
    X509_STORE_CTX_free(check);
    ERR_clear_error();
    return good;
}

static bool is_trusted(const struct sign_in *sign_in, const struct peer_certificate *peer)
{
    return peer->is_trusted || is_vouched_for(sign_in, peer);
}

static bool is_in_time(const X509 *certificate)
{
    return X509_cmp_current_time(X509_get0_notBefore(certificate)) < 0 &&
           X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

/* --- the certificate of a client that is known --- */

/* Nobody needs to have signed it: it is known itself. */
static bool has_known_thumbprint(const struct sign_in_client *client, const X509 *certificate)
{
    for (size_t i = 0; i < client->thumbprint_count; i++) {
        if (certificate_has_thumbprint(certificate, client->thumbprints[i])) {
            return is_in_time(certificate);
        }
    }
    return false;
}

static bool is_certificate_of(const struct sign_in *sign_in, const struct sign_in_client *client,
                              const struct peer_certificate *peer)
{
    static const enum certificate_name kinds[VALIDATION_SCHEMES] = {
        [VALIDATE_SUBJECT] = CERTIFICATE_SUBJECT, [VALIDATE_DNS] = CERTIFICATE_DNS,
        [VALIDATE_URI] = CERTIFICATE_URI,         [VALIDATE_IP] = CERTIFICATE_IP,
        [VALIDATE_EMAIL] = CERTIFICATE_EMAIL,
    };
    if (client->scheme == VALIDATE_THUMBPRINT) {
        return has_known_thumbprint(client, peer->leaf);
    }
    return certificate_has_name(peer->leaf, kinds[client->scheme], client->name) &&
           is_trusted(sign_in, peer);
}

/* --- the name that a certificate gives --- */

/* The first source that the certificate has. A client of that name has a word in the matter. */
static bool take_name(const struct sign_in *sign_in, const struct peer_certificate *peer,
                      struct proof *proof)
{
    for (size_t i = 0; i < sign_in->source_count; i++) {
        if (certificate_append_name(peer->leaf, sign_in->sources[i], &proof->name)) {
            const struct sign_in_client *client = sign_in_find(sign_in, buffer_slice(&proof->name));
            return client ? is_certificate_of(sign_in, client, peer) : is_trusted(sign_in, peer);
        }
    }
    return false;
}

bool sign_in_by_certificate(const struct sign_in *sign_in, const struct peer_certificate *peer,
                            struct slice user_name, struct proof *proof)
{
    const struct sign_in_client *client =
        user_name.length > 0 ? sign_in_find(sign_in, user_name) : NULL;
    if (client && is_certificate_of(sign_in, client, peer)) {
        buffer_append(&proof->name, client->name);
        return true;
    }
    bool good =
        take_name(sign_in, peer, proof) &&
        (user_name.length == 0 || equal_ignoring_case(user_name, buffer_slice(&proof->name)));
    if (!good) {
        proof->name.length = 0;
    }
    return good;
}
