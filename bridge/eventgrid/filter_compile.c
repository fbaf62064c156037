/* Filters become checks, see filter_check.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "eventgrid/check_order.h"
#include "eventgrid/filter_check.h"
#include "eventgrid/fold.h"
#include "eventgrid/pattern.h"

/* What an operator's values are, and what is needed of the event for them. */
enum value_form { FORM_NONE, FORM_NUMBER, FORM_BOOL, FORM_TEXT, FORM_PATTERN };

static enum value_form form_of(enum filter_operator operation)
{
    static const enum value_form forms[FILTER_OPERATORS] = {
        [FILTER_NUMBER_IN... FILTER_NUMBER_NOT_IN_RANGE] = FORM_NUMBER,
        [FILTER_BOOL_EQUALS] = FORM_BOOL,
        [FILTER_STRING_IN... FILTER_STRING_NOT_CONTAINS] = FORM_TEXT,
        [FILTER_STRING_MATCHES] = FORM_PATTERN,
        [FILTER_STRING_NOT_MATCHES] = FORM_PATTERN,
    };

    return forms[operation];
}

static unsigned wants_of(enum filter_operator operation, bool on_arrays)
{
    static const unsigned wants[] = {
        [FORM_NONE] = 0,          [FORM_NUMBER] = WANTS_NUMBER, [FORM_BOOL] = 0,
        [FORM_TEXT] = WANTS_TEXT, [FORM_PATTERN] = WANTS_TEXT,
    };

    bool is_part = operation == FILTER_STRING_CONTAINS || operation == FILTER_STRING_NOT_CONTAINS;

    return wants[form_of(operation)] | (on_arrays ? WANTS_ELEMENTS : 0u) |
           (is_part ? WANTS_LETTERS : 0u);
}

/* --- values --- */

/* One block: the values, then their texts. */
static union check_value *make_texts(const struct filter_value *given, size_t count, bool is_folded)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += FOLDED_MAX(given[i].text.length);
    }
    union check_value *values = memory_allocate(count * sizeof(*values) + bytes);
    uint8_t *at = (uint8_t *)(values + count);
    for (size_t i = 0; i < count; i++) {
        size_t length = given[i].text.length;
        if (is_folded) {
            length = fold_text(at, given[i].text);
        } else if (length > 0) {
            memcpy(at, given[i].text.data, length);
        }
        values[i].text = slice_make(at, length);
        values[i].letters = letters_of(values[i].text);
        at += length;
    }
    return values;
}

static union check_value *make_patterns(const struct filter_value *given, size_t count)
{
    union check_value *values = memory_allocate(count * sizeof(*values));
    struct buffer folded = {0};

    for (size_t i = 0; i < count; i++) {
        folded.length = 0;
        fold_append(&folded, given[i].text);
        values[i].pattern = pattern_new(buffer_slice(&folded));
    }
    buffer_release(&folded);
    return values;
}

static union check_value *make_numbers(const struct filter_value *given, size_t count,
                                       bool are_bool)
{
    union check_value *values = memory_allocate(count * sizeof(*values));

    for (size_t i = 0; i < count; i++) {
        if (are_bool) {
            values[i].truth = given[i].low != 0;
        } else {
            values[i].low = given[i].low;
            values[i].high = given[i].high;
        }
    }
    return values;
}

static union check_value *make_values(const struct advanced_filter *filter)
{
    switch (form_of(filter->operation)) {
    case FORM_NUMBER:
        return make_numbers(filter->values, filter->value_count, false);
    case FORM_BOOL:
        return make_numbers(filter->values, filter->value_count, true);
    case FORM_TEXT:
        return make_texts(filter->values, filter->value_count, true);
    case FORM_PATTERN:
        return make_patterns(filter->values, filter->value_count);
    case FORM_NONE:
        break;
    }
    return NULL;
}

static void sort_values(struct check *check)
{
    switch (check->operation) {
    case FILTER_NUMBER_IN:
    case FILTER_NUMBER_NOT_IN:
        qsort(check->values, check->count, sizeof(*check->values), check_number_order);
        break;
    case FILTER_STRING_IN:
    case FILTER_STRING_NOT_IN:
        qsort(check->values, check->count, sizeof(*check->values), check_text_order);
        break;
    default:
        break;
    }
}

