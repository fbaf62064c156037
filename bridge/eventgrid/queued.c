/* See queued.h. The names are short, since each event that waits has them; numbers that are 0 are
 * left out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/queued.h"

#include "mqtt/user_property.h"
#include "mqtt/utf8.h"
#include "json/json.h"

#define PREFIX "$wps."

enum field {
    FIELD_ID = 'i',
    FIELD_DATA_VERSION = 'v',
    FIELD_SCHEMA = 's',
    FIELD_PUBLISHED = 'p',
    FIELD_ATTEMPTS = 'a',
    FIELD_ATTEMPTED = 't',
    FIELD_OUTCOME = 'o',
    FIELD_STATUS = 'c',
    FIELD_HOPS = 'h',
};

static struct slice field_name(enum field field, uint8_t name[sizeof(PREFIX)])
{
    memcpy(name, PREFIX, sizeof(PREFIX) - 1);
    name[sizeof(PREFIX) - 1] = (uint8_t)field;
    return slice_make(name, sizeof(PREFIX));
}

/* As much of the text as a user property can have. */
static struct slice storable(struct slice text)
{
    struct slice rest = text;

    if (text.length <= QUEUED_TEXT_MAX && utf8_is_valid_string(text)) {
        return text; /* as good as always */
    }
    while (rest.length > 0 && rest.data[0] != 0) {
        size_t length = utf8_character_length(rest);
        if (length == 0 || text.length - rest.length + length > QUEUED_TEXT_MAX) {
            break;
        }
        rest = slice_from(rest, length);
    }
    return slice_make(text.data, text.length - rest.length);
}

static void append_text(struct buffer *list, enum field field, struct slice text)
{
    uint8_t name[sizeof(PREFIX)];
    struct slice stored = storable(text);

    if (stored.length > 0) {
        write_user_pair(list, field_name(field, name), stored);
    }
}

static void append_number(struct buffer *list, enum field field, uint64_t number)
{
    uint8_t name[sizeof(PREFIX)], digits[DECIMAL_MAX];

    if (number > 0) {
        write_user_pair(list, field_name(field, name),
                        slice_make(digits, decimal_write(digits, number)));
    }
}

void queued_event_append_properties(struct buffer *list, const struct queued_event *event)
{
    append_number(list, FIELD_PUBLISHED, (uint64_t)event->published_ms);
    append_number(list, FIELD_SCHEMA, event->schema);
    append_text(list, FIELD_ID, event->id);
    append_text(list, FIELD_DATA_VERSION, event->data_version);
    append_number(list, FIELD_ATTEMPTS, event->attempts);
    append_number(list, FIELD_ATTEMPTED, (uint64_t)event->attempted_ms);
    append_number(list, FIELD_OUTCOME, event->outcome);
    append_number(list, FIELD_STATUS, (uint64_t)event->status);
    append_number(list, FIELD_HOPS, event->hops);
}

/* What cannot be a number of the field is 0. */
static uint64_t number_up_to(struct slice text, uint64_t most)
{
    struct json_value digits = {JSON_NUMBER, text};
    uint64_t number;

    return json_to_u64(&digits, &number) && number <= most ? number : 0;
}

static void take_field(struct queued_event *event, enum field field, struct slice value)
{
    switch (field) {
    case FIELD_ID:
        event->id = value;
        break;
    case FIELD_DATA_VERSION:
        event->data_version = value;
        break;
    case FIELD_SCHEMA:
        event->schema = (enum event_schema)number_up_to(value, EVENT_SCHEMAS - 1);
        break;
    case FIELD_PUBLISHED:
        event->published_ms = (int64_t)number_up_to(value, INT64_MAX);
        break;
    case FIELD_ATTEMPTS:
        event->attempts = (uint32_t)number_up_to(value, UINT32_MAX);
        break;
    case FIELD_ATTEMPTED:
        event->attempted_ms = (int64_t)number_up_to(value, INT64_MAX);
        break;
    case FIELD_OUTCOME:
        event->outcome = (enum delivery_outcome)number_up_to(value, DELIVERY_OUTCOMES - 1);
        break;
    case FIELD_STATUS:
        event->status = (int)number_up_to(value, INT32_MAX);
        break;
    case FIELD_HOPS:
        event->hops = (uint8_t)number_up_to(value, UINT8_MAX);
        break;
    default: /* of a later version */
        break;
    }
}

bool queued_event_read(struct queued_event *event, struct slice payload,
                       const struct properties *properties)
{
    struct slice rest =
        properties_have(properties, PROPERTY_USER_PROPERTY) ? properties->raw : SLICE_EMPTY;
    struct property_item item;

    *event = (struct queued_event){.json = payload};
    while (properties_next(&rest, &item)) {
        if (item.property == PROPERTY_USER_PROPERTY && item.name.length == sizeof(PREFIX) &&
            slice_starts_with(item.name, SLICE_LITERAL(PREFIX))) {
            take_field(event, (enum field)item.name.data[sizeof(PREFIX) - 1], item.value);
        }
    }
    return event->published_ms > 0;
}
