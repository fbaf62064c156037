/* Matching of wildcard rules, without backtracking: from piece to piece (what is between the stars)
 * goes the set of all places in the name where the pattern so far can end. So the time is at most
 * the product of the lengths, whatever a client sends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "names/role_pattern.h"

#include "mqtt/utf8.h"
#include "names/names.h"

/* Beyond Unicode: what stands for the pattern's `?`, and for a filter's + or #. */
enum { ANY_BUT_DOT = 0x110000, WILDCARD };

struct pattern {
    uint32_t characters[ROLE_PATTERN_MAX]; /* all but the stars */
    size_t length;
    struct star {
        size_t place; /* in front of which character */
        bool crosses_dots;
    } stars[ROLE_PATTERN_STARS];
    size_t star_count;
};

struct name {
    uint32_t characters[GROUP_NAME_MAX];
    size_t length;
};

/* --- the pattern --- */

/* Behind a star that was taken. */
static const char *compile_star(struct pattern *pattern, struct slice *rest, size_t *stars)
{
    bool is_double = rest->length > 0 && rest->data[0] == '*';
    *stars += is_double ? 2 : 1;
    if (*stars > ROLE_PATTERN_STARS) {
        return "more than 5 stars";
    }
    if (is_double) {
        *rest = slice_from(*rest, 1);
    }
    pattern->stars[pattern->star_count++] = (struct star){pattern->length, is_double};
    return NULL;
}

/* Behind a backslash that was taken. */
static const char *compile_escape(struct pattern *pattern, struct slice *rest)
{
    if (rest->length == 0 || !strchr("\\*?", rest->data[0]) || rest->data[0] == '\0') {
        return "a backslash that is not in front of \\, * or ?";
    }
    pattern->characters[pattern->length++] = utf8_take(rest);
    return NULL;
}

static const char *compile(struct pattern *pattern, struct slice text)
{
    const char *wrong = NULL;
    size_t stars = 0, characters = 0;
    pattern->length = pattern->star_count = 0;
    if (text.length == 0 || text.length > ROLE_PATTERN_BYTES_MAX || !utf8_is_well_formed(text)) {
        return "empty, longer than 1024 characters, or not UTF-8";
    }
    for (struct slice count = text; count.length > 0; characters++) {
        utf8_take(&count);
    }
    if (characters > ROLE_PATTERN_MAX) {
        return "longer than 1024 characters";
    }
    while (text.length > 0 && !wrong) {
        uint32_t character = utf8_take(&text);
        if (character == '*') {
            wrong = compile_star(pattern, &text, &stars);
        } else if (character == '\\') {
            wrong = compile_escape(pattern, &text);
        } else {
            pattern->characters[pattern->length++] = character == '?' ? ANY_BUT_DOT : character;
        }
    }
    return wrong;
}

const char *role_pattern_check(struct slice text)
{
    struct pattern pattern;
    return compile(&pattern, text);
}

/* --- the name --- */

static bool read_name(struct name *name, struct slice text, bool is_filter)
{
    name->length = 0;
    if (!utf8_is_well_formed(text)) {
        return false;
    }
    while (text.length > 0) {
        uint32_t character = utf8_take(&text);
        if (name->length == GROUP_NAME_MAX) {
            return false;
        }
        bool is_wildcard = is_filter && (character == '+' || character == '#');
        name->characters[name->length++] = is_wildcard ? WILDCARD : character;
    }
    return true;
}

/* --- matching --- */

static bool piece_is_at(const uint32_t *piece, size_t length, const uint32_t *at)
{
    for (size_t i = 0; i < length; i++) {
        bool fits = piece[i] == ANY_BUT_DOT ? at[i] != '.' && at[i] != WILDCARD : piece[i] == at[i];
        if (!fits) {
            return false;
        }
    }
    return true;
}

/* From the places where the pattern so far can end to those where it can end behind one star more
 * and the piece that follows it. */
static void pass_star(const bool *before, bool *after, const struct star *star,
                      const uint32_t *piece, size_t length, const struct name *name)
{
    bool open = false; /* the star can end here */
    memset(after, 0, (name->length + 1) * sizeof(*after));
    for (size_t i = 0; i + length <= name->length; i++) {
        bool passes = i > 0 && (star->crosses_dots || (name->characters[i - 1] != '.' &&
                                                       name->characters[i - 1] != WILDCARD));
        open = before[i] || (open && passes);
        after[i + length] = open && piece_is_at(piece, length, name->characters + i);
    }
}

bool role_pattern_matches(struct slice text, struct slice group, bool is_filter)
{
    struct pattern pattern;
    struct name name;
    bool ends[2][GROUP_NAME_MAX + 1];
    bool *before = ends[0], *after = ends[1];
    if (compile(&pattern, text) || !read_name(&name, group, is_filter)) {
        return false;
    }
    size_t piece = pattern.star_count > 0 ? pattern.stars[0].place : pattern.length;
    if (piece > name.length || !piece_is_at(pattern.characters, piece, name.characters)) {
        return false;
    }
    memset(before, 0, (name.length + 1) * sizeof(*before));
    before[piece] = true;
    for (size_t i = 0; i < pattern.star_count; i++) {
        size_t place = pattern.stars[i].place;
        size_t end = i + 1 < pattern.star_count ? pattern.stars[i + 1].place : pattern.length;
        pass_star(before, after, &pattern.stars[i], pattern.characters + place, end - place, &name);
        bool *swap = before;
        before = after;
        after = swap;
    }
    return before[name.length];
}
