/* Webhooks as the configuration wants them (net/webhook.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BRIDGE_WEBHOOKS_H
#define PUBGRID_BRIDGE_WEBHOOKS_H

#include "base/buffer.h"
#include "net/webhook.h"

struct bridge_config;
struct gateway;

/* The origin (who we are for webhooks, spec/webpubsub.md 7.1) and the gateway, which publishes
 * copies for event listeners, must outlive them. NULL: libcurl cannot start. */
struct webhook *webhooks_start(struct uv_loop_s *loop, struct gateway *gateway,
                               const struct bridge_config *config,
                               const struct upgrade_context *access, const char *origin);

#endif
