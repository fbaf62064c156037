/* Namespaces in two layers of text. See namespaces.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "namespaces.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "resource/namespace_rules.h"
#include "resource/source.h"
#include "resource/topic.h"
#include "json/json.h"

enum { SECONDS_AN_HOUR = 3600 };

/* A namespace, or a child of one. */
struct entry {
    struct map_node node;
    struct list link;           /* in namespaces->parents, or in ->children of its kind */
    struct buffer key;          /* as in the place of its retained message */
    struct slice namespace_key; /* of `key`: the whole of it, or its beginning */
    struct slice name;          /* likewise, of a child */
    bool is_child;
    enum child_kind kind;
    struct buffer declared, stored; /* JSON; empty: nothing is said */
    /* In force; NULL: it is not there. */
    struct topic_properties *properties;
    struct namespace_child *child;
};

struct namespaces {
    struct map entries; /* by key: */
    struct list parents;
    struct list children[CHILD_KINDS];
    const struct entry *mqtt; /* the namespace with MQTT; NULL: there is none */
};

static struct entry *entry_of(const struct map_node *node)
{
    return (struct entry *)(uintptr_t)CONTAINER_OF(node, const struct entry, node);
}

static struct slice key_of_entry(const struct map_node *node)
{
    return buffer_slice(&entry_of(node)->key);
}

struct namespaces *namespaces_new(void)
{
    struct namespaces *namespaces = memory_allocate_zero(sizeof(*namespaces));

    map_init(&namespaces->entries, key_of_entry);
    list_init(&namespaces->parents);
    for (size_t i = 0; i < CHILD_KINDS; i++) {
        list_init(&namespaces->children[i]);
    }
    return namespaces;
}

/* --- entries --- */

/* False: something else has that key. */
static bool read_key(struct entry *entry)
{
    struct slice key = buffer_slice(&entry->key);
    struct source_name source;

    entry->is_child = child_key_parse(key, &entry->namespace_key, &entry->kind, &entry->name);
    if (entry->is_child) {
        return true;
    }
    entry->namespace_key = key;
    return source_key_parse(key, &source) && source.kind == SOURCE_NAMESPACE;
}

static void entry_free(struct entry *entry)
{
    buffer_release(&entry->key);
    buffer_release(&entry->declared);
    buffer_release(&entry->stored);
    topic_properties_free(entry->properties);
    namespace_child_free(entry->child);
    free(entry);
}

/* Made if need be. NULL: there can be none of that key. */
static struct entry *find_or_add(struct namespaces *namespaces, struct slice key)
{
    struct map_node *node = map_find(&namespaces->entries, key);
    struct entry *entry;

    if (node) {
        return entry_of(node);
    }
    entry = memory_allocate_zero(sizeof(*entry));
    buffer_append(&entry->key, key);
    if (!read_key(entry)) {
        entry_free(entry);
        return NULL;
    }
    map_insert(&namespaces->entries, &entry->node);
    list_add_last(entry->is_child ? &namespaces->children[entry->kind] : &namespaces->parents,
                  &entry->link);
    return entry;
}

typedef void entry_visitor(struct namespaces *namespaces, struct entry *entry);

/* `visit` may remove it. */
static void visit_all(struct namespaces *namespaces, entry_visitor *visit)
{
    struct map_node *node = map_next(&namespaces->entries, NULL);

    while (node) {
        struct map_node *next = map_next(&namespaces->entries, node);
        visit(namespaces, entry_of(node));
        node = next;
    }
}

static void remove_entry(struct namespaces *namespaces, struct entry *entry)
{
    namespaces->mqtt = namespaces->mqtt == entry ? NULL : namespaces->mqtt;
    map_remove(&namespaces->entries, &entry->node);
    list_remove(&entry->link);
    entry_free(entry);
}

void namespaces_free(struct namespaces *namespaces)
{
    if (namespaces) {
        visit_all(namespaces, remove_entry);
        map_release(&namespaces->entries);
        free(namespaces);
    }
}

/* --- from texts to what is in force --- */

/* The member of an entry's text that says what it is; what is set goes before what is declared. */
static bool find_member(const struct entry *entry, const char *name, struct json_value *out)
{
    const struct buffer *texts[] = {&entry->stored, &entry->declared};
    struct json_value object;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i]->length > 0 && json_parse(buffer_slice(texts[i]), &object) &&
            json_find_member(&object, name, out)) {
            return true;
        }
    }
    return false;
}

static void complain(const struct entry *entry, struct buffer *error)
{
    log_write(LOG_ERROR, "setting of a namespace ignored", "place=%s reason=%s",
              log_quote(buffer_slice(&entry->key)), log_quote(buffer_slice(error)));
    buffer_release(error);
}

static void resolve_child(struct entry *entry)
{
    struct json_value properties;
    struct buffer error = {0};

    namespace_child_free(entry->child);
    entry->child = NULL;
    if (entry->declared.length > 0 || entry->stored.length > 0) {
        bool has_own = find_member(entry, "properties", &properties);
        entry->child = namespace_child_read(
            entry->kind, entry->name, has_own ? properties.text : SLICE_LITERAL("{}"), &error);
        if (!entry->child) {
            complain(entry, &error);
        }
    }
}

