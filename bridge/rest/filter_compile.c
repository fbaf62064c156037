/* Compiles filters: recursive descent, from the operator that binds least to the one that binds
 * most, writing the program (filter_program.h) in the order in which it is run. Each function
 * returns the type of what its program leaves on the stack.
 *
 * After the first error nothing is written any more, and all tokens are TOKEN_END, so that every
 * function comes to its end by itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "rest/filter.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "access/characters.h"
#include "base/memory.h"
#include "mqtt/utf8.h"
#include "rest/filter_program.h"
#include "rest/filter_token.h"

enum type { TYPE_NULL, TYPE_BOOL, TYPE_INT, TYPE_STRING, TYPE_COLLECTION };

enum { QUOTE_MAX = 256, DETAIL_MAX = 512, ARGUMENTS_MAX = 3 };

/* What is bounded by FILTER_CLAUSES_MAX. */
enum clause { CLAUSE_COMPARISON, CLAUSE_JOIN, CLAUSE_CALL, CLAUSE_KINDS };

struct compiler {
    struct slice whole, rest;
    struct token token; /* the next one */
    struct buffer code; /* struct instruction */
    struct buffer texts;
    struct buffer *error;
    bool has_failed;
    bool is_of_names; /* of what has a name, not of connections */
    unsigned depth;
    int stack; /* values on it here */
    unsigned clauses[CLAUSE_KINDS];
};

static const char *const type_names[] = {
    [TYPE_NULL] = "null",
    [TYPE_BOOL] = "bool",
    [TYPE_INT] = "int",
    [TYPE_STRING] = "string",
    [TYPE_COLLECTION] = "collection",
};

/* By how many values a step changes the stack. */
static const int8_t effects[FILTER_STEPS] = {
    [STEP_NULL] = 1,       [STEP_BOOL] = 1,        [STEP_INTEGER] = 1,
    [STEP_TEXT] = 1,       [STEP_FIELD] = 1,       [STEP_FIELD_IS] = 1,
    [STEP_FIELD_ISNT] = 1, [STEP_GROUP_COUNT] = 1, [STEP_EQUAL] = -1,
    [STEP_NOT_EQUAL] = -1, [STEP_GREATER] = -1,    [STEP_GREATER_EQUAL] = -1,
    [STEP_LESS] = -1,      [STEP_LESS_EQUAL] = -1, [STEP_STARTS_WITH] = -1,
    [STEP_ENDS_WITH] = -1, [STEP_CONTAINS] = -1,   [STEP_INDEX_OF] = -1,
    [STEP_CONCAT] = -1,    [STEP_REST] = -1,       [STEP_SUBSTRING] = -2,
    [STEP_AND] = -1,       [STEP_OR] = -1,
};

static const struct function {
    enum filter_step step;
    enum type result;
    size_t minimum, maximum; /* arguments */
    enum type arguments[ARGUMENTS_MAX];
} functions[] = {
    [FUNCTION_LOWER] = {STEP_LOWER, TYPE_STRING, 1, 1, {TYPE_STRING}},
    [FUNCTION_UPPER] = {STEP_UPPER, TYPE_STRING, 1, 1, {TYPE_STRING}},
    [FUNCTION_TRIM] = {STEP_TRIM, TYPE_STRING, 1, 1, {TYPE_STRING}},
    [FUNCTION_SUBSTRING] = {STEP_SUBSTRING, TYPE_STRING, 2, 3, {TYPE_STRING, TYPE_INT, TYPE_INT}},
    [FUNCTION_STARTS_WITH] = {STEP_STARTS_WITH, TYPE_BOOL, 2, 2, {TYPE_STRING, TYPE_STRING}},
    [FUNCTION_ENDS_WITH] = {STEP_ENDS_WITH, TYPE_BOOL, 2, 2, {TYPE_STRING, TYPE_STRING}},
    [FUNCTION_CONTAINS] = {STEP_CONTAINS, TYPE_BOOL, 2, 2, {TYPE_STRING, TYPE_STRING}},
    [FUNCTION_INDEX_OF] = {STEP_INDEX_OF, TYPE_INT, 2, 2, {TYPE_STRING, TYPE_STRING}},
    [FUNCTION_CONCAT] = {STEP_CONCAT, TYPE_STRING, 2, 2, {TYPE_STRING, TYPE_STRING}},
    [FUNCTION_LENGTH] = {STEP_LENGTH, TYPE_INT, 1, 1, {TYPE_STRING}},
};

