/* `# config <section>.<option>=<value>`, `# login <name> <password> [<group>]`, `# anonymous no`
 * and
 * `# allow|deny publish|subscribe <who> <filter>` for the target `core`, and `# core
 * <option>=<value>`. <who> is a user name,
 * @<group> or *. `# bind publish|subscribe <template> [<query>]` and
 * `# client enabled|disabled <profile>` are what a namespace has.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_core_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "client_profile_fixture.h"
#include "config/config.h"
#include "config/option_table.h"

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

/* --- access rules --- */

/* `publish bob a/#` */
static bool add_rule(struct rule_set *rules, bool deny, const char *text)
{
    char action[CONFIG_WORD_MAX], who[CONFIG_WORD_MAX], filter[CONFIG_WORD_MAX];
    struct access_rule rule = {.deny = deny};

    if (sscanf(text, "%63s %63s %63s", action, who, filter) != 3) {
        return false;
    }
    rule.filter = slice_from_string(filter);
    rule.actions = strcmp(action, "publish") == 0 ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE;
    if (who[0] == '@') {
        rule.group = slice_from_string(who + 1);
    } else if (strcmp(who, "*") != 0) {
        rule.user = slice_from_string(who);
    }
    rule_set_add_rule(rules, &rule);
    return true;
}

static bool add_allowing_rule(struct rule_set *rules, const char *text)
{
    return add_rule(rules, false, text);
}

static bool add_denying_rule(struct rule_set *rules, const char *text)
{
    return add_rule(rules, true, text);
}

/* `publish a/${client.authenticationName} attributes.type = 'x'`; without a query it is $all. */
static bool add_binding(struct rule_set *rules, const char *text)
{
    char action[CONFIG_WORD_MAX], topics[CONFIG_WORD_MAX * 2];
    int query_at = 0;

    if (sscanf(text, "%63s %127s %n", action, topics, &query_at) != 2) {
        return false;
    }
    struct slice topic_template = slice_from_string(topics);
    rule_set_begin_namespace(rules);
    rule_set_add_binding(
        rules, &(struct access_binding){
                   .query = slice_from_string(text + query_at),
                   .templates = &topic_template,
                   .template_count = 1,
                   .action = strcmp(action, "publish") == 0 ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE,
               });
    return true;
}

/* `enabled {"name":"bob","attributes":{"floor":1}}` */
static bool add_client(struct rule_set *rules, const char *text)
{
    const char *json = strchr(text, ' ');
    struct arena arena = {0};
    struct client_profile client;
    bool ok = json && read_profile(slice_from_string(json), &arena, &client);

    if (ok) {
        rule_set_begin_namespace(rules);
        rule_set_add_client(rules, &(struct registered_client){
                                       .name = client.authentication_name,
                                       .is_enabled = strncmp(text, "enabled ", 8) == 0,
                                       .attributes = client.attributes,
                                   });
    }
    arena_release(&arena);
    return ok;
}

static const struct {
    const char *key;
    bool (*add)(struct rule_set *rules, const char *text);
} rule_directives[] = {
    {"allow", add_allowing_rule},
    {"deny", add_denying_rule},
    {"bind", add_binding},
    {"client", add_client},
};

/* A directive that is about something else is good, too. */
static bool read_rule(struct rule_set *rules, const struct directive *directive)
{
    for (size_t i = 0; i < sizeof(rule_directives) / sizeof(rule_directives[0]); i++) {
        if (strcmp(directive->key, rule_directives[i].key) == 0) {
            return rule_directives[i].add(rules, directive->value);
        }
    }
    return true;
}

/* The number of the line before this one in the script; 0: it is the first. */
static unsigned line_before(const struct script *script, const struct line *line)
{
    return line == script->lines ? 0 : line[-1].number;
}

struct rule_set *core_rules_read(const struct script *script, const struct line *line)
{
    struct rule_set *rules = rule_set_new();

    for (size_t i = 0; i < script->directive_count; i++) {
        const struct directive *directive = &script->directives[i];
        if (directive->number > line_before(script, line) && directive->number < line->number) {
            read_rule(rules, directive);
        }
    }
    return rules;
}

/* --- all of it --- */

static bool read_directive(struct core_config *config, const struct directive *directive,
                           struct core_harness_settings *settings, struct rule_set *scratch)
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
    if (strcmp(key, "anonymous") == 0) {
        settings->anonymous_allowed = strcmp(directive->value, "no") != 0;
    }
    return read_rule(scratch, directive);
}

bool core_config_read(struct core_config *config, const struct script *script,
                      struct core_harness_settings *settings, struct buffer *report)
{
    struct rule_set *scratch = rule_set_new(); /* of the whole file, to see that it can be read */
    size_t i = 0;

    settings->users = config->users;
    while (i < script->directive_count &&
           read_directive(config, &script->directives[i], settings, scratch)) {
        i++;
    }
    rule_set_free(scratch);
    if (i < script->directive_count) {
        buffer_append_format(report, "%s: cannot use `# %s %s`\n", script->path,
                             script->directives[i].key, script->directives[i].value);
        return false;
    }
    settings->access = script->line_count > 0 ? core_rules_read(script, script->lines) : NULL;
    return true;
}
