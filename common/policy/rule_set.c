/* Sets of rules, see rule_set.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule_set.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "policy/rule_set_parts.h"

struct client_entry {
    struct map_node by_name;
    struct slice lower;
    struct registered_client client;
};

static struct slice client_key(const struct map_node *node)
{
    return CONTAINER_OF(node, struct client_entry, by_name)->lower;
}

struct rule_set *rule_set_new(void)
{
    struct rule_set *set = memory_allocate_zero(sizeof(*set));
    set->end = &set->first;
    map_init(&set->clients, client_key);
    return set;
}

void rule_set_free(struct rule_set *set)
{
    if (!set) {
        return;
    }
    for (struct rule *rule = set->first; rule; rule = rule->next) {
        query_free(rule->query);
        for (size_t i = 0; i < rule->template_count; i++) {
            topic_template_free(rule->templates[i]);
        }
    }
    map_release(&set->clients);
    arena_release(&set->memory);
    free(set);
}

void rule_set_begin_namespace(struct rule_set *set)
{
    set->is_closed = set->has_namespace = true;
}

static struct rule *add_row(struct rule_set *set, enum rule_kind kind, int actions,
                            size_t template_count)
{
    struct rule *rule = arena_allocate(&set->memory, sizeof(*rule));
    rule->kind = kind;
    rule->actions = actions;
    rule->template_count = template_count;
    rule->templates = arena_allocate(&set->memory, template_count * sizeof(*rule->templates));
    *set->end = rule;
    set->end = &rule->next;
    set->is_closed = true;
    return rule;
}

void rule_set_add_rule(struct rule_set *set, const struct access_rule *rule)
{
    struct rule *row = add_row(set, rule->deny ? RULE_DENIES : RULE_ALLOWS, rule->actions, 1);
    row->user = arena_copy(&set->memory, rule->user);
    row->group = arena_copy(&set->memory, rule->group);
    row->templates[0] = topic_template_from_rule(rule->filter);
}

struct rule_set *rule_set_new_of_rules(const struct access_rule *rules, size_t count)
{
    struct rule_set *set = rule_set_new();
    for (size_t i = 0; i < count; i++) {
        rule_set_add_rule(set, &rules[i]);
    }
    return set;
}

void rule_set_add_binding(struct rule_set *set, const struct access_binding *binding)
{
    struct rule *row = add_row(set, RULE_BINDS, (int)binding->action, binding->template_count);
    struct buffer error = {0};
    if (binding->query.length > 0) {
        row->query = query_compile(binding->query, &error);
    }
    for (size_t i = 0; i < binding->template_count; i++) {
        row->templates[i] = topic_template_compile(binding->templates[i], &error);
    }
    buffer_release(&error);
}

void rule_set_add_client(struct rule_set *set, const struct registered_client *client)
{
    if (rule_set_client(set, client->name)) {
        return;
    }
    struct client_entry *entry = arena_allocate(&set->memory, sizeof(*entry));
    struct buffer lower = {0};
    ascii_append_lower(&lower, client->name);
    entry->lower = arena_copy(&set->memory, buffer_slice(&lower));
    entry->client = (struct registered_client){
        .name = arena_copy(&set->memory, client->name),
        .is_enabled = client->is_enabled,
        .attributes = attributes_copy(client->attributes, &set->memory),
    };
    map_insert(&set->clients, &entry->by_name);
    buffer_release(&lower);
}

bool rule_set_has_namespace(const struct rule_set *set)
{
    return set->has_namespace;
}

bool rule_set_is_empty(const struct rule_set *set)
{
    return !set->is_closed && set->clients.count == 0;
}

const struct registered_client *rule_set_client(const struct rule_set *set, struct slice name)
{
    if (set->clients.count == 0) {
        return NULL;
    }
    struct buffer lower = {0};
    ascii_append_lower(&lower, name);
    struct map_node *node = map_find(&set->clients, buffer_slice(&lower));
    buffer_release(&lower);
    return node ? &CONTAINER_OF(node, struct client_entry, by_name)->client : NULL;
}
