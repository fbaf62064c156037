/* See walk.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/walk.h"

#include "base/clock.h"
#include "base/log.h"

enum { PROGRESS_NS = 1000000000, KEEPS = 32 << 20 };

bool walk_begin(struct walk *walk, struct database *database, const struct store_loader *loader,
                struct buffer *error)
{
    int failed;

    walk->database = database;
    walk->loader = loader;
    walk->said_ns = clock_monotonic_ns();
    failed = mdb_txn_begin(database->env, NULL, MDB_RDONLY, &walk->txn);
    if (failed) {
        buffer_append_string(error, mdb_strerror(failed));
    }
    return failed == 0;
}

void walk_end(struct walk *walk)
{
    mdb_txn_abort(walk->txn);
    database_forget_pages(walk->database);
}

static void say_progress(struct walk *walk)
{
    int64_t now = clock_monotonic_ns();

    if (now - walk->said_ns >= PROGRESS_NS) {
        walk->said_ns = now;
        log_write(LOG_INFO, "loading the store", "rows=%llu messages=%llu percent=%llu",
                  (unsigned long long)walk->rows, (unsigned long long)walk->frames,
                  (unsigned long long)(walk->bytes ? walk->done * 100 / walk->bytes : 0));
    }
}

static bool walk_row(struct walk *walk, struct slice key, struct slice row, struct buffer *error)
{
    struct row_header header;

    if (key.length == 0 || row.length < sizeof(header)) {
        buffer_append_string(error, "the file is damaged: a row is cut short");
        return false;
    }
    memcpy(&header, row.data, sizeof(header));
    struct slice value = slice_from(row, sizeof(header));
    if (row_checksum(key, header.stamp, value) != header.checksum) {
        buffer_append_format(error, "the file is damaged: wrong checksum of a row of kind %c",
                             key.data[0]);
        return false;
    }
    if (key.data[0] == 'M') {
        return true;
    }
    walk->rows++;
    return walk->loader->row(walk->loader->context, key, header.stamp, value, error);
}

/* LMDB has no checksums of its own: a page that is damaged may hide entries, or show them twice.
 */
static bool is_complete(struct walk *walk, MDB_dbi database, uint64_t seen, struct buffer *error)
{
    MDB_stat stat;

    if (mdb_stat(walk->txn, database, &stat) == 0 && stat.ms_entries == seen) {
        return true;
    }
    buffer_append_format(error, "the file is damaged: %llu entries of %llu are there",
                         (unsigned long long)seen, (unsigned long long)stat.ms_entries);
    return false;
}

static bool is_behind(struct slice key, struct slice before)
{
    size_t length = key.length < before.length ? key.length : before.length;
    int order = length > 0 ? memcmp(key.data, before.data, length) : 0;

    return order > 0 || (order == 0 && key.length > before.length);
}

bool walk_rows(struct walk *walk, struct buffer *error)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    struct slice before = SLICE_EMPTY;
    uint64_t seen = 0;
    bool good = true;
    int got = mdb_cursor_open(walk->txn, walk->database->rows, &cursor);

    while (got == 0 && good) {
        got = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        struct slice row_key = slice_make(key.mv_data, key.mv_size);
        if (got == 0 && !is_behind(row_key, before)) {
            buffer_append_string(error, "the file is damaged: rows are out of order");
            good = false;
        } else if (got == 0) {
            good = walk_row(walk, row_key, slice_make(value.mv_data, value.mv_size), error);
            before = row_key;
            seen++;
            say_progress(walk);
        }
    }
    mdb_cursor_close(cursor);
    if (good && got != MDB_NOTFOUND) {
        buffer_append_format(error, "the rows cannot be read: %s", mdb_strerror(got));
    }
    return good && got == MDB_NOTFOUND && is_complete(walk, walk->database->rows, seen, error);
}

