/* The JSON reader: what is valid, which slices it hands out, what strings and numbers say.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "json/json.h"

static struct json_value parsed(const char *text)
{
    struct json_value value = {0};

    test_note("text %s", text);
    CHECK(json_parse(slice_from_string(text), &value));
    return value;
}

TEST(a_value_has_its_type_and_exactly_its_bytes)
{
    static const struct {
        const char *text, *value;
        enum json_type type;
    } rows[] = {
        {" null ", "null", JSON_NULL},
        {"false\n", "false", JSON_FALSE},
        {"\ttrue", "true", JSON_TRUE},
        {"0", "0", JSON_NUMBER},
        {" -12.50e+3\r", "-12.50e+3", JSON_NUMBER},
        {"12345678901234567890.123456789", "12345678901234567890.123456789", JSON_NUMBER},
        {" \"a \\\" b\" ", "\"a \\\" b\"", JSON_STRING},
        {" [ 1 , [ ] , { } ] ", "[ 1 , [ ] , { } ]", JSON_ARRAY},
        {" { \"a\" : { \"b\" : [ ] } } ", "{ \"a\" : { \"b\" : [ ] } }", JSON_OBJECT},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_value value = parsed(rows[i].text);

        CHECK_INT_EQUAL(value.type, rows[i].type);
        CHECK_SLICE_EQUAL(value.text, slice_from_string(rows[i].value));
    }
}

TEST(what_is_malformed_is_refused)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "[",
        "]",
        "[}",
        "{]",
        "{\"a\":1]",
        "[1}",
        "[1,]",
        "[,]",
        "{,}",
        "{\"a\":1,}",
        "{\"a\" 1}",
        "{1:1}",
        "{\"a\":}",
        "{\"a\"",
        "{\"a\":",
        "[1",
        "[1,",
        "\"",
        "\"\\",
        "\"\\\"",
        "\"\\u",
        "\"\\u123\"",
        "\"\\u123g\"",
        "\"\\U1234\"",
        "\"\\a\"",
        "\"\t\"",
        "\"\x7f\xc3(\"",
        "\"\xc0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\xef\xbb\xbf{}",
        "00",
        "-01",
        "1.e1",
        "1e+",
        "--1",
        "1 ,",
        "{} {}",
        "nullx",
        "tru",
        "[1]\x01",
    };
    struct json_value value;

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        test_note("text %s", texts[i]);
        CHECK(!json_parse(slice_from_string(texts[i]), &value));
    }
    CHECK(!json_parse(slice_make("1\0", 2), &value));
    CHECK(!json_parse(slice_make("\"\0\"", 3), &value));
    CHECK(!json_parse(SLICE_EMPTY, &value));
}

/* A special byte at each place of the eight that are looked at together. */
TEST(each_byte_of_a_string_is_looked_at)
{
    static const struct {
        const char *inserted;
        bool good;
    } rows[] = {
        {"\x1f", false},    {"\n", false},
        {"\xff", false},    {"\x80", false},
        {"\\", false},      {"\"", false},
        {"\\n", true},      {"\x7f", true},
        {"\xc3\xa9", true}, {"\xf0\x9f\x8c\xa1", true},
        {" ", true},        {"~", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int before = 0; before < 20; before++) {
            struct buffer text = {0};
            struct json_value value;

            test_note("row %zu after %d", i, before);
            buffer_append_format(&text, "\"%.*s%sxx\"", before, "abcdefghijklmnopqrst",
                                 rows[i].inserted);
            CHECK(json_parse(buffer_slice(&text), &value) == rows[i].good);
            buffer_release(&text);
        }
    }
}

static void append_times(struct buffer *out, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        buffer_append_string(out, text);
    }
}

static bool nested_is_valid(unsigned depth, bool (*parse)(struct slice, struct json_value *))
{
    struct buffer text = {0};
    struct json_value value;
    bool valid;

    append_times(&text, "{\"a\":[", depth / 2);
    append_times(&text, "[", depth % 2);
    buffer_append_byte(&text, '1');
    append_times(&text, "]", depth % 2);
    append_times(&text, "]}", depth / 2);
    valid = parse(buffer_slice(&text), &value);
    buffer_release(&text);
    return valid;
}

