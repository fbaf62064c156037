/* Opening a store and loading what is in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/guard.h"
#include "store/store_internal.h"
#include "store/walk.h"

/* Address space, and so the most that LMDB takes, beyond size_maximum: for what frees space. */
enum { ROOM_BEYOND = 256 << 20 };

static bool open_body(void *context, struct buffer *error)
{
    struct store *store = context;
    struct database_options options = {
        .path = store->path,
        .size_maximum = store->options.size_maximum + store->options.reserve + ROOM_BEYOND,
        .core_version = store->options.core_version,
        .unsafe = store->options.unsafe,
    };

    return database_open(&store->database, &options, error);
}

static bool open_files(struct store *store, bool waits, struct buffer *error)
{
    struct buffer reason = {0};

    if (!directory_lock(&store->lock, store->path, waits, error)) {
        return false;
    }
    bool good = guard_run(open_body, store, &reason);
    if (!good) {
        buffer_append_format(error, "cannot open the store %s: %.*s", store->path,
                             SLICE_PRINT(reason));
        directory_unlock(&store->lock);
    }
    buffer_release(&reason);
    return good;
}

/* Is what keeps the store from being opened likely to end without anybody changing the
 * configuration? */
static bool may_pass(const struct store *store)
{
    static const int reasons[] = {EWOULDBLOCK, EROFS, ENOSPC, EDQUOT};

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (store->lock.reason == reasons[i] || store->database.reason == -reasons[i]) {
            return true;
        }
    }
    return false;
}

struct store *store_open(const struct store_options *options, struct buffer *error)
{
    struct store *store = memory_allocate_zero(sizeof(*store));
    struct buffer reason = {0};

    store->options = *options;
    store->path = memory_copy_string(slice_from_string(options->path));
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_cond_init(&store->changed, &attributes);
    pthread_cond_init(&store->read_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!open_files(store, true, &reason)) {
        bool passes = may_pass(store);
        if (passes) {
            log_write(LOG_ERROR, "store unavailable", "reason=\"%.*s\"", SLICE_PRINT(reason));
            store->state = STORE_UNAVAILABLE;
        } else {
            buffer_append(error, buffer_slice(&reason));
            store_close(store);
        }
        buffer_release(&reason);
        return passes ? store : NULL;
    }
    if (store_begins_full(store)) {
        store_set_state(store, STORE_FULL, -ENOSPC);
    }
    return store;
}

bool store_is_openable(struct store *store)
{
    struct buffer reason = {0};
    bool good = open_files(store, false, &reason);

    if (good) {
        database_close(&store->database);
        directory_unlock(&store->lock);
    }
    buffer_release(&reason);
    return good;
}

msec_t store_last_alive(const struct store *store)
{
    return store->lock.last_alive;
}

void store_pin(struct store *store, uint64_t position)
{
    blocks_pin(&store->blocks, position, 1);
}

void store_unpin(struct store *store, uint64_t position)
{
    blocks_unpin(&store->blocks, position);
}

/* ---------------------------------------------------------------- loading */

struct load {
    struct store *store;
    const struct store_loader *loader;
    struct walk walk;
};

/* What was deleted before the restart is forgotten in its turn. */
static bool take_row(void *context, struct slice key, uint64_t stamp, struct slice value,
                     struct buffer *error)
{
    struct load *load = context;

    if (value.length == 0 && key.length <= STORE_KEY_MAX) {
        store_note_deleted(load->store, key, stamp);
    }
    return load->loader->row(load->loader->context, key, stamp, value, error);
}

static bool take_frame(void *context, uint64_t position, struct slice payload, struct buffer *error)
{
    struct load *load = context;

    return load->loader->frame(load->loader->context, position, payload, error);
}

/* The table of blocks, which core's pins refer to while rows are loaded. */
static bool take_block(void *context, uint64_t position, struct slice block)
{
    struct load *load = context;
    struct store *store = load->store;
    uint64_t behind = position + block.length - sizeof(struct block_header);

    blocks_add(&store->blocks, position, block.length, 0);
    if (position >= store->database.head.replay_from) {
        load->walk.bytes += block.length;
        store->next = behind > store->next ? behind : store->next;
    }
    return true;
}

static bool load_body(void *context, struct buffer *error)
{
    struct load *load = context;
    struct store *store = load->store;

    store->next = store->database.head.next;
    if (!walk_blocks(&load->walk, 0, take_block, load, error) || !walk_rows(&load->walk, error)) {
        return false;
    }
    store->committed = store->next;
    store->saved_until = store->database.head.replay_from;
    return walk_frames(&load->walk, store->database.head.replay_from, error);
}

bool store_load(struct store *store, const struct store_loader *loader, struct buffer *error)
{
    if (store->state == STORE_UNAVAILABLE) {
        return true;
    }
    struct load load = {.store = store, .loader = loader};
    struct store_loader own = {&load, take_row, take_frame};
    struct buffer reason = {0};
    int64_t started_ns = clock_monotonic_ns();
    bool good = walk_begin(&load.walk, &store->database, &own, &reason) &&
                guard_run(load_body, &load, &reason);

    if (good) {
        walk_end(&load.walk);
        blocks_trim(&store->blocks);
        log_write(LOG_INFO, "store loaded", "path=%s rows=%llu messages=%llu ms=%lld", store->path,
                  (unsigned long long)load.walk.rows, (unsigned long long)load.walk.frames,
                  (long long)(clock_monotonic_ns() - started_ns) / 1000000);
    } else {
        buffer_append_format(error, "cannot read the store %s: %.*s", store->path,
                             SLICE_PRINT(reason));
    }
    buffer_release(&reason);
    return good;
}
