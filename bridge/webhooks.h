/* Webhooks as the configuration wants them (net/webhook.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BRIDGE_WEBHOOKS_H
#define PUBGRID_BRIDGE_WEBHOOKS_H

#include "base/buffer.h"
#include "net/webhook.h"

struct bridge_config;
struct gateway;

/* Appends the host of the first public endpoint, else the machine's name: who we are for webhooks
 * (WebHook-Request-Origin), without a port (spec/webpubsub.md 7.1). */
void webhooks_append_origin(struct buffer *out, const struct bridge_config *config);
/* Is it the address of all interfaces? */
bool webhooks_is_wildcard(const char *address);
/* The origin and the gateway, which publishes copies for event listeners, must outlive them. NULL:
 * libcurl cannot start. */
struct webhook *webhooks_start(struct uv_loop_s *loop, struct gateway *gateway,
                               const struct bridge_config *config,
                               const struct upgrade_context *access, const char *origin);

#endif
