/* The section `event_grid`: what it declares is checked as the resources of ARM that it is, and
 * kept as JSON. Every mistake gets the line of what it is about.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/ascii.h"
#include "base/map.h"
#include "base/memory.h"
#include "config/declaring.h"
#include "config/loading.h"
#include "config/positions.h"
#include "resource/folder.h"
#include "resource/reading.h"
#include "resource/source.h"
#include "resource/subscription.h"
#include "resource/topic.h"
#include "secret/base64.h"
#include "json/json.h"

#define FOLDERS_KEY    "event_grid.sources"
#define FOLDERS_MEMBER "sources"

enum { ACCESS_KEY_MIN = 16 /* bytes */, ACCESS_KEY_MAX = 1024, NAME_TEXT_MAX = 1024 };

/* --- event subscriptions --- */

struct declared_subscription {
    struct slice name;
    struct json_value properties;
};

static const struct property subscription_rows[] = {
    TEXT_PROPERTY(struct declared_subscription, "name", name, NAME_TEXT_MAX),
    VALUE_PROPERTY(struct declared_subscription, "properties", properties),
};
static const struct property_table subscription_properties = PROPERTY_TABLE(subscription_rows);

/* A source whose event subscriptions are read. */
struct declared_source {
    struct declaring *declaring;
    struct source_name name;
    const struct topic_properties *resource; /* while it is read */
    struct json_value properties, subscriptions, topics;
    struct declared_children children;
    struct slice given_name, key1, key2;
};

static void check_subscription_name(struct declared_source *source, struct slice name)
{
    struct reading *reading = &source->declaring->reading;
    const char *wrong = subscription_name_check(name);
    struct buffer key = {0};

    if (wrong) {
        reading_mistake_at(reading, "name", "%s", name.length > 0 ? wrong : "is missing");
        return;
    }
    source_key_append(&key, &source->name);
    buffer_append_string(&key, "/eventsubscriptions/");
    ascii_append_lower(&key, name);
    declaring_take_own_name(source->declaring, buffer_slice(&key), "choose another name");
    buffer_release(&key);
}

static void read_subscription(struct reading *reading, const struct json_value *value, void *into)
{
    struct declared_source *source = *(struct declared_source **)into;
    struct declared_subscription draft = {.properties = {JSON_OBJECT, SLICE_LITERAL("{}")}};
    struct event_subscription *subscription;
    struct buffer lines = {0};

    reading_object(reading, value, &subscription_properties, &draft);
    if (value->type != JSON_OBJECT) {
        return;
    }
    check_subscription_name(source, draft.name);
    /* One that has expired by now is no mistake. */
    subscription = event_subscription_read(draft.properties.text, source->resource, 0, &lines);
    event_subscription_release(subscription);
    declaring_say_own(source->declaring);
    declaring_say_below(source->declaring, "properties", &lines);
}

static void read_subscriptions(struct declared_source *source)
{
    declaring_read_each(source->declaring, SLICE_LITERAL("eventSubscriptions"),
                        &source->subscriptions, read_subscription, &source);
}

/* --- sources --- */

#define SOURCE_ROWS                                                                                \
    TEXT_PROPERTY(struct declared_source, "name", given_name, NAME_TEXT_MAX),                      \
        VALUE_PROPERTY(struct declared_source, "eventSubscriptions", subscriptions)
#define RESOURCE_ROWS SOURCE_ROWS, VALUE_PROPERTY(struct declared_source, "properties", properties)
#define KEYS_ROWS                                                                                  \
    TEXT_PROPERTY(struct declared_source, "key1", key1, NAME_TEXT_MAX),                            \
        TEXT_PROPERTY(struct declared_source, "key2", key2, NAME_TEXT_MAX)