TEST(nesting_has_a_bound)
{
    struct buffer text = {0};
    struct json_value value;

    CHECK(nested_is_valid(1, json_parse));
    CHECK(nested_is_valid(JSON_DEPTH_MAX, json_parse));
    CHECK(!nested_is_valid(JSON_DEPTH_MAX + 1, json_parse));
    CHECK(nested_is_valid(JSON_DEPTH_MAX - 1, json_parse_inner));
    CHECK(!nested_is_valid(JSON_DEPTH_MAX, json_parse_inner));
    append_times(&text, "[", 1000000);
    CHECK(!json_parse(buffer_slice(&text), &value));
    buffer_release(&text);
}

TEST(members_come_in_their_order)
{
    struct json_value object = parsed("{ \"a\" : 1 , \"b\\n\":[2,{\"a\":3}],\"a\":\"}\" }"), value;
    struct json_walk walk = json_members(&object);
    struct slice key;

    CHECK(json_next_member(&walk, &key, &value));
    CHECK_SLICE_EQUAL(key, SLICE_LITERAL("a"));
    CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("1"));
    CHECK(json_next_member(&walk, &key, &value));
    CHECK_SLICE_EQUAL(key, SLICE_LITERAL("b\\n"));
    CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("[2,{\"a\":3}]"));
    CHECK_INT_EQUAL(value.type, JSON_ARRAY);
    CHECK(json_next_member(&walk, &key, &value));
    CHECK_SLICE_EQUAL(key, SLICE_LITERAL("a"));
    CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("\"}\""));
    CHECK(!json_next_member(&walk, &key, &value));
    CHECK(!json_next_member(&walk, &key, &value));
    CHECK(json_walk_is_complete(&walk));
}

TEST(elements_come_in_their_order)
{
    struct json_value array = parsed("[ true , [ ] , \"]\" ]"), value;
    struct json_walk walk = json_elements(&array);

    CHECK(json_next_element(&walk, &value));
    CHECK_INT_EQUAL(value.type, JSON_TRUE);
    CHECK(json_next_element(&walk, &value));
    CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("[ ]"));
    CHECK(json_next_element(&walk, &value));
    CHECK_SLICE_EQUAL(value.text, SLICE_LITERAL("\"]\""));
    CHECK(!json_next_element(&walk, &value));
    CHECK(json_walk_is_complete(&walk));
    array = parsed("[]");
    walk = json_elements(&array);
    CHECK(!json_next_element(&walk, &value));
    CHECK(json_walk_is_complete(&walk));
}

/* The members handed out before the end of the walk, and whether all of the text was valid. */
static void walk_check(const char *text, int wanted, bool valid)
{
    struct json_walk walk = json_walk_text(slice_from_string(text), JSON_OBJECT);
    struct json_value value;
    struct slice key;
    int count = 0;

    test_note("text %s", text);
    while (json_next_member(&walk, &key, &value)) {
        count++;
    }
    CHECK_INT_EQUAL(count, wanted);
    CHECK(json_walk_is_complete(&walk) == valid);
    CHECK(!json_next_member(&walk, &key, &value));
}

TEST(an_unchecked_text_is_checked_while_it_is_walked)
{
    walk_check("{}", 0, true);
    walk_check(" { \"a\":1, \"b\":{} } ", 2, true);
    walk_check("", 0, false);
    walk_check("[1]", 0, false);
    walk_check("1", 0, false);
    walk_check("}", 0, false);
    walk_check("{", 0, false);
    walk_check("{,}", 0, false);
    walk_check("{\"a\":1", 0, false);
    walk_check("{\"a\":1,", 1, false);
    walk_check("{\"a\":1,}", 1, false);
    walk_check("{\"a\":1 \"b\":2}", 0, false);
    walk_check("{\"a\":1{\"b\":2}", 0, false);
    walk_check("{\"a\":1{}", 0, false);
    walk_check("{\"a\":1]", 0, false);
    walk_check("{\"a\":}", 0, false);
    walk_check("{\"a\"}", 0, false);
    walk_check("{\"a\":1}}", 1, false);
    walk_check("{\"a\":1} x", 1, false);
    walk_check("{\"a\":[1,2}", 0, false);
    CHECK(json_walk_text(SLICE_LITERAL("{}"), JSON_ARRAY).rest.length == 0);
}

