/* PATCH of a topic, a domain or a system topic (spec/eventgrid.md 8.1): tags and other members of
 * the resource replace members, and so do those within its properties.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/merge.h"
#include "resource/topic.h"

/* The properties; an empty object if there are none. */
static struct json_value find_properties(const struct json_value *resource)
{
    struct json_value properties;

    if (!json_find_member(resource, "properties", &properties) || properties.type != JSON_OBJECT) {
        return (struct json_value){JSON_OBJECT, SLICE_LITERAL("{}")};
    }
    return properties;
}

static void append_whole(struct buffer *out, const struct json_value *before,
                         const struct json_value *change)
{
    struct json_value old = find_properties(before), new = find_properties(change), outer, inner;
    struct buffer resource = {0}, properties = {0};

    members_merge(&resource, before, change, member_is_same);
    buffer_append_string(&properties, "{\"properties\":");
    members_merge(&properties, &old, &new, member_is_same);
    buffer_append_byte(&properties, '}');
    json_parse(buffer_slice(&resource), &outer);
    json_parse(buffer_slice(&properties), &inner);
    members_merge(out, &outer, &inner, member_is_same);
    buffer_release(&resource);
    buffer_release(&properties);
}

bool topic_properties_patch(struct slice json, struct slice patch, struct buffer *out,
                            struct buffer *error)
{
    struct json_value before, change;

    if (!json_parse(json, &before) || !json_parse(patch, &change) || before.type != JSON_OBJECT ||
        change.type != JSON_OBJECT) {
        buffer_append_string(error, "body: is an object in { }\n");
        return false;
    }
    append_whole(out, &before, &change);
    return true;
}
