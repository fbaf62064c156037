/* What is said about options once they are loaded: which of two sets differ, and one set as YAML.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "options.h"
#include "options_table.h"

/* --- differences --- */

static bool same_listeners(const struct broker_options *a, const struct broker_options *b)
{
    if (a->listener_count != b->listener_count) {
        return false;
    }
    for (size_t i = 0; i < a->listener_count; i++) {
        const struct listener_config *x = &a->listeners[i], *y = &b->listeners[i];
        if (strcmp(x->text, y->text) != 0 || x->mode != y->mode ||
            x->allow_anonymous != y->allow_anonymous ||
            x->use_certificate_as_user != y->use_certificate_as_user) {
            return false;
        }
    }
    return true;
}

void options_need_restart(const struct broker_options *now, const struct broker_options *wanted,
                          struct buffer *names)
{
    for (size_t i = 0; i < option_count; i++) {
        if (!option_table[i].reloadable && !option_equal(&option_table[i], now, wanted)) {
            buffer_append_format(names, "%s%s", names->length ? ", " : "", option_table[i].path);
        }
    }
    if (!same_listeners(now, wanted)) {
        buffer_append_format(names, "%slisteners", names->length ? ", " : "");
    }
}

/* --- as YAML --- */

static void print_text(struct buffer *out, const char *indented_key, const char *text)
{
    if (text && text[0]) {
        buffer_append_format(out, "%s: ", indented_key);
        option_print_text(out, text);
        buffer_append_byte(out, '\n');
    }
}

static void print_bool(struct buffer *out, const char *indented_key, bool value)
{
    buffer_append_format(out, "%s: %s\n", indented_key, value ? "true" : "false");
}

static void print_scalars(const struct broker_options *options, struct buffer *out)
{
    char section[32] = "";
    for (size_t i = 0; i < option_count; i++) {
        const char *path = option_table[i].path, *dot = strchr(path, '.');
        size_t length = dot ? (size_t)(dot - path) : 0;
        if (dot && (strlen(section) != length || strncmp(section, path, length) != 0)) {
            snprintf(section, sizeof(section), "%.*s", (int)length, path);
            buffer_append_format(out, "%s:\n", section);
        }
        buffer_append_format(out, "%s%s: ", dot ? "  " : "", dot ? dot + 1 : path);
        option_print(&option_table[i], options, out);
        buffer_append_byte(out, '\n');
    }
}

static void print_listener(const struct listener_config *listener, struct buffer *out)
{
    print_text(out, "  - address", listener->text);
    print_text(out, "    certificate", listener->certificate);
    print_text(out, "    key", listener->key);
    print_text(out, "    ca", listener->ca);
    print_text(out, "    crl", listener->crl);
    if (listener->kind == LISTENER_UNIX) {
        buffer_append_format(out, "    mode: \"%04o\"\n", listener->mode);
    }
    if (listener->kind == LISTENER_TLS) {
        print_bool(out, "    require_client_certificate", listener->require_client_certificate);
        print_bool(out, "    use_certificate_as_user", listener->use_certificate_as_user);
    }
    print_bool(out, "    allow_anonymous", listener->allow_anonymous);
}

static void print_group(const struct group_config *group, struct buffer *out)
{
    print_text(out, "  - name", group->name);
    buffer_append_string(out, "    users: [");
    for (size_t i = 0; i < group->user_count; i++) {
        buffer_append_string(out, i > 0 ? ", " : "");
        option_print_text(out, group->users[i]);
    }
    buffer_append_string(out, "]\n");
}

/* Loading made one rule of each filter. */
static void print_rule(const struct access_rule *rule, struct buffer *out)
{
    buffer_append_format(out, "  - %s: [",
                         rule->actions == ACCESS_PUBLISH ? "publish" : "subscribe");
    option_print_text(out, (const char *)rule->filter.data);
    buffer_append_string(out, "]\n");
    print_text(out, "    user", (const char *)rule->user.data);
    print_text(out, "    group", (const char *)rule->group.data);
    if (rule->deny) {
        print_bool(out, "    deny", true);
    }
}

void options_print(const struct broker_options *options, struct buffer *out)
{
    print_scalars(options, out);
    buffer_append_string(out, "listeners:\n");
    for (size_t i = 0; i < options->listener_count; i++) {
        print_listener(&options->listeners[i], out);
    }
    buffer_append_string(out, options->group_count > 0 ? "groups:\n" : "groups: []\n");
    for (size_t i = 0; i < options->group_count; i++) {
        print_group(&options->groups[i], out);
    }
    buffer_append_string(out, options->access_rule_count > 0 ? "access:\n" : "access: []\n");
    for (size_t i = 0; i < options->access_rule_count; i++) {
        print_rule(&options->access_rules[i], out);
    }
}
