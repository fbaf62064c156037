/* How checks are carried out, see filter_check.h. The table of operators is that of
 * spec/eventgrid.md 3.4: what kind of value an operator looks at, whether no value may fit instead
 * of any, and what is said of an event that has nothing of that kind at the key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/filter_check.h"

#include <stdlib.h>

#include "eventgrid/check_order.h"
#include "eventgrid/pattern.h"

/* Does the event's value fit one of the check's? */
typedef bool fit(const struct check *check, const struct event_values *values,
                 const struct event_value *value);

/* --- numbers --- */

static bool fits_number(const struct check *check, const struct event_values *values,
                        const struct event_value *value)
{
    union check_value key = {.low = value->number};

    (void)values;
    return bsearch(&key, check->values, check->count, sizeof(key), check_number_order) != NULL;
}

static bool fits_range(const struct check *check, const struct event_values *values,
                       const struct event_value *value)
{
    (void)values;
    for (uint32_t i = 0; i < check->count; i++) {
        if (value->number >= check->values[i].low && value->number <= check->values[i].high) {
            return true;
        }
    }
    return false;
}

#define FITS_COMPARED(name, sign)                                                                  \
    static bool name(const struct check *check, const struct event_values *values,                 \
                     const struct event_value *value)                                              \
    {                                                                                              \
        (void)values;                                                                              \
        for (uint32_t i = 0; i < check->count; i++) {                                              \
            if (value->number sign check->values[i].low) {                                         \
                return true;                                                                       \
            }                                                                                      \
        }                                                                                          \
        return false;                                                                              \
    }

FITS_COMPARED(fits_less, <)
FITS_COMPARED(fits_greater, >)
FITS_COMPARED(fits_less_or_equal, <=)
FITS_COMPARED(fits_greater_or_equal, >=)

static bool fits_bool(const struct check *check, const struct event_values *values,
                      const struct event_value *value)
{
    (void)values;
    for (uint32_t i = 0; i < check->count; i++) {
        if (value->truth == check->values[i].truth) {
            return true;
        }
    }
    return false;
}

/* --- texts, folded --- */

static bool fits_text(const struct check *check, const struct event_values *values,
                      const struct event_value *value)
{
    union check_value key = {.text = event_value_text(values, value)};

    return bsearch(&key, check->values, check->count, sizeof(key), check_text_order) != NULL;
}

/* Most are told apart by one byte. */

static bool begins_with(struct slice text, struct slice begin)
{
    return begin.length == 0 || (text.length >= begin.length && text.data[0] == begin.data[0] &&
                                 memcmp(text.data, begin.data, begin.length) == 0);
}

static bool ends_with(struct slice text, struct slice end)
{
    return end.length == 0 ||
           (text.length >= end.length && text.data[text.length - 1] == end.data[end.length - 1] &&
            memcmp(text.data + text.length - end.length, end.data, end.length) == 0);
}

#define FITS_TEXT(name, compare)                                                                   \
    static bool name(const struct check *check, const struct event_values *values,                 \
                     const struct event_value *value)                                              \
    {                                                                                              \
        struct slice text = event_value_text(values, value);                                       \
                                                                                                   \
        for (uint32_t i = 0; i < check->count; i++) {                                              \
            if (compare(text, check->values[i].text)) {                                            \
                return true;                                                                       \
            }                                                                                      \
        }                                                                                          \
        return false;                                                                              \
    }

FITS_TEXT(fits_begin, begins_with)
FITS_TEXT(fits_end, ends_with)

static bool fits_part(const struct check *check, const struct event_values *values,
                      const struct event_value *value)
{
    struct slice text = event_value_text(values, value);

    for (uint32_t i = 0; i < check->count; i++) {
        const union check_value *part = &check->values[i];

        if ((part->letters & ~value->text.letters) == 0 && part->text.length <= text.length &&
            (part->text.length == 0 ||
             memmem(text.data, text.length, part->text.data, part->text.length) != NULL)) {
            return true;
        }
    }
    return false;
}

static bool fits_pattern(const struct check *check, const struct event_values *values,
                         const struct event_value *value)
{
    struct slice text = event_value_text(values, value);

    for (uint32_t i = 0; i < check->count; i++) {
        if (check->values[i].pattern && pattern_matches(check->values[i].pattern, text)) {
            return true;
        }
    }
    return false;
}

/* --- operators --- */

/* An operator that looks at no value of a certain kind. */
typedef bool hold(const struct filter_program *program, const struct check *check);

