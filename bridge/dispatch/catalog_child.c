/* Children of namespaces in the catalog: clients, client groups and so on; see catalog_entries.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "dispatch/catalog_entries.h"

/* ---------------------------------------------------------------- entries */

static struct catalog_child *child_of(struct map_node *node)
{
    return node ? CONTAINER_OF(node, struct catalog_child, node) : NULL;
}

struct slice child_key_of(const struct map_node *node)
{
    return buffer_slice(
        &CONTAINER_OF((struct map_node *)(uintptr_t)node, struct catalog_child, node)->key);
}

struct catalog_child *child_entry(struct catalog *catalog, struct slice key)
{
    struct catalog_child *child = child_of(map_find(&catalog->children, key));
    struct slice namespace_key, name;
    enum child_kind kind;

    if (child || !child_key_parse(key, &namespace_key, &kind, &name)) {
        return child;
    }
    child = memory_allocate_zero(sizeof(*child));
    child->kind = kind;
    child->source = source_entry(catalog, namespace_key);
    buffer_append(&child->key, key);
    buffer_append(&child->name, name);
    map_insert(&catalog->children, &child->node);
    list_add_last(&child->source->children, &child->link);
    return child;
}

void child_free(struct catalog_child *child)
{
    map_remove(&child->source->catalog->children, &child->node);
    list_remove(&child->link);
    namespace_child_free(child->resource);
    texts_release(&child->texts);
    buffer_release(&child->key);
    buffer_release(&child->name);
    free(child);
}

void child_tidy(struct catalog_child *child)
{
    if (child->texts.declared.length == 0 && child->texts.stored.length == 0) {
        child_free(child);
    }
}

/* ---------------------------------------------------------------- into force */

static void tell(const struct catalog_child *child,
                 void (*hear)(void *context, const struct catalog_child *child))
{
    if (hear) {
        hear(child->source->catalog->listener->context, child);
    }
}

static void withdraw(struct catalog_child *child)
{
    if (child->resource) {
        tell(child, child->source->catalog->listener->child_removed);
        namespace_child_free(child->resource);
        child->resource = NULL;
        child->texts.effective.length = 0;
    }
}

/* All that makes a difference. */
static void append_effective(struct buffer *out, const struct catalog_child *child)
{
    static const char *const members[] = {"properties", "name"};
    struct json_value value;

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        texts_member(&child->texts, members[i], &value);
        buffer_append(out, value.text);
    }
    buffer_append_byte(out, child->is_set ? '+' : '-');
    buffer_append(out, buffer_slice(&child->source->id));
}

/* The name in the letters that were given, if it is that of the key. */
static void take_name(struct catalog_child *child)
{
    struct json_value value;
    struct buffer name = {0};

    if (texts_member(&child->texts, "name", &value) && value.type == JSON_STRING) {
        json_append_string_value(&name, &value);
    }
    if (child_name_equal(child->kind, buffer_slice(&name), buffer_slice(&child->name))) {
        child->name.length = 0;
        buffer_append(&child->name, buffer_slice(&name));
    }
    buffer_release(&name);
}

static void take_time(struct catalog_child *child)
{
    struct json_value value;
    uint64_t created_ms = 0;

    if (text_member(&child->texts.stored, "createdOn", &value)) {
        json_to_u64(&value, &created_ms);
    }
    child->created_ms = (int64_t)created_ms;
}

/* Takes over `effective`. */
static bool read_and_put(struct catalog_child *child, struct buffer *effective,
                         struct buffer *error)
{
    struct json_value properties;
    struct namespace_child *resource;

    take_name(child);
    if (!texts_member(&child->texts, "properties", &properties)) {
        properties.text = SLICE_LITERAL("{}");
    }
    resource =
        namespace_child_read(child->kind, buffer_slice(&child->name), properties.text, error);
    if (!resource) {
        return false;
    }
    namespace_child_free(child->resource);
    child->resource = resource;
    buffer_release(&child->texts.effective);
    child->texts.effective = *effective;
    *effective = (struct buffer){0};
    tell(child, child->source->catalog->listener->child_changed);
    return true;
}

bool child_resolve(struct catalog_child *child, struct buffer *error)
{
    struct buffer effective = {0};
    bool is_good = true;

    child->is_declared = child->texts.declared.length > 0;
    child->is_set = child->texts.stored.length > 0;
    take_time(child);
    if (!child->source->is_there || !(child->is_declared || child->is_set)) {
        withdraw(child);
        return true;
    }
    append_effective(&effective, child);
    if (!child->resource ||
        !slice_equal(buffer_slice(&effective), buffer_slice(&child->texts.effective))) {
        is_good = read_and_put(child, &effective, error);
    }
    buffer_release(&effective);
    return is_good;
}

void children_resolve(struct catalog_source *source)
{
    struct buffer error = {0};

    LIST_FOREACH (link, &source->children) {
        struct catalog_child *child = CONTAINER_OF(link, struct catalog_child, link);
        error.length = 0;
        if (!child_resolve(child, &error)) {
            log_write(LOG_ERROR, "child of a namespace ignored", "key=%.*s reason=\"%.*s\"",
                      SLICE_PRINT(child->key), (int)error.length - 1, error.data);
            withdraw(child);
        }
    }
    buffer_release(&error);
}

/* ---------------------------------------------------------------- finding */

struct catalog_child *catalog_find_child(const struct catalog *catalog, struct slice key)
{
    struct catalog_child *child = child_of(map_find(&catalog->children, key));

    return child && child->resource ? child : NULL;
}

static int compare_keys(const void *a, const void *b)
{
    const struct catalog_child *const *x = a, *const *y = b;

    return slice_compare(buffer_slice(&(*x)->key), buffer_slice(&(*y)->key));
}

struct catalog_child **catalog_children(const struct catalog_source *source, enum child_kind kind,
                                        size_t *count)
{
    struct catalog_child **children;
    size_t most = 0;

    LIST_FOREACH (link, &source->children) {
        most++;
    }
    children = memory_allocate((most + 1) * sizeof(struct catalog_child *));
    *count = 0;
    LIST_FOREACH (link, &source->children) {
        struct catalog_child *child = CONTAINER_OF(link, struct catalog_child, link);
        if (child->kind == kind && child->resource) {
            children[(*count)++] = child;
        }
    }
    qsort(children, *count, sizeof(struct catalog_child *), compare_keys);
    return children;
}
