/* Permission bindings, see permission_binding.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "resource/namespace_child_parts.h"

static void read_permission(struct reading *reading, const struct json_value *value, void *into)
{
    struct permission_binding *binding = &((struct namespace_child *)into)->binding;
    struct slice word;

    if (!reading_text(reading, value, &word)) {
        return;
    }
    binding->has_permission = true;
    binding->is_publisher = equal_ignoring_case(word, SLICE_LITERAL("Publisher"));
    if (!binding->is_publisher && !equal_ignoring_case(word, SLICE_LITERAL("Subscriber"))) {
        reading_mistake(reading, "is Publisher or Subscriber");
    }
}

static const struct property rows[] = {
    TEXT_PROPERTY(struct namespace_child, "clientGroupName", binding.group, CHILD_NAME_MAX),
    TEXT_PROPERTY(struct namespace_child, "topicSpaceName", binding.space, CHILD_NAME_MAX),
    OWN_PROPERTY("permission", read_permission),
    COMMON_CHILD_ROWS,
};
static const struct property_table properties = PROPERTY_TABLE(rows);

static void check_name(struct reading *reading, const char *property, enum child_kind kind,
                       struct slice name, const char *hint)
{
    const char *problem = name.length > 0 ? child_kinds[kind].check_name(name) : NULL;

    if (name.length == 0) {
        reading_mistake_at(reading, property, "is missing; write the name of %s", hint);
    } else if (problem) {
        reading_mistake_at(reading, property, "is no name of a %s: %s", child_kinds[kind].what,
                           problem);
    }
}

static void check(struct reading *reading, struct namespace_child *child)
{
    const struct permission_binding *binding = &child->binding;

    if (!slice_equal(binding->group, CLIENT_GROUP_ALL)) {
        check_name(reading, "clientGroupName", CHILD_CLIENT_GROUP, binding->group,
                   "a client group, or $all");
    }
    check_name(reading, "topicSpaceName", CHILD_TOPIC_SPACE, binding->space, "a topic space");
    if (!binding->has_permission) {
        reading_mistake_at(reading, "permission", "is missing; write Publisher or Subscriber");
    }
}

static void append(struct buffer *out, const struct namespace_child *child)
{
    const struct permission_binding *binding = &child->binding;

    buffer_append_string(out, "\"clientGroupName\":");
    json_append_string(out, binding->group);
    child_append_text(out, "topicSpaceName", binding->space);
    buffer_append_format(out, ",\"permission\":\"%s\"",
                         binding->is_publisher ? "Publisher" : "Subscriber");
}

const struct child_reader permission_binding_reader = {
    .properties = &properties,
    .check = check,
    .append = append,
};
