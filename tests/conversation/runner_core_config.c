/* `# config <section>.<option>=<value>`, `# login <name> <password> [<group>]`, `# anonymous no`
 * and
 * `# allow|deny publish|subscribe <who> <filter>` for the target `core`, and `# core
 * <option>=<value>`. <who> is a user name,
 * @<group> or *.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_core_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/config.h"
#include "config/option_table.h"

struct rules {
    struct access_rule list[CONFIG_RULES_MAX];
    size_t count;
    char words[CONFIG_RULES_MAX][3][CONFIG_WORD_MAX]; /* action, who, filter */
};

/* `mqtt.receive_maximum=2`, by the program's own table. */
static bool set_option(struct core_options *out, const char *text)
{
    const char *value = strchr(text, '=');
    struct config options = {.core = *out};
    struct buffer error = {0};

    if (!value) {
        return false;
    }
    char *path = memory_copy_string(slice_make(text, (size_t)(value - text)));
    const struct option *option = option_find(path);
    bool ok = option && option_set(option, value + 1, &options, &error);

    *out = options.core;
    buffer_release(&error);
    free(path);
    return ok;
}

/* What the program takes from a namespace's resource. */
static bool set_core(struct core_options *out, const char *text)
{
    unsigned number;

    if (sscanf(text, "user_sessions=%u", &number) == 1) {
        out->user_sessions_maximum = number;
        return true;
    }
    out->identifiers_are_owned = strcmp(text, "identifiers_are_owned=1") == 0;
    return out->identifiers_are_owned;
}

static bool add_user(struct core_config *config, struct core_harness_settings *settings,
                     const char *text)
{
    if (settings->user_count == CONFIG_USERS_MAX) {
        return false;
    }
    size_t i = settings->user_count++;
    char(*words)[CONFIG_WORD_MAX] = config->words[i];

    words[2][0] = '\0';
    int count = sscanf(text, "%63s %63s %63s", words[0], words[1], words[2]);

    config->users[i] = (struct core_harness_user){words[0], words[1], count > 2 ? words[2] : NULL};
    return count >= 2;
}

static bool add_rule(struct rules *rules, bool deny, const char *text)
{
    if (rules->count == CONFIG_RULES_MAX) {
        return false;
    }
    char(*words)[CONFIG_WORD_MAX] = rules->words[rules->count];
    struct access_rule *rule = &rules->list[rules->count++];

    if (sscanf(text, "%63s %63s %63s", words[0], words[1], words[2]) != 3) {
        return false;
    }
    *rule = (struct access_rule){.deny = deny, .filter = slice_from_string(words[2])};
    rule->actions = strcmp(words[0], "publish") == 0 ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE;
    if (words[1][0] == '@') {
        rule->group = slice_from_string(words[1] + 1);
    } else if (strcmp(words[1], "*") != 0) {
        rule->user = slice_from_string(words[1]);
    }
    return true;
}

static bool read_directive(struct core_config *config, const struct directive *directive,
                           struct core_harness_settings *settings, struct rules *rules)
{
    const char *key = directive->key;

    if (strcmp(key, "config") == 0) {
        return set_option(&settings->options, directive->value);
    }
    if (strcmp(key, "core") == 0) {
        return set_core(&settings->options, directive->value);
    }
    if (strcmp(key, "login") == 0) {
        return add_user(config, settings, directive->value);
    }
    if (strcmp(key, "allow") == 0 || strcmp(key, "deny") == 0) {
        return add_rule(rules, key[0] == 'd', directive->value);
    }
    if (strcmp(key, "anonymous") == 0) {
        settings->anonymous_allowed = strcmp(directive->value, "no") != 0;
    }
    return true;
}

bool core_config_read(struct core_config *config, const struct script *script,
                      struct core_harness_settings *settings, struct buffer *report)
{
    struct rules rules = {.count = 0};

    settings->users = config->users;
    for (size_t i = 0; i < script->directive_count; i++) {
        const struct directive *directive = &script->directives[i];

        if (!read_directive(config, directive, settings, &rules)) {
            buffer_append_format(report, "%s: cannot use `# %s %s`\n", script->path, directive->key,
                                 directive->value);
            return false;
        }
    }
    settings->access = access_rules_new(rules.list, rules.count);
    return true;
}
