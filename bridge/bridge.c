/* Wiring of the bridge: see bridge.h.
 *
 *   begin: settings, webhooks, link, gateway, Event Grid, service
 *   end:   service (which closes the clients), webhooks (which deliver their last events), Event
 *          Grid, gateway, link, settings
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bridge.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "client/gateway.h"
#include "client/hub_admin.h"
#include "client/rest.h"
#include "dispatch/call.h"
#include "event_grid.h"
#include "hubs.h"
#include "net/link_trunk.h"
#include "net/service.h"
#include "net/webhook_metrics.h"
#include "net/websocket.h"
#include "secret/access_keys.h"
#include "webhooks.h"

/* What one reading of configuration and keys has come to. Texts of older ones are still in use, so
 * all are kept. */
struct generation {
    struct list link; /* in bridge->generations */
    struct config *config;
    struct access_keys *keys;
};

struct bridge {
    uv_loop_t *loop;
    struct list generations; /* the last is in force */
    struct hub_tables *hubs; /* the settings of hubs, also what is set at run time */
    struct hub_listener hub_listener;
    struct upgrade_context access; /* points into it */
    struct gateway gateway;
    struct link_trunk *links;
    struct service *service;
    struct webhook *webhook;
    struct event_grid *event_grid;
    struct buffer origin; /* a text: who we are for webhooks */
    struct service_listener *listeners;
    uv_timer_t timer;
    uv_prepare_t prepare;
    void (*stopped)(void *context);
    void *context;
};

/* ---------------------------------------------------------------- settings */

static void generation_free(struct generation *generation)
{
    list_remove(&generation->link);
    access_keys_free(generation->keys);
    config_free(generation->config);
    free(generation);
}

static struct generation *current(const struct bridge *bridge)
{
    return CONTAINER_OF(bridge->generations.prev, struct generation, link);
}

/* Those that are in force now. */
static void take_hubs(struct bridge *bridge)
{
    bridge->access.hubs = hub_tables_current(bridge->hubs, &bridge->access.hub_count);
}

/* Takes over `config`, also when the keys cannot be read (false). */
static bool adopt(struct bridge *bridge, struct config *config, struct buffer *error)
{
    struct access_keys *keys = access_keys_open(config->bridge.keys, error);
    struct generation *generation;

    if (!keys) {
        config_free(config);
        return false;
    }
    generation = memory_allocate_zero(sizeof(*generation));
    generation->config = config;
    generation->keys = keys;
    list_add_last(&bridge->generations, &generation->link);
    if (bridge->hubs) {
        hub_tables_set_config(bridge->hubs, config);
    } else {
        bridge->hubs = hub_tables_new(config);
        bridge->access.awaits_settings = true;
    }
    bridge->access.keys = keys;
    bridge->access.public_endpoints = (const char *const *)config->bridge.public_endpoints;
    bridge->access.ignore_audience_host = config->bridge.ignore_audience_host;
    take_hubs(bridge);
    return true;
}

/* ---------------------------------------------------------------- hubs at run time */

static void begin_hubs(void *context)
{
    hub_tables_begin(((struct bridge *)context)->hubs);
}

static void hub_changed(void *context, struct slice hub, struct slice settings)
{
    struct bridge *bridge = context;
    struct buffer error = {0};

    if (hub_tables_set(bridge->hubs, hub, settings, &error)) {
        log_write(LOG_DEBUG, settings.length > 0 ? "hub set" : "hub as configured", "hub=%.*s",
                  SLICE_PRINT(hub));
    } else {
        error.length--; /* the last line's end */
        log_write(LOG_ERROR, "settings of a hub ignored", "hub=%.*s reason=\"%.*s\"",
                  SLICE_PRINT(hub), SLICE_PRINT(error));
    }
    buffer_release(&error);
    take_hubs(bridge);
}

static void hubs_are_complete(void *context)
{
    struct bridge *bridge = context;

    hub_tables_complete(bridge->hubs);
    take_hubs(bridge);
    bridge->access.awaits_settings = false;
}

static void append_hubs(void *context, struct buffer *out)
{
    hub_tables_append_list(((struct bridge *)context)->hubs, out);
}

