/* See event_flags.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event_flags.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"

enum { WORDS_MAX = 1000, CHOICES_MAX = 4 };

struct event_flag {
    const char *name;
    unsigned uses;
    enum flag_section section;
    size_t least, most; /* words */
    bool (*take)(struct event_flags *flags, const struct event_flag *flag, char *const *words,
                 size_t count);
    const char *member;
    const char *choices[CHOICES_MAX]; /* what a text may be, in any case; none: anything */
};

/* ---------------------------------------------------------------- pieces */

static struct buffer *begin_element(struct event_flags *flags, enum flag_section section)
{
    struct buffer *out = &flags->sections[section];

    buffer_append_string(out, out->length > 0 ? "," : "");
    return out;
}

static struct buffer *begin_member(struct event_flags *flags, const struct event_flag *flag)
{
    struct buffer *out = begin_element(flags, flag->section);

    buffer_append_format(out, "\"%s\":", flag->member);
    return out;
}

static void append_text(struct buffer *out, const char *text)
{
    json_append_string(out, slice_from_string(text));
}

static bool wrong(const struct event_flag *flag, const char *what, const char *value)
{
    fprintf(stderr, "Error: --%s is %s, not: %s\n", flag->name, what, value);
    return false;
}

/* What filters compare with: a number, true or false as they are, else a text. */
static void append_scalar(struct buffer *out, const char *text)
{
    struct json_value value;
    bool is_json =
        json_parse(slice_from_string(text), &value) &&
        (value.type == JSON_NUMBER || value.type == JSON_TRUE || value.type == JSON_FALSE);

    if (is_json) {
        buffer_append(out, value.text);
    } else {
        append_text(out, text);
    }
}

/* ---------------------------------------------------------------- simple flags */

static bool take_text(struct event_flags *flags, const struct event_flag *flag, char *const *words,
                      size_t count)
{
    const char *text = words[0];

    (void)count;
    for (size_t i = 0; i < CHOICES_MAX && flag->choices[i]; i++) {
        if (strcasecmp(flag->choices[i], words[0]) == 0) {
            append_text(begin_member(flags, flag), flag->choices[i]);
            return true;
        }
        text = NULL;
    }
    if (!text) {
        struct buffer choices = {0};
        for (size_t i = 0; i < CHOICES_MAX && flag->choices[i]; i++) {
            buffer_append_format(&choices, "%s%s", i > 0 ? " or " : "", flag->choices[i]);
        }
        buffer_append_byte(&choices, '\0');
        wrong(flag, (const char *)choices.data, words[0]);
        buffer_release(&choices);
        return false;
    }
    append_text(begin_member(flags, flag), text);
    return true;
}

static bool take_number(struct event_flags *flags, const struct event_flag *flag,
                        char *const *words, size_t count)
{
    struct json_value value;

    (void)count;
    if (!json_parse(slice_from_string(words[0]), &value) || value.type != JSON_NUMBER) {
        return wrong(flag, "a number", words[0]);
    }
    buffer_append(begin_member(flags, flag), value.text);
    return true;
}

/* Alone it means yes. */
static bool take_bool(struct event_flags *flags, const struct event_flag *flag, char *const *words,
                      size_t count)
{
    bool is_true = count == 0 || strcasecmp(words[0], "true") == 0;

    if (!is_true && strcasecmp(words[0], "false") != 0) {
        return wrong(flag, "true or false", words[0]);
    }
    buffer_append_string(begin_member(flags, flag), is_true ? "true" : "false");
    return true;
}

static bool take_texts(struct event_flags *flags, const struct event_flag *flag, char *const *words,
                       size_t count)
{
    struct buffer *out = begin_member(flags, flag);

    for (size_t i = 0; i < count; i++) {
        buffer_append_byte(out, i > 0 ? ',' : '[');
        append_text(out, words[i]);
    }
    buffer_append_byte(out, ']');
    return true;
}