static bool holds_for_any(const struct filter_program *program, const struct check *check)
{
    for (uint32_t i = 0; i < check->count; i++) {
        if (check_holds(program, &program->checks[check->first + i])) {
            return true;
        }
    }
    return false;
}

static bool is_not_null(const struct filter_program *program, const struct check *check)
{
    const struct event_value *value = &program->values.slots[check->slot];

    return value->kind != VALUE_ABSENT && value->kind != VALUE_NULL &&
           (value->kind != VALUE_ARRAY || check->on_arrays);
}

static bool is_null(const struct filter_program *program, const struct check *check)
{
    return !is_not_null(program, check);
}

struct operator_row {
    fit *fits;
    enum value_kind kind;
    bool is_negative; /* none of the values may fit */
    bool if_missing;
    hold *holds; /* instead of all that */
};

static const struct operator_row operators[FILTER_OPERATORS] = {
    [FILTER_NUMBER_IN] = {fits_number, VALUE_NUMBER, false, false, NULL},
    [FILTER_NUMBER_NOT_IN] = {fits_number, VALUE_NUMBER, true, true, NULL},
    [FILTER_NUMBER_LESS_THAN] = {fits_less, VALUE_NUMBER, false, false, NULL},
    [FILTER_NUMBER_GREATER_THAN] = {fits_greater, VALUE_NUMBER, false, false, NULL},
    [FILTER_NUMBER_LESS_THAN_OR_EQUALS] = {fits_less_or_equal, VALUE_NUMBER, false, false, NULL},
    [FILTER_NUMBER_GREATER_THAN_OR_EQUALS] = {fits_greater_or_equal, VALUE_NUMBER, false, false,
                                              NULL},
    [FILTER_NUMBER_IN_RANGE] = {fits_range, VALUE_NUMBER, false, false, NULL},
    [FILTER_NUMBER_NOT_IN_RANGE] = {fits_range, VALUE_NUMBER, true, false, NULL},
    [FILTER_BOOL_EQUALS] = {fits_bool, VALUE_BOOL, false, false, NULL},
    [FILTER_STRING_IN] = {fits_text, VALUE_TEXT, false, false, NULL},
    [FILTER_STRING_NOT_IN] = {fits_text, VALUE_TEXT, true, true, NULL},
    [FILTER_STRING_BEGINS_WITH] = {fits_begin, VALUE_TEXT, false, false, NULL},
    [FILTER_STRING_ENDS_WITH] = {fits_end, VALUE_TEXT, false, false, NULL},
    [FILTER_STRING_CONTAINS] = {fits_part, VALUE_TEXT, false, false, NULL},
    [FILTER_STRING_NOT_BEGINS_WITH] = {fits_begin, VALUE_TEXT, true, false, NULL},
    [FILTER_STRING_NOT_ENDS_WITH] = {fits_end, VALUE_TEXT, true, false, NULL},
    [FILTER_STRING_NOT_CONTAINS] = {fits_part, VALUE_TEXT, true, false, NULL},
    [FILTER_IS_NULL_OR_UNDEFINED] = {.holds = is_null},
    [FILTER_IS_NOT_NULL] = {.holds = is_not_null},
    [FILTER_STRING_MATCHES] = {fits_pattern, VALUE_TEXT, false, false, NULL},
    [FILTER_STRING_NOT_MATCHES] = {fits_pattern, VALUE_TEXT, true, false, NULL},
    [FILTER_ANY] = {.holds = holds_for_any},
};

/* Elements of other kinds are passed over; if there are no others, nothing is at the key. */
static bool holds_for_elements(const struct event_values *values, const struct check *check,
                               const struct event_value *array)
{
    const struct operator_row *row = &operators[check->operation];
    const struct event_value *elements = event_value_elements(values, array);
    bool is_empty = true;

    for (uint32_t i = 0; i < array->array.count; i++) {
        if (elements[i].kind == row->kind) {
            is_empty = false;
            if (row->fits(check, values, &elements[i])) {
                return !row->is_negative;
            }
        }
    }
    return is_empty ? row->if_missing : row->is_negative;
}

bool check_holds(const struct filter_program *program, const struct check *check)
{
    const struct operator_row *row = &operators[check->operation];
    const struct event_value *value = &program->values.slots[check->slot];

    if (row->holds) {
        return row->holds(program, check);
    }
    if (value->kind == row->kind) {
        return row->fits(check, &program->values, value) != row->is_negative;
    }
    return value->kind == VALUE_ARRAY && check->on_arrays
               ? holds_for_elements(&program->values, check, value)
               : row->if_missing;
}
