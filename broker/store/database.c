/* LMDB: see database.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/database.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/guard.h"

enum {
    EXTEND_STEP = 4 << 20,    /* zeros that are written at a time */
    EXTEND_NEAR = 1 << 20,    /* as soon as so much or less is left */
    EXTEND_LEAVES = 64 << 20, /* not on a disk that has less than this */
    READER_KEEPS = 16 << 20,  /* bytes read before the pages are let go */
    READERS = 16,
};

const char *database_error(int error)
{
    return error < -30000 ? mdb_strerror(error) : strerrordesc_np(-error);
}

/* LMDB's errors are negative, the system's positive: ours are all negative. */
static int result(int error)
{
    return error > 0 ? -error : error;
}

static MDB_val value_of(struct slice bytes)
{
    return (MDB_val){bytes.length, (void *)(uintptr_t)bytes.data};
}

static struct slice slice_of(MDB_val value)
{
    return slice_make(value.mv_data, value.mv_size);
}

static const struct slice head_key = {(const uint8_t *)"M", 1};

/* ---------------------------------------------------------------- opening */

static uint64_t pages_size(MDB_env *env, uint64_t pages)
{
    MDB_stat stat;

    mdb_env_stat(env, &stat);
    return pages * stat.ms_psize;
}

static uint64_t file_size(const struct database *database)
{
    struct stat status;

    return fstat(database->fd, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* A file that was cut would end the program at the first look behind its end. */
static bool is_whole(struct database *database, struct buffer *error)
{
    MDB_envinfo info;

    mdb_env_info(database->env, &info);
    uint64_t needed = pages_size(database->env, info.me_last_pgno + 1);
    if (file_size(database) >= needed || (database->read_only && info.me_last_txnid == 0)) {
        return true;
    }
    buffer_append_format(error, "the file is cut short: %llu bytes of %llu",
                         (unsigned long long)file_size(database), (unsigned long long)needed);
    return false;
}

/* The first head of a file in which nothing is yet. */
static int write_first_head(struct database *database, MDB_txn *txn, uint32_t core_version)
{
    database->head = (struct store_head){
        .format_version = STORE_FORMAT_VERSION,
        .core_version = core_version,
        .replay_from = 1,
        .next = 1,
    };
    memcpy(database->head.magic, STORE_MAGIC, sizeof(database->head.magic));
    database->txn = txn;
    int error = database_put_head(database);
    database->txn = NULL;
    return error;
}

static int read_head(struct database *database, MDB_txn *txn)
{
    MDB_val key = value_of(head_key), value;
    struct row_header header;
    int error = mdb_get(txn, database->rows, &key, &value);

    if (error || value.mv_size != sizeof(header) + sizeof(database->head)) {
        return error ? error : MDB_INVALID;
    }
    memcpy(&header, value.mv_data, sizeof(header));
    memcpy(&database->head, (uint8_t *)value.mv_data + sizeof(header), sizeof(database->head));
    struct slice head = slice_make(&database->head, sizeof(database->head));
    return row_checksum(head_key, header.stamp, head) == header.checksum ? 0 : MDB_CORRUPTED;
}

/* Only a file in which nothing is at all becomes a store: never a damaged one, or another's. */
static int open_databases(struct database *database, uint32_t core_version)
{
    MDB_txn *txn;
    MDB_dbi names;
    MDB_stat stat;
    int error = mdb_txn_begin(database->env, NULL, database->read_only ? MDB_RDONLY : 0, &txn);
    if (error) {
        return error;
    }
    error = mdb_dbi_open(txn, NULL, 0, &names);
    error = error ? error : mdb_stat(txn, names, &stat);
    bool is_new = error == 0 && stat.ms_entries == 0 && !database->read_only;
    unsigned flags = is_new ? MDB_CREATE : 0;
    error = error ? error : mdb_dbi_open(txn, "log", flags | MDB_INTEGERKEY, &database->log);
    error = error ? error : mdb_dbi_open(txn, "rows", flags, &database->rows);
    if (error == 0) {
        error = is_new ? write_first_head(database, txn, core_version) : read_head(database, txn);
    }
    if (error) {
        mdb_txn_abort(txn);
        return error;
    }
    return mdb_txn_commit(txn); /* also after reading: the handles live on */
}

static const char *opening_error(int error)
{
    if (error == MDB_NOTFOUND || error == MDB_INCOMPATIBLE) {
        return "it is not a store of pubgrid";
    }
    if (error == MDB_CORRUPTED || error == MDB_INVALID || error == MDB_PAGE_NOTFOUND) {
        return "the file is damaged, or not a store of pubgrid";
    }
    return database_error(result(error));
}

static bool head_is_ours(const struct database *database, uint32_t core_version,
                         struct buffer *error)
{
    const struct store_head *head = &database->head;

    if (memcmp(head->magic, STORE_MAGIC, sizeof(head->magic)) != 0) {
        buffer_append_string(error, "it is not a store of pubgrid");
        return false;
    }
    if (head->format_version > STORE_FORMAT_VERSION || head->core_version > core_version) {
        buffer_append_format(error,
                             "it was written by a newer version of pubgrid (format %u.%u, this "
                             "program knows %d.%u): start that one again",
                             head->format_version, head->core_version, STORE_FORMAT_VERSION,
                             core_version);
        return false;
    }
    return true;
}

/* Nothing may be created where something else lies. */
static bool look_before(const char *path, bool read_only, struct buffer *error)
{
    struct buffer file = {0};
    struct stat status;

    buffer_append_format(&file, "%s/data.mdb%c", path, 0);
    int failed = stat((const char *)file.data, &status);
    int reason = errno;
    buffer_release(&file);
    if (failed && (reason != ENOENT || read_only)) {
        buffer_append_string(error, strerrordesc_np(reason));
        return false;
    }
    if (!failed && status.st_size > 0 && status.st_size < 8192) {
        buffer_append_string(error, "data.mdb is cut short");
        return false;
    }
    return true;
}

/* A line of /proc/self/maps: `start-end rights offset device inode path`, the first two in hex. */
static bool read_mapping(const char *line, uintptr_t *start, uintptr_t *end, ino_t *inode)
{
    char *at;

    *start = strtoul(line, &at, 16);
    if (*at != '-') {
        return false;
    }
    *end = strtoul(at + 1, &at, 16);
    for (int fields = 0; fields < 4 && at; fields++) { /* blanks before the inode */
        at = strchr(at, ' ');
        at += at ? strspn(at, " ") : 0;
    }
    *inode = at ? strtoul(at, NULL, 10) : 0;
    return at != NULL;
}

/* LMDB does not tell where it has mapped the file; the system does. */
static void find_map(struct database *database)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    struct stat status;
    char line[512];

    if (!maps || fstat(database->fd, &status) != 0) {
        status.st_ino = 0;
    }
    while (maps && fgets(line, sizeof(line), maps)) {
        uintptr_t start, end;
        ino_t inode;
        if (read_mapping(line, &start, &end, &inode) && inode == status.st_ino && inode != 0 &&
            end - start > database->map_size) {
            database->map = (void *)start; /* NOLINT(performance-no-int-to-ptr): it comes as text */
            database->map_size = end - start;
        }
    }
    if (maps) {
        fclose(maps);
    }
}

bool database_open(struct database *database, const struct database_options *options,
                   struct buffer *error)
{
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (options->read_only ? MDB_RDONLY : 0) |
                     (options->unsafe ? MDB_NOSYNC | MDB_NOMETASYNC : 0);
    int failed;

    *database = (struct database){.read_only = options->read_only};
    if (!look_before(options->path, options->read_only, error)) {
        return false;
    }
    failed = mdb_env_create(&database->env);
    if (failed == 0) {
        guard_watch(database->env);
    }
    failed = failed ? failed : mdb_env_set_maxdbs(database->env, 2);
    failed = failed ? failed : mdb_env_set_maxreaders(database->env, READERS);
    failed = failed ? failed : mdb_env_set_mapsize(database->env, options->size_maximum);
    failed = failed ? failed : mdb_env_open(database->env, options->path, flags, 0600);
    failed = failed ? failed : mdb_env_get_fd(database->env, &database->fd);
    bool good = failed == 0 && is_whole(database, error);
    if (good) {
        failed = open_databases(database, options->core_version);
        good = failed == 0 && head_is_ours(database, options->core_version, error);
    }
    if (failed) {
        database->reason = result(failed);
        buffer_append_string(error, opening_error(failed));
    }
    if (!good) {
        database_close(database);
    } else {
        database->end_size = file_size(database);
        find_map(database);
    }
    return good;
}

void database_close(struct database *database)
{
    if (database->env) {
        mdb_env_close(database->env);
        database->env = NULL;
    }
}

/* ---------------------------------------------------------------- writing */

int database_begin(struct database *database)
{
    return result(mdb_txn_begin(database->env, NULL, 0, &database->txn));
}

int database_commit(struct database *database)
{
    MDB_txn *txn = database->txn;

    database->txn = NULL;
    return result(mdb_txn_commit(txn));
}

void database_abort(struct database *database)
{
    mdb_txn_abort(database->txn);
    database->txn = NULL;
}

static int put_block(struct database *database, uint64_t position, size_t size, uint8_t **room,
                     unsigned flags)
{
    MDB_val key = {sizeof(position), &position}, value = {size, NULL};
    int error = mdb_put(database->txn, database->log, &key, &value, MDB_RESERVE | flags);

    *room = value.mv_data;
    return result(error);
}

int database_append(struct database *database, uint64_t position, size_t size, uint8_t **room)
{
    return put_block(database, position, size, room, MDB_APPEND);
}

int database_put_block(struct database *database, uint64_t position, size_t size, uint8_t **room)
{
    return put_block(database, position, size, room, 0);
}

static int put(struct database *database, struct slice key_bytes, uint64_t stamp,
               struct slice bytes)
{
    struct row_header header = {stamp, row_checksum(key_bytes, stamp, bytes)};
    MDB_val key = value_of(key_bytes), value = {sizeof(header) + bytes.length, NULL};
    int error = mdb_put(database->txn, database->rows, &key, &value, MDB_RESERVE);

    if (error == 0) {
        memcpy(value.mv_data, &header, sizeof(header));
        if (bytes.length > 0) {
            memcpy((uint8_t *)value.mv_data + sizeof(header), bytes.data, bytes.length);
        }
    }
    return error;
}

int database_put_row(struct database *database, struct slice key, uint64_t stamp,
                     struct slice value)
{
    return result(put(database, key, stamp, value));
}

int database_put_versioned(struct database *database, struct slice key, uint64_t version,
                           struct slice value)
{
    MDB_val found_key = value_of(key), found;
    struct row_header header;
    int error = mdb_get(database->txn, database->rows, &found_key, &found);

    if (error == 0 && found.mv_size >= sizeof(header)) {
        memcpy(&header, found.mv_data, sizeof(header));
        if (header.stamp >= version) {
            return 0;
        }
    } else if (error && error != MDB_NOTFOUND) {
        return result(error);
    }
    return result(put(database, key, version, value));
}

int database_forget_deleted(struct database *database, struct slice key, uint64_t version)
{
    MDB_val found_key = value_of(key), found;
    struct row_header header;
    int error = mdb_get(database->txn, database->rows, &found_key, &found);

    if (error == 0 && found.mv_size == sizeof(header)) {
        memcpy(&header, found.mv_data, sizeof(header));
        return header.stamp == version ? database_delete_row(database, key) : 0;
    }
    return error == MDB_NOTFOUND ? 0 : result(error);
}

int database_delete_row(struct database *database, struct slice key_bytes)
{
    MDB_val key = value_of(key_bytes);
    int error = mdb_del(database->txn, database->rows, &key, NULL);

    return error == MDB_NOTFOUND ? 0 : result(error);
}

int database_delete_rows(struct database *database, struct slice prefix)
{
    MDB_cursor *cursor;
    MDB_val key = value_of(prefix), value;
    int error = mdb_cursor_open(database->txn, database->rows, &cursor);

    if (error) {
        return result(error);
    }
    error = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (error == 0 && slice_starts_with(slice_of(key), prefix)) {
        error = mdb_cursor_del(cursor, 0);
        key = value_of(prefix);
        error = error ? error : mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : result(error);
}

int database_put_head(struct database *database)
{
    return result(put(database, head_key, 0, slice_make(&database->head, sizeof(database->head))));
}

int database_delete_block(struct database *database, uint64_t position)
{
    MDB_val key = {sizeof(position), &position};

    return result(mdb_del(database->txn, database->log, &key, NULL));
}

int database_get_block(struct database *database, uint64_t position, struct slice *block)
{
    MDB_val key = {sizeof(position), &position}, value = {0};
    int error = mdb_get(database->txn, database->log, &key, &value);

    *block = slice_of(value);
    return result(error);
}

void database_extend(struct database *database)
{
    static const uint8_t zeros[1 << 16];
    struct statvfs disk;
    MDB_envinfo info;

    mdb_env_info(database->env, &info);
    uint64_t used = pages_size(database->env, info.me_last_pgno + 1);
    if (database->end_size > used + EXTEND_NEAR || used + EXTEND_STEP > info.me_mapsize ||
        fstatvfs(database->fd, &disk) != 0 ||
        (uint64_t)disk.f_bavail * disk.f_frsize < EXTEND_LEAVES) {
        return;
    }
    uint64_t end = database->end_size > used ? database->end_size : used;
    for (uint64_t to = end + EXTEND_STEP; end < to; end += sizeof(zeros)) {
        if (pwrite(database->fd, zeros, sizeof(zeros), (off_t)end) != sizeof(zeros)) {
            break; /* a full disk is seen by the commit that needs the room */
        }
    }
    database->end_size = end;
}

/* ---------------------------------------------------------------- space */

/* Pages that LMDB keeps free: u64 transaction -> count and page numbers, in the first database. */
enum { FREE_PAGES_DATABASE = 0 };

struct page_list {
    size_t *pages;
    size_t count, capacity;
};

static void page_list_add(struct page_list *list, const size_t *pages, size_t count)
{
    if (list->capacity - list->count < count) {
        list->capacity = list->count + count + list->capacity;
        list->pages = memory_resize(list->pages, list->capacity * sizeof(*list->pages));
    }
    if (count > 0) {
        memcpy(list->pages + list->count, pages, count * sizeof(*pages));
        list->count += count;
    }
}

/* All free pages but those that the transactions after `before` freed. */
static int collect_free(MDB_txn *txn, size_t before, struct page_list *list)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int error = mdb_cursor_open(txn, FREE_PAGES_DATABASE, &cursor);

    if (error) {
        return error;
    }
    while ((error = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t transaction, count;
        memcpy(&transaction, key.mv_data, sizeof(transaction));
        memcpy(&count, value.mv_data, sizeof(count));
        if (transaction <= before && count < value.mv_size / sizeof(count)) {
            page_list_add(list, (size_t *)value.mv_data + 1, count);
        }
    }
    mdb_cursor_close(cursor);
    return error == MDB_NOTFOUND ? 0 : error;
}

void database_size(struct database *database, uint64_t *used, uint64_t *file)
{
    struct page_list list = {0};
    MDB_envinfo info;
    MDB_txn *txn;

    mdb_env_info(database->env, &info);
    if (mdb_txn_begin(database->env, NULL, MDB_RDONLY, &txn) == 0) {
        collect_free(txn, SIZE_MAX, &list);
        mdb_txn_abort(txn);
    }
    *used = pages_size(database->env, info.me_last_pgno + 1 - list.count);
    *file = file_size(database);
    free(list.pages);
}

static int compare_pages(const void *a, const void *b)
{
    const size_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

uint64_t database_punch(struct database *database)
{
    enum { RUN_LEAST = 64 };
    struct page_list list = {0};
    uint64_t given = 0;
    MDB_envinfo info;
    MDB_txn *txn;

    /* As LMDB itself does before it uses a page again: both of its last two states must not know
     * the page. No reader is older, since the writer asks between two transactions and readers
     * never outlive a call (invariant 9); a reader that began before the last commit may be at work
     * just now, so one state more is left alone. */
    mdb_env_info(database->env, &info);
    if (info.me_last_txnid < 4 || mdb_txn_begin(database->env, NULL, MDB_RDONLY, &txn) != 0) {
        return 0;
    }
    collect_free(txn, info.me_last_txnid - 3, &list);
    mdb_txn_abort(txn);
    if (list.count > 0) {
        qsort(list.pages, list.count, sizeof(*list.pages), compare_pages);
    }
    for (size_t i = 0, end; i < list.count; i = end) {
        for (end = i + 1; end < list.count && list.pages[end] == list.pages[end - 1] + 1; end++) {
        }
        uint64_t length = pages_size(database->env, end - i);
        if (end - i >= RUN_LEAST &&
            fallocate(database->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      (off_t)pages_size(database->env, list.pages[i]), (off_t)length) == 0) {
            given += length;
        }
    }
    free(list.pages);
    return given;
}

/* ---------------------------------------------------------------- reading */

bool database_has(const struct database *database, struct slice bytes)
{
    uintptr_t start = (uintptr_t)bytes.data, map = (uintptr_t)database->map;

    return !database->map || (start >= map && start - map + bytes.length <= database->map_size &&
                              start - map + bytes.length <= file_size(database));
}

void database_forget_pages(struct database *database)
{
    if (database->map) {
        madvise(database->map, database->map_size, MADV_DONTNEED);
    }
}

int database_reader_open(struct database_reader *reader, struct database *database)
{
    *reader = (struct database_reader){.database = database};
    int error = mdb_txn_begin(database->env, NULL, MDB_RDONLY, &reader->txn);
    if (error) {
        return result(error);
    }
    error = mdb_cursor_open(reader->txn, database->log, &reader->cursor);
    if (error) {
        mdb_txn_abort(reader->txn);
        return result(error);
    }
    mdb_txn_reset(reader->txn);
    return 0;
}

void database_reader_close(struct database_reader *reader)
{
    mdb_cursor_close(reader->cursor);
    mdb_txn_abort(reader->txn);
}

int database_reader_renew(struct database_reader *reader)
{
    int error = mdb_txn_renew(reader->txn);

    return result(error ? error : mdb_cursor_renew(reader->txn, reader->cursor));
}

void database_reader_rest(struct database_reader *reader)
{
    mdb_txn_reset(reader->txn);
    if (reader->read >= READER_KEEPS) {
        database_forget_pages(reader->database);
        reader->read = 0;
    }
}

bool block_walk_begin(struct block_walk *walk, uint64_t position, struct slice block)
{
    struct block_header header;

    *walk = (struct block_walk){.block = block, .base = position};
    if (block.length < sizeof(header)) {
        return false;
    }
    memcpy(&header, block.data, sizeof(header));
    walk->sparse = header.kind == BLOCK_SPARSE;
    walk->count = header.count;
    walk->at = sizeof(header);
    return header.kind == BLOCK_PLAIN ||
           (walk->sparse &&
            header.count <= (block.length - sizeof(header)) / sizeof(struct sparse_entry));
}

static struct sparse_entry sparse_entry_at(const struct block_walk *walk, uint32_t index)
{
    struct sparse_entry entry;

    memcpy(&entry,
           walk->block.data + sizeof(struct block_header) + index * sizeof(struct sparse_entry),
           sizeof(entry));
    return entry;
}

/* The frame at an offset of the block. */
static bool frame_at(const struct block_walk *walk, uint64_t offset, struct slice *frame,
                     struct slice *payload)
{
    if (offset > walk->block.length) {
        return false;
    }
    size_t size = frame_read(slice_from(walk->block, offset), payload);
    *frame = slice_make(walk->block.data + offset, size);
    return size > 0;
}

int block_walk_next(struct block_walk *walk, uint64_t *position, struct slice *frame,
                    struct slice *payload)
{
    uint64_t offset = walk->at;

    if (walk->sparse) {
        if (walk->index == walk->count) {
            return 0;
        }
        struct sparse_entry entry = sparse_entry_at(walk, walk->index++);
        offset = entry.offset;
        *position = entry.position;
    } else {
        if (walk->at == walk->block.length) {
            return 0;
        }
        *position = walk->base + walk->at - sizeof(struct block_header);
    }
    if (!frame_at(walk, offset, frame, payload)) {
        return -1;
    }
    walk->at += frame->length;
    return 1;
}

static bool find_sparse(const struct block_walk *walk, uint64_t position, uint64_t *offset)
{
    uint32_t low = 0, high = walk->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        struct sparse_entry entry = sparse_entry_at(walk, middle);
        if (entry.position == position) {
            *offset = entry.offset;
            return true;
        }
        low = entry.position < position ? middle + 1 : low;
        high = entry.position < position ? high : middle;
    }
    return false;
}

int database_read_frame(struct database_reader *reader, uint64_t position, struct slice *payload)
{
    uint64_t found = position;
    MDB_val key = {sizeof(found), &found}, value;
    int error = mdb_cursor_get(reader->cursor, &key, &value, MDB_SET_RANGE);

    /* The block at the position, or the last one before it. */
    if (error == MDB_NOTFOUND) {
        error = mdb_cursor_get(reader->cursor, &key, &value, MDB_LAST);
    } else if (error == 0) {
        memcpy(&found, key.mv_data, sizeof(found));
        if (found > position) {
            error = mdb_cursor_get(reader->cursor, &key, &value, MDB_PREV);
        }
    }
    if (error) {
        return result(error);
    }
    memcpy(&found, key.mv_data, sizeof(found));
    struct block_walk walk;
    struct slice frame;
    if (found > position || !block_walk_begin(&walk, found, slice_of(value))) {
        return found > position ? MDB_NOTFOUND : MDB_CORRUPTED;
    }
    uint64_t offset = position - found + sizeof(struct block_header);
    if (walk.sparse ? !find_sparse(&walk, position, &offset) : offset >= walk.block.length) {
        return MDB_NOTFOUND;
    }
    if (!frame_at(&walk, offset, &frame, payload)) {
        return MDB_CORRUPTED;
    }
    reader->read += frame.length;
    return 0;
}
