/* Fuzzes topic names and filters: three lines of input are two filters and a name.
 *
 * Oracles: a matcher written word for word after section 4.7; and for the relations between
 * filters, names made to order. A filter with `+` filled by a level that the other filter cannot
 * name, and with `#` filled by nothing, one and many of them, is a name that shows whether the
 * other one covers it; and a name put together from two overlapping filters is matched by both.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "base/buffer.h"
#include "mqtt/topic.h"
#include "mqtt/utf8.h"

enum { TOPIC_MAX = 120 };

/* Levels of a topic, by plain counting. */
struct levels {
    struct slice at[TOPIC_MAX + 2];
    size_t count;
};

static struct levels levels_of(struct slice topic)
{
    struct levels levels = {.count = 1};

    levels.at[0] = slice_make(topic.data, 0);
    for (size_t i = 0; i < topic.length; i++) {
        if (topic.data[i] == '/') {
            levels.at[levels.count++] = slice_make(topic.data + i + 1, 0);
        } else {
            levels.at[levels.count - 1].length += 1;
        }
    }
    return levels;
}

static bool is_wildcard(struct slice level, const char *wildcard)
{
    return slice_equal(level, slice_from_string(wildcard));
}

static bool naive_matches(struct slice filter, struct slice name)
{
    struct levels f = levels_of(filter), n = levels_of(name);
    bool many = is_wildcard(f.at[f.count - 1], "#");
    size_t fixed = f.count - many;

    if (name.data[0] == '$' && (filter.data[0] == '+' || filter.data[0] == '#')) {
        return false;
    }
    if (many ? n.count < fixed : n.count != fixed) {
        return false;
    }
    for (size_t i = 0; i < fixed; i++) {
        if (!is_wildcard(f.at[i], "+") && !slice_equal(f.at[i], n.at[i])) {
            return false;
        }
    }
    return true;
}

static bool naive_filter_is_valid(struct slice filter)
{
    struct levels levels = levels_of(filter);
    size_t first = 0;

    if (filter.length == 0 || !utf8_is_valid_string(filter)) {
        return false;
    }
    if (levels.count > 1 && is_wildcard(levels.at[0], "$share")) {
        if (levels.count < 3 || levels.at[1].length == 0 ||
            topic_filter_has_wildcard(levels.at[1]) ||
            (levels.count == 3 && levels.at[2].length == 0)) {
            return false;
        }
        first = 2;
    }
    for (size_t i = first; i < levels.count; i++) {
        if (topic_filter_has_wildcard(levels.at[i]) && !is_wildcard(levels.at[i], "+") &&
            !(is_wildcard(levels.at[i], "#") && i + 1 == levels.count)) {
            return false;
        }
    }
    return true;
}

static void name_add_level(struct buffer *name, bool first, struct slice level)
{
    if (!first) {
        buffer_append_byte(name, '/');
    }
    buffer_append(name, level);
}

/* A level that is longer than any of the other filter's. */
static struct slice fresh_level(void)
{
    static uint8_t text[TOPIC_MAX + 1];

    memset(text, 'q', sizeof(text));
    return slice_make(text, sizeof(text));
}

/* `filter` with + filled by a fresh level and # by `tail` of them; false if no name comes out. */
static bool name_from_filter(struct buffer *name, struct slice filter, size_t tail)
{
    struct levels levels = levels_of(filter);
    bool many = is_wildcard(levels.at[levels.count - 1], "#");
    size_t fixed = levels.count - many;

    name->length = 0;
    for (size_t i = 0; i < fixed; i++) {
        name_add_level(name, i == 0, is_wildcard(levels.at[i], "+") ? fresh_level() : levels.at[i]);
    }
    for (size_t i = 0; many && i < tail; i++) {
        name_add_level(name, fixed + i == 0, fresh_level());
    }
    return name->length > 0;
}