static bool take_numbers(struct event_flags *flags, const struct event_flag *flag,
                         char *const *words, size_t count)
{
    struct buffer *out = begin_member(flags, flag);

    for (size_t i = 0; i < count; i++) {
        buffer_append_byte(out, i > 0 ? ',' : '[');
        append_scalar(out, words[i]);
    }
    buffer_append_byte(out, ']');
    return true;
}

/* NAME=VALUE ... */
static bool take_pairs(struct event_flags *flags, const struct event_flag *flag, char *const *words,
                       size_t count)
{
    struct buffer *out = begin_member(flags, flag);

    buffer_append_byte(out, '{');
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(words[i], '=');
        if (!equals) {
            return wrong(flag, "NAME=VALUE ...", words[i]);
        }
        buffer_append_string(out, i > 0 ? "," : "");
        json_append_string(out, slice_make(words[i], (size_t)(equals - words[i])));
        buffer_append_byte(out, ':');
        append_text(out, equals + 1);
    }
    buffer_append_byte(out, '}');
    return true;
}

/* ---------------------------------------------------------------- flags of their own */

static bool take_endpoint(struct event_flags *flags, const struct event_flag *flag,
                          char *const *words, size_t count)
{
    (void)flag, (void)count;
    flags->endpoint = words[0];
    return true;
}

static bool take_endpoint_type(struct event_flags *flags, const struct event_flag *flag,
                               char *const *words, size_t count)
{
    (void)flag, (void)count;
    flags->endpoint_type = words[0];
    return true;
}

static bool take_data(struct event_flags *flags, const struct event_flag *flag, char *const *words,
                      size_t count)
{
    struct json_value value;

    (void)count;
    flags->data = words[0];
    return json_parse(slice_from_string(words[0]), &value) || wrong(flag, "JSON", words[0]);
}

/* FIELD=NAME ...: each field of the mapping has a member of its own, here of its source field. */
static bool take_mapping(struct event_flags *flags, const struct event_flag *flag,
                         char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(words[i], '=');
        struct buffer *out;
        if (!equals) {
            return wrong(flag, "FIELD=VALUE ...", words[i]);
        }
        /* A list of triples, put together when both flags are known. */
        out = begin_element(flags, flag->section);
        buffer_append_byte(out, '[');
        json_append_string(out, slice_make(words[i], (size_t)(equals - words[i])));
        buffer_append_format(out, ",\"%s\",", flag->member);
        append_text(out, equals + 1);
        buffer_append_byte(out, ']');
    }
    return true;
}

/* KEY OPERATOR VALUE ... */
static bool take_advanced(struct event_flags *flags, const struct event_flag *flag,
                          char *const *words, size_t count)
{
    struct buffer *out = begin_element(flags, flag->section);
    bool is_range =
        strcasecmp(words[1], "NumberInRange") == 0 || strcasecmp(words[1], "NumberNotInRange") == 0;

    buffer_append_string(out, "{\"operatorType\":");
    append_text(out, words[1]);
    buffer_append_string(out, ",\"key\":");
    append_text(out, words[0]);
    if (count > 2) {
        buffer_append_string(out, ",\"values\":");
    }
    for (size_t i = 2; i < count; i++) {
        const char *comma = strchr(words[i], ',');
        buffer_append_byte(out, i > 2 ? ',' : '[');
        if (is_range && comma) { /* 1,5 */
            buffer_append_format(out, "[%s]", words[i]);
        } else {
            append_scalar(out, words[i]);
        }
    }
    buffer_append_string(out, count > 2 ? "]}" : "}");
    return true;
}

