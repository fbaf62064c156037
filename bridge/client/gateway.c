/* See gateway.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "client/gateway.h"

#include <assert.h>

#include "base/memory.h"
#include "client/client.h"
#include "client/event_queue.h"
#include "client/hub_admin.h"
#include "client/janitor.h"
#include "client/metrics_report.h"
#include "client/staff.h"

/* The broker is there, for the first time or again. */
static void on_ready(void *listener)
{
    struct gateway *gateway = listener;

    if (!gateway->is_stopping) {
        janitor_connect(gateway->janitor);
    }
    if (gateway->hub_listener) {
        settings_store_connect(gateway->hub_store, &gateway->hub_listener->settings);
    }
    staff_connect(gateway->staff);
    LIST_FOREACH_SAFE (link, &gateway->clients) {
        struct client *client = CONTAINER_OF(link, struct client, all);
        client->kind->ready(client);
    }
    reporter_connect(gateway->reporter);
    if (gateway->grid) {
        gateway->connect_grid(gateway->grid);
    }
}

void gateway_init(struct gateway *gateway)
{
    timers_init(&gateway->timers, gateway_now(gateway), gateway);
    list_init(&gateway->clients);
    list_init(&gateway->event_queues);
    registry_init(&gateway->registry);
    list_init(&gateway->settings_stores);
    gateway->janitor = janitor_new(gateway);
    gateway->hub_store = settings_store_new(gateway, &hub_settings_kind);
    metrics_init(&gateway->metrics);
    gateway->reporter = reporter_new(gateway);
    gateway->staff = staff_new(gateway);
    gateway->link->ready = on_ready;
    gateway->link->listener = gateway;
}

void gateway_stop(struct gateway *gateway)
{
    gateway->is_stopping = true;
    janitor_stop(gateway->janitor);
}

void gateway_release(struct gateway *gateway)
{
    assert(list_is_empty(&gateway->clients));
    event_queues_free(gateway);
    janitor_free(gateway->janitor);
    settings_store_free(gateway->hub_store);
    staff_free(gateway->staff);
    reporter_free(gateway->reporter);
    metrics_release(&gateway->metrics);
    registry_release(&gateway->registry);
    buffer_release(&gateway->decoded);
    buffer_release(&gateway->packet);
    buffer_release(&gateway->frame);
    buffer_release(&gateway->topic);
    buffer_release(&gateway->properties);
}

void gateway_advance(struct gateway *gateway)
{
    timers_advance(&gateway->timers, gateway_now(gateway));
}

msec_t gateway_next_deadline(const struct gateway *gateway)
{
    return timers_next(&gateway->timers);
}

bool gateway_is_ready(const struct gateway *gateway)
{
    return gateway->link->ops->is_ready(gateway->link);
}

bool gateway_is_serving(const struct gateway *gateway)
{
    return gateway_is_ready(gateway) && !gateway->access->awaits_settings &&
           (!gateway->grid_is_ready || gateway->grid_is_ready(gateway->grid));
}
