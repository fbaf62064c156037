/* The bench's latency histogram: bucket borders, error bound, percentiles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_histogram.c"

TEST(every_value_lies_in_its_bucket)
{
    uint64_t state = 1;
    for (int i = 0; i < 100000; i++) {
        uint64_t value = (uint64_t)test_random(&state) << 32 | test_random(&state);
        value >>= test_random_below(&state, 64);
        size_t bucket = bench_histogram_bucket(value);
        CHECK(bucket < BENCH_HISTOGRAM_BUCKETS);
        CHECK(value <= bench_histogram_bucket_end(bucket));
        CHECK(bucket == 0 || value > bench_histogram_bucket_end(bucket - 1));
    }
}

TEST(buckets_join_without_gap_or_overlap)
{
    for (size_t bucket = 0; bucket + 1 < BENCH_HISTOGRAM_BUCKETS; bucket++) {
        uint64_t end = bench_histogram_bucket_end(bucket);
        CHECK_INT_EQUAL(bench_histogram_bucket(end), bucket);
        CHECK_INT_EQUAL(bench_histogram_bucket(end + 1), bucket + 1);
    }
    CHECK(bench_histogram_bucket_end(BENCH_HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
    CHECK_INT_EQUAL(bench_histogram_bucket(UINT64_MAX), BENCH_HISTOGRAM_BUCKETS - 1);
}

TEST(a_bucket_is_at_most_one_part_in_128_wide)
{
    for (uint64_t value = 1; value < UINT64_MAX / 3; value = value * 3 / 2 + 1) {
        uint64_t end = bench_histogram_bucket_end(bench_histogram_bucket(value));
        CHECK(end - value <= value / BENCH_HISTOGRAM_HALF);
    }
}

TEST(an_empty_histogram_has_no_percentiles)
{
    static struct bench_histogram histogram;
    CHECK_INT_EQUAL(bench_histogram_percentile(&histogram, 50), 0);
}

TEST(small_values_are_exact)
{
    static struct bench_histogram histogram;
    for (uint64_t value = 100; value >= 1; value--) {
        bench_histogram_add(&histogram, value);
    }
    static const struct {
        double percent;
        uint64_t value;
    } rows[] = {{0, 1}, {1, 1}, {1.5, 2}, {50, 50}, {99, 99}, {99.9, 100}, {100, 100}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("row %zu", i);
        CHECK_INT_EQUAL(bench_histogram_percentile(&histogram, rows[i].percent), rows[i].value);
    }
    CHECK_INT_EQUAL(histogram.count, 100);
}

TEST(a_percentile_never_exceeds_the_maximum)
{
    static struct bench_histogram histogram;
    bench_histogram_add(&histogram, 1000001);
    CHECK_INT_EQUAL(bench_histogram_percentile(&histogram, 50), 1000001);
    CHECK_INT_EQUAL(histogram.maximum, 1000001);
}

TEST(percentiles_of_many_values_are_within_the_error)
{
    static struct bench_histogram histogram;
    for (uint64_t value = 1; value <= 100000; value++) {
        bench_histogram_add(&histogram, value * 1000);
    }
    static const double percents[] = {1, 25, 50, 90, 99, 99.9};
    for (size_t i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
        double exact = percents[i] * 1000 * 1000;
        double got = (double)bench_histogram_percentile(&histogram, percents[i]);
        test_note("percent %g", percents[i]);
        CHECK(got >= exact && got <= exact * 1.008);
    }
}