/* NAME static VALUE [true], NAME dynamic PATH */
static bool take_attribute(struct event_flags *flags, const struct event_flag *flag,
                           char *const *words, size_t count)
{
    struct buffer *out = begin_element(flags, flag->section);
    bool is_static = strcasecmp(words[1], "static") == 0;

    if (!is_static && strcasecmp(words[1], "dynamic") != 0) {
        return wrong(flag, "NAME static VALUE [true], or NAME dynamic PATH", words[1]);
    }
    buffer_append_string(out, "{\"name\":");
    append_text(out, words[0]);
    buffer_append_format(out, ",\"type\":\"%s\",\"properties\":{\"%s\":",
                         is_static ? "Static" : "Dynamic", is_static ? "value" : "sourceField");
    append_text(out, words[2]);
    if (is_static) {
        buffer_append_format(out, ",\"isSecret\":%s",
                             count > 3 && strcasecmp(words[3], "true") == 0 ? "true" : "false");
    }
    buffer_append_string(out, "}}");
    return true;
}

/* A folder's name, "topics/NAME", or Azure's id of a container. */
static bool take_dead_letter(struct event_flags *flags, const struct event_flag *flag,
                             char *const *words, size_t count)
{
    static const char containers[] = "/blobServices/default/containers/";
    struct buffer *out = begin_member(flags, flag);
    const char *topic = "topics/", *container = strstr(words[0], containers);

    (void)count;
    if (strncmp(words[0], topic, strlen(topic)) == 0) {
        buffer_append_string(out, "{\"endpointType\":\"EventGridTopic\",\"properties\":{"
                                  "\"topicName\":");
        append_text(out, words[0] + strlen(topic));
    } else {
        size_t length = container ? (size_t)(container - words[0]) : 0;
        buffer_append_string(out, "{\"endpointType\":\"StorageBlob\",\"properties\":{");
        if (container) {
            buffer_append_string(out, "\"resourceId\":");
            json_append_string(out, slice_make(words[0], length));
            buffer_append_byte(out, ',');
        }
        buffer_append_string(out, "\"blobContainerName\":");
        append_text(out, container ? container + strlen(containers) : words[0]);
    }
    buffer_append_string(out, "}}");
    return true;
}

static bool take_ip_rules(struct event_flags *flags, const struct event_flag *flag,
                          char *const *words, size_t count)
{
    struct buffer *out = begin_member(flags, flag);

    buffer_append_byte(out, '[');
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i], "allow") == 0) { /* az wants the word behind each */
            continue;
        }
        buffer_append_string(out, out->data[out->length - 1] == '[' ? "" : ",");
        buffer_append_string(out, "{\"ipMask\":");
        append_text(out, words[i]);
        buffer_append_string(out, ",\"action\":\"Allow\"}");
    }
    buffer_append_byte(out, ']');
    return true;
}

/* ---------------------------------------------------------------- all */

#define OF_TOPICS (FLAG_OF_TOPIC | FLAG_OF_SYSTEM_TOPIC)

