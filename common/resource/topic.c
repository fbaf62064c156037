/* Topics, domains, system topics and topics of namespaces, see topic.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/topic.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "resource/topic_parts.h"

enum { TEXT_MAX = 4096, CAPACITY_MAX = 40 };

#define PUBLISHER_TYPE "Custom"

/* --- while it is read --- */

struct topic_draft {
    struct topic_properties *topic;
    struct json_value properties;
    uint32_t capacity; /* of the sku: only checked */
};

static void read_schema(struct reading *reading, const struct json_value *value, void *into)
{
    struct topic_properties *topic = into;
    struct slice name;

    if (reading_text(reading, value, &name) && !schema_from_input_name(name, &topic->schema)) {
        reading_mistake(reading, "is EventGridSchema, CloudEventSchemaV1_0 or CustomEventSchema");
    }
}

static void read_cloud_events_schema(struct reading *reading, const struct json_value *value,
                                     void *into)
{
    struct topic_properties *topic = into;
    struct slice name;

    if (reading_text(reading, value, &name) &&
        (!schema_from_input_name(name, &topic->schema) || topic->schema != SCHEMA_CLOUD_EVENTS)) {
        reading_mistake(reading, "is CloudEventSchemaV1_0: topics of namespaces have no other");
    }
}

static void read_publisher_type(struct reading *reading, const struct json_value *value, void *into)
{
    struct slice name;

    (void)into;
    if (reading_text(reading, value, &name) &&
        !equal_ignoring_case(name, SLICE_LITERAL(PUBLISHER_TYPE))) {
        reading_mistake(reading, "is " PUBLISHER_TYPE);
    }
}

static void read_mapping(struct reading *reading, const struct json_value *value, void *into)
{
    struct topic_properties *topic = into;

    topic->has_mapping = true;
    mapping_read(reading, value, &topic->mapping);
}

static void read_network_access(struct reading *reading, const struct json_value *value, void *into)
{
    struct topic_properties *topic = into;
    struct slice word;

    if (!reading_text(reading, value, &word)) {
        return;
    }
    topic->is_public = equal_ignoring_case(word, SLICE_LITERAL("Enabled"));
    if (!topic->is_public && !equal_ignoring_case(word, SLICE_LITERAL("Disabled"))) {
        reading_mistake(reading, "is Enabled, or Disabled: only from this machine");
    }
}

/* There is nothing in it to set here: Azure's custom domains are names of this server as any. */
static void read_topics_configuration(struct reading *reading, const struct json_value *value,
                                      void *into)
{
    static const struct property rows[] = {
        SHOWN_PROPERTY("hostname"),
        VALUE_PROPERTY(struct topic_properties, "customDomains", domains),
    };

    reading_object(reading, value, &(struct property_table)PROPERTY_TABLE(rows), into);
}

static void read_topic_spaces(struct reading *reading, const struct json_value *value, void *into)
{
    struct topic_properties *topic = into;

    topic_spaces_read(reading, value, &topic->spaces);
}

/* --- tables --- */

#define COMMON_ROWS                                                                                \
    NUMBER_PROPERTY(struct topic_properties, "eventRetentionInDays", retention_days, 0,            \
                    RETENTION_DAYS_MAX, 1),                                                        \
        SHOWN_PROPERTY("provisioningState"), SHOWN_PROPERTY("metricResourceId")

/* Of what publishers send to. */
#define INPUT_ROWS                                                                                 \
    OWN_PROPERTY("inputSchema", read_schema), OWN_PROPERTY("inputSchemaMapping", read_mapping),    \
        OWN_PROPERTY("publicNetworkAccess", read_network_access),                                  \
        OWN_PROPERTY("inboundIpRules", ip_rules_read),                                             \
        BOOL_PROPERTY(struct topic_properties, "disableLocalAuth", disables_local_auth),           \
        TEXT_PROPERTY(struct topic_properties, "dataResidencyBoundary", residency, TEXT_MAX),      \
        TEXT_PROPERTY(struct topic_properties, "minimumTlsVersionAllowed", tls_least, TEXT_MAX),   \
        SHOWN_PROPERTY("eventTypeInfo"), SHOWN_PROPERTY("endpoint"),                               \
        SHOWN_PROPERTY("privateEndpointConnections")

