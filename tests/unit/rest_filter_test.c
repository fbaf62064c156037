/* Filters of REST calls: the examples and rules of spec/webpubsub.md 6.8, by tables of a filter and
 * who it takes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "rest/filter.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* --- who is asked about --- */

static const struct slice alice_groups[] = {SLICE_LITERAL("g1"), SLICE_LITERAL("a/b")};
static const struct slice guest_groups[] = {SLICE_LITERAL("g1"), SLICE_LITERAL("g2"),
                                            SLICE_LITERAL("g3"), SLICE_LITERAL("g4")};

static const struct filter_subject alice = {
    .user_id = SLICE_LITERAL("alice"),
    .connection_id = SLICE_LITERAL("c1"),
    .protocol = SLICE_LITERAL("json.webpubsub.azure.v1"),
    .groups = alice_groups,
    .group_count = COUNT(alice_groups),
};
static const struct filter_subject guest = {
    .connection_id = SLICE_LITERAL("c2"),
    .protocol = SLICE_LITERAL(""),
    .groups = guest_groups,
    .group_count = COUNT(guest_groups),
};
static const struct filter_subject umlaut = {
    .user_id = SLICE_LITERAL("t1-\xC3\xBC"
                             "ber O'Neil "),
    .connection_id = SLICE_LITERAL("c3"),
    .protocol = SLICE_LITERAL("mqtt"),
};

enum { NONE, ALICE = 1, GUEST = 2, UMLAUT = 4, ALL = 7 };

struct row {
    const char *filter;
    unsigned taken;
};

static void check_one(const struct filter *filter, const struct filter_subject *subject,
                      const char *name, bool wanted)
{
    bool taken = filter_matches(filter, subject);
    if (taken != wanted) {
        test_fail(__FILE__, __LINE__, "%s is %s", name, taken ? "taken" : "not taken");
    }
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct buffer error = {0};
        test_note("%s", rows[i].filter);
        struct filter *filter = filter_compile(slice_from_string(rows[i].filter), &error);
        CHECK_SLICE_EQUAL(buffer_slice(&error), SLICE_LITERAL(""));
        CHECK(filter);
        check_one(filter, &alice, "alice", rows[i].taken & ALICE);
        check_one(filter, &guest, "the guest", rows[i].taken & GUEST);
        check_one(filter, &umlaut, "umlaut", rows[i].taken & UMLAUT);
        filter_free(filter);
    }
}

#define CHECK_ROWS(...)                                                                            \
    do {                                                                                           \
        static const struct row rows[] = {__VA_ARGS__};                                            \
        check_rows(rows, COUNT(rows));                                                             \
    } while (0)

static void check_error(struct slice text, const char *wanted)
{
    struct buffer error = {0};
    test_note("%.100s", (const char *)text.data);
    CHECK(!filter_compile(text, &error));
    CHECK_SLICE_EQUAL(buffer_slice(&error), slice_from_string(wanted));
    buffer_release(&error);
}

static void check_detail(const char *text, const char *detail)
{
    struct buffer wanted = {0};
    buffer_append_format(&wanted, "Invalid syntax for '%s': %s (Parameter 'filter')", text, detail);
    buffer_append_byte(&wanted, '\0');
    check_error(slice_from_string(text), (const char *)wanted.data);
    buffer_release(&wanted);
}

/* --- tests --- */

TEST(names_of_resources)
{
    static const struct {
        const char *filter;
        bool orders, stock;
    } rows[] = {
        {"contains(name,'r')", true, false},
        {"CONTAINS(Name, 'OCK')", false, true},
        {"name eq 'Orders'", true, false},
        {"name ne 'orders'", false, true},
        {"contains(name,'o') and not contains(name,'rd')", false, true},
        {"startswith(name,'s') or name eq 'orders'", true, true},
        {" ", true, true},
    };
    struct filter_subject orders = {.name = SLICE_LITERAL("orders")};
    struct filter_subject stock = {.name = SLICE_LITERAL("stock")};
    struct buffer error = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s", rows[i].filter);
        struct filter *filter = filter_compile_names(slice_from_string(rows[i].filter), &error);
        CHECK(filter);
        check_one(filter, &orders, "orders", rows[i].orders);
        check_one(filter, &stock, "stock", rows[i].stock);
        filter_free(filter);
    }
    CHECK_INT_EQUAL(error.length, 0);
}

