/* The TLS transport; certificates and the like are tls/context.h's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TLS_H
#define PUBGRID_NET_TLS_H

#include <stdbool.h>

#include "net/transport.h"

struct tls_context;

/* Takes over the descriptor, as a server whose handshake happens in the first reads.
 * `peer_address` (for the log) outlives the transport. False, with the descriptor closed, when
 * memory is short. Any thread. */
bool tls_transport_init(struct transport *transport, int fd, struct tls_context *context,
                        const char *peer_address);

#endif
