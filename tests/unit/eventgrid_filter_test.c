/* Every operator of advanced filters on every kind of value (spec/eventgrid.md 3.4): a table an
 * operator, a row a value, with what is said of it without and with
 * enableAdvancedFilteringOnArrays.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "event_fixture.h"

enum { NO = false, YES = true };

/* The JSON at the key; NULL: the event has no such key. */
struct row {
    const char *value;
    bool off, on;
};

static const struct filter_value texts[] = {
    {.text = SLICE_LITERAL("red")},
    {.text = SLICE_LITERAL("Blue")},
    {.text = SLICE_LITERAL("\xC3\x9C"
                           "ber")}, /* with an umlaut */
    {.text = SLICE_LITERAL("ID")},
};
static const struct filter_value numbers[] = {{.low = 5}, {.low = -1.5}, {.low = 1e3}};
static const struct filter_value five[] = {{.low = 5}};
static const struct filter_value ranges[] = {{.low = 1, .high = 2}, {.low = 5, .high = 6}};
static const struct filter_value is_true[] = {{.low = 1}};
static const struct filter_value is_false[] = {{.low = 0}};
static const struct filter_value patterns[] = {{.text = SLICE_LITERAL("r?d")},
                                               {.text = SLICE_LITERAL("*BLUE*ish")}};

static bool takes(const struct advanced_filter *advanced, const char *value, bool on_arrays)
{
    struct event_filter filter = {
        .on_arrays = on_arrays, .advanced = advanced, .advanced_count = 1};
    struct buffer json = {0};

    buffer_append_string(&json, "{\"id\":\"1\",\"subject\":\"s\",\"eventType\":\"t\",\"data\":{");
    if (value) {
        buffer_append_format(&json, "\"before\":[1],\"k\":%s,\"behind\":{\"k\":1}", value);
    }
    buffer_append_string(&json, "}}");
    struct event event = event_make(SCHEMA_EVENT_GRID, buffer_slice(&json));
    bool is_taken = filter_takes(&filter, &event);
    buffer_release(&json);
    return is_taken;
}

static void check_rows(enum filter_operator operation, const struct filter_value *values,
                       size_t value_count, const struct row *rows, size_t count)
{
    struct advanced_filter advanced = {.operation = operation,
                                       .key = SLICE_LITERAL("data.k"),
                                       .values = values,
                                       .value_count = value_count};

    for (size_t i = 0; i < count; i++) {
        test_note("%s, arrays off", rows[i].value ? rows[i].value : "missing");
        CHECK_INT_EQUAL(takes(&advanced, rows[i].value, false), rows[i].off);
        test_note("%s, arrays on", rows[i].value ? rows[i].value : "missing");
        CHECK_INT_EQUAL(takes(&advanced, rows[i].value, true), rows[i].on);
    }
}

#define CHECK_ROWS(operation, values, rows)                                                        \
    check_rows(operation, values, COUNT(values), rows, COUNT(rows))

/* --- numbers --- */

