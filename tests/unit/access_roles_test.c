/* Roles: what they allow, the wildcard rules of spec/webpubsub.md 1.3, the limits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "access/roles.h"
#include "names/role_pattern.h"
#include "json/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define JOIN  "webpubsub.joinLeaveGroup"
#define JOINS "webpubsub.joinLeaveGroups"
#define SEND  "webpubsub.sendToGroup"
#define SENDS "webpubsub.sendToGroups"

static bool add(struct roles **roles, const char *role)
{
    struct buffer error = {0};
    bool good = roles_add(roles, slice_from_string(role), &error);
    CHECK_INT_EQUAL(error.length > 0, !good);
    buffer_release(&error);
    return good;
}

static struct roles *roles_of(const char *role)
{
    struct roles *roles = NULL;
    CHECK(add(&roles, role));
    return roles;
}

static bool can(const struct roles *roles, enum role_action action, const char *group)
{
    return roles_allow(roles, action, slice_from_string(group));
}

TEST(none)
{
    CHECK(!can(NULL, ROLE_JOIN_LEAVE, "g"));
    CHECK(!can(NULL, ROLE_SEND, "g"));
    CHECK(!roles_allow_filter(NULL, ROLE_SEND, SLICE_LITERAL("#")));
    roles_free(NULL);
}

TEST(every_group)
{
    struct roles *roles = roles_of(JOIN);
    CHECK(can(roles, ROLE_JOIN_LEAVE, "g"));
    CHECK(can(roles, ROLE_JOIN_LEAVE, "a.b/c"));
    CHECK(!can(roles, ROLE_SEND, "g"));
    CHECK(add(&roles, SEND));
    CHECK(can(roles, ROLE_SEND, "g"));
    roles_free(roles);
}

TEST(one_group)
{
    struct roles *roles = roles_of(SEND ".a.b*");
    CHECK(can(roles, ROLE_SEND, "a.b*"));
    CHECK(!can(roles, ROLE_SEND, "a.bc"));
    CHECK(!can(roles, ROLE_SEND, "a"));
    CHECK(!can(roles, ROLE_SEND, "A.b*"));
    CHECK(!can(roles, ROLE_JOIN_LEAVE, "a.b*"));
    CHECK(add(&roles, JOIN ".g"));
    CHECK(can(roles, ROLE_JOIN_LEAVE, "g"));
    CHECK(!can(roles, ROLE_SEND, "g"));
    roles_free(roles);
}

TEST(unknown_roles_are_ignored)
{
    static const char *const unknown[] = {
        "",    "admin",  "webpubsub", "Webpubsub.sendToGroup",       JOIN ".",   JOIN ". ", JOINS,
        SENDS, SEND "x", JOIN "s",    "webpubsub.joinLeaveGroupX.g", SEND ".\n",
    };
    struct roles *roles = NULL;
    for (size_t i = 0; i < COUNT(unknown); i++) {
        test_note("%s", unknown[i]);
        CHECK(add(&roles, unknown[i]));
        CHECK(!roles);
    }
}

TEST(patterns)
{
    static const struct {
        const char *pattern;
        const char *matching[8], *others[8];
    } rows[] = {
        {"a", {"a"}, {"", "b", "aa", "A"}},
        {"a?c",
         {"abc", "a?c",
          "a\xC3\xBC"
          "c"},
         {"ac", "a.c", "abbc"}},
        {"*", {"a", "abc"}, {".", "a.b"}},
        {"**", {"a", "a.b", ".", "a.b.c/d"}, {0}},
        {"room.*", {"room.", "room.1", "room.abc"}, {"room", "room.a.b", "xroom.1"}},
        {"room.**", {"room.", "room.1", "room.a.b"}, {"room", "rooms"}},
        {"*.x", {".x", "a.x"}, {"a.b.x", "x", "a.xx"}},
        {"**.x", {".x", "a.x", "a.b.x", "a.x.x"}, {"x", "a.xy"}},
        {"a*b*c", {"abc", "aXbYc", "abbcc", "abcbc"}, {"ab", "a.bc", "abcd", "acb"}},
        {"**a*b", {"ab", "x.ab", "a.ab", "aab", "axb", "a.a.axb"}, {"a.b", "ab.", "b"}},
        {"*a**b", {"ab", "xa..b", "aab"}, {"x.ab", "a"}},
        {"**ab**ab", {"abab", "ab.ab", "xab.x.abab"}, {"ab", "aab", "abba"}},
        {"a.*.c", {"a.b.c", "a..c"}, {"a.b.b.c", "a.c"}},
        {"***", {"", "a.b", "x"}, {0}},
        {"a\\*b", {"a*b"}, {"axb", "a\\*b"}},
        {"a\\?b", {"a?b"}, {"axb"}},
        {"a\\\\b", {"a\\b"}, {"a\\\\b", "ab"}},
        {"\\*\\**", {"**", "**x"}, {"*", "x**"}},
        {"?", {"a", "\xF0\x9F\x98\x80"}, {"", ".", "ab"}},
        {"??*", {"ab", "abc"}, {"a", "a.b"}},
        {"a+b#", {"a+b#"}, {"axb"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct slice pattern = slice_from_string(rows[i].pattern);
        CHECK(!role_pattern_check(pattern));
        for (size_t k = 0; k < 8 && rows[i].matching[k]; k++) {
            test_note("%s and %s", rows[i].pattern, rows[i].matching[k]);
            CHECK(role_pattern_matches(pattern, slice_from_string(rows[i].matching[k]), false));
        }
        for (size_t k = 0; k < 8 && rows[i].others[k]; k++) {
            test_note("%s and not %s", rows[i].pattern, rows[i].others[k]);
            CHECK(!role_pattern_matches(pattern, slice_from_string(rows[i].others[k]), false));
        }
    }
}

/* The definition, straight: each star tries all that it may stand for. */
static bool matches_slowly(const char *pattern, const char *name)
{
    bool is_double = pattern[0] == '*' && pattern[1] == '*';
    if (pattern[0] == '\0') {
        return name[0] == '\0';
    }
    if (pattern[0] == '*') {
        const char *rest = pattern + (is_double ? 2 : 1);
        return matches_slowly(rest, name) || (name[0] != '\0' && (is_double || name[0] != '.') &&
                                              matches_slowly(pattern, name + 1));
    }
    if (pattern[0] == '\\') {
        pattern++;
    } else if (pattern[0] == '?') {
        return name[0] != '\0' && name[0] != '.' && matches_slowly(pattern + 1, name + 1);
    }
    return name[0] == pattern[0] && matches_slowly(pattern + 1, name + 1);
}

