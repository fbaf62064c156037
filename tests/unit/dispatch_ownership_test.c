/* dispatch/ownership.h: processes agree, share evenly, and little moves.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dispatch/ownership.h"

#include "base/buffer.h"
#include "test.h"

enum { KEYS = 4000, PROCESSES = 4 };

static const char *const names[PROCESSES] = {"0-a1", "1-b2", "2-c3", "3-d4"};

static size_t choose(int number, const char *const *among, size_t count)
{
    struct buffer key = {0};
    size_t chosen;

    buffer_append_format(&key, "$wps//events/topics/t%d/eventsubscriptions/s", number);
    chosen = ownership_choose(buffer_slice(&key), among, count);
    buffer_release(&key);
    return chosen;
}

TEST(one_process_runs_everything)
{
    CHECK_INT_EQUAL(choose(1, names, 1), 0);
    CHECK_INT_EQUAL(choose(2, names, 1), 0);
}

TEST(the_order_in_which_processes_are_known_does_not_matter)
{
    const char *const other[PROCESSES] = {names[2], names[0], names[3], names[1]};

    for (int key = 0; key < KEYS; key++) {
        CHECK(names[choose(key, names, PROCESSES)] == other[choose(key, other, PROCESSES)]);
    }
}

TEST(each_process_has_its_share)
{
    size_t shares[PROCESSES] = {0};

    for (int key = 0; key < KEYS; key++) {
        shares[choose(key, names, PROCESSES)]++;
    }
    for (size_t i = 0; i < PROCESSES; i++) {
        CHECK(shares[i] > KEYS / PROCESSES * 8 / 10 && shares[i] < KEYS / PROCESSES * 12 / 10);
    }
}

TEST(only_the_share_of_who_goes_moves)
{
    for (int key = 0; key < KEYS; key++) {
        size_t before = choose(key, names, PROCESSES);
        size_t after = choose(key, names, PROCESSES - 1);
        CHECK(before == PROCESSES - 1 || before == after);
    }
}
