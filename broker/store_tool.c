/* See store_tool.h.
 *
 * `check` does what a start does, into shards that nobody runs, and reads all the rest besides: the
 * bodies of messages that still have to be delivered.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_tool.h"

#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "config/config.h"
#include "core/facts.h"
#include "core/recover.h"
#include "core/session.h"
#include "core/session_counts.h"
#include "store/inspect.h"
#include "store_dump.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

static const char usage[] =
    "Usage: pubgrid store check|dump|compact [-c FILE] [DIRECTORY]\n"
    "\n"
    "  check    reads everything and says what is there, or what is wrong; also while the broker "
    "runs\n"
    "  dump     prints every row and every record of the log, a line each; also while the broker "
    "runs\n"
    "  compact  rewrites the file without its free space; the broker must be stopped\n"
    "\n"
    "DIRECTORY: as store.path; without it, what FILE or the defaults say.\n"
    "Exit status: 0 good, 1 damaged or not done, 2 wrong usage.\n";

/* ---------------------------------------------------------------- check */

struct check {
    struct broker broker;
    struct shard shard;
    struct shard *shards[1];
    struct recovery *recovery;
    struct store_loader loader; /* of the recovery */
    struct store_inspection found;
    struct buffer present; /* uint64_t positions of all frames */
    _Atomic int state;
    _Atomic uint64_t posted;
};

static void ignore_frame(void *context, uint64_t position)
{
    (void)context, (void)position;
}

static bool check_row(void *context, struct slice key, uint64_t stamp, struct slice value,
                      struct buffer *error)
{
    struct check *check = context;

    return check->loader.row(check->recovery, key, stamp, value, error);
}

static bool check_frame(void *context, uint64_t position, struct slice payload,
                        struct buffer *error)
{
    struct check *check = context;

    buffer_append(&check->present, slice_make(&position, sizeof(position)));
    return position < check->found.head.replay_from ||
           check->loader.frame(check->recovery, position, payload, error);
}