static const struct property topic_rows[] = {COMMON_ROWS, INPUT_ROWS};
static const struct property domain_rows[] = {
    COMMON_ROWS,
    INPUT_ROWS,
    BOOL_PROPERTY(struct topic_properties, "autoCreateTopicWithFirstSubscription", creates_topics),
    BOOL_PROPERTY(struct topic_properties, "autoDeleteTopicWithLastSubscription", deletes_topics),
};
static const struct property system_topic_rows[] = {
    COMMON_ROWS,
    TEXT_PROPERTY(struct topic_properties, "source", source, TEXT_MAX),
    TEXT_PROPERTY(struct topic_properties, "topicType", topic_type, TEXT_MAX),
};

/* Azure knows one value each of the two that are only shown. */
static const struct property namespace_topic_rows[] = {
    NUMBER_PROPERTY(struct topic_properties, "eventRetentionInDays", lifetime_days, 1,
                    LIFETIME_DAYS_MAX, 1),
    OWN_PROPERTY("inputSchema", read_cloud_events_schema),
    OWN_PROPERTY("publisherType", read_publisher_type),
    SHOWN_PROPERTY("provisioningState"),
    SHOWN_PROPERTY("metricResourceId"),
    SHOWN_PROPERTY("endpoint"),
};

static const struct property namespace_rows[] = {
    OWN_PROPERTY("publicNetworkAccess", read_network_access),
    OWN_PROPERTY("inboundIpRules", ip_rules_read),
    TEXT_PROPERTY(struct topic_properties, "minimumTlsVersionAllowed", tls_least, TEXT_MAX),
    BOOL_PROPERTY(struct topic_properties, "isZoneRedundant", is_zone_redundant),
    OWN_PROPERTY("topicsConfiguration", read_topics_configuration),
    OWN_PROPERTY("topicSpacesConfiguration", read_topic_spaces),
    SHOWN_PROPERTY("privateEndpointConnections"),
    SHOWN_PROPERTY("provisioningState"),
    SHOWN_PROPERTY("metricResourceId"),
    SHOWN_PROPERTY("endpoint"),
};

static const struct property_table tables[SOURCE_KINDS] = {
    [SOURCE_TOPIC] = PROPERTY_TABLE(topic_rows),
    [SOURCE_DOMAIN] = PROPERTY_TABLE(domain_rows),
    [SOURCE_SYSTEM_TOPIC] = PROPERTY_TABLE(system_topic_rows),
    [SOURCE_NAMESPACE] = PROPERTY_TABLE(namespace_rows),
    [SOURCE_NAMESPACE_TOPIC] = PROPERTY_TABLE(namespace_topic_rows),
};

/* Throughput units: Azure's bounds, so that what is taken here is taken there. */
static void read_sku(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct property rows[] = {
        SHOWN_PROPERTY("name"),
        NUMBER_PROPERTY(struct topic_draft, "capacity", capacity, 1, CAPACITY_MAX, 1),
    };
    struct topic_draft *draft = into;

    if (draft->topic->kind == SOURCE_NAMESPACE) {
        reading_object(reading, value, &(struct property_table)PROPERTY_TABLE(rows), draft);
    }
}

