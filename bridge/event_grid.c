/* See event_grid.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event_grid.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "config/config.h"
#include "dispatch/grid.h"
#include "net/outside.h"

enum { THOUSANDTHS = 1000 };

struct event_grid {
    struct outside_net *outside;
    struct grid *grid;
    void (*stopped)(void *context);
    void *context;
};

/* ---------------------------------------------------------------- options */

/* Does some rule let somebody do this with topics that begin with `$events`? */
static bool some_rule_admits(const struct config *config, enum access_action action)
{
    for (size_t i = 0; i < config->access_rule_count; i++) {
        const struct access_rule *rule = &config->access_rules[i];
        if (!rule->deny && (rule->actions & (int)action) &&
            slice_starts_with(rule->filter, SLICE_LITERAL("$events"))) {
            return true;
        }
    }
    return false;
}

/* As webhooks that are called from this machine reach us. */
static void append_base_url(struct buffer *out, const struct bridge_config *config)
{
    const struct http_listener_config *first = config->listeners;

    if (config->public_endpoints && config->public_endpoints[0]) {
        buffer_append_string(out, config->public_endpoints[0]);
    } else if (config->listener_count > 0 && address_is_wildcard(first->address)) {
        buffer_append_format(out, "%s://localhost:%u", first->tls ? "https" : "http", first->port);
    } else if (config->listener_count > 0) {
        buffer_append_string(out, first->text);
    }
}

/* `texts` hold those of the options. */
struct option_texts {
    struct buffer base_url, host;
};

static void texts_release(struct option_texts *texts)
{
    buffer_release(&texts->base_url);
    buffer_release(&texts->host);
}

static struct grid_options options_from(const struct config *config, struct option_texts *texts)
{
    const struct event_grid_config *event_grid = &config->event_grid;

    append_base_url(&texts->base_url, &config->bridge);
    bridge_config_append_host(&texts->host, &config->bridge);
    return (struct grid_options){
        .base_url = buffer_slice(&texts->base_url),
        .host = buffer_slice(&texts->host),
        .opens_management = event_grid->opens_management,
        .skips_validation = !event_grid->asks_consent,
        .retry_scale = (double)event_grid->retry_thousandths / THOUSANDTHS,
        .shows_mqtt = some_rule_admits(config, ACCESS_SUBSCRIBE),
        .hears_mqtt = some_rule_admits(config, ACCESS_PUBLISH),
        .declared = buffer_slice(&event_grid->declared),
    };
}

/* ---------------------------------------------------------------- begin and end */

struct event_grid *event_grid_start(struct uv_loop_s *loop, struct gateway *gateway,
                                    const struct config *config)
{
    struct event_grid *event_grid = memory_allocate_zero(sizeof(*event_grid));
    struct option_texts texts = {0};
    struct grid_options options = options_from(config, &texts);

    event_grid->outside =
        outside_start(loop, &(struct outside_options){
                                .ca_file = config->bridge.webhook_ca,
                                .refuses_private = !config->event_grid.allows_private_addresses,
                                .roots = {[ROOT_DEAD_LETTERS] = config->event_grid.dead_letters,
                                          [ROOT_ARCHIVE] = config->event_grid.archive,
                                          [ROOT_SOURCES] = config->event_grid.sources},
                                .clock = clock_now,
                            });
    if (event_grid->outside) {
        options.outside = outside_of(event_grid->outside);
        event_grid->grid = grid_new(gateway, &options);
    } else {
        log_write(LOG_ERROR, "Event Grid cannot start", "reason=\"no HTTP client\"");
        free(event_grid);
        event_grid = NULL;
    }
    texts_release(&texts);
    return event_grid;
}

struct grid *event_grid_of(struct event_grid *event_grid)
{
    return event_grid ? event_grid->grid : NULL;
}

void event_grid_set_config(struct event_grid *event_grid, const struct config *config)
{
    struct option_texts texts = {0};

    if (event_grid) {
        struct grid_options options = options_from(config, &texts);
        grid_set_options(event_grid->grid, &options);
    }
    texts_release(&texts);
}

static void outside_stopped(void *context)
{
    struct event_grid *event_grid = context;
    void (*stopped)(void *context) = event_grid->stopped;
    void *of = event_grid->context;

    free(event_grid);
    stopped(of);
}

void event_grid_stop(struct event_grid *event_grid, void (*stopped)(void *context), void *context)
{
    if (!event_grid) {
        stopped(context);
        return;
    }
    event_grid->stopped = stopped;
    event_grid->context = context;
    grid_free(event_grid->grid);
    outside_stop(event_grid->outside, outside_stopped, event_grid);
}