static const struct property topic_rows[] = {RESOURCE_ROWS, KEYS_ROWS};
static const struct property domain_rows[] = {
    RESOURCE_ROWS,
    KEYS_ROWS,
    VALUE_PROPERTY(struct declared_source, "topics", topics),
};
static const struct property system_topic_rows[] = {RESOURCE_ROWS};
static const struct property domain_topic_rows[] = {SOURCE_ROWS};
static const struct property namespace_rows[] = {
    TEXT_PROPERTY(struct declared_source, "name", given_name, NAME_TEXT_MAX),
    VALUE_PROPERTY(struct declared_source, "properties", properties),
    KEYS_ROWS,
    VALUE_PROPERTY(struct declared_source, "topics", topics),
    CHILDREN_ROWS(struct declared_source, children),
};

static const struct {
    struct property_table properties;
    const char *key, *member; /* of the section, of the JSON; NULL: they stand in others */
} kinds[SOURCE_KINDS] = {
    [SOURCE_TOPIC] = {PROPERTY_TABLE(topic_rows), "event_grid.topics", "topics"},
    [SOURCE_DOMAIN] = {PROPERTY_TABLE(domain_rows), "event_grid.domains", "domains"},
    [SOURCE_DOMAIN_TOPIC] = {PROPERTY_TABLE(domain_topic_rows), NULL, NULL},
    [SOURCE_SYSTEM_TOPIC] = {PROPERTY_TABLE(system_topic_rows), "event_grid.system_topics",
                             "systemTopics"},
    [SOURCE_NAMESPACE] = {PROPERTY_TABLE(namespace_rows), "event_grid.namespaces", "namespaces"},
    [SOURCE_NAMESPACE_TOPIC] = {PROPERTY_TABLE(topic_rows), NULL, NULL},
};

static void check_key(struct reading *reading, const char *name, struct slice key)
{
    uint8_t bytes[ACCESS_KEY_MAX];
    size_t length;

    if (key.length > 0 &&
        (!base64_decode(key, bytes, sizeof(bytes), &length) || length < ACCESS_KEY_MIN)) {
        reading_mistake_at(reading, name,
                           "is the base64 of at least %d bytes, as `openssl rand -base64 32` makes",
                           (int)ACCESS_KEY_MIN);
    }
    explicit_bzero(bytes, sizeof(bytes));
}

/* False: it has none that could be its own. */
static bool check_source_name(struct declared_source *source, struct slice *name)
{
    struct reading *reading = &source->declaring->reading;
    struct buffer key = {0};
    const char *wrong;
    bool is_free;

    *name = source->given_name;
    wrong = source_name_check(&source->name);
    if (wrong) {
        reading_mistake_at(reading, "name", "%s",
                           source->given_name.length > 0 ? wrong : "is missing");
        return false;
    }
    source_key_append(&key, &source->name);
    is_free = declaring_take_own_name(source->declaring, buffer_slice(&key),
                                      "write all about it in one place");
    buffer_release(&key);
    return is_free;
}

/* What counts for the event subscriptions of a topic whose own properties have mistakes: they may
 * want anything. */
static const struct topic_properties *anything(enum source_kind kind)
{
    static const struct topic_properties basic = {.schema = SCHEMA_CUSTOM};
    static const struct topic_properties of_namespace = {.kind = SOURCE_NAMESPACE_TOPIC,
                                                         .schema = SCHEMA_CLOUD_EVENTS,
                                                         .lifetime_days = LIFETIME_DAYS_MAX};

    return kind == SOURCE_NAMESPACE_TOPIC ? &of_namespace : &basic;
}

/* NULL: there are mistakes; said. */
static struct topic_properties *read_properties(struct declared_source *source)
{
    struct buffer resource = {0}, lines = {0};
    struct topic_properties *topic;

    buffer_append_string(&resource, "{\"properties\":");
    buffer_append(&resource, source->properties.text.length > 0 ? source->properties.text
                                                                : SLICE_LITERAL("{}"));
    buffer_append_byte(&resource, '}');
    topic = topic_properties_read(buffer_slice(&resource), source->name.kind, &lines);
    buffer_release(&resource);
    declaring_say_below(source->declaring, "properties", &lines);
    return topic;
}

static void read_topic(struct reading *reading, const struct json_value *value, void *into);

