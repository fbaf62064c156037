/* The value at the path of a dynamic delivery attribute, see filter_set.h: found as filters find
 * theirs, in the JSON alone, in which all of the envelope stands by now.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/filter_set.h"
#include "eventgrid/filter_values.h"

static bool append_scalar(struct buffer *out, const struct event_value *value)
{
    struct json_value string = {JSON_STRING, value->shown};

    switch (value->kind) {
    case VALUE_TEXT:
        json_append_string_value(out, &string);
        return true;
    case VALUE_BOOL:
    case VALUE_NUMBER:
        buffer_append(out, value->shown);
        return true;
    case VALUE_ABSENT:
    case VALUE_NULL:
    case VALUE_ARRAY:
    case VALUE_OBJECT:
        break;
    }
    return false;
}

bool event_path_append(struct slice whole, enum event_schema schema, struct slice path,
                       struct buffer *out)
{
    struct event event = {.schema = schema == SCHEMA_CLOUD_EVENTS ? schema : SCHEMA_CUSTOM};
    struct event_values values;
    uint32_t slot;
    bool is_found;

    if (!json_parse(whole, &event.whole) || event.whole.type != JSON_OBJECT) {
        return false;
    }
    event_values_init(&values);
    slot = event_values_slot(&values, path, 0);
    event_values_prepare(&values);
    event_values_read(&values, &event);
    is_found = append_scalar(out, &values.slots[slot]);
    event_values_release(&values);
    return is_found;
}
