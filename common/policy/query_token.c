/* The lexer of queries, see query_token.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/query_token.h"

#include "base/ascii.h"
#include "policy/attributes.h"

/* Longer ones first where one begins with another. */
static const struct sign {
    struct slice text;
    enum query_token_kind kind;
    enum relation relation;
} signs[] = {
    {SLICE_LITERAL("<>"), QUERY_RELATION, RELATION_NOT_EQUAL},
    {SLICE_LITERAL("!="), QUERY_RELATION, RELATION_NOT_EQUAL},
    {SLICE_LITERAL("<="), QUERY_RELATION, RELATION_LESS_EQUAL},
    {SLICE_LITERAL(">="), QUERY_RELATION, RELATION_GREATER_EQUAL},
    {SLICE_LITERAL("="), QUERY_RELATION, RELATION_EQUAL},
    {SLICE_LITERAL("<"), QUERY_RELATION, RELATION_LESS},
    {SLICE_LITERAL(">"), QUERY_RELATION, RELATION_GREATER},
    {SLICE_LITERAL("("), QUERY_LEFT, RELATION_EQUAL},
    {SLICE_LITERAL(")"), QUERY_RIGHT, RELATION_EQUAL},
    {SLICE_LITERAL("["), QUERY_LEFT_BRACKET, RELATION_EQUAL},
    {SLICE_LITERAL("]"), QUERY_RIGHT_BRACKET, RELATION_EQUAL},
    {SLICE_LITERAL(","), QUERY_COMMA, RELATION_EQUAL},
};

static bool is_in_word(uint8_t c)
{
    return ascii_is_alphanumeric(c) || c == '_' || c == '.';
}

static struct slice word_of(struct slice text, size_t from)
{
    while (from < text.length && is_in_word(text.data[from])) {
        from++;
    }
    return slice_make(text.data, from);
}

static struct query_token read_word(struct slice text)
{
    return (struct query_token){.kind = QUERY_WORD, .text = word_of(text, 0)};
}

/* `text` begins with a digit or a minus. */
static struct query_token read_integer(struct slice text)
{
    struct query_token token = {.kind = QUERY_INTEGER, .text = word_of(text, 1)};
    if (!attribute_parse_integer(token.text, &token.integer)) {
        token.kind = QUERY_BAD;
    }
    return token;
}

/* `text` begins with a quote of either kind; the next one of that kind ends it. */
static struct query_token read_text(struct slice text)
{
    const uint8_t *end = memchr(text.data + 1, text.data[0], text.length - 1);
    if (!end) {
        return (struct query_token){.kind = QUERY_BAD, .text = text};
    }
    size_t length = (size_t)(end - text.data) - 1;
    return (struct query_token){.kind = QUERY_TEXT,
                                .text = slice_make(text.data, length + 2),
                                .value = slice_make(text.data + 1, length)};
}

static struct query_token read_sign(struct slice text)
{
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        if (slice_starts_with(text, signs[i].text)) {
            return (struct query_token){.kind = signs[i].kind,
                                        .relation = signs[i].relation,
                                        .text = slice_make(text.data, signs[i].text.length)};
        }
    }
    return (struct query_token){.kind = QUERY_BAD, .text = text};
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct query_token query_token_take(struct slice *rest)
{
    struct query_token token = {.kind = QUERY_END};
    while (rest->length > 0 && is_blank(rest->data[0])) {
        *rest = slice_from(*rest, 1);
    }
    uint8_t first = rest->length > 0 ? rest->data[0] : 0;
    if (rest->length == 0) {
        token.text = *rest;
    } else if (ascii_is_digit(first) || first == '-') {
        token = read_integer(*rest);
    } else if (is_in_word(first)) {
        token = read_word(*rest);
    } else if (first == '\'' || first == '"') {
        token = read_text(*rest);
    } else {
        token = read_sign(*rest);
    }
    *rest = slice_from(*rest, token.text.length);
    return token;
}
