/* Memory of processes, read from /proc: what this one maps and touches must show.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <sys/mman.h>

#include "../../cli/bench_process.c"

enum { SIZE = 32 << 20, TOLERANCE = 4 << 20 };

/* ThreadSanitizer remembers who has touched what, in memory of this process. */
#ifdef __SANITIZE_THREAD__
enum { SHADOW = 4 * SIZE };
#else
enum { SHADOW = 0 };
#endif

static uint8_t *pages_touch(int fd)
{
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    uint8_t *pages = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd, 0);
    CHECK(pages != MAP_FAILED);
    memset(pages, 1, SIZE);
    return pages;
}

/* By how much a figure grew, checked against what was touched. */
static void growth_check(int64_t before, int64_t after, int64_t expected)
{
    CHECK(after - before > expected - TOLERANCE && after - before < expected + TOLERANCE + SHADOW);
}

TEST(anonymous_memory_is_told_from_files)
{
    struct bench_processes self = {.count = 1, .ids = {getpid()}};
    struct bench_memory before = bench_processes_memory(&self);
    CHECK(before.anonymous > 0 && before.resident > before.anonymous);
    uint8_t *pages = pages_touch(-1);
    struct bench_memory after = bench_processes_memory(&self);
    growth_check(before.resident, after.resident, SIZE);
    growth_check(before.anonymous, after.anonymous, SIZE);
    munmap(pages, SIZE);

    FILE *file = tmpfile();
    CHECK(file != NULL && ftruncate(fileno(file), SIZE) == 0);
    before = bench_processes_memory(&self);
    pages = pages_touch(fileno(file));
    after = bench_processes_memory(&self);
    growth_check(before.resident, after.resident, SIZE);
    growth_check(before.anonymous, after.anonymous, 0);
    munmap(pages, SIZE);
    fclose(file);
}

TEST(processes_add_up)
{
    struct bench_processes twice = {.count = 2, .ids = {getpid(), getpid()}};
    struct bench_processes once = {.count = 1, .ids = {getpid()}};
    int64_t one = bench_processes_memory(&once).resident;
    growth_check(one, bench_processes_memory(&twice).resident, one);
    struct bench_processes none = {0};
    CHECK_INT_EQUAL(bench_processes_memory(&none).resident, 0);
}

TEST(process_lists)
{
    struct bench_processes list;
    CHECK(bench_processes_parse(&list, "12") && list.count == 1 && list.ids[0] == 12);
    CHECK(bench_processes_parse(&list, "12,15") && list.count == 2 && list.ids[1] == 15);
    CHECK(bench_processes_add(&list, "7") && list.count == 3 && list.ids[2] == 7);
    CHECK(!bench_processes_add(&list, "1,2,3,4,5,6"));
    static const char *const bad[] = {"", ",", "12,", "x", "12x", "0", "-3", "1,2,3,4,5,6,7,8,9"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        test_note("\"%s\"", bad[i]);
        CHECK(!bench_processes_parse(&list, bad[i]));
    }
}
