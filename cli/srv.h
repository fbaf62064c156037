/* DNS SRV records: -S of the tools.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_SRV_H
#define PUBGRID_CLI_SRV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The server that _mqtt._tcp.<domain> (or _secure-mqtt._tcp) names with the lowest priority. */
bool srv_find(const char *domain, bool tls, char *host, size_t host_size, uint16_t *port);

#endif