TEST(names_are_all_that_is_known_of_resources)
{
    static const char *const wrong[] = {"userId eq 'a'", "'a' in groups", "location eq 'x'"};
    struct buffer error = {0};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        test_note("%s", wrong[i]);
        error.length = 0;
        CHECK(!filter_compile_names(slice_from_string(wrong[i]), &error));
        CHECK(error.length > 0);
    }
    CHECK(!filter_compile(SLICE_LITERAL("name eq 'a'"), &error)); /* of connections */
    buffer_release(&error);
}

TEST(the_fact_sheets_examples)
{
    CHECK_ROWS(
        {"userId ne 'alice'", GUEST | UMLAUT}, {"'g1' in groups and not ('g2' in groups)", ALICE},
        {"userId eq null", GUEST}, {"startswith(userId,'t1-')", UMLAUT},
        {"length(groups) gt 3", GUEST}, {"connectionId in ('a','c1')", ALICE},
        {"protocol eq 'json.webpubsub.azure.v1'", ALICE}, {"length(userId) > 3", ALICE | UMLAUT},
        {"userId eq 'O''Neil'", NONE}, {"contains(userId, 'O''Neil')", UMLAUT});
}

TEST(nothing_takes_everybody)
{
    CHECK_ROWS({"", ALL}, {" \t\r\n", ALL}, {"true", ALL}, {"false", NONE});
}

TEST(not_binds_most_then_comparison_then_and_then_or)
{
    CHECK_ROWS({"true or false and false", ALL}, {"(true or false) and false", NONE},
               {"false and true or userId eq 'alice'", ALICE}, {"not false and false", NONE},
               {"not (false and false)", ALL}, {"not true eq false", ALL}, /* (not true) eq false */
               {"not (true eq true)", NONE}, {"not not true", ALL},
               {"1 eq 1 eq true", ALL}, /* (1 eq 1) eq true */
               {"true or userId eq 'x' or false", ALL},
               {"true and true and userId eq 'alice' and true", ALICE},
               {"false or false or 'g4' in groups", GUEST},
               {"(false or true) eq (userId eq 'alice')", ALICE});
}

TEST(comparisons_and_their_aliases)
{
    CHECK_ROWS({"1 eq 1", ALL}, {"1 == 2", NONE}, {"1 ne 1", NONE}, {"1 != 2", ALL},
               {"2 gt 1", ALL}, {"1 > 1", NONE}, {"1 ge 1", ALL}, {"0 >= 1", NONE}, {"1 lt 2", ALL},
               {"1 < 1", NONE}, {"1 le 1", ALL}, {"2 <= 1", NONE}, {"-1 lt 0", ALL},
               {"userId=='alice'", ALICE}, {"length(groups)>=2", ALICE | GUEST},
               {"true ne false", ALL}, {"9223372036854775807 gt -9223372036854775807", ALL},
               {"'a' eq 'A'", NONE}, {"'' eq ''", ALL}, {"protocol eq ''", GUEST},
               {"'alice' eq userId", ALICE}, {"userId eq userId", ALL},
               {"'\xC3\xBC' eq '\xC3\xBC'", ALL});
}

TEST(words_have_no_case)
{
    CHECK_ROWS({"USERID EQ 'alice'", ALICE},
               {"STARTSWITH(UserId, 'al') AND NOT (FALSE OR false)", ALICE},
               {"'g2' IN Groups", GUEST}, {"connectionid eq 'c3' or ProtocoL eq 'mqtt'", UMLAUT},
               {"userid eq NULL", GUEST});
}

TEST(in_takes_a_list_or_the_groups)
{
    CHECK_ROWS({"userId in ('alice')", ALICE}, {"userId in ('bob', 'alice' , 'c')", ALICE},
               {"userId in ('bob', null)", GUEST}, {"length(groups) in (2,4)", ALICE | GUEST},
               {"true in (false)", NONE}, {"null in (null)", ALL}, {"null in groups", NONE},
               {"userId in groups", NONE}, {"concat('g', '3') in groups", GUEST},
               {"'a/b' in groups eq true", ALICE}, {"not ('g1' in groups) or false", UMLAUT},
               {"userId in ('O''Neil','alice') and 'g1' in groups", ALICE});
}

