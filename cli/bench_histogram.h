/* Latencies in a fixed amount of memory: a log-linear histogram.
 *
 * Below 2^7 every value has a bucket of its own; above, each power of two is cut into 2^7 equal
 * buckets, so a percentile is at most 0.8 % above the true one, from nanoseconds to years. Adding
 * is a shift and an increment, because it happens once per delivered message.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_HISTOGRAM_H
#define PUBGRID_CLI_BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum {
    BENCH_HISTOGRAM_BITS = 7,
    BENCH_HISTOGRAM_HALF = 1 << BENCH_HISTOGRAM_BITS,
    BENCH_HISTOGRAM_BUCKETS = (64 - BENCH_HISTOGRAM_BITS + 1) * BENCH_HISTOGRAM_HALF,
};

/* Zeroed memory is an empty histogram. */
struct bench_histogram {
    uint64_t count;
    uint64_t maximum;
    uint64_t buckets[BENCH_HISTOGRAM_BUCKETS];
};

static inline size_t bench_histogram_bucket(uint64_t value)
{
    if (value < BENCH_HISTOGRAM_HALF) {
        return (size_t)value;
    }
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - BENCH_HISTOGRAM_BITS;
    return (size_t)(shift + 1) * BENCH_HISTOGRAM_HALF +
           (size_t)((value >> shift) - BENCH_HISTOGRAM_HALF);
}

static inline void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
    histogram->buckets[bench_histogram_bucket(value)]++;
    histogram->count++;
    if (value > histogram->maximum) {
        histogram->maximum = value;
    }
}

/* The smallest recorded value (rounded up to the end of its bucket, never above the maximum) that
 * at least `percent` of the values do not exceed; 0 when nothing was recorded. */
uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent);

/* The highest value that falls into the bucket. */
uint64_t bench_histogram_bucket_end(size_t bucket);

#endif
