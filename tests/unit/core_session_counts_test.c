/* Sessions of users are counted up to a bound, also by many threads at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/session_counts.h"

TEST(up_to_the_bound)
{
    struct session_counts *counts = session_counts_new();
    struct session_count *first = session_counts_take(counts, SLICE_LITERAL("bob"), 2);
    struct session_count *second = session_counts_take(counts, SLICE_LITERAL("bob"), 2);
    CHECK(first && first == second);
    CHECK(!session_counts_take(counts, SLICE_LITERAL("bob"), 2));
    CHECK(session_counts_take(counts, SLICE_LITERAL("bob"), 3) == first); /* a bound that grew */
    struct session_count *other = session_counts_take(counts, SLICE_LITERAL("bo"), 1);
    CHECK(other && other != first);
    session_counts_give(counts, first);
    CHECK(!session_counts_take(counts, SLICE_LITERAL("bob"), 2));
    session_counts_give(counts, first);
    CHECK(session_counts_take(counts, SLICE_LITERAL("bob"), 2));
    session_counts_give(counts, first);
    session_counts_give(counts, first);
    session_counts_give(counts, other);
    session_counts_give(counts, NULL);
    first = session_counts_take(counts, SLICE_LITERAL("bob"), 1);
    CHECK(first);
    session_counts_give(counts, first);
    session_counts_free(counts);
}

enum { THREADS = 4, ROUNDS = 20000, MOST = 2 };

static _Atomic int held;

static void *take_and_give(void *counts)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct session_count *count = session_counts_take(counts, SLICE_LITERAL("bob"), MOST);
        if (count) {
            CHECK(atomic_fetch_add(&held, 1) < MOST);
            atomic_fetch_sub(&held, 1);
            session_counts_give(counts, count);
        }
    }
    return NULL;
}

TEST(never_more_by_many_threads)
{
    struct session_counts *counts = session_counts_new();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, take_and_give, counts) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    session_counts_free(counts); /* which checks that none is left */
}
