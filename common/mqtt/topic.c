/* Topic names and filters: validity, matching, and the two relations between filters that access
 * rules and overlapping subscriptions need.
 *
 * Filters are compared level by level. Two facts make the relations exact: `#` matches its parent
 * level too (MQTT 5 section 4.7.1.2), and a wildcard on the first level never matches a name that
 * begins with $ (MQTT-4.7.2-1).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/topic.h"

#include <assert.h>

#include "mqtt/utf8.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

enum { TOPIC_LENGTH_MAX = 65535 };

/* Bit 7 of some byte is set if one of the bytes is NUL, +, # or not ASCII. A borrow can raise a
 * false alarm, never hide a true one; an alarm only means a closer look. */
static inline uint64_t word_is_special(uint64_t word)
{
    uint64_t plus = (word ^ EACH_BYTE('+')) - EACH_BYTE(1);
    uint64_t hash = (word ^ EACH_BYTE('#')) - EACH_BYTE(1);

    return (word | (word - EACH_BYTE(1)) | plus | hash) & EACH_BYTE(0x80);
}

static inline uint64_t word_at(const uint8_t *data)
{
    uint64_t word;

    memcpy(&word, data, sizeof(word));
    return word;
}

/* Only ASCII without NUL and wildcards: what nearly every topic name is. The last word overlaps the
 * one before it, so that there is no rest to go through byte by byte. */
static bool topic_is_plain(struct slice name)
{
    const size_t size = sizeof(uint64_t);
    uint64_t special = 0;

    if (name.length < size) {
        for (size_t i = 0; i < name.length; i++) {
            special |= word_is_special(EACH_BYTE(name.data[i]));
        }
        return special == 0;
    }
    for (size_t i = 0; i < name.length - size; i += size) {
        special |= word_is_special(word_at(name.data + i));
    }
    return (special | word_is_special(word_at(name.data + name.length - size))) == 0;
}

bool topic_filter_has_wildcard(struct slice filter)
{
    return filter.length > 0 &&
           (memchr(filter.data, '+', filter.length) || memchr(filter.data, '#', filter.length));
}

bool topic_name_is_valid(struct slice name)
{
    if (name.length == 0 || name.length > TOPIC_LENGTH_MAX) {
        return false;
    }
    return topic_is_plain(name) || (!topic_filter_has_wildcard(name) && utf8_is_valid_string(name));
}

bool topic_next_level(struct slice *rest, bool *done, struct slice *level)
{
    const uint8_t *slash;

    if (*done) {
        return false;
    }
    slash = rest->length > 0 ? memchr(rest->data, '/', rest->length) : NULL;
    if (slash) {
        *level = slice_make(rest->data, (size_t)(slash - rest->data));
        *rest = slice_from(*rest, level->length + 1);
    } else {
        *level = *rest;
        *rest = slice_from(*rest, rest->length);
        *done = true;
    }
    return true;
}

static bool level_is(struct slice level, char wildcard)
{
    return level.length == 1 && level.data[0] == wildcard;
}

/* + alone in its level, # alone in the last. */
static bool wildcards_are_valid(struct slice filter)
{
    struct slice level;
    bool done = false;

    while (topic_next_level(&filter, &done, &level)) {
        if (topic_filter_has_wildcard(level) && !level_is(level, '+') &&
            !(level_is(level, '#') && done)) {
            return false;
        }
    }
    return true;
}

bool topic_filter_is_valid(struct slice filter)
{
    struct slice share_name = SLICE_EMPTY;
    struct slice rest = filter;

    if (filter.length == 0 || filter.length > TOPIC_LENGTH_MAX) {
        return false;
    }
    if (topic_is_plain(filter) && filter.data[0] != '$') {
        return true;
    }
    if (topic_filter_split_share(filter, &share_name, &rest)) {
        if (share_name.length == 0 || topic_filter_has_wildcard(share_name) || rest.length == 0) {
            return false;
        }
    }
    return wildcards_are_valid(rest) && utf8_is_valid_string(filter);
}

bool topic_filter_split_share(struct slice filter, struct slice *share_name, struct slice *rest)
{
    struct slice prefix = SLICE_LITERAL("$share/");
    bool done = false;

    if (!slice_starts_with(filter, prefix)) {
        return false;
    }
    *rest = slice_from(filter, prefix.length);
    topic_next_level(rest, &done, share_name);
    return true;
}

static bool begins_with_dollar(struct slice topic)
{
    return topic.length > 0 && topic.data[0] == '$';
}

static bool begins_with_wildcard(struct slice filter)
{
    return filter.length > 0 && (filter.data[0] == '+' || filter.data[0] == '#');
}

bool topic_matches(struct slice filter, struct slice name)
{
    struct slice wanted, level;
    bool filter_done = false, name_done = false;

    if (begins_with_wildcard(filter) && begins_with_dollar(name)) {
        return false;
    }
    while (topic_next_level(&filter, &filter_done, &wanted)) {
        if (level_is(wanted, '#')) {
            return true;
        }
        if (!topic_next_level(&name, &name_done, &level)) {
            return false;
        }
        if (!level_is(wanted, '+') && !slice_equal(wanted, level)) {
            return false;
        }
    }
    return name_done;
}

/* `#` matches the parent level too, but the parent in "#" and "/#" would be the empty name, which
 * does not exist: so they match just what "+/#" and "/+/#" match. */
static struct slice filter_without_empty_parent(struct slice filter)
{
    if (slice_equal(filter, SLICE_LITERAL("#"))) {
        return SLICE_LITERAL("+/#");
    }
    return slice_equal(filter, SLICE_LITERAL("/#")) ? SLICE_LITERAL("/+/#") : filter;
}

bool topic_filter_covers(struct slice outer, struct slice inner)
{
    struct slice wide, narrow;
    bool outer_done = false, inner_done = false;

    if (begins_with_wildcard(outer) && begins_with_dollar(inner)) {
        return false;
    }
    inner = filter_without_empty_parent(inner);
    while (topic_next_level(&outer, &outer_done, &wide)) {
        if (level_is(wide, '#')) {
            return true;
        }
        if (!topic_next_level(&inner, &inner_done, &narrow) || level_is(narrow, '#')) {
            return false;
        }
        if (!level_is(wide, '+') && !slice_equal(wide, narrow)) {
            return false;
        }
    }
    return inner_done;
}

bool topic_filters_overlap(struct slice a, struct slice b)
{
    struct slice level_a = SLICE_EMPTY, level_b = SLICE_EMPTY;
    bool a_done = false, b_done = false;

    if ((begins_with_wildcard(a) && begins_with_dollar(b)) ||
        (begins_with_wildcard(b) && begins_with_dollar(a))) {
        return false;
    }
    a = filter_without_empty_parent(a);
    b = filter_without_empty_parent(b);
    for (;;) {
        bool more_a = topic_next_level(&a, &a_done, &level_a);
        bool more_b = topic_next_level(&b, &b_done, &level_b);
        if ((more_a && level_is(level_a, '#')) || (more_b && level_is(level_b, '#'))) {
            return true;
        }
        if (!more_a || !more_b) {
            return more_a == more_b;
        }
        if (!level_is(level_a, '+') && !level_is(level_b, '+') && !slice_equal(level_a, level_b)) {
            return false;
        }
    }
}

size_t topic_level_count(struct slice topic)
{
    size_t count = 1;
    const uint8_t *at = topic.data, *end = topic.data + topic.length;

    while (at < end && (at = memchr(at, '/', (size_t)(end - at))) != NULL) {
        count++;
        at++;
    }
    return count;
}