/* clang-format off */
static const struct event_flag all[] = {
    /* topics, domains, system topics */
    {"location", OF_TOPICS, SECTION_RESOURCE, 1, 1, take_text, "location", {NULL}},
    {"tags", OF_TOPICS, SECTION_RESOURCE, 1, WORDS_MAX, take_pairs, "tags", {NULL}},
    {"input-schema", FLAG_OF_TOPIC, SECTION_PROPERTIES, 1, 1, take_text, "inputSchema",
     {"EventGridSchema", "CloudEventSchemaV1_0", "CustomEventSchema"}},
    {"input-mapping-fields", FLAG_OF_TOPIC, SECTION_MAPPING, 1, WORDS_MAX, take_mapping,
     "sourceField", {NULL}},
    {"input-mapping-default-values", FLAG_OF_TOPIC, SECTION_MAPPING, 1, WORDS_MAX, take_mapping,
     "defaultValue", {NULL}},
    {"public-network-access", FLAG_OF_TOPIC, SECTION_PROPERTIES, 1, 1, take_text,
     "publicNetworkAccess", {"Enabled", "Disabled"}},
    {"inbound-ip-rules", FLAG_OF_TOPIC, SECTION_PROPERTIES, 1, WORDS_MAX, take_ip_rules,
     "inboundIpRules", {NULL}},
    {"disable-local-auth", FLAG_OF_TOPIC, SECTION_PROPERTIES, 0, 1, take_bool, "disableLocalAuth",
     {NULL}},
    {"retention-days", OF_TOPICS, SECTION_PROPERTIES, 1, 1, take_number, "eventRetentionInDays",
     {NULL}},
    {"source-resource-id", FLAG_OF_SYSTEM_TOPIC, SECTION_PROPERTIES, 1, 1, take_text, "source",
     {NULL}},
    {"topic-type", FLAG_OF_SYSTEM_TOPIC, SECTION_PROPERTIES, 1, 1, take_text, "topicType", {NULL}},
    /* event subscriptions: where to */
    {"endpoint", FLAG_OF_SUBSCRIPTION, 0, 1, 1, take_endpoint, NULL, {NULL}},
    {"endpoint-type", FLAG_OF_SUBSCRIPTION, 0, 1, 1, take_endpoint_type, NULL, {NULL}},
    {"event-delivery-schema", FLAG_OF_SUBSCRIPTION, SECTION_PROPERTIES, 1, 1, take_text,
     "eventDeliverySchema", {"EventGridSchema", "CloudEventSchemaV1_0", "CustomInputSchema"}},
    {"max-events-per-batch", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_number,
     "maxEventsPerBatch", {NULL}},
    {"preferred-batch-size-in-kilobytes", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1,
     take_number, "preferredBatchSizeInKilobytes", {NULL}},
    {"delivery-attribute-mapping", FLAG_OF_SUBSCRIPTION, SECTION_ATTRIBUTES, 3, 4, take_attribute,
     NULL, {NULL}},
    {"aad-tenant-id", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_text,
     "azureActiveDirectoryTenantId", {NULL}},
    {"aad-app-id", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_text,
     "azureActiveDirectoryApplicationIdOrUri", {NULL}},
    {"skip-validation", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 0, 1, take_bool,
     "skipValidation", {NULL}},
    {"signing-secret", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_text, "signingSecret",
     {NULL}},
    {"max-concurrent-requests", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_number,
     "maxConcurrentRequests", {NULL}},
    {"max-requests-per-second", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_number,
     "maxRequestsPerSecond", {NULL}},
    {"request-timeout", FLAG_OF_SUBSCRIPTION, SECTION_DESTINATION, 1, 1, take_number,
     "requestTimeoutInSeconds", {NULL}},
    /* which */
    {"included-event-types", FLAG_OF_SUBSCRIPTION, SECTION_FILTER, 1, WORDS_MAX, take_texts,
     "includedEventTypes", {NULL}},
    {"subject-begins-with", FLAG_OF_SUBSCRIPTION, SECTION_FILTER, 1, 1, take_text,
     "subjectBeginsWith", {NULL}},
    {"subject-ends-with", FLAG_OF_SUBSCRIPTION, SECTION_FILTER, 1, 1, take_text, "subjectEndsWith",
     {NULL}},
    {"subject-case-sensitive", FLAG_OF_SUBSCRIPTION, SECTION_FILTER, 0, 1, take_bool,
     "isSubjectCaseSensitive", {NULL}},
    {"advanced-filter", FLAG_OF_SUBSCRIPTION, SECTION_ADVANCED, 2, WORDS_MAX, take_advanced, NULL,
     {NULL}},
    {"enable-advanced-filtering-on-arrays", FLAG_OF_SUBSCRIPTION, SECTION_FILTER, 0, 1, take_bool,
     "enableAdvancedFilteringOnArrays", {NULL}},
    {"enable-extended-filtering", FLAG_OF_SUBSCRIPTION, SECTION_FILTER, 0, 1, take_bool,
     "enableExtendedFiltering", {NULL}},
    /* how often, how long */
    {"event-ttl", FLAG_OF_SUBSCRIPTION, SECTION_RETRY, 1, 1, take_number,
     "eventTimeToLiveInMinutes", {NULL}},
    {"max-delivery-attempts", FLAG_OF_SUBSCRIPTION, SECTION_RETRY, 1, 1, take_number,
     "maxDeliveryAttempts", {NULL}},
    {"backoff", FLAG_OF_SUBSCRIPTION, SECTION_RETRY, 1, WORDS_MAX, take_numbers,
     "backoffInSeconds", {NULL}},
    {"probation", FLAG_OF_SUBSCRIPTION, SECTION_RETRY, 0, 1, take_bool, "probation", {NULL}},
    {"deadletter-endpoint", FLAG_OF_SUBSCRIPTION, SECTION_PROPERTIES, 1, 1, take_dead_letter,
     "deadLetterDestination", {NULL}},
    {"expiration-date", FLAG_OF_SUBSCRIPTION, SECTION_PROPERTIES, 1, 1, take_text,
     "expirationTimeUtc", {NULL}},
    {"labels", FLAG_OF_SUBSCRIPTION, SECTION_PROPERTIES, 1, WORDS_MAX, take_texts, "labels",
     {NULL}},
    /* an event */
    {"type", FLAG_OF_EVENT, SECTION_EVENT, 1, 1, take_text, "type", {NULL}},
    {"subject", FLAG_OF_EVENT, SECTION_EVENT, 1, 1, take_text, "subject", {NULL}},
    {"id", FLAG_OF_EVENT, SECTION_EVENT, 1, 1, take_text, "id", {NULL}},
    {"source", FLAG_OF_EVENT, SECTION_EVENT, 1, 1, take_text, "source", {NULL}},
    {"data-version", FLAG_OF_EVENT, SECTION_EVENT, 1, 1, take_text, "dataVersion", {NULL}},
    {"data", FLAG_OF_EVENT, 0, 1, 1, take_data, NULL, {NULL}},
    {"template", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "template", {NULL}},
    {"container", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "container", {NULL}},
    {"blob", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "blob", {NULL}},
    {"account", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "account", {NULL}},
    {"url", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "url", {NULL}},
    {"content-type", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "contentType", {NULL}},
    {"content-length", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_number, "contentLength",
     {NULL}},
    {"resource-id", FLAG_OF_EVENT, SECTION_TEMPLATE, 1, 1, take_text, "resource", {NULL}},
    /* since when */
    {"since", FLAG_OF_TIME, SECTION_EVENT, 1, 1, take_text, "since", {NULL}},
    {"until", FLAG_OF_TIME, SECTION_EVENT, 1, 1, take_text, "until", {NULL}},
};
/* clang-format on */

