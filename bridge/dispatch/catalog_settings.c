/* What the configuration declares and what is stored at run time comes into the catalog; see
 * catalog.h. While stored settings are being told, texts are only kept; then all of them are taken
 * into force at once, so that nothing is announced that is about to be overridden.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/log.h"
#include "dispatch/catalog_entries.h"

#define SUBSCRIPTIONS "/eventsubscriptions/"

static void set_text(struct buffer *text, struct slice value)
{
    text->length = 0;
    buffer_append(text, value);
}

/* ---------------------------------------------------------------- all of it */

typedef void source_visitor(struct catalog_source *source);

/* Those that are in nothing, or those that are in one of them; `visit` may free the source. */
static void visit_level(struct catalog *catalog, bool of_parent, source_visitor *visit)
{
    struct map_node *node = map_next(&catalog->sources, NULL);

    while (node) {
        struct map_node *next = map_next(&catalog->sources, node);
        struct catalog_source *source = CONTAINER_OF(node, struct catalog_source, node);
        if (source_has_parent(source->name.kind) == of_parent) {
            visit(source);
        }
        node = next;
    }
}

static void visit_all(struct catalog *catalog, source_visitor *visit)
{
    visit_level(catalog, false, visit);
    visit_level(catalog, true, visit);
}

/* The texts of a source, of its subscriptions, in force or not, and of its children. */
static void visit_texts(struct catalog_source *source, void (*visit)(struct catalog_texts *texts))
{
    struct list *const lists[] = {&source->subscriptions, &source->waiting};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        LIST_FOREACH (link, lists[i]) {
            visit(&CONTAINER_OF(link, struct catalog_subscription, link)->texts);
        }
    }
    LIST_FOREACH (link, &source->children) {
        visit(&CONTAINER_OF(link, struct catalog_child, link)->texts);
    }
    visit(&source->texts);
}

/* What says nothing is not in force any more, so it waits. */
static void tidy_waiting(struct catalog_source *source)
{
    LIST_FOREACH_SAFE (link, &source->waiting) {
        subscription_tidy(CONTAINER_OF(link, struct catalog_subscription, link));
    }
    LIST_FOREACH_SAFE (link, &source->children) {
        child_tidy(CONTAINER_OF(link, struct catalog_child, link));
    }
}

static void resolve(struct catalog_source *source)
{
    struct buffer error = {0};

    if (!source_resolve(source, &error)) {
        log_write(LOG_ERROR, "event topic ignored", "topic=%.*s reason=\"%.*s\"",
                  SLICE_PRINT(source->key), (int)error.length - 1, error.data);
    }
    buffer_release(&error);
}

/* Its subscriptions first: a domain's topic may be there by them alone. */
static void resolve_tidily(struct catalog_source *source)
{
    resolve(source);
    tidy_waiting(source);
    if (source->domain) {
        resolve(source);
    }
}

static void resolve_all(struct catalog *catalog)
{
    visit_level(catalog, false, resolve_tidily);
    visit_level(catalog, true, resolve_tidily);
    visit_level(catalog, true, source_drop);
    visit_level(catalog, false, source_drop);
}

/* ---------------------------------------------------------------- what is left over */

static bool is_leftover(const struct catalog_texts *texts)
{
    struct json_value properties;

    return texts->declared.length == 0 && texts->stored.length > 0 &&
           !text_member(&texts->stored, "properties", &properties);
}

void catalog_each_leftover(const struct catalog *catalog,
                           void (*visit)(void *context,
                                         const struct catalog_subscription *subscription),
                           void *context)
{
    for (struct map_node *node = map_next(&catalog->sources, NULL); node;
         node = map_next(&catalog->sources, node)) {
        LIST_FOREACH (link, &CONTAINER_OF(node, struct catalog_source, node)->waiting) {
            struct catalog_subscription *subscription =
                CONTAINER_OF(link, struct catalog_subscription, link);
            if (is_leftover(&subscription->texts)) {
                visit(context, subscription);
            }
        }
    }
}

/* ---------------------------------------------------------------- what is declared */

static void append_name(struct buffer *out, const struct json_value *element)
{
    struct json_value name;

    if (json_find_member(element, "name", &name) && name.type == JSON_STRING) {
        json_append_string_value(out, &name);
    }
}

typedef void element_reader(struct catalog_source *source, const struct json_value *element);

static void declare_subscription(struct catalog_source *source, const struct json_value *element)
{
    struct catalog_subscription *subscription;
    struct buffer text = {0};

    append_name(&text, element);
    subscription = subscription_entry(source, buffer_slice(&text));
    if (subscription) {
        set_text(&subscription->texts.declared, element->text);
    }
    buffer_release(&text);
}

