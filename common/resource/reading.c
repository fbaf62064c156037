/* JSON by tables, see reading.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "resource/reading.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/nearest.h"

/* --- where it is --- */

size_t reading_enter(struct reading *reading, struct slice name)
{
    size_t before = reading->path_length, room = sizeof(reading->path) - before;
    int wanted =
        snprintf(reading->path + before, room, "%s%.*s", before > 0 ? "." : "", SLICE_PRINT(name));

    reading->path_length = before + strnlen(reading->path + before, room);
    return wanted < 0 ? reading->path_length : before;
}

size_t reading_enter_index(struct reading *reading, size_t index)
{
    uint8_t digits[DECIMAL_MAX];

    return reading_enter(reading, slice_make(digits, decimal_write(digits, index)));
}

void reading_leave(struct reading *reading, size_t before)
{
    reading->path_length = before;
    reading->path[before] = '\0';
}

static void append_line(struct reading *reading, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void append_line(struct reading *reading, const char *format, va_list arguments)
{
    char *text;

    if (++reading->mistakes > MISTAKES_MAX || vasprintf(&text, format, arguments) < 0) {
        return;
    }
    buffer_append_format(reading->error, "%s: %s\n",
                         reading->path_length > 0 ? reading->path : "properties", text);
    free(text);
}

void reading_mistake(struct reading *reading, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    append_line(reading, format, arguments);
    va_end(arguments);
}

void reading_mistake_at(struct reading *reading, const char *name, const char *format, ...)
{
    size_t before = reading_enter(reading, slice_from_string(name));
    va_list arguments;

    va_start(arguments, format);
    append_line(reading, format, arguments);
    va_end(arguments);
    reading_leave(reading, before);
}

/* --- values --- */

/* What was given, short enough for a line: texts as the JSON they are, so without line ends. */
#define SHOWN(value)                                                                               \
    (int)((value)->text.length < 80 ? (value)->text.length : 80), (const char *)(value)->text.data

bool reading_text(struct reading *reading, const struct json_value *value, struct slice *out)
{
    struct buffer decoded = {0};

    if (value->type != JSON_STRING) {
        reading_mistake(reading, "is a text in quotes, not %.*s", SHOWN(value));
        return false;
    }
    *out = json_string_value(value, &decoded);
    if (decoded.length > 0) {
        *out = arena_copy(reading->arena, *out);
    }
    buffer_release(&decoded);
    return true;
}

bool reading_bool(struct reading *reading, const struct json_value *value, bool *out)
{
    if (value->type != JSON_TRUE && value->type != JSON_FALSE) {
        reading_mistake(reading, "is true or false, not %.*s", SHOWN(value));
        return false;
    }
    *out = value->type == JSON_TRUE;
    return true;
}

bool reading_number(struct reading *reading, const struct json_value *value, uint32_t least,
                    uint32_t most, uint32_t *out)
{
    uint64_t number;

    if (!json_to_u64(value, &number) || number < least || number > most) {
        reading_mistake(reading, "is a whole number from %u to %u, not %.*s", least, most,
                        SHOWN(value));
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

bool reading_double(struct reading *reading, const struct json_value *value, double *out)
{
    char *text;

    if (value->type != JSON_NUMBER) {
        reading_mistake(reading, "is a number, not %.*s", SHOWN(value));
        return false;
    }
    text = memory_copy_string(value->text);
    *out = strtod(text, NULL);
    free(text);
    if (!isfinite(*out)) {
        reading_mistake(reading, "is too large a number");
        return false;
    }
    return true;
}

size_t reading_count(struct reading *reading, const struct json_value *array)
{
    struct json_value element;
    size_t count = 0;

    if (array->type != JSON_ARRAY) {
        reading_mistake(reading, "is an array in [ ], not %.*s", SHOWN(array));
        return 0;
    }
    for (struct json_walk walk = json_elements(array); json_next_element(&walk, &element);) {
        count++;
    }
    return count;
}

void reading_elements(struct reading *reading, const struct json_value *array, size_t size,
                      property_reader *read, void *into)
{
    struct json_walk walk = json_elements(array);
    struct json_value element;

    for (size_t i = 0; array->type == JSON_ARRAY && json_next_element(&walk, &element); i++) {
        size_t before = reading_enter_index(reading, i);
        read(reading, &element, (char *)into + i * size);
        reading_leave(reading, before);
    }
}

void *reading_array(struct reading *reading, const struct json_value *array,
                    const struct array_kind *kind, size_t *count)
{
    size_t given = reading_count(reading, array);
    void *elements;

    *count = 0;
    if (given > kind->most) {
        reading_mistake(reading, "has at most %zu %s, not %zu", kind->most, kind->what, given);
        return NULL;
    }
    *count = given;
    elements = arena_allocate(reading->arena, given * kind->size);
    reading_elements(reading, array, kind->size, kind->read, elements);
    return elements;
}

static void read_entry(struct reading *reading, const struct json_value *value, void *into)
{
    struct slice *text = into;

    if (reading_text(reading, value, text) && text->length == 0) {
        reading_mistake(reading, "is empty; leave it out");
    }
}

const struct slice *reading_texts(struct reading *reading, const struct json_value *array,
                                  size_t *count)
{
    struct slice *texts;

    *count = reading_count(reading, array);
    texts = arena_allocate(reading->arena, *count * sizeof(*texts));
    reading_elements(reading, array, sizeof(*texts), read_entry, texts);
    return texts;
}

/* --- documents --- */

struct json_value reading_unwrap(const struct json_value *value)
{
    struct json_walk walk = json_members(value);
    struct json_value member;
    struct slice key;

    while (value->type == JSON_OBJECT && json_next_member(&walk, &key, &member)) {
        if (json_string_equal(key, "properties")) {
            return member;
        }
    }
    return *value;
}

bool reading_keep_json(struct reading *reading, struct slice json, size_t most, struct buffer *own,
                       struct json_value *value)
{
    if (json.length > most) {
        reading_mistake(reading, "is JSON of at most %zu bytes, not %zu", most, json.length);
        return false;
    }
    if (!json_append_compact(own, json) || !json_parse(buffer_slice(own), value)) {
        reading_mistake(reading, "is no valid JSON");
        return false;
    }
    return true;
}

/* --- objects --- */

static void store_number(const struct property *property, uint64_t number, char *at)
{
    uint32_t small = (uint32_t)number;

    if (property->size == sizeof(number)) {
        memcpy(at, &number, sizeof(number));
    } else if (property->size == sizeof(small)) {
        memcpy(at, &small, sizeof(small));
    } else {
        *at = (char)number;
    }
}

static void read_text_property(struct reading *reading, const struct property *property,
                               const struct json_value *value, char *at)
{
    struct slice text;

    if (!reading_text(reading, value, &text)) {
        return;
    }
    if (text.length > property->most) {
        reading_mistake(reading, "has at most %u bytes, not %zu", property->most, text.length);
    }
    memcpy(at, &text, sizeof(text));
}

static void read_property(struct reading *reading, const struct property *property,
                          const struct json_value *value, void *into)
{
    char *at = (char *)into + property->offset;
    uint32_t number;

    switch (property->kind) {
    case PROPERTY_TEXT:
        read_text_property(reading, property, value, at);
        break;
    case PROPERTY_BOOL:
        reading_bool(reading, value, (bool *)at);
        break;
    case PROPERTY_NUMBER:
        if (reading_number(reading, value, property->least, property->most, &number)) {
            store_number(property, (uint64_t)number * property->scale, at);
        }
        break;
    case PROPERTY_VALUE:
        memcpy(at, value, sizeof(*value));
        break;
    case PROPERTY_OWN:
        property->read(reading, value, into);
        break;
    case PROPERTY_SHOWN:
        break;
    }
}

static void report_unknown(struct reading *reading, const struct property_table *table)
{
    const char *name = strrchr(reading->path, '.');
    struct nearest nearest = nearest_to(name ? name + 1 : reading->path);
    struct buffer known = {0};

    for (size_t i = 0; i < table->count; i++) {
        nearest_offer(&nearest, table->rows[i].name);
        buffer_append_format(&known, "%s%s", i > 0 ? ", " : "", table->rows[i].name);
    }
    if (nearest_found(&nearest)) {
        reading_mistake(reading, "there is no such property; write %s instead", nearest.name);
    } else {
        reading_mistake(reading, "there is no such property; there are %.*s", SLICE_PRINT(known));
    }
    buffer_release(&known);
}

static size_t find_property(const struct property_table *table, struct slice key)
{
    size_t i = 0;

    while (i < table->count && !json_string_equal(key, table->rows[i].name)) {
        i++;
    }
    return i;
}

void reading_object(struct reading *reading, const struct json_value *object,
                    const struct property_table *table, void *into)
{
    struct json_walk walk = json_members(object);
    struct json_value value;
    struct slice key;
    uint64_t seen = 0; /* a bit for each row */

    if (object->type != JSON_OBJECT) {
        reading_mistake(reading, "is an object in { }, not %.*s", SHOWN(object));
        return;
    }
    while (json_next_member(&walk, &key, &value)) {
        size_t before = reading_enter(reading, key);
        size_t row = find_property(table, key);
        if (row == table->count) {
            report_unknown(reading, table);
        } else if (seen >> row & 1) {
            reading_mistake(reading, "stands there twice; take one of them away");
        } else {
            seen |= UINT64_C(1) << row;
            if (value.type != JSON_NULL) {
                read_property(reading, &table->rows[row], &value, into);
            }
        }
        reading_leave(reading, before);
    }
}
