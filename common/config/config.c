/* From texts to the configuration: scalars by the table, then the parts that are lists (loading.h).
 * Every mistake becomes one line with the place and what to write instead.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "config/loading.h"
#include "config/positions.h"

/* --- what the parts share --- */

void loading_begin_mistake(struct loading *loading, const char *key)
{
    unsigned line = loading->file ? yaml_line(loading->positions, key) : 0;
    loading->failed = true;
    if (loading->is_json) {
        json_append_place(loading->error, key);
    } else if (line > 0) {
        buffer_append_format(loading->error, "%s:%u: ", loading->file, line);
    } else {
        buffer_append_format(loading->error, "--set %s: ", key);
    }
}

char *loading_copy_text(const char *text)
{
    return text && text[0] ? memory_copy_string(slice_from_string(text)) : NULL;
}

char *loading_resolve_path(const struct config *config, const char *given, const char *name)
{
    struct buffer path = {0};
    if (given) {
        return loading_copy_text(given);
    }
    buffer_append_format(&path, "%s/%s", config->store_path ? config->store_path : ".", name);
    char *text = memory_copy_string(buffer_slice(&path));
    buffer_release(&path);
    return text;
}

void loading_read_bool(struct loading *loading, const char *key, const char *name, const char *text,
                       bool *value)
{
    if (text && !option_parse_bool(text, value)) {
        char place[PLACE_MAX];
        snprintf(place, sizeof(place), "%s.%s", key, name);
        MISTAKE(loading, place, "`%s` is true or false, not `%s`", name, text);
    }
}

const char *loading_spell(const struct loading *loading, const char *name, char *space)
{
    return loading->is_json ? json_spell(name, space) : name;
}

void loading_read_option(struct loading *loading, const struct option *option, const char *key,
                         const char *text, void *structure)
{
    struct buffer why = {0};
    struct option spelled = *option;
    char space[KEY_MAX];
    if (loading->is_json) {
        spelled.path = json_spell_option(option, space);
    }
    if (!option_set(&spelled, text, structure, &why)) {
        MISTAKE(loading, key, "%.*s", SLICE_PRINT(why));
    }
    buffer_release(&why);
}

void loading_read_options(struct loading *loading, const struct option *table, size_t count,
                          char *const *texts, const char *key, void *structure)
{
    for (size_t i = 0; i < count; i++) {
        char place[PLACE_MAX];
        snprintf(place, sizeof(place), "%s.%s", key, table[i].path);
        loading_read_option(loading, &table[i], place, texts[i] ? texts[i] : table[i].initial,
                            structure);
    }
}

/* --- scalars --- */

static void set_given(struct loading *loading, const char *path, const char *text)
{
    if (text) {
        loading_read_option(loading, option_find(path), path, text, loading->config);
    }
}

