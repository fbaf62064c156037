/* UTF-8 checking: many bytes at a time while they are ASCII, which topics nearly always are, and
 * by the Unicode standard's table 3-7 (well-formed byte sequences) where they are not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/utf8.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* What may follow a lead byte: how many bytes, and the range of the first of them. The narrow
 * ranges exclude overlong forms (E0, F0), surrogates (ED) and what is past U+10FFFF (F4). */
struct lead {
    uint8_t trail;
    uint8_t low, high;
};

static struct lead utf8_lead(uint8_t byte)
{
    static const struct lead none = {0, 0, 0};

    if (byte < 0xC2 || byte > 0xF4) {
        return none;
    }
    if (byte < 0xE0) {
        return (struct lead){1, 0x80, 0xBF};
    }
    if (byte < 0xF0) {
        return (struct lead){2, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    }
    return (struct lead){3, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
}

/* Bytes of the character at `at` (not ASCII), 0 if it is not well formed. */
static size_t utf8_character(const uint8_t *at, size_t rest)
{
    struct lead lead = utf8_lead(at[0]);

    if (lead.trail == 0 || rest <= lead.trail || at[1] < lead.low || at[1] > lead.high) {
        return 0;
    }
    for (size_t i = 2; i <= lead.trail; i++) {
        if ((at[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return lead.trail + 1u;
}

/* Bit 7 of some byte is set if the word holds a byte that is not ASCII or is NUL. False alarms
 * need a NUL below them, so zero means all is well. */
static inline uint64_t word_is_special(uint64_t word, bool allow_nul)
{
    uint64_t special = word | (allow_nul ? 0 : word - EACH_BYTE(1));

    return special & EACH_BYTE(0x80);
}

/* Bytes of whole blocks of 32 at the front of the text that are plain in this sense. */
static inline size_t plain_blocks(struct slice text, bool allow_nul)
{
    size_t i = 0;
    uint64_t words[4];

    while (text.length - i >= sizeof(words)) {
        memcpy(words, text.data + i, sizeof(words));
        if ((word_is_special(words[0], allow_nul) | word_is_special(words[1], allow_nul) |
             word_is_special(words[2], allow_nul) | word_is_special(words[3], allow_nul)) != 0) {
            break;
        }
        i += sizeof(words);
    }
    return i;
}

static inline bool utf8_check(struct slice text, bool allow_nul)
{
    const uint8_t *data = text.data;
    size_t i = plain_blocks(text, allow_nul);

    while (i < text.length) {
        uint64_t word;
        size_t used = 1;

        if (text.length - i >= sizeof(word)) {
            memcpy(&word, data + i, sizeof(word));
            if (word_is_special(word, allow_nul) == 0) {
                i += sizeof(word);
                continue;
            }
        }
        if (data[i] >= 0x80) {
            used = utf8_character(data + i, text.length - i);
        } else if (data[i] == 0 && !allow_nul) {
            return false;
        }
        if (used == 0) {
            return false;
        }
        i += used;
    }
    return true;
}

bool utf8_is_valid_string(struct slice text)
{
    return utf8_check(text, false);
}

bool utf8_is_well_formed(struct slice text)
{
    return utf8_check(text, true);
}

size_t utf8_character_length(struct slice text)
{
    return text.data[0] < 0x80 ? 1 : utf8_character(text.data, text.length);
}

uint32_t utf8_take(struct slice *text)
{
    uint8_t lead = text->data[0];
    size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t character = length == 1 ? lead : lead & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        character = character << 6 | (text->data[i] & 0x3F);
    }
    *text = slice_from(*text, length);
    return character;
}

size_t utf8_count(struct slice text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++) {
        count += (text.data[i] & 0xC0) != 0x80; /* bytes that begin a character */
    }
    return count;
}

size_t utf8_write(uint8_t *out, uint32_t character)
{
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (uint8_t)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (uint8_t)(leads[length] | character);
    return length;
}