/* What stands around the properties; it is only kept. */
static const struct property resource_rows[] = {
    VALUE_PROPERTY(struct topic_draft, "properties", properties),
    SHOWN_PROPERTY("location"),
    SHOWN_PROPERTY("tags"),
    SHOWN_PROPERTY("identity"),
    OWN_PROPERTY("sku", read_sku),
    SHOWN_PROPERTY("kind"),
    SHOWN_PROPERTY("extendedLocation"),
    SHOWN_PROPERTY("id"),
    SHOWN_PROPERTY("name"),
    SHOWN_PROPERTY("type"),
    SHOWN_PROPERTY("systemData"),
};
static const struct property_table resource_properties = PROPERTY_TABLE(resource_rows);

/* --- what depends on several --- */

static void check_schema(struct reading *reading, const struct topic_properties *topic)
{
    if (topic->schema == SCHEMA_CUSTOM) {
        mapping_check(reading, &topic->mapping, topic->kind == SOURCE_DOMAIN);
    } else if (topic->has_mapping) {
        reading_mistake_at(reading, "inputSchemaMapping",
                           "is only of the inputSchema CustomEventSchema; leave it out");
    }
}

static void check_system_topic(struct reading *reading, const struct topic_properties *topic)
{
    if (topic->source.length == 0) {
        reading_mistake_at(reading, "source",
                           "is missing; write the resource id that events are about");
    }
    if (topic->topic_type.length == 0) {
        reading_mistake_at(reading, "topicType",
                           "is missing; write for example Microsoft.Storage.StorageAccounts");
    }
}

/* Of a namespace of this server, which may be written in short, it is the whole id. */
static void take_namespace_source(struct reading *reading, struct topic_properties *topic)
{
    struct buffer key = {0}, id = {0};
    struct source_name name;
    enum source_kind kind;

    if (!source_reference_parse(topic->source, &key, &kind) || kind != SOURCE_NAMESPACE) {
        reading_mistake_at(reading, "source",
                           "is the id of a namespace: /subscriptions/S/resourceGroups/G/providers/"
                           "Microsoft.EventGrid/namespaces/N, or namespaces/N");
    } else if (!source_id_parse(topic->source, &name)) {
        source_key_parse(buffer_slice(&key), &name);
        source_id_append(&id, &name, SLICE_EMPTY, SLICE_EMPTY);
        topic->source = arena_copy(reading->arena, buffer_slice(&id));
    }
    buffer_release(&key);
    buffer_release(&id);
}

static void read_resource(struct reading *reading, const struct json_value *value,
                          struct topic_properties *topic)
{
    struct topic_draft draft = {topic, {JSON_OBJECT, SLICE_LITERAL("{}")}, 1};

    reading_object(reading, value, &resource_properties, &draft);
    reading_object(reading, &draft.properties, &tables[topic->kind], topic);
    if (topic->kind == SOURCE_SYSTEM_TOPIC) {
        check_system_topic(reading, topic);
        if (topic->source.length > 0 &&
            equal_ignoring_case(topic->topic_type, SLICE_LITERAL(NAMESPACES_TOPIC_TYPE))) {
            take_namespace_source(reading, topic);
        }
    } else {
        check_schema(reading, topic);
    }
}

struct topic_properties *topic_properties_read(struct slice json, enum source_kind kind,
                                               struct buffer *error)
{
    struct topic_properties *topic = memory_allocate_zero(sizeof(*topic));
    struct reading reading = {.arena = &topic->memory, .error = error};
    struct json_value value;

    *topic = (struct topic_properties){
        .kind = kind,
        .is_public = true,
        .creates_topics = true,
        .deletes_topics = true,
        .residency = SLICE_LITERAL("WithinGeopair"),
        .lifetime_days = 1,
    };
    topic_spaces_begin(&topic->spaces);
    if (kind == SOURCE_NAMESPACE_TOPIC) {
        topic->schema = SCHEMA_CLOUD_EVENTS;
    }
    if (reading_keep_json(&reading, json, TOPIC_JSON_MAX, &topic->json, &value)) {
        read_resource(&reading, &value, topic);
    }
    if (reading.mistakes > 0) {
        topic_properties_free(topic);
        return NULL;
    }
    return topic;
}