/* --- errors --- */

/* At most `size` bytes of well-formed text, in whole characters. */
static struct slice cut(struct slice text, size_t size)
{
    if (text.length > size) {
        while (size > 0 && (text.data[size] & 0xC0) == 0x80) {
            size--;
        }
        text.length = size;
    }
    return text;
}

__attribute__((format(printf, 2, 3))) static void fail(struct compiler *compiler,
                                                       const char *format, ...)
{
    char detail[DETAIL_MAX];
    va_list arguments;
    if (compiler->has_failed) {
        return;
    }
    va_start(arguments, format);
    /* clang-tidy 14 does not see va_start() here. NOLINTNEXTLINE */
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    buffer_append_format(compiler->error, "Invalid syntax for '%.*s': %s (Parameter 'filter')",
                         SLICE_PRINT(cut(compiler->whole, QUOTE_MAX)), detail);
    compiler->has_failed = true;
    compiler->rest = SLICE_EMPTY;
    compiler->token = (struct token){.kind = TOKEN_END};
}

static void fail_at_token(struct compiler *compiler, const char *expected)
{
    if (compiler->token.kind == TOKEN_END) {
        fail(compiler, "It ends where %s is expected.", expected);
    } else {
        fail(compiler, "Unexpected '%.*s', expect %s.",
             SLICE_PRINT(cut(compiler->token.text, QUOTE_MAX)), expected);
    }
}

/* Null stands for a string or an integer, but not for a condition. */
static void expect_type(struct compiler *compiler, enum type actual, enum type expected)
{
    if (actual != expected && (actual != TYPE_NULL || expected == TYPE_BOOL)) {
        fail(compiler, "Type '%s', expect '%s'.", type_names[actual], type_names[expected]);
    }
}

/* --- tokens and instructions --- */

static void advance(struct compiler *compiler)
{
    compiler->token = token_take(&compiler->rest);
}

static void expect(struct compiler *compiler, enum token_kind kind, const char *name)
{
    if (compiler->token.kind == kind) {
        advance(compiler);
    } else {
        fail_at_token(compiler, name);
    }
}

static void enter(struct compiler *compiler)
{
    if (++compiler->depth > FILTER_DEPTH_MAX) {
        fail(compiler, "It is nested more than %d levels deep.", FILTER_DEPTH_MAX);
    }
}

static void count_clause(struct compiler *compiler, enum clause clause)
{
    if (++compiler->clauses[clause] > FILTER_CLAUSES_MAX) {
        fail(compiler, "It has more than %d clauses.", FILTER_CLAUSES_MAX);
    }
}

static size_t code_length(const struct compiler *compiler)
{
    return compiler->code.length / sizeof(struct instruction);
}

static struct instruction *code_at(struct compiler *compiler, size_t index)
{
    return (struct instruction *)(void *)compiler->code.data + index;
}

static void append(struct compiler *compiler, struct instruction instruction)
{
    buffer_append(&compiler->code, slice_make(&instruction, sizeof(instruction)));
}

static void emit(struct compiler *compiler, struct instruction instruction)
{
    append(compiler, instruction);
    compiler->stack += effects[instruction.step];
    if (compiler->stack > FILTER_STACK_MAX) {
        fail(compiler, "It needs too many values at a time.");
    }
}