/* --- checks --- */

/* Room for so many checks in a row; returns the number of the first. */
static uint32_t reserve(struct filter_program *program, size_t count)
{
    uint32_t first = program->check_count;

    program->check_count += (uint32_t)count;
    if (program->check_count > program->check_capacity) {
        program->check_capacity = program->check_count * 2;
        program->checks =
            memory_resize(program->checks, program->check_capacity * sizeof(*program->checks));
    }
    return first;
}

static void add_advanced(struct filter_program *program, uint32_t first,
                         const struct advanced_filter *filters, size_t count, bool on_arrays)
{
    for (size_t i = 0; i < count; i++) {
        const struct advanced_filter *filter = &filters[i];
        struct check check = {.operation = (uint8_t)filter->operation,
                              .on_arrays = on_arrays,
                              .slot = SLOT_NEVER,
                              .count = (uint32_t)filter->value_count,
                              .source = filter};
        if (check.operation == FILTER_ANY) {
            check.count = (uint32_t)filter->alternative_count;
            check.first = reserve(program, check.count);
            add_advanced(program, check.first, filter->alternatives, check.count, on_arrays);
        } else {
            check.slot = event_values_slot(&program->values, filter->key,
                                           wants_of(filter->operation, on_arrays));
            check.values = make_values(filter);
            sort_values(&check);
        }
        program->checks[first + i] = check;
    }
}

static void add_simple(struct filter_program *program, enum filter_operator operation,
                       uint32_t slot, const struct slice *texts, size_t count)
{
    struct filter_value *given = memory_allocate_zero((count + 1) * sizeof(*given));
    struct check check = {.operation = (uint8_t)operation, .slot = slot, .count = (uint32_t)count};

    for (size_t i = 0; i < count; i++) {
        given[i].text = texts[i];
    }
    check.values = make_texts(given, count, slot != SLOT_SUBJECT_EXACT);
    sort_values(&check);
    free(given);
    uint32_t place = reserve(program, 1);
    program->checks[place] = check;
}

/* ["All"] is all of them (3.3). */
static bool takes_all_types(const struct event_filter *filter)
{
    for (size_t i = 0; i < filter->included_type_count; i++) {
        if (equal_ignoring_case(filter->included_types[i], SLICE_LITERAL("All"))) {
            return true;
        }
    }
    return !filter->included_types;
}

struct check_range filter_program_add(struct filter_program *program,
                                      const struct event_filter *filter)
{
    uint32_t first = program->check_count,
             subject = filter->is_subject_case_sensitive ? SLOT_SUBJECT_EXACT : SLOT_SUBJECT;

    if (!takes_all_types(filter)) {
        add_simple(program, FILTER_STRING_IN, SLOT_TYPE, filter->included_types,
                   filter->included_type_count);
    }
    if (filter->subject_begins_with.length > 0) {
        add_simple(program, FILTER_STRING_BEGINS_WITH, subject, &filter->subject_begins_with, 1);
    }
    if (filter->subject_ends_with.length > 0) {
        add_simple(program, FILTER_STRING_ENDS_WITH, subject, &filter->subject_ends_with, 1);
    }
    uint32_t advanced = reserve(program, filter->advanced_count);
    struct check_range range = {first, program->check_count - first};
    add_advanced(program, advanced, filter->advanced, filter->advanced_count, filter->on_arrays);
    return range;
}

void filter_program_init(struct filter_program *program)
{
    *program = (struct filter_program){0};
    event_values_init(&program->values);
}

static void check_release(struct check *check)
{
    if (form_of((enum filter_operator)check->operation) == FORM_PATTERN) {
        for (uint32_t i = 0; i < check->count; i++) {
            pattern_free(check->values[i].pattern);
        }
    }
    free(check->values);
}

void filter_program_release(struct filter_program *program)
{
    for (uint32_t i = 0; i < program->check_count; i++) {
        check_release(&program->checks[i]);
    }
    free(program->checks);
    event_values_release(&program->values);
}
