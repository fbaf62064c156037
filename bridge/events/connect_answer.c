/* What the answer to connect says. See connect.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "access/characters.h"
#include "base/memory.h"
#include "events/connect.h"
#include "mqtt/utf8.h"
#include "names/names.h"
#include "json/json.h"

enum { CONNECT_LIST_MAX = 2048 }; /* groups, roles, user properties: more are an error */

/* ---------------------------------------------------------------- values */

/* A string that MQTT can carry. */
static bool take_text(struct buffer *out, const struct json_value *value)
{
    out->length = 0; /* if the property comes twice, the last one counts */
    if (value->type != JSON_STRING) {
        return false;
    }
    json_append_string_value(out, value);
    return utf8_is_valid_string(buffer_slice(out));
}

/* Elements of an array of at most CONNECT_LIST_MAX; false: it is none. */
static bool begin_list(const struct json_value *value, struct json_walk *walk, size_t *count)
{
    struct json_value element;

    *count = 0;
    if (value->type != JSON_ARRAY) {
        return false;
    }
    *walk = json_elements(value);
    while (*count <= CONNECT_LIST_MAX && json_next_element(walk, &element)) {
        ++*count;
    }
    *walk = json_elements(value);
    return *count <= CONNECT_LIST_MAX;
}

/* ---------------------------------------------------------------- properties */

/* False: the value is not good. */
typedef bool take_property(struct connect_answer *out, const struct json_value *value);

struct property {
    const char *name; /* in lower case */
    take_property *take;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool take_object(struct connect_answer *out, const struct json_value *object,
                        const struct property *properties, size_t count);

static bool take_user(struct connect_answer *out, const struct json_value *value)
{
    out->has_user_id = true;
    return take_text(&out->user_id, value);
}

static bool take_subprotocol(struct connect_answer *out, const struct json_value *value)
{
    out->has_subprotocol = true;
    return take_text(&out->subprotocol, value);
}

static void drop_groups(struct connect_answer *out)
{
    for (size_t i = 0; i < out->group_count; i++) {
        buffer_release(&out->groups[i]);
    }
    free(out->groups);
    out->groups = NULL;
    out->group_count = 0;
}

static bool take_groups(struct connect_answer *out, const struct json_value *value)
{
    struct json_walk walk;
    struct json_value element;
    size_t count;

    drop_groups(out);
    if (!begin_list(value, &walk, &count)) {
        return false;
    }
    out->groups = memory_allocate_zero((count + 1) * sizeof(*out->groups));
    while (json_next_element(&walk, &element)) {
        struct buffer *group = &out->groups[out->group_count++];
        if (!take_text(group, &element) || !group_name_is_valid(buffer_slice(group))) {
            return false;
        }
    }
    return true;
}

static bool add_role(struct roles **roles, struct slice role)
{
    struct buffer error = {0};
    bool is_good = roles_add(roles, role, &error);

    buffer_release(&error);
    return is_good;
}

static bool take_roles(struct connect_answer *out, const struct json_value *value)
{
    struct json_walk walk;
    struct json_value element;
    struct buffer role = {0};
    size_t count;
    bool is_good = begin_list(value, &walk, &count);

    out->has_roles = true;
    roles_free(out->roles);
    out->roles = NULL;
    while (is_good && json_next_element(&walk, &element)) {
        is_good = take_text(&role, &element) && add_role(&out->roles, buffer_slice(&role));
    }
    buffer_release(&role);
    return is_good;
}

/* ---------------------------------------------------------------- MQTT */

static bool take_code(struct connect_answer *out, const struct json_value *value)
{
    uint64_t code;

    if (value->type != JSON_NUMBER || !json_to_u64(value, &code) || code > UINT32_MAX) {
        return false;
    }
    out->has_code = true;
    out->code = (uint32_t)code;
    return true;
}

static bool take_reason(struct connect_answer *out, const struct json_value *value)
{
    return take_text(&out->reason, value);
}

/* The room was reserved, so that the slices stay: a string is not longer than it was written. */
static bool take_property_text(struct connect_answer *out, const struct json_value *value,
                               struct slice *text)
{
    size_t from = out->property_texts.length;

    if (value->type != JSON_STRING) {
        return false;
    }
    json_append_string_value(&out->property_texts, value);
    *text = slice_from(buffer_slice(&out->property_texts), from);
    return utf8_is_valid_string(*text);
}

static bool take_name(struct connect_answer *out, const struct json_value *value)
{
    return take_property_text(out, value, &out->user_properties[out->user_property_count].key);
}

static bool take_value(struct connect_answer *out, const struct json_value *value)
{
    return take_property_text(out, value, &out->user_properties[out->user_property_count].value);
}

static bool take_user_properties(struct connect_answer *out, const struct json_value *value)
{
    static const struct property properties[] = {{"name", take_name}, {"value", take_value}};
    struct json_walk walk;
    struct json_value element;
    size_t count;

    free(out->user_properties);
    out->user_properties = NULL;
    out->property_texts.length = out->user_property_count = 0;
    if (!begin_list(value, &walk, &count)) {
        return false;
    }
    buffer_reserve(&out->property_texts, value->text.length);
    out->user_properties = memory_allocate_zero((count + 1) * sizeof(*out->user_properties));
    while (json_next_element(&walk, &element)) {
        if (!take_object(out, &element, properties, COUNT(properties)) ||
            !out->user_properties[out->user_property_count].key.data) {
            return false;
        }
        out->user_property_count++;
    }
    return true;
}

static bool take_mqtt(struct connect_answer *out, const struct json_value *value)
{
    static const struct property properties[] = {
        {"code", take_code},
        {"reason", take_reason},
        {"userproperties", take_user_properties},
    };

    return take_object(out, value, properties, COUNT(properties));
}

/* ---------------------------------------------------------------- objects */

static take_property *find(const struct property *properties, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (equal_ignoring_case(name, slice_from_string(properties[i].name))) {
            return properties[i].take;
        }
    }
    return NULL;
}

/* Unknown properties and null are passed over. */
static bool take_object(struct connect_answer *out, const struct json_value *object,
                        const struct property *properties, size_t count)
{
    struct json_walk walk;
    struct json_value value;
    struct slice key;

    if (object->type != JSON_OBJECT) {
        return false;
    }
    walk = json_members(object);
    while (json_next_member(&walk, &key, &value)) {
        take_property *take = find(properties, count, key);
        if (take && value.type != JSON_NULL && !take(out, &value)) {
            return false;
        }
    }
    return true;
}

bool connect_answer_read(struct connect_answer *out, struct slice body)
{
    static const struct property properties[] = {
        {"userid", take_user}, {"groups", take_groups},
        {"roles", take_roles}, {"subprotocol", take_subprotocol},
        {"mqtt", take_mqtt},
    };
    struct json_value value;

    *out = (struct connect_answer){0};
    if (body.length == 0) {
        return true;
    }
    if (json_parse(body, &value) &&
        (value.type == JSON_NULL || take_object(out, &value, properties, COUNT(properties)))) {
        return true;
    }
    connect_answer_release(out);
    return false;
}

void connect_answer_release(struct connect_answer *answer)
{
    drop_groups(answer);
    roles_free(answer->roles);
    free(answer->user_properties);
    buffer_release(&answer->user_id);
    buffer_release(&answer->subprotocol);
    buffer_release(&answer->reason);
    buffer_release(&answer->property_texts);
    *answer = (struct connect_answer){0};
}
