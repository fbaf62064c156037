/* Rules of a namespace, see namespace_rules.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/namespace_rules.h"

#include "base/log.h"

struct children {
    const struct namespace_child *const *list;
    size_t count;
};

/* NULL, said in the log: there is none. */
static const struct namespace_child *find(const struct children *children, enum child_kind kind,
                                          struct slice name, const struct namespace_child *binding)
{
    for (size_t i = 0; i < children->count; i++) {
        const struct namespace_child *child = children->list[i];
        if (child->kind == kind && child_name_equal(kind, child->name, name)) {
            return child;
        }
    }
    log_write(LOG_WARNING, "permission binding allows nothing",
              "name=%s reason=\"there is no %s %s\"", log_quote(binding->name),
              child_kinds[kind].what, log_quote(name));
    return NULL;
}

static void add_binding(struct rule_set *set, const struct children *children,
                        const struct namespace_child *child)
{
    const struct permission_binding *binding = &child->binding;
    const struct namespace_child *space = find(children, CHILD_TOPIC_SPACE, binding->space, child);
    const struct namespace_child *group = NULL;
    bool is_for_all = slice_equal(binding->group, CLIENT_GROUP_ALL);

    if (!is_for_all) {
        group = find(children, CHILD_CLIENT_GROUP, binding->group, child);
    }
    if (!space || (!group && !is_for_all)) {
        return;
    }
    rule_set_add_binding(set,
                         &(struct access_binding){
                             .query = group ? group->group.query : SLICE_EMPTY,
                             .templates = space->space.templates,
                             .template_count = space->space.template_count,
                             .action = binding->is_publisher ? ACCESS_PUBLISH : ACCESS_SUBSCRIBE,
                         });
}

void namespace_rules_add(struct rule_set *set, const struct namespace_child *const *list,
                         size_t count)
{
    struct children children = {list, count};

    rule_set_begin_namespace(set);
    for (size_t i = 0; i < count; i++) {
        if (list[i]->kind == CHILD_CLIENT) {
            rule_set_add_client(set, &(struct registered_client){
                                         .name = list[i]->client.authentication_name,
                                         .is_enabled = list[i]->client.is_enabled,
                                         .attributes = list[i]->client.attributes,
                                     });
        } else if (list[i]->kind == CHILD_PERMISSION_BINDING) {
            add_binding(set, &children, list[i]);
        }
    }
}
