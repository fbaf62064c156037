/* Queries of client groups, see query.h: a parser by descent, whose tree is asked as it stands.
 *
 * Chains of AND and OR are lists in the tree, so only parentheses make it deep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "policy/query.h"

#include <stdlib.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "mqtt/utf8.h"
#include "policy/position.h"
#include "policy/query_token.h"

struct literal {
    bool is_integer;
    int64_t integer;
    struct slice text;
    struct literal *next;
};

enum node_kind { NODE_ANY_OF, NODE_ALL_OF, NODE_COMPARISON };

struct node {
    enum node_kind kind;
    struct node *next;        /* beside it */
    struct node *first;       /* of NODE_ANY_OF and NODE_ALL_OF, never empty */
    struct slice key;         /* of NODE_COMPARISON; empty: authenticationName */
    enum relation relation;   /* IN is RELATION_EQUAL with several literals */
    struct literal *literals; /* never empty */
};

struct query {
    struct arena memory; /* has all of it, but for itself */
    const struct node *root;
};

/* --- the parser --- */

struct parser {
    struct query *query;
    struct slice text, rest;
    struct query_token token; /* the next one */
    unsigned depth;
    struct buffer *error;
};

static void advance(struct parser *parser)
{
    parser->token = query_token_take(&parser->rest);
}

/* Says what is to stand where it is. */
static bool fail(struct parser *parser, const char *sentence)
{
    position_error(parser->error, parser->text, parser->token.text, sentence);
    return false;
}

static bool take(struct parser *parser, enum query_token_kind kind)
{
    bool is_there = parser->token.kind == kind;
    if (is_there) {
        advance(parser);
    }
    return is_there;
}

static bool take_word(struct parser *parser, struct slice word)
{
    return parser->token.kind == QUERY_WORD && equal_ignoring_case(parser->token.text, word) &&
           take(parser, QUERY_WORD);
}

static struct node *new_node(struct parser *parser, enum node_kind kind)
{
    struct node *node = arena_allocate(&parser->query->memory, sizeof(*node));
    node->kind = kind;
    return node;
}

/* One value that the operand of `node` is compared with. */
static bool take_literal(struct parser *parser, const struct node *node, struct literal **into)
{
    const struct query_token *token = &parser->token;
    bool wants_integer = node->relation != RELATION_EQUAL && node->relation != RELATION_NOT_EQUAL;

    if (token->kind != QUERY_TEXT && token->kind != QUERY_INTEGER) {
        return fail(parser, "expects a text in quotes or an integer");
    }
    if (wants_integer && token->kind != QUERY_INTEGER) {
        return fail(parser, "expects an integer: < <= > >= compare integers only");
    }
    if (node->key.length == 0 && token->kind == QUERY_INTEGER) {
        return fail(parser, "expects a text in quotes: authenticationName is a text");
    }
    *into = arena_allocate(&parser->query->memory, sizeof(**into));
    (*into)->is_integer = token->kind == QUERY_INTEGER;
    (*into)->integer = token->integer;
    (*into)->text = arena_copy(&parser->query->memory, token->value);
    advance(parser);
    return true;
}

static bool take_list(struct parser *parser, struct node *node)
{
    struct literal **end = &node->literals;
    if (!take(parser, QUERY_LEFT_BRACKET)) {
        return fail(parser, "expects a list: [ and values with commas between them");
    }
    do {
        if (!take_literal(parser, node, end)) {
            return false;
        }
        end = &(*end)->next;
    } while (take(parser, QUERY_COMMA));
    return take(parser, QUERY_RIGHT_BRACKET) || fail(parser, "expects , or ]");
}

static bool take_operand(struct parser *parser, struct slice *key)
{
    static const struct slice prefix = SLICE_LITERAL("attributes.");
    struct slice word = parser->token.text;
    bool is_attribute = slice_starts_with(word, prefix);

    *key = is_attribute ? slice_from(word, prefix.length) : SLICE_EMPTY;
    if (parser->token.kind != QUERY_WORD ||
        (is_attribute ? !attribute_key_is_valid(*key)
                      : !slice_equal(word, SLICE_LITERAL("authenticationName")))) {
        return fail(parser, "expects attributes.KEY, authenticationName or (");
    }
    *key = arena_copy(&parser->query->memory, *key);
    advance(parser);
    return true;
}

static struct node *parse_comparison(struct parser *parser)
{
    struct node *node = new_node(parser, NODE_COMPARISON);

    if (!take_operand(parser, &node->key)) {
        return NULL;
    }
    if (take_word(parser, SLICE_LITERAL("in"))) {
        return take_list(parser, node) ? node : NULL;
    }
    if (parser->token.kind != QUERY_RELATION) {
        fail(parser, "expects one of = <> != < > <= >= IN");
        return NULL;
    }
    node->relation = parser->token.relation;
    advance(parser);
    return take_literal(parser, node, &node->literals) ? node : NULL;
}

