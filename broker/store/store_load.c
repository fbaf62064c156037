/* Opening a store and handing out what is in it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/guard.h"
#include "store/store_internal.h"

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
    if (!directory_lock(&store->lock, store->path, error)) {
        store_close(store);
        return NULL;
    }
    if (!guard_run(open_body, store, &reason)) {
        buffer_append_format(error, "cannot open the store %s: %.*s", store->path,
                             SLICE_PRINT(reason));
        buffer_release(&reason);
        store_close(store);
        return NULL;
    }
    guard_watch(store->database.env);
    if (!store_make_reserve(store)) {
        store_set_state(store, STORE_FULL, -ENOSPC);
    }
    return store;
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
    MDB_txn *txn;
    uint64_t rows, frames, bytes, done;
    int64_t started_ns, said_ns;
};

enum { PROGRESS_NS = 1000000000, LOAD_KEEPS = 32 << 20 };

static void say_progress(struct load *load)
{
    int64_t now = clock_monotonic_ns();

    if (now - load->said_ns >= PROGRESS_NS) {
        load->said_ns = now;
        log_write(LOG_INFO, "loading the store", "rows=%llu messages=%llu percent=%llu",
                  (unsigned long long)load->rows, (unsigned long long)load->frames,
                  (unsigned long long)(load->bytes ? load->done * 100 / load->bytes : 0));
    }
}

static bool load_row(struct load *load, struct slice key, struct slice row, struct buffer *error)
{
    struct row_header header;

    if (row.length < sizeof(header)) {
        buffer_append_string(error, "the file is damaged: a row is cut short");
        return false;
    }
    memcpy(&header, row.data, sizeof(header));
    struct slice value = slice_from(row, sizeof(header));
    if (row_checksum(header.stamp, value) != header.checksum) {
        buffer_append_format(error, "the file is damaged: wrong checksum of a row of kind %c",
                             key.data[0]);
        return false;
    }
    if (key.data[0] == 'M') {
        return true;
    }
    load->rows++;
    return load->loader->row(load->loader->context, key, header.stamp, value, error);
}

static bool load_rows(struct load *load, struct buffer *error)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    bool good = mdb_cursor_open(load->txn, load->store->database.rows, &cursor) == 0;
    int end = MDB_NOTFOUND;

    while (good && (end = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        good = key.mv_size > 0 && load_row(load, slice_make(key.mv_data, key.mv_size),
                                           slice_make(value.mv_data, value.mv_size), error);
        say_progress(load);
    }
    if (good && end != MDB_NOTFOUND) {
        buffer_append_format(error, "the rows cannot be read: %s", mdb_strerror(end));
        good = false;
    }
    mdb_cursor_close(cursor);
    return good;
}

/* The table of blocks, which core's pins refer to while rows are loaded. */
static bool load_blocks(struct load *load, struct buffer *error)
{
    struct store *store = load->store;
    MDB_cursor *cursor;
    MDB_val key, value;
    uint64_t end = store->database.head.next;
    int got = mdb_cursor_open(load->txn, store->database.log, &cursor);

    while (got == 0 && (got = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        uint64_t position;
        memcpy(&position, key.mv_data, sizeof(position));
        blocks_add(&store->blocks, position, value.mv_size);
        if (position >= store->database.head.replay_from) {
            load->bytes += value.mv_size;
            uint64_t behind = position + value.mv_size - sizeof(struct block_header);
            end = behind > end ? behind : end;
        }
    }
    mdb_cursor_close(cursor);
    store->next = store->committed = end;
    store->saved_until = store->database.head.replay_from;
    if (got != MDB_NOTFOUND) {
        buffer_append_format(error, "the log cannot be read: %s", mdb_strerror(got));
    }
    return got == MDB_NOTFOUND;
}

static bool load_block(struct load *load, uint64_t position, struct slice block,
                       struct buffer *error)
{
    struct slice frame, payload;
    struct block_walk walk;
    int more = block_walk_begin(&walk, position, block) ? 1 : -1;

    while (more > 0 && (more = block_walk_next(&walk, &position, &frame, &payload)) > 0) {
        load->frames++;
        if (!load->loader->frame(load->loader->context, position, payload, error)) {
            return false;
        }
    }
    if (more < 0) {
        buffer_append_format(error, "the file is damaged: wrong checksum in the log at %llu",
                             (unsigned long long)position);
    }
    load->done += block.length;
    return more == 0;
}

static bool load_frames(struct load *load, struct buffer *error)
{
    uint64_t from = load->store->database.head.replay_from, resting = 0;
    MDB_cursor *cursor;
    MDB_val key = {sizeof(from), &from}, value;
    bool good = mdb_cursor_open(load->txn, load->store->database.log, &cursor) == 0;
    int got = good ? mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE) : MDB_NOTFOUND;

    while (got == 0 && good) {
        uint64_t position;
        memcpy(&position, key.mv_data, sizeof(position));
        good = load_block(load, position, slice_make(value.mv_data, value.mv_size), error);
        say_progress(load);
        if (load->done - resting >= LOAD_KEEPS) {
            resting = load->done;
            database_forget_pages(&load->store->database);
        }
        got = good ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT) : MDB_NOTFOUND;
    }
    mdb_cursor_close(cursor);
    return good;
}

static bool load_body(void *context, struct buffer *error)
{
    struct load *load = context;

    return load_blocks(load, error) && load_rows(load, error) && load_frames(load, error);
}

bool store_load(struct store *store, const struct store_loader *loader, struct buffer *error)
{
    struct load load = {
        .store = store,
        .loader = loader,
        .started_ns = clock_monotonic_ns(),
        .said_ns = clock_monotonic_ns(),
    };
    struct buffer reason = {0};
    int failed = mdb_txn_begin(store->database.env, NULL, MDB_RDONLY, &load.txn);

    if (failed) {
        buffer_append_string(&reason, mdb_strerror(failed));
    }
    bool good = failed == 0 && guard_run(load_body, &load, &reason);
    if (good) {
        mdb_txn_abort(load.txn);
        blocks_trim(&store->blocks);
        log_write(LOG_INFO, "store loaded", "path=%s rows=%llu messages=%llu ms=%lld", store->path,
                  (unsigned long long)load.rows, (unsigned long long)load.frames,
                  (long long)(clock_monotonic_ns() - load.started_ns) / 1000000);
    } else {
        buffer_append_format(error, "cannot read the store %s: %.*s", store->path,
                             SLICE_PRINT(reason));
    }
    buffer_release(&reason);
    return good;
}
