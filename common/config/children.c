/* What a namespace of the configuration file has beside its topics: clients, client groups, topic
 * spaces, permission bindings, certificates (resource/namespace_child.h). Each is read as the
 * management API would; what they say about each other is checked behind that.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "config/declaring.h"

enum { NAME_TEXT_MAX = 1024 };

/* Those of a kind. */
struct collection {
    struct declaring *declaring;
    struct slice namespace_key;
    enum child_kind kind;
};

struct declared_child {
    struct slice name;
    struct json_value properties;
};

static const struct property child_rows[] = {
    TEXT_PROPERTY(struct declared_child, "name", name, NAME_TEXT_MAX),
    VALUE_PROPERTY(struct declared_child, "properties", properties),
};
static const struct property_table child_properties = PROPERTY_TABLE(child_rows);

/* False: it has none that could be its own. */
static bool check_name(const struct collection *collection, struct slice name)
{
    struct reading *reading = &collection->declaring->reading;
    const char *wrong = child_kinds[collection->kind].check_name(name);
    struct buffer key = {0};
    bool is_free;

    if (wrong) {
        reading_mistake_at(reading, "name", "%s", name.length > 0 ? wrong : "is missing");
        return false;
    }
    child_key_append(&key, collection->namespace_key, collection->kind, name);
    is_free =
        declaring_take_own_name(collection->declaring, buffer_slice(&key), "choose another name");
    buffer_release(&key);
    return is_free;
}

/* --- what they say about each other --- */

static void check_authentication_name(const struct collection *collection,
                                      const struct namespace_child *child, struct buffer *lines)
{
    struct slice name = child->client.authentication_name;
    struct buffer key = {0};

    buffer_append_format(&key, "%.*s/authentication/", SLICE_PRINT(collection->namespace_key));
    ascii_append_lower(&key, name);
    if (!declaring_take_name(collection->declaring, buffer_slice(&key))) {
        buffer_append_format(lines, "authenticationName: another client is called %.*s already\n",
                             SLICE_PRINT(name));
    }
    buffer_release(&key);
}

static void check_named(const struct collection *collection, const char *member,
                        enum child_kind kind, struct slice name, struct buffer *lines)
{
    struct buffer key = {0};

    child_key_append(&key, collection->namespace_key, kind, name);
    if (!declaring_is_taken(collection->declaring, buffer_slice(&key))) {
        buffer_append_format(lines, "%s: there is no %s of that name in this namespace\n", member,
                             child_kinds[kind].what);
    }
    buffer_release(&key);
}

static void check_binding(const struct collection *collection, const struct namespace_child *child,
                          struct buffer *lines)
{
    if (!slice_equal(child->binding.group, CLIENT_GROUP_ALL)) {
        check_named(collection, "clientGroupName", CHILD_CLIENT_GROUP, child->binding.group, lines);
    }
    check_named(collection, "topicSpaceName", CHILD_TOPIC_SPACE, child->binding.space, lines);
}

/* Of the kinds that say something about others. */
static void (*const checks[CHILD_KINDS])(const struct collection *collection,
                                         const struct namespace_child *child,
                                         struct buffer *lines) = {
    [CHILD_CLIENT] = check_authentication_name,
    [CHILD_PERMISSION_BINDING] = check_binding,
};

/* --- all of them --- */

static void read_child(struct reading *reading, const struct json_value *value, void *into)
{
    const struct collection *collection = into;
    struct declared_child draft = {.properties = {JSON_OBJECT, SLICE_LITERAL("{}")}};
    struct namespace_child *child;
    struct buffer lines = {0};

    reading_object(reading, value, &child_properties, &draft);
    if (value->type == JSON_OBJECT && check_name(collection, draft.name)) {
        child = namespace_child_read(collection->kind, draft.name, draft.properties.text, &lines);
        if (child && checks[collection->kind]) {
            checks[collection->kind](collection, child, &lines);
        }
        namespace_child_free(child);
    }
    declaring_say_own(collection->declaring);
    declaring_say_below(collection->declaring, "properties", &lines);
}

static size_t count(const struct json_value *array)
{
    struct json_walk walk = json_elements(array);
    struct json_value element;
    size_t count = 0;

    while (array->type == JSON_ARRAY && json_next_element(&walk, &element)) {
        count++;
    }
    return count;
}

void declared_children_read(struct declaring *declaring, struct slice key,
                            const struct declared_children *children)
{
    for (int i = 0; i < CHILD_KINDS; i++) {
        const struct child_kind_info *kind = &child_kinds[i];
        const struct json_value *array = &children->arrays[i];
        struct collection collection = {declaring, key, (enum child_kind)i};
        size_t given = array->text.length > 0 ? count(array) : 0;
        if (kind->most > 0 && given > kind->most) {
            reading_mistake(&declaring->reading, "has at most %zu %ss, not %zu", kind->most,
                            kind->what, given);
        }
        declaring_read_each(declaring, kind->collection, array, read_child, &collection);
    }
}
