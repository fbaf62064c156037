/* The words and signs of a filter (spec/webpubsub.md 6.8).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_REST_FILTER_TOKEN_H
#define PUBGRID_REST_FILTER_TOKEN_H

#include <stdint.h>

#include "base/slice.h"

enum token_kind {
    TOKEN_END,
    TOKEN_BAD, /* no token begins so, or it does not end */
    TOKEN_LEFT,
    TOKEN_RIGHT,
    TOKEN_COMMA,
    TOKEN_INTEGER, /* `integer` */
    TOKEN_TEXT,    /* `text` with its quotes, inner ones still doubled */
    TOKEN_UNKNOWN, /* a word that we do not know */
    /* Words: `value` says which. */
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_COMPARISON, /* enum filter_step */
    TOKEN_IN,
    TOKEN_NULL,
    TOKEN_BOOL,
    TOKEN_FIELD, /* enum filter_field */
    TOKEN_GROUPS,
    TOKEN_FUNCTION, /* enum filter_function */
};

enum filter_function {
    FUNCTION_LOWER,
    FUNCTION_UPPER,
    FUNCTION_TRIM,
    FUNCTION_SUBSTRING,
    FUNCTION_STARTS_WITH,
    FUNCTION_ENDS_WITH,
    FUNCTION_CONTAINS,
    FUNCTION_INDEX_OF,
    FUNCTION_CONCAT,
    FUNCTION_LENGTH,
};

struct token {
    enum token_kind kind;
    uint8_t value;
    int64_t integer;
    struct slice text; /* as it stands in the filter */
};

/* Takes the next token from the front of `rest`, which is UTF-8. */
struct token token_take(struct slice *rest);

#endif