TEST(patterns_as_by_the_definition)
{
    uint64_t state = 11;
    unsigned matched = 0;
    for (int round = 0; round < 200000; round++) {
        char pattern[12] = "", name[12] = "";
        size_t length = 1 + test_random_below(&state, 9),
               name_length = test_random_below(&state, 10);
        for (size_t i = 0; i < length; i++) {
            pattern[i] = "ab.*?\\*ab"[test_random_below(&state, 9)];
        }
        for (size_t i = 0; i < name_length; i++) {
            name[i] = "ab.*ab"[test_random_below(&state, 6)];
        }
        if (role_pattern_check(slice_from_string(pattern))) {
            continue;
        }
        test_note("%s and %s", pattern, name);
        bool match = matches_slowly(pattern, name);
        matched += match;
        CHECK_INT_EQUAL(
            role_pattern_matches(slice_from_string(pattern), slice_from_string(name), false),
            match);
    }
    CHECK(matched > 5000);
}

TEST(patterns_that_are_not_valid)
{
    static const char *const bad[] = {"",       "a\\",         "\\a",      "\\.",   "a\\\\\\",
                                      "******", "*a*b*c*d*e*", "**a**b**", "a\xFF", "\\\xC3\xBC"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct roles *roles = NULL;
        struct buffer role = {0}, error = {0};
        test_note("%s", bad[i]);
        CHECK(role_pattern_check(slice_from_string(bad[i])));
        buffer_append_format(&role, JOINS ".%s", bad[i]);
        CHECK(!roles_add(&roles, buffer_slice(&role), &error));
        CHECK(error.length > 0);
        CHECK(!roles_allow(roles, ROLE_JOIN_LEAVE, SLICE_LITERAL("a")));
        roles_free(roles);
        buffer_release(&role);
        buffer_release(&error);
    }
    CHECK(!role_pattern_check(SLICE_LITERAL("*****")));
    CHECK(
        !role_pattern_check(SLICE_LITERAL("*\\**\\**\\**\\**\\*"))); /* escaped ones do not count */
}

