/* Tables of hubs' settings; see hubs.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "hubs.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "base/memory.h"
#include "json/json.h"

/* A hub that is set at run time. */
struct override {
    struct list link; /* in hubs->overrides */
    char *name;
    struct buffer json;
    bool is_told; /* since hub_tables_begin() */
};

struct table {
    struct list link;       /* in hubs->tables */
    size_t users;           /* who hold settings of it */
    struct hub_config *own; /* [own_count], of overrides; the others are the configuration's */
    size_t own_count;
    const struct hub_config **sources; /* [count] */
    struct hub_settings *settings;     /* [count] */
    size_t count;
};

struct hub_tables {
    const struct config *config;
    struct list overrides;
    struct list tables; /* the last is in force */
    bool is_complete, is_changed;
};

static struct table *current(const struct hub_tables *hubs)
{
    return CONTAINER_OF(hubs->tables.prev, struct table, link);
}

/* ---------------------------------------------------------------- tables */

static struct hub_settings settings_from(const struct hub_config *hub, size_t *users)
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
        .users = users,
    };
}

static struct override *find_override(const struct hub_tables *hubs, struct slice name)
{
    LIST_FOREACH (link, &hubs->overrides) {
        struct override *override = CONTAINER_OF(link, struct override, link);
        if (slice_equal(slice_from_string(override->name), name)) {
            return override;
        }
    }
    return NULL;
}

static void add(struct table *table, const struct hub_config *hub)
{
    table->sources[table->count] = hub;
    table->settings[table->count++] = settings_from(hub, &table->users);
}

static void add_own(const struct hub_tables *hubs, struct table *table)
{
    struct buffer unused = {0};

    LIST_FOREACH (link, &hubs->overrides) {
        const struct override *override = CONTAINER_OF(link, struct override, link);
        struct slice name = slice_from_string(override->name);
        /* It was found good when it came. */
        if (hub_config_from_json(buffer_slice(&override->json), name, &table->own[table->own_count],
                                 &unused)) {
            add(table, &table->own[table->own_count++]);
        }
    }
    buffer_release(&unused);
}

static void put_default_last(struct table *table)
{
    size_t last = table->count - 1;

    for (size_t i = 0; i < last; i++) {
        if (strcmp(table->settings[i].name, HUB_DEFAULT) == 0) {
            struct hub_settings settings = table->settings[i];
            const struct hub_config *source = table->sources[i];
            table->settings[i] = table->settings[last];
            table->sources[i] = table->sources[last];
            table->settings[last] = settings;
            table->sources[last] = source;
            return;
        }
    }
}

static void table_free(struct table *table)
{
    list_remove(&table->link);
    for (size_t i = 0; i < table->own_count; i++) {
        hub_config_release(&table->own[i]);
    }
    free(table->own);
    free(table->sources);
    free(table->settings);
    free(table);
}

static void make_table(struct hub_tables *hubs)
{
    struct table *table = memory_allocate_zero(sizeof(*table));
    size_t overrides = 0;

    LIST_FOREACH (link, &hubs->overrides) {
        overrides++;
    }
    table->own = memory_allocate_zero((overrides + 1) * sizeof(*table->own));
    table->sources =
        memory_allocate_zero((hubs->config->hub_count + overrides) * sizeof(*table->sources));
    table->settings =
        memory_allocate_zero((hubs->config->hub_count + overrides) * sizeof(*table->settings));
    for (size_t i = 0; i < hubs->config->hub_count; i++) {
        const struct hub_config *hub = &hubs->config->hubs[i];
        if (!find_override(hubs, slice_from_string(hub->name))) {
            add(table, hub);
        }
    }
    add_own(hubs, table);
    put_default_last(table);
    list_add_last(&hubs->tables, &table->link);
    hubs->is_changed = false;
}

/* Makes a table, and frees those that nobody needs any more. */
static void renew(struct hub_tables *hubs)
{
    make_table(hubs);
    LIST_FOREACH_SAFE (link, &hubs->tables) {
        struct table *table = CONTAINER_OF(link, struct table, link);
        if (table != current(hubs) && table->users == 0) {
            table_free(table);
        }
    }
}

struct hub_tables *hub_tables_new(const struct config *config)
{
    struct hub_tables *hubs = memory_allocate_zero(sizeof(*hubs));

    hubs->config = config;
    list_init(&hubs->overrides);
    list_init(&hubs->tables);
    make_table(hubs);
    return hubs;
}

