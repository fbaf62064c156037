/* See folder_sources.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/folder_sources.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/memory.h"
#include "client/gateway.h"
#include "client/staff.h"
#include "dispatch/catalog.h"
#include "dispatch/folder_source.h"
#include "dispatch/grid.h"
#include "dispatch/ownership.h"
#include "json/json.h"

enum {
    LOOK_MS = 200,      /* until it is looked again who watches what */
    TAKEOVER_MS = 1000, /* by then another process that had it has let go of it */
};

struct declared_folder {
    struct list link;
    struct buffer entry;          /* JSON, compact */
    struct buffer key;            /* for ownership */
    struct folder_source *source; /* NULL: this process does not watch it */
    msec_t ours_since;            /* MSEC_NEVER: it is not */
    bool is_wanted;               /* while it is looked what is declared now */
};

struct folder_sources {
    struct grid *grid;
    struct list folders;
    struct timer timer;
};

/* ---------------------------------------------------------------- who watches it */

static bool is_ours(const struct declared_folder *folder, const char *const *names, size_t count)
{
    return count > 0 && ownership_choose(buffer_slice(&folder->key), names, count) == 0;
}

static void look_at(struct folder_sources *sources, struct declared_folder *folder)
{
    const char *names[STAFF_PEERS_MAX + 1];
    size_t count = staff_names(sources->grid->gateway->staff, names);
    msec_t now = gateway_now(sources->grid->gateway);

    if (!is_ours(folder, names, count)) {
        folder->ours_since = MSEC_NEVER;
        if (folder->source) {
            folder_source_free(folder->source);
            folder->source = NULL;
        }
        return;
    }
    folder->ours_since = folder->ours_since < now ? folder->ours_since : now;
    if (!folder->source && (count == 1 || now - folder->ours_since >= TAKEOVER_MS)) {
        folder->source = folder_source_new(sources->grid, buffer_slice(&folder->entry));
    }
}

static void look_later(struct folder_sources *sources, msec_t wait_ms)
{
    struct gateway *gateway = sources->grid->gateway;

    if (!list_is_empty(&sources->folders)) {
        timers_set(&gateway->timers, &sources->timer, gateway_now(gateway) + wait_ms);
    }
}

/* While nothing is known of the processes, what is watched is watched on. */
static void on_look(struct timer *timer, void *context)
{
    struct folder_sources *sources = CONTAINER_OF(timer, struct folder_sources, timer);

    (void)context;
    if (catalog_is_complete(sources->grid->catalog) &&
        staff_is_ready(sources->grid->gateway->staff)) {
        LIST_FOREACH (link, &sources->folders) {
            look_at(sources, CONTAINER_OF(link, struct declared_folder, link));
        }
    }
    look_later(sources, LOOK_MS);
}

/* ---------------------------------------------------------------- what is declared */

static void folder_free(struct declared_folder *folder)
{
    if (folder->source) {
        folder_source_free(folder->source);
    }
    list_remove(&folder->link);
    buffer_release(&folder->entry);
    buffer_release(&folder->key);
    free(folder);
}

static struct declared_folder *find(const struct folder_sources *sources, struct slice entry)
{
    LIST_FOREACH (link, &sources->folders) {
        struct declared_folder *folder = CONTAINER_OF(link, struct declared_folder, link);
        if (slice_equal(buffer_slice(&folder->entry), entry)) {
            return folder;
        }
    }
    return NULL;
}

static void folder_new(struct folder_sources *sources, const struct json_value *entry)
{
    struct declared_folder *folder = memory_allocate_zero(sizeof(*folder));
    struct json_value name;

    folder->is_wanted = true;
    folder->ours_since = MSEC_NEVER;
    json_find_member(entry, "name", &name);
    buffer_append(&folder->entry, entry->text);
    buffer_append_string(&folder->key, "sources/");
    json_append_string_value(&folder->key, &name);
    list_add_last(&sources->folders, &folder->link);
}

/* One that is declared as before goes on. */
static void take(struct folder_sources *sources, const struct json_value *array)
{
    struct json_walk walk = json_elements(array);
    struct json_value entry;

    while (json_next_element(&walk, &entry)) {
        struct declared_folder *folder = find(sources, entry.text);
        if (folder) {
            folder->is_wanted = true;
        } else {
            folder_new(sources, &entry);
        }
    }
}

void folder_sources_set_declared(struct folder_sources *sources, struct slice json)
{
    struct json_value declared, array;

    LIST_FOREACH (link, &sources->folders) {
        CONTAINER_OF(link, struct declared_folder, link)->is_wanted = false;
    }
    if (json_parse(json, &declared) && json_find_member(&declared, "sources", &array) &&
        array.type == JSON_ARRAY) {
        take(sources, &array);
    }
    LIST_FOREACH_SAFE (link, &sources->folders) {
        struct declared_folder *folder = CONTAINER_OF(link, struct declared_folder, link);
        if (!folder->is_wanted) {
            folder_free(folder);
        }
    }
    look_later(sources, 0);
}

/* ---------------------------------------------------------------- making and ending */

struct folder_sources *folder_sources_new(struct grid *grid)
{
    struct folder_sources *sources = memory_allocate_zero(sizeof(*sources));

    sources->grid = grid;
    list_init(&sources->folders);
    timer_init(&sources->timer, on_look);
    return sources;
}

void folder_sources_free(struct folder_sources *sources)
{
    timers_cancel(&sources->grid->gateway->timers, &sources->timer);
    LIST_FOREACH_SAFE (link, &sources->folders) {
        folder_free(CONTAINER_OF(link, struct declared_folder, link));
    }
    free(sources);
}