static void each_element(struct catalog_source *source, const struct json_value *object,
                         const char *member, element_reader *read)
{
    struct json_value array, element;

    if (json_find_member(object, member, &array) && array.type == JSON_ARRAY) {
        struct json_walk walk = json_elements(&array);
        while (json_next_element(&walk, &element)) {
            read(source, &element);
        }
    }
}

static void declare_topic(struct catalog_source *parent, const struct json_value *element);
static void declare_children(struct catalog_source *source, const struct json_value *element);

/* `name` lacks its last part, `named`, which the element says. */
static void declare_source(struct catalog *catalog, struct source_name *name, struct slice *named,
                           const struct json_value *element)
{
    struct buffer text = {0}, key = {0};
    struct catalog_source *source;

    append_name(&text, element);
    *named = buffer_slice(&text);
    source_key_append(&key, name);
    source = source_entry(catalog, buffer_slice(&key));
    if (source) {
        set_text(&source->texts.declared, element->text);
        each_element(source, element, "eventSubscriptions", declare_subscription);
        each_element(source, element, "topics", declare_topic);
        declare_children(source, element);
    }
    buffer_release(&key);
    buffer_release(&text);
}

static void declare_topic(struct catalog_source *parent, const struct json_value *element)
{
    struct source_name name = {.name = parent->name.name};

    if (source_topics_of(parent->name.kind, &name.kind)) {
        declare_source(parent->catalog, &name, &name.topic, element);
    }
}

static void declare_child(struct catalog_source *source, enum child_kind kind,
                          const struct json_value *element)
{
    struct buffer text = {0}, key = {0};
    struct catalog_child *child;

    append_name(&text, element);
    child_key_append(&key, buffer_slice(&source->key), kind, buffer_slice(&text));
    child = child_entry(source->catalog, buffer_slice(&key));
    if (child) {
        set_text(&child->texts.declared, element->text);
    }
    buffer_release(&text);
    buffer_release(&key);
}

/* Those of a namespace, by the names of their collections. */
static void declare_children(struct catalog_source *source, const struct json_value *element)
{
    struct json_walk members = json_members(element);
    struct json_value array, child;
    enum child_kind kind;
    struct slice key;

    if (source->name.kind != SOURCE_NAMESPACE) {
        return;
    }
    while (json_next_member(&members, &key, &array)) {
        if (array.type == JSON_ARRAY && child_kind_from_collection(key, &kind)) {
            struct json_walk walk = json_elements(&array);
            while (json_next_element(&walk, &child)) {
                declare_child(source, kind, &child);
            }
        }
    }
}

static void declare_list(struct catalog *catalog, const struct json_value *all, const char *member,
                         enum source_kind kind)
{
    struct json_value array, element;

    if (!json_find_member(all, member, &array) || array.type != JSON_ARRAY) {
        return;
    }
    struct json_walk walk = json_elements(&array);
    while (json_next_element(&walk, &element)) {
        struct source_name name = {.kind = kind};
        declare_source(catalog, &name, &name.name, &element);
    }
}

static void forget_declared_text(struct catalog_texts *texts)
{
    texts->declared.length = 0;
}

static void forget_declared(struct catalog_source *source)
{
    visit_texts(source, forget_declared_text);
}

void catalog_set_declared(struct catalog *catalog, struct slice json)
{
    struct json_value all;

    visit_all(catalog, forget_declared);
    if (json_parse(json, &all)) {
        declare_list(catalog, &all, "topics", SOURCE_TOPIC);
        declare_list(catalog, &all, "domains", SOURCE_DOMAIN);
        declare_list(catalog, &all, "systemTopics", SOURCE_SYSTEM_TOPIC);
        declare_list(catalog, &all, "namespaces", SOURCE_NAMESPACE);
    }
    if (!catalog->is_loading) {
        resolve_all(catalog);
    }
}

/* ---------------------------------------------------------------- what is stored */

/* What a place is about. */
struct place {
    struct slice source_key;
    bool is_subscription;      /* else the source itself */
    struct slice subscription; /* its name */
};

/* Keys are in lower case, as names in places are. */
static struct place split_place(struct slice place)
{
    const struct slice between = SLICE_LITERAL(SUBSCRIPTIONS);
    const uint8_t *at = memmem(place.data, place.length, between.data, between.length);
    size_t length = at ? (size_t)(at - place.data) : place.length;

    return (struct place){slice_make(place.data, length), at != NULL,
                          at ? slice_from(place, length + between.length) : SLICE_EMPTY};
}

