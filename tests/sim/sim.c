/* sim [--first N] [--seeds N]: simulates that many seeds. One that fails is shortened and told as a
 * conversation file, and is the end.
 * sim --seed N [--verbose] [--whole]: that one; its story always; nothing left out of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "sim/sim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

/* The store tells the log of every fault that the simulator plants. */
void __wrap_log_write(enum log_level level, const char *event, const char *format, ...);

void __wrap_log_write(enum log_level level, const char *event, const char *format, ...)
{
    (void)level;
    (void)event;
    (void)format;
}

void __wrap_log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                              const char *format, ...);

void __wrap_log_write_limited(struct log_limit *limit, enum log_level level, const char *event,
                              const char *format, ...)
{
    (void)limit;
    (void)level;
    (void)event;
    (void)format;
}

static void simulate(uint64_t seed, bool verbose, const bool *left_out)
{
    struct sim *sim = memory_allocate_zero(sizeof(*sim));

    sim->seed = seed;
    sim->verbose = verbose;
    sim->left_out = left_out;
    sim_run(sim);
    free(sim);
}

/* 0: all went well. */
static int wait_for(pid_t child)
{
    int status = 0;

    while (waitpid(child, &status, 0) < 0) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* In a process of its own, since a failure ends it. */
static int try(uint64_t seed, const bool *left_out)
{
    fflush(stdout);
    pid_t child = fork();

    if (child == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        simulate(seed, false, left_out);
        _Exit(0);
    }
    return wait_for(child);
}

/* Leaves out what is not needed to make it fail: halves, then quarters, down to single steps. */
static void shorten(uint64_t seed, bool *left_out)
{
    bool tried[STEPS_MAX];
    int failure = try(seed, left_out);

    for (unsigned size = STEPS_MAX / 4; size > 0; size /= 2) {
        for (unsigned from = 0; from < STEPS_MAX; from += size) {
            unsigned end = from + size < STEPS_MAX ? from + size : STEPS_MAX, steps = 0;
            memcpy(tried, left_out, sizeof(tried));
            for (unsigned i = from; i < end; i++) {
                steps += !tried[i];
                tried[i] = true;
            }
            if (steps > 0 && try(seed, tried) == failure) {
                memcpy(left_out, tried, sizeof(tried));
            }
        }
    }
}

static int tell_failure(uint64_t seed, bool whole)
{
    static bool left_out[STEPS_MAX];

    printf("# seed %llu fails: sim --seed %llu\n", (unsigned long long)seed,
           (unsigned long long)seed);
    if (!whole) {
        shorten(seed, left_out);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        simulate(seed, true, left_out);
        _Exit(0);
    }
    wait_for(child);
    return 1;
}

static int run_many(uint64_t first, uint64_t count)
{
    uint64_t *seed =
        mmap(NULL, sizeof(*seed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (seed == MAP_FAILED) {
        perror("sim");
        return 2;
    }
    pid_t child = fork();
    if (child == 0) {
        for (*seed = first; *seed < first + count; ++*seed) {
            simulate(*seed, false, NULL);
        }
        exit(0);
    }
    if (wait_for(child) != 0 && *seed < first + count) {
        return tell_failure(*seed, false);
    }
    if (*seed < first + count) {
        return 1;
    }
    printf("%llu passed, 0 failed\n", (unsigned long long)count);
    return 0;
}

static uint64_t read_number(const char *text)
{
    char *end;
    unsigned long long number = strtoull(text ? text : "", &end, 10);

    if (!text || *end || end == text) {
        fprintf(stderr, "sim: not a number: %s\n", text ? text : "(nothing)");
        exit(2);
    }
    return number;
}

int main(int argc, char **argv)
{
    uint64_t first = 1, count = 100;
    bool one = false, verbose = false, whole = false;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seeds") == 0) {
            count = read_number(argv[++i]);
        } else if (strcmp(argv[i], "--first") == 0) {
            first = read_number(argv[++i]);
        } else if (strcmp(argv[i], "--seed") == 0) {
            one = true;
            first = read_number(argv[++i]);
        } else if (strcmp(argv[i], "--verbose") == 0) {
            verbose = true;
        } else if (strcmp(argv[i], "--whole") == 0) {
            whole = true;
        } else {
            fprintf(stderr,
                    "usage: sim [--first N] [--seeds N] | --seed N [--verbose] [--whole]\n");
            return 2;
        }
    }
    if (!one) {
        return run_many(first, count);
    }
    if (try(first, NULL) != 0) {
        return tell_failure(first, whole);
    }
    if (verbose) {
        simulate(first, true, NULL);
    }
    printf("1 passed, 0 failed\n");
    return 0;
}
