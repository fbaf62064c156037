/* `conversation`: plays conversation files against one target and says what did not hold.
 *
 *   conversation --target mosquitto [--jobs N] [--workers N] [--broker PATH] FILE|DIRECTORY...
 *
 * Several processes share the files; each has its own brokers, ports and directory. One report a
 * failing file, one summary line, exit status 0 only if nothing failed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <fts.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "runner_play.h"

enum { PORT_FIRST = 22100, PORTS_PER_JOB = 4, PORT_SLOTS = 12, JOBS_MAX = 12 };

struct runner {
    const struct target_operations *operations;
    struct target_settings settings;
    unsigned jobs;
    bool verbose;
    char **paths;
    size_t path_count;
};

struct counts {
    unsigned passed, failed, skipped;
};

static const struct target_operations *const targets[] = {
    &target_core, &target_tcp, &target_tls, &target_unix, &target_trunk, &target_mosquitto,
};

static const struct target_operations *find_target(const char *name)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        if (strcmp(targets[i]->name, name) == 0) {
            return targets[i];
        }
    }
    return NULL;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_path(struct runner *runner, const char *path)
{
    if (runner->path_count % 64 == 0) {
        runner->paths =
            memory_resize(runner->paths, (runner->path_count + 64) * sizeof(*runner->paths));
    }
    runner->paths[runner->path_count++] = memory_copy_string(slice_from_string(path));
}

/* Files as named; of directories every *_*.txt below them (statements-*.txt are no conversations).
 */
static void collect(struct runner *runner, char **roots)
{
    FTS *walk = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;

    while (walk && (entry = fts_read(walk))) {
        const char *dot = strrchr(entry->fts_name, '.');

        if (entry->fts_info == FTS_F && dot && strcmp(dot, ".txt") == 0 &&
            strncmp(entry->fts_name, "statements-", 11) != 0) {
            add_path(runner, entry->fts_path);
        }
    }
    if (walk) {
        fts_close(walk);
    }
    qsort(runner->paths, runner->path_count, sizeof(*runner->paths), compare_paths);
}

static const char *skip_reason(const struct runner *runner, struct target *target,
                               const struct script *script)
{
    const struct target_operations *operations = runner->operations;
    const char *family = operations->is_foreign ? operations->name : "pubgrid";
    const char *reason = script_skip_reason(script, operations->name, family);

    return reason ? reason : operations->unsupported(target, script);
}

static bool begin_and_play(const struct runner *runner, struct target *target,
                           struct script *script, struct buffer *report)
{
    const struct target_operations *operations = runner->operations;

    if (!operations->begin(target, script, report)) {
        printf("%s: cannot start %s\n", script->path, operations->name);
        return false;
    }
    bool ok = play_script(script, operations, target, report);

    if (!operations->end(target, report)) {
        printf("%s: the broker did not survive it\n", script->path);
        return false;
    }
    return ok;
}

static void play_file(const struct runner *runner, struct target *target, const char *path,
                      struct counts *counts)
{
    struct script script;
    struct buffer report = {0};
    const char *skipped = NULL;
    bool ok = script_load(&script, path);

    if (ok) {
        skipped = skip_reason(runner, target, &script);
    }
    if (ok && !skipped) {
        ok = begin_and_play(runner, target, &script, &report);
    }
    if (skipped && runner->verbose) {
        printf("skipped %s:%s%s\n", path, *skipped == ' ' ? "" : " ", skipped);
    }
    printf("%.*s", SLICE_PRINT(buffer_slice(&report)));
    fflush(stdout);
    counts->skipped += skipped != NULL;
    counts->passed += ok && !skipped;
    counts->failed += !ok;
    buffer_release(&report);
    script_release(&script);
}

/* Plays files, each time the next one that no job has taken, with an own directory below the
 * temporary one. */
static struct counts run_job(const struct runner *runner, unsigned job, _Atomic size_t *next)
{
    struct counts counts = {0};
    struct target_settings settings = runner->settings;
    char directory[256];

    snprintf(directory, sizeof(directory), "%s/%u", runner->settings.directory, job);
    mkdir(directory, 0700);
    settings.directory = directory;
    /* Another runner may be at work: begin at different ports. */
    settings.port = PORT_FIRST + (unsigned)getpid() % PORT_SLOTS * PORTS_PER_JOB;
    struct target *target = runner->operations->new (&settings);