TEST(functions)
{
    CHECK_ROWS(
        {"toupper(userId) eq 'ALICE'", ALICE}, {"tolower('AbZ') eq 'abz'", ALL},
        {"toupper('a\xC3\xBC{`') eq 'A\xC3\xBC{`'", ALL}, {"trim('  a b\t') eq 'a b'", ALL},
        {"trim('  ') eq ''", ALL}, {"endswith(trim(userId), 'Neil')", UMLAUT},
        {"substring('hello', 1) eq 'ello'", ALL}, {"substring('hello', 1, 3) eq 'ell'", ALL},
        {"substring('hello', 9) eq ''", ALL}, {"substring('hello', -2, 99) eq 'hello'", ALL},
        {"substring('hello', 0, -1) eq ''", ALL},
        {"substring(userId, 3, 4) eq '\xC3\xBC"
         "ber'",
         UMLAUT},
        {"substring(userId, indexof(userId, 'i')) eq 'ice'", ALICE}, {"startswith('abc', '')", ALL},
        {"startswith('a', 'ab')", NONE}, {"endswith(userId, 'ice')", ALICE},
        {"endswith('a', 'ba')", NONE}, {"contains(userId, 'lic')", ALICE},
        {"contains('a', '')", ALL}, {"contains('', 'a')", NONE}, {"indexof('abc', 'c') eq 2", ALL},
        {"indexof('abc', 'd') eq -1", ALL}, {"indexof(userId, 'ber') eq 4", UMLAUT},
        {"concat(userId, '!') eq 'alice!'", ALICE},
        {"concat(concat('a', ''), concat('', 'b')) eq 'ab'", ALL}, {"length(userId) eq 15", UMLAUT},
        {"length('') eq 0", ALL}, {"length(groups) eq 2", ALICE});
}

TEST(nulls)
{
    CHECK_ROWS({"startswith(null, 'a') or endswith('a', null) or contains(null, null)", NONE},
               {"contains(userId, '')", ALICE | UMLAUT},
               {"indexof(userId, '') ge 0", ALICE | UMLAUT}, {"indexof(null, 'a') eq -1", ALL},
               {"indexof('a', null) eq -1", ALL}, {"length(userId) eq null", GUEST},
               {"length(null) eq null", ALL}, {"length(userId) le 9", ALICE},
               {"not (length(userId) le 9)", GUEST | UMLAUT}, {"null lt 1", NONE},
               {"1 ge null", NONE}, {"null eq null", ALL}, {"null ne null", NONE},
               {"true eq null", NONE}, {"null ne false", ALL}, {"tolower(userId) eq null", GUEST},
               {"trim(null) eq toupper(null)", ALL}, {"concat(userId, 'a') eq null", GUEST},
               {"substring(userId, 0) eq null", GUEST},
               {"substring('a', null) eq null and substring('a', 0, null) eq null", ALL},
               {"userId eq ''", NONE}, {"userId ne ''", ALL});
}

TEST(types_are_checked)
{
    check_detail("null", "Type 'null', expect 'bool'.");
    check_detail("1", "Type 'int', expect 'bool'.");
    check_detail("userId", "Type 'string', expect 'bool'.");
    check_detail("groups", "Type 'collection', expect 'bool'.");
    check_detail("not null", "Type 'null', expect 'bool'.");
    check_detail("not userId eq 'a'", "Type 'string', expect 'bool'.");
    check_detail("true and null", "Type 'null', expect 'bool'.");
    check_detail("userId and true", "Type 'string', expect 'bool'.");
    check_detail("userId gt 'a'", "Type 'string', expect 'int'.");
    check_detail("1 lt 'a'", "Type 'string', expect 'int'.");
    check_detail("true ge false", "Type 'bool', expect 'int'.");
    check_detail("userId eq 1", "Type 'int', expect 'string'.");
    check_detail("1 ne true", "Type 'bool', expect 'int'.");
    check_detail("true eq 'a'", "Type 'string', expect 'bool'.");
    check_detail("groups eq 'a'", "Type 'collection', expect 'string'.");
    check_detail("groups ne null", "Type 'collection', expect 'string'.");
    check_detail("null eq groups", "Type 'collection', expect 'string'.");
    check_detail("1 in groups", "Type 'int', expect 'string'.");
    check_detail("groups in groups", "Type 'collection', expect 'string'.");
    check_detail("userId in ('a', 1)", "Type 'int', expect 'string'.");
    check_detail("1 in (1, 'a')", "Type 'string', expect 'int'.");
    check_detail("length(1) eq 1", "Type 'int', expect 'string'.");
    check_detail("tolower(groups) eq 'a'", "Type 'collection', expect 'string'.");
    check_detail("substring('a', 'b') eq ''", "Type 'string', expect 'int'.");
    check_detail("startswith(userId, true)", "Type 'bool', expect 'string'.");
}

