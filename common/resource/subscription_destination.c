/* Where the events of an event subscription go (spec/eventgrid.md 3.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"
#include "names/names.h"
#include "resource/source.h"
#include "resource/subscription_parts.h"
#include "resource/webhook_url.h"
#include "secret/base64.h"

enum {
    TEMPLATE_MAX = 4096,
    TEXT_MAX = 4096,
    SIGNING_KEY_MIN = 24, /* bytes, as Standard Webhooks says */
    SIGNING_KEY_MAX = 64,
};

/* --- endpoints --- */

static const struct property endpoint_properties[] = {
    TEXT_PROPERTY(struct endpoint, "endpointType", type, TEXT_MAX),
    VALUE_PROPERTY(struct endpoint, "properties", properties),
};
static const struct property_table endpoint_table = PROPERTY_TABLE(endpoint_properties);

bool endpoint_read(struct reading *reading, const struct json_value *value,
                   struct endpoint *endpoint)
{
    *endpoint = (struct endpoint){.properties = {JSON_OBJECT, SLICE_LITERAL("{}")}};
    reading_object(reading, value, &endpoint_table, endpoint);
    if (value->type == JSON_OBJECT && endpoint->type.length == 0) {
        reading_mistake_at(reading, "endpointType", "is missing; write for example WebHook");
    }
    return endpoint->type.length > 0;
}

void endpoint_read_properties(struct reading *reading, const struct endpoint *endpoint,
                              const struct property_table *table, void *into)
{
    size_t before = reading_enter(reading, SLICE_LITERAL("properties"));

    reading_object(reading, &endpoint->properties, table, into);
    reading_leave(reading, before);
}

/* What Azure has and this server has not. */
static const char *const unavailable[] = {
    "StorageQueue",     "ServiceBusQueue", "ServiceBusTopic",    "EventHub",
    "HybridConnection", "MonitorAlert",    "PartnerDestination",
};

void endpoint_report_type(struct reading *reading, struct slice type, const char *kinds)
{
    if (equal_ignoring_case(type, SLICE_LITERAL("AzureFunction"))) {
        reading_mistake_at(reading, "endpointType",
                           "AzureFunction is not available on this server; use WebHook with the "
                           "endpointUrl http://HOST/runtime/webhooks/EventGrid?functionName=F"
                           "&code=... instead");
        return;
    }
    for (size_t i = 0; i < sizeof(unavailable) / sizeof(unavailable[0]); i++) {
        if (equal_ignoring_case(type, slice_from_string(unavailable[i]))) {
            reading_mistake_at(reading, "endpointType",
                               "%s is not available on this server; use %s instead", unavailable[i],
                               kinds);
            return;
        }
    }
    reading_mistake_at(reading, "endpointType", "there is no such type; use %s", kinds);
}

/* --- webhooks --- */

static bool signing_secret_is_good(struct slice secret)
{
    static const struct slice prefix = SLICE_LITERAL("whsec_");
    uint8_t key[SIGNING_KEY_MAX];
    size_t length;
    bool good = slice_starts_with(secret, prefix) &&
                base64_decode(slice_from(secret, prefix.length), key, sizeof(key), &length) &&
                length >= SIGNING_KEY_MIN;

    explicit_bzero(key, sizeof(key));
    return good;
}

/* Several, with a blank between two, all sign: so one is replaced by another. */
static bool signing_secrets_are_good(struct slice secrets)
{
    const uint8_t *blank;

    do {
        size_t length = secrets.length;
        blank = length > 0 ? memchr(secrets.data, ' ', length) : NULL;
        length = blank ? (size_t)(blank - secrets.data) : length;
        if (!signing_secret_is_good(slice_make(secrets.data, length))) {
            return false;
        }
        secrets = slice_from(secrets, blank ? length + 1 : length);
    } while (blank);
    return true;
}

