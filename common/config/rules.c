/* Groups of users, and the access rules that name them. Each filter becomes a rule of its own.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/loading.h"
#include "mqtt/topic.h"

static void read_group(struct loading *loading, const struct yaml_group *yaml, size_t index)
{
    char key[KEY_MAX];
    snprintf(key, sizeof(key), "groups.%zu", index);
    if (!yaml->name || !yaml->name[0]) {
        MISTAKE(loading, key, "a group needs a `name`");
        return;
    }
    struct group_config *group = &loading->config->groups[loading->config->group_count++];
    group->name = loading_copy_text(yaml->name);
    group->users = memory_allocate_zero((yaml->users_count + 1) * sizeof(char *));
    for (size_t i = 0; i < yaml->users_count; i++) {
        if (yaml->users[i] && yaml->users[i][0]) {
            group->users[group->user_count++] = loading_copy_text(yaml->users[i]);
        }
    }
}

static struct slice copy_slice(const char *text)
{
    char *copy = memory_copy_string(slice_from_string(text ? text : ""));
    return slice_from_string(copy);
}

static void add_rules(struct loading *loading, const char *key, const struct access_rule *model,
                      char **filters, size_t count)
{
    struct config *config = loading->config;
    for (size_t i = 0; i < count; i++) {
        if (!filters[i] || !topic_filter_is_valid(slice_from_string(filters[i]))) {
            char place[PLACE_MAX];
            snprintf(place, sizeof(place), "%s.%s.%zu", key,
                     model->actions == ACCESS_PUBLISH ? "publish" : "subscribe", i);
            MISTAKE(loading, place, "`%s` is no topic filter: + and # are whole levels, # the last",
                    filters[i] ? filters[i] : "");
            continue;
        }
        config->access_rules = memory_resize(
            config->access_rules, (config->access_rule_count + 1) * sizeof(*config->access_rules));
        struct access_rule *rule = &config->access_rules[config->access_rule_count++];
        *rule = *model;
        rule->filter = copy_slice(filters[i]);
        rule->user = copy_slice((const char *)model->user.data);
        rule->group = copy_slice((const char *)model->group.data);
    }
}

static void read_rule(struct loading *loading, const struct yaml_access *yaml, size_t index)
{
    char key[KEY_MAX];
    struct access_rule model = {
        .user = slice_from_string(yaml->user ? yaml->user : ""),
        .group = slice_from_string(yaml->group ? yaml->group : ""),
    };
    snprintf(key, sizeof(key), "access.%zu", index);
    loading_read_bool(loading, key, "deny", yaml->deny, &model.deny);
    if (yaml->publish_count == 0 && yaml->subscribe_count == 0) {
        MISTAKE(loading, key, "a rule needs `publish` or `subscribe`, a list of topic filters");
    }
    model.actions = ACCESS_PUBLISH;
    add_rules(loading, key, &model, yaml->publish, yaml->publish_count);
    model.actions = ACCESS_SUBSCRIBE;
    add_rules(loading, key, &model, yaml->subscribe, yaml->subscribe_count);
}

void rules_read(struct loading *loading, const struct yaml_config *yaml)
{
    loading->config->groups =
        memory_allocate_zero((yaml->groups_count + 1) * sizeof(*loading->config->groups));
    for (size_t i = 0; i < yaml->groups_count; i++) {
        read_group(loading, &yaml->groups[i], i);
    }
    for (size_t i = 0; i < yaml->access_count; i++) {
        read_rule(loading, &yaml->access[i], i);
    }
}

void rules_free(struct config *config)
{
    for (size_t i = 0; i < config->group_count; i++) {
        for (size_t u = 0; u < config->groups[i].user_count; u++) {
            free(config->groups[i].users[u]);
        }
        free(config->groups[i].users);
        free(config->groups[i].name);
    }
    free(config->groups);
    for (size_t i = 0; i < config->access_rule_count; i++) {
        free((void *)(uintptr_t)config->access_rules[i].user.data);
        free((void *)(uintptr_t)config->access_rules[i].group.data);
        free((void *)(uintptr_t)config->access_rules[i].filter.data);
    }
    free(config->access_rules);
}
