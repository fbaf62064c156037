/* What the TLS transport takes from a context; its makers use tls.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TLS_CONTEXT_H
#define PUBGRID_NET_TLS_CONTEXT_H

#include <openssl/ssl.h>

struct tls_context;

/* A new connection with the certificates in force; NULL when memory is short. Any thread. */
SSL *tls_context_begin(struct tls_context *context);

#endif