static const struct property webhook_properties[] = {
    TEXT_PROPERTY(struct destination, "endpointUrl", url, ENDPOINT_URL_MAX),
    SHOWN_PROPERTY("endpointBaseUrl"),
    NUMBER_PROPERTY(struct destination, "maxEventsPerBatch", batch_events, 1, EVENTS_PER_BATCH_MAX,
                    1),
    NUMBER_PROPERTY(struct destination, "preferredBatchSizeInKilobytes", batch_bytes, 1,
                    BATCH_KILOBYTES_MAX, 1024),
    TEXT_PROPERTY(struct destination, "azureActiveDirectoryTenantId", entra_tenant, TEXT_MAX),
    TEXT_PROPERTY(struct destination, "azureActiveDirectoryApplicationIdOrUri", entra_application,
                  TEXT_MAX),
    TEXT_PROPERTY(struct destination, "minimumTlsVersionAllowed", tls_least, TEXT_MAX),
    OWN_PROPERTY("deliveryAttributeMappings", attributes_read),
    BOOL_PROPERTY(struct destination, "skipValidation", skips_validation),
    BOOL_PROPERTY(struct destination, "sendDataSchema", sends_data_schema),
    TEXT_PROPERTY(struct destination, "signingSecret", signing_secret, TEXT_MAX),
    NUMBER_PROPERTY(struct destination, "maxConcurrentRequests", requests_max, 1,
                    REQUESTS_AT_A_TIME_MAX, 1),
    NUMBER_PROPERTY(struct destination, "maxRequestsPerSecond", requests_per_second, 0,
                    REQUESTS_PER_SECOND_MAX, 1),
    NUMBER_PROPERTY(struct destination, "requestTimeoutInSeconds", timeout_ms, 1,
                    REQUEST_TIMEOUT_MAX_S, 1000),
};

static void check_webhook(struct reading *reading, struct destination *destination)
{
    if (destination->url.length == 0) {
        reading_mistake_at(reading, "endpointUrl",
                           "is missing; write a URL such as https://example.com/events");
    } else if (!webhook_url_is_good(destination->url)) {
        reading_mistake_at(reading, "endpointUrl",
                           "is a URL such as https://HOST:PORT/events?code=..., in ASCII");
    }
    if (destination->signing_secret.length > 0 &&
        !signing_secrets_are_good(destination->signing_secret)) {
        reading_mistake_at(
            reading, "signingSecret",
            "is whsec_ and the base64 of %d to %d bytes, as of Standard Webhooks, or "
            "several with a blank between them",
            (int)SIGNING_KEY_MIN, (int)SIGNING_KEY_MAX);
    }
}

/* --- Web PubSub --- */

static const struct property web_pub_sub_properties[] = {
    TEXT_PROPERTY(struct destination, "hub", hub, HUB_NAME_MAX),
    TEXT_PROPERTY(struct destination, "group", group, GROUP_NAME_BYTES_MAX),
    TEXT_PROPERTY(struct destination, "user", user, TEXT_MAX),
};

static struct slice in_lower_case(struct reading *reading, struct slice name)
{
    uint8_t *copy = (uint8_t *)(uintptr_t)arena_copy(reading->arena, name).data;

    for (size_t i = 0; i < name.length; i++) {
        copy[i] = ascii_lower(copy[i]);
    }
    return slice_make(copy, name.length);
}

static void check_web_pub_sub(struct reading *reading, struct destination *destination)
{
    if (!hub_name_is_valid(destination->hub)) {
        reading_mistake_at(reading, "hub",
                           destination->hub.length == 0
                               ? "is missing; write the name of a hub"
                               : "is the name of a hub: a letter, then letters, digits and _");
        return;
    }
    destination->hub = in_lower_case(reading, destination->hub);
    if (destination->group.length > 0 && !group_name_is_valid(destination->group)) {
        reading_mistake_at(reading, "group", "is the name of a group of up to %d characters",
                           (int)GROUP_NAME_MAX);
    }
    if (!utf8_is_valid_string(destination->user)) {
        reading_mistake_at(reading, "user", "is the id of a user, without NUL");
    }
    if (destination->group.length > 0 && destination->user.length > 0) {
        reading_mistake_at(reading, "user", "stands beside group; write only one of them");
    }
}

/* --- MQTT topics --- */

static const struct property mqtt_topic_properties[] = {
    TEXT_PROPERTY(struct destination, "topic", topic, TEMPLATE_MAX),
    BOOL_PROPERTY(struct destination, "retain", retain),
};

