/* The target `core`: the broker's core in this process with a clock that the script turns.
 *
 * Time stands still between lines and `advance` is exact, so a file that lets a day pass takes
 * microseconds here, and `nothing` means nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "runner_core_config.h"
#include "runner_target.h"
#include "support/core_harness.h"

struct target {
    unsigned workers, pieces;
    struct core_harness *harness;
    struct core_config config;
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

static bool core_begin(struct target *target, const struct script *script, struct buffer *report)
{
    struct core_harness_settings settings;

    core_harness_defaults(&settings);
    settings.shards = target->workers;
    if (!core_config_read(&target->config, script, &settings, report)) {
        return false;
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

static void core_hold_commits(struct target *target, bool hold)
{
    core_harness_hold_commits(target->harness, hold);
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
    .hold_commits = core_hold_commits,
};