static void append_hub(void *context, struct slice hub, struct buffer *out)
{
    hub_tables_append_settings(((struct bridge *)context)->hubs, hub, out);
}

static bool check_hub(void *context, struct slice hub, struct slice settings, struct buffer *error)
{
    (void)context;
    return hub_settings_are_good(hub, settings, error);
}

/* ---------------------------------------------------------------- time */

static void wake(uv_timer_t *timer)
{
    struct bridge *bridge = timer->data;

    gateway_advance(&bridge->gateway);
}

/* Before the loop sleeps: it is to wake for the next timer. */
static void set_timer(uv_prepare_t *prepare)
{
    struct bridge *bridge = prepare->data;
    msec_t deadline = gateway_next_deadline(&bridge->gateway);

    if (deadline == MSEC_NEVER) {
        uv_timer_stop(&bridge->timer);
    } else {
        msec_t now = clock_now();
        uv_timer_start(&bridge->timer, wake, deadline > now ? (uint64_t)(deadline - now) : 0, 0);
    }
}

/* ---------------------------------------------------------------- start */

static void make_webhooks(struct bridge *bridge)
{
    bridge_config_append_host(&bridge->origin, &current(bridge)->config->bridge);
    buffer_append_byte(&bridge->origin, '\0');
    bridge->webhook =
        webhooks_start(bridge->loop, &bridge->gateway, &current(bridge)->config->bridge,
                       &bridge->access, (const char *)bridge->origin.data);
}

static void make_gateway(struct bridge *bridge, unsigned index)
{
    const struct config *config = current(bridge)->config;

    bridge->hub_listener = (struct hub_listener){
        .settings = {bridge, begin_hubs, hub_changed, hubs_are_complete},
        .append_list = append_hubs,
        .append_settings = append_hub,
        .check = check_hub,
    };
    bridge->links = link_trunk_new(bridge->loop, config->bridge.trunk);
    bridge->gateway = (struct gateway){
        .link = link_trunk_link(bridge->links),
        .sockets = &websocket_operations,
        .access = &bridge->access,
        .hub_listener = &bridge->hub_listener,
        .random = random_bytes,
        .clock = clock_now,
        .index = index,
        .sys_interval_ms = config->core.sys_interval_ms,
        .packet_size_max = config->bridge.maximum_message_size + UINT16_MAX,
        .events = {bridge->webhook ? &webhook_operations : NULL, bridge->webhook},
    };
    gateway_init(&bridge->gateway);
    webhook_show_metrics(&bridge->gateway.metrics, bridge->webhook);
    uv_timer_init(bridge->loop, &bridge->timer);
    uv_prepare_init(bridge->loop, &bridge->prepare);
    bridge->timer.data = bridge->prepare.data = bridge;
    uv_prepare_start(&bridge->prepare, set_timer);
}

static void end_gateway(struct bridge *bridge)
{
    gateway_release(&bridge->gateway);
    link_trunk_close(bridge->links);
    uv_close((uv_handle_t *)&bridge->timer, NULL);
    uv_close((uv_handle_t *)&bridge->prepare, NULL);
}

/* The caller frees them; their texts are the configuration's. */
static struct service_listener *listeners_from(const struct bridge_config *config)
{
    struct service_listener *listeners =
        memory_allocate_zero((config->listener_count + 1) * sizeof(*listeners));

    for (size_t i = 0; i < config->listener_count; i++) {
        listeners[i] = (struct service_listener){
            .address = config->listeners[i].address,
            .port = config->listeners[i].port,
            .certificate_file = config->listeners[i].certificate,
            .key_file = config->listeners[i].key,
            .page_enabled = config->listeners[i].page,
            .console_enabled = config->listeners[i].console,
            .metrics_enabled = config->listeners[i].metrics,
        };
    }
    return listeners;
}

static const struct rest_ops rest_operations = {
    .carry_out = rest_carry_out,
    .abandon = rest_abandon,
};

static struct service *make_service(struct bridge *bridge)
{
    const struct bridge_config *config = &current(bridge)->config->bridge;

