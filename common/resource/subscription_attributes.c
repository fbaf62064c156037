/* Delivery attributes: headers that a webhook's requests get (spec/eventgrid.md 3.5).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "resource/subscription_parts.h"

enum { ATTRIBUTE_NAME_MAX = 256 };

static const char hidden[] = "Hidden";

struct attribute_draft {
    struct slice name, type, value, source_field;
    bool is_secret;
};

static void read_properties(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct property rows[] = {
        TEXT_PROPERTY(struct attribute_draft, "value", value, DELIVERY_ATTRIBUTE_VALUE_MAX),
        BOOL_PROPERTY(struct attribute_draft, "isSecret", is_secret),
        TEXT_PROPERTY(struct attribute_draft, "sourceField", source_field,
                      DELIVERY_ATTRIBUTE_VALUE_MAX),
    };

    reading_object(reading, value, &(struct property_table)PROPERTY_TABLE(rows), into);
}

static const struct property attribute_rows[] = {
    TEXT_PROPERTY(struct attribute_draft, "name", name, ATTRIBUTE_NAME_MAX),
    TEXT_PROPERTY(struct attribute_draft, "type", type, ATTRIBUTE_NAME_MAX),
    OWN_PROPERTY("properties", read_properties),
};
static const struct property_table attribute_properties = PROPERTY_TABLE(attribute_rows);

/* --- what a header may be --- */

/* What a request has anyway, or what says how it is sent. */
static bool is_of_transport(struct slice name)
{
    static const struct slice names[] = {
        SLICE_LITERAL("Connection"),
        SLICE_LITERAL("Content-Length"),
        SLICE_LITERAL("Content-Type"),
        SLICE_LITERAL("Expect"),
        SLICE_LITERAL("Host"),
        SLICE_LITERAL("TE"),
        SLICE_LITERAL("Trailer"),
        SLICE_LITERAL("Upgrade"),
        SLICE_LITERAL("Transfer-Encoding"),
        SLICE_LITERAL("Keep-Alive"),
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (equal_ignoring_case(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with it. */
static const char *check_name(struct slice name)
{
    if (name.length == 0) {
        return "is missing; write the name of a header";
    }
    if (!is_token(name)) {
        return "is the name of a header: letters, digits and hyphens";
    }
    if (starts_ignoring_case(name, SLICE_LITERAL("aeg-"))) {
        return "begins with aeg-, which is reserved; choose another name";
    }
    return is_of_transport(name) ? "is a header that the server itself sends; choose another name"
                                 : NULL;
}

static bool value_is_good(struct slice value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7F) {
            return false;
        }
    }
    return true;
}

/* --- one --- */

static void read_dynamic(struct reading *reading, const struct attribute_draft *draft,
                         struct delivery_attribute *attribute)
{
    attribute->is_dynamic = true;
    attribute->value = draft->source_field;
    if (draft->source_field.length == 0) {
        reading_mistake_at(reading, "properties.sourceField",
                           "is missing; write a path of the event, such as data.customerId");
    }
    if (draft->value.length > 0) {
        reading_mistake_at(reading, "properties.value", "is of type Static; leave it out");
    }
}

static void read_static(struct reading *reading, const struct attribute_draft *draft,
                        struct delivery_attribute *attribute)
{
    attribute->is_secret = draft->is_secret;
    attribute->value = draft->value;
    if (draft->value.length == 0) {
        reading_mistake_at(reading, "properties.value", "is missing; write the header's value");
    } else if (!value_is_good(draft->value)) {
        reading_mistake_at(reading, "properties.value", "has no control characters");
    }
    if (draft->source_field.length > 0) {
        reading_mistake_at(reading, "properties.sourceField", "is of type Dynamic; leave it out");
    }
}

static void read_attribute(struct reading *reading, const struct json_value *value, void *into)
{
    struct delivery_attribute *attribute = into;
    struct attribute_draft draft = {0};
    const char *wrong;

    reading_object(reading, value, &attribute_properties, &draft);
    if (value->type != JSON_OBJECT) {
        return;
    }
    attribute->name = draft.name;
    wrong = check_name(draft.name);
    if (wrong) {
        reading_mistake_at(reading, "name", "%s", wrong);
    }
    if (equal_ignoring_case(draft.type, SLICE_LITERAL("Static"))) {
        read_static(reading, &draft, attribute);
    } else if (equal_ignoring_case(draft.type, SLICE_LITERAL("Dynamic"))) {
        read_dynamic(reading, &draft, attribute);
    } else {
        reading_mistake_at(reading, "type", "is Static or Dynamic");
    }
}

/* Does one before it have its name? */
static bool is_taken(const struct delivery_attribute *attributes, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (equal_ignoring_case(attributes[i].name, attributes[index].name)) {
            return true;
        }
    }
    return false;
}

void attributes_read(struct reading *reading, const struct json_value *value, void *into)
{
    static const struct array_kind kind = {"entries", DELIVERY_ATTRIBUTES_MAX,
                                           sizeof(struct delivery_attribute), read_attribute};
    struct destination *destination = into;
    size_t count;
    struct delivery_attribute *attributes = reading_array(reading, value, &kind, &count);

    for (size_t i = 0; i < count; i++) {
        if (attributes[i].name.length > 0 && is_taken(attributes, i)) {
            reading_mistake(reading, "has %.*s twice; take one of them away",
                            SLICE_PRINT(attributes[i].name));
        }
    }
    destination->attributes = attributes;
    destination->attribute_count = count;
}

/* --- writing --- */

static void append_one(struct buffer *out, const struct delivery_attribute *attribute)
{
    struct slice shown = attribute->is_secret ? SLICE_LITERAL(hidden) : attribute->value;

    buffer_append_string(out, "{\"name\":");
    json_append_string(out, attribute->name);
    buffer_append_string(out, attribute->is_dynamic
                                  ? ",\"type\":\"Dynamic\",\"properties\":{\"sourceField\":"
                                  : ",\"type\":\"Static\",\"properties\":{\"value\":");
    json_append_string(out, shown);
    if (!attribute->is_dynamic) {
        buffer_append_format(out, ",\"isSecret\":%s", attribute->is_secret ? "true" : "false");
    }
    buffer_append_string(out, "}}");
}

void attributes_append(struct buffer *out, const struct destination *destination)
{
    buffer_append_byte(out, '[');
    for (size_t i = 0; i < destination->attribute_count; i++) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        append_one(out, &destination->attributes[i]);
    }
    buffer_append_byte(out, ']');
}

void event_subscription_append_attributes(struct buffer *out,
                                          const struct event_subscription *subscription)
{
    attributes_append(out, &subscription->destination);
}
