/* Sources of the catalog; see catalog_entries.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/log.h"
#include "base/memory.h"
#include "dispatch/catalog_entries.h"

/* ---------------------------------------------------------------- entries */

struct catalog_source *source_find_entry(const struct catalog *catalog, struct slice key)
{
    struct map_node *node = map_find(&catalog->sources, key);

    return node ? CONTAINER_OF(node, struct catalog_source, node) : NULL;
}

/* What a topic stands in, as an entry. */
static struct catalog_source *parent_entry(struct catalog *catalog, const struct source_name *name)
{
    struct source_name parent = source_parent(name);
    struct buffer key = {0};
    struct catalog_source *entry;

    source_key_append(&key, &parent);
    entry = source_entry(catalog, buffer_slice(&key));
    buffer_release(&key);
    return entry;
}

struct catalog_source *source_entry(struct catalog *catalog, struct slice key)
{
    struct catalog_source *source = source_find_entry(catalog, key);
    struct source_name name;

    if (source || !source_key_parse(key, &name)) {
        return source;
    }
    source = memory_allocate_zero(sizeof(*source));
    source->catalog = catalog;
    buffer_append(&source->key, key);
    source_key_parse(buffer_slice(&source->key), &source->name);
    list_init(&source->subscriptions);
    list_init(&source->waiting);
    list_init(&source->children);
    list_init(&source->topics);
    list_init(&source->topic_link);
    list_init(&source->topic_entries);
    list_init(&source->in_parent);
    map_insert(&catalog->sources, &source->node);
    if (source_has_parent(name.kind)) {
        source->parent = parent_entry(catalog, &name);
        source->domain = name.kind == SOURCE_DOMAIN_TOPIC ? source->parent : NULL;
        list_add_last(&source->parent->topic_entries, &source->in_parent);
    }
    return source;
}

void source_free(struct catalog_source *source)
{
    targets_forget(source);
    LIST_FOREACH_SAFE (link, &source->subscriptions) {
        subscription_free(CONTAINER_OF(link, struct catalog_subscription, link));
    }
    LIST_FOREACH_SAFE (link, &source->waiting) {
        subscription_free(CONTAINER_OF(link, struct catalog_subscription, link));
    }
    LIST_FOREACH_SAFE (link, &source->children) {
        child_free(CONTAINER_OF(link, struct catalog_child, link));
    }
    list_remove(&source->topic_link);
    list_remove(&source->in_parent);
    if (source->properties) {
        topic_properties_free(source->properties);
    }
    texts_release(&source->texts);
    buffer_release(&source->key);
    buffer_release(&source->names);
    buffer_release(&source->id);
    buffer_release(&source->key1);
    buffer_release(&source->key2);
    free(source);
}

static bool says_nothing(const struct catalog_source *source)
{
    return source->texts.declared.length == 0 && source->texts.stored.length == 0 &&
           list_is_empty(&source->subscriptions) && list_is_empty(&source->waiting) &&
           list_is_empty(&source->children) && list_is_empty(&source->topic_entries);
}

void source_drop(struct catalog_source *source)
{
    if (says_nothing(source)) {
        map_remove(&source->catalog->sources, &source->node);
        source_free(source);
    }
}

void source_tidy(struct catalog_source *source)
{
    struct catalog_source *parent = source->parent;

    source_drop(source);
    if (parent) {
        source_drop(parent);
    }
}

/* ---------------------------------------------------------------- reading */

static bool some_is_said(const struct list *subscriptions)
{
    LIST_FOREACH (link, subscriptions) {
        const struct catalog_texts *texts =
            &CONTAINER_OF(link, struct catalog_subscription, link)->texts;
        if (texts->declared.length > 0 || texts->stored.length > 0) {
            return true;
        }
    }
    return false;
}

static bool has_subscription(const struct catalog_source *source)
{
    return some_is_said(&source->subscriptions) || some_is_said(&source->waiting);
}

/* Is it to be in force? */
static bool is_wanted(const struct catalog_source *source)
{
    struct json_value resource;
    bool is_said = source->texts.declared.length > 0 ||
                   text_member(&source->texts.stored, "resource", &resource);

    is_said = is_said || (source->domain && has_subscription(source));
    return is_said && (!source->parent || source->parent->is_there);
}

/* Appends the ARM resource that counts: {"location":..,"tags":..,"properties":{..}}. */
static void append_resource(struct buffer *out, const struct catalog_source *source)
{
    static const char *const members[] = {"location", "tags", "properties"};
    struct json_value value;
    const char *separator = "{";

    if (text_member(&source->texts.stored, "resource", &value)) {
        buffer_append(out, value.text);
        return;
    }
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (text_member(&source->texts.declared, members[i], &value)) {
            buffer_append_format(out, "%s\"%s\":", separator, members[i]);
            buffer_append(out, value.text);
            separator = ",";
        }
    }
    buffer_append_string(out, separator[0] == '{' ? "{}" : "}");
}

/* What is stored of it, else what is declared. */
static void take_text(struct buffer *out, const struct catalog_source *source, const char *member)
{
    out->length = 0;
    append_text_member(out, &source->texts.stored, member);
    if (out->length == 0) {
        append_text_member(out, &source->texts.declared, member);
    }
}

