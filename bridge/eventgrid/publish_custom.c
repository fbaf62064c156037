/* Events of a custom schema (spec/eventgrid.md 1.8): the topic's mapping says which of their
 * members, or which default, is id, type and so on.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timestamp.h"
#include "base/uuid.h"
#include "eventgrid/publish_reader.h"

enum slot { ID, TOPIC, EVENT_TIME, EVENT_TYPE, SUBJECT, DATA_VERSION, SLOTS };

_Static_assert((int)SLOTS == PUBLISH_MAPPED_FIELDS, "room for texts is made for all of them");

static const struct slice names[SLOTS] = {
    [ID] = SLICE_LITERAL("id"),
    [TOPIC] = SLICE_LITERAL("topic"),
    [EVENT_TIME] = SLICE_LITERAL("eventTime"),
    [EVENT_TYPE] = SLICE_LITERAL("eventType"),
    [SUBJECT] = SLICE_LITERAL("subject"),
    [DATA_VERSION] = SLICE_LITERAL("dataVersion"),
};

static const struct field_mapping *mapping_of(const struct publish_reader *reader, enum slot slot)
{
    const struct schema_mapping *mapping = &reader->request->topic->mapping;
    const struct field_mapping *const mappings[SLOTS] = {
        [ID] = &mapping->id,
        [TOPIC] = &mapping->topic,
        [EVENT_TIME] = &mapping->event_time,
        [EVENT_TYPE] = &mapping->event_type,
        [SUBJECT] = &mapping->subject,
        [DATA_VERSION] = &mapping->data_version,
    };

    return mappings[slot];
}

/* --- paths --- */

static void match_path(struct slice path, struct slice key, const struct json_value *value,
                       struct json_value *found);

/* The value behind the rest of a path. Paths come from the topic's settings and are short. */
static void descend(struct slice path, const struct json_value *object, struct json_value *found)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        match_path(path, key, &value, found);
    }
}

/* A member is the path's value if its name is the path, or if the path goes on behind its name and
 * a dot, and leads to one. */
static void match_path(struct slice path, struct slice key, const struct json_value *value,
                       struct json_value *found)
{
    if (json_string_says(key, path)) {
        *found = *value;
        return;
    }
    for (size_t i = 0; value->type == JSON_OBJECT && i < path.length; i++) {
        if (path.data[i] == '.' && json_string_says(key, slice_make(path.data, i))) {
            descend(slice_from(path, i + 1), value, found);
        }
    }
}

static void take(const struct publish_reader *reader, struct draft *draft, struct slice key,
                 const struct json_value *value)
{
    for (int slot = 0; slot < SLOTS; slot++) {
        struct slice path = mapping_of(reader, (enum slot)slot)->source_field;
        if (path.length > 0) {
            match_path(path, key, value, &draft->slots[slot]);
        }
    }
}

/* --- the event --- */

/* What the event says, or the default: text, numbers and booleans. Empty: neither. */
static struct slice mapped_text(struct publish_reader *reader, const struct draft *draft,
                                enum slot slot)
{
    const struct json_value *value = &draft->slots[slot];
    struct slice text = SLICE_EMPTY;

    if (value->type == JSON_STRING) {
        text = publish_text(reader, value);
    } else if (slot_is_set(value) && value->type != JSON_ARRAY && value->type != JSON_OBJECT) {
        text = value->text;
    }
    return text.length > 0 ? text : mapping_of(reader, slot)->default_value;
}

/* Of dataVersion a default may be empty. */
static bool need_mapped(struct publish_reader *reader, const struct draft *draft, enum slot slot,
                        struct slice *text)
{
    *text = mapped_text(reader, draft, slot);
    return text->length > 0 || (slot == DATA_VERSION && mapping_of(reader, slot)->has_default) ||
           publish_refuse(reader, FAULT_PROPERTY, names[slot]);
}

static struct slice made_id(struct publish_reader *reader)
{
    struct buffer *texts = &reader->scratch->texts;
    size_t start = texts->length;

    uuid_append(texts, reader->request->random);
    return slice_from(buffer_slice(texts), start);
}

/* One text for all events of the request. */
static struct slice made_time(struct publish_reader *reader)
{
    struct buffer *texts = &reader->scratch->texts;
    size_t start = texts->length;

    if (reader->now.length == 0) {
        timestamp_append(texts, reader->request->now_ms);
        reader->now = slice_from(buffer_slice(texts), start);
    }
    return reader->now;
}

static bool finish(struct publish_reader *reader, const struct draft *draft, struct event *event)
{
    struct slice time = mapped_text(reader, draft, EVENT_TIME);

    event->id = mapped_text(reader, draft, ID);
    if (event->id.length == 0) {
        event->id = made_id(reader);
    }
    event->time = time.length == 0 ? made_time(reader) : SLICE_EMPTY;
    if ((time.length > 0 && !publish_read_time(reader, time, names[EVENT_TIME], &event->time)) ||
        !need_mapped(reader, draft, SUBJECT, &event->subject) ||
        !need_mapped(reader, draft, EVENT_TYPE, &event->type) ||
        !need_mapped(reader, draft, DATA_VERSION, &event->data_version)) {
        return false;
    }
    event->has_data = true;
    event->data = draft->whole;
    event->is_json_content = true;
    event->source = reader->request->topic_id;
    return reader->request->topic->kind != SOURCE_DOMAIN ||
           publish_set_domain_topic(reader, event, mapped_text(reader, draft, TOPIC), names[TOPIC]);
}

bool publish_read_custom(struct publish_reader *reader, struct slice body)
{
    static const struct event_form form = {.take = take, .finish = finish};

    return publish_read_json(reader, &form, body, BODY_EITHER);
}
