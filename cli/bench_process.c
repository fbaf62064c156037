/* Reading /proc: schedstat, stat, smaps_rollup and status of the broker.
 *
 * A process that ends in the middle of a run reads as zero here; the load loop notices by its
 * closed connections and says so.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench_process.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* The start of a /proc file as text; false if it cannot be read. */
static bool proc_read(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t length = fread(out, 1, size - 1, file);
    out[length] = '\0';
    fclose(file);
    return length > 0;
}

bool bench_processes_parse(struct bench_processes *out, const char *text)
{
    *out = (struct bench_processes){0};
    return bench_processes_add(out, text);
}

bool bench_processes_add(struct bench_processes *out, const char *text)
{
    while (out->count < BENCH_PROCESS_MAX) {
        char *end;
        long id = strtol(text, &end, 10);
        if (end == text || id <= 0 || (*end != '\0' && *end != ',')) {
            return false;
        }
        out->ids[out->count++] = (pid_t)id;
        if (*end == '\0') {
            return true;
        }
        text = end + 1;
    }
    return false;
}

static int64_t process_threads_ns(pid_t id)
{
    char path[300];
    snprintf(path, sizeof(path), "/proc/%d/task", (int)id);
    DIR *tasks = opendir(path);
    if (tasks == NULL) {
        return 0;
    }
    int64_t sum = 0;
    const struct dirent *task;
    while ((task = readdir(tasks)) != NULL) {
        char text[128];
        snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)id, task->d_name);
        if (task->d_name[0] != '.' && proc_read(path, text, sizeof(text))) {
            sum += strtoll(text, NULL, 10);
        }
    }
    closedir(tasks);
    return sum;
}

/* The number after `skip` words of `text`; 0 if there are not so many. */
static int64_t word_number(const char *text, int skip)
{
    for (; skip > 0 && text != NULL; skip--) {
        text = strchr(text + strspn(text, " "), ' ');
    }
    return text == NULL ? 0 : strtoll(text, NULL, 10);
}

/* Fields 14 and 15 of stat, user and system time. Counting starts behind the command's name, field
 * 2, which may hold spaces and parentheses. */
static int64_t process_ticks_ns(pid_t id)
{
    enum { BEFORE_USER_TIME = 11 };
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)id);
    const char *name_end = proc_read(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
    if (name_end == NULL) {
        return 0;
    }
    int64_t ticks = word_number(name_end + 1, BEFORE_USER_TIME) +
                    word_number(name_end + 1, BEFORE_USER_TIME + 1);
    return ticks * (1000000000LL / sysconf(_SC_CLK_TCK));
}

bool bench_processes_exist(const struct bench_processes *processes)
{
    for (unsigned i = 0; i < processes->count; i++) {
        char path[64], text[64];
        snprintf(path, sizeof(path), "/proc/%d/stat", (int)processes->ids[i]);
        if (!proc_read(path, text, sizeof(text))) {
            return false;
        }
    }
    return true;
}

static struct bench_cpu processes_cpu(const struct bench_processes *processes)
{
    struct bench_cpu cpu = {0, 0};
    for (unsigned i = 0; i < processes->count; i++) {
        cpu.threads_ns += process_threads_ns(processes->ids[i]);
        cpu.ticks_ns += process_ticks_ns(processes->ids[i]);
    }
    return cpu;
}

static int64_t cpu_between(struct bench_cpu before, struct bench_cpu after)
{
    enum { TICK_ERROR_NS = 20 * 1000 * 1000 }; /* one tick at either end */
    int64_t threads = after.threads_ns - before.threads_ns;
    int64_t ticks = after.ticks_ns - before.ticks_ns;
    return ticks > threads + TICK_ERROR_NS ? ticks : threads;
}

/* The number of KiB behind `name` at the start of a line, as bytes; 0 if there is none. */
static int64_t line_bytes(const char *text, const char *name)
{
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtoll(line + strlen(name), NULL, 10) * 1024;
}

/* smaps_rollup is exact; the counters of status are kept per CPU and lag, but anybody may read
 * them. */
static struct bench_memory process_memory(pid_t id)
{
    static const struct {
        const char *file, *resident, *anonymous;
    } sources[] = {{"smaps_rollup", "\nRss:", "\nAnonymous:"},
                   {"status", "\nVmRSS:", "\nRssAnon:"}};
    struct bench_memory memory = {0, 0};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && memory.resident == 0; i++) {
        char path[64], text[4096];
        snprintf(path, sizeof(path), "/proc/%d/%s", (int)id, sources[i].file);
        if (proc_read(path, text, sizeof(text))) {
            memory.resident = line_bytes(text, sources[i].resident);
            memory.anonymous = line_bytes(text, sources[i].anonymous);
        }
    }
    return memory;
}

struct bench_memory bench_processes_memory(const struct bench_processes *processes)
{
    struct bench_memory sum = {0, 0};
    for (unsigned i = 0; i < processes->count; i++) {
        struct bench_memory memory = process_memory(processes->ids[i]);
        sum.resident += memory.resident;
        sum.anonymous += memory.anonymous;
    }
    return sum;
}

/* CPU time of all programs and interrupts since the machine started. */
static int64_t machine_busy_ns(void)
{
    static const int busy[] = {1, 2, 3, 6, 7, 8}; /* user nice system; irq softirq steal */
    char text[256];
    int64_t ticks = 0;
    if (proc_read("/proc/stat", text, sizeof(text))) {
        for (size_t i = 0; i < sizeof(busy) / sizeof(busy[0]); i++) {
            ticks += word_number(text, busy[i]);
        }
    }
    return ticks * (1000000000LL / sysconf(_SC_CLK_TCK));
}

struct bench_moment bench_moment_now(const struct bench_processes *broker)
{
    struct timespec own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
    return (struct bench_moment){
        .clock_ns = clock_monotonic_ns(),
        .generator_ns = (int64_t)own.tv_sec * 1000000000 + own.tv_nsec,
        .broker = processes_cpu(broker),
        .machine_ns = machine_busy_ns(),
    };
}

struct bench_cost bench_cost_between(const struct bench_moment *from, const struct bench_moment *to)
{
    struct bench_cost cost = {
        .elapsed_ns = to->clock_ns - from->clock_ns,
        .generator_ns = to->generator_ns - from->generator_ns,
        .broker_ns = cpu_between(from->broker, to->broker),
    };
    int64_t others = to->machine_ns - from->machine_ns - cost.generator_ns - cost.broker_ns;
    cost.others_ns = others > 0 ? others : 0; /* the machine's account is in steps of 10 ms */
    return cost;
}
