/* Runs compiled filters, see filter_program.h. The machine lives on the C stack; texts that
 * functions make lie in its scratch memory, which is empty again after each condition, since
 * nothing but conditions can be waiting on the stack then.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/filter.h"

#include "access/characters.h"
#include "mqtt/utf8.h"
#include "rest/filter_program.h"

enum value_kind { VALUE_NULL, VALUE_INTEGER, VALUE_TEXT };

struct value {
    enum value_kind kind;
    union {
        int64_t integer; /* a condition is 0 or 1 */
        struct slice text;
    };
};

struct machine {
    const struct filter_subject *subject;
    const uint8_t *texts;
    const struct instruction *next;
    struct value *top; /* the last value */
    size_t scratch_used;
    struct value stack[FILTER_STACK_MAX + 1]; /* the first place stays empty */
    uint8_t scratch[FILTER_SCRATCH_MAX];
};

/* --- values --- */

static void set_integer(struct machine *machine, int64_t integer)
{
    machine->top->kind = VALUE_INTEGER;
    machine->top->integer = integer;
}

static void set_condition(struct machine *machine, bool condition)
{
    machine->scratch_used = 0;
    set_integer(machine, condition);
}

static void set_text(struct machine *machine, struct slice text)
{
    machine->top->kind = VALUE_TEXT;
    machine->top->text = text;
}

static void set_null(struct machine *machine)
{
    machine->top->kind = VALUE_NULL;
}

/* The two values on top become one, which is still the left one. Is neither of them null? */
static bool join(struct machine *machine)
{
    machine->top--;
    return machine->top[0].kind != VALUE_NULL && machine->top[1].kind != VALUE_NULL;
}

static bool equal(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind) {
        return false;
    }
    return a->kind == VALUE_TEXT ? slice_equal(a->text, b->text)
                                 : a->kind == VALUE_NULL || a->integer == b->integer;
}

static struct slice literal_text(const struct machine *machine,
                                 const struct instruction *instruction)
{
    return slice_make(machine->texts + instruction->text.offset, instruction->text.length);
}

static struct slice field(const struct machine *machine, const struct instruction *instruction)
{
    const struct filter_subject *subject = machine->subject;
    const struct slice *const fields[] = {
        [FIELD_USER] = &subject->user_id,
        [FIELD_CONNECTION] = &subject->connection_id,
        [FIELD_PROTOCOL] = &subject->protocol,
        [FIELD_NAME] = &subject->name,
    };
    return *fields[instruction->which];
}

/* --- steps: push --- */

typedef void take_step(struct machine *machine, const struct instruction *instruction);

static void push_null(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    machine->top++;
    set_null(machine);
}

static void push_integer(struct machine *machine, const struct instruction *instruction)
{
    machine->top++;
    set_integer(machine, instruction->integer);
}

static void push_text(struct machine *machine, const struct instruction *instruction)
{
    machine->top++;
    set_text(machine, literal_text(machine, instruction));
}

static void push_field(struct machine *machine, const struct instruction *instruction)
{
    struct slice text = field(machine, instruction);
    machine->top++;
    set_text(machine, text);
    if (!text.data && instruction->which == FIELD_USER) {
        set_null(machine);
    }
}

static void push_group_count(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    machine->top++;
    set_integer(machine, (int64_t)machine->subject->group_count);
}

static bool field_equals(const struct machine *machine, const struct instruction *instruction)
{
    struct slice text = field(machine, instruction);
    return slice_equal(text, literal_text(machine, instruction)) &&
           (text.data || instruction->which != FIELD_USER);
}

static void push_field_is(struct machine *machine, const struct instruction *instruction)
{
    machine->top++;
    set_condition(machine, field_equals(machine, instruction));
}

static void push_field_isnt(struct machine *machine, const struct instruction *instruction)
{
    machine->top++;
    set_condition(machine, !field_equals(machine, instruction));
}

/* --- steps: conditions --- */

static void step_not(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    set_condition(machine, !machine->top->integer);
}

static void step_equal(struct machine *machine, const struct instruction *instruction)
{
    bool is_wanted = instruction->step == STEP_EQUAL;
    machine->top--;
    set_condition(machine, equal(machine->top, machine->top + 1) == is_wanted);
}

