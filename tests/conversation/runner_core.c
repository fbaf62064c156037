/* The target `core`: the broker's core in this process with a clock that the script turns.
 *
 * Time stands still between lines and `advance` is exact, so a file that lets a day pass takes
 * microseconds here, and `nothing` means nothing. A file with a crash gets the real store, in a
 * directory in memory; without one, the harness remembers what is committed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "runner_core_config.h"
#include "runner_target.h"
#include "support/core_harness.h"

struct target {
    unsigned workers, pieces;
    struct core_harness *harness;
    struct core_config config;
    char store_path[64]; /* empty: the store is in memory */
};

struct target_link {
    unsigned pieces;
    struct core_link *link;
};

static struct target *core_new(const struct target_settings *settings)
{
    struct target *target = memory_allocate_zero(sizeof(*target));

    log_set_level(LOG_ERROR); /* what files provoke on purpose is no news */
    target->workers = settings->workers ? settings->workers : 1;
    target->pieces = settings->pieces;
    return target;
}

static void core_free(struct target *target)
{
    free(target);
}

static const char *core_unsupported(struct target *target, const struct script *script)
{
    (void)target;
    for (size_t i = 0; i < script->line_count; i++) {
        if (script->lines[i].kind == LINE_CONNECT && script->lines[i].transport) {
            return "is about transports";
        }
    }
    return NULL;
}

static void choose_store(struct target *target)
{
    static unsigned count; /* of this process */

    snprintf(target->store_path, sizeof(target->store_path), "%s/pubgrid-conversation-%d-%u",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (int)getpid(), ++count);
}

static void remove_store(struct target *target)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "lock", "reserve"};
    char path[128];

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", target->store_path, files[i]);
        unlink(path);
    }
    rmdir(target->store_path);
    target->store_path[0] = '\0';
}

static bool core_begin(struct target *target, const struct script *script, struct buffer *report)
{
    struct core_harness_settings settings;

    core_harness_defaults(&settings);
    settings.shards = target->workers;
    if (!core_config_read(&target->config, script, &settings, report)) {
        return false;
    }
    if (script_has_line(script, LINE_CRASH)) {
        choose_store(target);
        settings.store_path = target->store_path;
    }
    target->harness = core_harness_new(&settings);
    return true;
}

static bool core_end(struct target *target, struct buffer *report)
{
    (void)report;
    if (target->harness) {
        core_harness_free(target->harness);
        target->harness = NULL;
    }
    if (target->store_path[0]) {
        remove_store(target);
    }
    return true;
}

static struct target_link *core_open(struct target *target, const char *transport)
{
    struct target_link *link = memory_allocate_zero(sizeof(*link));

    (void)transport;
    link->pieces = target->pieces;
    link->link = core_harness_open(target->harness);
    return link;
}

static void core_send(struct target_link *link, struct slice bytes)
{
    while (bytes.length > 0) {
        bool cut = link->pieces > 0 && link->pieces < bytes.length;
        size_t length = cut ? link->pieces : bytes.length;

        core_link_send(link->link, slice_make(bytes.data, length));
        bytes = slice_from(bytes, length);
    }
}

static enum target_receive core_receive(struct target_link *link, struct buffer *in, int timeout_ms)
{
    struct buffer *received = core_link_received(link->link);

    (void)timeout_ms;
    if (received->length == 0) {
        return core_link_is_closed(link->link) ? TARGET_CLOSED : TARGET_TIMEOUT;
    }
    buffer_append(in, buffer_slice(received));
    buffer_consume(received, received->length);
    return TARGET_BYTES;
}

static void core_close(struct target_link *link)
{
    core_link_close(link->link);
    free(link);
}

static void core_advance(struct target *target, msec_t duration)
{
    core_harness_advance(target->harness, duration);
}

static void core_stall(struct target_link *link, bool stalled)
{
    core_link_stall(link->link, stalled);
}

static void core_stop(struct target *target)
{
    core_harness_stop(target->harness);
}

static void core_change_rules(struct target *target, const struct script *script,
                              const struct line *line)
{
    core_harness_change_rules(target->harness, core_rules_read(script, line));
}

static void core_hold_commits(struct target *target, bool hold)
{
    core_harness_hold_commits(target->harness, hold);
}

static void core_commit(struct target *target, unsigned count)
{
    core_harness_commit(target->harness, count);
}

static bool core_restart(struct target *target, unsigned committed, const struct line *restart,
                         struct buffer *report)
{
    unsigned shards = restart->count ? restart->count : core_harness_shards(target->harness);

    if (shards > CORE_HARNESS_SHARDS_MAX) {
        buffer_append_format(report, "at most %d shards\n", CORE_HARNESS_SHARDS_MAX);
        return false;
    }
    bool good = core_harness_crash(target->harness, committed, shards, restart->duration, report);
    if (good) {
        core_harness_hold_commits(target->harness, false);
    }
    return good;
}

const struct target_operations target_core = {
    .name = "core",
    .fake_clock = true,
    .new = core_new,
    .free = core_free,
    .unsupported = core_unsupported,
    .begin = core_begin,
    .end = core_end,
    .open = core_open,
    .send = core_send,
    .receive = core_receive,
    .close = core_close,
    .advance = core_advance,
    .stall = core_stall,
    .stop = core_stop,
    .change_rules = core_change_rules,
    .hold_commits = core_hold_commits,
    .commit = core_commit,
    .restart = core_restart,
};