/* The name in the letters that were given, if it is that of the key. */
static void take_name(struct catalog_source *source)
{
    struct source_name name;
    struct slice *own = source->parent ? &name.topic : &name.name;

    source_key_parse(buffer_slice(&source->key), &name);
    take_text(&source->names, source, "name");
    if (equal_ignoring_case(buffer_slice(&source->names), *own)) {
        *own = buffer_slice(&source->names);
    }
    if (source->parent) {
        name.name = source->parent->name.name;
    }
    source->name = name;
}

static void take_id(struct catalog_source *source)
{
    struct buffer azure = {0}, group = {0};
    const struct catalog_source *of = source->parent ? source->parent : source;

    take_text(&azure, of, "azureSubscription");
    take_text(&group, of, "resourceGroup");
    source->id.length = 0;
    source_id_append(&source->id, &source->name, buffer_slice(&azure), buffer_slice(&group));
    buffer_release(&azure);
    buffer_release(&group);
}

/* All that makes a difference. */
static void append_effective(struct buffer *out, const struct catalog_source *source)
{
    static const char *const members[] = {"name", "azureSubscription", "resourceGroup", "key1",
                                          "key2"};
    struct json_value value;

    append_resource(out, source);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        texts_member(&source->texts, members[i], &value);
        buffer_append(out, value.text);
    }
    if (source->parent) {
        buffer_append(out, buffer_slice(&source->parent->texts.effective));
    }
}

/* ---------------------------------------------------------------- into force */

static void resolve_subscriptions(struct list *list)
{
    struct buffer error = {0};

    LIST_FOREACH_SAFE (link, list) {
        struct catalog_subscription *subscription =
            CONTAINER_OF(link, struct catalog_subscription, link);
        error.length = 0;
        if (!subscription_resolve(subscription, &error)) {
            log_write(LOG_ERROR, "event subscription ignored", "queue=%.*s reason=\"%.*s\"",
                      SLICE_PRINT(subscription->queue), (int)error.length - 1, error.data);
            subscription_withdraw(subscription);
        }
    }
    buffer_release(&error);
}

/* Also its topics: those of a domain have its properties, and all have its name and account. */
static void resolve_dependants(struct catalog_source *source)
{
    struct buffer error = {0};
    struct list waiting;

    list_init(&waiting);
    list_move_all(&waiting, &source->waiting); /* what cannot come into force goes back */
    resolve_subscriptions(&source->subscriptions);
    resolve_subscriptions(&waiting);
    list_move_all(&source->waiting, &waiting);
    children_resolve(source);
    LIST_FOREACH (link, &source->topic_entries) {
        struct catalog_source *topic = CONTAINER_OF(link, struct catalog_source, in_parent);
        error.length = 0;
        if (!source_resolve(topic, &error)) {
            log_write(LOG_ERROR, "event topic ignored", "topic=%.*s reason=\"%.*s\"",
                      SLICE_PRINT(topic->key), (int)error.length - 1, error.data);
        }
    }
    buffer_release(&error);
}

static void withdraw(struct catalog_source *source)
{
    const struct catalog_listener *listener = source->catalog->listener;

    source->is_there = false;
    resolve_dependants(source);
    listener->source_removed(listener->context, source);
    list_remove(&source->topic_link);
    targets_forget(source);
    source->catalog->order->is_stale = true;
    source->texts.effective.length = 0;
}

/* `effective` is what `properties` (not of a domain's topic) were read with. */
static void put_into_force(struct catalog_source *source, struct topic_properties *properties,
                           struct buffer *effective)
{
    const struct catalog_listener *listener = source->catalog->listener;

    if (source->properties) {
        topic_properties_free(source->properties);
    }
    source->properties = properties;
    buffer_release(&source->texts.effective);
    source->texts.effective = *effective;
    *effective = (struct buffer){0};
    take_text(&source->key1, source, "key1");
    take_text(&source->key2, source, "key2");
    take_name(source);
    take_id(source);
    if (!source->is_there) {
        source->is_there = true;
        source->catalog->order->is_stale = true;
    }
    if (source->parent && list_is_empty(&source->topic_link)) {
        list_add_last(&source->parent->topics, &source->topic_link);
    }
    listener->source_changed(listener->context, source);
    resolve_dependants(source);
}

static bool read_and_put(struct catalog_source *source, struct buffer *effective,
                         struct buffer *error)
{
    struct topic_properties *properties = NULL;
    struct buffer resource = {0};

    if (!source->domain) {
        append_resource(&resource, source);
        properties = topic_properties_read(buffer_slice(&resource), source->name.kind, error);
        buffer_release(&resource);
        if (!properties) {
            return false;
        }
    }
    put_into_force(source, properties, effective);
    return true;
}

bool source_resolve(struct catalog_source *source, struct buffer *error)
{
    struct buffer effective = {0};
    struct json_value resource;
    bool is_good = true;

    source->is_declared = source->texts.declared.length > 0;
    source->is_set = text_member(&source->texts.stored, "resource", &resource);
    if (!is_wanted(source)) {
        if (source->is_there) {
            withdraw(source);
        }
        return true;
    }
    append_effective(&effective, source);
    if (!source->is_there ||
        !slice_equal(buffer_slice(&effective), buffer_slice(&source->texts.effective))) {
        is_good = read_and_put(source, &effective, error);
    } else {
        resolve_dependants(source);
    }
    buffer_release(&effective);
    return is_good;
}
