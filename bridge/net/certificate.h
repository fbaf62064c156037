/* The certificate of an https listener, read again while the listener goes on.
 *
 * libwebsockets has loaded the first one into the listener's SSL_CTX. A new one cannot just be put
 * there: of each kind of key it keeps one, so that an RSA certificate would stay beside the EC one
 * that replaces it. So each handshake is given what was read last.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_CERTIFICATE_H
#define PUBGRID_NET_CERTIFICATE_H

#include <openssl/types.h>
#include <stdbool.h>

/* Zeroed memory: what libwebsockets has loaded is in force. */
struct certificate {
    SSL_CTX *loaded; /* holds certificate, chain and key that were read last; NULL: none */
};

/* Reads both PEM files for the handshakes of `tls` from now on; `certificate` must outlive these.
 * False, having logged why, if they are no certificate with its key: then what was in force stays.
 */
bool certificate_load(struct certificate *certificate, SSL_CTX *tls, const char *certificate_file,
                      const char *key_file);
void certificate_release(struct certificate *certificate);

#endif