/* What a namespace has beside its topics. There is one tree of MQTT topics, so one namespace whose
 * clients they are. `own`: its properties; NULL: they have mistakes. */
static void read_mqtt(struct declared_source *source, const struct topic_properties *own)
{
    struct declaring *declaring = source->declaring;
    struct buffer key = {0};

    if (own && own->spaces.is_enabled) {
        if (declaring->mqtt_namespace.length > 0) {
            reading_mistake_at(&declaring->reading, "properties.topicSpacesConfiguration.state",
                               "is Enabled of the namespace %.*s already; this server has MQTT "
                               "clients for one namespace",
                               SLICE_PRINT(declaring->mqtt_namespace));
        }
        declaring->mqtt_namespace = arena_copy(&declaring->memory, source->name.name);
    }
    source_key_append(&key, &source->name);
    declared_children_read(declaring, buffer_slice(&key), &source->children);
    buffer_release(&key);
}

/* What stands in a source whose name is good. */
static void read_content(struct declared_source *source)
{
    struct topic_properties *own = NULL;

    if (source->name.kind != SOURCE_DOMAIN_TOPIC) {
        own = read_properties(source);
        source->resource = own ? own : anything(source->name.kind);
    }
    read_subscriptions(source);
    declaring_read_each(source->declaring, SLICE_LITERAL("topics"), &source->topics, read_topic,
                        &source);
    if (source->name.kind == SOURCE_NAMESPACE) {
        read_mqtt(source, own);
    }
    topic_properties_free(own);
}

/* `source` has its kind, and of a topic the name of what it stands in; `name` is its last part. */
static void read_source(struct reading *reading, const struct json_value *value,
                        struct declared_source *source, struct slice *name)
{
    reading_object(reading, value, &kinds[source->name.kind].properties, source);
    check_key(reading, "key1", source->key1);
    check_key(reading, "key2", source->key2);
    if (value->type == JSON_OBJECT && check_source_name(source, name)) {
        read_content(source);
    }
    declaring_say_own(source->declaring);
}

/* Of a domain or a namespace. */
static void read_topic(struct reading *reading, const struct json_value *value, void *into)
{
    const struct declared_source *parent = *(struct declared_source **)into;
    struct declared_source topic = {.declaring = parent->declaring,
                                    .name.name = parent->name.name,
                                    .resource = parent->resource};

    source_topics_of(parent->name.kind, &topic.name.kind);
    read_source(reading, value, &topic, &topic.name.topic);
}

static void read_root(struct reading *reading, const struct json_value *value, void *into)
{
    const struct declared_source *kind = into;
    struct declared_source source = {.declaring = kind->declaring, .name.kind = kind->name.kind};

    read_source(reading, value, &source, &source.name.name);
}

/* --- folders --- */

static void read_folder(struct reading *reading, const struct json_value *value, void *into)
{
    struct declaring *declaring = into;
    struct folder_properties folder;
    struct buffer key = {0};

    if (folder_properties_read(reading, value, &folder)) {
        buffer_append_string(&key, FOLDERS_MEMBER "/");
        ascii_append_lower(&key, folder.name);
        declaring_take_own_name(declaring, buffer_slice(&key), "choose another name");
    }
    declaring_say_own(declaring);
    buffer_release(&key);
}

/* --- all of them --- */

/* A list of the section, which becomes a member of the JSON. */
static void read_list(struct declaring *declaring, const char *key, const char *member,
                      property_reader *read, void *into, struct buffer *out)
{
    struct slice json = yaml_json(declaring->loading->positions, key);
    struct json_value array;

    if (!json_parse(json, &array) || array.type == JSON_NULL) {
        array = (struct json_value){JSON_ARRAY, SLICE_LITERAL("[]")};
    }
    declaring_read_each(declaring, slice_from_string(key), &array, read, into);
    declaring_say_own(declaring);
    buffer_append_format(out, "%s\"%s\":%.*s", out->length > 1 ? "," : "", member,
                         SLICE_PRINT(array.text));
}

