/* See namespace_flags.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "namespace_flags.h"

#include <stdio.h>
#include <string.h>

#include "input_file.h"
#include "json/json.h"

enum { CERTIFICATE_MAX = 1 << 16 };

/* How the value becomes JSON. */
enum value_kind {
    VALUE_TEXT,
    VALUE_NUMBER,
    VALUE_JSON,
    VALUE_LIST,    /* of texts; the flag may be repeated */
    VALUE_FILE,    /* what is in it */
    VALUE_ENABLED, /* there is none: "Enabled" */
    VALUE_FOLDER,  /* of dead letters */
    VALUE_WEBHOOK, /* a URL */
};

#define OF(noun) (1U << (noun))

static const struct flag {
    const char *name;
    unsigned nouns;
    enum namespace_section section;
    const char *member;
    enum value_kind kind;
} rows[] = {
    {"mqtt", OF(NOUN_NAMESPACE), IN_SPACES, "state", VALUE_ENABLED},
    {"route-topic", OF(NOUN_NAMESPACE), IN_SPACES, "routeTopicResourceId", VALUE_TEXT},
    {"session-expiry", OF(NOUN_NAMESPACE), IN_SPACES, "maximumSessionExpiryInHours", VALUE_NUMBER},
    {"sessions", OF(NOUN_NAMESPACE), IN_SPACES, "maximumClientSessionsPerAuthenticationName",
     VALUE_NUMBER},
    {"retention-days", OF(NOUN_TOPIC), IN_PROPERTIES, "eventRetentionInDays", VALUE_NUMBER},
    {"lock-duration", OF(NOUN_SUBSCRIPTION), IN_DELIVERY, "receiveLockDurationInSeconds",
     VALUE_NUMBER},
    {"max-delivery-count", OF(NOUN_SUBSCRIPTION), IN_DELIVERY, "maxDeliveryCount", VALUE_NUMBER},
    {"event-ttl", OF(NOUN_SUBSCRIPTION), IN_DELIVERY, "eventTimeToLive", VALUE_TEXT},
    {"dead-letter", OF(NOUN_SUBSCRIPTION), IN_DELIVERY, "deadLetterDestination", VALUE_FOLDER},
    {"endpoint", OF(NOUN_SUBSCRIPTION), IN_DELIVERY, "destination", VALUE_WEBHOOK},
    {"event-type", OF(NOUN_SUBSCRIPTION), IN_FILTERS, "includedEventTypes", VALUE_LIST},
    {"expiration-date", OF(NOUN_SUBSCRIPTION), IN_PROPERTIES, "expirationTimeUtc", VALUE_TEXT},
    {"authentication-name", OF(NOUN_CLIENT), IN_PROPERTIES, "authenticationName", VALUE_TEXT},
    {"state", OF(NOUN_CLIENT), IN_PROPERTIES, "state", VALUE_TEXT},
    {"attributes", OF(NOUN_CLIENT), IN_PROPERTIES, "attributes", VALUE_JSON},
    {"validation-scheme", OF(NOUN_CLIENT), IN_CERTIFICATE, "validationScheme", VALUE_TEXT},
    {"thumbprint", OF(NOUN_CLIENT), IN_CERTIFICATE, "allowedThumbprints", VALUE_LIST},
    {"query", OF(NOUN_GROUP), IN_PROPERTIES, "query", VALUE_TEXT},
    {"topic-template", OF(NOUN_SPACE), IN_PROPERTIES, "topicTemplates", VALUE_LIST},
    {"group", OF(NOUN_BINDING), IN_PROPERTIES, "clientGroupName", VALUE_TEXT},
    {"space", OF(NOUN_BINDING), IN_PROPERTIES, "topicSpaceName", VALUE_TEXT},
    {"permission", OF(NOUN_BINDING), IN_PROPERTIES, "permission", VALUE_TEXT},
    {"certificate", OF(NOUN_CERTIFICATE), IN_PROPERTIES, "encodedCertificate", VALUE_FILE},
    {"description",
     OF(NOUN_CLIENT) | OF(NOUN_GROUP) | OF(NOUN_SPACE) | OF(NOUN_BINDING) | OF(NOUN_CERTIFICATE),
     IN_PROPERTIES, "description", VALUE_TEXT},
};

enum { FLAGS = sizeof(rows) / sizeof(rows[0]) };
_Static_assert((int)FLAGS <= (int)NAMESPACE_FLAGS_MAX, "each has a list");

size_t namespace_flag_count(void)
{
    return FLAGS;
}

const char *namespace_flag_name(size_t flag)
{
    return rows[flag].name;
}

bool namespace_flag_has_value(size_t flag)
{
    return rows[flag].kind != VALUE_ENABLED;
}