TEST(types_are_checked_where_the_result_is_known)
{
    check_detail("false and 1", "Type 'int', expect 'bool'.");
    check_detail("true or userId", "Type 'string', expect 'bool'.");
    check_detail("true or (false and 'a' gt 1)", "Type 'string', expect 'int'.");
}

TEST(syntax)
{
    check_detail("userId eq", "It ends where an operand is expected.");
    check_detail("(true", "It ends where ')' is expected.");
    check_detail("true)", "Unexpected ')', expect the end.");
    check_detail("true true", "Unexpected 'true', expect the end.");
    check_detail("eq 1", "Unexpected 'eq', expect an operand.");
    check_detail("user eq 'a'", "Unexpected 'user', expect an operand.");
    check_detail("userId is 'a'", "Unexpected 'is', expect the end.");
    check_detail("userId = 'a'", "Unexpected '=', expect the end.");
    check_detail("userId eq 'a", "Unexpected ''a', expect an operand.");
    check_detail("userId eq 'a''", "Unexpected ''a''', expect an operand.");
    check_detail("userId eq \"a\"", "Unexpected '\"', expect an operand.");
    check_detail("1a eq 1", "Unexpected '1a', expect an operand.");
    check_detail("1.5 eq 1", "Unexpected '.', expect the end.");
    check_detail("- eq 1", "Unexpected '-', expect an operand.");
    check_detail("9223372036854775808 eq 1",
                 "Unexpected '9223372036854775808', expect an operand.");
    check_detail("\xE2\x82\xAC", "Unexpected '\xE2\x82\xAC', expect an operand.");
    check_detail("userId in", "It ends where a list or 'groups' is expected.");
    check_detail("userId in 'a'", "Unexpected ''a'', expect a list or 'groups'.");
    check_detail("userId in ()", "Unexpected ')', expect a literal.");
    check_detail("userId in ('a',)", "Unexpected ')', expect a literal.");
    check_detail("userId in (userId)", "Unexpected 'userId', expect a literal.");
    check_detail("userId in ('a'", "It ends where ')' is expected.");
    check_detail("length groups", "Unexpected 'groups', expect '('.");
    check_detail("length() eq 1", "Unexpected ')', expect an operand.");
    check_detail("length('a','b') eq 1", "Unexpected ',', expect ')'.");
    check_detail("contains('a')", "Unexpected ')', expect ','.");
    check_detail("substring('a') eq ''", "Unexpected ')', expect ','.");
    check_detail("substring('a',1,2,3) eq ''", "Unexpected ',', expect ')'.");
}

/* `count` times `open`, then `middle`, then `count` times `close`. */
static struct slice nested(struct buffer *out, int count, const char *open, const char *middle,
                           const char *close)
{
    out->length = 0;
    for (int i = 0; i < count; i++) {
        buffer_append_string(out, open);
    }
    buffer_append_string(out, middle);
    for (int i = 0; i < count; i++) {
        buffer_append_string(out, close);
    }
    return buffer_slice(out);
}

static void check_ends_with(struct slice text, const char *end)
{
    struct buffer error = {0};
    struct filter *filter = filter_compile(text, &error);
    size_t length = strlen(end);
    test_note("%.60s", (const char *)text.data);
    CHECK(!filter && error.length >= length);
    CHECK_SLICE_EQUAL(slice_from(buffer_slice(&error), error.length - length),
                      slice_from_string(end));
    buffer_release(&error);
}

static void check_is_good(struct slice text)
{
    struct buffer error = {0};
    struct filter *filter = filter_compile(text, &error);
    CHECK(filter);
    CHECK(filter_matches(filter, &alice));
    filter_free(filter);
}

