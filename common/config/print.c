/* What is said about a configuration once it is loaded: in what two differ, and one as YAML.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/loading.h"

/* --- differences --- */

static bool same_listeners(const struct config *a, const struct config *b)
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

static bool same_http_listeners(const struct bridge_config *a, const struct bridge_config *b)
{
    if (a->listener_count != b->listener_count) {
        return false;
    }
    for (size_t i = 0; i < a->listener_count; i++) {
        if (strcmp(a->listeners[i].text, b->listeners[i].text) != 0) {
            return false;
        }
    }
    return true;
}

static void append_name(struct buffer *names, const char *name)
{
    buffer_append_format(names, "%s%s", names->length ? ", " : "", name);
}

void config_need_restart(const struct config *now, const struct config *wanted,
                         struct buffer *names)
{
    for (size_t i = 0; i < config_option_count; i++) {
        if (!config_options[i].reloadable && !option_equal(&config_options[i], now, wanted)) {
            append_name(names, config_options[i].path);
        }
    }
    if (!same_listeners(now, wanted)) {
        append_name(names, "listeners");
    }
    if (!same_http_listeners(&now->bridge, &wanted->bridge)) {
        append_name(names, "bridge.listeners");
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

static void print_options(const struct option *table, size_t count, const void *structure,
                          const char *indent, struct buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        const char *dot = strchr(table[i].path, '.');
        buffer_append_format(out, "%s%s: ", indent, dot ? dot + 1 : table[i].path);
        option_print(&table[i], structure, out);
        buffer_append_byte(out, '\n');
    }
}

static void print_bridge_lists(const struct bridge_config *bridge, struct buffer *out)
{
    buffer_append_string(out, "  listeners:\n");
    for (size_t i = 0; i < bridge->listener_count; i++) {
        print_text(out, "    - address", bridge->listeners[i].text);
        print_text(out, "      certificate", bridge->listeners[i].certificate);
        print_text(out, "      key", bridge->listeners[i].key);
    }
    buffer_append_string(out, "  public_endpoints: [");
    for (size_t i = 0; i < bridge->public_endpoint_count; i++) {
        buffer_append_string(out, i > 0 ? ", " : "");
        option_print_text(out, bridge->public_endpoints[i]);
    }
    buffer_append_string(out, "]\n");
}

static void print_section_lists(const struct config *config, const char *path, struct buffer *out)
{
    if (strncmp(path, "bridge.", strlen("bridge.")) == 0) {
        print_bridge_lists(&config->bridge, out);
    } else if (strncmp(path, "event_grid.", strlen("event_grid.")) == 0) {
        event_grid_print(&config->event_grid, out);
    }
}

static size_t section_length(const struct option *option)
{
    const char *dot = strchr(option->path, '.');
    return dot ? (size_t)(dot - option->path) : 0;
}

static bool same_section(const struct option *a, const struct option *b)
{
    size_t length = section_length(a);
    return section_length(b) == length && strncmp(a->path, b->path, length) == 0;
}

/* Section by section, each with its lists. */
static void print_sections(const struct config *config, struct buffer *out)
{
    for (size_t i = 0, end; i < config_option_count; i = end) {
        size_t length = section_length(&config_options[i]);
        for (end = i + 1; end < config_option_count; end++) {
            if (!same_section(&config_options[i], &config_options[end])) {
                break;
            }
        }
        if (length > 0) {
            buffer_append_format(out, "%.*s:\n", (int)length, config_options[i].path);
        }
        print_options(&config_options[i], end - i, config, length > 0 ? "  " : "", out);
        print_section_lists(config, config_options[i].path, out);
    }
}

static void print_system_events(uint32_t events, int first, int end, struct buffer *out)
{
    buffer_append_byte(out, '[');
    for (int i = first, count = 0; i < end; i++) {
        if (events & SYSTEM_EVENT_BIT(i)) {
            buffer_append_format(out, "%s%s", count++ > 0 ? ", " : "", system_event_names[i]);
        }
    }
    buffer_append_string(out, "]\n");
}

static void print_events(uint32_t events, const char *const *filters, struct buffer *out)
{
    buffer_append_string(out, "        system_events: ");
    print_system_events(events, 0, SYSTEM_EVENT_JOINED, out);
    buffer_append_string(out, "        group_presence_events:\n          event_names: ");
    print_system_events(events, SYSTEM_EVENT_JOINED, SYSTEM_EVENTS, out);
    buffer_append_string(out, "          group_filters: [");
    for (size_t i = 0; filters && filters[i]; i++) {
        buffer_append_string(out, i > 0 ? ", " : "");
        option_print_text(out, filters[i]);
    }
    buffer_append_string(out, "]\n");
}

static void print_hub(const struct hub_config *hub, struct buffer *out)
{
    print_text(out, "  - name", hub->name);
    print_options(hub_options, hub_option_count, hub, "    ", out);
    buffer_append_format(out, "    event_handlers:%s\n", hub->event_handler_count ? "" : " []");
    for (size_t i = 0; i < hub->event_handler_count; i++) {
        const struct event_handler *handler = &hub->event_handlers[i];
        buffer_append_string(out, "      -\n");
        print_options(event_handler_options, event_handler_option_count, handler, "        ", out);
        print_events(handler->system_events, handler->group_filters, out);
    }
    buffer_append_format(out, "    event_listeners:%s\n", hub->event_listener_count ? "" : " []");
    for (size_t i = 0; i < hub->event_listener_count; i++) {
        const struct event_listener *listener = &hub->event_listeners[i];
        buffer_append_string(out, "      -\n");
        print_options(event_listener_options, event_listener_option_count, listener, "        ",
                      out);
        print_events(listener->system_events, listener->group_filters, out);
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

void config_print(const struct config *config, struct buffer *out)
{
    print_sections(config, out);
    buffer_append_string(out, "listeners:\n");
    for (size_t i = 0; i < config->listener_count; i++) {
        print_listener(&config->listeners[i], out);
    }
    buffer_append_string(out, config->group_count > 0 ? "groups:\n" : "groups: []\n");
    for (size_t i = 0; i < config->group_count; i++) {
        print_group(&config->groups[i], out);
    }
    buffer_append_string(out, config->access_rule_count > 0 ? "access:\n" : "access: []\n");
    for (size_t i = 0; i < config->access_rule_count; i++) {
        print_rule(&config->access_rules[i], out);
    }
    buffer_append_string(out, "hubs:\n");
    for (size_t i = 0; i < config->hub_count; i++) {
        print_hub(&config->hubs[i], out);
    }
}
