/* Settings of hubs: from the configuration's words to those of access/hub.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "hubs.h"

#include "base/memory.h"

static struct hub_settings settings_from(const struct hub_config *hub)
{
    return (struct hub_settings){
        .name = hub->name,
        .anonymous_allowed = hub->anonymous_connect_policy == ANONYMOUS_CONNECT_ALLOW,
        .retained_on_join = hub->retained_on_join,
        .wildcards = hub->wildcards,
        .protobuf_json_as_text = hub->protobuf_json_as_text,
        .keep_alive_s = hub->keep_alive_s,
        .recovery_s = hub->recovery_s,
        .queue_messages = hub->queue_messages,
        .queue_bytes = hub->queue_bytes,
        .reliable_messages = hub->reliable_messages,
        .reliable_bytes = hub->reliable_bytes,
        .event_handlers = hub->event_handlers,
        .event_handler_count = hub->event_handler_count,
        .event_listeners = hub->event_listeners,
        .event_listener_count = hub->event_listener_count,
    };
}

struct hub_settings *hubs_from_config(const struct config *config)
{
    struct hub_settings *hubs = memory_allocate_zero(config->hub_count * sizeof(*hubs));
    for (size_t i = 0; i < config->hub_count; i++) {
        hubs[i] = settings_from(&config->hubs[i]);
    }
    return hubs;
}
