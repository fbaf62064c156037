/* The TLS options of the command line as Paho wants them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_CLIENT_TLS_H
#define PUBGRID_CLI_CLIENT_TLS_H

#include <MQTTAsync.h>
#include <stdbool.h>

#include "options.h"

enum { PSK_BYTES_MAX = 256, ALPN_BYTES_MAX = 256 };

/* Must stay where it is while Paho uses `ssl`. */
struct client_tls {
    MQTTAsync_SSLOptions ssl;
    const struct options *options;
    unsigned char psk[PSK_BYTES_MAX];
    size_t psk_length;
    unsigned char alpn[ALPN_BYTES_MAX]; /* length byte and name */
};

/* False after a message on stderr. */
bool client_tls_prepare(struct client_tls *tls, const struct options *options);

#endif
