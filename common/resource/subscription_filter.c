/* The filter of an event subscription: which events it takes (spec/eventgrid.md 3.3, 3.4).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "mqtt/utf8.h"
#include "resource/subscription_parts.h"

enum { FILTER_KEY_MAX = 512 /* bytes */ };

/* --- operators --- */

const char *const filter_operator_names[FILTER_OPERATORS] = {
    [FILTER_NUMBER_IN] = "NumberIn",
    [FILTER_NUMBER_NOT_IN] = "NumberNotIn",
    [FILTER_NUMBER_LESS_THAN] = "NumberLessThan",
    [FILTER_NUMBER_GREATER_THAN] = "NumberGreaterThan",
    [FILTER_NUMBER_LESS_THAN_OR_EQUALS] = "NumberLessThanOrEquals",
    [FILTER_NUMBER_GREATER_THAN_OR_EQUALS] = "NumberGreaterThanOrEquals",
    [FILTER_NUMBER_IN_RANGE] = "NumberInRange",
    [FILTER_NUMBER_NOT_IN_RANGE] = "NumberNotInRange",
    [FILTER_BOOL_EQUALS] = "BoolEquals",
    [FILTER_STRING_IN] = "StringIn",
    [FILTER_STRING_NOT_IN] = "StringNotIn",
    [FILTER_STRING_BEGINS_WITH] = "StringBeginsWith",
    [FILTER_STRING_ENDS_WITH] = "StringEndsWith",
    [FILTER_STRING_CONTAINS] = "StringContains",
    [FILTER_STRING_NOT_BEGINS_WITH] = "StringNotBeginsWith",
    [FILTER_STRING_NOT_ENDS_WITH] = "StringNotEndsWith",
    [FILTER_STRING_NOT_CONTAINS] = "StringNotContains",
    [FILTER_IS_NULL_OR_UNDEFINED] = "IsNullOrUndefined",
    [FILTER_IS_NOT_NULL] = "IsNotNull",
    [FILTER_STRING_MATCHES] = "StringMatches",
    [FILTER_STRING_NOT_MATCHES] = "StringNotMatches",
    [FILTER_ANY] = "Any",
};

enum filter_shape filter_operator_shape(enum filter_operator which)
{
    static const uint8_t shapes[FILTER_OPERATORS] = {
        [FILTER_NUMBER_IN] = SHAPE_NUMBERS,
        [FILTER_NUMBER_NOT_IN] = SHAPE_NUMBERS,
        [FILTER_NUMBER_LESS_THAN] = SHAPE_NUMBER,
        [FILTER_NUMBER_GREATER_THAN] = SHAPE_NUMBER,
        [FILTER_NUMBER_LESS_THAN_OR_EQUALS] = SHAPE_NUMBER,
        [FILTER_NUMBER_GREATER_THAN_OR_EQUALS] = SHAPE_NUMBER,
        [FILTER_NUMBER_IN_RANGE] = SHAPE_RANGES,
        [FILTER_NUMBER_NOT_IN_RANGE] = SHAPE_RANGES,
        [FILTER_BOOL_EQUALS] = SHAPE_BOOL,
        [FILTER_STRING_IN] = SHAPE_TEXTS,
        [FILTER_STRING_NOT_IN] = SHAPE_TEXTS,
        [FILTER_STRING_BEGINS_WITH] = SHAPE_TEXTS,
        [FILTER_STRING_ENDS_WITH] = SHAPE_TEXTS,
        [FILTER_STRING_CONTAINS] = SHAPE_TEXTS,
        [FILTER_STRING_NOT_BEGINS_WITH] = SHAPE_TEXTS,
        [FILTER_STRING_NOT_ENDS_WITH] = SHAPE_TEXTS,
        [FILTER_STRING_NOT_CONTAINS] = SHAPE_TEXTS,
        [FILTER_IS_NULL_OR_UNDEFINED] = SHAPE_NONE,
        [FILTER_IS_NOT_NULL] = SHAPE_NONE,
        [FILTER_STRING_MATCHES] = SHAPE_TEXTS,
        [FILTER_STRING_NOT_MATCHES] = SHAPE_TEXTS,
        [FILTER_ANY] = SHAPE_FILTERS,
    };

    return (enum filter_shape)shapes[which];
}

