/* What the TLS connections of one listener share (OpenSSL, TLS 1.2 and newer): certificate, key,
 * trusted authorities, and how TLS is spoken.
 *
 * It can be loaded anew while it is in use: connections that exist keep what they began with, new
 * ones get the new. A failed load changes nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TLS_CONTEXT_H
#define PUBGRID_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/buffer.h"

struct tls_context;

/* Paths of PEM files; NULL or empty where optional and not wanted. */
struct tls_files {
    const char *certificate; /* the server's, followed by its chain */
    const char *key;
    const char *authorities; /* CAs of client certificates; optional: no client certificates */
    const char *revoked;     /* CRLs of those CAs; optional */
    bool require_client_certificate;
    const char *protocol; /* chosen if the client offers it (ALPN); NULL: none. It stays. */
};

/* NULL on failure, with a sentence in `error`. */
struct tls_context *tls_context_new(const struct tls_files *files, struct buffer *error);
/* False, with a sentence in `error` and the old certificates in force, on failure. Any thread. */
bool tls_context_load(struct tls_context *context, const struct tls_files *files,
                      struct buffer *error);
/* Connections may still use what was loaded: it is counted. */
void tls_context_free(struct tls_context *context);

/* From now on new connections ask the peer for a certificate and take any, whoever has signed it,
 * but for one that is revoked: whether it means something is then for the user to decide, who finds
 * in SSL_get_verify_result() what the authorities say. With `required` certificates nothing
 * changes: they keep to the authorities. Any thread. */
void tls_context_ask(struct tls_context *context, bool ask);

/* A new connection with the certificates in force; NULL when memory is short. Any thread. */
SSL *tls_context_begin(struct tls_context *context);

#endif