static void string_check(const char *text, struct slice wanted)
{
    struct json_value value = parsed(text);
    struct buffer out = {0};

    json_append_string_value(&out, &value);
    CHECK_SLICE_EQUAL(buffer_slice(&out), wanted);
    CHECK_SLICE_EQUAL(json_string_value(&value, &out), wanted);
    buffer_release(&out);
}

TEST(objects_of_an_unchecked_array_are_walked_in_the_same_pass)
{
    static const struct {
        const char *text;
        const char *seen; /* each element, with its keys */
        bool good;
    } rows[] = {
        {"[]", "", true},
        {" [ ] ", "", true},
        {"[{}]", "{}();", true},
        {" [ {\"a\":1 , \"b\":[{}]} , { } ] ", "{\"a\":1 , \"b\":[{}]}(ab);{ }();", true},
        {"[{\"a\":1},2]", "{\"a\":1}(a);", false},
        {"[[]]", "", false},
        {"{}", "", false},
        {"[{\"a\":1},]", "{\"a\":1}(a);", false},
        {"[{\"a\":1}", "", false},
        {"[{\"a\":1}}", "", false},
        {"[{\"a\":1]]", "", false},
        {"[{\"a\":}]", "", false},
        {"[{\"a\":1}] x", "{\"a\":1}(a);", false},
        {"", "", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_walk walk = json_walk_text(slice_from_string(rows[i].text), JSON_ARRAY), object;
        struct buffer seen = {0}, keys = {0};
        struct json_value value;
        struct slice key;

        test_note("text %s", rows[i].text);
        while (json_enter_object(&walk, &object)) {
            keys.length = 0;
            while (json_next_member(&object, &key, &value)) {
                buffer_append(&keys, key);
            }
            if (json_leave_object(&walk, &object, &value)) {
                buffer_append_format(&seen, "%.*s(%.*s);", SLICE_PRINT(value.text),
                                     SLICE_PRINT(buffer_slice(&keys)));
            }
        }
        CHECK(json_walk_is_complete(&walk) == rows[i].good);
        CHECK_SLICE_EQUAL(buffer_slice(&seen), slice_from_string(rows[i].seen));
        buffer_release(&seen);
        buffer_release(&keys);
    }
}

TEST(who_walks_may_ask_for_fewer_levels)
{
    static const struct {
        const char *text;
        bool good;
    } rows[] = {
        {"[{\"a\":[1]}]", true},
        {"[{\"a\":[[1]]}]", false},
        {"[{\"a\":{\"b\":1}}]", true},
        {"[{\"a\":{\"b\":{}}}]", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_walk walk = json_walk_text(slice_from_string(rows[i].text), JSON_ARRAY), object;
        struct json_value value;
        struct slice key;

        test_note("text %s", rows[i].text);
        walk.levels_max = 2;
        CHECK(json_enter_object(&walk, &object));
        CHECK(json_next_member(&object, &key, &value) == rows[i].good);
        CHECK(!json_next_member(&object, &key, &value));
        CHECK(json_leave_object(&walk, &object, &value) == rows[i].good);
    }
}

TEST(escapes_become_characters)
{
    string_check("\"\"", SLICE_LITERAL(""));
    string_check("\"plain\"", SLICE_LITERAL("plain"));
    string_check("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", SLICE_LITERAL("\"\\/\b\f\n\r\t"));
    string_check("\"\\u0041\\u00e9\\u00E9\\u20ac\\uffff\"",
                 SLICE_LITERAL("A\xc3\xa9\xc3\xa9\xe2\x82\xac\xef\xbf\xbf"));
    string_check("\"x\\u0000y\"", SLICE_LITERAL("x\0y"));
    string_check("\"\\ud83c\\udf21\\uDBFF\\uDFFF\"",
                 SLICE_LITERAL("\xf0\x9f\x8c\xa1\xf4\x8f\xbf\xbf"));
    string_check("\"\xc3\xa9\\n\xf0\x9f\x8c\xa1\"", SLICE_LITERAL("\xc3\xa9\n\xf0\x9f\x8c\xa1"));
}

TEST(a_lone_surrogate_is_replaced)
{
    string_check("\"\\ud83c\"", SLICE_LITERAL("\xef\xbf\xbd"));
    string_check("\"\\udf21\\ud83c\"", SLICE_LITERAL("\xef\xbf\xbd\xef\xbf\xbd"));
    string_check("\"\\ud83cx\"", SLICE_LITERAL("\xef\xbf\xbdx"));
    string_check("\"\\ud83c\\n12345\"", SLICE_LITERAL("\xef\xbf\xbd\n12345"));
    string_check("\"\\ud83c\\u0041\"", SLICE_LITERAL("\xef\xbf\xbd"
                                                     "A"));
    string_check("\"\\ud83c\\ud83c\\udf21\"", SLICE_LITERAL("\xef\xbf\xbd\xf0\x9f\x8c\xa1"));
}

TEST(a_string_without_escapes_is_not_copied)
{
    struct json_value value = parsed("\"caf\xc3\xa9\"");
    struct buffer scratch = {0};

    CHECK(json_string_value(&value, &scratch).data == value.text.data + 1);
    CHECK_INT_EQUAL(scratch.length, 0);
}

TEST(strings_are_compared_unescaped)
{
    CHECK(json_string_equal(SLICE_LITERAL("group"), "group"));
    CHECK(json_string_equal(SLICE_LITERAL("gr\\u006fup"), "group"));
    CHECK(json_string_equal(SLICE_LITERAL("\\u0067roup"), "group"));
    CHECK(json_string_equal(SLICE_LITERAL("\\n"), "\n"));
    CHECK(json_string_equal(SLICE_LITERAL(""), ""));
    CHECK(!json_string_equal(SLICE_LITERAL("grou"), "group"));
    CHECK(!json_string_equal(SLICE_LITERAL("groups"), "group"));
    CHECK(!json_string_equal(SLICE_LITERAL("group\\u0000"), "group"));
    CHECK(!json_string_equal(SLICE_LITERAL("Group"), "group"));
    CHECK(!json_string_equal(SLICE_LITERAL(""), "group"));
}

TEST(unsigned_numbers)
{
    static const char *const wrong[] = {
        "-1",    "-0",   "1.0", "1e3", "18446744073709551616", "99999999999999999999999",
        "\"1\"", "true", "null"};
    struct json_value value;
    uint64_t number;

    value = parsed("0");
    CHECK(json_to_u64(&value, &number) && number == 0);
    value = parsed("18446744073709551615");
    CHECK(json_to_u64(&value, &number) && number == UINT64_MAX);
    value = parsed("18446744073709551609");
    CHECK(json_to_u64(&value, &number) && number == UINT64_MAX - 6);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        value = parsed(wrong[i]);
        CHECK(!json_to_u64(&value, &number));
    }
}

/* --- numbers as doubles: the C library is the judge --- */

static void check_double(const char *text)
{
    struct json_value value;
    double wanted = strtod(text, NULL), read;

    test_note("%s", text);
    CHECK(json_parse(slice_from_string(text), &value));
    read = json_to_double(&value);
    CHECK(memcmp(&read, &wanted, sizeof(read)) == 0);
}

TEST(numbers_become_the_nearest_double)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "0.0",
        "1",
        "-1",
        "10",
        "123.456",
        "0.1",
        "0.3",
        "-0.001e3",
        "1E5",
        "1e+5",
        "9007199254740992",
        "9007199254740993",
        "9007199254740995",
        "-9007199254740993",
        "9007199254740992.5",
        "18446744073709551615",
        "18446744073709551616",
        "184467440737095516160",
        "36893488147419103232e-1",
        "0.00000000000000000000000000001",
        "1e22",
        "1e23",
        "1e-22",
        "1e-23",
        "8.5e22",
        "123456789012345678e-5",
        "4.9e-324",
        "1e-400",
        "1.7976931348623157e308",
        "1e309",
        "-1e309",
        "2.2250738585072011e-308",
        "0e999999999999",
        "1e99999999999999999999999",
        "1e-99999999999999999999999",
        "179769313486231580793e289",
        "0.000000000000000000000000000000000000000000000000000000000000000000000000000001e78",
        "100000000000000000000000000000000000000000000000000000000000000000000000000000e-77",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        check_double(texts[i]);
    }
}