static void check_covers(struct slice outer, struct slice inner)
{
    const size_t tails[] = {0, 1, TOPIC_MAX};
    bool covers = topic_filter_covers(outer, inner);
    struct buffer name = {0};
    bool all = true;

    for (size_t i = 0; i < 3; i++) {
        if (name_from_filter(&name, inner, tails[i])) {
            FUZZ_CHECK(topic_name_is_valid(buffer_slice(&name)));
            FUZZ_CHECK(topic_matches(inner, buffer_slice(&name)));
            all &= topic_matches(outer, buffer_slice(&name));
        }
    }
    FUZZ_CHECK(covers == all);
    FUZZ_CHECK(!covers || topic_filters_overlap(outer, inner));
    buffer_release(&name);
}

/* The level that both allow, or a fresh one. */
static struct slice common_level(struct slice a, struct slice b)
{
    if (!is_wildcard(a, "+") && !is_wildcard(a, "#")) {
        return a;
    }
    return is_wildcard(b, "+") || is_wildcard(b, "#") ? fresh_level() : b;
}

static void check_overlap_witness(struct slice filter_a, struct slice filter_b)
{
    struct levels a = levels_of(filter_a), b = levels_of(filter_b);
    bool many_a = is_wildcard(a.at[a.count - 1], "#"), many_b = is_wildcard(b.at[b.count - 1], "#");
    size_t fixed_a = a.count - many_a, fixed_b = b.count - many_b;
    size_t count = fixed_a > fixed_b ? fixed_a : fixed_b;
    struct buffer name = {0};

    for (size_t i = 0; i < count; i++) {
        struct slice level_a = i < fixed_a ? a.at[i] : SLICE_LITERAL("#");
        struct slice level_b = i < fixed_b ? b.at[i] : SLICE_LITERAL("#");
        name_add_level(&name, i == 0, common_level(level_a, level_b));
    }
    if (many_a && many_b) {
        name_add_level(&name, count == 0, fresh_level()); /* the parent may be no name */
    }
    FUZZ_CHECK(topic_matches(filter_a, buffer_slice(&name)));
    FUZZ_CHECK(topic_matches(filter_b, buffer_slice(&name)));
    buffer_release(&name);
}

static void check_filters(struct slice a, struct slice b, struct slice name)
{
    bool by_a, by_b, overlap = topic_filters_overlap(a, b);

    FUZZ_CHECK(overlap == topic_filters_overlap(b, a));
    FUZZ_CHECK(topic_filter_covers(a, a) && topic_filters_overlap(a, a));
    check_covers(a, b);
    check_covers(b, a);
    if (overlap) {
        check_overlap_witness(a, b);
    }
    if (!topic_name_is_valid(name)) {
        return;
    }
    by_a = topic_matches(a, name);
    by_b = topic_matches(b, name);
    FUZZ_CHECK(by_a == naive_matches(a, name));
    FUZZ_CHECK(!by_a || !by_b || overlap);
    FUZZ_CHECK(!by_b || by_a || !topic_filter_covers(a, b));
}

static void check_name(struct slice name)
{
    bool expected =
        name.length > 0 && utf8_is_valid_string(name) && !topic_filter_has_wildcard(name);

    FUZZ_CHECK(topic_name_is_valid(name) == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make(data, size);
    /* Copies, so that each has its own end. */
    struct slice a = fuzz_copy(fuzz_take_line(&rest)), b = fuzz_copy(fuzz_take_line(&rest));
    struct slice name = fuzz_copy(fuzz_take_line(&rest));

    if (a.length <= TOPIC_MAX && b.length <= TOPIC_MAX && name.length <= TOPIC_MAX) {
        bool valid_a = topic_filter_is_valid(a);
        FUZZ_CHECK(valid_a == naive_filter_is_valid(a));
        check_name(name);
        if (valid_a && topic_filter_is_valid(b) &&
            !slice_starts_with(a, SLICE_LITERAL("$share/")) &&
            !slice_starts_with(b, SLICE_LITERAL("$share/"))) {
            check_filters(a, b, name);
        }
    }
    fuzz_free(a);
    fuzz_free(b);
    fuzz_free(name);
    return 0;
}