static int compare_positions(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* Deliveries whose message is not there, of those that are still to be made. */
static uint64_t count_lost(struct check *check)
{
    const struct shard *shard = &check->shard;
    uint64_t lost = 0;

    for (uint32_t i = 0; i < shard->slot_count; i++) {
        const struct session *session = shard->slots[i].session;
        struct delivery_place place =
            session ? delivery_queue_begin(&session->queue) : (struct delivery_place){0};
        for (; place.chunk; place = delivery_place_next(place)) {
            lost += bsearch(&delivery_at(place)->position, check->present.data,
                            check->present.length / sizeof(uint64_t), sizeof(uint64_t),
                            compare_positions) == NULL;
        }
    }
    return lost;
}

static void check_begin(struct check *check)
{
    struct core_options options;
    struct recovery_pins pins = {check, ignore_frame, ignore_frame};

    core_options_defaults(&options);
    options.sys_interval_ms = 0;
    struct settings *settings = settings_new(&options, rule_set_new());
    check->shards[0] = &check->shard;
    check->broker.shard_count = 1;
    check->broker.shards = check->shards;
    check->broker.subscriptions = subscriptions_new();
    check->broker.retained = retained_new();
    check->broker.session_counts = session_counts_new();
    check->broker.random = random_bytes;
    check->broker.version = "";
    check->broker.store_state = &check->state;
    check->broker.store_posted = &check->posted;
    shard_init(&check->shard, &check->broker, 0, settings, clock_now());
    check->recovery = recovery_new(&check->broker, &pins, 0);
    check->loader = recovery_loader(check->recovery);
}

static void check_end(struct check *check)
{
    recovery_free(check->recovery);
    shard_release(&check->shard);
    subscriptions_free(check->broker.subscriptions);
    retained_free(check->broker.retained);
    session_counts_free(check->broker.session_counts);
    buffer_release(&check->present);
}

static void print_found(const struct check *check)
{
    const struct store_inspection *found = &check->found;
    const struct counters *counters = &check->shard.counters;

    printf("format        %u.%u\n", found->head.format_version, found->head.core_version);
    printf("sessions      %u\n", check->shard.sessions.count);
    printf("subscriptions %zu\n", subscriptions_count(check->broker.subscriptions));
    printf("waiting       %llu messages, %llu bytes\n",
           (unsigned long long)counter_read(&counters->messages_queued),
           (unsigned long long)counter_read(&counters->messages_queued_bytes));
    printf("retained      %zu\n", retained_count(check->broker.retained));
    printf("delayed       %llu\n", (unsigned long long)counter_read(&counters->messages_delayed));
    printf("log           %llu records in %llu blocks, %llu bytes\n",
           (unsigned long long)found->frames, (unsigned long long)found->blocks,
           (unsigned long long)found->log_size);
    printf("rows          %llu\n", (unsigned long long)found->rows);
    printf("file          %llu bytes, %llu in use\n", (unsigned long long)found->file_size,
           (unsigned long long)found->used);
}

static int run_check(const char *path, struct buffer *error)
{
    struct check *check = memory_allocate_zero(sizeof(*check));
    struct store_loader loader = {check, check_row, check_frame};

    check_begin(check);
    bool good = store_inspect(path, CORE_FORMAT_VERSION, &loader, &check->found, error);
    if (good) {
        recovery_finish(check->recovery);
        uint64_t lost = count_lost(check);
        if (lost > 0) {
            buffer_append_format(error, "%llu messages that wait are not in the log",
                                 (unsigned long long)lost);
        }
        print_found(check);
        good = lost == 0;
    }
    check_end(check);
    free(check);
    return good ? EXIT_SUCCESS : STATUS_FAILED;
}

/* ---------------------------------------------------------------- dump, compact */

static bool dump_row(void *context, struct slice key, uint64_t stamp, struct slice value,
                     struct buffer *error)
{
    (void)context, (void)error;
    store_dump_row(stdout, key, stamp, value);
    return true;
}

static bool dump_frame(void *context, uint64_t position, struct slice payload, struct buffer *error)
{
    const struct store_inspection *found = context;

    (void)error;
    store_dump_frame(stdout, position, payload, position >= found->head.replay_from);
    return true;
}

static int run_dump(const char *path, struct buffer *error)
{
    struct store_inspection found;
    struct store_loader loader = {&found, dump_row, dump_frame};
    bool good = store_inspect(path, CORE_FORMAT_VERSION, &loader, &found, error);

    return good && fflush(stdout) == 0 ? EXIT_SUCCESS : STATUS_FAILED;
}

static int run_compact(const char *path, struct buffer *error)
{
    uint64_t before, after;

    if (!store_compact(path, CORE_FORMAT_VERSION, &before, &after, error)) {
        return STATUS_FAILED;
    }
    printf("%llu bytes before, %llu now\n", (unsigned long long)before, (unsigned long long)after);
    return EXIT_SUCCESS;
}

/* ---------------------------------------------------------------- arguments */

static const struct {
    const char *name;
    int (*run)(const char *path, struct buffer *error);
} tools[] = {{"check", run_check}, {"dump", run_dump}, {"compact", run_compact}};

static int complain(const char *what, const char *about)
{
    fprintf(stderr, "pubgrid store: %s%s\n\n%s", what, about, usage);
    return STATUS_USAGE;
}

static char *directory_of(const char *argument, const char *file, struct buffer *error)
{
    if (argument) {
        return memory_copy_string(slice_from_string(argument));
    }
    struct config *options = config_load(file, NULL, 0, error);
    char *path = options && options->store_path
                     ? memory_copy_string(slice_from_string(options->store_path))
                     : NULL;
    config_free(options);
    return path;
}

static int run_tool(size_t tool, const char *argument, const char *file)
{
    struct buffer error = {0};
    char *path = directory_of(argument, file, &error);
    int status = path ? tools[tool].run(path, &error) : STATUS_USAGE;

    if (error.length > 0) {
        fprintf(stderr, "pubgrid store: %s%s%.*s\n", path ? path : "", path ? ": " : "",
                SLICE_PRINT(error));
    }
    buffer_release(&error);
    free(path);
    return status;
}

int store_tool_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *file = NULL;
    int option;

    log_set_level(LOG_WARNING);
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (option != 'c') {
            fputs(usage, stderr);
            return STATUS_USAGE;
        }
        file = optarg;
    }
    if (optind == argc) {
        return complain("which of check, dump and compact?", "");
    }
    if (argc - optind > 2) {
        return complain("one directory at a time, not also ", argv[optind + 2]);
    }
    for (size_t i = 0; i < sizeof(tools) / sizeof(tools[0]); i++) {
        if (strcmp(tools[i].name, argv[optind]) == 0) {
            return run_tool(i, optind + 1 < argc ? argv[optind + 1] : NULL, file);
        }
    }
    return complain("there is no tool ", argv[optind]);
}