/* Of what was set at run time the whole resource is kept, in the file its properties stand. */
static void append_resource(struct buffer *out, const struct entry *entry)
{
    struct json_value value;

    if (entry->stored.length > 0 && find_member(entry, "resource", &value)) {
        buffer_append(out, value.text);
        return;
    }
    buffer_append_string(out, "{\"properties\":");
    buffer_append(out, find_member(entry, "properties", &value) ? value.text : SLICE_LITERAL("{}"));
    buffer_append_byte(out, '}');
}

static void resolve_namespace(struct entry *entry)
{
    struct buffer resource = {0}, error = {0};

    topic_properties_free(entry->properties);
    entry->properties = NULL;
    if (entry->declared.length > 0 || entry->stored.length > 0) {
        append_resource(&resource, entry);
        entry->properties =
            topic_properties_read(buffer_slice(&resource), SOURCE_NAMESPACE, &error);
        if (!entry->properties) {
            complain(entry, &error);
        }
    }
    buffer_release(&resource);
}

/* Who is not spoken of any more goes. */
static void resolve(struct namespaces *namespaces, struct entry *entry)
{
    if (entry->is_child) {
        resolve_child(entry);
    } else {
        resolve_namespace(entry);
    }
    if (entry->declared.length == 0 && entry->stored.length == 0) {
        remove_entry(namespaces, entry);
    }
}

static void set_text(struct buffer *text, struct slice value)
{
    text->length = 0;
    buffer_append(text, value);
}

/* --- the one with MQTT --- */

static bool is_enabled(const struct entry *entry)
{
    return entry->properties && entry->properties->spaces.is_enabled;
}

/* Should there be several, for a moment (bridge/dispatch/management_rival.c), it stays the one that
 * it is, for its clients are connected; else it is the first by name. */
static void choose_mqtt(struct namespaces *namespaces)
{
    if (namespaces->mqtt && is_enabled(namespaces->mqtt)) {
        return;
    }
    namespaces->mqtt = NULL;
    LIST_FOREACH (link, &namespaces->parents) {
        const struct entry *entry = CONTAINER_OF(link, struct entry, link),
                           *so_far = namespaces->mqtt;
        if (is_enabled(entry) &&
            (!so_far || slice_compare(buffer_slice(&entry->key), buffer_slice(&so_far->key)) < 0)) {
            namespaces->mqtt = entry;
        }
    }
}

/* --- what is declared --- */

static void append_name(struct buffer *out, const struct json_value *element)
{
    struct json_value name;

    if (json_find_member(element, "name", &name) && name.type == JSON_STRING) {
        json_append_string_value(out, &name);
    }
}

static void declare(struct namespaces *namespaces, struct slice key,
                    const struct json_value *element)
{
    struct entry *entry = find_or_add(namespaces, key);

    if (entry) {
        set_text(&entry->declared, element->text);
    }
}

static void declare_children(struct namespaces *namespaces, struct slice namespace_key,
                             const struct json_value *element, enum child_kind kind)
{
    struct json_value array, child;
    char member[32];

    snprintf(member, sizeof(member), "%.*s", SLICE_PRINT(child_kinds[kind].collection));
    if (!json_find_member(element, member, &array) || array.type != JSON_ARRAY) {
        return;
    }
    struct json_walk walk = json_elements(&array);
    while (json_next_element(&walk, &child)) {
        struct buffer name = {0}, key = {0};
        append_name(&name, &child);
        child_key_append(&key, namespace_key, kind, buffer_slice(&name));
        declare(namespaces, buffer_slice(&key), &child);
        buffer_release(&key);
        buffer_release(&name);
    }
}

static void declare_namespace(struct namespaces *namespaces, const struct json_value *element)
{
    struct buffer name = {0}, key = {0};

    append_name(&name, element);
    source_key_append(&key,
                      &(struct source_name){.kind = SOURCE_NAMESPACE, .name = buffer_slice(&name)});
    declare(namespaces, buffer_slice(&key), element);
    for (int kind = 0; kind < CHILD_KINDS; kind++) {
        declare_children(namespaces, buffer_slice(&key), element, (enum child_kind)kind);
    }
    buffer_release(&key);
    buffer_release(&name);
}

static void forget_declared(struct namespaces *namespaces, struct entry *entry)
{
    (void)namespaces;
    entry->declared.length = 0;
}

void namespaces_set_declared(struct namespaces *namespaces, struct slice json)
{
    struct json_value all, array, element;

    visit_all(namespaces, forget_declared);
    if (json_parse(json, &all) && json_find_member(&all, "namespaces", &array) &&
        array.type == JSON_ARRAY) {
        struct json_walk walk = json_elements(&array);
        while (json_next_element(&walk, &element)) {
            declare_namespace(namespaces, &element);
        }
    }
    visit_all(namespaces, resolve);
    choose_mqtt(namespaces);
}

