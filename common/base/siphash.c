/* SipHash-1-3 of Aumasson and Bernstein, written from the paper's description.
 *
 * The four state words stay in registers: the round is a macro-free inline function on a struct
 * that the compiler takes apart.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/siphash.h"

#include <endian.h>
#include <string.h>

struct siphash_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64 - bits));
}

static inline void siphash_round(struct siphash_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void siphash_word(struct siphash_state *s, uint64_t word)
{
    s->v3 ^= word;
    siphash_round(s);
    s->v0 ^= word;
}

/* The last 0 to 7 bytes, little endian, below the length in the top byte. */
static inline uint64_t siphash_tail(const uint8_t *data, size_t rest, size_t length)
{
    uint64_t word = (uint64_t)length << 56;

    for (size_t i = 0; i < rest; i++) {
        word |= (uint64_t)data[i] << (8 * i);
    }
    return word;
}

uint64_t siphash_13(struct slice bytes, const struct siphash_key *key)
{
    struct siphash_state s = {
        .v0 = key->k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key->k1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key->k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key->k1 ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *data = bytes.data;
    size_t rest = bytes.length;

    for (; rest >= 8; rest -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, sizeof(word));
        siphash_word(&s, le64toh(word));
    }
    siphash_word(&s, siphash_tail(data, rest, bytes.length));
    s.v2 ^= 0xff;
    siphash_round(&s);
    siphash_round(&s);
    siphash_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
