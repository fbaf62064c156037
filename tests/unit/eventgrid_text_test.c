/* How the filters of events see text: case folding and patterns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "eventgrid/fold.h"
#include "eventgrid/pattern.h"
#include "mqtt/utf8.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_fold(struct slice text, struct slice folded)
{
    struct buffer out = {0};

    fold_append(&out, text);
    CHECK_SLICE_EQUAL(buffer_slice(&out), folded);
    fold_append(&out, text);
    CHECK_INT_EQUAL(out.length, 2 * folded.length);
    buffer_release(&out);
}

TEST(letters_of_all_scripts_are_folded)
{
    static const struct {
        const char *text, *folded;
    } rows[] = {
        {"", ""},
        {"abc XYZ 09 @[`{", "abc xyz 09 @[`{"},
        {"The Quick Brown FOX", "the quick brown fox"},
        {"\xC3\x84\xC3\x96\xC3\x9C", "\xC3\xA4\xC3\xB6\xC3\xBC"}, /* umlauts */
        {"\xC3\x97\xC3\xB7", "\xC3\x97\xC3\xB7"},                 /* no letters: times, divided */
        {"\xCE\xA3\xCF\x82\xCF\x83", "\xCF\x83\xCF\x83\xCF\x83"}, /* the three sigmas */
        {"\xD0\x96\xD0\x81", "\xD0\xB6\xD1\x91"},                 /* Cyrillic */
        {"\xE1\xBA\x9E\xC3\x9F", "\xC3\x9F\xC3\x9F"},             /* sharp s, large and small */
        {"\xE2\x84\xAA", "k"},                                    /* the Kelvin sign */
        {"\xC8\xBA", "\xE2\xB1\xA5"},                             /* one that gets longer */
        {"\xF0\x90\x90\x80", "\xF0\x90\x90\xA8"},                 /* Deseret */
        {"\xE6\xBC\xA2\xF0\x9F\x98\x80", "\xE6\xBC\xA2\xF0\x9F\x98\x80"},
        {"I", "i"},
        {"\xC4\xB0", "\xC4\xB0"}, /* Turkish: neither the dotted capital i */
        {"\xC4\xB1", "\xC4\xB1"}, /* nor the dotless small one is an i */
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s", rows[i].text);
        check_fold(slice_from_string(rows[i].text), slice_from_string(rows[i].folded));
    }
}

/* Byte by byte, whatever lies beside it in a word of eight. */
TEST(each_byte_of_ascii_is_folded_alone)
{
    for (unsigned byte = 0; byte < 128; byte++) {
        for (size_t at = 0; at < 17; at++) {
            uint8_t text[17], folded[17];
            test_note("byte %u at %zu", byte, at);
            memset(text, 'Q', sizeof(text));
            memset(folded, 'q', sizeof(folded));
            text[at] = (uint8_t)byte;
            folded[at] = (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
            check_fold(slice_make(text, sizeof(text)), slice_make(folded, sizeof(folded)));
        }
    }
}

TEST(folding_twice_changes_nothing)
{
    for (uint32_t character = 1; character < 0x110000; character++) {
        uint8_t text[UTF8_CHARACTER_MAX], once[8], twice[16];
        size_t length = utf8_write(text, character);
        test_note("U+%04X", character);
        if (character >= 0xD800 && character < 0xE000) {
            continue;
        }
        size_t folded = fold_text(once, slice_make(text, length));
        CHECK(folded <= FOLDED_MAX(length));
        CHECK(utf8_is_valid_string(slice_make(once, folded)));
        size_t again = fold_text(twice, slice_make(once, folded));
        CHECK_SLICE_EQUAL(slice_make(twice, again), slice_make(once, folded));
    }
}

/* --- patterns --- */

static bool matches(const char *pattern, const char *text)
{
    struct pattern *made = pattern_new(slice_from_string(pattern));

    CHECK(made);
    bool is_match = pattern_matches(made, slice_from_string(text));
    pattern_free(made);
    return is_match;
}

TEST(patterns_match_whole_texts)
{
    static const struct {
        const char *pattern, *text;
        bool is_match;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"**", "abc", true},
        {"?", "", false},
        {"?", "a", true},
        {"?", "ab", false},
        {"?", "\xC3\xBC", true}, /* a character, not a byte */
        {"??", "\xC3\xBC", false},
        {"\xC3\xBC*", "\xC3\xBC", true},
        {"\xC3\xBC*", "\xC3\xB6", false},
        {"abc", "abc", true},
        {"abc", "abd", false},
        {"abc", "ab", false},
        {"abc", "abcd", false},
        {"a*c", "ac", true},
        {"a*c", "abbc", true},
        {"a*c", "abcb", false},
        {"*b*", "abc", true},
        {"*b*", "acd", false},
        {"*?", "", false},
        {"*?", "abc", true},
        {"?*?", "a", false},
        {"?*?", "ab", true},
        {"a?c*e?g", "abcdefg", true},
        {"a?c*e?g", "abceeeefg", true},
        {"a?c*e?g", "abcefgh", false},
        {"*.jpg", "/images/a.jpg", true},
        {"*.jpg", "/images/a.jpeg", false},
        {"/a/*/b/*.txt", "/a/x/y/b/c.txt", true},
        {"/a/*/b/*.txt", "/a/b/c.txt", false},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        test_note("%s on %s", rows[i].pattern, rows[i].text);
        CHECK_INT_EQUAL(matches(rows[i].pattern, rows[i].text), rows[i].is_match);
    }
}