TEST(depth_is_bounded)
{
    static const char deep[] = "It is nested more than 100 levels deep. (Parameter 'filter')";
    struct buffer text = {0};
    check_is_good(nested(&text, FILTER_DEPTH_MAX - 1, "(", "true", ")"));
    check_ends_with(nested(&text, FILTER_DEPTH_MAX, "(", "true", ")"), deep);
    check_ends_with(nested(&text, FILTER_DEPTH_MAX, "not ", "true", ""), deep);
    check_ends_with(nested(&text, 2000, "trim(", "'a'", ")"), deep);
    check_is_good(nested(&text, FILTER_DEPTH_MAX - 1, "true eq (", "true", ")"));
    buffer_release(&text);
}

TEST(clauses_are_bounded)
{
    static const char many[] = "It has more than 100 clauses. (Parameter 'filter')";
    struct buffer text = {0};
    check_is_good(nested(&text, FILTER_CLAUSES_MAX - 1, "userId ne 'bob' and ", "1 eq 1", ""));
    check_ends_with(nested(&text, FILTER_CLAUSES_MAX, "userId ne 'bob' and ", "1 eq 1", ""), many);
    check_ends_with(nested(&text, FILTER_CLAUSES_MAX + 1, "false or ", "true", ""), many);
    check_ends_with(nested(&text, FILTER_CLAUSES_MAX + 1, "contains('a','a') and ", "true", ""),
                    many);
    buffer_release(&text);
}

TEST(bytes_are_bounded_and_utf8)
{
    static const char wrong[] =
        "Invalid syntax for 'filter': It is not UTF-8, or longer than 16384 "
        "bytes. (Parameter 'filter')";
    struct buffer text = {0};
    check_error(nested(&text, FILTER_BYTES_MAX, " ", "true", ""), wrong);
    check_error(SLICE_LITERAL("userId eq '\xFF'"), wrong);
    check_error(SLICE_LITERAL("userId eq '\0'"), wrong);
    check_is_good(nested(&text, FILTER_BYTES_MAX - 4, " ", "true", ""));
    buffer_release(&text);
}

TEST(a_long_filter_is_quoted_in_part)
{
    struct buffer text = {0}, wanted = {0};
    nested(&text, 127, "\xC3\xBC", "'", "\xC3\xBC"); /* bytes 255 and 256 are one character */
    buffer_append_format(&wanted,
                         "Invalid syntax for '%.*s': Unexpected '\xC3\xBC', expect an "
                         "operand. (Parameter 'filter')",
                         255, (const char *)text.data);
    buffer_append_byte(&wanted, '\0');
    check_error(buffer_slice(&text), (const char *)wanted.data);
    buffer_release(&text);
    buffer_release(&wanted);
}

/* What does not fit into the machine's memory is null, and each condition has all of it. */
TEST(texts_that_grow_are_bounded)
{
    struct buffer text = {0}, doubled = {0};
    buffer_append_string(&text, "'0123456789abcdef'");
    for (int i = 0; i < 6; i++) { /* 16 bytes, 6 times doubled; 1,024 + all before */
        doubled.length = 0;
        buffer_append_format(&doubled, "concat(%.*s,%.*s)", SLICE_PRINT(buffer_slice(&text)),
                             SLICE_PRINT(buffer_slice(&text)));
        text.length = 0;
        buffer_append(&text, buffer_slice(&doubled));
    }
    buffer_append_string(&text, " ne null");
    check_is_good(buffer_slice(&text));
    doubled.length = 0;
    buffer_append_string(&doubled, "concat(userId,tolower(userId)) ne null");
    struct filter_subject big = alice;
    struct buffer user = {0};
    nested(&user, 3000, "A", "", "");
    big.user_id = buffer_slice(&user);
    struct buffer error = {0};
    struct filter *filter = filter_compile(buffer_slice(&doubled), &error);
    CHECK(filter && !filter_matches(filter, &big)); /* 3,000 and 6,000 */
    filter_free(filter);
    filter = filter_compile(
        SLICE_LITERAL("tolower(toupper(userId)) ne null and toupper(tolower(userId)) ne null"),
        &error);
    CHECK(filter && filter_matches(filter, &big));
    filter_free(filter);
    buffer_release(&text);
    buffer_release(&doubled);
    buffer_release(&user);
}