/* --- what is stored --- */

bool namespaces_set_stored(struct namespaces *namespaces, struct slice place, struct slice json)
{
    struct entry *entry = find_or_add(namespaces, place);

    if (!entry) {
        return false;
    }
    set_text(&entry->stored, json);
    resolve(namespaces, entry);
    choose_mqtt(namespaces);
    return true;
}

const struct topic_spaces_configuration *namespaces_mqtt(const struct namespaces *namespaces,
                                                         struct slice *name)
{
    const struct entry *entry = namespaces->mqtt;
    struct source_name source;

    if (!entry || !source_key_parse(buffer_slice(&entry->key), &source)) {
        return NULL;
    }
    *name = source.name;
    return &entry->properties->spaces;
}

void namespaces_each_child(const struct namespaces *namespaces, enum child_kind kind,
                           void (*visit)(void *context, const struct namespace_child *child),
                           void *context)
{
    const struct entry *of = namespaces->mqtt;

    LIST_FOREACH (link, &namespaces->children[kind]) {
        const struct entry *entry = CONTAINER_OF(link, struct entry, link);
        if (of && entry->child && slice_equal(entry->namespace_key, of->namespace_key)) {
            visit(context, entry->child);
        }
    }
}

/* --- what follows from it --- */

void namespaces_limit(const struct namespaces *namespaces, struct core_options *options)
{
    struct slice name;
    const struct topic_spaces_configuration *spaces = namespaces_mqtt(namespaces, &name);

    if (spaces) {
        uint32_t expiry = spaces->session_expiry_hours * SECONDS_AN_HOUR;
        options->session_expiry_maximum =
            expiry < options->session_expiry_maximum ? expiry : options->session_expiry_maximum;
        options->user_sessions_maximum = spaces->sessions_per_name;
        options->identifiers_are_owned = true;
    }
}

/* Those who gather append what they take to a buffer. */
static void gather_child(void *context, const struct namespace_child *child)
{
    buffer_append(context, slice_make(&child, sizeof(child)));
}

void namespaces_add_rules(const struct namespaces *namespaces, struct rule_set *set)
{
    struct buffer all = {0};

    if (!namespaces->mqtt) {
        return;
    }
    for (int kind = 0; kind < CHILD_KINDS; kind++) {
        namespaces_each_child(namespaces, (enum child_kind)kind, gather_child, &all);
    }
    namespace_rules_add(set, (const void *)all.data, all.length / sizeof(struct namespace_child *));
    buffer_release(&all);
}

static void gather_client(void *context, const struct namespace_child *child)
{
    const struct mqtt_client *client = &child->client;

    buffer_append(context, slice_make(&client, sizeof(client)));
}

static void gather_authority(void *context, const struct namespace_child *child)
{
    const struct slice *pem = &child->certificate.pem;

    buffer_append(context, slice_make(pem, sizeof(*pem)));
}

static void gather_domain(struct buffer *domains, struct slice domain)
{
    buffer_append(domains, slice_make(&domain, sizeof(domain)));
}

/* Its own, and the server's, which management shows as hostname. */
static void gather_domains(struct buffer *domains, const struct topic_spaces_configuration *spaces,
                           const struct bridge_config *bridge, struct slice host)
{
    for (size_t i = 0; i < spaces->custom_domain_count; i++) {
        gather_domain(domains, spaces->custom_domains[i]);
    }
    for (size_t i = 0; i < bridge->public_endpoint_count; i++) {
        gather_domain(domains, slice_from_string(bridge->public_endpoints[i]));
    }
    gather_domain(domains, host);
}

bool namespaces_set_sign_in(const struct namespaces *namespaces, struct auth_service *auth,
                            const struct bridge_config *bridge)
{
    struct slice name;
    const struct topic_spaces_configuration *spaces = namespaces_mqtt(namespaces, &name);
    struct buffer clients = {0}, authorities = {0}, host = {0}, domains = {0};
    bool asks;

    if (!spaces) {
        return auth_set_namespace(auth, NULL);
    }
    namespaces_each_child(namespaces, CHILD_CLIENT, gather_client, &clients);
    namespaces_each_child(namespaces, CHILD_CA_CERTIFICATE, gather_authority, &authorities);
    bridge_config_append_host(&host, bridge);
    gather_domains(&domains, spaces, bridge, buffer_slice(&host));
    asks =
        auth_set_namespace(auth, &(struct sign_in_options){
                                     .name = name,
                                     .domains = (const void *)domains.data,
                                     .domain_count = domains.length / sizeof(struct slice),
                                     .authentication = &spaces->authentication,
                                     .clients = (const void *)clients.data,
                                     .client_count = clients.length / sizeof(struct mqtt_client *),
                                     .authorities = (const void *)authorities.data,
                                     .authority_count = authorities.length / sizeof(struct slice),
                                     .keys_file = bridge->keys,
                                 });
    buffer_release(&clients);
    buffer_release(&authorities);
    buffer_release(&domains);
    buffer_release(&host);
    return asks;
}
