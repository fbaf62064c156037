/* The bench's check of sequence numbers: loss, duplicates and lateness are told apart, in scripts
 * and against a plain model on random input.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_stream.c"

/* Feeds the digits of `script` as sequence numbers and checks the verdicts: `.` in order, `l` late,
 * `d` duplicate. */
static void script_check(const char *script, const char *verdicts, uint64_t sent, uint64_t missing)
{
    static const char names[] = {
        [BENCH_IN_ORDER] = '.', [BENCH_LATE] = 'l', [BENCH_DUPLICATE] = 'd'};
    struct bench_stream stream = {0};
    test_note("script %s", script);
    for (size_t i = 0; script[i] != '\0'; i++) {
        CHECK_INT_EQUAL(names[bench_stream_take(&stream, (uint64_t)(script[i] - '0'))],
                        verdicts[i]);
    }
    CHECK_INT_EQUAL(bench_stream_missing(&stream, sent), missing);
    bench_stream_release(&stream);
}

TEST(verdicts)
{
    script_check("", "", 0, 0);
    script_check("", "", 3, 3);
    script_check("0123", "....", 4, 0);
    script_check("0123", "....", 6, 2);
    script_check("0134", "....", 5, 1);
    script_check("01342", "....l", 5, 0);
    script_check("00", ".d", 1, 0);
    script_check("0122", "...d", 3, 0);
    script_check("012011", "...ddd", 3, 0);
    script_check("5", ".", 6, 5);
    script_check("5240", ".lll", 6, 2); /* a gap split in the middle, then narrowed at both ends */
    script_check("524031", ".lllll", 6, 0);
    script_check("5242", ".lld", 6, 3);
    script_check("10325476", ".l.l.l.l", 8, 0);
}

enum { NUMBERS = 400 };

/* Feeds up to NUMBERS numbers near the highest one so far and compares each verdict with what a
 * bitmap says. */
static void random_numbers_check(uint64_t *state)
{
    bool seen[NUMBERS] = {false};
    uint64_t next = 0, missing = NUMBERS, sequence;
    struct bench_stream stream = {0};
    for (;;) {
        sequence = (next > 20 ? next - 20 : 0) + test_random_below(state, 25);
        if (sequence >= NUMBERS) {
            break;
        }
        enum bench_arrival late = seen[sequence] ? BENCH_DUPLICATE : BENCH_LATE;
        enum bench_arrival expected = sequence >= next ? BENCH_IN_ORDER : late;
        CHECK_INT_EQUAL(bench_stream_take(&stream, sequence), expected);
        missing -= seen[sequence] ? 0 : 1;
        seen[sequence] = true;
        next = sequence >= next ? sequence + 1 : next;
    }
    CHECK_INT_EQUAL(bench_stream_missing(&stream, NUMBERS), missing);
    bench_stream_release(&stream);
}

TEST(agrees_with_a_bitmap_on_random_input)
{
    uint64_t state = 7;
    for (int round = 0; round < 200; round++) {
        random_numbers_check(&state);
    }
}
