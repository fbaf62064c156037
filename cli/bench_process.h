/* What the measured broker costs, read from /proc by its process ids.
 *
 * /proc/P/stat counts in ticks of 10 ms, too coarse for microseconds per message over a second or
 * two. So the run time of all threads is summed from the schedstat of each, in nanoseconds; when
 * threads ended in between (their time is gone from there) the ticks are used.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_PROCESS_H
#define PUBGRID_CLI_BENCH_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BENCH_PROCESS_MAX = 8 };

/* The processes that make up the broker. count 0: nothing is known about it. */
struct bench_processes {
    unsigned count;
    pid_t ids[BENCH_PROCESS_MAX];
};

/* CPU time used up to now, by both accounts. */
struct bench_cpu {
    int64_t threads_ns; /* living threads only */
    int64_t ticks_ns;   /* dead threads too, in steps of 10 ms */
};

/* "12" or "12,15"; false if it is not that. */
bool bench_processes_parse(struct bench_processes *out, const char *text);
/* The same, behind those that are there. */
bool bench_processes_add(struct bench_processes *out, const char *text);
/* All of them exist and may be read. */
bool bench_processes_exist(const struct bench_processes *processes);

/* Bytes in memory. */
struct bench_memory {
    int64_t resident;  /* all */
    int64_t anonymous; /* without pages of files, which the kernel can drop */
};

struct bench_memory bench_processes_memory(const struct bench_processes *processes);

/* One moment: the clock and what has been used up to then. */
struct bench_moment {
    int64_t clock_ns; /* CLOCK_MONOTONIC */
    int64_t generator_ns;
    struct bench_cpu broker;
    int64_t machine_ns; /* all that runs, on all processors */
};

/* What a stretch of time cost, all in nanoseconds. */
struct bench_cost {
    int64_t elapsed_ns;
    int64_t generator_ns; /* CPU of this program */
    int64_t broker_ns;    /* CPU of the broker */
    int64_t others_ns;    /* CPU of everything else: was the machine quiet? */
};

struct bench_moment bench_moment_now(const struct bench_processes *broker);
struct bench_cost bench_cost_between(const struct bench_moment *from,
                                     const struct bench_moment *to);

#endif
