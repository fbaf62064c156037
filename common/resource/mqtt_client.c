/* Clients, see mqtt_client.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/mqtt_client.h"

#include "base/ascii.h"
#include "mqtt/utf8.h"
#include "resource/namespace_child_parts.h"

static const struct slice schemes[VALIDATION_SCHEMES] = {
    [VALIDATE_SUBJECT] = SLICE_LITERAL("SubjectMatchesAuthenticationName"),
    [VALIDATE_DNS] = SLICE_LITERAL("DnsMatchesAuthenticationName"),
    [VALIDATE_URI] = SLICE_LITERAL("UriMatchesAuthenticationName"),
    [VALIDATE_IP] = SLICE_LITERAL("IpMatchesAuthenticationName"),
    [VALIDATE_EMAIL] = SLICE_LITERAL("EmailMatchesAuthenticationName"),
    [VALIDATE_THUMBPRINT] = SLICE_LITERAL("ThumbprintMatch"),
};

enum { SHA1_DIGITS = 40, SHA256_DIGITS = 64 };

const char *validation_scheme_name(enum validation_scheme scheme)
{
    return (const char *)schemes[scheme].data;
}

static struct mqtt_client *client_of(void *child)
{
    return &((struct namespace_child *)child)->client;
}

/* --- state and certificate --- */

static void read_state(struct reading *reading, const struct json_value *value, void *into)
{
    struct mqtt_client *client = client_of(into);
    struct slice word;

    if (!reading_text(reading, value, &word)) {
        return;
    }
    client->is_enabled = equal_ignoring_case(word, SLICE_LITERAL("Enabled"));
    if (!client->is_enabled && !equal_ignoring_case(word, SLICE_LITERAL("Disabled"))) {
        reading_mistake(reading, "is Enabled or Disabled");
    }
}

static void read_scheme(struct reading *reading, const struct json_value *value, void *into)
{
    struct mqtt_client *client = client_of(into);
    struct slice word;

    if (!reading_text(reading, value, &word)) {
        return;
    }
    for (size_t i = 0; i < VALIDATION_SCHEMES; i++) {
        if (equal_ignoring_case(word, schemes[i])) {
            client->scheme = (enum validation_scheme)i;
            return;
        }
    }
    reading_mistake(reading, "is SubjectMatchesAuthenticationName, ThumbprintMatch, or the former "
                             "with Dns, Uri, Ip or Email for Subject");
}

static bool is_thumbprint(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = ascii_lower(text.data[i]);
        if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'f')) {
            return false;
        }
    }
    return text.length == SHA1_DIGITS || text.length == SHA256_DIGITS;
}

static void read_thumbprint(struct reading *reading, const struct json_value *value, void *into)
{
    struct slice *thumbprint = into, text;
    struct buffer lower = {0};

    if (!reading_text(reading, value, &text)) {
        return;
    }
    if (!is_thumbprint(text)) {
        reading_mistake(reading, "is the SHA-256 (or SHA-1) of a certificate: 64 (or 40) "
                                 "hexadecimal digits");
        return;
    }
    ascii_append_lower(&lower, text);
    *thumbprint = arena_copy(reading->arena, buffer_slice(&lower));
    buffer_release(&lower);
}

static void read_thumbprints(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct array_kind kind = {"thumbprints", THUMBPRINTS_MAX, sizeof(struct slice),
                                           read_thumbprint};
    struct mqtt_client *client = client_of(into);

    client->thumbprints = reading_array(reading, value, &kind, &client->thumbprint_count);
}

static const struct property certificate_rows[] = {
    OWN_PROPERTY("validationScheme", read_scheme),
    OWN_PROPERTY("allowedThumbprints", read_thumbprints),
};
static const struct property_table certificate_properties = PROPERTY_TABLE(certificate_rows);

static void read_certificate(struct reading *reading, const struct json_value *value, void *into)
{
    struct mqtt_client *client = client_of(into);

    reading_object(reading, value, &certificate_properties, into);
    if ((client->scheme == VALIDATE_THUMBPRINT) != (client->thumbprint_count > 0)) {
        reading_mistake_at(reading, "allowedThumbprints",
                           client->scheme == VALIDATE_THUMBPRINT
                               ? "is missing; ThumbprintMatch takes one or two"
                               : "is only of the validationScheme ThumbprintMatch; leave it out");
    }
}

