/* The JSON writer: strings that are always valid, the minifier that refuses what is not, indenting.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "json/json.h"

static void compact_check(const char *text, const char *wanted)
{
    struct buffer out = {0};

    test_note("text %s", text);
    CHECK(json_append_compact(&out, slice_from_string(text)) == (wanted != NULL));
    CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(wanted == NULL ? "" : wanted));
    buffer_release(&out);
}

TEST(white_space_goes_and_tokens_stay)
{
    compact_check("1", "1");
    compact_check(" { \"a\" : [ 1 , 2.50 ] ,\t\"b c\":\"d  e\" }\r\n",
                  "{\"a\":[1,2.50],\"b c\":\"d  e\"}");
    compact_check("[true, false, null]", "[true,false,null]");
    compact_check("[-0, 0.0, 1e5, 1E-5, 1.5e+5, 123456789012345678901234567890]",
                  "[-0,0.0,1e5,1E-5,1.5e+5,123456789012345678901234567890]");
    compact_check("\"\\u00e9\\n\\/\"", "\"\\u00e9\\n\\/\"");
    compact_check("[{},[],\"\"]", "[{},[],\"\"]");
}

TEST(what_is_not_json_is_refused)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[,1]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "[1 2]",
        "1 2",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "0x1",
        "tru",
        "nul",
        "True",
        "\"",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "'a'",
        "[1]]",
        "\"\xff\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
        "NaN",
        "//1",
        "{\"a\":1 \"b\":2}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        compact_check(texts[i], NULL);
    }
}

TEST(nesting_is_bounded)
{
    struct buffer text = {0}, out = {0};

    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        buffer_append_byte(&text, '[');
    }
    for (int i = 0; i < JSON_DEPTH_MAX; i++) {
        buffer_append_byte(&text, ']');
    }
    CHECK(json_append_compact(&out, buffer_slice(&text)));
    json_append_indented(&out, buffer_slice(&text));
    text.length = 0;
    for (int i = 0; i < 100000; i++) {
        buffer_append_byte(&text, '[');
    }
    CHECK(!json_append_compact(&out, buffer_slice(&text)));
    buffer_release(&text);
    buffer_release(&out);
}

TEST(strings_are_always_valid)
{
    static const char bytes[] = "a\"\\\b\f\n\r\t\x01\x1f\x7f\xc3\xa9\xff\xe2\x82";
    struct buffer out = {0};

    json_append_string(&out, slice_make(bytes, sizeof(bytes) - 1));
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\xc3\xa9"
                                    "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""));
    out.length = 0;
    json_append_string(&out, slice_make("\0", 1));
    CHECK_SLICE_EQUAL(buffer_slice(&out), SLICE_LITERAL("\"\\u0000\""));
    buffer_release(&out);
}

TEST(objects_are_indented_and_arrays_are_not)
{
    struct buffer out = {0};

    json_append_indented(&out, SLICE_LITERAL("{\"a\":[1,{\"b\":2,\"c\":\"x,{\\\"\"}],\"d\":{}}"));
    CHECK_SLICE_EQUAL(
        buffer_slice(&out),
        SLICE_LITERAL("{\n\t\"a\":\t[1, {\n\t\t\t\"b\":\t2,\n\t\t\t\"c\":\t\"x,{\\\"\""
                      "\n\t\t}],\n\t\"d\":\t{\n\t}\n}"));
    buffer_release(&out);
}
