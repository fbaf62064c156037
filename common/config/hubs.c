/* Hubs: names, which are case-insensitive, and what each allows. A hub that is not declared is as
 * the default hub; one that is has the documented defaults for what it does not say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/loading.h"
#include "names/names.h"

static struct hub_config *find_hub(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->hub_count; i++) {
        if (strcmp(config->hubs[i].name, name) == 0) {
            return &config->hubs[i];
        }
    }
    return NULL;
}

/* With nothing in it but its name. */
static struct hub_config *add_hub(struct config *config, const char *name)
{
    config->hubs = memory_resize(config->hubs, (config->hub_count + 1) * sizeof(*config->hubs));
    struct hub_config *hub = &config->hubs[config->hub_count++];
    *hub = (struct hub_config){.name = loading_copy_text(name)};
    return hub;
}

void hub_read(struct loading *loading, const struct yaml_hub *yaml, const char *key,
              struct hub_config *hub)
{
    char *const texts[] = {
#define TEXT_OF(section, name, kind, initial, least, most, reload, target) yaml->name,
        OPTIONS_HUB(TEXT_OF)
#undef TEXT_OF
    };
    loading_read_options(loading, hub_options, hub_option_count, texts, key, hub);
    events_read(loading, yaml, key, hub);
}

static char *copy_lower(const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text));
    for (char *at = copy; *at; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at = (char)(*at - 'A' + 'a');
        }
    }
    return copy;
}

static void read_hub(struct loading *loading, const struct yaml_hub *yaml, size_t index)
{
    char key[KEY_MAX];
    char *name = copy_lower(yaml->name ? yaml->name : "");
    snprintf(key, sizeof(key), "hubs.%zu", index);
    if (!hub_name_is_valid(slice_from_string(name)) && strcmp(name, HUB_DEFAULT) != 0) {
        MISTAKE(loading, key,
                "a hub needs a `name`: a letter, then up to 127 letters, digits or any of "
                "_`,.[] (or %s: all that are not named here), not `%s`",
                HUB_DEFAULT, name);
    } else if (find_hub(loading->config, name)) {
        MISTAKE(loading, key, "the hub `%s` stands here already; write all about it in one place",
                name);
    } else {
        hub_read(loading, yaml, key, add_hub(loading->config, name));
    }
    free(name);
}

void hubs_read(struct loading *loading, const struct yaml_config *yaml)
{
    for (size_t i = 0; i < yaml->hubs_count; i++) {
        read_hub(loading, &yaml->hubs[i], i);
    }
}

void hubs_finish(struct loading *loading)
{
    struct config *config = loading->config;
    struct hub_config *found = find_hub(config, HUB_DEFAULT);
    if (!found) {
        found = add_hub(config, HUB_DEFAULT);
        hub_read(loading, &(struct yaml_hub){0}, "hubs", found);
    }
    struct hub_config *last = &config->hubs[config->hub_count - 1], hub = *found;
    memmove(found, found + 1, (size_t)(last - found) * sizeof(*found));
    *last = hub;
}

void hub_free(struct hub_config *hub)
{
    events_free(hub);
    free(hub->name);
}

void hubs_free(struct config *config)
{
    for (size_t i = 0; i < config->hub_count; i++) {
        hub_free(&config->hubs[i]);
    }
    free(config->hubs);
}
