/* See fold.h. ASCII goes eight bytes at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "eventgrid/fold.h"

#include "mqtt/utf8.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

struct fold_run {
    uint32_t first, last, step;
    int32_t difference;
};

static const struct fold_run runs[] = {
#include "eventgrid/fold_table.def"
};

static uint32_t fold_character(uint32_t character)
{
    size_t low = 0, high = sizeof(runs) / sizeof(runs[0]);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct fold_run *run = &runs[middle];

        if (character < run->first) {
            high = middle;
        } else if (character > run->last) {
            low = middle + 1;
        } else {
            bool is_folded = (character - run->first) % run->step == 0;
            return is_folded ? (uint32_t)((int32_t)character + run->difference) : character;
        }
    }
    return character;
}

/* Eight bytes of ASCII at once: bit 7 of those from 'A' to 'Z' becomes bit 5. */
static uint64_t fold_word(uint64_t word)
{
    uint64_t from_a = word + EACH_BYTE(0x80 - 'A'), behind_z = word + EACH_BYTE(0x80 - 'Z' - 1);

    return word | ((from_a & ~behind_z & EACH_BYTE(0x80)) >> 2);
}

size_t fold_text(uint8_t *out, struct slice text)
{
    uint8_t *at = out;

    while (text.length > 0) {
        uint64_t word;

        if (text.length >= sizeof(word)) {
            memcpy(&word, text.data, sizeof(word));
            if ((word & EACH_BYTE(0x80)) == 0) {
                word = fold_word(word);
                memcpy(at, &word, sizeof(word));
                at += sizeof(word);
                text = slice_from(text, sizeof(word));
                continue;
            }
        }
        if (text.data[0] < 0x80) {
            uint8_t byte = text.data[0];
            *at++ = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
            text = slice_from(text, 1);
        } else {
            at += utf8_write(at, fold_character(utf8_take(&text)));
        }
    }
    return (size_t)(at - out);
}

void fold_append(struct buffer *out, struct slice text)
{
    out->length += fold_text(buffer_reserve(out, FOLDED_MAX(text.length)), text);
}