static void emit_step(struct compiler *compiler, enum filter_step step)
{
    emit(compiler, (struct instruction){.step = (uint8_t)step});
}

/* --- literals --- */

static const struct literal {
    enum filter_step step; /* STEP_END: it is none */
    enum type type;
} literals[] = {
    [TOKEN_NULL] = {STEP_NULL, TYPE_NULL},      [TOKEN_BOOL] = {STEP_BOOL, TYPE_BOOL},
    [TOKEN_INTEGER] = {STEP_INTEGER, TYPE_INT}, [TOKEN_TEXT] = {STEP_TEXT, TYPE_STRING},
    [TOKEN_FUNCTION] = {STEP_END, TYPE_NULL}, /* the last kind of token */
};

static void set_text(struct compiler *compiler, struct instruction *instruction,
                     struct slice quoted)
{
    instruction->text.offset = (uint32_t)compiler->texts.length;
    for (size_t i = 1; i + 1 < quoted.length; i++) {
        buffer_append_byte(&compiler->texts, quoted.data[i]);
        i += quoted.data[i] == '\''; /* the second of two */
    }
    instruction->text.length = (uint32_t)compiler->texts.length - instruction->text.offset;
}

/* Takes the literal that is the next token. */
static enum type take_literal(struct compiler *compiler, struct instruction *instruction)
{
    struct token token = compiler->token;
    struct literal literal = literals[token.kind];
    *instruction = (struct instruction){.step = (uint8_t)literal.step};
    if (token.kind == TOKEN_TEXT) {
        set_text(compiler, instruction, token.text);
    } else {
        instruction->integer = token.kind == TOKEN_BOOL ? token.value : token.integer;
    }
    advance(compiler);
    return literal.type;
}

/* --- expressions --- */

static enum type compile_or(struct compiler *compiler);

static enum type compile_field(struct compiler *compiler)
{
    if (compiler->is_of_names != (compiler->token.value == FIELD_NAME)) {
        fail_at_token(compiler, "an operand");
    }
    emit(compiler, (struct instruction){.step = STEP_FIELD, .which = compiler->token.value});
    advance(compiler);
    return TYPE_STRING;
}

/* It pushes nothing: who can do with a collection has a step of its own for it. */
static enum type compile_groups(struct compiler *compiler)
{
    if (compiler->is_of_names) {
        fail_at_token(compiler, "an operand");
    }
    advance(compiler);
    return TYPE_COLLECTION;
}

static enum type compile_literal(struct compiler *compiler)
{
    struct instruction instruction;
    enum type type = take_literal(compiler, &instruction);
    emit(compiler, instruction);
    return type;
}

static enum type compile_group(struct compiler *compiler)
{
    advance(compiler);
    enum type type = compile_or(compiler);
    expect(compiler, TOKEN_RIGHT, "')'");
    return type;
}

static enum type compile_call(struct compiler *compiler)
{
    enum filter_function which = (enum filter_function)compiler->token.value;
    const struct function *function = &functions[which];
    enum filter_step step = function->step;
    size_t count = 0;
    count_clause(compiler, CLAUSE_CALL);
    advance(compiler);
    expect(compiler, TOKEN_LEFT, "'('");
    for (; count < function->maximum; count++) {
        if (count > 0 && count >= function->minimum && compiler->token.kind != TOKEN_COMMA) {
            break;
        }
        if (count > 0) {
            expect(compiler, TOKEN_COMMA, "','");
        }
        enum type type = compile_or(compiler);
        if (which == FUNCTION_LENGTH && type == TYPE_COLLECTION) {
            step = STEP_GROUP_COUNT;
        } else {
            expect_type(compiler, type, function->arguments[count]);
        }
    }
    expect(compiler, TOKEN_RIGHT, "')'");
    emit_step(compiler, which == FUNCTION_SUBSTRING && count == 2 ? STEP_REST : step);
    return function->result;
}

static enum type compile_not(struct compiler *compiler);

