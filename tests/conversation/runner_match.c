/* Comparing by field names only, so that this file needs no MQTT (see runner_match.h).
 *
 * Names that may repeat (`user`, `SubscriptionIdentifier`) are compared as whole sequences: all
 * that the packet has, in the order of the packet for user properties (their order is part of the
 * contract), in any order for subscription identifiers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner_match.h"

#include <string.h>

static bool is_subscription_identifier(const char *name)
{
    return strcmp(name, "SubscriptionIdentifier") == 0;
}

static bool is_repeatable(const char *name)
{
    return strcmp(name, "user") == 0 || is_subscription_identifier(name);
}

static const struct field *find_nth(const struct field *fields, size_t count, const char *name,
                                    size_t n)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0 && n-- == 0) {
            return &fields[i];
        }
    }
    return NULL;
}

static size_t count_named(const struct field *fields, size_t count, const char *name)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += strcmp(fields[i].name, name) == 0;
    }
    return found;
}

/* A list of one number is written (and parsed) as a number. */
static bool list_equal(const struct value *want, const struct value *got)
{
    if (want->kind == VALUE_NUMBER) {
        return got->text.length == 1 && got->text.data[0] == want->low;
    }
    return want->kind == VALUE_LIST && slice_equal(want->text, got->text);
}

static bool value_equal(const struct value *want, const struct value *got,
                        const struct variables *variables)
{
    if (want->kind == VALUE_VARIABLE) {
        const struct value *set = variables_find(variables, want->text);

        return !set || value_equal(set, got, variables) != (want->low == 1);
    }
    switch (got->kind) {
    case VALUE_NUMBER:
        return want->kind == VALUE_NUMBER && got->low >= want->low && got->low <= want->high;
    case VALUE_TEXT:
        return want->kind == VALUE_TEXT && slice_equal(want->text, got->text);
    case VALUE_PAIR:
        return want->kind == VALUE_PAIR && slice_equal(want->text, got->text) &&
               slice_equal(want->second, got->second);
    case VALUE_LIST:
        return list_equal(want, got);
    case VALUE_NONE:
    case VALUE_VARIABLE:
        return false;
    }
    return false;
}

static bool has_subscription_identifier(const struct description *got, const struct value *want,
                                        const struct variables *variables)
{
    for (size_t i = 0; i < got->count; i++) {
        if (is_subscription_identifier(got->fields[i].name) &&
            value_equal(want, &got->fields[i].value, variables)) {
            return true;
        }
    }
    return false;
}

/* `nth`: how many fields of the same name stand before this one in the line; it counts for names
 * that may repeat in a packet, else it is a further condition on the same field. */
static bool field_matches(const struct field *want, size_t nth, const struct description *got,
                          const struct variables *variables)
{
    const struct field *field;

    if (want->name[0] == '!') {
        return count_named(got->fields, got->count, want->name + 1) == 0;
    }
    if (strcmp(want->name, "size") == 0) {
        field = find_nth(got->fields, got->count, "payload", 0);
        return field && field->value.text.length == want->value.low;
    }
    if (strcmp(want->name, "only") == 0) {
        return true;
    }
    if (is_subscription_identifier(want->name)) {
        return has_subscription_identifier(got, &want->value, variables);
    }
    field = find_nth(got->fields, got->count, want->name, is_repeatable(want->name) ? nth : 0);
    return field && value_equal(&want->value, &field->value, variables);
}

static const char *match_named(const struct line *line, const struct description *got,
                               const struct variables *variables)
{
    for (size_t i = 0; i < line->field_count; i++) {
        const struct field *want = &line->fields[i];
        size_t nth = count_named(line->fields, i, want->name);

        if (!field_matches(want, nth, got, variables)) {
            return want->name;
        }
        if (is_repeatable(want->name) && count_named(line->fields, line->field_count, want->name) !=
                                             count_named(got->fields, got->count, want->name)) {
            return want->name;
        }
    }
    return NULL;
}

/* Behind `only`: a property of the packet that the line does not name. */
static const char *match_unnamed(const struct line *line, const struct description *got)
{
    if (count_named(line->fields, line->field_count, "only") == 0) {
        return NULL;
    }
    for (size_t i = 0; i < got->count; i++) {
        const char *name = got->fields[i].name;

        if (field_is_property(name) && count_named(line->fields, line->field_count, name) == 0) {
            return name;
        }
    }
    return NULL;
}

const char *match_fields(const struct line *line, const struct description *got,
                         const struct variables *variables)
{
    const char *differs = match_named(line, got, variables);

    return differs ? differs : match_unnamed(line, got);
}

const char *match_packet(const struct line *line, enum packet_type type,
                         const struct description *got, const struct variables *variables)
{
    return line->type == type ? match_fields(line, got, variables) : "packet type";
}

void match_capture(struct script *script, const struct line *line, const struct description *got,
                   struct variables *variables)
{
    for (size_t i = 0; i < line->field_count; i++) {
        const struct field *want = &line->fields[i];
        const struct field *field = find_nth(got->fields, got->count, want->name, 0);

        if (want->value.kind != VALUE_VARIABLE || want->value.low == 1 || !field ||
            variables->count == VARIABLES_MAX || variables_find(variables, want->value.text)) {
            continue;
        }
        struct value value = field->value;

        value.text = slice_make(script_copy(script, value.text), value.text.length);
        variables->list[variables->count++] = (struct variable){want->value.text, value};
    }
}

void variables_set_text(struct script *script, struct variables *variables, const char *name,
                        struct slice text)
{
    struct slice key = slice_from_string(name);
    struct value value = {.kind = VALUE_TEXT,
                          .text = slice_make(script_copy(script, text), text.length)};

    for (size_t i = 0; i < variables->count; i++) {
        if (slice_equal(variables->list[i].name, key)) {
            variables->list[i].value = value;
            return;
        }
    }
    if (variables->count < VARIABLES_MAX) {
        variables->list[variables->count++] = (struct variable){key, value};
    }
}