/* ---------------------------------------------------------------- values */

static bool wrong(const struct flag *flag, const char *what)
{
    fprintf(stderr, "Error: --%s %s\n", flag->name, what);
    return false;
}

/* {"endpointType":TYPE,"properties":{MEMBER:text}} */
static void append_endpoint(struct buffer *out, const char *type, const char *member,
                            const char *text)
{
    buffer_append_format(out, "{\"endpointType\":\"%s\",\"properties\":{\"%s\":", type, member);
    json_append_string(out, slice_from_string(text));
    buffer_append_string(out, "}}");
}

static bool append_file(const struct flag *flag, const char *path, struct buffer *out)
{
    struct buffer text = {0};
    bool good = input_read(path, CERTIFICATE_MAX, flag->name, &text);

    json_append_string(out, buffer_slice(&text));
    buffer_release(&text);
    return good;
}

static bool append_value(const struct flag *flag, const char *value, struct buffer *out)
{
    struct json_value json;

    switch (flag->kind) {
    case VALUE_TEXT:
    case VALUE_LIST:
        json_append_string(out, slice_from_string(value));
        return true;
    case VALUE_NUMBER:
        buffer_append_string(out, value);
        return (value[0] != '\0' && strspn(value, "0123456789") == strlen(value)) ||
               wrong(flag, "is a whole number");
    case VALUE_JSON:
        buffer_append_string(out, value);
        return json_parse(slice_from_string(value), &json) || wrong(flag, "is JSON");
    case VALUE_FILE:
        return append_file(flag, value, out);
    case VALUE_ENABLED:
        buffer_append_string(out, "\"Enabled\"");
        return true;
    case VALUE_FOLDER:
        append_endpoint(out, "StorageBlob", "blobContainerName", value);
        return true;
    case VALUE_WEBHOOK:
        append_endpoint(out, "WebHook", "endpointUrl", value);
        return true;
    }
    return false;
}

/* ---------------------------------------------------------------- taking them */

static void append_comma(struct buffer *out)
{
    if (out->length > 0) {
        buffer_append_byte(out, ',');
    }
}

bool namespace_flag_take(struct namespace_flags *flags, size_t number, const char *value)
{
    const struct flag *flag = &rows[number];
    struct buffer *out = &flags->sections[flag->section];

    flags->nouns &= flag->nouns;
    flags->is_given = true;
    flags->is_push = flags->is_push || flag->kind == VALUE_WEBHOOK;
    if (flag->kind == VALUE_LIST) {
        out = &flags->lists[number];
        append_comma(out);
    } else {
        append_comma(out);
        buffer_append_format(out, "\"%s\":", flag->member);
    }
    return append_value(flag, value, out);
}

/* ---------------------------------------------------------------- what they say */

/* Lists become members of their sections. */
static void close_lists(struct namespace_flags *flags)
{
    for (size_t i = 0; i < FLAGS; i++) {
        struct buffer *list = &flags->lists[i], *section = &flags->sections[rows[i].section];
        if (list->length > 0) {
            append_comma(section);
            buffer_append_format(section, "\"%s\":[%.*s]", rows[i].member, SLICE_PRINT(*list));
            list->length = 0;
        }
    }
}

void namespace_flags_append(struct namespace_flags *flags, struct buffer *out)
{
    const struct {
        enum namespace_section section;
        const char *before, *after;
    } objects[] = {
        {IN_SPACES, "\"topicSpacesConfiguration\":{", "}"},
        {IN_DELIVERY,
         flags->is_push ? "\"deliveryConfiguration\":{\"deliveryMode\":\"Push\",\"push\":{"
                        : "\"deliveryConfiguration\":{\"deliveryMode\":\"Queue\",\"queue\":{",
         "}}"},
        {IN_FILTERS, "\"filtersConfiguration\":{", "}"},
        {IN_CERTIFICATE, "\"clientCertificateAuthentication\":{", "}"},
    };
    struct buffer *properties = &flags->sections[IN_PROPERTIES];

    close_lists(flags);
    for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        const struct buffer *members = &flags->sections[objects[i].section];
        if (members->length > 0) {
            append_comma(properties);
            buffer_append_string(properties, objects[i].before);
            buffer_append(properties, buffer_slice(members));
            buffer_append_string(properties, objects[i].after);
        }
    }
    buffer_append_format(out, "{\"properties\":{%.*s}}", SLICE_PRINT(*properties));
}

void namespace_flags_release(struct namespace_flags *flags)
{
    for (size_t i = 0; i < NAMESPACE_SECTIONS; i++) {
        buffer_release(&flags->sections[i]);
    }
    for (size_t i = 0; i < NAMESPACE_FLAGS_MAX; i++) {
        buffer_release(&flags->lists[i]);
    }
}