    bridge->listeners = listeners_from(config);
    return service_start(bridge->loop, &(struct service_options){
                                           .listeners = bridge->listeners,
                                           .listener_count = config->listener_count,
                                           .shares_ports = config->processes > 1,
                                           .maximum_message_size = config->maximum_message_size,
                                           .upgrade_context = &bridge->access,
                                           .gateway = &bridge->gateway,
                                           .rest = &rest_operations,
                                           .grid = event_grid_of(bridge->event_grid),
                                           .grid_ops = &grid_operations,
                                           .metrics = &bridge->gateway.metrics,
                                       });
}

static void end_webhooks(struct bridge *bridge, void (*stopped)(void *context))
{
    if (bridge->webhook) {
        webhook_show_metrics(&bridge->gateway.metrics, NULL);
        webhook_stop(bridge->webhook, stopped, bridge);
    } else {
        stopped(bridge);
    }
}

/* Without a service. */
static void give_up(void *context)
{
    end_gateway(context);
}

static void give_up_webhooks(void *context)
{
    struct bridge *bridge = context;

    event_grid_stop(bridge->event_grid, give_up, bridge);
}

struct bridge *bridge_start(uv_loop_t *loop, struct config *config, unsigned index,
                            struct buffer *error)
{
    struct bridge *bridge = memory_allocate_zero(sizeof(*bridge));

    bridge->loop = loop;
    list_init(&bridge->generations);
    if (!adopt(bridge, config, error)) {
        free(bridge);
        return NULL;
    }
    make_webhooks(bridge);
    make_gateway(bridge, index);
    bridge->event_grid = event_grid_start(loop, &bridge->gateway, current(bridge)->config);
    bridge->service = make_service(bridge);
    if (!bridge->service) {
        end_webhooks(bridge, give_up_webhooks);
        uv_run(loop, UV_RUN_DEFAULT);
        bridge_end(bridge);
        return NULL;
    }
    return bridge;
}

/* ---------------------------------------------------------------- reload */

static void reload_certificates(struct bridge *bridge)
{
    const struct bridge_config *config = &current(bridge)->config->bridge;
    struct service_listener *listeners = listeners_from(config);

    service_reload_certificates(bridge->service, listeners, config->listener_count);
    free(listeners);
}

void bridge_reload(struct bridge *bridge, struct config *config)
{
    struct buffer text = {0};

    config_need_restart(current(bridge)->config, config, &text);
    if (text.length > 0) {
        log_write(LOG_WARNING, "options need a restart", "options=%.*s", SLICE_PRINT(text));
    }
    text.length = 0;
    log_set_level((enum log_level)config->log_level);
    bridge->gateway.sys_interval_ms = config->core.sys_interval_ms;
    if (adopt(bridge, config, &text)) {
        reload_certificates(bridge);
        event_grid_set_config(bridge->event_grid, config);
        log_write(LOG_INFO, "reloaded", "pid=%d", uv_os_getpid());
    } else {
        log_write(LOG_ERROR, "configuration kept", "reason=\"%.*s\"", SLICE_PRINT(text));
    }
    buffer_release(&text);
}

/* ---------------------------------------------------------------- end */

static void event_grid_stopped(void *context)
{
    struct bridge *bridge = context;

    end_gateway(bridge);
    bridge->stopped(bridge->context);
}

static void webhooks_stopped(void *context)
{
    struct bridge *bridge = context;

    event_grid_stop(bridge->event_grid, event_grid_stopped, bridge);
}

static void service_stopped(void *context)
{
    struct bridge *bridge = context;

    end_webhooks(bridge, webhooks_stopped);
}

void bridge_stop(struct bridge *bridge, void (*stopped)(void *context), void *context)
{
    bridge->stopped = stopped;
    bridge->context = context;
    gateway_stop(&bridge->gateway);
    service_stop(bridge->service, service_stopped, bridge);
}

void bridge_end(struct bridge *bridge)
{
    hub_tables_free(bridge->hubs);
    LIST_FOREACH_SAFE (link, &bridge->generations) {
        generation_free(CONTAINER_OF(link, struct generation, link));
    }
    free(bridge->listeners);
    buffer_release(&bridge->origin);
    free(bridge);
}
