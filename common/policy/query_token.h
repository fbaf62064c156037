/* The words and signs of a client group's query (spec/eventgrid.md 6.3).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_POLICY_QUERY_TOKEN_H
#define PUBGRID_POLICY_QUERY_TOKEN_H

#include <stdint.h>

#include "base/slice.h"

enum query_token_kind {
    QUERY_END,
    QUERY_BAD, /* no token begins so, or it does not end, or does not fit */
    QUERY_LEFT,
    QUERY_RIGHT,
    QUERY_LEFT_BRACKET,
    QUERY_RIGHT_BRACKET,
    QUERY_COMMA,
    QUERY_RELATION, /* `relation` */
    QUERY_WORD,     /* letters, digits, _ and dots */
    QUERY_TEXT,     /* `value` is what stands between the quotes */
    QUERY_INTEGER,  /* `integer` */
};

enum relation {
    RELATION_EQUAL,
    RELATION_NOT_EQUAL,
    RELATION_LESS,
    RELATION_LESS_EQUAL,
    RELATION_GREATER,
    RELATION_GREATER_EQUAL,
};

struct query_token {
    enum query_token_kind kind;
    enum relation relation;
    int64_t integer;
    struct slice text; /* as it stands in the query */
    struct slice value;
};

/* Takes the next token, and the white space before it, from the front of `rest`. */
struct query_token query_token_take(struct slice *rest);

#endif
