/* The JSON reader: one pass over the text, token by token; what is open is remembered in an array
 * of closing brackets, so nesting costs no stack.
 *
 * A walk checks what it passes. So a text that nobody has checked yet is walked and found valid in
 * the same pass (json_walk_text, json_walk_is_complete): that is how the bridge reads a frame.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "json/json.h"

#include <string.h>

#include "mqtt/utf8.h"
#include "json/scan.h"

enum { INNER_LEVELS_MAX = JSON_DEPTH_MAX - 1 }; /* of a value in an object or array */

/* What a byte can be. */
enum { SPACE = 1, DIGIT = 2, HEX = 4, ESCAPED = 8 };

static const uint8_t classes[256] = {
    [' '] = SPACE,
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\r'] = SPACE,
    ['0' ... '9'] = DIGIT | HEX,
    ['A' ... 'F'] = HEX,
    ['a'] = HEX,
    ['b'] = HEX | ESCAPED,
    ['c' ... 'e'] = HEX,
    ['f'] = HEX | ESCAPED,
    ['n'] = ESCAPED,
    ['r'] = ESCAPED,
    ['t'] = ESCAPED,
    ['"'] = ESCAPED,
    ['\\'] = ESCAPED,
    ['/'] = ESCAPED,
};

struct cursor {
    const uint8_t *at, *end;
};

static struct cursor cursor_make(struct slice text)
{
    return (struct cursor){text.data, slice_from(text, text.length).data};
}

static struct slice cursor_rest(const struct cursor *c)
{
    return slice_make(c->at, (size_t)(c->end - c->at));
}

static bool is(const struct cursor *c, uint8_t wanted)
{
    return c->at < c->end && (classes[*c->at] & wanted) != 0;
}

/* The next byte; 0, which no token begins with, at the end. */
static uint8_t peek(const struct cursor *c)
{
    return c->at < c->end ? *c->at : 0;
}

static bool take(struct cursor *c, uint8_t expected)
{
    if (peek(c) != expected || c->at == c->end) {
        return false;
    }
    c->at++;
    return true;
}

static void skip_space(struct cursor *c)
{
    while (is(c, SPACE)) {
        c->at++;
    }
}

/* Bytes of the escape that `at` begins with; 0 if it is none. */
static size_t escape_length(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 2) {
        return 0;
    }
    if (at[1] != 'u') {
        return (classes[at[1]] & ESCAPED) != 0 ? 2 : 0;
    }
    if (end - at < 6) {
        return 0;
    }
    return (classes[at[2]] & classes[at[3]] & classes[at[4]] & classes[at[5]] & HEX) != 0 ? 6 : 0;
}

static bool read_string(struct cursor *c)
{
    if (!take(c, '"')) {
        return false;
    }
    for (;;) {
        size_t length;

        c->at = scan_plain(c->at, c->end);
        if (take(c, '"')) {
            return true;
        }
        if (c->at == c->end || *c->at < 0x20) {
            return false;
        }
        length =
            *c->at == '\\' ? escape_length(c->at, c->end) : utf8_character_length(cursor_rest(c));
        if (length == 0) {
            return false;
        }
        c->at += length;
    }
}

static bool read_digits(struct cursor *c)
{
    if (!is(c, DIGIT)) {
        return false;
    }
    while (is(c, DIGIT)) {
        c->at++;
    }
    return true;
}

static bool read_number(struct cursor *c)
{
    take(c, '-');
    if (!take(c, '0') && !read_digits(c)) {
        return false;
    }
    if (take(c, '.') && !read_digits(c)) {
        return false;
    }
    if (take(c, 'e') || take(c, 'E')) {
        if (!take(c, '+')) {
            take(c, '-');
        }
        return read_digits(c);
    }
    return true;
}

static bool read_word(struct cursor *c, struct slice word)
{
    if (!slice_starts_with(cursor_rest(c), word)) {
        return false;
    }
    c->at += word.length;
    return true;
}

/* A value that is neither object nor array. */
static bool read_scalar(struct cursor *c)
{
    switch (peek(c)) {
    case '"':
        return read_string(c);
    case 't':
        return read_word(c, SLICE_LITERAL("true"));
    case 'f':
        return read_word(c, SLICE_LITERAL("false"));
    case 'n':
        return read_word(c, SLICE_LITERAL("null"));
    default:
        return read_number(c);
    }
}

/* A member's name, the colon and the white space around them. */
static bool read_key(struct cursor *c)
{
    skip_space(c);
    if (!read_string(c)) {
        return false;
    }
    skip_space(c);
    return take(c, ':');
}

