/* What the store does when it cannot write: see the states in store.h.
 *
 * The file `reserve` is given up when the disk is full. The room it leaves is for what frees space
 * again: acknowledgements, the end of sessions, the cleaner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/store_internal.h"

enum {
    RETRY_NS = 1000000000,
    PUNCH_BYTES = 256 << 20, /* of free pages in the file before they are given back */
    AMPLE_BYTES = 16 << 20,  /* with so much room the cleaner may write */
};

void store_set_state(struct store *store, enum store_state state, int error)
{
    if (store->state == (int)state) {
        return;
    }
    atomic_store(&store->state, (int)state);
    if (state == STORE_OK) {
        log_write(LOG_WARNING, "store writes again", "path=%s", store->path);
    } else {
        log_write(LOG_ERROR, "store cannot write", "path=%s state=%s error=\"%s\"", store->path,
                  store_state_names[state], database_error(error));
    }
}

static const char *reserve_path(const struct store *store, struct buffer *buffer)
{
    buffer_append_format(buffer, "%s/reserve%c", store->path, 0);
    return (const char *)buffer->data;
}

/* As wanted, but no more than an eighth of a small disk. */
static uint64_t reserve_size(const struct store *store)
{
    struct statvfs status;
    uint64_t size = store->options.reserve;

    if (statvfs(store->path, &status) == 0) {
        uint64_t eighth = (uint64_t)status.f_blocks * status.f_frsize / 8;
        size = size < eighth ? size : eighth;
    }
    return size;
}

bool store_make_reserve(struct store *store)
{
    struct buffer buffer = {0};
    const char *path = reserve_path(store, &buffer);
    off_t size = (off_t)reserve_size(store);
    int fd = size > 0 ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    int error = size == 0 ? 0 : fd < 0 ? errno : posix_fallocate(fd, 0, size);

    if (fd >= 0) {
        close(fd);
    }
    if (error && fd >= 0) {
        unlink(path);
    }
    buffer_release(&buffer);
    store->reserve_exists = error == 0 && size > 0;
    return error == 0;
}

/* Gives the reserve up; false if there was none. */
static bool use_reserve(struct store *store)
{
    struct buffer buffer = {0};
    bool used = store->reserve_exists && unlink(reserve_path(store, &buffer)) == 0;

    buffer_release(&buffer);
    store->reserve_exists = false;
    return used;
}

static uint64_t bytes_available(const struct store *store)
{
    struct statvfs status;

    return statvfs(store->path, &status) == 0 ? (uint64_t)status.f_bavail * status.f_frsize : 0;
}

/* LMDB calls a write that came out short, as the last one before a full disk may, EIO. */
static bool is_want_of_space(const struct store *store, int error)
{
    return error == -ENOSPC || error == -EDQUOT || error == MDB_MAP_FULL ||
           (error == -EIO && bytes_available(store) < (1 << 20));
}

bool store_lighten(struct store *store, int error)
{
    bool lightens = !store->cleaner.only_drops && is_want_of_space(store, error);

    store->cleaner.only_drops |= lightens;
    return lightens;
}

bool store_make_room(struct store *store, int error)
{
    store->retry_at_ns = clock_monotonic_ns() + RETRY_NS;
    if (is_want_of_space(store, error)) {
        store_set_state(store, STORE_FULL, error == -EIO ? -ENOSPC : error);
        return use_reserve(store);
    }
    bool read_only = error == -EROFS || error == -EACCES || error == -EPERM;
    store_set_state(store, read_only ? STORE_READ_ONLY : STORE_FAILED, error);
    return false;
}

bool store_may_retry(struct store *store, int64_t now_ns)
{
    return now_ns >= store->retry_at_ns;
}

void store_refuse(struct store *store)
{
    enum store_state state = (enum store_state)store->state;
    struct batch_list kept = store->kept;

    store->kept = (struct batch_list){0};
    for (struct batch *batch = kept.first, *next; batch; batch = next) {
        next = batch->next;
        if (store->options.relaxed_ms == 0) {
            batch_refuse(batch, state, store->inboxes);
            store->counted.refused++;
        }
        if (batch_is_empty(batch)) {
            batch_free(batch);
        } else {
            batch_list_add(&store->kept, batch);
        }
    }
}

/* A commit that changes nothing: does the disk take it? It also makes pages that were freed last
 * usable again. */
static bool commit_proof(struct store *store)
{
    int error = database_begin(&store->database);

    if (error == 0) {
        error = database_put_head(&store->database);
        if (error == 0 && store->options.fault) {
            error = store->options.fault(store->options.fault_context, true);
        }
        if (error) {
            database_abort(&store->database);
        } else {
            error = database_commit(&store->database);
        }
    }
    if (error) {
        store_make_room(store, error);
    }
    return error == 0;
}

/* Is there room for more than the reserve, on the disk or in free pages of the file? Half of it
 * more, so that the store is not full again at once. */
static bool has_room(const struct store *store, uint64_t used, uint64_t file)
{
    uint64_t reserve = reserve_size(store);
    uint64_t room = bytes_available(store) + (file > used ? file - used : 0);

    return room >= reserve / 2 + (store->reserve_exists ? 0 : reserve);
}

bool store_begins_full(struct store *store)
{
    uint64_t used, file;

    database_size(&store->database, &used, &file);
    return !store_make_reserve(store) || !has_room(store, used, file);
}

/* Full and read-only end when all that was kept has been written, a commit goes well, and there is
 * room for more than the reserve, which is made again. */
static void try_recovery(struct store *store, uint64_t used, uint64_t file)
{
    uint64_t bound = store->options.size_maximum;

    if (clock_monotonic_ns() < store->retry_at_ns || store->kept.first ||
        cleaner_has_work(&store->cleaner) || !commit_proof(store)) {
        return;
    }
    if (store->state == STORE_FULL && (used > bound - bound / 20 || !has_room(store, used, file))) {
        return;
    }
    if (store->reserve_exists || store_make_reserve(store)) {
        store_set_state(store, STORE_OK, 0);
    }
}

void store_check_size(struct store *store)
{
    uint64_t used, file;
    struct stat status;

    database_size(&store->database, &used, &file);
    if (fstat(store->database.fd, &status) == 0) {
        file = (uint64_t)status.st_blocks * 512;
        bool much = file > used + used / 2 + PUNCH_BYTES;
        if ((much || store->state == STORE_FULL) && !cleaner_has_work(&store->cleaner)) {
            file -= database_punch(&store->database);
        }
    }
    store->is_tight = bytes_available(store) + (file > used ? file - used : 0) < AMPLE_BYTES;
    if (!store->is_tight) {
        store->cleaner.only_drops = false;
    }
    if (store->state == STORE_OK && used > store->options.size_maximum) {
        store_set_state(store, STORE_FULL, MDB_MAP_FULL);
    } else if (store->state == STORE_FULL || store->state == STORE_READ_ONLY) {
        try_recovery(store, used, file);
    }
    store->counted.used = used;
    store->counted.file_size = file;
}
