/* PATCH of a topic, a domain, a system topic or a namespace (spec/eventgrid.md 8.1): tags and other
 * members of the resource replace members, and so do those within its properties, and within what
 * these say about MQTT.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/merge.h"
#include "resource/topic.h"

/* The member, if it is an object. */
static bool find_object(const struct json_value *object, const char *name, struct json_value *out)
{
    return json_find_member(object, name, out) && out->type == JSON_OBJECT;
}

/* Members replace members; but those of the object that `levels` names first are merged with those
 * of before in the same way. `levels` ends with NULL. */
static void merge(struct buffer *out, const struct json_value *before,
                  const struct json_value *change, const char *const *levels)
{
    const struct json_value nothing = {JSON_OBJECT, SLICE_LITERAL("{}")};
    struct json_value old = nothing, new = nothing, outer, inner;
    struct buffer merged = {0}, deeper = {0};

    members_merge(&merged, before, change, member_is_same);
    if (!levels[0] || (!find_object(change, levels[0], &new) && levels[1] == NULL)) {
        buffer_append(out, buffer_slice(&merged));
    } else {
        if (!find_object(before, levels[0], &old)) {
            old = nothing;
        }
        buffer_append_format(&deeper, "{\"%s\":", levels[0]);
        merge(&deeper, &old, new.type == JSON_OBJECT ? &new : &nothing, levels + 1);
        buffer_append_byte(&deeper, '}');
        json_parse(buffer_slice(&merged), &outer);
        json_parse(buffer_slice(&deeper), &inner);
        members_merge(out, &outer, &inner, member_is_same);
    }
    buffer_release(&merged);
    buffer_release(&deeper);
}

bool topic_properties_patch(struct slice json, struct slice patch, struct buffer *out,
                            struct buffer *error)
{
    /* Who changes one thing about MQTT does not want it switched off. */
    static const char *const levels[] = {"properties", "topicSpacesConfiguration", NULL};
    struct json_value before, change, properties;

    if (!json_parse(json, &before) || !json_parse(patch, &change) || before.type != JSON_OBJECT ||
        change.type != JSON_OBJECT) {
        buffer_append_string(error, "body: is an object in { }\n");
        return false;
    }
    if (json_find_member(&change, "properties", &properties) && properties.type != JSON_OBJECT &&
        properties.type != JSON_NULL) {
        buffer_append_string(error, "properties: is an object in { }\n");
        return false;
    }
    merge(out, &before, &change, levels);
    return true;
}
