/* See catalog_store.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/catalog_store.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "dispatch/catalog.h"
#include "dispatch/grid.h"
#include "eventgrid/credential.h"
#include "json/json.h"

enum { AGAIN_MS = 1000 };

static const struct settings_kind kind = {.prefix = SLICE_LITERAL("$config/eventgrid/"),
                                          .places = "#",
                                          .role = "eventgrid-settings",
                                          .followed = SLICE_LITERAL("namespaces/")};

struct catalog_store {
    struct grid *grid;
    struct settings_listener listener;
    struct list changes; /* struct own_change */
    struct timer again;
};

/* A change that nobody else waits for. */
struct own_change {
    struct settings_change change;
    struct catalog_store *store;
    struct list link; /* in store->changes */
    struct buffer place, json;
    bool is_under_way;
};

void catalog_place_append(struct buffer *out, struct slice source_key, struct slice name)
{
    buffer_append(out, source_key);
    if (name.length > 0) {
        buffer_append_string(out, "/eventsubscriptions/");
        ascii_append_lower(out, name);
    }
}

/* ---------------------------------------------------------------- changes of our own */

static void own_change_free(struct own_change *own)
{
    settings_store_abandon(&own->change);
    list_remove(&own->link);
    buffer_release(&own->place);
    buffer_release(&own->json);
    free(own);
}

static void try_again(struct catalog_store *store)
{
    struct gateway *gateway = store->grid->gateway;

    timers_set(&gateway->timers, &store->again, gateway_now(gateway) + AGAIN_MS);
}

static void on_stored(struct settings_change *change, bool is_stored)
{
    struct own_change *own = CONTAINER_OF(change, struct own_change, change);

    own->is_under_way = false;
    if (is_stored) {
        own_change_free(own);
    } else {
        try_again(own->store);
    }
}

static void send(struct own_change *own)
{
    own->change.done = on_stored;
    own->is_under_way = settings_store_set(own->store->grid->settings, buffer_slice(&own->place),
                                           buffer_slice(&own->json), &own->change);
    if (!own->is_under_way) {
        try_again(own->store);
    }
}

static void on_again(struct timer *timer, void *context)
{
    struct catalog_store *store = CONTAINER_OF(timer, struct catalog_store, again);

    (void)context;
    LIST_FOREACH_SAFE (link, &store->changes) {
        struct own_change *own = CONTAINER_OF(link, struct own_change, link);
        if (!own->is_under_way) {
            send(own);
        }
    }
}

/* What waits for the same place is outdated: tried again later, it would undo the new one. */
static void supersede(struct catalog_store *store, struct slice place)
{
    LIST_FOREACH_SAFE (link, &store->changes) {
        struct own_change *own = CONTAINER_OF(link, struct own_change, link);
        if (!own->is_under_way && slice_equal(buffer_slice(&own->place), place)) {
            own_change_free(own);
        }
    }
}

void catalog_store_set(struct catalog_store *store, struct slice place, struct slice json)
{
    struct own_change *own = memory_allocate_zero(sizeof(*own));

    supersede(store, place);
    own->store = store;
    list_init(&own->change.link);
    buffer_append(&own->place, place);
    buffer_append(&own->json, json);
    list_add_last(&store->changes, &own->link);
    send(own);
}

/* ---------------------------------------------------------------- keys */

static bool lacks_keys(const struct catalog_source *source)
{
    return source_has_keys(source->name.kind) && source->is_declared && source->key1.length == 0 &&
           source->texts.stored.length == 0;
}

static void append_key(struct buffer *out, const char *before, void (*random)(void *, size_t))
{
    struct buffer key = {0};

    credential_new_key(&key, random);
    buffer_append_string(out, before);
    json_append_string(out, buffer_slice(&key));
    buffer_release(&key);
}

void catalog_store_make_keys(struct catalog_store *store)
{
    const struct gateway *gateway = store->grid->gateway;
    const struct catalog *catalog = store->grid->catalog;
    struct catalog_source *source = NULL;
    struct buffer json = {0};

    if (gateway->index != 0 || !catalog_is_complete(catalog)) {
        return;
    }
    while ((source = catalog_next(catalog, source))) {
        if (lacks_keys(source)) {
            json.length = 0;
            append_key(&json, "{\"key1\":", gateway->random);
            append_key(&json, ",\"key2\":", gateway->random);
            buffer_append_byte(&json, '}');
            catalog_store_set(store, buffer_slice(&source->key), buffer_slice(&json));
        }
    }
    buffer_release(&json);
}

/* ---------------------------------------------------------------- what is heard */

static void on_begin(void *context)
{
    catalog_begin(((struct catalog_store *)context)->grid->catalog);
}

static void on_changed(void *context, struct slice place, struct slice settings)
{
    struct catalog_store *store = context;
    struct grid *grid = store->grid;
    struct buffer error = {0};

    if (!catalog_set_stored(grid->catalog, place, settings, &error)) {
        log_write(LOG_ERROR, "settings of Event Grid ignored", "place=%s reason=\"%.*s\"",
                  log_quote(place), (int)error.length - 1, (const char *)error.data);
    }
    buffer_release(&error);
}

static void on_complete(void *context)
{
    struct catalog_store *store = context;

    catalog_complete(store->grid->catalog);
    catalog_store_make_keys(store);
}

/* ---------------------------------------------------------------- making and ending */

struct catalog_store *catalog_store_new(struct grid *grid)
{
    struct catalog_store *store = memory_allocate_zero(sizeof(*store));

    store->grid = grid;
    store->listener = (struct settings_listener){store, on_begin, on_changed, on_complete};
    list_init(&store->changes);
    timer_init(&store->again, on_again);
    grid->settings = settings_store_new(grid->gateway, &kind);
    return store;
}

void catalog_store_free(struct catalog_store *store)
{
    LIST_FOREACH_SAFE (link, &store->changes) {
        own_change_free(CONTAINER_OF(link, struct own_change, link));
    }
    timers_cancel(&store->grid->gateway->timers, &store->again);
    settings_store_free(store->grid->settings);
    store->grid->settings = NULL;
    free(store);
}

void catalog_store_connect(struct catalog_store *store)
{
    settings_store_connect(store->grid->settings, &store->listener);
}
