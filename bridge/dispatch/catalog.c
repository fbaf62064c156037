/* See catalog.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/catalog.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "dispatch/catalog_entries.h"

/* ---------------------------------------------------------------- states */

static const char *const state_names[] = {
    [STATE_SUCCEEDED] = "Succeeded",
    [STATE_CREATING] = "Creating",
    [STATE_AWAITING_MANUAL_ACTION] = "AwaitingManualAction",
    [STATE_FAILED] = "Failed",
};

const char *subscription_state_name(enum subscription_state state)
{
    return state_names[state];
}

bool subscription_state_from_name(struct slice name, enum subscription_state *out)
{
    for (size_t i = 0; i < sizeof(state_names) / sizeof(state_names[0]); i++) {
        if (equal_ignoring_case(slice_from_string(state_names[i]), name)) {
            *out = (enum subscription_state)i;
            return true;
        }
    }
    return false;
}

/* ---------------------------------------------------------------- texts */

bool text_member(const struct buffer *text, const char *name, struct json_value *out)
{
    struct json_value object = {JSON_OBJECT, buffer_slice(text)};

    *out = (struct json_value){JSON_NULL, SLICE_LITERAL("null")};
    return text->length > 0 && json_find_member(&object, name, out) && out->type != JSON_NULL;
}

bool texts_member(const struct catalog_texts *texts, const char *name, struct json_value *out)
{
    return text_member(&texts->stored, name, out) || text_member(&texts->declared, name, out);
}

void append_text_member(struct buffer *out, const struct buffer *text, const char *name)
{
    struct json_value value;

    if (text_member(text, name, &value) && value.type == JSON_STRING) {
        json_append_string_value(out, &value);
    }
}

void texts_release(struct catalog_texts *texts)
{
    buffer_release(&texts->declared);
    buffer_release(&texts->stored);
    buffer_release(&texts->effective);
}

/* ---------------------------------------------------------------- making, finding */

static struct slice key_of(const struct map_node *node)
{
    return buffer_slice(
        &CONTAINER_OF((struct map_node *)(uintptr_t)node, struct catalog_source, node)->key);
}

struct catalog *catalog_new(const struct catalog_listener *listener)
{
    struct catalog *catalog = memory_allocate_zero(sizeof(*catalog));

    map_init(&catalog->sources, key_of);
    map_init(&catalog->children, child_key_of);
    catalog->listener = listener;
    catalog->order = memory_allocate_zero(sizeof(*catalog->order));
    catalog->is_loading = true;
    return catalog;
}

void catalog_free(struct catalog *catalog)
{
    struct map_node *node = map_next(&catalog->sources, NULL);

    while (node) {
        struct map_node *next = map_next(&catalog->sources, node);
        struct catalog_source *source = CONTAINER_OF(node, struct catalog_source, node);
        /* Its topics are freed by themselves. */
        LIST_FOREACH_SAFE (link, &source->topics) {
            list_remove(link);
        }
        LIST_FOREACH_SAFE (link, &source->topic_entries) {
            list_remove(link);
        }
        source_free(source);
        node = next;
    }
    map_release(&catalog->sources);
    map_release(&catalog->children);
    buffer_release(&catalog->key);
    free(catalog->order->items);
    free(catalog->order);
    free(catalog);
}

struct catalog_source *catalog_find(const struct catalog *catalog, struct slice key)
{
    struct catalog_source *source = source_find_entry(catalog, key);

    return source && source->is_there ? source : NULL;
}

struct catalog_subscription *catalog_find_subscription(const struct catalog *catalog,
                                                       struct slice source_key, struct slice name)
{
    struct catalog_source *source = catalog_find(catalog, source_key);
    struct catalog_subscription *subscription =
        source ? subscription_find_entry(source, name) : NULL;

    return subscription && subscription->is_there ? subscription : NULL;
}

/* ---------------------------------------------------------------- in order */

static int compare_keys(const void *a, const void *b)
{
    const struct catalog_source *const *x = a, *const *y = b;

    return slice_compare(buffer_slice(&(*x)->key), buffer_slice(&(*y)->key));
}

static void put_in_order(const struct catalog *catalog)
{
    struct catalog_order *order = catalog->order;

    order->items =
        memory_resize(order->items, (catalog->sources.count + 1) * sizeof(struct catalog_source *));
    order->count = 0;
    for (struct map_node *node = map_next(&catalog->sources, NULL); node;
         node = map_next(&catalog->sources, node)) {
        struct catalog_source *source = CONTAINER_OF(node, struct catalog_source, node);
        if (source->is_there) {
            order->items[order->count++] = source;
        }
    }
    qsort(order->items, order->count, sizeof(struct catalog_source *), compare_keys);
    order->is_stale = false;
}

struct catalog_source *catalog_next(const struct catalog *catalog,
                                    const struct catalog_source *behind)
{
    struct catalog_order *order = catalog->order;
    struct catalog_source **at;

    if (order->is_stale) {
        put_in_order(catalog);
    }
    if (!behind) {
        return order->count > 0 ? order->items[0] : NULL;
    }
    at =
        bsearch(&behind, order->items, order->count, sizeof(struct catalog_source *), compare_keys);
    return at && at + 1 < order->items + order->count ? at[1] : NULL;
}

struct catalog_source *catalog_source_of(struct catalog_source *source, const struct event *event)
{
    struct source_name name = {
        .kind = SOURCE_DOMAIN_TOPIC, .name = source->name.name, .topic = event->domain_topic};
    struct catalog_source *topic = NULL;
    struct buffer *key = &source->catalog->key;

    if (source->name.kind == SOURCE_DOMAIN && event->domain_topic.length > 0) {
        key->length = 0;
        source_key_append(key, &name);
        topic = catalog_find(source->catalog, buffer_slice(key));
    }
    return topic ? topic : source;
}

bool catalog_is_complete(const struct catalog *catalog)
{
    return catalog->is_complete;
}