static void read_kind(struct declaring *declaring, enum source_kind kind, struct buffer *out)
{
    struct declared_source of_kind = {.declaring = declaring, .name.kind = kind};

    read_list(declaring, kinds[kind].key, kinds[kind].member, read_root, &of_kind, out);
}

void event_grid_read(struct loading *loading)
{
    struct declaring declaring;
    struct buffer *declared = &loading->config->event_grid.declared;

    declaring_begin(&declaring, loading);
    declared->length = 0;
    buffer_append_byte(declared, '{');
    for (int i = 0; i < SOURCE_KINDS; i++) {
        if (kinds[i].key) {
            read_kind(&declaring, (enum source_kind)i, declared);
        }
    }
    read_list(&declaring, FOLDERS_KEY, FOLDERS_MEMBER, read_folder, &declaring, declared);
    buffer_append_byte(declared, '}');
    declaring_end(&declaring);
}

void event_grid_finish(struct loading *loading)
{
    struct event_grid_config *event_grid = &loading->config->event_grid;

    event_grid->dead_letters =
        loading_resolve_path(loading->config, event_grid->dead_letters_given, "dead-letters");
    event_grid->archive =
        loading_resolve_path(loading->config, event_grid->archive_given, "archive");
    event_grid->sources =
        loading_resolve_path(loading->config, event_grid->sources_given, "sources");
    if (event_grid->declared.length == 0) {
        buffer_append_string(
            &event_grid->declared,
            "{\"topics\":[],\"domains\":[],\"systemTopics\":[],\"namespaces\":[],\"sources\":[]}");
    }
}

void event_grid_free(struct event_grid_config *event_grid)
{
    free(event_grid->dead_letters);
    free(event_grid->archive);
    free(event_grid->sources);
    buffer_release(&event_grid->declared);
}

/* --- printing --- */

/* What stands between two quotes of JSON. */
static void print_text(struct buffer *out, struct slice raw)
{
    struct json_value string = {JSON_STRING, {raw.data - 1, raw.length + 2}};
    struct buffer text = {0};

    json_append_string_value(&text, &string);
    buffer_append_byte(&text, '\0');
    option_print_text(out, (const char *)text.data);
    buffer_release(&text);
}

/* As YAML in one line. */
static void print_json(struct buffer *out, const struct json_value *value)
{
    bool is_object = value->type == JSON_OBJECT;
    struct json_walk walk = is_object ? json_members(value) : json_elements(value);
    struct json_value inner;
    struct slice key;
    const char *comma = "";

    if (value->type == JSON_STRING) {
        print_text(out, json_string_raw(value));
        return;
    }
    if (!is_object && value->type != JSON_ARRAY) {
        buffer_append(out, value->text);
        return;
    }
    buffer_append_byte(out, is_object ? '{' : '[');
    while (is_object ? json_next_member(&walk, &key, &inner) : json_next_element(&walk, &inner)) {
        buffer_append_string(out, comma);
        comma = ", ";
        if (is_object) {
            print_text(out, key);
            buffer_append_string(out, ": ");
        }
        print_json(out, &inner);
    }
    buffer_append_byte(out, is_object ? '}' : ']');
}

static void print_list(struct buffer *out, const struct json_value *declared, const char *key,
                       const char *member)
{
    struct json_value array, element;
    struct json_walk walk;

    if (!json_find_member(declared, member, &array)) {
        return;
    }
    buffer_append_format(out, "  %s:%s\n", strchr(key, '.') + 1,
                         array.text.length > 2 ? "" : " []");
    walk = json_elements(&array);
    while (json_next_element(&walk, &element)) {
        buffer_append_string(out, "    - ");
        print_json(out, &element);
        buffer_append_byte(out, '\n');
    }
}

void event_grid_print(const struct event_grid_config *event_grid, struct buffer *out)
{
    struct json_value declared;

    if (!json_parse(buffer_slice(&event_grid->declared), &declared)) {
        return;
    }
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].key) {
            print_list(out, &declared, kinds[i].key, kinds[i].member);
        }
    }
    print_list(out, &declared, FOLDERS_KEY, FOLDERS_MEMBER);
}
