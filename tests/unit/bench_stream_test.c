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

TEST(agrees_with_a_bitmap_on_random_input)
{
    enum { NUMBERS = 400 };
    uint64_t state = 7;
    for (int round = 0; round < 200; round++) {
        bool seen[NUMBERS] = {false};
        uint64_t next = 0;
        struct bench_stream stream = {0};
        for (int i = 0; i < NUMBERS; i++) {
            uint64_t low = next > 20 ? next - 20 : 0;
            uint64_t sequence = low + test_random_below(&state, 25);
            if (sequence >= NUMBERS) {
                break;
            }
            enum bench_arrival expected = sequence >= next ? BENCH_IN_ORDER
                                          : seen[sequence] ? BENCH_DUPLICATE
                                                           : BENCH_LATE;
            CHECK_INT_EQUAL(bench_stream_take(&stream, sequence), expected);
            seen[sequence] = true;
            next = sequence >= next ? sequence + 1 : next;
        }
        uint64_t missing = 0;
        for (int i = 0; i < NUMBERS; i++) {
            missing += seen[i] ? 0 : 1;
        }
        CHECK_INT_EQUAL(bench_stream_missing(&stream, NUMBERS), missing);
        bench_stream_release(&stream);
    }
}
