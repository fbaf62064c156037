/* See webhooks.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "webhooks.h"

#include <uv.h>

#include "client/event_copy.h"
#include "config/config.h"

/* Between the slashes and the port: of "https://[::1]:8443" it is "[::1]". */
static struct slice host_of(const char *endpoint)
{
    const char *begin = strstr(endpoint, "://");
    const char *host = begin ? begin + strlen("://") : endpoint;
    const char *bracket = *host == '[' ? strchr(host, ']') : NULL;
    size_t length = bracket ? (size_t)(bracket - host) + 1 : strcspn(host, ":/");

    return slice_make(host, length);
}

bool webhooks_is_wildcard(const char *address)
{
    return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

/* Without public endpoints, the URL that clients on this machine have, and so the one that handlers
 * on it are told to allow; without such a listener the machine's name. */
void webhooks_append_origin(struct buffer *out, const struct bridge_config *config)
{
    char name[UV_MAXHOSTNAMESIZE] = "localhost";
    size_t size = sizeof(name);

    if (config->public_endpoints && config->public_endpoints[0]) {
        buffer_append(out, host_of(config->public_endpoints[0]));
        return;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        if (!webhooks_is_wildcard(config->listeners[i].address)) {
            buffer_append(out, host_of(config->listeners[i].text));
            return;
        }
    }
    uv_os_gethostname(name, &size);
    buffer_append_string(out, name);
}

static void publish(void *context, const struct listener_message *message)
{
    event_copy_publish(context, message);
}

struct webhook *webhooks_start(uv_loop_t *loop, struct gateway *gateway,
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
