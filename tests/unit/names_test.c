/* Names of hubs, groups and events.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "names/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* `count` times `text`. The caller releases it. */
static struct buffer repeated(const char *text, size_t count)
{
    struct buffer out = {0};
    while (count-- > 0) {
        buffer_append_string(&out, text);
    }
    return out;
}

TEST(hub_names)
{
    static const char *const good[] = {"a", "Z", "Hub_1", "a`,.[]_", "h.1"};
    static const char *const bad[] = {"",    "1a",  "_a",  ".a",  "a b",      "a/b",
                                      "a-b", "a%b", "a$b", "a\n", "\xC3\xA4", "h\xC3\xBC"};
    for (size_t i = 0; i < COUNT(good); i++) {
        test_note("%s", good[i]);
        CHECK(hub_name_is_valid(slice_from_string(good[i])));
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        test_note("%s", bad[i]);
        CHECK(!hub_name_is_valid(slice_from_string(bad[i])));
    }
    CHECK(!hub_name_is_valid(SLICE_LITERAL("a\0b")));
}

TEST(hub_name_lengths)
{
    for (size_t length = 127; length <= 129; length++) {
        struct buffer name = repeated("h", length);
        test_note("%zu", length);
        CHECK_INT_EQUAL(hub_name_is_valid(buffer_slice(&name)), length <= 128);
        buffer_release(&name);
    }
}

TEST(event_names)
{
    static const char *const bad[] = {"", "1", ".a", "a/b", "a b", "a,b", "\xC3\xA4"};
    CHECK(event_name_is_valid(SLICE_LITERAL("order.Created_2-x")));
    for (size_t i = 0; i < COUNT(bad); i++) {
        test_note("%s", bad[i]);
        CHECK(!event_name_is_valid(slice_from_string(bad[i])));
    }
    for (size_t length = 127; length <= 129; length++) {
        struct buffer name = repeated("e", length);
        CHECK_INT_EQUAL(event_name_is_valid(buffer_slice(&name)), length <= 128);
        buffer_release(&name);
    }
}

TEST(group_names)
{
    static const struct {
        struct slice name;
        bool good;
    } rows[] = {
        {SLICE_LITERAL("g"), true},
        {SLICE_LITERAL(" g "), true},
        {SLICE_LITERAL("line1/temp+#%"), true},
        {SLICE_LITERAL("\xF0\x9F\x98\x80"), true},
        {SLICE_LITERAL("a\0b"), true},
        {SLICE_LITERAL(""), false},
        {SLICE_LITERAL(" \t\r\n"), false},
        {SLICE_LITERAL("\xC2\xA0\xE2\x80\x83\xE3\x80\x80"), false}, /* Unicode's white space */
        {SLICE_LITERAL("\xFF"), false},
        {SLICE_LITERAL("a\xC3"), false},
        {SLICE_LITERAL("\xED\xA0\x80"), false}, /* a surrogate */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%zu", i);
        CHECK_INT_EQUAL(group_name_is_valid(rows[i].name), rows[i].good);
    }
}

TEST(group_names_are_counted_in_characters)
{
    static const char *const characters[] = {"g", "\xC3\xBC", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
    for (size_t i = 0; i < COUNT(characters); i++) {
        for (size_t count = 1023; count <= 1025; count++) {
            struct buffer name = repeated(characters[i], count);
            test_note("%zu of %s", count, characters[i]);
            CHECK_INT_EQUAL(group_name_is_valid(buffer_slice(&name)), count <= 1024);
            buffer_release(&name);
        }
    }
}
