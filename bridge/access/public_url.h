/* Where a client thinks this server is: the base of URLs in answers to it. Pure.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_ACCESS_PUBLIC_URL_H
#define PUBGRID_ACCESS_PUBLIC_URL_H

#include <stdbool.h>

#include "access/upgrade.h"
#include "base/buffer.h"

/* Appends "https://host:port": by a public endpoint if the request's `host` is one, since a proxy
 * may speak TLS for us; without a host by the first one. False: `host` cannot stand in a URL. */
bool public_url_append(struct buffer *out, const struct upgrade_context *context, struct slice host,
                       bool is_tls);

#endif
