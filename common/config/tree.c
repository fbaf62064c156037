/* Scalars by their looks. See tree.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "config/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* --- structure --- */

/* A text ends with a quote, so these only stand where something has just begun. */
static void append_comma(struct buffer *json)
{
    if (json->length > 0 && !strchr("[{:", json->data[json->length - 1])) {
        buffer_append_byte(json, ',');
    }
}

void tree_begin(struct buffer *json, bool is_sequence)
{
    append_comma(json);
    buffer_append_byte(json, is_sequence ? '[' : '{');
}

void tree_end(struct buffer *json, bool is_sequence)
{
    buffer_append_byte(json, is_sequence ? ']' : '}');
}

static struct slice text_of(const yaml_event_t *scalar)
{
    return slice_make(scalar->data.scalar.value, scalar->data.scalar.length);
}

void tree_append_key(struct buffer *json, const yaml_event_t *scalar)
{
    append_comma(json);
    json_append_string(json, text_of(scalar));
    buffer_append_byte(json, ':');
}

/* --- words --- */

static const struct {
    const char *word, *json;
} words[] = {
    {"", "null"},       {"~", "null"},      {"null", "null"},   {"Null", "null"},
    {"NULL", "null"},   {"true", "true"},   {"True", "true"},   {"TRUE", "true"},
    {"false", "false"}, {"False", "false"}, {"FALSE", "false"},
};

static const char *find_word(struct slice text)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_equal(text, slice_from_string(words[i].word))) {
            return words[i].json;
        }
    }
    return NULL;
}

/* What YAML calls a number, and JSON does not. */
static bool is_not_finite(const char *text)
{
    static const char *const names[] = {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"};

    text += *text == '-' || *text == '+';
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* --- numbers --- */

/* "0x1F", "0o17" */
static bool append_based(struct buffer *json, const char *text)
{
    int base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 0;
    static const char digits[] = "0123456789abcdefABCDEF";
    unsigned long long value;

    if (base == 0 || text[2] == '\0' ||
        (base == 16 ? strspn(text + 2, digits) : strspn(text + 2, "01234567")) !=
            strlen(text + 2)) {
        return false;
    }
    errno = 0;
    value = strtoull(text + 2, NULL, base);
    if (errno != 0) {
        return false;
    }
    buffer_append_decimal(json, value);
    return true;
}

/* The parts of [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
struct decimal {
    bool is_negative;
    struct slice whole, fraction;
    struct slice exponent; /* with its letter; empty: none */
};

static struct slice take_digits(const char **text)
{
    size_t length = strspn(*text, "0123456789");
    struct slice digits = slice_make(*text, length);

    *text += length;
    return digits;
}

static bool parse_decimal(const char *text, struct decimal *out)
{
    *out = (struct decimal){.is_negative = *text == '-'};
    text += *text == '-' || *text == '+';
    out->whole = take_digits(&text);
    if (*text == '.') {
        text++;
        out->fraction = take_digits(&text);
    }
    if (out->whole.length + out->fraction.length == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        const char *start = text++;
        text += *text == '-' || *text == '+';
        if (take_digits(&text).length == 0) {
            return false;
        }
        out->exponent = slice_make(start, (size_t)(text - start));
    }
    return *text == '\0';
}

/* As JSON writes it: no plus, no zeros in front, a digit on both sides of the point. */
static bool append_number(struct buffer *json, const char *text)
{
    struct decimal number;

    if (append_based(json, text)) {
        return true;
    }
    if (!parse_decimal(text, &number)) {
        return false;
    }
    while (number.whole.length > 1 && number.whole.data[0] == '0') {
        number.whole = slice_from(number.whole, 1);
    }
    buffer_append_string(json, number.is_negative ? "-" : "");
    buffer_append(json, number.whole.length > 0 ? number.whole : SLICE_LITERAL("0"));
    if (number.fraction.length > 0) {
        buffer_append_byte(json, '.');
        buffer_append(json, number.fraction);
    }
    buffer_append(json, number.exponent);
    return true;
}

/* --- scalars --- */

static bool is_text(const yaml_event_t *scalar)
{
    const char *tag = (const char *)scalar->data.scalar.tag;

    return scalar->data.scalar.style != YAML_PLAIN_SCALAR_STYLE ||
           (tag && (strcmp(tag, "!") == 0 || strcmp(tag, YAML_STR_TAG) == 0));
}

static bool has_other_tag(const yaml_event_t *scalar)
{
    const char *tag = (const char *)scalar->data.scalar.tag;

    return tag && strcmp(tag, "!") != 0 && strcmp(tag, YAML_STR_TAG) != 0;
}

static const char *append_value(struct buffer *json, const yaml_event_t *scalar)
{
    const char *text = (const char *)scalar->data.scalar.value;
    const char *word = find_word(text_of(scalar));

    if (has_other_tag(scalar)) {
        return "has a tag; write the value without it";
    }
    if (strlen(text) != scalar->data.scalar.length) {
        return "has NUL in it";
    }
    if (is_text(scalar)) {
        json_append_string(json, text_of(scalar));
        return NULL;
    }
    if (is_not_finite(text)) {
        return "is no finite number; write one, or put quotes around it";
    }
    if (word) {
        buffer_append_string(json, word);
    } else if (!append_number(json, text)) {
        json_append_string(json, text_of(scalar));
    }
    return NULL;
}

const char *tree_append_scalar(struct buffer *json, const yaml_event_t *scalar)
{
    const char *wrong;

    append_comma(json);
    wrong = append_value(json, scalar);
    if (wrong) {
        buffer_append_string(json, "null");
    }
    return wrong;
}
