/* The JSON that the flags of `pubgrid event` say; see event_flags.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "event_flags.h"
#include "resource/source.h"
#include "json/json.h"

/* ---------------------------------------------------------------- JSON */

static void append_part(struct buffer *out, const char *name, const struct buffer *part,
                        const char *brackets)
{
    if (part->length > 0) {
        bool is_first = out->length == 0 || strchr("{[", out->data[out->length - 1]);
        buffer_append_format(out, "%s\"%s\":%c%.*s%c", is_first ? "" : ",", name, brackets[0],
                             SLICE_PRINT(*part), brackets[1]);
    }
}

/* The fields of the triples [field, what, value], each with all that is said of it. */
static void append_mapping(struct buffer *out, const struct buffer *triples)
{
    static const char *const fields[] = {"id",      "topic",     "eventTime",
                                         "subject", "eventType", "dataVersion"};
    struct buffer text = {0};
    struct json_value array, triple, part[3];

    buffer_append_format(&text, "[%.*s]", SLICE_PRINT(*triples));
    json_parse(buffer_slice(&text), &array);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct buffer members = {0};
        struct json_walk walk = json_elements(&array);
        while (json_next_element(&walk, &triple)) {
            struct json_walk parts = json_elements(&triple);
            for (size_t j = 0; j < 3; j++) {
                json_next_element(&parts, &part[j]);
            }
            if (json_string_equal(json_string_raw(&part[0]), fields[i])) {
                buffer_append_format(&members, "%s%.*s:%.*s", members.length > 0 ? "," : "",
                                     SLICE_PRINT(part[1].text), SLICE_PRINT(part[2].text));
            }
        }
        append_part(out, fields[i], &members, "{}");
        buffer_release(&members);
    }
    buffer_release(&text);
}

void event_flags_append_topic(const struct event_flags *flags, struct buffer *out)
{
    const struct buffer *sections = flags->sections;
    struct buffer properties = {0}, mapping = {0}, fields = {0};

    buffer_append(&properties, buffer_slice(&sections[SECTION_PROPERTIES]));
    if (sections[SECTION_MAPPING].length > 0) {
        append_mapping(&fields, &sections[SECTION_MAPPING]);
        buffer_append_string(&mapping, "\"inputSchemaMappingType\":\"Json\"");
        append_part(&mapping, "properties", &fields, "{}");
        append_part(&properties, "inputSchemaMapping", &mapping, "{}");
    }
    buffer_append_byte(out, '{');
    buffer_append(out, buffer_slice(&sections[SECTION_RESOURCE]));
    append_part(out, "properties", &properties, "{}");
    buffer_append_byte(out, '}');
    buffer_release(&properties);
    buffer_release(&mapping);
    buffer_release(&fields);
}

/* ---------------------------------------------------------------- destinations */

static void append_endpoint_member(struct buffer *out, const char *name, struct slice value)
{
    buffer_append_format(out, "%s\"%s\":", out->length > 0 ? "," : "", name);
    json_append_string(out, value);
}

static void append_url(struct buffer *out, const char *endpoint)
{
    append_endpoint_member(out, "endpointUrl", slice_from_string(endpoint));
}

/* HUB, HUB/groups/GROUP, HUB/users/USER */
static void append_hub(struct buffer *out, const char *endpoint)
{
    static const char *const places[][2] = {{"/groups/", "group"}, {"/users/", "user"}};
    size_t length = strcspn(endpoint, "/");

    append_endpoint_member(out, "hub", slice_make(endpoint, length));
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        size_t prefix = strlen(places[i][0]);
        if (strncmp(endpoint + length, places[i][0], prefix) == 0) {
            append_endpoint_member(out, places[i][1],
                                   slice_from_string(endpoint + length + prefix));
        }
    }
}

static void append_mqtt_topic(struct buffer *out, const char *endpoint)
{
    append_endpoint_member(out, "topic", slice_from_string(endpoint));
}

