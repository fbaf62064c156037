/* See webhooks.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhooks.h"

#include "client/event_copy.h"
#include "config/config.h"

static void publish(void *context, const struct listener_message *message)
{
    event_copy_publish(context, message);
}

struct webhook *webhooks_start(struct uv_loop_s *loop, struct gateway *gateway,
                               const struct bridge_config *config,
                               const struct upgrade_context *access, const char *origin)
{
    return webhook_new(loop, &(struct webhook_options){
                                 .access = access,
                                 .origin = origin,
                                 .ca_file = config->webhook_ca,
                                 .connections = config->webhook_connections,
                                 .connections_per_handler = config->webhook_connections_per_handler,
                                 .waiting_max = config->webhook_events,
                                 .waiting_bytes_max = config->webhook_bytes,
                                 .clock = clock_now,
                                 .publish = publish,
                                 .publish_context = gateway,
                             });
}
