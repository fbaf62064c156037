/* Topic names and filters: validity by the tables of section 4.7, matching and the relations
 * between filters by examples and by exhaustion over a small alphabet.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "mqtt/topic.h"

static struct slice text(const char *literal)
{
    return slice_from_string(literal);
}

TEST(topic_names)
{
    static const char *const valid[] = {
        "a",   "/",          "/a",
        "a/",  "a//b",       "$SYS/x",
        "a b", "\xC3\xA9/x", "a-name-longer-than-a-machine-word/and/more"};
    static const char *const invalid[] = {
        "",          "+",         "#",        "a/+",  "a/#",
        "a+",        "12345678#", "1234567+", "\xC3", "a/\xED\xA0\x80",
        "\xC3\xA9/+"};

    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        test_note("%s", valid[i]);
        CHECK(topic_name_is_valid(text(valid[i])));
    }
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        test_note("%s", invalid[i]);
        CHECK(!topic_name_is_valid(text(invalid[i])));
    }
    CHECK(!topic_name_is_valid(SLICE_LITERAL("a\0b")));
    CHECK(!topic_name_is_valid(SLICE_LITERAL("abcdefg\0")));
}

TEST(topic_names_reject_a_bad_byte_at_every_position)
{
    static const char bad[] = {'+', '#', '\0', '\xFF'};
    char name[41];

    for (size_t b = 0; b < sizeof(bad); b++) {
        for (size_t at = 0; at < sizeof(name); at++) {
            memset(name, 'x', sizeof(name));
            name[at] = bad[b];
            CHECK(!topic_name_is_valid(slice_make(name, at + 1)));
            CHECK(!topic_name_is_valid(slice_make(name, sizeof(name))));
            CHECK(at == 0 || topic_name_is_valid(slice_make(name, at)));
        }
    }
}

/* MQTT-4.7.3-3: at most 65,535 bytes. */
TEST(the_longest_topic)
{
    uint8_t *name = memory_allocate(65536);

    memset(name, 'a', 65536);
    CHECK(topic_name_is_valid(slice_make(name, 65535)));
    CHECK(!topic_name_is_valid(slice_make(name, 65536)));
    CHECK(topic_filter_is_valid(slice_make(name, 65535)));
    CHECK(!topic_filter_is_valid(slice_make(name, 65536)));
    free(name);
}

TEST(topic_filters)
{
    static const char *const valid[] = {
        "a",        "/",          "+",          "#",          "+/#",          "a/#",
        "a/+/b",    "/+",         "+/",         "//#",        "$SYS/#",       "$share",
        "$SHARE/x", "$share/g/a", "$share/g//", "$share/g/#", "$share/g/+/b", "\xC3\xA9/+",
        "$shared/x"};
    static const char *const invalid[] = {
        "",          "a#",           "a/#/b",      "#/",          "##",       "a+",
        "+a",        "a/b+/c",       "++",         "a/+#",        "$share/",  "$share/g",
        "$share/g/", "$share//a",    "$share/+/a", "$share/g#/a", "$share/#", "$share/g/a#",
        "\xC3/+",    "$share/\xFF/a"};

    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        test_note("%s", valid[i]);
        CHECK(topic_filter_is_valid(text(valid[i])));
    }
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        test_note("%s", invalid[i]);
        CHECK(!topic_filter_is_valid(text(invalid[i])));
    }
    CHECK(!topic_filter_is_valid(SLICE_LITERAL("a\0b")));
    CHECK(topic_filter_has_wildcard(text("a/#")) && topic_filter_has_wildcard(text("+")));
    CHECK(!topic_filter_has_wildcard(text("a/b")) && !topic_filter_has_wildcard(SLICE_EMPTY));
}

TEST(share_parts)
{
    struct slice name = SLICE_EMPTY, rest = SLICE_EMPTY;

    CHECK(topic_filter_split_share(text("$share/group/a/+"), &name, &rest));
    CHECK_SLICE_EQUAL(name, text("group"));
    CHECK_SLICE_EQUAL(rest, text("a/+"));
    CHECK(!topic_filter_split_share(text("$shared/group/a"), &name, &rest));
    CHECK(!topic_filter_split_share(text("a"), &name, &rest));
    CHECK_SLICE_EQUAL(rest, text("a/+"));
}

TEST(levels)
{
    static const char *const levels[] = {"", "a", "", "b", ""};
    struct slice rest = text("/a//b/"), level;
    bool done = false;

    for (size_t i = 0; i < 5; i++) {
        CHECK(topic_next_level(&rest, &done, &level));
        CHECK_SLICE_EQUAL(level, text(levels[i]));
    }
    CHECK(!topic_next_level(&rest, &done, &level));
}