void topic_properties_free(struct topic_properties *topic)
{
    if (topic) {
        arena_release(&topic->memory);
        buffer_release(&topic->json);
        free(topic);
    }
}

/* --- writing --- */

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

/* Who may come in. */
static void append_network(struct buffer *out, const struct topic_properties *topic)
{
    buffer_append_format(out, "\"publicNetworkAccess\":\"%s\",\"inboundIpRules\":",
                         topic->is_public ? "Enabled" : "Disabled");
    ip_rules_append(out, topic);
    if (topic->tls_least.length > 0) {
        buffer_append_string(out, ",\"minimumTlsVersionAllowed\":");
        json_append_string(out, topic->tls_least);
    }
}

static void append_input(struct buffer *out, const struct topic_properties *topic,
                         struct slice host)
{
    (void)host;
    buffer_append_format(
        out, "\"inputSchema\":\"%s\",\"inputSchemaMapping\":", schema_input_name(topic->schema));
    if (topic->schema == SCHEMA_CUSTOM) {
        mapping_append(out, &topic->mapping);
    } else {
        buffer_append_string(out, "null");
    }
    buffer_append_byte(out, ',');
    append_network(out, topic);
    buffer_append_format(out, ",\"disableLocalAuth\":%s,\"dataResidencyBoundary\":",
                         truth(topic->disables_local_auth));
    json_append_string(out, topic->residency);
    if (topic->kind == SOURCE_DOMAIN) {
        buffer_append_format(out,
                             ",\"autoCreateTopicWithFirstSubscription\":%s"
                             ",\"autoDeleteTopicWithLastSubscription\":%s",
                             truth(topic->creates_topics), truth(topic->deletes_topics));
    }
}

static void append_system_topic(struct buffer *out, const struct topic_properties *topic,
                                struct slice host)
{
    (void)host;
    buffer_append_string(out, "\"source\":");
    json_append_string(out, topic->source);
    buffer_append_string(out, ",\"topicType\":");
    json_append_string(out, topic->topic_type);
}

static void append_namespace(struct buffer *out, const struct topic_properties *topic,
                             struct slice host)
{
    append_network(out, topic);
    buffer_append_format(out, ",\"isZoneRedundant\":%s", truth(topic->is_zone_redundant));
    buffer_append_string(out, ",\"topicsConfiguration\":{\"hostname\":");
    json_append_string(out, host);
    if (topic->domains.text.length > 0) {
        buffer_append_format(out, ",\"customDomains\":%.*s", SLICE_PRINT(topic->domains.text));
    }
    buffer_append_string(out, "},\"topicSpacesConfiguration\":");
    topic_spaces_append(out, &topic->spaces, host);
}

static void append_namespace_topic(struct buffer *out, const struct topic_properties *topic,
                                   struct slice host)
{
    (void)host;
    buffer_append_format(out, "\"publisherType\":\"" PUBLISHER_TYPE "\",\"inputSchema\":\"%s\"",
                         schema_input_name(topic->schema));
}

void topic_properties_append_members(struct buffer *out, const struct topic_properties *topic,
                                     struct slice host)
{
    static void (*const append[SOURCE_KINDS])(
        struct buffer * out, const struct topic_properties *topic, struct slice host) = {
        [SOURCE_TOPIC] = append_input,
        [SOURCE_DOMAIN] = append_input,
        [SOURCE_SYSTEM_TOPIC] = append_system_topic,
        [SOURCE_NAMESPACE] = append_namespace,
        [SOURCE_NAMESPACE_TOPIC] = append_namespace_topic,
    };

    append[topic->kind](out, topic, host);
    if (topic->kind != SOURCE_NAMESPACE) {
        buffer_append_format(out, ",\"eventRetentionInDays\":%u",
                             topic->kind == SOURCE_NAMESPACE_TOPIC ? topic->lifetime_days
                                                                   : topic->retention_days);
    }
}
