/* Names of hubs, groups and events, and groups as topics.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "access/hub.h"
#include "mqtt/utf8.h"

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

static void check_topic(struct slice name, struct slice topic)
{
    struct buffer out = {0};
    topic_append_escaped(&out, name);
    CHECK_SLICE_EQUAL(buffer_slice(&out), topic);
    out.length = 0;
    topic_append_unescaped(&out, topic);
    CHECK_SLICE_EQUAL(buffer_slice(&out), name);
    buffer_release(&out);
}

TEST(groups_as_topics)
{
    check_topic(SLICE_LITERAL("line1/temp"), SLICE_LITERAL("line1/temp"));
    check_topic(SLICE_LITERAL("a+b/#"), SLICE_LITERAL("a%2Bb/%23"));
    check_topic(SLICE_LITERAL("100%"), SLICE_LITERAL("100%25"));
    check_topic(SLICE_LITERAL("%2B"), SLICE_LITERAL("%252B"));
    check_topic(SLICE_LITERAL("a\0\n\x7F"), SLICE_LITERAL("a%00%0A%7F"));
    check_topic(SLICE_LITERAL("f\xC3\xBCr $SYS"), SLICE_LITERAL("f\xC3\xBCr $SYS"));
}

TEST(every_group_comes_back)
{
    uint64_t state = 7;
    for (int round = 0; round < 2000; round++) {
        uint8_t name[12];
        struct buffer topic = {0}, back = {0};
        size_t length = test_random_below(&state, sizeof(name) + 1);
        for (size_t i = 0; i < length; i++) {
            uint32_t any = test_random_below(&state, 128);
            name[i] = any < 64 ? (uint8_t) "%+#/25bB"[any % 8] : (uint8_t)any;
        }
        topic_append_escaped(&topic, slice_make(name, length));
        CHECK(length == 0 || utf8_is_valid_string(buffer_slice(&topic)));
        CHECK(topic.length == 0 ||
              (!memchr(topic.data, '+', topic.length) && !memchr(topic.data, '#', topic.length)));
        topic_append_unescaped(&back, buffer_slice(&topic));
        CHECK_SLICE_EQUAL(buffer_slice(&back), slice_make(name, length));
        buffer_release(&topic);
        buffer_release(&back);
    }
}

/* Topics of devices, which nobody has escaped. */
TEST(foreign_topics)
{
    static const struct {
        const char *topic, *group;
    } rows[] = {
        {"a%", "a%"},   {"a%4", "a%4"},     {"a%zz", "a%zz"},     {"a%2b%2B", "a++"},
        {"%%41", "%A"}, {"a%FFb", "a%FFb"}, {"%C3%A4", "%C3%A4"}, {"50%25%", "50%%"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buffer out = {0};
        test_note("%s", rows[i].topic);
        topic_append_unescaped(&out, slice_from_string(rows[i].topic));
        CHECK_SLICE_EQUAL(buffer_slice(&out), slice_from_string(rows[i].group));
        buffer_release(&out);
    }
}

TEST(settings_of_a_hub)
{
    static const struct hub_settings hubs[] = {
        {.name = "chat"}, {.name = "news"}, {.name = "_default"}};
    CHECK(hub_settings_find(hubs, 3, "news") == &hubs[1]);
    CHECK(hub_settings_find(hubs, 3, "other") == &hubs[2]);
    CHECK(hub_settings_find(hubs + 2, 1, "chat") == &hubs[2]);
}
