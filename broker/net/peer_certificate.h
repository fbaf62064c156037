/* What a peer has shown in its TLS handshake. The handshake has proven that it holds the private
 * key; whether the certificate means anything is for the authenticator to say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_PEER_CERTIFICATE_H
#define PUBGRID_NET_PEER_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>

/* Valid as long as the transport. */
struct peer_certificate {
    X509 *leaf;
    STACK_OF(X509) * chain; /* of what it sent; NULL: nothing else */
    bool is_trusted;        /* by the authorities of the listener */
};

#endif