/* --- attributes --- */

static void read_attribute(struct reading *reading, struct slice key,
                           const struct json_value *value, struct mqtt_client *client)
{
    struct attribute *attribute = arena_allocate(reading->arena, sizeof(*attribute));
    const char *problem =
        attributes_find(client->attributes, key) ? "stands there twice; take one of them away"
        : !attribute_key_is_valid(key) ? "is no key of an attribute: letters, digits and _"
                                       : attribute_read(value, reading->arena, attribute);

    if (problem) {
        reading_mistake(reading, "%s", problem);
        return;
    }
    attribute->key = key;
    attribute->next = client->attributes;
    client->attributes = attribute;
}

static void read_attributes(struct reading *reading, const struct json_value *value, void *into)
{
    struct mqtt_client *client = client_of(into);
    struct json_walk walk = json_members(value);
    struct json_value member;
    struct slice key;

    if (value->type != JSON_OBJECT) {
        reading_mistake(reading, "is an object in { } with a member for each attribute");
        return;
    }
    if (value->text.length > ATTRIBUTES_BYTES_MAX) {
        reading_mistake(reading, "has at most %d bytes as JSON, not %zu", ATTRIBUTES_BYTES_MAX,
                        value->text.length);
        return;
    }
    while (json_next_member(&walk, &key, &member)) {
        size_t before = reading_enter(reading, key);
        if (member.type != JSON_NULL) { /* as if it were not there */
            read_attribute(reading, key, &member, client);
        }
        reading_leave(reading, before);
    }
    client->attributes_json = value->text;
}

/* --- all of it --- */

static const struct property rows[] = {
    TEXT_PROPERTY(struct namespace_child, "authenticationName", client.authentication_name,
                  AUTHENTICATION_NAME_MAX *UTF8_CHARACTER_MAX),
    OWN_PROPERTY("state", read_state),
    OWN_PROPERTY("clientCertificateAuthentication", read_certificate),
    OWN_PROPERTY("attributes", read_attributes),
    COMMON_CHILD_ROWS,
};
static const struct property_table properties = PROPERTY_TABLE(rows);

static void begin(struct namespace_child *child)
{
    child->client.authentication_name = child->name;
    child->client.is_enabled = true;
}

static void check(struct reading *reading, struct namespace_child *child)
{
    struct slice name = child->client.authentication_name;

    if (name.length == 0 || !utf8_is_valid_string(name) ||
        utf8_count(name) > AUTHENTICATION_NAME_MAX) {
        reading_mistake_at(reading, "authenticationName",
                           "is a text of 1 to 128 characters, none of them NUL");
    }
}

static void append_certificate(struct buffer *out, const struct mqtt_client *client)
{
    buffer_append_format(out, ",\"clientCertificateAuthentication\":{\"validationScheme\":\"%s\"",
                         validation_scheme_name(client->scheme));
    for (size_t i = 0; i < client->thumbprint_count; i++) {
        buffer_append_format(out, "%s\"%.*s\"", i > 0 ? "," : ",\"allowedThumbprints\":[",
                             SLICE_PRINT(client->thumbprints[i]));
    }
    buffer_append_string(out, client->thumbprint_count > 0 ? "]}" : "}");
}

static void append(struct buffer *out, const struct namespace_child *child)
{
    const struct mqtt_client *client = &child->client;

    buffer_append_string(out, "\"authenticationName\":");
    json_append_string(out, client->authentication_name);
    buffer_append_format(out, ",\"state\":\"%s\"", client->is_enabled ? "Enabled" : "Disabled");
    append_certificate(out, client);
    buffer_append_string(out, ",\"attributes\":");
    buffer_append(out, client->attributes_json.length > 0 ? client->attributes_json
                                                          : SLICE_LITERAL("{}"));
}

const struct child_reader mqtt_client_reader = {
    .properties = &properties,
    .begin = begin,
    .check = check,
    .append = append,
};
