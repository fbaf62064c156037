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
    if (row_checksum(header.stamp, value) != header.checksum) {
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

bool walk_rows(struct walk *walk, struct buffer *error)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    bool good = true;
    int got = mdb_cursor_open(walk->txn, walk->database->rows, &cursor);

    while (got == 0 && good) {
        got = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        if (got == 0) {
            good = walk_row(walk, slice_make(key.mv_data, key.mv_size),
                            slice_make(value.mv_data, value.mv_size), error);
            say_progress(walk);
        }
    }
    mdb_cursor_close(cursor);
    if (good && got != MDB_NOTFOUND) {
        buffer_append_format(error, "the rows cannot be read: %s", mdb_strerror(got));
    }
    return good && got == MDB_NOTFOUND;
}

bool walk_blocks(struct walk *walk, uint64_t from,
                 bool (*each)(void *context, uint64_t position, struct slice block), void *context,
                 struct buffer *error)
{
    MDB_cursor *cursor;
    MDB_val key = {sizeof(from), &from}, value;
    bool good = true;
    int got = mdb_cursor_open(walk->txn, walk->database->log, &cursor);

    got = got ? got : mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (got == 0 && good) {
        uint64_t position;
        memcpy(&position, key.mv_data, sizeof(position));
        good = each(context, position, slice_make(value.mv_data, value.mv_size));
        got = good ? mdb_cursor_get(cursor, &key, &value, MDB_NEXT) : 0;
    }
    mdb_cursor_close(cursor);
    if (good && got != MDB_NOTFOUND) {
        buffer_append_format(error, "the log cannot be read: %s", mdb_strerror(got));
    }
    return good && got == MDB_NOTFOUND;
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
