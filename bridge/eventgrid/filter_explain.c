/* Why a filter does not take an event (filter_set.h), in words.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/filter_check.h"
#include "eventgrid/filter_set.h"
#include "mqtt/utf8.h"
#include "json/json.h"

enum { SHOWN_MAX = 100 }; /* bytes of a value */

/* What is at hand of the value, up to the end of a character. */
static void append_start(struct buffer *out, struct slice text)
{
    struct slice rest = text;

    while (rest.length > 0) {
        size_t length = utf8_character_length(rest);
        if (length == 0 || text.length - rest.length + length > SHOWN_MAX) {
            break;
        }
        rest = slice_from(rest, length);
    }
    buffer_append(out, slice_make(text.data, text.length - rest.length));
    buffer_append_string(out, rest.length > 0 ? "..." : "");
}

static void append_value(struct buffer *out, const struct check *check,
                         const struct event_value *value)
{
    if (value->kind == VALUE_ABSENT) {
        buffer_append_string(out, "the event has no such key");
    } else if (value->kind == VALUE_ARRAY && !check->on_arrays) {
        buffer_append_string(out, "the value is an array, and enableAdvancedFilteringOnArrays is "
                                  "not set");
    } else {
        buffer_append_string(out, "the value is ");
        append_start(out, value->shown);
    }
}

static void append_simple(struct buffer *out, const struct check *check,
                          const struct event_value *value)
{
    if (check->slot == SLOT_TYPE) {
        buffer_append_string(out, "includedEventTypes: the type is ");
    } else {
        buffer_append_string(out, check->operation == FILTER_STRING_BEGINS_WITH
                                      ? "subjectBeginsWith: the subject is "
                                      : "subjectEndsWith: the subject is ");
    }
    buffer_append_byte(out, '"');
    append_start(out, value->shown);
    buffer_append_byte(out, '"');
}

static void append_check(struct buffer *out, const struct filter_program *program,
                         const struct check *check)
{
    const struct event_value *value = &program->values.slots[check->slot];

    if (!check->source) {
        append_simple(out, check, value);
        return;
    }
    buffer_append_string(out, filter_operator_names[check->operation]);
    if (check->operation != FILTER_ANY) {
        buffer_append_string(out, " on ");
        buffer_append(out, check->source->key);
        buffer_append_string(out, ": ");
        append_value(out, check, value);
        return;
    }
    buffer_append_string(out, ": none holds");
    for (uint32_t i = 0; i < check->count; i++) {
        buffer_append_string(out, "; ");
        append_check(out, program, &program->checks[check->first + i]);
    }
}

void filter_explain(const struct event_filter *filter, const struct event *event,
                    struct buffer *out)
{
    struct filter_program program;
    struct check_range range;
    uint32_t i = 0;

    filter_program_init(&program);
    range = filter_program_add(&program, filter);
    event_values_prepare(&program.values);
    event_values_read(&program.values, event);
    while (i < range.count && check_holds(&program, &program.checks[range.first + i])) {
        i++;
    }
    if (i < range.count) {
        append_check(out, &program, &program.checks[range.first + i]);
    }
    filter_program_release(&program);
}
