/* A body of JSON is walked once: into the array, if it is one, into each event, over its members.
 * Only when something was wrong it is looked at again, to say what: text that is no JSON goes
 * before whatever was found in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/publish_reader.h"

/* --- what was wrong --- */

static struct slice token_name(const struct json_value *value)
{
    static const struct slice names[] = {
        [JSON_NULL] = SLICE_LITERAL("Null"),          [JSON_FALSE] = SLICE_LITERAL("Boolean"),
        [JSON_TRUE] = SLICE_LITERAL("Boolean"),       [JSON_NUMBER] = SLICE_LITERAL("Number"),
        [JSON_STRING] = SLICE_LITERAL("String"),      [JSON_ARRAY] = SLICE_LITERAL("StartArray"),
        [JSON_OBJECT] = SLICE_LITERAL("StartObject"),
    };

    return names[value->type];
}

static bool is_blank(struct slice text)
{
    while (text.length > 0 && strchr(" \t\r\n", text.data[0]) && text.data[0] != '\0') {
        text = slice_from(text, 1);
    }
    return text.length == 0;
}

/* The walk came to no good end, or nothing was in it. */
static bool refuse_shape(struct publish_reader *reader, struct slice text, enum body_shape shape)
{
    struct json_value value;

    if (is_blank(text)) {
        return publish_refuse(reader, FAULT_JSON_END, SLICE_EMPTY);
    }
    if (!json_parse(text, &value)) {
        return publish_refuse(reader, FAULT_JSON_TOKEN, SLICE_EMPTY);
    }
    if (shape == BODY_OBJECT && value.type != JSON_OBJECT) {
        return publish_refuse(reader, FAULT_NOT_OBJECT, token_name(&value));
    }
    if (shape == BODY_ARRAY && value.type != JSON_ARRAY) {
        return publish_refuse(reader, FAULT_NOT_ARRAY, token_name(&value));
    }
    return publish_refuse(reader, FAULT_NOT_CONFORM, SLICE_EMPTY);
}

/* An event was refused; but if the text is no JSON, that is what is said. */
static bool refuse_event(struct publish_reader *reader, struct slice text, enum body_shape shape)
{
    struct json_value value;

    return json_parse(text, &value) ? false : refuse_shape(reader, text, shape);
}

/* --- the walk --- */

/* The number of the name that a key says, or `name_count`. */
static size_t find_name(const struct event_form *form, struct slice key)
{
    const struct slice *names = form->names;
    size_t i = 0, count = form->name_count;

    while (i < count && !slice_equal(key, names[i])) {
        i++;
    }
    if (i < count || key.length == 0 || !memchr(key.data, '\\', key.length)) {
        return i;
    }
    for (i = 0; i < count && !json_string_says(key, names[i]);) {
        i++;
    }
    return i;
}

static void take_member(const struct publish_reader *reader, const struct event_form *form,
                        struct draft *draft, struct slice key, const struct json_value *value)
{
    size_t slot;

    if (form->take) {
        form->take(reader, draft, key, value);
        return;
    }
    slot = find_name(form, key);
    if (slot < form->name_count) {
        draft->slots[slot] = *value;
    }
}

static void take_members(const struct publish_reader *reader, const struct event_form *form,
                         struct json_walk *object, struct draft *draft)
{
    struct json_value value;
    struct slice key;

    while (json_next_member(object, &key, &value)) {
        draft->has_null |= value.type == JSON_NULL;
        take_member(reader, form, draft, key, &value);
    }
}

static bool add_event(struct publish_reader *reader, const struct event_form *form,
                      const struct draft *draft)
{
    const struct publish_bounds *bounds = publish_bounds_of(reader->request);
    struct buffer *events = &reader->scratch->events;
    struct event *event;

    if (draft->whole.text.length > bounds->event) {
        return publish_refuse_bound(reader, FAULT_EVENT_SIZE, bounds->event);
    }
    if (events->length == bounds->events * sizeof(*event)) {
        return publish_refuse_bound(reader, FAULT_EVENT_COUNT, bounds->events);
    }
    event = (struct event *)(void *)buffer_reserve(events, sizeof(*event));
    *event = (struct event){.schema = reader->request->topic->schema, .whole = draft->whole};
    events->length += sizeof(*event);
    return form->finish(reader, draft, event);
}

static bool read_array(struct publish_reader *reader, const struct event_form *form,
                       struct slice text, enum body_shape shape)
{
    struct json_walk array = json_walk_text(text, JSON_ARRAY), object;

    array.levels_max = EVENT_LEVELS_MAX + 1;
    while (json_enter_object(&array, &object)) {
        struct draft draft = {0};

        take_members(reader, form, &object, &draft);
        if (json_leave_object(&array, &object, &draft.whole) && !add_event(reader, form, &draft)) {
            return refuse_event(reader, text, shape);
        }
    }
    if (!json_walk_is_complete(&array) ||
        (reader->scratch->events.length == 0 && !publish_is_of_namespace(reader->request))) {
        return refuse_shape(reader, text, shape);
    }
    return true;
}

static bool read_object(struct publish_reader *reader, const struct event_form *form,
                        struct slice text, enum body_shape shape)
{
    struct json_walk object = json_walk_text(text, JSON_OBJECT);
    const uint8_t *start = object.rest.data;
    struct draft draft = {0};

    object.levels_max = EVENT_LEVELS_MAX;
    take_members(reader, form, &object, &draft);
    if (!json_walk_is_complete(&object)) {
        return refuse_shape(reader, text, shape);
    }
    draft.whole =
        (struct json_value){JSON_OBJECT, slice_make(start, (size_t)(object.rest.data - start) + 1)};
    return add_event(reader, form, &draft);
}

bool publish_read_json(struct publish_reader *reader, const struct event_form *form,
                       struct slice text, enum body_shape shape)
{
    bool is_array = shape == BODY_ARRAY;

    if (shape == BODY_EITHER) {
        is_array = json_walk_text(text, JSON_ARRAY).rest.length > 0;
    }
    return is_array ? read_array(reader, form, text, shape)
                    : read_object(reader, form, text, shape);
}
