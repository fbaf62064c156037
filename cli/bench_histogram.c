/* Reading percentiles back out of the buckets; adding is inline in the header.
 *
 * A percentile is reported as the end of its bucket, so the error is always on the pessimistic
 * side and a run never looks faster than it was.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_histogram.h"

uint64_t bench_histogram_bucket_end(size_t bucket)
{
    if (bucket < BENCH_HISTOGRAM_HALF) {
        return bucket;
    }
    unsigned shift = (unsigned)(bucket / BENCH_HISTOGRAM_HALF) - 1;
    uint64_t mantissa = BENCH_HISTOGRAM_HALF + bucket % BENCH_HISTOGRAM_HALF;
    return (mantissa << shift) + (((uint64_t)1 << shift) - 1);
}

/* How many values must be at or below the answer: at least one, at most all. */
static uint64_t histogram_rank(uint64_t count, double percent)
{
    double wanted = (double)count * percent / 100.0;
    uint64_t rank = (uint64_t)wanted;
    if ((double)rank < wanted) {
        rank++;
    }
    if (rank == 0) {
        return 1;
    }
    return rank > count ? count : rank;
}

uint64_t bench_histogram_percentile(const struct bench_histogram *histogram, double percent)
{
    if (histogram->count == 0) {
        return 0;
    }
    uint64_t rank = histogram_rank(histogram->count, percent);
    uint64_t seen = 0;
    for (size_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen >= rank) {
            uint64_t end = bench_histogram_bucket_end(i);
            return end < histogram->maximum ? end : histogram->maximum;
        }
    }
    return histogram->maximum;
}
