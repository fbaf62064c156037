/* Fuzzes what processes tell each other for pull delivery. Input: a byte that says whether the rest
 * is an order or an answer, of a receive or to three tokens.
 *
 * Oracles: what was read is written as the same bytes again (but for answers that say that nothing
 * was done); all numbers are in their ranges.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "eventgrid/pull_wire.h"

enum { TOKENS = 3 };

static void check_order(struct slice bytes)
{
    struct buffer locks = {0}, again = {0};
    struct pull_wanted wanted;

    if (pull_wanted_parse(bytes, &locks, &wanted)) {
        FUZZ_CHECK(wanted.operation >= PULL_RECEIVE && wanted.operation <= PULL_GIVE_BACK);
        FUZZ_CHECK(wanted.events_max <= PULL_EVENTS_MAX && wanted.lock_count <= PULL_TOKENS_MAX);
        pull_wanted_append(&again, &wanted);
        FUZZ_CHECK(slice_equal(buffer_slice(&again), bytes));
    }
    buffer_release(&locks);
    buffer_release(&again);
}

static void check_answer(struct slice bytes, bool is_receive)
{
    struct pull_lock locks[TOKENS] = {{.result = PULL_SUCCEEDED}};
    struct pull_wanted wanted = {.operation = is_receive ? PULL_RECEIVE : PULL_ACKNOWLEDGE,
                                 .locks = locks,
                                 .lock_count = is_receive ? 0 : TOKENS};
    struct pull_found found = {0};
    struct buffer again = {0};
    enum pull_outcome outcome;

    if (pull_answer_parse(bytes, &wanted, &outcome, &found)) {
        FUZZ_CHECK(outcome < PULL_OUTCOMES);
        FUZZ_CHECK(found.tokens.length <= PULL_EVENTS_MAX * PULL_TOKEN_SIZE);
        pull_answer_append(&again, outcome, &wanted, &found);
        FUZZ_CHECK(slice_starts_with(bytes, buffer_slice(&again)));
    }
    pull_found_release(&found);
    buffer_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = fuzz_copy(slice_from(slice_make(data, size), size > 0));
    uint8_t kind = size > 0 ? data[0] : 0;

    if (kind % 3 == 0) {
        check_order(bytes);
    } else {
        check_answer(bytes, kind % 3 == 1);
    }
    fuzz_free(bytes);
    return 0;
}