static void read_scalars(struct loading *loading, const struct yaml_config *yaml)
{
#define READ_TOP(section, name, ...) set_given(loading, #name, yaml->top.name);
#define READ(section, name, ...)                                                                   \
    if (yaml->section) {                                                                           \
        set_given(loading, #section "." #name, yaml->section->name);                               \
    }
    OPTIONS_TOP(READ_TOP)
    OPTIONS_STORE(READ)
    OPTIONS_AUTH(READ)
    OPTIONS_MQTT(READ)
    OPTIONS_SESSION(READ)
    OPTIONS_LIMITS(READ)
    OPTIONS_BRIDGE(READ)
    OPTIONS_EVENT_GRID(READ)
#undef READ
#undef READ_TOP
}

/* --- --set --- */

struct list_set {
    const char *key;
    void (*set)(struct loading *loading, const char *text);
};

static const struct list_set list_sets[] = {
    {"listeners", listeners_set},
    {"bridge.listeners", bridge_listeners_set},
    {"bridge.public_endpoints", bridge_endpoints_set},
};
enum { LIST_SET_COUNT = sizeof(list_sets) / sizeof(list_sets[0]) };

static const struct list_set *find_list_set(const char *key)
{
    for (size_t i = 0; i < LIST_SET_COUNT; i++) {
        if (strcmp(list_sets[i].key, key) == 0) {
            return &list_sets[i];
        }
    }
    return NULL;
}

static void report_unknown_set(struct loading *loading, const char *key)
{
    struct nearest nearest = nearest_to(key);
    for (size_t i = 0; i < LIST_SET_COUNT; i++) {
        nearest_offer(&nearest, list_sets[i].key);
    }
    for (size_t i = 0; i < config_option_count; i++) {
        nearest_offer(&nearest, config_options[i].path);
    }
    if (nearest_found(&nearest)) {
        MISTAKE(loading, key, "there is no such option; write `%s` instead", nearest.name);
    } else {
        MISTAKE(loading, key, "there is no such option; --print-config lists them");
    }
}

static void apply_set(struct loading *loading, const char *set)
{
    const char *equals = strchr(set, '=');
    if (!equals || equals == set) {
        MISTAKE(loading, set, "write --set section.option=value");
        return;
    }
    char *key = memory_copy_string(slice_make(set, (size_t)(equals - set)));
    const struct option *option = option_find(key);
    const struct list_set *list = find_list_set(key);
    if (list) {
        list->set(loading, equals + 1);
    } else if (option) {
        loading_read_option(loading, option, key, equals + 1, loading->config);
    } else {
        report_unknown_set(loading, key);
    }
    free(key);
}

/* --- all together --- */

static void set_defaults(struct config *config)
{
    struct buffer ignored = {0};
    for (size_t i = 0; i < config_option_count; i++) {
        option_set(&config_options[i], config_options[i].initial, config, &ignored);
    }
    buffer_release(&ignored);
}

static void read_text(struct loading *loading, struct slice text)
{
    struct yaml_config *yaml =
        yaml_config_parse(text, loading->file, loading->positions, loading->error);
    if (!yaml) {
        loading->failed = true;
        return;
    }
    read_scalars(loading, yaml);
    listeners_read(loading, yaml);
    rules_read(loading, yaml);
    if (yaml->bridge) {
        bridge_read(loading, yaml->bridge);
    }
    hubs_read(loading, yaml);
    event_grid_read(loading);
    yaml_config_free(yaml);
}

static void apply_sets(struct loading *loading, const char *const *sets, size_t set_count)
{
    const char *file = loading->file;
    loading->file = NULL;
    for (size_t i = 0; i < set_count; i++) {
        apply_set(loading, sets[i]);
    }
    loading->file = file;
}

struct config *config_parse(struct slice text, const char *file, const char *const *sets,
                            size_t set_count, struct buffer *error)
{
    struct loading loading = {
        .file = file,
        .positions = yaml_positions_new(),
        .config = memory_allocate_zero(sizeof(*loading.config)),
        .error = error,
    };
    set_defaults(loading.config);
    if (file) {
        read_text(&loading, text);
    }
    apply_sets(&loading, sets, set_count);
    listeners_finish(&loading);
    bridge_finish(&loading);
    event_grid_finish(&loading);
    hubs_finish(&loading);
    yaml_positions_free(loading.positions);
    if (loading.failed) {
        config_free(loading.config);
        return NULL;
    }
    return loading.config;
}

/* False with the reason in errno. */
static bool read_file(const char *path, struct buffer *text)
{
    FILE *file = fopen(path, "re");
    size_t got;
    if (!file) {
        return false;
    }
    do {
        got = fread(buffer_reserve(text, BUFSIZ), 1, BUFSIZ, file);
        text->length += got;
    } while (got > 0);
    bool good = !ferror(file);
    int reason = errno;
    fclose(file);
    errno = reason;
    return good;
}

struct config *config_load(const char *path, const char *const *sets, size_t set_count,
                           struct buffer *error)
{
    struct config *config = NULL;
    struct buffer text = {0};
    if (path && !read_file(path, &text)) {
        buffer_append_format(error, "%s: cannot be read: %s\n", path, strerrordesc_np(errno));
    } else {
        config = config_parse(buffer_slice(&text), path, sets, set_count, error);
    }
    buffer_release(&text);
    return config;
}

void config_free(struct config *config)
{
    if (!config) {
        return;
    }
    listeners_free(config);
    rules_free(config);
    bridge_free(&config->bridge);
    event_grid_free(&config->event_grid);
    hubs_free(config);
    options_free(config_options, config_option_count, config);
    free(config);
}
