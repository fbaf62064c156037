/* The TLS transport (OpenSSL, TLS 1.2 and newer) and its certificates.
 *
 * A context is what the connections of one listener share: certificate, key, trusted authorities.
 * It can be loaded anew while it is in use: connections that exist keep what they began with, new
 * ones get the new. A failed load changes nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TLS_H
#define PUBGRID_NET_TLS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "net/transport.h"

struct tls_context;

/* Paths of PEM files; NULL or empty where optional and not wanted. */
struct tls_files {
    const char *certificate; /* the server's, followed by its chain */
    const char *key;
    const char *authorities; /* CAs of client certificates; optional: no client certificates */
    const char *revoked;     /* CRLs of those CAs; optional */
    bool require_client_certificate;
};

/* NULL on failure, with a sentence in `error`. */
struct tls_context *tls_context_new(const struct tls_files *files, struct buffer *error);
/* False, with a sentence in `error` and the old certificates in force, on failure. Any thread. */
bool tls_context_load(struct tls_context *context, const struct tls_files *files,
                      struct buffer *error);
/* Connections may still use what was loaded: it is counted. */
void tls_context_free(struct tls_context *context);

/* Takes over the descriptor, as a server whose handshake happens in the first reads.
 * `peer_address` (for the log) outlives the transport. False, with the descriptor closed, when
 * memory is short. Any thread. */
bool tls_transport_init(struct transport *transport, int fd, struct tls_context *context,
                        const char *peer_address);

#endif