static bool is_in_order(uint8_t step, int64_t left, int64_t right)
{
    const bool results[] = {
        [STEP_GREATER] = left > right,
        [STEP_GREATER_EQUAL] = left >= right,
        [STEP_LESS] = left < right,
        [STEP_LESS_EQUAL] = left <= right,
    };
    return results[step];
}

static void step_order(struct machine *machine, const struct instruction *instruction)
{
    set_condition(machine, join(machine) && is_in_order(instruction->step, machine->top[0].integer,
                                                        machine->top[1].integer));
}

static void step_in_groups(struct machine *machine, const struct instruction *instruction)
{
    const struct filter_subject *subject = machine->subject;
    bool found = false;
    (void)instruction;
    if (machine->top->kind == VALUE_TEXT) {
        for (size_t i = 0; i < subject->group_count && !found; i++) {
            found = slice_equal(subject->groups[i], machine->top->text);
        }
    }
    set_condition(machine, found);
}

static struct value literal_value(const struct machine *machine,
                                  const struct instruction *instruction)
{
    if (instruction->step == STEP_TEXT) {
        return (struct value){.kind = VALUE_TEXT, .text = literal_text(machine, instruction)};
    }
    return (struct value){.kind = instruction->step == STEP_NULL ? VALUE_NULL : VALUE_INTEGER,
                          .integer = instruction->integer};
}

static void step_in_list(struct machine *machine, const struct instruction *instruction)
{
    bool found = false;
    for (uint32_t i = 0; i < instruction->count && !found; i++) {
        struct value member = literal_value(machine, &machine->next[i]);
        found = equal(machine->top, &member);
    }
    machine->next += instruction->count;
    set_condition(machine, found);
}

static void step_starts_with(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    set_condition(machine,
                  join(machine) && slice_starts_with(machine->top[0].text, machine->top[1].text));
}

static void step_ends_with(struct machine *machine, const struct instruction *instruction)
{
    bool result = join(machine);
    struct slice text = machine->top[0].text, end = machine->top[1].text;
    (void)instruction;
    set_condition(machine, result && text.length >= end.length &&
                               slice_equal(slice_from(text, text.length - end.length), end));
}

/* Where `part` begins in `text`; -1: nowhere. */
static int64_t find(struct slice text, struct slice part)
{
    if (part.length == 0) {
        return 0;
    }
    const uint8_t *at =
        text.length < part.length ? NULL : memmem(text.data, text.length, part.data, part.length);
    return at ? at - text.data : -1;
}

static void step_contains(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    set_condition(machine, join(machine) && find(machine->top[0].text, machine->top[1].text) >= 0);
}

/* --- steps: texts and numbers --- */

static void step_index_of(struct machine *machine, const struct instruction *instruction)
{
    int64_t at = join(machine) ? find(machine->top[0].text, machine->top[1].text) : -1;
    (void)instruction;
    set_integer(machine,
                at <= 0 ? at
                        : (int64_t)utf8_count(slice_make(machine->top[0].text.data, (size_t)at)));
}

static void step_length(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    if (machine->top->kind == VALUE_TEXT) {
        set_integer(machine, (int64_t)utf8_count(machine->top->text));
    }
}

/* Room for a text of this length in the scratch memory; NULL: there is not enough. */
static uint8_t *make_text(struct machine *machine, size_t length)
{
    if (length > FILTER_SCRATCH_MAX - machine->scratch_used) {
        return NULL;
    }
    uint8_t *text = machine->scratch + machine->scratch_used;
    machine->scratch_used += length;
    return text;
}

static uint8_t ascii_upper(uint8_t c)
{
    return c >= 'a' && c <= 'z' ? (uint8_t)(c & ~0x20) : c;
}

static void map_letters(struct machine *machine, uint8_t (*map)(uint8_t))
{
    struct slice text = machine->top->text;
    if (machine->top->kind != VALUE_TEXT) {
        return;
    }
    uint8_t *copy = make_text(machine, text.length);
    if (!copy) {
        set_null(machine);
        return;
    }
    for (size_t i = 0; i < text.length; i++) {
        copy[i] = map(text.data[i]);
    }
    set_text(machine, slice_make(copy, text.length));
}

static void step_lower(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    map_letters(machine, ascii_lower);
}

