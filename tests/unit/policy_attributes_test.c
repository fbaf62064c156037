/* Attributes of clients: which values there are, and how they are copied and shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "client_profile_fixture.h"

static const char *read(const char *json, struct arena *arena, struct attribute *out)
{
    struct json_value value;
    test_note("%s", json);
    CHECK(json_parse(slice_from_string(json), &value));
    return attribute_read(&value, arena, out);
}

TEST(a_value_is_a_text_an_integer_or_an_array_of_texts)
{
    static const struct {
        const char *json;
        enum attribute_type type;
        const char *shown;
    } rows[] = {
        {"\"fan\"", ATTRIBUTE_TEXT, "fan"},
        {"\"\"", ATTRIBUTE_TEXT, ""},
        {"\"\\u00fc\\n\"", ATTRIBUTE_TEXT, "\xC3\xBC\n"},
        {"[\"Fan\", \"Light\"]", ATTRIBUTE_TEXTS, "Fan,Light"},
        {"[]", ATTRIBUTE_TEXTS, ""},
        {"12", ATTRIBUTE_INTEGER, "12"},
        {"-9223372036854775808", ATTRIBUTE_INTEGER, "-9223372036854775808"},
        {"9223372036854775807", ATTRIBUTE_INTEGER, "9223372036854775807"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct buffer shown = {0};
        struct attribute attribute;
        CHECK(!read(rows[i].json, &arena, &attribute));
        CHECK_INT_EQUAL(attribute.type, rows[i].type);
        attribute_append(&shown, &attribute);
        CHECK_SLICE_EQUAL(buffer_slice(&shown), slice_from_string(rows[i].shown));
        buffer_release(&shown);
        arena_release(&arena);
    }
}

TEST(other_values_are_told)
{
    static const struct {
        const char *json, *problem;
    } rows[] = {
        {"true", "is a text, an integer, or an array of texts"},
        {"null", "is a text, an integer, or an array of texts"},
        {"{}", "is a text, an integer, or an array of texts"},
        {"1.5", "is a number, but no integer of 64 bits"},
        {"1e3", "is a number, but no integer of 64 bits"},
        {"9223372036854775808", "is a number, but no integer of 64 bits"},
        {"\"a\\u0000b\"", "is a text with a NUL in it"},
        {"[\"a\",\"\\u0000\"]", "has something in its array that is no text, or one with a NUL"},
        {"[\"a\",1]", "has something in its array that is no text, or one with a NUL"},
        {"[[\"a\"]]", "has something in its array that is no text, or one with a NUL"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena = {0};
        struct attribute attribute;
        const char *problem = read(rows[i].json, &arena, &attribute);
        CHECK(problem);
        CHECK_STRING_EQUAL(problem, rows[i].problem);
        arena_release(&arena);
    }
}

TEST(keys_are_letters_digits_and_underscores)
{
    CHECK(attribute_key_is_valid(SLICE_LITERAL("Floor_2")));
    CHECK(!attribute_key_is_valid(SLICE_LITERAL("")));
    CHECK(!attribute_key_is_valid(SLICE_LITERAL("a.b")));
    CHECK(!attribute_key_is_valid(SLICE_LITERAL("\xC3\xBC")));
}

TEST(a_copy_outlives_what_it_was_made_of)
{
    struct arena first = {0}, second = {0};
    struct client_profile client;
    CHECK(read_profile(SLICE_LITERAL("{\"attributes\":{\"a\":\"x\",\"b\":[\"y\",\"z\"],\"c\":7}}"),
                       &first, &client));
    const struct attribute *copy = attributes_copy(client.attributes, &second);
    arena_release(&first);
    CHECK_SLICE_EQUAL(attributes_find(copy, SLICE_LITERAL("a"))->texts[0], SLICE_LITERAL("x"));
    CHECK_SLICE_EQUAL(attributes_find(copy, SLICE_LITERAL("b"))->texts[1], SLICE_LITERAL("z"));
    CHECK_INT_EQUAL(attributes_find(copy, SLICE_LITERAL("c"))->integer, 7);
    CHECK(!attributes_find(copy, SLICE_LITERAL("A")));
    CHECK(!attributes_copy(NULL, &second));
    arena_release(&second);
}