TEST(the_longest_pattern)
{
    for (size_t length = 1023; length <= 1025; length++) {
        struct buffer pattern = {0};
        test_note("%zu", length);
        for (size_t i = 0; i < length; i++) {
            buffer_append_string(&pattern, "\xC3\xBC");
        }
        CHECK_INT_EQUAL(!role_pattern_check(buffer_slice(&pattern)), length <= 1024);
        CHECK_INT_EQUAL(role_pattern_matches(buffer_slice(&pattern), buffer_slice(&pattern), false),
                        length <= 1024);
        buffer_release(&pattern);
    }
}

TEST(patterns_per_action)
{
    struct roles *roles = NULL;
    for (int i = 0; i < 10; i++) {
        struct buffer role = {0};
        buffer_append_format(&role, SENDS ".room%d.*", i);
        buffer_append_byte(&role, '\0');
        CHECK(add(&roles, (char *)role.data));
        buffer_release(&role);
    }
    CHECK(add(&roles, SENDS ".room3.*")); /* again is no more */
    CHECK(!add(&roles, SENDS ".other.*"));
    CHECK(add(&roles, JOINS ".other.*"));
    CHECK(can(roles, ROLE_SEND, "room9.x"));
    CHECK(!can(roles, ROLE_SEND, "other.x"));
    CHECK(can(roles, ROLE_JOIN_LEAVE, "other.x"));
    roles_free(roles);
}

TEST(groups_per_action)
{
    struct roles *roles = NULL;
    char role[64];
    for (int i = 0; i < 1000; i++) {
        snprintf(role, sizeof(role), JOIN ".g%d", i);
        CHECK(add(&roles, role));
    }
    CHECK(add(&roles, JOIN ".g7"));
    CHECK(!add(&roles, JOIN ".one-more"));
    CHECK(add(&roles, SEND ".one-more"));
    CHECK(can(roles, ROLE_JOIN_LEAVE, "g0") && can(roles, ROLE_JOIN_LEAVE, "g999"));
    CHECK(!can(roles, ROLE_JOIN_LEAVE, "g1000"));
    roles_free(roles);
}

