/* A strict JSON reader (RFC 8259) that hands out slices of its input, and what is needed to write
 * JSON that every parser accepts.
 *
 * The reader neither copies nor changes a value: numbers, key order and escapes of what is passed
 * on stay as they came. Strict means: well-formed UTF-8, no duplicate handling of its own, nothing
 * after the value, no control characters in strings, at most JSON_DEPTH_MAX levels. Pure; allocates
 * nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_JSON_JSON_H
#define PUBGRID_JSON_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum { JSON_DEPTH_MAX = 256 };

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* A value that was found valid as a whole; `text` is exactly its bytes, quotes or brackets
 * included, without white space around it. */
struct json_value {
    enum json_type type;
    struct slice text;
};

/* Is `text` exactly one valid value (white space around it allowed)? Then *out is it. */
bool json_parse(struct slice text, struct json_value *out);
/* The same for a value that is to be put into an object or array, which takes one level. */
bool json_parse_inner(struct slice text, struct json_value *out);

/* Walks the members of an object, or the elements of an array, that json_parse() found valid. Start
 * with json_members(value) / json_elements(value). False at the end. `key` is the raw text between
 * the quotes: compare with json_string_equal(), decode with json_append_string_value(). */
struct json_walk {
    struct slice rest;
    unsigned levels_max; /* that a value in it may have; whoever begins a walk over an unchecked
                          * text may set it lower, if what it reads is to be put into more levels */
};
struct json_walk json_members(const struct json_value *object);
struct json_walk json_elements(const struct json_value *array);
bool json_next_member(struct json_walk *walk, struct slice *key, struct json_value *value);
bool json_next_element(struct json_walk *walk, struct json_value *value);

/* The member of that name; the last one, should there be several. False, and *out JSON_NULL: there
 * is none, or `object` is no object. */
bool json_find_member(const struct json_value *object, const char *name, struct json_value *out);

/* The same for a text that nobody has checked yet, in one pass: checks what it walks over. When it
 * has ended, json_walk_is_complete() says whether the whole text was one valid object or array; do
 * nothing with what was handed out before that is known. `type`: JSON_OBJECT or JSON_ARRAY. */
struct json_walk json_walk_text(struct slice text, enum json_type type);
bool json_walk_is_complete(const struct json_walk *walk);
/* An array of objects in that one pass: json_enter_object() begins a walk over the members of the
 * next element, and is false if there is none, or it is no object; then json_walk_is_complete()
 * tells. When that walk is at its end, json_leave_object() goes on behind the element: false if it
 * did not end well, and nothing is left of both walks. */
bool json_enter_object(struct json_walk *array, struct json_walk *object);
bool json_leave_object(struct json_walk *array, const struct json_walk *object,
                       struct json_value *whole);

/* The members of an object in two steps, so that nested ones are read in that pass, too: the name;
 * then json_take_value(), or, if json_enter_member() finds an object, all of its members and
 * json_leave_member(). */
bool json_next_name(struct json_walk *walk, struct slice *key);
bool json_take_value(struct json_walk *walk, struct json_value *value);
bool json_enter_member(const struct json_walk *walk, struct json_walk *object);
bool json_leave_member(struct json_walk *walk, const struct json_walk *object,
                       struct json_value *whole);

/* Does the raw text of a string (between its quotes), unescaped, equal `plain`? */
bool json_string_equal(struct slice raw, const char *plain);
bool json_string_says(struct slice raw, struct slice plain); /* the same for a slice */
/* The raw text between the quotes of a JSON_STRING. */
struct slice json_string_raw(const struct json_value *string);
/* Appends the string's characters as UTF-8; lone surrogates become U+FFFD. */
void json_append_string_value(struct buffer *out, const struct json_value *string);
/* The same without copying if there is no escape in it: then a slice of the input, else of what was
 * appended to `scratch` (valid until `scratch` grows again: reserve first, or use it at once). */
struct slice json_string_value(const struct json_value *string, struct buffer *scratch);
/* Unsigned integer without sign, fraction or exponent that fits. */
bool json_to_u64(const struct json_value *number, uint64_t *out);
/* The double that is nearest to a JSON_NUMBER, whatever the locale; infinite if it is too large. */
double json_to_double(const struct json_value *number);

/* Appends the quoted string; bytes that are not UTF-8 become U+FFFD. */
void json_append_string(struct buffer *out, struct slice text);

/* Appends one JSON value without the white space around its tokens. False (and `out` as it was) if
 * `text` is not exactly one valid value. */
bool json_append_compact(struct buffer *out, struct slice text);

/* Appends compact, valid JSON with a line for each member of an object, indented with tabs. */
void json_append_indented(struct buffer *out, struct slice compact);

#endif