/* The examples of sections 4.7.1 and 4.7.2, and what they leave open. */
TEST(matching)
{
    static const struct {
        const char *filter, *name;
        bool matches;
    } rows[] = {
        {"sport/tennis/player1/#", "sport/tennis/player1", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
        {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
        {"sport/#", "sport", true},
        {"sport/#", "sports", false},
        {"#", "any/thing/at/all", true},
        {"#", "/", true},
        {"sport/tennis/+", "sport/tennis/player1", true},
        {"sport/tennis/+", "sport/tennis/player1/ranking", false},
        {"sport/+", "sport", false},
        {"sport/+", "sport/", true},
        {"+/+", "/finance", true},
        {"/+", "/finance", true},
        {"+", "/finance", false},
        {"+", "a", true},
        {"#", "$SYS/monitor", false},
        {"+/monitor/Clients", "$SYS/monitor/Clients", false},
        {"$SYS/#", "$SYS/monitor", true},
        {"$SYS/#", "$SYS", true},
        {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
        {"a/+", "a/$b", true},
        {"a/b", "a/b", true},
        {"a/b", "a/B", false},
        {"a/b", "a", false},
        {"a", "a/b", false},
        {"a", "a/", false},
        {"a//b", "a/b", false},
        {"a/+/b", "a//b", true},
        {"+/#", "a", true},
        {"a/+/#", "a", false},
        {"a/+/#", "a/b", true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s and %s", rows[i].filter, rows[i].name);
        CHECK_INT_EQUAL(topic_matches(text(rows[i].filter), text(rows[i].name)), rows[i].matches);
    }
}

/* All topics of up to three levels over a small alphabet of levels. */
enum { LEVELS_MAX = 3, TOPICS_MAX = 2000 };

struct topics {
    char *list[TOPICS_MAX];
    size_t count;
};

static void topics_add(struct topics *topics, const struct buffer *topic)
{
    CHECK(topics->count < TOPICS_MAX);
    topics->list[topics->count++] = memory_copy_string(buffer_slice(topic));
}

static void topics_free(struct topics *topics)
{
    for (size_t i = 0; i < topics->count; i++) {
        free(topics->list[i]);
    }
    free(topics);
}

/* Adds all topics that begin with `topic`, which has that many levels, and leaves it unchanged. */
static void topics_extend(struct topics *topics, struct buffer *topic, unsigned levels,
                          const char *const *alphabet, bool filters)
{
    size_t length = topic->length;

    for (size_t i = 0; alphabet[i]; i++) {
        buffer_append_string(topic, levels > 0 ? "/" : "");
        buffer_append_string(topic, alphabet[i]);
        if (filters ? topic_filter_is_valid(buffer_slice(topic))
                    : topic_name_is_valid(buffer_slice(topic))) {
            topics_add(topics, topic);
        }
        if (levels + 1 < LEVELS_MAX && strcmp(alphabet[i], "#") != 0) {
            topics_extend(topics, topic, levels + 1, alphabet, filters);
        }
        topic->length = length;
    }
}

/* Each of them again with two levels more than any filter has. */
static void topics_lengthen(struct topics *topics, struct buffer *topic)
{
    for (size_t i = 0, count = topics->count; i < count; i++) {
        topic->length = 0;
        buffer_append_string(topic, topics->list[i]);
        buffer_append_string(topic, "/zz/zz");
        topics_add(topics, topic);
    }
}

/* The rules of 4.7 word for word, on strings. */
static bool matches_naively(const char *filter, const char *name)
{
    if (strcmp(filter, "#") == 0) {
        return true;
    }
    if (filter[0] == '+') {
        size_t skip = strcspn(name, "/");
        filter += 1;
        name += skip;
    }
    while (*filter && *filter != '/' && *filter == *name) {
        filter += 1;
        name += 1;
    }
    if (*filter == '\0' || (*filter == '/' && *name == '\0')) {
        return *name == '\0' && (*filter == '\0' || strcmp(filter, "/#") == 0);
    }
    return *filter == '/' && *name == '/' && matches_naively(filter + 1, name + 1);
}

TEST(relations_by_exhaustion)
{
    /* Names have one more word and one more level than filters know, so that a filter that is
     * wider than another shows it by some name. */
    static const char *const filter_levels[] = {"a", "", "$x", "+", "#", NULL};
    static const char *const name_levels[] = {"a", "", "$x", "zz", NULL};
    struct topics *filters = memory_allocate_zero(sizeof(*filters));
    struct topics *names = memory_allocate_zero(sizeof(*names));
    bool *matched = memory_allocate_zero(TOPICS_MAX * sizeof(bool) * TOPICS_MAX);
    struct buffer topic = {0};

    topics_extend(filters, &topic, 0, filter_levels, true);
    topics_extend(names, &topic, 0, name_levels, false);
    topics_lengthen(names, &topic);
    for (size_t f = 0; f < filters->count; f++) {
        for (size_t n = 0; n < names->count; n++) {
            const char *filter = filters->list[f], *name = names->list[n];
            bool hidden = (filter[0] == '+' || filter[0] == '#') && name[0] == '$';
            bool expected = !hidden && matches_naively(filter, name);
            test_note("%s and %s", filter, name);
            CHECK_INT_EQUAL(topic_matches(text(filter), text(name)), expected);
            matched[f * TOPICS_MAX + n] = expected;
        }
    }
    for (size_t a = 0; a < filters->count; a++) {
        for (size_t b = 0; b < filters->count; b++) {
            bool covers = true, overlap = false;
            for (size_t n = 0; n < names->count; n++) {
                bool by_a = matched[a * TOPICS_MAX + n], by_b = matched[b * TOPICS_MAX + n];
                covers &= by_a || !by_b;
                overlap |= by_a && by_b;
            }
            test_note("%s and %s", filters->list[a], filters->list[b]);
            CHECK_INT_EQUAL(topic_filter_covers(text(filters->list[a]), text(filters->list[b])),
                            covers);
            CHECK_INT_EQUAL(topic_filters_overlap(text(filters->list[a]), text(filters->list[b])),
                            overlap);
        }
    }
    free(matched);
    topics_free(names);
    topics_free(filters);
    buffer_release(&topic);
}