TEST(number_in)
{
    static const struct row rows[] = {
        {"5", YES, YES},          {"5.0", YES, YES},  {"50e-1", YES, YES},
        {"-1.5", YES, YES},       {"1000", YES, YES}, {"4", NO, NO},
        {"5.0000000001", NO, NO}, {NULL, NO, NO},     {"null", NO, NO},
        {"\"5\"", NO, NO},        {"true", NO, NO},   {"{\"k\":5}", NO, NO},
        {"[4,5]", NO, YES},       {"[4,6]", NO, NO},  {"[\"5\",null,[5],{\"k\":5}]", NO, NO},
        {"[\"x\",5]", NO, YES},   {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_NUMBER_IN, numbers, rows);
}

TEST(number_not_in)
{
    static const struct row rows[] = {
        {"5", NO, NO},      {"5.0", NO, NO},     {"4", YES, YES},           {NULL, YES, YES},
        {"null", YES, YES}, {"\"5\"", YES, YES}, {"true", YES, YES},        {"{\"k\":5}", YES, YES},
        {"[4,5]", YES, NO}, {"[4,6]", YES, YES}, {"[\"5\",[5]]", YES, YES}, {"[\"x\",5]", YES, NO},
        {"[]", YES, YES},
    };
    CHECK_ROWS(FILTER_NUMBER_NOT_IN, numbers, rows);
}

TEST(number_less_than)
{
    static const struct row rows[] = {
        {"4.999", YES, YES}, {"5", NO, NO},         {"6", NO, NO},     {"-1e300", YES, YES},
        {NULL, NO, NO},      {"null", NO, NO},      {"\"4\"", NO, NO}, {"false", NO, NO},
        {"{}", NO, NO},      {"[9,4]", NO, YES},    {"[9,5]", NO, NO}, {"[\"4\"]", NO, NO},
        {"[]", NO, NO},      {"[null,1]", NO, YES},
    };
    CHECK_ROWS(FILTER_NUMBER_LESS_THAN, five, rows);
}

TEST(number_greater_than)
{
    static const struct row rows[] = {
        {"5.001", YES, YES}, {"5", NO, NO},      {"4", NO, NO},     {"1e999", YES, YES},
        {NULL, NO, NO},      {"null", NO, NO},   {"\"6\"", NO, NO}, {"true", NO, NO},
        {"{}", NO, NO},      {"[1,6]", NO, YES}, {"[1,5]", NO, NO}, {"[\"6\"]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_NUMBER_GREATER_THAN, five, rows);
}

TEST(number_less_than_or_equals)
{
    static const struct row rows[] = {
        {"5", YES, YES},   {"4", YES, YES},    {"5.001", NO, NO}, {NULL, NO, NO}, {"null", NO, NO},
        {"\"5\"", NO, NO}, {"[9,5]", NO, YES}, {"[9,6]", NO, NO}, {"[]", NO, NO}, {"{}", NO, NO},
    };
    CHECK_ROWS(FILTER_NUMBER_LESS_THAN_OR_EQUALS, five, rows);
}

TEST(number_greater_than_or_equals)
{
    static const struct row rows[] = {
        {"5", YES, YES},   {"6", YES, YES},    {"4.999", NO, NO}, {NULL, NO, NO}, {"null", NO, NO},
        {"\"5\"", NO, NO}, {"[1,5]", NO, YES}, {"[1,4]", NO, NO}, {"[]", NO, NO}, {"{}", NO, NO},
    };
    CHECK_ROWS(FILTER_NUMBER_GREATER_THAN_OR_EQUALS, five, rows);
}

TEST(number_in_range)
{
    static const struct row rows[] = {
        {"1", YES, YES},    {"1.5", YES, YES}, {"2", YES, YES},     {"6", YES, YES},
        {"0.999", NO, NO},  {"2.001", NO, NO}, {"3", NO, NO},       {NULL, NO, NO},
        {"null", NO, NO},   {"\"1\"", NO, NO}, {"true", NO, NO},    {"{}", NO, NO},
        {"[3,5]", NO, YES}, {"[3,4]", NO, NO}, {"[\"1\"]", NO, NO}, {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_NUMBER_IN_RANGE, ranges, rows);
}

TEST(number_not_in_range)
{
    static const struct row rows[] = {
        {"1", NO, NO},          {"2", NO, NO},       {"5.5", NO, NO},    {"3", YES, YES},
        {"7", YES, YES},        {NULL, NO, NO},      {"null", NO, NO},   {"\"3\"", NO, NO},
        {"true", NO, NO},       {"{}", NO, NO},      {"[3,4]", NO, YES}, {"[3,5]", NO, NO},
        {"[\"x\",3]", NO, YES}, {"[\"x\"]", NO, NO}, {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_NUMBER_NOT_IN_RANGE, ranges, rows);
}

/* --- booleans --- */

TEST(bool_equals_true)
{
    static const struct row rows[] = {
        {"true", YES, YES},  {"false", NO, NO},        {NULL, NO, NO}, {"null", NO, NO},
        {"1", NO, NO},       {"\"true\"", NO, NO},     {"{}", NO, NO}, {"[false,true]", NO, YES},
        {"[false]", NO, NO}, {"[\"true\",1]", NO, NO}, {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_BOOL_EQUALS, is_true, rows);
}

TEST(bool_equals_false)
{
    static const struct row rows[] = {
        {"false", YES, YES}, {"true", NO, NO}, {NULL, NO, NO},     {"null", NO, NO},
        {"0", NO, NO},       {"\"\"", NO, NO}, {"[true]", NO, NO}, {"[1,false]", NO, YES},
    };
    CHECK_ROWS(FILTER_BOOL_EQUALS, is_false, rows);
}

/* --- texts --- */

TEST(string_in)
{
    static const struct row rows[] = {
        {"\"red\"", YES, YES},
        {"\"RED\"", YES, YES},
        {"\"r\\u0065d\"", YES, YES}, /* escapes */
        {"\"bLUE\"", YES, YES},
        {"\"\xC3\xBC"
         "BER\"",
         YES, YES},
        {"\"\\u00FCber\"", YES, YES},
        {"\"id\"", YES, YES},
        {"\"\xC4\xB1"
         "d\"",
         NO, NO}, /* a Turkish dotless i */
        {"\"\xC4\xB0"
         "D\"",
         NO, NO}, /* a Turkish dotted I */
        {"\"redd\"", NO, NO},
        {"\"re\"", NO, NO},
        {"\"\"", NO, NO},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"true", NO, NO},
        {"{\"red\":\"red\"}", NO, NO},
        {"[\"x\",\"Red\"]", NO, YES},
        {"[\"x\",\"y\"]", NO, NO},
        {"[5,null,[\"red\"]]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_IN, texts, rows);
}

TEST(string_not_in)
{
    static const struct row rows[] = {
        {"\"red\"", NO, NO},
        {"\"RED\"", NO, NO},
        {"\"green\"", YES, YES},
        {"\"\"", YES, YES},
        {NULL, YES, YES},
        {"null", YES, YES},
        {"5", YES, YES},
        {"false", YES, YES},
        {"{}", YES, YES},
        {"[\"x\",\"Red\"]", YES, NO},
        {"[\"x\",\"y\"]", YES, YES},
        {"[5,[\"red\"]]", YES, YES},
        {"[]", YES, YES},
    };
    CHECK_ROWS(FILTER_STRING_NOT_IN, texts, rows);
}

TEST(string_begins_with)
{
    static const struct row rows[] = {
        {"\"redder\"", YES, YES}, {"\"REDDER\"", YES, YES},
        {"\"red\"", YES, YES},    {"\"bluest\"", YES, YES},
        {"\"infrared\"", NO, NO}, {"\"re\"", NO, NO},
        {"\"\"", NO, NO},         {NULL, NO, NO},
        {"null", NO, NO},         {"5", NO, NO},
        {"{}", NO, NO},           {"[1,\"Redo\"]", NO, YES},
        {"[\"undo\"]", NO, NO},   {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_BEGINS_WITH, texts, rows);
}

TEST(string_ends_with)
{
    static const struct row rows[] = {
        {"\"infrared\"", YES, YES},
        {"\"INFRARED\"", YES, YES},
        {"\"red\"", YES, YES},
        {"\"redder\"", NO, NO},
        {"\"ed\"", NO, NO},
        {"\"\"", NO, NO},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"{}", NO, NO},
        {"[1,\"tired\"]", NO, YES},
        {"[\"tires\"]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_ENDS_WITH, texts, rows);
}

TEST(string_contains)
{
    static const struct row rows[] = {
        {"\"incredible\"", YES, YES},
        {"\"INCREDIBLE\"", YES, YES},
        {"\"red\"", YES, YES},
        {"\"read\"", NO, NO},
        {"\"\"", NO, NO},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"{}", NO, NO},
        {"[1,\"Hundred\"]", NO, YES},
        {"[\"ten\"]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_CONTAINS, texts, rows);
}

TEST(string_not_begins_with)
{
    static const struct row rows[] = {
        {"\"redder\"", NO, NO},
        {"\"REDDER\"", NO, NO},
        {"\"infrared\"", YES, YES},
        {"\"\"", YES, YES},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"{}", NO, NO},
        {"[\"x\",\"Redo\"]", NO, NO},
        {"[\"x\",\"undo\"]", NO, YES},
        {"[5,\"x\"]", NO, YES},
        {"[5]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_NOT_BEGINS_WITH, texts, rows);
}

TEST(string_not_ends_with)
{
    static const struct row rows[] = {
        {"\"infrared\"", NO, NO},
        {"\"INFRARED\"", NO, NO},
        {"\"redder\"", YES, YES},
        {"\"\"", YES, YES},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"{}", NO, NO},
        {"[\"x\",\"Tired\"]", NO, NO},
        {"[\"x\",\"tires\"]", NO, YES},
        {"[5]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_NOT_ENDS_WITH, texts, rows);
}

TEST(string_not_contains)
{
    static const struct row rows[] = {
        {"\"incredible\"", NO, NO},
        {"\"INCREDIBLE\"", NO, NO},
        {"\"read\"", YES, YES},
        {"\"\"", YES, YES},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"{}", NO, NO},
        {"[\"x\",\"Hundred\"]", NO, NO},
        {"[\"x\",\"ten\"]", NO, YES},
        {"[5]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_NOT_CONTAINS, texts, rows);
}

TEST(string_matches)
{
    static const struct row rows[] = {
        {"\"red\"", YES, YES}, {"\"ROD\"", YES, YES},    {"\"light Blue-ish\"", YES, YES},
        {"\"redd\"", NO, NO},  {"\"blue\"", NO, NO},     {"\"\"", NO, NO},
        {NULL, NO, NO},        {"null", NO, NO},         {"5", NO, NO},
        {"{}", NO, NO},        {"[1,\"rid\"]", NO, YES}, {"[\"ride\"]", NO, NO},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_MATCHES, patterns, rows);
}

TEST(string_not_matches)
{
    static const struct row rows[] = {
        {"\"red\"", NO, NO},
        {"\"ROD\"", NO, NO},
        {"\"redd\"", YES, YES},
        {"\"\"", YES, YES},
        {NULL, NO, NO},
        {"null", NO, NO},
        {"5", NO, NO},
        {"{}", NO, NO},
        {"[\"x\",\"rid\"]", NO, NO},
        {"[\"x\",\"ride\"]", NO, YES},
        {"[]", NO, NO},
    };
    CHECK_ROWS(FILTER_STRING_NOT_MATCHES, patterns, rows);
}

/* --- presence --- */

TEST(is_null_or_undefined)
{
    static const struct row rows[] = {
        {NULL, YES, YES},  {"null", YES, YES}, {"0", NO, NO},    {"\"\"", NO, NO},
        {"false", NO, NO}, {"{}", NO, NO},     {"[1]", YES, NO}, {"[]", YES, NO},
    };
    check_rows(FILTER_IS_NULL_OR_UNDEFINED, NULL, 0, rows, COUNT(rows));
}

TEST(is_not_null)
{
    static const struct row rows[] = {
        {NULL, NO, NO},      {"null", NO, NO}, {"0", YES, YES},  {"\"\"", YES, YES},
        {"false", YES, YES}, {"{}", YES, YES}, {"[1]", NO, YES}, {"[]", NO, YES},
    };
    check_rows(FILTER_IS_NOT_NULL, NULL, 0, rows, COUNT(rows));
}

/* --- several --- */

TEST(one_of_any_must_hold)
{
    static const struct advanced_filter inner[] = {
        {.operation = FILTER_STRING_IN,
         .key = SLICE_LITERAL("data.k"),
         .values = texts,
         .value_count = COUNT(texts)},
        {.operation = FILTER_NUMBER_IN,
         .key = SLICE_LITERAL("data.behind.k"),
         .values = five,
         .value_count = 1},
    };
    static const struct advanced_filter alternatives[] = {
        {.operation = FILTER_NUMBER_GREATER_THAN,
         .key = SLICE_LITERAL("DATA.K"),
         .values = five,
         .value_count = 1},
        {.operation = FILTER_ANY, .alternatives = inner, .alternative_count = 2},
    };
    struct advanced_filter any = {
        .operation = FILTER_ANY, .alternatives = alternatives, .alternative_count = 2};

    CHECK(takes(&any, "6", false));
    CHECK(takes(&any, "\"red\"", false));
    CHECK(!takes(&any, "4", false));
    CHECK(!takes(&any, "\"green\"", false));
    CHECK(!takes(&any, "[6]", false));
    CHECK(takes(&any, "[6]", true));
    any.alternative_count = 0;
    CHECK(!takes(&any, "6", false));
}

TEST(all_filters_must_hold)
{
    static const struct advanced_filter both[] = {
        {.operation = FILTER_NUMBER_GREATER_THAN,
         .key = SLICE_LITERAL("data.a"),
         .values = five,
         .value_count = 1},
        {.operation = FILTER_NUMBER_NOT_IN,
         .key = SLICE_LITERAL("data.a"),
         .values = numbers,
         .value_count = COUNT(numbers)},
    };
    struct event_filter filter = {.advanced = both, .advanced_count = 2};
    static const struct {
        const char *json;
        bool is_taken;
    } rows[] = {
        {"{\"data\":{\"a\":6}}", YES},
        {"{\"data\":{\"a\":1000}}", NO},
        {"{\"data\":{\"a\":5}}", NO},
        {"{\"data\":{}}", NO},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        struct event event = event_make(SCHEMA_EVENT_GRID, slice_from_string(rows[i].json));
        test_note("%s", rows[i].json);
        CHECK_INT_EQUAL(filter_takes(&filter, &event), rows[i].is_taken);
    }
}

/* Many values lie in order: each is found, and nothing beside them. */
TEST(many_values_are_searched)
{
    enum { VALUES = 301 };
    static struct filter_value values[VALUES];
    static char names[VALUES][8];
    struct advanced_filter advanced = {
        .key = SLICE_LITERAL("data.k"), .values = values, .value_count = VALUES};

    for (int i = 0; i < VALUES; i++) {
        int shuffled = i * 97 % VALUES;
        snprintf(names[i], sizeof(names[i]), "N%d", shuffled * 3);
        values[i] = (struct filter_value){.low = shuffled * 3, .text = slice_from_string(names[i])};
    }
    for (int i = 0; i < VALUES * 3; i++) {
        char number[16], text[16];
        snprintf(number, sizeof(number), "%d", i);
        snprintf(text, sizeof(text), "\"n%d\"", i);
        test_note("%d", i);
        advanced.operation = FILTER_NUMBER_IN;
        CHECK_INT_EQUAL(takes(&advanced, number, false), i % 3 == 0);
        advanced.operation = FILTER_STRING_NOT_IN;
        CHECK_INT_EQUAL(takes(&advanced, text, false), i % 3 != 0);
    }
}