/* Only what stands for something of the event is in braces. */
static bool placeholders_are_good(struct slice text)
{
    static const struct slice names[] = {
        SLICE_LITERAL("{subject}"),
        SLICE_LITERAL("{type}"),
        SLICE_LITERAL("{id}"),
        SLICE_LITERAL("{topic}"),
    };
    size_t at = 0;

    while (at < text.length) {
        size_t length = text.data[at] == '{' || text.data[at] == '}' ? 0 : 1;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (slice_starts_with(slice_from(text, at), names[i])) {
                length = names[i].length;
            }
        }
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

static void check_mqtt_topic(struct reading *reading, struct destination *destination)
{
    struct slice topic = destination->topic;

    if (topic.length == 0) {
        reading_mistake_at(reading, "topic", "is missing; write for example events/{type}");
    } else if (topic.data[0] == '$' || topic.data[0] == '{' || !topic_name_is_valid(topic)) {
        /* What comes from an event must not lead to $config or $SYS. */
        reading_mistake_at(reading, "topic",
                           "is an MQTT topic such as events/{type}: it begins with neither $ nor a "
                           "placeholder and has no wildcards");
    } else if (!placeholders_are_good(topic)) {
        reading_mistake_at(reading, "topic",
                           "has no braces but those of {subject}, {type}, {id} and {topic}");
    }
}

/* --- event topics --- */

struct topic_reference {
    struct slice name, resource_id;
};

static const struct property topic_reference_rows[] = {
    TEXT_PROPERTY(struct topic_reference, "topicName", name, TEXT_MAX),
    TEXT_PROPERTY(struct topic_reference, "resourceId", resource_id, TEXT_MAX),
};
static const struct property_table topic_reference_properties =
    PROPERTY_TABLE(topic_reference_rows);

static struct slice topic_reference_key(struct reading *reading,
                                        const struct topic_reference *reference)
{
    struct source_name source = {.kind = SOURCE_TOPIC, .name = reference->name};
    struct buffer key = {0};
    struct slice copy;
    bool is_id = reference->resource_id.length > 0;

    if (is_id == (reference->name.length > 0)) {
        reading_mistake_at(reading, "topicName",
                           is_id ? "stands beside resourceId; write only one of them"
                                 : "is missing; write the name of a custom topic");
        return SLICE_EMPTY;
    }
    if (is_id ? !source_id_parse(reference->resource_id, &source) || source.kind != SOURCE_TOPIC
              : topic_name_check(reference->name) != NULL) {
        reading_mistake_at(reading, is_id ? "resourceId" : "topicName",
                           is_id ? "is the id of a custom topic: /subscriptions/S/resourceGroups/G/"
                                   "providers/Microsoft.EventGrid/topics/NAME"
                                 : "is the name of a custom topic");
        return SLICE_EMPTY;
    }
    source_key_append(&key, &source);
    copy = arena_copy(reading->arena, buffer_slice(&key));
    buffer_release(&key);
    return copy;
}

/* --- topics of namespaces --- */

static void read_namespace_topic(struct reading *reading, const struct endpoint *endpoint,
                                 struct destination *destination)
{
    static const struct property rows[] = {
        TEXT_PROPERTY(struct destination, "resourceId", topic_id, TEXT_MAX),
    };
    static const struct property_table table = PROPERTY_TABLE(rows);
    struct buffer key = {0};
    enum source_kind kind;

    destination->kind = DESTINATION_EVENT_TOPIC;
    endpoint_read_properties(reading, endpoint, &table, destination);
    if (source_reference_parse(destination->topic_id, &key, &kind) &&
        kind == SOURCE_NAMESPACE_TOPIC) {
        destination->source_key = arena_copy(reading->arena, buffer_slice(&key));
    } else {
        reading_mistake_at(reading, "properties.resourceId",
                           "is the id of a topic of a namespace: /subscriptions/S/resourceGroups/G/"
                           "providers/Microsoft.EventGrid/namespaces/N/topics/T, or namespaces/N/"
                           "topics/T");
    }
    buffer_release(&key);
}

/* --- all of them --- */

const char *const destination_names[DESTINATION_KINDS] = {
    [DESTINATION_WEBHOOK] = "WebHook",
    [DESTINATION_WEB_PUB_SUB] = "WebPubSub",
    [DESTINATION_MQTT_TOPIC] = "MqttTopic",
    [DESTINATION_EVENT_TOPIC] = "EventGridTopic",
};
static const char destination_kinds[] =
    "WebHook, WebPubSub, MqttTopic, EventGridTopic or " NAMESPACE_TOPIC_NAME;

/* Of DESTINATION_EVENT_TOPIC none: what is read is not kept as it is. */
static const struct {
    struct property_table properties;
    void (*check)(struct reading *reading, struct destination *destination);
} destinations[DESTINATION_KINDS] = {
    [DESTINATION_WEBHOOK] = {PROPERTY_TABLE(webhook_properties), check_webhook},
    [DESTINATION_WEB_PUB_SUB] = {PROPERTY_TABLE(web_pub_sub_properties), check_web_pub_sub},
    [DESTINATION_MQTT_TOPIC] = {PROPERTY_TABLE(mqtt_topic_properties), check_mqtt_topic},
};

void endpoint_read_topic(struct reading *reading, const struct endpoint *endpoint,
                         struct slice *key)
{
    struct topic_reference reference = {0};
    size_t before;

    endpoint_read_properties(reading, endpoint, &topic_reference_properties, &reference);
    before = reading_enter(reading, SLICE_LITERAL("properties"));
    *key = topic_reference_key(reading, &reference);
    reading_leave(reading, before);
}

static bool find_destination(struct slice type, enum destination_kind *kind)
{
    for (int i = 0; i < DESTINATION_KINDS; i++) {
        if (destination_names[i] &&
            equal_ignoring_case(type, slice_from_string(destination_names[i]))) {
            *kind = (enum destination_kind)i;
            return true;
        }
    }
    return false;
}

void destination_read(struct reading *reading, const struct json_value *value, void *into)
{
    struct destination *destination = into;
    struct endpoint endpoint;
    size_t before;

    if (!endpoint_read(reading, value, &endpoint)) {
        return;
    }
    if (equal_ignoring_case(endpoint.type, SLICE_LITERAL(NAMESPACE_TOPIC_NAME))) {
        read_namespace_topic(reading, &endpoint, destination);
        return;
    }
    if (!find_destination(endpoint.type, &destination->kind)) {
        endpoint_report_type(reading, endpoint.type, destination_kinds);
        return;
    }
    if (destination->kind == DESTINATION_EVENT_TOPIC) {
        endpoint_read_topic(reading, &endpoint, &destination->source_key);
        return;
    }
    endpoint_read_properties(reading, &endpoint, &destinations[destination->kind].properties,
                             destination);
    before = reading_enter(reading, SLICE_LITERAL("properties"));
    destinations[destination->kind].check(reading, destination);
    reading_leave(reading, before);
}

/* --- with an identity: that of the resource, which does not matter here --- */

struct wrapped {
    struct json_value identity, inner;
};

void endpoint_read_wrapped(struct reading *reading, const struct json_value *value,
                           const char *name, property_reader *read, struct slice *identity,
                           void *into)
{
    const struct property rows[] = {
        VALUE_PROPERTY(struct wrapped, "identity", identity),
        VALUE_PROPERTY(struct wrapped, name, inner),
    };
    struct wrapped wrapped = {.identity.text = SLICE_LITERAL("null")};
    size_t before;

    reading_object(reading, value, &(struct property_table)PROPERTY_TABLE(rows), &wrapped);
    *identity = wrapped.identity.text;
    before = reading_enter(reading, slice_from_string(name));
    if (wrapped.inner.text.length > 0) {
        read(reading, &wrapped.inner, into);
    } else if (value->type == JSON_OBJECT) {
        reading_mistake(reading, "is missing");
    }
    reading_leave(reading, before);
}

void destination_read_wrapped(struct reading *reading, const struct json_value *value,
                              struct destination *destination)
{
    endpoint_read_wrapped(reading, value, "destination", destination_read, &destination->identity,
                          destination);
}
