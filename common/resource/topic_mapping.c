/* How the fields of a custom schema become those of an event (spec/eventgrid.md 1.8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/ascii.h"
#include "resource/topic_parts.h"

enum { FIELD_MAX = 1024 /* bytes */ };

/* The fields, as the mapping names them. Those that the server makes itself have no default. */
static const struct {
    const char *name;
    size_t offset;
    bool may_have_default;
} fields[] = {
    {"id", offsetof(struct schema_mapping, id), false},
    {"topic", offsetof(struct schema_mapping, topic), false},
    {"eventTime", offsetof(struct schema_mapping, event_time), false},
    {"eventType", offsetof(struct schema_mapping, event_type), true},
    {"subject", offsetof(struct schema_mapping, subject), true},
    {"dataVersion", offsetof(struct schema_mapping, data_version), true},
};
enum { FIELD_COUNT = sizeof(fields) / sizeof(fields[0]) };

static const struct field_mapping *field_at(const struct schema_mapping *mapping, size_t index)
{
    return (const struct field_mapping *)(const void *)((const char *)mapping +
                                                        fields[index].offset);
}

/* --- reading --- */

static const struct property field_rows[] = {
    TEXT_PROPERTY(struct field_mapping, "sourceField", source_field, FIELD_MAX),
    TEXT_PROPERTY(struct field_mapping, "defaultValue", default_value, FIELD_MAX),
};
static const struct property_table field_properties = PROPERTY_TABLE(field_rows);

static void read_field(struct reading *reading, const struct json_value *value,
                       struct field_mapping *field)
{
    reading_object(reading, value, &field_properties, field);
    field->has_default = field->default_value.data != NULL;
}

#define FIELD_READER(member)                                                                       \
    static void read_##member(struct reading *reading, const struct json_value *value, void *into) \
    {                                                                                              \
        read_field(reading, value, &((struct schema_mapping *)into)->member);                      \
    }
FIELD_READER(id)
FIELD_READER(topic)
FIELD_READER(event_time)
FIELD_READER(event_type)
FIELD_READER(subject)
FIELD_READER(data_version)
#undef FIELD_READER

static const struct property mapping_rows[] = {
    OWN_PROPERTY("id", read_id),
    OWN_PROPERTY("topic", read_topic),
    OWN_PROPERTY("eventTime", read_event_time),
    OWN_PROPERTY("eventType", read_event_type),
    OWN_PROPERTY("subject", read_subject),
    OWN_PROPERTY("dataVersion", read_data_version),
};
static const struct property_table mapping_properties = PROPERTY_TABLE(mapping_rows);

struct mapping_draft {
    struct slice type;
    struct schema_mapping *mapping;
};

static void read_fields(struct reading *reading, const struct json_value *value, void *into)
{
    struct mapping_draft *draft = into;

    reading_object(reading, value, &mapping_properties, draft->mapping);
}

static const struct property draft_rows[] = {
    TEXT_PROPERTY(struct mapping_draft, "inputSchemaMappingType", type, FIELD_MAX),
    OWN_PROPERTY("properties", read_fields),
};
static const struct property_table draft_properties = PROPERTY_TABLE(draft_rows);

void mapping_read(struct reading *reading, const struct json_value *value,
                  struct schema_mapping *mapping)
{
    struct mapping_draft draft = {.mapping = mapping};

    reading_object(reading, value, &draft_properties, &draft);
    if (draft.type.length > 0 && !equal_ignoring_case(draft.type, SLICE_LITERAL("Json"))) {
        reading_mistake_at(reading, "inputSchemaMappingType", "is Json");
    }
}

void mapping_check(struct reading *reading, const struct schema_mapping *mapping, bool is_domain)
{
    size_t before = reading_enter(reading, SLICE_LITERAL("inputSchemaMapping.properties"));

    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field_mapping *field = field_at(mapping, i);
        bool has_source = field->source_field.length > 0;
        if (field->has_default && !fields[i].may_have_default) {
            reading_mistake_at(reading, fields[i].name, "has a sourceField only, no defaultValue");
        } else if (fields[i].may_have_default && !has_source && !field->has_default) {
            reading_mistake_at(reading, fields[i].name,
                               "is missing; write {\"sourceField\":NAME} or "
                               "{\"defaultValue\":TEXT} or both");
        }
    }
    if (is_domain && mapping->topic.source_field.length == 0) {
        reading_mistake_at(reading, "topic",
                           "is missing; write {\"sourceField\":NAME}: the domain topic's name");
    }
    reading_leave(reading, before);
}

/* --- writing --- */

static void append_field(struct buffer *out, const struct field_mapping *field)
{
    bool has_source = field->source_field.length > 0;

    buffer_append_byte(out, '{');
    if (has_source) {
        buffer_append_string(out, "\"sourceField\":");
        json_append_string(out, field->source_field);
    }
    if (field->has_default) {
        buffer_append_string(out, has_source ? ",\"defaultValue\":" : "\"defaultValue\":");
        json_append_string(out, field->default_value);
    }
    buffer_append_byte(out, '}');
}

void mapping_append(struct buffer *out, const struct schema_mapping *mapping)
{
    const char *comma = "";

    buffer_append_string(out, "{\"inputSchemaMappingType\":\"Json\",\"properties\":{");
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct field_mapping *field = field_at(mapping, i);
        if (field->source_field.length > 0 || field->has_default) {
            buffer_append_format(out, "%s\"%s\":", comma, fields[i].name);
            append_field(out, field);
            comma = ",";
        }
    }
    buffer_append_string(out, "}}");
}