static bool is_extended(enum filter_operator which)
{
    return which >= FILTER_STRING_MATCHES;
}

static void report_operator(struct reading *reading, struct slice name)
{
    char *text = memory_copy_string(name);
    struct nearest nearest = nearest_to(text);

    for (int i = 0; i < FILTER_OPERATORS; i++) {
        nearest_offer(&nearest, filter_operator_names[i]);
    }
    reading_mistake_at(reading, "operatorType", "there is no such operator; write %s instead",
                       nearest_found(&nearest) ? nearest.name
                                               : "one of Azure's, such as StringIn,");
    free(text);
}

static bool find_operator(struct reading *reading, struct slice name, enum filter_operator *out)
{
    if (name.length == 0) {
        reading_mistake_at(reading, "operatorType", "is missing; write for example StringIn");
        return false;
    }
    for (int i = 0; i < FILTER_OPERATORS; i++) {
        if (equal_ignoring_case(name, slice_from_string(filter_operator_names[i]))) {
            *out = (enum filter_operator)i;
            return true;
        }
    }
    report_operator(reading, name);
    return false;
}

/* --- values --- */

static void read_text_value(struct reading *reading, const struct json_value *value, void *into)
{
    struct filter_value *out = into;
    if (reading_text(reading, value, &out->text) && utf8_count(out->text) > FILTER_TEXT_MAX) {
        reading_mistake(reading, "has at most %d characters, not %zu", (int)FILTER_TEXT_MAX,
                        utf8_count(out->text));
    }
}

static void read_number_value(struct reading *reading, const struct json_value *value, void *into)
{
    struct filter_value *out = into;
    reading_double(reading, value, &out->low);
    out->high = out->low;
}

static void read_bool_value(struct reading *reading, const struct json_value *value, void *into)
{
    struct filter_value *out = into;
    bool truth = false;

    reading_bool(reading, value, &truth);
    out->low = truth ? 1 : 0;
}

static void read_range_value(struct reading *reading, const struct json_value *value, void *into)
{
    struct filter_value *out = into;
    struct json_walk walk = json_elements(value);
    struct json_value low, high, other;

    if (value->type != JSON_ARRAY || !json_next_element(&walk, &low) ||
        !json_next_element(&walk, &high) || json_next_element(&walk, &other)) {
        reading_mistake(reading, "is a range [from, to], such as [1, 10]");
        return;
    }
    if (reading_double(reading, &low, &out->low) && reading_double(reading, &high, &out->high) &&
        out->low > out->high) {
        reading_mistake(reading, "is a range that ends before it begins; write [from, to]");
    }
}

static property_reader *const value_readers[] = {
    [SHAPE_NUMBER] = read_number_value, [SHAPE_NUMBERS] = read_number_value,
    [SHAPE_RANGES] = read_range_value,  [SHAPE_BOOL] = read_bool_value,
    [SHAPE_TEXTS] = read_text_value,
};

/* One value may stand there without an array around it; of ranges, [from, to] is one. */
static bool is_list(const struct json_value *given, enum filter_shape shape)
{
    struct json_walk walk = json_elements(given);
    struct json_value first;

    if (given->type != JSON_ARRAY) {
        return false;
    }
    return shape != SHAPE_RANGES || !json_next_element(&walk, &first) || first.type == JSON_ARRAY;
}

static void read_list(struct reading *reading, const struct json_value *list,
                      property_reader *read_value, struct advanced_filter *filter)
{
    size_t count = reading_count(reading, list);
    struct filter_value *values = arena_allocate(reading->arena, count * sizeof(*values));

    reading_elements(reading, list, sizeof(*values), read_value, values);
    filter->values = values;
    filter->value_count = count;
}

static void read_values(struct reading *reading, const struct json_value *given,
                        struct advanced_filter *filter)
{
    enum filter_shape shape = filter_operator_shape(filter->operation);

    if (is_list(given, shape)) {
        read_list(reading, given, value_readers[shape], filter);
    } else {
        struct filter_value *value = arena_allocate(reading->arena, sizeof(*value));
        value_readers[shape](reading, given, value);
        filter->values = value;
        filter->value_count = 1;
    }
    if (filter->value_count == 0) {
        reading_mistake(reading, "has at least one value");
    }
    if ((shape == SHAPE_NUMBER || shape == SHAPE_BOOL) && filter->value_count > 1) {
        reading_mistake(reading, "is one value, not %zu", filter->value_count);
    }
}

