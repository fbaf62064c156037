/* The unit tests' harness: TEST(name) { ... } with CHECKs; main() is in here, so include it from
 * exactly one file of a test binary.
 *
 *     <binary>            runs all tests
 *     <binary> --list     prints their names
 *     <binary> NAME...    runs these
 *
 * Prints a line a test (`ok NAME` or `not ok NAME`), then `N passed, N failed`; the exit status is
 * 1 if any failed. A failed CHECK ends its test at once, from any depth, and names the place; what
 * the test held is leaked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_TESTS_TEST_H
#define PUBGRID_TESTS_TEST_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/slice.h"

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

static struct test *test_first, **test_last = &test_first;
static jmp_buf test_end;
static char test_note_text[256];

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    static struct test test_entry_##name = {#name, test_##name, NULL};                             \
    __attribute__((constructor)) static void test_add_##name(void)                                 \
    {                                                                                              \
        *test_last = &test_entry_##name;                                                           \
        test_last = &test_entry_##name.next;                                                       \
    }                                                                                              \
    static void test_##name(void)

/* Says which row of a table or step of a script is being checked, for the message of a failure. */
__attribute__((format(printf, 1, 2), unused)) static void test_note(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(test_note_text, sizeof(test_note_text), format, args);
    va_end(args);
}

__attribute__((format(printf, 3, 4), noreturn, unused)) static void test_fail(const char *file,
                                                                              int line,
                                                                              const char *format,
                                                                              ...)
{
    va_list args;

    printf("# %s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("%s%s\n", test_note_text[0] != '\0' ? "; at " : "", test_note_text);
    longjmp(test_end, 1);
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_fail(__FILE__, __LINE__, "not true: %s", #condition);                             \
        }                                                                                          \
    } while (0)

#define CHECK_INT_EQUAL(actual, expected)                                                          \
    do {                                                                                           \
        intmax_t check_actual = (intmax_t)(actual), check_expected = (intmax_t)(expected);         \
        if (check_actual != check_expected) {                                                      \
            test_fail(__FILE__, __LINE__, "%s is %jd, not %jd", #actual, check_actual,             \
                      check_expected);                                                             \
        }                                                                                          \
    } while (0)

#define CHECK_SLICE_EQUAL(actual, expected)                                                        \
    do {                                                                                           \
        struct slice check_actual = (actual), check_expected = (expected);                         \
        if (!slice_equal(check_actual, check_expected)) {                                          \
            test_fail(__FILE__, __LINE__, "%s is %s (%zu bytes), not %s (%zu bytes)", #actual,     \
                      log_quote(check_actual), check_actual.length, log_quote(check_expected),     \
                      check_expected.length);                                                      \
        }                                                                                          \
    } while (0)

#define CHECK_STRING_EQUAL(actual, expected)                                                       \
    CHECK_SLICE_EQUAL(slice_from_string(actual), slice_from_string(expected))

/* A small generator for scripts that must be the same in every run (xorshift64*). The state must
 * not be 0. */
__attribute__((unused)) static uint32_t test_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)((*state * UINT64_C(0x2545F4914F6CDD1D)) >> 32);
}

/* 0 to `below` - 1. */
__attribute__((unused)) static uint32_t test_random_below(uint64_t *state, uint32_t below)
{
    return (uint32_t)((uint64_t)test_random(state) * below >> 32);
}

static bool test_run(const struct test *test)
{
    test_note_text[0] = '\0';
    if (setjmp(test_end) != 0) {
        printf("not ok %s\n", test->name);
        return false;
    }
    test->run();
    printf("ok %s\n", test->name);
    return true;
}

static bool test_is_wanted(const struct test *test, int count, char **names)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(names[i], test->name) == 0) {
            return true;
        }
    }
    return count == 0;
}

int main(int argc, char **argv)
{
    bool list = argc == 2 && strcmp(argv[1], "--list") == 0;
    int passed = 0, failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0); /* a crash must not swallow what was said before it */
    for (const struct test *test = test_first; test; test = test->next) {
        if (list) {
            printf("%s\n", test->name);
        } else if (test_is_wanted(test, argc - 1, argv + 1)) {
            *(test_run(test) ? &passed : &failed) += 1;
        }
    }
    if (!list) {
        printf("%d passed, %d failed\n", passed, failed);
    }
    return failed > 0 || (!list && passed == 0);
}

#endif
