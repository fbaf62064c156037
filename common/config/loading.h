/* A load in progress: what the parts of the configuration share while texts become values, and what
 * each part does. Internal to this folder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CONFIG_LOADING_H
#define PUBGRID_CONFIG_LOADING_H

#include "base/buffer.h"
#include "config/config.h"
#include "config/option_table.h"
#include "config/schema.h"

enum { KEY_MAX = 64, PLACE_MAX = 128 };

struct loading {
    const char *file; /* NULL: it is about --set */
    struct yaml_positions *positions;
    struct config *config;
    struct buffer *error;
    bool failed;
    bool is_json; /* it is about JSON, where names are in camel case */
};

/* --- mistakes --- */

/* "file:line: " of a key, or "--set key: " if it does not stand in the file; of JSON "key: ". */
void loading_begin_mistake(struct loading *loading, const char *key);

#define MISTAKE(loading, key, ...)                                                                 \
    do {                                                                                           \
        loading_begin_mistake(loading, key);                                                       \
        buffer_append_format((loading)->error, __VA_ARGS__);                                       \
        buffer_append_string((loading)->error, "\n");                                              \
    } while (0)

/* The name of an option as the text that is read spells it; `space` has KEY_MAX bytes. */
const char *loading_spell(const struct loading *loading, const char *name, char *space);

/* The JSON of a hub (hub_json.c): names in camel case, an option's with its unit behind it. */
const char *json_spell(const char *name, char *space);
const char *json_spell_option(const struct option *option, char *space);
/* "eventHandlers.0.urlTemplate: " for a key. */
void json_append_place(struct buffer *out, const char *key);

/* --- values --- */

/* NULL for NULL and "". */
char *loading_copy_text(const char *text);
/* The path that is given, else the one with `name` beside the store. */
char *loading_resolve_path(const struct config *config, const char *given, const char *name);
/* `name` below `key`; NULL is not given and leaves *value. */
void loading_read_bool(struct loading *loading, const char *key, const char *name, const char *text,
                       bool *value);
/* An option of the table; `key` is where it stands. */
void loading_read_option(struct loading *loading, const struct option *option, const char *key,
                         const char *text, void *structure);
/* All of a table, in the order of `texts`; what is NULL gets its default. `key` is the section. */
void loading_read_options(struct loading *loading, const struct option *table, size_t count,
                          char *const *texts, const char *key, void *structure);

/* --- the parts; `_set` is --set with a list, separated by commas, that replaces what there is ---
 */

void listeners_read(struct loading *loading, const struct yaml_config *yaml);
void listeners_set(struct loading *loading, const char *text);
/* What listeners do not say themselves; a listener if there is none. */
void listeners_finish(struct loading *loading);
void listeners_free(struct config *config);

void rules_read(struct loading *loading, const struct yaml_config *yaml);
void rules_free(struct config *config);

void bridge_read(struct loading *loading, const struct yaml_bridge *yaml);
void bridge_listeners_set(struct loading *loading, const char *text);
void bridge_endpoints_set(struct loading *loading, const char *text);
/* Paths below the store's, and as for listeners. */
void bridge_finish(struct loading *loading);
void bridge_free(struct bridge_config *bridge);

/* What is declared, from the file's JSON (walk.h). */
void event_grid_read(struct loading *loading);
/* Directories below the store's. */
void event_grid_finish(struct loading *loading);
void event_grid_free(struct event_grid_config *event_grid);
void event_grid_print(const struct event_grid_config *event_grid, struct buffer *out);

void hubs_read(struct loading *loading, const struct yaml_config *yaml);
/* The default hub, which is always there and the last. */
void hubs_finish(struct loading *loading);
void hubs_free(struct config *config);
/* One hub: what its entry says behind its name, with everything else at its default. */
void hub_read(struct loading *loading, const struct yaml_hub *yaml, const char *key,
              struct hub_config *hub);
void hub_free(struct hub_config *hub);

/* Event handlers and listeners of a hub. */
extern const char *const system_event_names[SYSTEM_EVENTS];
void events_read(struct loading *loading, const struct yaml_hub *yaml, const char *key,
                 struct hub_config *hub);
void events_free(struct hub_config *hub);

#endif
