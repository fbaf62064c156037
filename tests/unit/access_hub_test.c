/* Groups as topics, and the settings of a hub.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "access/hub.h"
#include "mqtt/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

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
    CHECK(hub_settings_find(hubs, 3, SLICE_LITERAL("news")) == &hubs[1]);
    CHECK(hub_settings_find(hubs, 3, SLICE_LITERAL("other")) == &hubs[2]);
    CHECK(hub_settings_find(hubs + 2, 1, SLICE_LITERAL("chat")) == &hubs[2]);
}