static enum type compile_operand(struct compiler *compiler)
{
    static enum type (*const operands[])(struct compiler *) = {
        [TOKEN_LEFT] = compile_group,    [TOKEN_INTEGER] = compile_literal,
        [TOKEN_TEXT] = compile_literal,  [TOKEN_NOT] = compile_not,
        [TOKEN_NULL] = compile_literal,  [TOKEN_BOOL] = compile_literal,
        [TOKEN_FIELD] = compile_field,   [TOKEN_GROUPS] = compile_groups,
        [TOKEN_FUNCTION] = compile_call,
    };
    enum type type = TYPE_NULL;
    enter(compiler);
    if (operands[compiler->token.kind]) {
        type = operands[compiler->token.kind](compiler);
    } else {
        fail_at_token(compiler, "an operand");
    }
    compiler->depth--;
    return type;
}

static enum type compile_not(struct compiler *compiler)
{
    advance(compiler);
    expect_type(compiler, compile_operand(compiler), TYPE_BOOL);
    emit_step(compiler, STEP_NOT);
    return TYPE_BOOL;
}

/* Both sides of `eq` and `ne`, and of `in` with its members: of one type, or null. */
static void expect_comparable(struct compiler *compiler, enum type left, enum type right)
{
    if (left == TYPE_COLLECTION) {
        expect_type(compiler, left, right == TYPE_NULL ? TYPE_STRING : right);
    } else if (left != TYPE_NULL) {
        expect_type(compiler, right, left == TYPE_BOOL && right == TYPE_NULL ? TYPE_NULL : left);
    } else if (right == TYPE_COLLECTION) {
        expect_type(compiler, right, TYPE_STRING);
    }
}

/* A field compared with a text is one step instead of three. */
static void emit_comparison(struct compiler *compiler, enum filter_step step)
{
    size_t length = code_length(compiler);
    struct instruction *last = length < 2 ? NULL : code_at(compiler, length - 2);
    bool is_equality = step == STEP_EQUAL || step == STEP_NOT_EQUAL;
    if (!last || !is_equality || last[0].step != STEP_FIELD || last[1].step != STEP_TEXT) {
        emit_step(compiler, step);
        return;
    }
    last[0].step = step == STEP_EQUAL ? STEP_FIELD_IS : STEP_FIELD_ISNT;
    last[0].text.offset = last[1].text.offset;
    last[0].text.length = last[1].text.length;
    compiler->code.length -= sizeof(struct instruction);
    compiler->stack--;
}

static void compile_comparison_with(struct compiler *compiler, enum type left)
{
    enum filter_step step = (enum filter_step)compiler->token.value;
    advance(compiler);
    enum type right = compile_operand(compiler);
    if (step == STEP_EQUAL || step == STEP_NOT_EQUAL) {
        expect_comparable(compiler, left, right);
    } else {
        expect_type(compiler, left, TYPE_INT);
        expect_type(compiler, right, TYPE_INT);
    }
    emit_comparison(compiler, step);
}

static void compile_list(struct compiler *compiler, enum type left)
{
    size_t at = code_length(compiler);
    emit_step(compiler, STEP_IN_LIST);
    do {
        struct instruction member;
        advance(compiler);
        if (literals[compiler->token.kind].step == STEP_END) {
            fail_at_token(compiler, "a literal");
            return;
        }
        expect_comparable(compiler, left, take_literal(compiler, &member));
        append(compiler, member);
    } while (compiler->token.kind == TOKEN_COMMA);
    expect(compiler, TOKEN_RIGHT, "')'");
    code_at(compiler, at)->count = (uint32_t)(code_length(compiler) - at - 1);
}

