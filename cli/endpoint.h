/* Where a tool connects to: the server of -h, -L, -S or --unix, reached directly or through a
 * relay, and the URI that Paho gets for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_ENDPOINT_H
#define PUBGRID_CLI_ENDPOINT_H

#include "options.h"

struct endpoint;

/* Finds the server, and starts the relay if one is needed. NULL after an error message. */
struct endpoint *endpoint_open(const struct options *options);
/* Not once a relay may be in use. */
void endpoint_close(struct endpoint *endpoint);

const char *endpoint_uri(const struct endpoint *endpoint);
/* The HTTP proxy that Paho must use for TLS, or NULL. */
const char *endpoint_proxy(const struct endpoint *endpoint);

/* Paho tries one address of a host, an IPv4 one if there is any. If that is why it has failed, puts
 * a relay to another address in its place: true, and the URI is a new one. */
bool endpoint_try_others(struct endpoint *endpoint);

/* After Paho has closed: waits until the last bytes have left. */
void endpoint_finish(struct endpoint *endpoint);

/* Paho does not say why it could not connect: prints the reason; returns the exit status. */
int endpoint_explain(const struct endpoint *endpoint);

#endif
