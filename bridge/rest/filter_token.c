/* The lexer of filters, see filter_token.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/filter_token.h"

#include "access/characters.h"
#include "mqtt/utf8.h"
#include "rest/filter_program.h"

static const struct word {
    struct slice name;
    enum token_kind kind;
    uint8_t value;
} words[] = {
    {SLICE_LITERAL("and"), TOKEN_AND, 0},
    {SLICE_LITERAL("or"), TOKEN_OR, 0},
    {SLICE_LITERAL("not"), TOKEN_NOT, 0},
    {SLICE_LITERAL("in"), TOKEN_IN, 0},
    {SLICE_LITERAL("eq"), TOKEN_COMPARISON, STEP_EQUAL},
    {SLICE_LITERAL("=="), TOKEN_COMPARISON, STEP_EQUAL},
    {SLICE_LITERAL("ne"), TOKEN_COMPARISON, STEP_NOT_EQUAL},
    {SLICE_LITERAL("!="), TOKEN_COMPARISON, STEP_NOT_EQUAL},
    {SLICE_LITERAL("gt"), TOKEN_COMPARISON, STEP_GREATER},
    {SLICE_LITERAL(">"), TOKEN_COMPARISON, STEP_GREATER},
    {SLICE_LITERAL("ge"), TOKEN_COMPARISON, STEP_GREATER_EQUAL},
    {SLICE_LITERAL(">="), TOKEN_COMPARISON, STEP_GREATER_EQUAL},
    {SLICE_LITERAL("lt"), TOKEN_COMPARISON, STEP_LESS},
    {SLICE_LITERAL("<"), TOKEN_COMPARISON, STEP_LESS},
    {SLICE_LITERAL("le"), TOKEN_COMPARISON, STEP_LESS_EQUAL},
    {SLICE_LITERAL("<="), TOKEN_COMPARISON, STEP_LESS_EQUAL},
    {SLICE_LITERAL("null"), TOKEN_NULL, 0},
    {SLICE_LITERAL("true"), TOKEN_BOOL, true},
    {SLICE_LITERAL("false"), TOKEN_BOOL, false},
    {SLICE_LITERAL("userId"), TOKEN_FIELD, FIELD_USER},
    {SLICE_LITERAL("connectionId"), TOKEN_FIELD, FIELD_CONNECTION},
    {SLICE_LITERAL("protocol"), TOKEN_FIELD, FIELD_PROTOCOL},
    {SLICE_LITERAL("name"), TOKEN_FIELD, FIELD_NAME},
    {SLICE_LITERAL("groups"), TOKEN_GROUPS, 0},
    {SLICE_LITERAL("tolower"), TOKEN_FUNCTION, FUNCTION_LOWER},
    {SLICE_LITERAL("toupper"), TOKEN_FUNCTION, FUNCTION_UPPER},
    {SLICE_LITERAL("trim"), TOKEN_FUNCTION, FUNCTION_TRIM},
    {SLICE_LITERAL("substring"), TOKEN_FUNCTION, FUNCTION_SUBSTRING},
    {SLICE_LITERAL("startswith"), TOKEN_FUNCTION, FUNCTION_STARTS_WITH},
    {SLICE_LITERAL("endswith"), TOKEN_FUNCTION, FUNCTION_ENDS_WITH},
    {SLICE_LITERAL("contains"), TOKEN_FUNCTION, FUNCTION_CONTAINS},
    {SLICE_LITERAL("indexof"), TOKEN_FUNCTION, FUNCTION_INDEX_OF},
    {SLICE_LITERAL("concat"), TOKEN_FUNCTION, FUNCTION_CONCAT},
    {SLICE_LITERAL("length"), TOKEN_FUNCTION, FUNCTION_LENGTH},
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
    return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_';
}

static bool is_sign(uint8_t c)
{
    return c == '<' || c == '>' || c == '=' || c == '!';
}

/* How many of the first bytes are of the class `first`, or then of `also`. */
static size_t run_length(struct slice text, bool (*first)(uint8_t), bool (*also)(uint8_t))
{
    size_t length = 0;
    while (length < text.length &&
           (first(text.data[length]) || (length > 0 && also(text.data[length])))) {
        length++;
    }
    return length;
}

static struct token read_word(struct slice name)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (equal_ignoring_case(words[i].name, name)) {
            return (struct token){.kind = words[i].kind, .value = words[i].value, .text = name};
        }
    }
    return (struct token){.kind = TOKEN_UNKNOWN, .text = name};
}

/* `text` begins with a digit, or with a minus that one follows. */
static struct token read_integer(struct slice text)
{
    bool is_negative = text.data[0] == '-';
    size_t from = is_negative ? 1 : 0;
    size_t length = from + run_length(slice_from(text, from), is_digit, is_letter);
    struct token token = {.kind = TOKEN_INTEGER, .text = slice_make(text.data, length)};
    for (size_t i = from; i < length; i++) {
        int digit = text.data[i] - '0';
        if (!is_digit(text.data[i]) || __builtin_mul_overflow(token.integer, 10, &token.integer) ||
            __builtin_add_overflow(token.integer, digit, &token.integer)) {
            token.kind = TOKEN_BAD;
            return token;
        }
    }
    token.integer = is_negative ? -token.integer : token.integer;
    return token;
}

/* `text` begins with a quote. */
static struct token read_text(struct slice text)
{
    for (size_t i = 1; i < text.length; i++) {
        bool is_quote = text.data[i] == '\'';
        if (is_quote && i + 1 < text.length && text.data[i + 1] == '\'') {
            i++;
        } else if (is_quote) {
            return (struct token){.kind = TOKEN_TEXT, .text = slice_make(text.data, i + 1)};
        }
    }
    return (struct token){.kind = TOKEN_BAD, .text = text};
}

static struct token read_mark(struct slice text)
{
    static const struct {
        uint8_t byte;
        enum token_kind kind;
    } marks[] = {{'(', TOKEN_LEFT}, {')', TOKEN_RIGHT}, {',', TOKEN_COMMA}};
    struct token token = {.kind = TOKEN_BAD,
                          .text = slice_make(text.data, utf8_character_length(text))};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (marks[i].byte == text.data[0]) {
            token.kind = marks[i].kind;
        }
    }
    return token;
}

struct token token_take(struct slice *rest)
{
    struct token token;
    while (rest->length > 0 && strchr(" \t\r\n", rest->data[0]) && rest->data[0] != '\0') {
        *rest = slice_from(*rest, 1);
    }
    if (rest->length == 0) {
        return (struct token){.kind = TOKEN_END};
    }
    uint8_t first = rest->data[0];
    if (is_letter(first)) {
        token = read_word(slice_make(rest->data, run_length(*rest, is_letter, is_digit)));
    } else if (is_sign(first)) {
        token = read_word(slice_make(rest->data, run_length(*rest, is_sign, is_sign)));
    } else if (is_digit(first) || (first == '-' && rest->length > 1 && is_digit(rest->data[1]))) {
        token = read_integer(*rest);
    } else if (first == '\'') {
        token = read_text(*rest);
    } else {
        token = read_mark(*rest);
    }
    *rest = slice_from(*rest, token.text.length);
    return token;
}
