/* Event Grid's parts together; see grid.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/grid.h"

#include <stdlib.h>

#include "access/characters.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "dispatch/catalog.h"
#include "dispatch/catalog_store.h"
#include "dispatch/door.h"
#include "dispatch/folder_sources.h"
#include "dispatch/management.h"
#include "dispatch/mqtt_http.h"
#include "dispatch/namespace_http.h"
#include "dispatch/runner.h"

/* ---------------------------------------------------------------- requests */

static bool is_path(const struct grid *grid, struct slice method, struct slice target,
                    struct slice host)
{
    return management_is_path(target) || namespace_http_is_path(target) ||
           mqtt_http_is_path(target) || door_is_path(grid->door, method, target, host);
}

static void call(struct grid *grid, const struct grid_request *request, struct grid_reply *reply)
{
    if (management_is_path(request->target)) {
        management_call(grid->management, request, reply);
    } else if (namespace_http_is_path(request->target)) {
        namespace_http_call(grid->namespaces, request, reply);
    } else if (mqtt_http_is_path(request->target)) {
        mqtt_http_call(grid->mqtt, request, reply);
    } else {
        door_call(grid->door, request, reply);
    }
}

const struct grid_ops grid_operations = {.is_path = is_path, .call = call};

/* ---------------------------------------------------------------- metrics */

static bool has_counted(const struct topic_statistics *statistics)
{
    return statistics->published > 0 || statistics->refused > 0 || statistics->matched > 0 ||
           statistics->unmatched > 0 || statistics->delivered > 0 ||
           statistics->attempts_failed > 0 || statistics->dead_lettered > 0 ||
           statistics->dropped > 0;
}

static void add(struct topic_statistics *sum, const struct topic_statistics *statistics)
{
    uint64_t *into = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)statistics;

    for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++) {
        into[i] += from[i];
    }
}

static void each_topic(const void *context,
                       void (*visit)(void *visitor, struct slice kind, struct slice topic,
                                     const struct topic_statistics *statistics),
                       void *visitor)
{
    const struct grid *grid = context;
    struct catalog_source *source = NULL;
    struct topic_statistics others = {0};
    size_t count = 0;

    while ((source = catalog_next(grid->catalog, source))) {
        struct slice topic = buffer_slice(&source->key), kind = take_up_to(&topic, '/');
        if (source->domain || !has_counted(&source->statistics)) {
            continue;
        }
        if (count++ < METRICS_TOPICS_MAX) {
            visit(visitor, kind, topic, &source->statistics);
        } else {
            add(&others, &source->statistics);
        }
    }
    if (count > METRICS_TOPICS_MAX) {
        visit(visitor, SLICE_LITERAL("topics"), SLICE_LITERAL("_other"), &others);
    }
}

/* ---------------------------------------------------------------- making and ending */

static bool is_ready(const struct grid *grid)
{
    return catalog_is_complete(grid->catalog) && door_hears(grid->door) &&
           runner_hears(grid->runner);
}

static void take_options(struct grid *grid, const struct grid_options *options)
{
    struct outside outside = grid->options.outside;

    grid->options = *options;
    grid->options.outside = outside;
    grid->base_url.length = 0;
    buffer_append(&grid->base_url, options->base_url);
    grid->options.base_url = buffer_slice(&grid->base_url);
    grid->host.length = 0;
    buffer_append(&grid->host, options->host);
    grid->options.host = buffer_slice(&grid->host);
    grid->options.declared = SLICE_EMPTY; /* the catalog has its own copy */
}

struct grid *grid_new(struct gateway *gateway, const struct grid_options *options)
{
    struct grid *grid = memory_allocate_zero(sizeof(*grid));

    grid->gateway = gateway;
    grid->options.outside = options->outside;
    take_options(grid, options);
    grid->runner = runner_new(grid);
    grid->catalog = catalog_new(runner_catalog_listener(grid->runner));
    grid->store = catalog_store_new(grid);
    grid->door = door_new(grid);
    grid->namespaces = namespace_http_new(grid);
    grid->mqtt = mqtt_http_new(grid);
    grid->management = management_new(grid);
    grid->sources = folder_sources_new(grid);
    catalog_set_declared(grid->catalog, options->declared);
    folder_sources_set_declared(grid->sources, options->declared);
    gateway->grid = grid;
    gateway->connect_grid = grid_connect;
    gateway->grid_is_ready = is_ready;
    gateway->metrics.topics = (struct topic_source){each_topic, grid};
    return grid;
}

void grid_free(struct grid *grid)
{
    grid->gateway->grid = NULL;
    grid->gateway->grid_is_ready = NULL;
    grid->gateway->metrics.topics = (struct topic_source){NULL, NULL};
    management_free(grid->management);
    grid->management = NULL;
    folder_sources_free(grid->sources);
    namespace_http_free(grid->namespaces);
    mqtt_http_free(grid->mqtt);
    runner_free(grid->runner);
    door_free(grid->door);
    catalog_store_free(grid->store);
    catalog_free(grid->catalog);
    buffer_release(&grid->base_url);
    buffer_release(&grid->host);
    free(grid);
}

void grid_set_options(struct grid *grid, const struct grid_options *options)
{
    take_options(grid, options);
    catalog_set_declared(grid->catalog, options->declared);
    catalog_store_make_keys(grid->store);
    folder_sources_set_declared(grid->sources, options->declared);
}

void grid_connect(struct grid *grid)
{
    catalog_store_connect(grid->store);
    door_connect(grid->door);
    runner_connect(grid->runner);
}