static void append_event_topic(struct buffer *out, const char *endpoint)
{
    append_endpoint_member(out, endpoint[0] == '/' ? "resourceId" : "topicName",
                           slice_from_string(endpoint));
}

/* By its resource id, or in short "namespaces/N/topics/T". */
static void append_namespace_topic(struct buffer *out, const char *endpoint)
{
    struct buffer id = {0};

    buffer_append_string(&id, endpoint[0] == '/' ? ""
                                                 : "/subscriptions/" DEFAULT_AZURE_SUBSCRIPTION
                                                   "/resourceGroups/" DEFAULT_RESOURCE_GROUP
                                                   "/providers/Microsoft.EventGrid/");
    buffer_append_string(&id, endpoint);
    append_endpoint_member(out, "resourceId", buffer_slice(&id));
    buffer_release(&id);
}

static const struct endpoint_type {
    const char *word, *type;
    void (*append)(struct buffer *out, const char *endpoint);
} endpoint_types[] = {
    {"webhook", "WebHook", append_url},
    {"webpubsub", "WebPubSub", append_hub},
    {"mqtttopic", "MqttTopic", append_mqtt_topic},
    {"eventgridtopic", "EventGridTopic", append_event_topic},
    {"namespacetopic", "NamespaceTopic", append_namespace_topic},
};

/* NULL after an error message. */
static const struct endpoint_type *find_endpoint_type(const struct event_flags *flags)
{
    const char *word = flags->endpoint_type ? flags->endpoint_type : "webhook";

    for (size_t i = 0; i < sizeof(endpoint_types) / sizeof(endpoint_types[0]); i++) {
        if (strcasecmp(endpoint_types[i].word, word) == 0) {
            return &endpoint_types[i];
        }
    }
    fprintf(stderr,
            "Error: --endpoint-type is webhook, webpubsub, mqtttopic, eventgridtopic or "
            "namespacetopic, not: %s\n",
            word);
    return NULL;
}

static bool append_destination(const struct event_flags *flags, struct buffer *out)
{
    const struct buffer *sections = flags->sections;
    const struct endpoint_type *type = find_endpoint_type(flags);
    struct buffer properties = {0};

    if (!type) {
        return false;
    }
    if (flags->endpoint) {
        type->append(&properties, flags->endpoint);
    }
    if (sections[SECTION_DESTINATION].length > 0) {
        buffer_append_string(&properties, properties.length > 0 ? "," : "");
        buffer_append(&properties, buffer_slice(&sections[SECTION_DESTINATION]));
    }
    append_part(&properties, "deliveryAttributeMappings", &sections[SECTION_ATTRIBUTES], "[]");
    buffer_append_format(out, "%s\"destination\":{\"endpointType\":\"%s\"",
                         out->length > 1 ? "," : "", type->type);
    append_part(out, "properties", &properties, "{}");
    buffer_append_byte(out, '}');
    buffer_release(&properties);
    return true;
}

bool event_flags_append_subscription(const struct event_flags *flags, struct buffer *out)
{
    const struct buffer *sections = flags->sections;
    struct buffer filter = {0}, body = {0};
    bool has_destination = flags->endpoint || flags->endpoint_type ||
                           sections[SECTION_DESTINATION].length > 0 ||
                           sections[SECTION_ATTRIBUTES].length > 0;
    bool good;

    buffer_append_byte(&body, '{');
    buffer_append(&body, buffer_slice(&sections[SECTION_PROPERTIES]));
    good = !has_destination || append_destination(flags, &body);
    buffer_append(&filter, buffer_slice(&sections[SECTION_FILTER]));
    append_part(&filter, "advancedFilters", &sections[SECTION_ADVANCED], "[]");
    append_part(&body, "filter", &filter, "{}");
    append_part(&body, "retryPolicy", &sections[SECTION_RETRY], "{}");
    buffer_append_byte(&body, '}');
    if (good) {
        buffer_append(out, buffer_slice(&body));
    }
    buffer_release(&filter);
    buffer_release(&body);
    return good;
}