static void step_upper(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    map_letters(machine, ascii_upper);
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void step_trim(struct machine *machine, const struct instruction *instruction)
{
    struct slice text = machine->top->text;
    (void)instruction;
    if (machine->top->kind != VALUE_TEXT) {
        return;
    }
    while (text.length > 0 && is_blank(text.data[0])) {
        text = slice_from(text, 1);
    }
    while (text.length > 0 && is_blank(text.data[text.length - 1])) {
        text.length--;
    }
    set_text(machine, text);
}

static void step_concat(struct machine *machine, const struct instruction *instruction)
{
    bool has_both = join(machine);
    struct slice left = machine->top[0].text, right = machine->top[1].text;
    uint8_t *text = has_both ? make_text(machine, left.length + right.length) : NULL;
    (void)instruction;
    if (!text) {
        set_null(machine);
        return;
    }
    if (left.length > 0) {
        memcpy(text, left.data, left.length);
    }
    if (right.length > 0) {
        memcpy(text + left.length, right.data, right.length);
    }
    set_text(machine, slice_make(text, left.length + right.length));
}

/* The bytes that the first `count` characters have. */
static size_t bytes_of(struct slice text, int64_t count)
{
    size_t length = 0;
    for (; count > 0 && length < text.length; count--) {
        do {
            length++;
        } while (length < text.length && (text.data[length] & 0xC0) == 0x80);
    }
    return length;
}

static void step_rest(struct machine *machine, const struct instruction *instruction)
{
    (void)instruction;
    if (!join(machine)) {
        set_null(machine);
        return;
    }
    struct slice text = machine->top[0].text;
    set_text(machine, slice_from(text, bytes_of(text, machine->top[1].integer)));
}

static void step_substring(struct machine *machine, const struct instruction *instruction)
{
    struct value count = *machine->top--;
    step_rest(machine, instruction);
    if (count.kind == VALUE_NULL || machine->top->kind == VALUE_NULL) {
        set_null(machine);
        return;
    }
    struct slice text = machine->top->text;
    set_text(machine, slice_make(text.data, bytes_of(text, count.integer)));
}

/* --- steps: and, or --- */

static void step_and(struct machine *machine, const struct instruction *instruction)
{
    if (machine->top->integer) {
        machine->top--;
    } else {
        machine->next += instruction->count;
    }
}

static void step_or(struct machine *machine, const struct instruction *instruction)
{
    if (machine->top->integer) {
        machine->next += instruction->count;
    } else {
        machine->top--;
    }
}

static take_step *const steps[FILTER_STEPS] = {
    [STEP_NULL] = push_null,
    [STEP_BOOL] = push_integer,
    [STEP_INTEGER] = push_integer,
    [STEP_TEXT] = push_text,
    [STEP_FIELD] = push_field,
    [STEP_GROUP_COUNT] = push_group_count,
    [STEP_FIELD_IS] = push_field_is,
    [STEP_FIELD_ISNT] = push_field_isnt,
    [STEP_NOT] = step_not,
    [STEP_LOWER] = step_lower,
    [STEP_UPPER] = step_upper,
    [STEP_TRIM] = step_trim,
    [STEP_LENGTH] = step_length,
    [STEP_IN_GROUPS] = step_in_groups,
    [STEP_IN_LIST] = step_in_list,
    [STEP_EQUAL] = step_equal,
    [STEP_NOT_EQUAL] = step_equal,
    [STEP_GREATER] = step_order,
    [STEP_GREATER_EQUAL] = step_order,
    [STEP_LESS] = step_order,
    [STEP_LESS_EQUAL] = step_order,
    [STEP_STARTS_WITH] = step_starts_with,
    [STEP_ENDS_WITH] = step_ends_with,
    [STEP_CONTAINS] = step_contains,
    [STEP_INDEX_OF] = step_index_of,
    [STEP_CONCAT] = step_concat,
    [STEP_REST] = step_rest,
    [STEP_SUBSTRING] = step_substring,
    [STEP_AND] = step_and,
    [STEP_OR] = step_or,
};

bool filter_matches(const struct filter *filter, const struct filter_subject *subject)
{
    struct machine machine; /* its memory is not set: each value is written before it is read */
    machine.subject = subject;
    machine.texts = filter->texts;
    machine.next = filter->instructions;
    machine.top = machine.stack;
    machine.stack[0] = (struct value){.kind = VALUE_NULL};
    machine.scratch_used = 0;
    while (machine.next->step != STEP_END) {
        const struct instruction *instruction = machine.next++;
        steps[instruction->step](&machine, instruction);
    }
    return machine.top->integer != 0;
}
