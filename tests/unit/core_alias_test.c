/* Topic aliases: what the client sets, and what we assign.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "core/alias.h"

TEST(an_alias_that_was_never_set_is_unknown)
{
    struct aliases *aliases = aliases_new();
    struct slice topic;

    CHECK(!aliases_topic(NULL, 1, &topic));
    CHECK(!aliases_topic(aliases, 0, &topic));
    CHECK(!aliases_topic(aliases, 1, &topic));
    aliases_set(aliases, 5, SLICE_LITERAL("a"));
    CHECK(!aliases_topic(aliases, 4, &topic));
    CHECK(!aliases_topic(aliases, 6, &topic));
    aliases_free(aliases);
    aliases_free(NULL);
}

TEST(the_last_topic_counts)
{
    struct aliases *aliases = aliases_new();
    struct slice topic;

    aliases_set(aliases, 3, SLICE_LITERAL("one"));
    aliases_set(aliases, 1, SLICE_LITERAL("first"));
    aliases_set(aliases, UINT16_MAX, SLICE_LITERAL("last"));
    aliases_set(aliases, 3, SLICE_LITERAL("another"));
    aliases_set(aliases, 3, SLICE_LITERAL("another"));
    CHECK(aliases_topic(aliases, 3, &topic));
    CHECK_SLICE_EQUAL(topic, SLICE_LITERAL("another"));
    CHECK(aliases_topic(aliases, 1, &topic));
    CHECK_SLICE_EQUAL(topic, SLICE_LITERAL("first"));
    CHECK(aliases_topic(aliases, UINT16_MAX, &topic));
    CHECK_SLICE_EQUAL(topic, SLICE_LITERAL("last"));
    aliases_free(aliases);
}

/* A PUBLISH that has the topic from the alias table and sets it again. */
TEST(a_topic_may_come_from_the_table_itself)
{
    struct aliases *aliases = aliases_new();
    struct slice topic;

    aliases_set(aliases, 1, SLICE_LITERAL("a/b"));
    CHECK(aliases_topic(aliases, 1, &topic));
    aliases_set(aliases, 2, topic);
    aliases_set(aliases, 1, topic);
    CHECK(aliases_topic(aliases, 2, &topic));
    CHECK_SLICE_EQUAL(topic, SLICE_LITERAL("a/b"));
    aliases_free(aliases);
}

TEST(aliases_are_assigned_up_to_the_maximum)
{
    struct aliases *aliases = aliases_new();
    bool known = true;

    CHECK_INT_EQUAL(aliases_for_topic(aliases, SLICE_LITERAL("a"), 2, &known), 1);
    CHECK(!known);
    CHECK_INT_EQUAL(aliases_for_topic(aliases, SLICE_LITERAL("b"), 2, &known), 2);
    CHECK(!known);
    CHECK_INT_EQUAL(aliases_for_topic(aliases, SLICE_LITERAL("c"), 2, &known), 0);
    CHECK(!known);
    CHECK_INT_EQUAL(aliases_for_topic(aliases, SLICE_LITERAL("a"), 2, &known), 1);
    CHECK(known);
    CHECK_INT_EQUAL(aliases_for_topic(aliases, SLICE_LITERAL("b"), 2, &known), 2);
    CHECK(known);
    aliases_free(aliases);
}

TEST(many_aliases)
{
    struct aliases *aliases = aliases_new();
    char name[16];
    bool known;

    for (int round = 0; round < 2; round++) {
        for (int i = 1; i <= 3000; i++) {
            int length = snprintf(name, sizeof(name), "t/%d", i);
            struct slice topic = slice_make(name, (size_t)length);
            CHECK_INT_EQUAL(aliases_for_topic(aliases, topic, 3000, &known), i);
            CHECK(known == (round == 1));
        }
    }
    CHECK_INT_EQUAL(aliases_for_topic(aliases, SLICE_LITERAL("x"), 3000, &known), 0);
    aliases_free(aliases);
}