static struct node *parse_any_of(struct parser *parser);

static struct node *parse_primary(struct parser *parser)
{
    if (parser->token.kind != QUERY_LEFT) {
        return parse_comparison(parser);
    }
    if (parser->depth == QUERY_DEPTH_MAX) {
        fail(parser, "has too many parentheses within each other; 32 are the most");
        return NULL;
    }
    parser->depth++;
    advance(parser);
    struct node *inner = parse_any_of(parser);
    if (inner && !take(parser, QUERY_RIGHT)) {
        fail(parser, "expects AND, OR or )");
        return NULL;
    }
    parser->depth--;
    return inner;
}

/* What `parse` reads, once or more, with the word between. */
static struct node *parse_chain(struct parser *parser, enum node_kind kind, struct slice word,
                                struct node *(*parse)(struct parser *))
{
    struct node *node = parse(parser), *last = node;
    if (!node || !take_word(parser, word)) {
        return node;
    }
    node = new_node(parser, kind);
    node->first = last;
    do {
        last->next = parse(parser);
        last = last->next;
    } while (last && take_word(parser, word));
    return last ? node : NULL;
}

static struct node *parse_all_of(struct parser *parser)
{
    return parse_chain(parser, NODE_ALL_OF, SLICE_LITERAL("and"), parse_primary);
}

static struct node *parse_any_of(struct parser *parser)
{
    return parse_chain(parser, NODE_ANY_OF, SLICE_LITERAL("or"), parse_all_of);
}

static bool parse(struct parser *parser)
{
    if (parser->text.length > QUERY_BYTES_MAX || !utf8_is_valid_string(parser->text)) {
        return fail(parser, "is no text of at most 4096 bytes");
    }
    advance(parser);
    parser->query->root = parse_any_of(parser);
    return parser->query->root &&
           (parser->token.kind == QUERY_END || fail(parser, "expects AND, OR or the end"));
}

struct query *query_compile(struct slice text, struct buffer *error)
{
    struct query *query = memory_allocate_zero(sizeof(*query));
    struct parser parser = {.query = query, .text = text, .rest = text, .error = error};
    parser.token.text = slice_make(text.data, 0);
    if (!parse(&parser)) {
        query_free(query);
        return NULL;
    }
    return query;
}

void query_free(struct query *query)
{
    if (query) {
        arena_release(&query->memory);
        free(query);
    }
}

/* --- asking --- */

static bool name_is(struct slice name, const struct node *node)
{
    const struct literal *literal = node->literals;
    while (literal && !equal_ignoring_case(name, literal->text)) {
        literal = literal->next;
    }
    return literal != NULL;
}

static bool is_equal(const struct attribute *attribute, const struct literal *literal)
{
    if (attribute->type == ATTRIBUTE_INTEGER) {
        return literal->is_integer && attribute->integer == literal->integer;
    }
    for (size_t i = 0; !literal->is_integer && i < attribute->text_count; i++) {
        if (slice_equal(attribute->texts[i], literal->text)) {
            return true;
        }
    }
    return false;
}

static bool is_one_of(const struct attribute *attribute, const struct literal *literal)
{
    while (literal && !is_equal(attribute, literal)) {
        literal = literal->next;
    }
    return literal != NULL;
}

/* Of the order of `value` and `other`: below 0, 0, above. */
static bool has_order(enum relation relation, int64_t value, int64_t other)
{
    switch (relation) {
    case RELATION_LESS:
        return value < other;
    case RELATION_LESS_EQUAL:
        return value <= other;
    case RELATION_GREATER:
        return value > other;
    case RELATION_GREATER_EQUAL:
        return value >= other;
    case RELATION_EQUAL:
    case RELATION_NOT_EQUAL:
        break;
    }
    return false;
}

static bool comparison_holds(const struct node *node, const struct client_profile *client)
{
    if (node->key.length == 0) {
        return client->authentication_name.length > 0 &&
               name_is(client->authentication_name, node) == (node->relation == RELATION_EQUAL);
    }
    const struct attribute *attribute = client_attribute(client, node->key);
    if (!attribute) {
        return false;
    }
    if (node->relation == RELATION_EQUAL || node->relation == RELATION_NOT_EQUAL) {
        return is_one_of(attribute, node->literals) == (node->relation == RELATION_EQUAL);
    }
    return attribute->type == ATTRIBUTE_INTEGER &&
           has_order(node->relation, attribute->integer, node->literals->integer);
}

static bool node_holds(const struct node *node, const struct client_profile *client)
{
    if (node->kind == NODE_COMPARISON) {
        return comparison_holds(node, client);
    }
    bool decides = node->kind == NODE_ANY_OF; /* what one of them decides for all */
    for (const struct node *inner = node->first; inner; inner = inner->next) {
        if (node_holds(inner, client) == decides) {
            return decides;
        }
    }
    return !decides;
}

bool query_matches(const struct query *query, const struct client_profile *client)
{
    return node_holds(query->root, client);
}