/* --- one filter --- */

struct filter_draft {
    struct slice operator_type, key;
    struct json_value value, values, filters; /* text empty: not given */
};

static const struct property filter_properties[] = {
    TEXT_PROPERTY(struct filter_draft, "operatorType", operator_type, FILTER_KEY_MAX),
    TEXT_PROPERTY(struct filter_draft, "key", key, FILTER_KEY_MAX),
    VALUE_PROPERTY(struct filter_draft, "value", value),
    VALUE_PROPERTY(struct filter_draft, "values", values),
    VALUE_PROPERTY(struct filter_draft, "filters", filters),
};
static const struct property_table filter_table = PROPERTY_TABLE(filter_properties);

static void read_inner_filter(struct reading *reading, const struct json_value *value, void *into);

static const struct advanced_filter *read_filters(struct reading *reading,
                                                  const struct json_value *array,
                                                  property_reader *read, size_t *count)
{
    struct advanced_filter *filters;

    *count = reading_count(reading, array);
    filters = arena_allocate(reading->arena, *count * sizeof(*filters));
    reading_elements(reading, array, sizeof(*filters), read, filters);
    return filters;
}

static void read_alternatives(struct reading *reading, const struct filter_draft *draft,
                              struct advanced_filter *filter)
{
    size_t before = reading_enter(reading, SLICE_LITERAL("filters"));

    if (draft->filters.text.length == 0) {
        reading_mistake(reading, "is missing; write the filters of which one must hold");
    } else {
        filter->alternatives =
            read_filters(reading, &draft->filters, read_inner_filter, &filter->alternative_count);
        if (filter->alternative_count == 0) {
            reading_mistake(reading, "has at least one filter");
        }
    }
    reading_leave(reading, before);
}

/* Under whichever of the two names they stand. */
static void read_given_values(struct reading *reading, const struct filter_draft *draft,
                              struct advanced_filter *filter)
{
    enum filter_shape shape = filter_operator_shape(filter->operation);
    bool has_value = draft->value.text.length > 0, has_values = draft->values.text.length > 0;
    const char *wanted = shape == SHAPE_NUMBER || shape == SHAPE_BOOL ? "value" : "values";
    const char *given = has_values ? "values" : "value";
    size_t before;

    if (shape == SHAPE_NONE) {
        if (has_value || has_values) {
            reading_mistake_at(reading, given, "is not of this operator; leave it out");
        }
        return;
    }
    if (has_value == has_values) {
        reading_mistake_at(reading, wanted,
                           has_value ? "stands beside the other; write only one of value and values"
                                     : "is missing");
        return;
    }
    before = reading_enter(reading, slice_from_string(given));
    read_values(reading, has_values ? &draft->values : &draft->value, filter);
    reading_leave(reading, before);
}

/* False: it says no operator. */
static bool read_plain_filter(struct reading *reading, const struct json_value *value,
                              struct filter_draft *draft, struct advanced_filter *filter)
{
    enum filter_operator which;

    *draft = (struct filter_draft){0};
    reading_object(reading, value, &filter_table, draft);
    if (value->type != JSON_OBJECT || !find_operator(reading, draft->operator_type, &which)) {
        return false;
    }
    filter->operation = which;
    filter->key = draft->key;
    if (which == FILTER_ANY) {
        return true;
    }
    if (draft->key.length == 0) {
        reading_mistake_at(reading, "key", "is missing; write for example data.color");
    }
    if (draft->filters.text.length > 0) {
        reading_mistake_at(reading, "filters", "is only of the operator Any; leave it out");
    }
    read_given_values(reading, draft, filter);
    return true;
}

static void read_inner_filter(struct reading *reading, const struct json_value *value, void *into)
{
    struct advanced_filter *filter = into;
    struct filter_draft draft;

    if (read_plain_filter(reading, value, &draft, filter) && filter->operation == FILTER_ANY) {
        reading_mistake(reading, "is an Any in an Any; put its filters into the outer one");
    }
}

static void read_filter(struct reading *reading, const struct json_value *value, void *into)
{
    struct advanced_filter *filter = into;
    struct filter_draft draft;

    if (read_plain_filter(reading, value, &draft, filter) && filter->operation == FILTER_ANY) {
        read_alternatives(reading, &draft, filter);
    }
}