TEST(topic_filters)
{
    static const struct {
        const char *role, *filter;
        bool allowed;
    } rows[] = {
        {JOIN, "#", true},
        {JOIN, "+/+", true},
        {JOIN ".line1/+", "line1/+", true}, /* exactly this text */
        {JOIN ".line1/#", "line1/#", true},
        {JOIN ".line1/+", "line2/+", false},
        {JOIN ".line1/a", "line1/+", false},
        {JOINS ".line1/**", "line1/+", true},
        {JOINS ".line1/**", "line1/+/x/+", true},
        {JOINS ".line1/*", "line1/+", false}, /* what + stands for may have dots */
        {JOINS ".line1/?", "line1/+", false},
        {JOINS ".line1/+", "line1/+", false},
        {JOINS ".line1/**", "line2/+", false},
        {JOINS ".line1/**", "+/x", false},
        {JOINS ".line1/**", "#", false},
        {JOINS ".line1/**x", "line1/+", false},
        {JOINS ".line1/**x", "line1/+/x", true},
        {JOINS ".line1/**", "line1/#", false}, /* it names line1, too */
        {JOINS ".line1**", "line1/#", true},
        {JOINS ".**", "#", true},
        {JOINS ".**", "+/#", true},
        {JOINS ".*/**", "+/#", false},
        {SENDS ".**", "#", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct roles *roles = roles_of(rows[i].role);
        test_note("%s and %s", rows[i].role, rows[i].filter);
        CHECK_INT_EQUAL(
            roles_allow_filter(roles, ROLE_JOIN_LEAVE, slice_from_string(rows[i].filter)),
            rows[i].allowed);
        roles_free(roles);
    }
}

TEST(the_parent_of_a_filter_by_a_role_of_its_own)
{
    struct roles *roles = roles_of(JOINS ".line1/**");
    CHECK(add(&roles, JOIN ".line1"));
    CHECK(roles_allow_filter(roles, ROLE_JOIN_LEAVE, SLICE_LITERAL("line1/#")));
    roles_free(roles);
}

/* As JSON, and back. */
static struct roles *copy(const struct roles *roles, struct buffer *json)
{
    struct json_value array, element;
    struct roles *back = NULL;
    json->length = 0;
    roles_append_json(json, roles);
    CHECK(json_parse(buffer_slice(json), &array));
    CHECK_INT_EQUAL(array.type, JSON_ARRAY);
    struct json_walk walk = json_elements(&array);
    while (json_next_element(&walk, &element)) {
        struct buffer role = {0}, error = {0};
        json_append_string_value(&role, &element);
        CHECK(roles_add(&back, buffer_slice(&role), &error));
        buffer_release(&role);
    }
    return back;
}

TEST(as_json_and_back)
{
    struct buffer json = {0};
    struct roles *roles = NULL, *back;
    CHECK(!copy(NULL, &json));
    CHECK_SLICE_EQUAL(buffer_slice(&json), SLICE_LITERAL("[]"));
    CHECK(add(&roles, JOIN));
    CHECK(add(&roles, SEND ".q\"uo\\te\n\xC3\xBC"));
    CHECK(add(&roles, SENDS ".a\\*.**"));
    back = copy(roles, &json);
    CHECK_SLICE_EQUAL(buffer_slice(&json),
                      SLICE_LITERAL("[\"" JOIN "\",\"" SEND ".q\\\"uo\\\\te\\n\xC3\xBC\",\"" SENDS
                                    ".a\\\\*.**\"]"));
    CHECK(can(back, ROLE_JOIN_LEAVE, "x"));
    CHECK(can(back, ROLE_SEND, "q\"uo\\te\n\xC3\xBC"));
    CHECK(can(back, ROLE_SEND, "a*.b.c"));
    CHECK(!can(back, ROLE_SEND, "axb"));
    roles_free(roles);
    roles_free(back);
    buffer_release(&json);
}

/* --- while it is connected --- */

static const struct slice *group(const char *name)
{
    static struct slice slice;
    slice = slice_from_string(name);
    return &slice;
}

TEST(what_is_revoked_beats_what_allows_it)
{
    struct roles *roles = NULL;
    CHECK(add(&roles, SEND));
    CHECK(roles_allow_all(roles, ROLE_SEND));
    roles_revoke(&roles, ROLE_SEND, group("a/b"));
    CHECK(!can(roles, ROLE_SEND, "a/b"));
    CHECK(can(roles, ROLE_SEND, "a/c"));
    CHECK(roles_allow_filter(roles, ROLE_SEND, SLICE_LITERAL("b/#")));
    CHECK(!roles_allow_filter(roles, ROLE_SEND, SLICE_LITERAL("a/#")));
    CHECK(roles_grant(&roles, ROLE_SEND, group("a/b")));
    CHECK(can(roles, ROLE_SEND, "a/b"));
    roles_revoke(&roles, ROLE_SEND, NULL);
    CHECK(!can(roles, ROLE_SEND, "a/c"));
    CHECK(!roles_allow_all(roles, ROLE_SEND));
    CHECK(roles_grant(&roles, ROLE_SEND, group("a/c")));
    CHECK(can(roles, ROLE_SEND, "a/c"));
    CHECK(!can(roles, ROLE_SEND, "a/b"));
    roles_free(roles);
}

TEST(grants_begin_with_nothing_and_have_an_end)
{
    struct roles *roles = NULL;
    char name[16];
    roles_revoke(&roles, ROLE_SEND, group("x"));
    CHECK(!roles);
    CHECK(roles_grant(&roles, ROLE_JOIN_LEAVE, NULL));
    CHECK(can(roles, ROLE_JOIN_LEAVE, "x"));
    CHECK(!can(roles, ROLE_SEND, "x"));
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        CHECK(roles_grant(&roles, ROLE_SEND, group(name)));
    }
    CHECK(roles_grant(&roles, ROLE_SEND, group("g7")));
    CHECK(!roles_grant(&roles, ROLE_SEND, group("one more")));
    roles_free(roles);
}

/* More denials than are kept: then nothing is allowed, rather than something that was revoked. */
TEST(denials_beyond_the_bound_take_all)
{
    struct roles *roles = NULL;
    char name[16];
    CHECK(add(&roles, SEND));
    for (int i = 0; i <= 1000; i++) {
        snprintf(name, sizeof(name), "g%d", i);
        roles_revoke(&roles, ROLE_SEND, group(name));
        CHECK(!can(roles, ROLE_SEND, name));
    }
    CHECK(!can(roles, ROLE_SEND, "other"));
    roles_free(roles);
}
