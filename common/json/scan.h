/* Where the plain part of a JSON string ends: shared by the reader, which checks strings, and the
 * writer, which makes them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_JSON_SCAN_H
#define PUBGRID_JSON_SCAN_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SCAN_EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Stands for itself in a string: ASCII, no control character, neither quote nor backslash. */
static inline bool scan_is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* Bit 7 of the first of eight bytes (the lowest) that is not plain, if there is one: it is under
 * the bias, not ASCII, or one of the two that the exclusive or makes 0, so that the subtraction
 * borrows into bit 7. Bytes above it may be marked, too, whatever they are. */
static inline uint64_t scan_special_bits(uint64_t word)
{
    uint64_t quote = (word ^ SCAN_EACH_BYTE('"')) - SCAN_EACH_BYTE(1);
    uint64_t backslash = (word ^ SCAN_EACH_BYTE('\\')) - SCAN_EACH_BYTE(1);
    uint64_t control = word - SCAN_EACH_BYTE(0x20);

    return (word | quote | backslash | control) & SCAN_EACH_BYTE(0x80);
}

/* The first byte that is not plain; `end` if all are. */
static inline const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end)
{
    uint64_t word;

    while ((size_t)(end - at) >= sizeof(word)) {
        uint64_t special;

        memcpy(&word, at, sizeof(word));
        special = scan_special_bits(le64toh(word));
        if (special != 0) {
            return at + __builtin_ctzll(special) / 8;
        }
        at += sizeof(word);
    }
    while (at < end && scan_is_plain(*at)) {
        at++;
    }
    return at;
}

#endif