/* What is open: the bracket that closes each level. */
struct nesting {
    unsigned depth, depth_max;
    uint8_t closing[JSON_DEPTH_MAX];
};

/* The opening bracket and, in an object, the first name; what is empty is closed again at once:
 * *is_whole. */
static bool read_opening(struct cursor *c, struct nesting *nesting, bool *is_whole)
{
    uint8_t closing = *c->at == '{' ? '}' : ']';

    if (nesting->depth == nesting->depth_max) {
        return false;
    }
    c->at++;
    skip_space(c);
    *is_whole = take(c, closing);
    if (*is_whole) {
        return true;
    }
    nesting->closing[nesting->depth++] = closing;
    return closing == ']' || read_key(c);
}

/* What follows a value inside of brackets: closing ones, or a comma (and a name) before the next
 * value: then *another. */
static bool read_after_value(struct cursor *c, struct nesting *nesting, bool *another)
{
    *another = false;
    while (nesting->depth > 0) {
        uint8_t closing = nesting->closing[nesting->depth - 1];

        skip_space(c);
        if (take(c, ',')) {
            *another = true;
            return closing == ']' || read_key(c);
        }
        if (!take(c, closing)) {
            return false;
        }
        nesting->depth--;
    }
    return true;
}

/* One value; the cursor ends right behind it. */
static bool read_value(struct cursor *c, unsigned depth_max)
{
    struct nesting nesting;
    bool another = true;

    nesting.depth = 0;
    nesting.depth_max = depth_max;
    while (another) {
        bool is_whole = true;

        skip_space(c);
        if (peek(c) == '{' || peek(c) == '[') {
            if (!read_opening(c, &nesting, &is_whole)) {
                return false;
            }
        } else if (!read_scalar(c)) {
            return false;
        }
        if (is_whole && !read_after_value(c, &nesting, &another)) {
            return false;
        }
    }
    return true;
}

static enum json_type type_of(uint8_t first)
{
    switch (first) {
    case 'n':
        return JSON_NULL;
    case 'f':
        return JSON_FALSE;
    case 't':
        return JSON_TRUE;
    case '"':
        return JSON_STRING;
    case '[':
        return JSON_ARRAY;
    case '{':
        return JSON_OBJECT;
    default:
        return JSON_NUMBER;
    }
}

/* The value that the cursor stands before, and the white space on both sides. */
static bool hand_out_value(struct cursor *c, unsigned depth_max, struct json_value *out)
{
    const uint8_t *start;

    skip_space(c);
    start = c->at;
    if (peek(c) == '"' ? !read_string(c) : !read_value(c, depth_max)) {
        return false;
    }
    out->type = type_of(*start);
    out->text = slice_make(start, (size_t)(c->at - start));
    skip_space(c);
    return true;
}

bool json_parse(struct slice text, struct json_value *out)
{
    struct cursor c = cursor_make(text);

    return hand_out_value(&c, JSON_DEPTH_MAX, out) && c.at == c.end;
}

bool json_parse_inner(struct slice text, struct json_value *out)
{
    struct cursor c = cursor_make(text);

    return hand_out_value(&c, INNER_LEVELS_MAX, out) && c.at == c.end;
}

/* A walk stands on what comes before the next item (the opening bracket or a comma) or on the
 * closing bracket; nothing is left of it when the text turned out to be malformed. */

struct json_walk json_members(const struct json_value *object)
{
    return (struct json_walk){object->text, INNER_LEVELS_MAX};
}

struct json_walk json_elements(const struct json_value *array)
{
    return (struct json_walk){array->text, INNER_LEVELS_MAX};
}

struct json_walk json_walk_text(struct slice text, enum json_type type)
{
    struct cursor c = cursor_make(text);

    skip_space(&c);
    if (peek(&c) != (type == JSON_OBJECT ? '{' : '[')) {
        return (struct json_walk){SLICE_EMPTY, 0};
    }
    return (struct json_walk){cursor_rest(&c), INNER_LEVELS_MAX};
}

bool json_walk_is_complete(const struct json_walk *walk)
{
    struct cursor c = cursor_make(walk->rest);

    if (!take(&c, '}') && !take(&c, ']')) {
        return false;
    }
    skip_space(&c);
    return c.at == c.end;
}

/* Steps over the bracket or the comma. False at the end: *walk then stands on the closing bracket,
 * or nothing is left of it. */