/* What is known of the blocks that were seen, to tell whether the next one can be. */
struct block_check {
    uint64_t before; /* position of the last one */
    uint64_t end;    /* where the next one from replay_from on must begin: there are no gaps */
    uint64_t seen;
};

static bool block_is_possible(const struct walk *walk, struct block_check *check, uint64_t position,
                              struct slice block)
{
    if (block.length < sizeof(struct block_header) || position <= check->before ||
        !database_has(walk->database, block)) {
        return false;
    }
    if (position >= walk->database->head.replay_from) {
        if (position != check->end) {
            return false;
        }
        check->end += block.length - sizeof(struct block_header);
    }
    check->before = position;
    check->seen++;
    return true;
}

static bool walk_block(struct walk *walk, struct block_check *check, const MDB_val *key,
                       const MDB_val *value, uint64_t *position, struct buffer *error)
{
    if (key->mv_size == sizeof(*position)) {
        memcpy(position, key->mv_data, sizeof(*position));
        if (block_is_possible(walk, check, *position, slice_make(value->mv_data, value->mv_size))) {
            return true;
        }
    }
    buffer_append_format(error, "the file is damaged: the log does not hang together behind %llu",
                         (unsigned long long)check->before);
    return false;
}

static bool all_blocks_seen(struct walk *walk, const struct block_check *check, uint64_t from,
                            struct buffer *error)
{
    if (check->end < walk->database->head.next) {
        buffer_append_format(error, "the file is damaged: the log ends at %llu, before %llu",
                             (unsigned long long)check->end,
                             (unsigned long long)walk->database->head.next);
        return false;
    }
    return from > 0 || is_complete(walk, walk->database->log, check->seen, error);
}

bool walk_blocks(struct walk *walk, uint64_t from,
                 bool (*each)(void *context, uint64_t position, struct slice block), void *context,
                 struct buffer *error)
{
    struct block_check check = {.end = walk->database->head.replay_from};
    MDB_cursor *cursor = NULL;
    MDB_val key = {sizeof(from), &from}, value;
    bool good = true;
    int got = mdb_cursor_open(walk->txn, walk->database->log, &cursor);

    got = got ? got : mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (got == 0 && good) {
        uint64_t position = 0;
        good = walk_block(walk, &check, &key, &value, &position, error) &&
               each(context, position, slice_make(value.mv_data, value.mv_size));
        got = good ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT) : 0;
    }
    mdb_cursor_close(cursor);
    if (good && got != MDB_NOTFOUND) {
        buffer_append_format(error, "the log cannot be read: %s", mdb_strerror(got));
    }
    return good && got == MDB_NOTFOUND && all_blocks_seen(walk, &check, from, error);
}

struct frame_walk {
    struct walk *walk;
    struct buffer *error;
    uint64_t let_go; /* of walk->done, when pages were let go last */
};

static bool walk_frames_of(void *context, uint64_t position, struct slice block)
{
    struct frame_walk *frames = context;
    struct walk *walk = frames->walk;
    struct slice frame, payload;
    struct block_walk inside;
    int more = block_walk_begin(&inside, position, block) ? 1 : -1;

    while (more > 0 && (more = block_walk_next(&inside, &position, &frame, &payload)) > 0) {
        walk->frames++;
        if (!walk->loader->frame(walk->loader->context, position, payload, frames->error)) {
            return false;
        }
    }
    if (more < 0) {
        buffer_append_format(frames->error,
                             "the file is damaged: wrong checksum in the log at %llu",
                             (unsigned long long)position);
    }
    walk->blocks++;
    walk->done += block.length;
    say_progress(walk);
    if (walk->done - frames->let_go >= KEEPS) {
        frames->let_go = walk->done;
        database_forget_pages(walk->database);
    }
    return more == 0;
}

bool walk_frames(struct walk *walk, uint64_t from, struct buffer *error)
{
    struct frame_walk frames = {.walk = walk, .error = error};

    return walk_blocks(walk, from, walk_frames_of, &frames, error);
}
