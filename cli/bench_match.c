/* See the header.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_match.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { DEVICES = 100 /* of a group */ };

/* One kind of filter: the letter of its topics, and where a filter differs from its topic. */
struct kind {
    unsigned share; /* percent */
    uint8_t letter;
    bool any_group, any_device, all_below;
};

static const struct kind kinds[] = {
    {60, 't', false, false, false},
    {15, 'w', false, true, false},
    {15, 'x', true, false, false},
    {10, 'h', false, false, true},
};

/* Kinds take turns in no order that a group or a device would see. */
static const struct kind *kind_of(uint32_t number)
{
    unsigned place = (uint32_t)(number * 2654435761U) / 65536 % 100;
    const struct kind *kind = kinds;
    while (place >= kind->share) {
        place -= kind->share;
        kind++;
    }
    return kind;
}

uint32_t bench_match_number(uint32_t publisher, uint64_t sequence, uint32_t filters)
{
    /* The finalizer of splitmix64. */
    uint64_t mixed = sequence + ((uint64_t)publisher << 40);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    return (uint32_t)((mixed ^ mixed >> 31) % filters);
}

static void digits_write(uint8_t *at, size_t count, uint32_t value)
{
    for (; count > 0; count--, value /= 10) {
        at[count - 1] = (uint8_t)('0' + value % 10);
    }
}

void bench_match_topic_write(uint8_t out[BENCH_MATCH_TOPIC_SIZE], uint32_t number)
{
    enum { GROUP_DIGITS = 5, DEVICE_DIGITS = 2, LEAF = 11, LEAF_DIGITS = 7 };
    static const char pattern[] = "g00000/d00/t0000000";
    const struct kind *kind = kind_of(number);
    memcpy(out, pattern, BENCH_MATCH_TOPIC_SIZE);
    digits_write(out + 1, GROUP_DIGITS, number / DEVICES);
    digits_write(out + 1 + GROUP_DIGITS + 2, DEVICE_DIGITS, number % DEVICES);
    digits_write(out + LEAF + 1, LEAF_DIGITS, number);
    out[LEAF] = kind->letter;
    if (kind->all_below) {
        out[LEAF + 1] = '/'; /* numbers have six digits at most, so it is a zero's place */
    }
}

void bench_match_filter_write(char *out, size_t size, uint32_t number)
{
    const struct kind *kind = kind_of(number);
    char group[16], device[16], leaf[16];
    snprintf(group, sizeof(group), "g%05u", number / DEVICES);
    snprintf(device, sizeof(device), "d%02u", number % DEVICES);
    snprintf(leaf, sizeof(leaf), kind->all_below ? "%c/#" : "%c%07u", kind->letter, number);
    snprintf(out, size, "%s/%s/%s", kind->any_group ? "+" : group, kind->any_device ? "+" : device,
             leaf);
}