/* --- all of them --- */

static void read_advanced(struct reading *reading, const struct json_value *value, void *into)
{
    struct event_filter *filter = into;

    filter->advanced = read_filters(reading, value, read_filter, &filter->advanced_count);
}

static void read_types(struct reading *reading, const struct json_value *value, void *into)
{
    struct event_filter *filter = into;

    filter->included_types = reading_texts(reading, value, &filter->included_type_count);
    if (filter->included_type_count == 0 ||
        (filter->included_type_count == 1 &&
         equal_ignoring_case(filter->included_types[0], SLICE_LITERAL("All")))) {
        filter->included_types = NULL;
        filter->included_type_count = 0;
    }
}

#define ADVANCED_NAME "advancedFilters"
#define FILTERS_NAME  "filters"

#define COMMON_FILTER_ROWS                                                                         \
    BOOL_PROPERTY(struct event_filter, "enableAdvancedFilteringOnArrays", on_arrays),              \
        BOOL_PROPERTY(struct event_filter, "enableExtendedFiltering", is_extended),                \
        OWN_PROPERTY("includedEventTypes", read_types)

static const struct property event_filter_rows[] = {
    TEXT_PROPERTY(struct event_filter, "subjectBeginsWith", subject_begins_with, 4096),
    TEXT_PROPERTY(struct event_filter, "subjectEndsWith", subject_ends_with, 4096),
    BOOL_PROPERTY(struct event_filter, "isSubjectCaseSensitive", is_subject_case_sensitive),
    COMMON_FILTER_ROWS,
    OWN_PROPERTY(ADVANCED_NAME, read_advanced),
};
static const struct property_table event_filter_properties = PROPERTY_TABLE(event_filter_rows);

/* Of namespaces (5.4). */
static const struct property filters_configuration_rows[] = {
    COMMON_FILTER_ROWS,
    OWN_PROPERTY(FILTERS_NAME, read_advanced),
};
static const struct property_table filters_configuration_properties =
    PROPERTY_TABLE(filters_configuration_rows);

/* Filters and values, those of alternatives too; *extended: the first one that Azure does not have,
 * or NULL. */
static void count_all(const struct advanced_filter *filters, size_t count, size_t *filter_count,
                      size_t *value_count, const char **extended)
{
    *filter_count += count;
    for (size_t i = 0; i < count; i++) {
        enum filter_operator which = filters[i].operation;
        *value_count += filters[i].value_count;
        if (is_extended(which) && !*extended) {
            *extended = filter_operator_names[which];
        }
        count_all(filters[i].alternatives, filters[i].alternative_count, filter_count, value_count,
                  extended);
    }
}

static void check_limits(struct reading *reading, const char *name,
                         const struct event_filter *filter)
{
    static const char hint[] = "; enableExtendedFiltering allows more";
    size_t filters = 0, values = 0;
    size_t filters_max = filter->is_extended ? EXTENDED_FILTERS_MAX : ADVANCED_FILTERS_MAX;
    size_t values_max = filter->is_extended ? EXTENDED_FILTER_VALUES_MAX : ADVANCED_FILTERS_MAX;
    const char *extended = NULL;

    count_all(filter->advanced, filter->advanced_count, &filters, &values, &extended);
    if (filters > filters_max) {
        reading_mistake_at(reading, name, "has at most %zu filters, not %zu%s", filters_max,
                           filters, filter->is_extended ? "" : hint);
    }
    if (values > values_max) {
        reading_mistake_at(reading, name,
                           "has at most %zu values in all filters together, not %zu%s", values_max,
                           values, filter->is_extended ? "" : hint);
    }
    if (extended && !filter->is_extended) {
        reading_mistake_at(reading, name,
                           "%s is beyond Azure; set enableExtendedFiltering to true beside them",
                           extended);
    }
}

void filter_read(struct reading *reading, const struct json_value *value,
                 struct event_filter *filter)
{
    reading_object(reading, value, &event_filter_properties, filter);
    check_limits(reading, ADVANCED_NAME, filter);
}

void filters_configuration_read(struct reading *reading, const struct json_value *value,
                                struct event_filter *filter)
{
    reading_object(reading, value, &filters_configuration_properties, filter);
    check_limits(reading, FILTERS_NAME, filter);
}