TEST(long_patterns_go_over_words)
{
    for (size_t length = 60; length <= PATTERN_MAX; length += 13) {
        char pattern[PATTERN_MAX + 2], text[PATTERN_MAX + 2];
        test_note("%zu characters", length);
        for (size_t i = 0; i < length; i++) {
            text[i] = (char)('a' + i % 26);
            pattern[i] = i % 7 == 3 ? '?' : text[i];
        }
        pattern[length] = text[length] = '\0';
        CHECK(matches(pattern, text));
        text[length - 1]++;
        CHECK(!matches(pattern, text) || pattern[length - 1] == '?');
        pattern[length / 2] = '*';
        text[length - 1]--;
        CHECK(matches(pattern, text));
    }
}

TEST(patterns_have_a_bound)
{
    static char text[PATTERN_MAX + 2];
    struct pattern *pattern;

    memset(text, '?', PATTERN_MAX + 1);
    CHECK(!pattern_new(slice_from_string(text)));
    text[PATTERN_MAX] = '\0';
    pattern = pattern_new(slice_from_string(text));
    CHECK(pattern && pattern_matches(pattern, slice_from_string(text)));
    pattern_free(pattern);
}

/* The plain way: backwards through all choices. */
static bool naive(const char *pattern, const char *text)
{
    if (*pattern == '\0') {
        return *text == '\0';
    }
    if (*pattern == '*') {
        return naive(pattern + 1, text) || (*text != '\0' && naive(pattern, text + 1));
    }
    return *text != '\0' && (*pattern == '?' || *pattern == *text) && naive(pattern + 1, text + 1);
}

static void make_text(uint64_t *random, const char *letters, char *out, uint32_t length_max)
{
    uint32_t length = test_random_below(random, length_max + 1);

    for (uint32_t i = 0; i < length; i++) {
        out[i] = letters[test_random_below(random, (uint32_t)strlen(letters))];
    }
    out[length] = '\0';
}

TEST(patterns_are_as_the_plain_way_says)
{
    uint64_t random = 99;
    unsigned taken = 0;

    for (int i = 0; i < 20000; i++) {
        char pattern[10], text[12];
        make_text(&random, "ab?*", pattern, 8);
        make_text(&random, "ab", text, 10);
        test_note("%s on %s", pattern, text);
        CHECK_INT_EQUAL(matches(pattern, text), naive(pattern, text));
        taken += naive(pattern, text);
    }
    CHECK(taken > 1000 && taken < 19000);
}