static void compile_in(struct compiler *compiler, enum type left)
{
    advance(compiler);
    if (compiler->token.kind == TOKEN_GROUPS && !compiler->is_of_names) {
        expect_type(compiler, left, TYPE_STRING);
        emit_step(compiler, STEP_IN_GROUPS);
        advance(compiler);
    } else if (compiler->token.kind == TOKEN_LEFT) {
        compile_list(compiler, left);
    } else {
        fail_at_token(compiler, "a list or 'groups'");
    }
}

static enum type compile_comparison(struct compiler *compiler)
{
    enum type type = compile_operand(compiler);
    while (compiler->token.kind == TOKEN_COMPARISON || compiler->token.kind == TOKEN_IN) {
        count_clause(compiler, CLAUSE_COMPARISON);
        (compiler->token.kind == TOKEN_IN ? compile_in : compile_comparison_with)(compiler, type);
        type = TYPE_BOOL;
    }
    return type;
}

/* Operands of `kind`, each compiled by `operand`; one that decides jumps behind the next. */
static enum type compile_join(struct compiler *compiler, enum token_kind kind,
                              enum filter_step step, enum type (*operand)(struct compiler *))
{
    enum type type = operand(compiler);
    while (compiler->token.kind == kind) {
        size_t at = code_length(compiler);
        count_clause(compiler, CLAUSE_JOIN);
        expect_type(compiler, type, TYPE_BOOL);
        emit_step(compiler, step);
        advance(compiler);
        type = operand(compiler);
        expect_type(compiler, type, TYPE_BOOL);
        code_at(compiler, at)->count = (uint32_t)(code_length(compiler) - at - 1);
    }
    return type;
}

static enum type compile_and(struct compiler *compiler)
{
    return compile_join(compiler, TOKEN_AND, STEP_AND, compile_comparison);
}

static enum type compile_or(struct compiler *compiler)
{
    return compile_join(compiler, TOKEN_OR, STEP_OR, compile_and);
}

/* --- the whole --- */

static void compile_whole(struct compiler *compiler)
{
    advance(compiler);
    if (compiler->token.kind == TOKEN_END) {
        emit(compiler, (struct instruction){.step = STEP_BOOL, .integer = true});
    } else {
        enum type type = compile_or(compiler);
        if (compiler->token.kind != TOKEN_END) {
            fail_at_token(compiler, "the end");
        }
        expect_type(compiler, type, TYPE_BOOL);
    }
    emit_step(compiler, STEP_END);
}

static struct filter *finish(const struct compiler *compiler)
{
    size_t code = compiler->code.length, texts = compiler->texts.length;
    struct filter *filter = memory_allocate(sizeof(*filter) + code + texts);
    uint8_t *behind = (uint8_t *)filter->instructions + code;
    memcpy(filter->instructions, compiler->code.data, code);
    if (texts > 0) {
        memcpy(behind, compiler->texts.data, texts);
    }
    filter->texts = behind;
    return filter;
}

static struct filter *compile(struct slice text, bool is_of_names, struct buffer *error)
{
    struct compiler compiler = {
        .whole = text, .rest = text, .error = error, .is_of_names = is_of_names};
    struct filter *filter = NULL;
    if (text.length > FILTER_BYTES_MAX || !utf8_is_valid_string(text)) {
        compiler.whole = SLICE_LITERAL("filter");
        fail(&compiler, "It is not UTF-8, or longer than %d bytes.", FILTER_BYTES_MAX);
    } else {
        compile_whole(&compiler);
    }
    if (!compiler.has_failed) {
        filter = finish(&compiler);
    }
    buffer_release(&compiler.code);
    buffer_release(&compiler.texts);
    return filter;
}

struct filter *filter_compile(struct slice text, struct buffer *error)
{
    return compile(text, false, error);
}

struct filter *filter_compile_names(struct slice text, struct buffer *error)
{
    struct buffer lower = {0};
    ascii_append_lower(&lower, text);
    struct filter *filter = compile(buffer_slice(&lower), true, error);
    buffer_release(&lower);
    return filter;
}

void filter_free(struct filter *filter)
{
    free(filter);
}