TEST(exponents_that_make_up_for_many_digits)
{
    enum { ZEROS = 1000000 };
    struct buffer text = {0};
    struct json_value value;

    buffer_append_string(&text, "0.");
    memset(buffer_reserve(&text, ZEROS), '0', ZEROS);
    text.length += ZEROS;
    buffer_append_string(&text, "25e100000");
    CHECK(json_parse(buffer_slice(&text), &value));
    CHECK(json_to_double(&value) == 0.0);
    text.length -= strlen("100000");
    buffer_append_string(&text, "1000002");
    CHECK(json_parse(buffer_slice(&text), &value));
    CHECK(json_to_double(&value) == 25.0);
    buffer_release(&text);
}

TEST(any_number_becomes_the_nearest_double)
{
    uint64_t random = 7;

    for (int i = 0; i < 200000; i++) {
        char text[80];
        uint64_t bits = (uint64_t)test_random(&random) << 32 | test_random(&random);
        uint64_t shown = bits >> test_random_below(&random, 64);
        int exponent = (int)test_random_below(&random, 700) - 350;
        unsigned split = test_random_below(&random, 12);
        snprintf(text, sizeof(text), split == 0 ? "-%" PRIu64 "e%d" : "%" PRIu64 ".5e%d", shown,
                 split < 6 ? exponent / 14 : exponent);
        check_double(text);
    }
}