    for (size_t i = (*next)++; i < runner->path_count; i = (*next)++) {
        play_file(runner, target, runner->paths[i], &counts);
    }
    runner->operations->free(target);
    return counts;
}

/* Forks the jobs; each writes its counts into a pipe. */
static struct counts run_jobs(const struct runner *runner)
{
    struct counts total = {0};
    int pipe_fd[2];
    _Atomic size_t *next = mmap(NULL, sizeof(*next), PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* starts as 0 */

    if (next == MAP_FAILED || pipe(pipe_fd) != 0) {
        return (struct counts){.failed = 1};
    }
    if (runner->jobs == 1) {
        return run_job(runner, 0, next);
    }
    for (unsigned job = 0; job < runner->jobs; job++) {
        if (fork() == 0) {
            struct counts counts = run_job(runner, job, next);
            ssize_t written = write(pipe_fd[1], &counts, sizeof(counts));

            _exit(written == sizeof(counts) ? 0 : 1);
        }
    }
    close(pipe_fd[1]);
    for (unsigned job = 0; job < runner->jobs; job++) {
        struct counts counts = {.failed = 1}; /* a job that died */
        ssize_t got = read(pipe_fd[0], &counts, sizeof(counts));

        if (got != sizeof(counts)) {
            printf("a job of the runner died\n");
        }
        total.passed += counts.passed;
        total.failed += counts.failed;
        total.skipped += counts.skipped;
    }
    close(pipe_fd[0]);
    while (wait(NULL) > 0) {
    }
    return total;
}

static int usage(void)
{
    printf("usage: conversation --target NAME [--jobs N] [--workers N] [--pieces N] [--broker PATH]"
           " [--verbose] FILE|DIRECTORY...\ntargets:");
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        printf(" %s", targets[i]->name);
    }
    printf("\n");
    return 2;
}

static bool read_arguments(struct runner *runner, int argc, char **argv)
{
    static const struct option options[] = {
        {"target", required_argument, NULL, 't'},
        {"jobs", required_argument, NULL, 'j'},
        {"workers", required_argument, NULL, 'w'},
        {"broker", required_argument, NULL, 'b'},
        {"pieces", required_argument, NULL, 'p'},
        {"verbose", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        if (option == 't') {
            runner->operations = find_target(optarg);
        } else if (option == 'j') {
            runner->jobs = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'w') {
            runner->settings.workers = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'p') {
            runner->settings.pieces = (unsigned)strtoul(optarg, NULL, 10);
        } else if (option == 'b') {
            runner->settings.broker = optarg;
        } else if (option == 'v') {
            runner->verbose = true;
        } else {
            return false;
        }
    }
    return runner->operations && optind < argc && runner->jobs >= 1 && runner->jobs <= JOBS_MAX;
}

static void remove_tree(char *path)
{
    char *const roots[] = {path, NULL};
    FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *entry;

    while (walk && (entry = fts_read(walk))) {
        if (entry->fts_info == FTS_DP) {
            rmdir(entry->fts_path);
        } else if (entry->fts_info != FTS_D) {
            unlink(entry->fts_path);
        }
    }
    if (walk) {
        fts_close(walk);
    }
}

int main(int argc, char **argv)
{
    struct runner runner = {.jobs = 1};
    char directory[] = "/tmp/conversation.XXXXXX";

    if (!read_arguments(&runner, argc, argv)) {
        return usage();
    }
    if (!runner.settings.broker) {
        runner.settings.broker =
            runner.operations == &target_mosquitto ? "/usr/sbin/mosquitto" : "pubgrid-broker";
    }
    if (!mkdtemp(directory)) {
        printf("cannot make %s: %m\n", directory);
        return 1;
    }
    runner.settings.directory = directory;
    collect(&runner, argv + optind);
    fflush(stdout);
    struct counts counts = run_jobs(&runner);

    printf("conversation(%s): %u passed, %u failed, %u skipped\n", runner.operations->name,
           counts.passed, counts.failed, counts.skipped);
    remove_tree(directory);
    for (size_t i = 0; i < runner.path_count; i++) {
        free(runner.paths[i]);
    }
    free(runner.paths);
    return counts.failed == 0 && counts.passed + counts.skipped > 0 ? 0 : 1;
}
