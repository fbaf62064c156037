/* See pattern.h. The pattern without its stars is a row of places, each for a certain character or
 * for any. Bit n of a state says that the first n places are filled; a character takes that bit to
 * n + 1 if it may fill the next place, and leaves it where a star stands before that.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/pattern.h"

#include <stdlib.h>

#include "base/memory.h"
#include "mqtt/utf8.h"

enum { WORD_BITS = 64, WORDS_MAX = PATTERN_MAX / WORD_BITS + 1, ASCII = 128, OTHER = 0 };

/* The places that a character may fill. */
struct filler {
    uint32_t character;
    uint64_t places[WORDS_MAX];
};

struct pattern {
    size_t places, words;
    uint16_t ascii[ASCII]; /* the filler that a character is */
    uint64_t stars[WORDS_MAX];
    size_t filler_count;
    struct filler fillers[]; /* the first, OTHER, is any character that the pattern does not name */
};

static void set_bit(uint64_t *words, size_t bit)
{
    words[bit / WORD_BITS] |= UINT64_C(1) << bit % WORD_BITS;
}

static size_t filler_of(const struct pattern *pattern, uint32_t character)
{
    if (character < ASCII) {
        return pattern->ascii[character];
    }
    for (size_t i = OTHER + 1; i < pattern->filler_count; i++) {
        if (pattern->fillers[i].character == character) {
            return i;
        }
    }
    return OTHER;
}

static void add_filler(struct pattern *pattern, uint32_t character)
{
    if (filler_of(pattern, character) == OTHER) {
        if (character < ASCII) {
            pattern->ascii[character] = (uint16_t)pattern->filler_count;
        }
        pattern->fillers[pattern->filler_count++].character = character;
    }
}

static void add_fillers(struct pattern *pattern, struct slice text)
{
    pattern->filler_count = OTHER + 1;
    while (text.length > 0) {
        uint32_t character = utf8_take(&text);

        if (character != '*' && character != '?') {
            add_filler(pattern, character);
        }
    }
}

static void add_places(struct pattern *pattern, struct slice text)
{
    while (text.length > 0) {
        uint32_t character = utf8_take(&text);

        if (character == '*') {
            set_bit(pattern->stars, pattern->places);
            continue;
        }
        for (size_t i = 0; i < pattern->filler_count; i++) {
            if (character == '?' || (i != OTHER && pattern->fillers[i].character == character)) {
                set_bit(pattern->fillers[i].places, pattern->places);
            }
        }
        pattern->places++;
    }
    pattern->words = pattern->places / WORD_BITS + 1;
}

struct pattern *pattern_new(struct slice text)
{
    size_t characters = 0;

    for (struct slice rest = text; rest.length > 0; characters++) {
        utf8_take(&rest);
    }
    if (characters > PATTERN_MAX) {
        return NULL;
    }
    struct pattern *pattern =
        memory_allocate_zero(sizeof(*pattern) + (characters + 1) * sizeof(pattern->fillers[0]));
    add_fillers(pattern, text);
    add_places(pattern, text);
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    free(pattern);
}

/* False: no place can be filled any more. */
static bool advance(const struct pattern *pattern, const uint64_t *places, uint64_t *state)
{
    uint64_t carried = 0, any = 0;

    for (size_t i = 0; i < pattern->words; i++) {
        uint64_t moved = state[i] & places[i];

        state[i] = (state[i] & pattern->stars[i]) | moved << 1 | carried;
        carried = moved >> (WORD_BITS - 1);
        any |= state[i];
    }
    return any != 0;
}

bool pattern_matches(const struct pattern *pattern, struct slice text)
{
    uint64_t state[WORDS_MAX] = {1};

    while (text.length > 0) {
        size_t filler = filler_of(pattern, utf8_take(&text));

        if (!advance(pattern, pattern->fillers[filler].places, state)) {
            return false;
        }
    }
    return (state[pattern->places / WORD_BITS] >> pattern->places % WORD_BITS & 1) != 0;
}