const struct hub_settings *hub_tables_current(const struct hub_tables *hubs, size_t *count)
{
    *count = current(hubs)->count;
    return current(hubs)->settings;
}

void hub_tables_set_config(struct hub_tables *hubs, const struct config *config)
{
    hubs->config = config;
    renew(hubs);
}

/* ---------------------------------------------------------------- at run time */

static void override_free(struct override *override)
{
    list_remove(&override->link);
    free(override->name);
    buffer_release(&override->json);
    free(override);
}

void hub_tables_free(struct hub_tables *hubs)
{
    if (!hubs) {
        return;
    }
    LIST_FOREACH_SAFE (link, &hubs->tables) {
        table_free(CONTAINER_OF(link, struct table, link));
    }
    LIST_FOREACH_SAFE (link, &hubs->overrides) {
        override_free(CONTAINER_OF(link, struct override, link));
    }
    free(hubs);
}

void hub_tables_begin(struct hub_tables *hubs)
{
    hubs->is_complete = false;
    LIST_FOREACH (link, &hubs->overrides) {
        CONTAINER_OF(link, struct override, link)->is_told = false;
    }
}

static bool is_hub(struct slice name)
{
    if (slice_equal(name, SLICE_LITERAL(HUB_DEFAULT))) {
        return true;
    }
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] >= 'A' && name.data[i] <= 'Z') {
            return false;
        }
    }
    return hub_name_is_valid(name);
}

bool hub_settings_are_good(struct slice name, struct slice json, struct buffer *error)
{
    struct hub_config hub;

    if (!is_hub(name)) {
        buffer_append_string(error, "a hub has no such name\n");
        return false;
    }
    if (json.length > 0) {
        if (!hub_config_from_json(json, name, &hub, error)) {
            return false;
        }
        hub_config_release(&hub);
    }
    return true;
}

static void keep(struct hub_tables *hubs, struct slice name, struct slice json)
{
    struct override *override = find_override(hubs, name);

    if (!override) {
        override = memory_allocate_zero(sizeof(*override));
        override->name = memory_copy_string(name);
        list_add_last(&hubs->overrides, &override->link);
    }
    override->is_told = true;
    if (!slice_equal(buffer_slice(&override->json), json)) {
        override->json.length = 0;
        buffer_append(&override->json, json);
        hubs->is_changed = true;
    }
}

bool hub_tables_set(struct hub_tables *hubs, struct slice name, struct slice json,
                    struct buffer *error)
{
    struct override *override = find_override(hubs, name);

    if (!hub_settings_are_good(name, json, error)) {
        return false;
    }
    if (json.length > 0) {
        keep(hubs, name, json);
    } else if (override) {
        override_free(override);
        hubs->is_changed = true;
    }
    if (hubs->is_complete && hubs->is_changed) {
        renew(hubs);
    }
    return true;
}

void hub_tables_complete(struct hub_tables *hubs)
{
    hubs->is_complete = true;
    LIST_FOREACH_SAFE (link, &hubs->overrides) {
        struct override *override = CONTAINER_OF(link, struct override, link);
        if (!override->is_told) {
            override_free(override);
            hubs->is_changed = true;
        }
    }
    if (hubs->is_changed) {
        renew(hubs);
    }
}

/* ---------------------------------------------------------------- as JSON */

void hub_tables_append_list(const struct hub_tables *hubs, struct buffer *out)
{
    const struct table *table = current(hubs);

    buffer_append_string(out, "{\"value\":[");
    for (size_t i = 0; i < table->count; i++) {
        struct slice name = slice_from_string(table->settings[i].name);
        buffer_append_string(out, i > 0 ? ",{\"name\":" : "{\"name\":");
        json_append_string(out, name);
        buffer_append_format(out, ",\"source\":\"%s\",\"settings\":",
                             find_override(hubs, name) ? "runTime" : "configuration");
        hub_config_append_json(out, table->sources[i]);
        buffer_append_byte(out, '}');
    }
    buffer_append_string(out, "]}");
}

void hub_tables_append_settings(const struct hub_tables *hubs, struct slice name,
                                struct buffer *out)
{
    const struct table *table = current(hubs);
    const struct hub_settings *found = hub_settings_find(table->settings, table->count, name);

    hub_config_append_json(out, table->sources[found - table->settings]);
}