size_t event_flag_count(void)
{
    return sizeof(all) / sizeof(all[0]);
}

const char *event_flag_name(size_t flag)
{
    return all[flag].name;
}

bool event_flag_wants(size_t flag, size_t taken, const char *word)
{
    bool is_bool = all[flag].take == take_bool;

    return taken < all[flag].most &&
           (!is_bool || strcasecmp(word, "true") == 0 || strcasecmp(word, "false") == 0);
}

bool event_flag_take(struct event_flags *flags, size_t flag, char *const *words, size_t count)
{
    const struct event_flag *row = &all[flag];

    if (count < row->least) {
        fprintf(stderr, "Error: --%s needs %s\n", row->name,
                row->least == 1 ? "a value" : "more values: see pubgrid-event(1)");
        return false;
    }
    buffer_append_byte(&flags->uses, (uint8_t)row->uses);
    return row->take(flags, row, words, count);
}

bool event_flags_fit(const struct event_flags *flags, unsigned uses)
{
    for (size_t i = 0; i < flags->uses.length; i++) {
        if (!(flags->uses.data[i] & uses)) {
            return false;
        }
    }
    return true;
}

void event_flags_release(struct event_flags *flags)
{
    for (size_t i = 0; i < FLAG_SECTIONS; i++) {
        buffer_release(&flags->sections[i]);
    }
    buffer_release(&flags->uses);
}