/* --- members in two steps --- */

/* Puts together what a walk that goes into each object sees. */
static void append_members(struct json_walk *walk, struct buffer *out)
{
    struct slice key;

    while (json_next_name(walk, &key)) {
        struct json_walk inner;
        struct json_value value;

        buffer_append(out, key);
        if (json_enter_member(walk, &inner)) {
            buffer_append_byte(out, '{');
            append_members(&inner, out);
            buffer_append_byte(out, '}');
            json_leave_member(walk, &inner, &value);
        } else if (json_take_value(walk, &value)) {
            buffer_append_byte(out, '=');
            buffer_append(out, value.text);
            buffer_append_byte(out, ' ');
        }
    }
}

static void check_members(const char *text, const char *seen, bool is_complete)
{
    struct json_walk walk = json_walk_text(slice_from_string(text), JSON_OBJECT);
    struct buffer out = {0};

    test_note("%s", text);
    append_members(&walk, &out);
    CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(seen));
    CHECK_INT_EQUAL(json_walk_is_complete(&walk), is_complete);
    buffer_release(&out);
}

TEST(nested_members_come_in_one_pass)
{
    check_members("{}", "", true);
    check_members("{\"a\":1,\"b\":[{\"c\":2}]}", "a=1 b=[{\"c\":2}] ", true);
    check_members(" { \"a\" : { \"b\" : { } , \"c\" : \"}\" } , \"d\" : null } ",
                  "a{b{}c=\"}\" }d=null ", true);
    check_members("{\"a\":{\"b\":1}", "a{b=1 }", false);
    check_members("{\"a\":{\"b\":1]}", "a{b}", false);
    check_members("{\"a\":{\"b\":1}]", "a{b=1 }", false);
    check_members("{\"a\":{\"b\"}}", "a{}", false);
    check_members("{\"a\":{\"b\":1},}", "a{b=1 }", false);
    check_members("{\"a\":", "a", false);
}
