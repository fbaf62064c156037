/* Filters and topics of the match cell, which is about the broker's search among many filters.
 *
 * Filter number i is exact (60 % of them), `g/+/w` (15 %), `+/d/x` (15 %) or `g/d/h/#` (10 %),
 * where a group g has a hundred devices d. For each there is one topic that matches it and no other
 * filter, so that a broker has to deliver every message exactly once. All topics have the same
 * length and stand behind the prefix of the run.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_MATCH_H
#define PUBGRID_CLI_BENCH_MATCH_H

#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_MATCH_FILTERS_MAX = 1000000,
    BENCH_MATCH_TOPIC_SIZE = 19, /* g12345/d12/t1234567 */
};

/* Number of the filter that a message is for: random, but known to both ends. */
uint32_t bench_match_number(uint32_t publisher, uint64_t sequence, uint32_t filters);

/* Writes filter `number` with a NUL behind it. */
void bench_match_filter_write(char *out, size_t size, uint32_t number);
/* Writes the topic that matches it, without a NUL. Called for each message, so it is no printf. */
void bench_match_topic_write(uint8_t out[BENCH_MATCH_TOPIC_SIZE], uint32_t number);

#endif