/* Sets what is stored; returns what was. */
static struct buffer replace_stored(struct catalog_texts *texts, struct slice json)
{
    struct buffer before = texts->stored;

    texts->stored = (struct buffer){0};
    buffer_append(&texts->stored, json);
    return before;
}

/* What was stored before counts again. */
static void put_stored_back(struct catalog_texts *texts, struct buffer *before)
{
    struct buffer wrong = texts->stored;

    texts->stored = *before;
    *before = wrong;
}

/* Resolves what the new text is of; if it is not good, the old one counts again. */
static bool take_source(struct catalog_source *source, struct slice json, struct buffer *error)
{
    struct buffer before = replace_stored(&source->texts, json);
    bool is_good;

    is_good = source_resolve(source, error);
    if (!is_good) {
        put_stored_back(&source->texts, &before);
        resolve(source);
    }
    buffer_release(&before);
    source_tidy(source);
    return is_good;
}

static bool take_subscription(struct catalog_subscription *subscription, struct slice json,
                              struct buffer *error)
{
    struct catalog_source *source = subscription->source;
    struct buffer before = replace_stored(&subscription->texts, json);
    bool is_good;

    if (!source->is_there) {
        resolve(source); /* a domain's topic comes with it */
    }
    is_good = subscription_resolve(subscription, error);
    if (!is_good) {
        put_stored_back(&subscription->texts, &before);
    }
    buffer_release(&before);
    subscription_tidy(subscription);
    resolve(source); /* and goes with it */
    source_tidy(source);
    return is_good;
}

static bool take_child(struct catalog_child *child, struct slice json, struct buffer *error)
{
    struct catalog_source *source = child->source;
    struct buffer before = replace_stored(&child->texts, json);
    bool is_good;

    is_good = child_resolve(child, error);
    if (!is_good) {
        put_stored_back(&child->texts, &before);
        child->is_set = child->texts.stored.length > 0;
    }
    buffer_release(&before);
    child_tidy(child);
    source_tidy(source);
    return is_good;
}

/* What a place is about, as entries that are made if need be. */
struct target {
    struct catalog_source *source; /* NULL: it is no such place */
    struct catalog_subscription *subscription;
    struct catalog_child *child;
    struct catalog_texts *texts; /* of the one that is meant; NULL: there is none */
};

static struct target find_target(struct catalog *catalog, struct slice place_text)
{
    struct target target = {.child = child_entry(catalog, place_text)};
    struct place place = split_place(place_text);

    if (target.child) {
        target.source = target.child->source;
        target.texts = &target.child->texts;
        return target;
    }
    target.source = source_entry(catalog, place.source_key);
    if (target.source && place.is_subscription) {
        target.subscription = subscription_entry(target.source, place.subscription);
        target.texts = target.subscription ? &target.subscription->texts : NULL;
    } else if (target.source) {
        target.texts = &target.source->texts;
    }
    return target;
}

static bool take(const struct target *target, struct slice json, struct buffer *error)
{
    if (target->child) {
        return take_child(target->child, json, error);
    }
    return target->subscription ? take_subscription(target->subscription, json, error)
                                : take_source(target->source, json, error);
}

bool catalog_set_stored(struct catalog *catalog, struct slice place, struct slice json,
                        struct buffer *error)
{
    struct target target = find_target(catalog, place);
    struct json_value value = {JSON_NULL, SLICE_EMPTY};

    if (!target.texts ||
        (json.length > 0 && !(json_parse(json, &value) && value.type == JSON_OBJECT))) {
        buffer_append_format(error, "%s\n",
                             target.texts ? "it is no JSON object" : "it is no such place");
        if (target.source) {
            tidy_waiting(target.source);
            source_tidy(target.source);
        }
        return false;
    }
    if (catalog->is_loading) {
        set_text(&target.texts->stored, value.text);
        target.texts->is_told = true;
        return true;
    }
    return take(&target, value.text, error);
}

static void tell_text_anew(struct catalog_texts *texts)
{
    texts->is_told = false;
}

static void tell_anew(struct catalog_source *source)
{
    visit_texts(source, tell_text_anew);
}

static void drop_untold_text(struct catalog_texts *texts)
{
    if (!texts->is_told) {
        texts->stored.length = 0;
    }
}

static void drop_untold(struct catalog_source *source)
{
    visit_texts(source, drop_untold_text);
}

void catalog_begin(struct catalog *catalog)
{
    catalog->is_loading = true;
    visit_all(catalog, tell_anew);
}

void catalog_complete(struct catalog *catalog)
{
    visit_all(catalog, drop_untold);
    catalog->is_loading = false;
    catalog->is_complete = true;
    resolve_all(catalog);
}