static bool enter_item(struct json_walk *walk, struct cursor *c, uint8_t opening)
{
    uint8_t closing = opening == '{' ? '}' : ']';

    if (take(c, opening)) {
        skip_space(c);
        if (peek(c) != closing) {
            return true;
        }
    } else if (take(c, ',')) {
        return true;
    }
    walk->rest = peek(c) == closing ? cursor_rest(c) : SLICE_EMPTY;
    return false;
}

/* Behind an item there must be a comma or the closing bracket: the walk stands on that. */
static bool leave_item(struct json_walk *walk, const struct cursor *c, uint8_t closing, bool good)
{
    good = good && (peek(c) == ',' || peek(c) == closing);
    walk->rest = good ? cursor_rest(c) : SLICE_EMPTY;
    return good;
}

/* A member's name and the colon; the cursor ends before the value. */
static bool read_name(struct cursor *c, struct slice *key)
{
    const uint8_t *start;

    skip_space(c);
    start = c->at;
    if (!read_string(c)) {
        return false;
    }
    *key = slice_make(start + 1, (size_t)(c->at - start) - 2);
    skip_space(c);
    if (!take(c, ':')) {
        return false;
    }
    skip_space(c);
    return true;
}

bool json_next_member(struct json_walk *walk, struct slice *key, struct json_value *value)
{
    struct cursor c = cursor_make(walk->rest);

    return enter_item(walk, &c, '{') &&
           leave_item(walk, &c, '}',
                      read_name(&c, key) && hand_out_value(&c, walk->levels_max, value));
}

bool json_find_member(const struct json_value *object, const char *name, struct json_value *out)
{
    struct json_value value;
    struct slice key;
    bool found = false;

    *out = (struct json_value){JSON_NULL, SLICE_LITERAL("null")};
    if (object->type != JSON_OBJECT) {
        return false;
    }
    struct json_walk walk = json_members(object);
    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, name)) {
            *out = value;
            found = true;
        }
    }
    return found;
}

bool json_next_element(struct json_walk *walk, struct json_value *value)
{
    struct cursor c = cursor_make(walk->rest);

    return enter_item(walk, &c, '[') &&
           leave_item(walk, &c, ']', hand_out_value(&c, walk->levels_max, value));
}

/* Between the two the array's walk stands on the element's first byte. */

bool json_enter_object(struct json_walk *array, struct json_walk *object)
{
    struct cursor c = cursor_make(array->rest);

    if (!enter_item(array, &c, '[')) {
        return false;
    }
    skip_space(&c);
    array->rest = peek(&c) == '{' ? cursor_rest(&c) : SLICE_EMPTY;
    *object = (struct json_walk){array->rest, array->levels_max - 1};
    return array->rest.length > 0;
}

/* The object that the walk stands before has been walked over. */
static bool leave_object(struct json_walk *walk, const struct json_walk *object, uint8_t closing,
                         struct json_value *whole)
{
    struct cursor c = cursor_make(object->rest);
    bool good = take(&c, '}');

    if (good) {
        *whole = (struct json_value){JSON_OBJECT,
                                     slice_make(walk->rest.data, (size_t)(c.at - walk->rest.data))};
        skip_space(&c);
    }
    return leave_item(walk, &c, closing, good);
}

bool json_leave_object(struct json_walk *array, const struct json_walk *object,
                       struct json_value *whole)
{
    return leave_object(array, object, ']', whole);
}

/* Between these the walk stands on the first byte of the member's value. */

bool json_next_name(struct json_walk *walk, struct slice *key)
{
    struct cursor c = cursor_make(walk->rest);
    bool good;

    if (!enter_item(walk, &c, '{')) {
        return false;
    }
    good = read_name(&c, key);
    walk->rest = good ? cursor_rest(&c) : SLICE_EMPTY;
    return good;
}

bool json_take_value(struct json_walk *walk, struct json_value *value)
{
    struct cursor c = cursor_make(walk->rest);

    return leave_item(walk, &c, '}', hand_out_value(&c, walk->levels_max, value));
}

bool json_enter_member(const struct json_walk *walk, struct json_walk *object)
{
    struct cursor c = cursor_make(walk->rest);

    *object = (struct json_walk){walk->rest, walk->levels_max - 1};
    return peek(&c) == '{' && walk->levels_max > 0;
}

bool json_leave_member(struct json_walk *walk, const struct json_walk *object,
                       struct json_value *whole)
{
    return leave_object(walk, object, '}', whole);
}
