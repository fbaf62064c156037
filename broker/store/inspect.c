/* See inspect.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/directory_lock.h"
#include "store/guard.h"
#include "store/walk.h"

struct inspect {
    struct database database;
    struct database_options options;
    struct walk walk;
    const struct store_loader *loader;
    struct store_inspection *inspection;
};

static uint64_t size_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

/* As large as the file: a reader needs to map no more, and what lies behind its end is damage. */
static struct database_options options_for(const char *path, uint32_t core_version)
{
    struct buffer file = {0};

    buffer_append_format(&file, "%s/data.mdb%c", path, 0);
    struct database_options options = {
        .path = path,
        .size_maximum = size_of((const char *)file.data) + (1 << 20),
        .core_version = core_version,
        .read_only = true,
    };
    buffer_release(&file);
    return options;
}

static bool inspect_body(void *context, struct buffer *error)
{
    struct inspect *inspect = context;
    struct store_inspection *found = inspect->inspection;

    if (!database_open(&inspect->database, &inspect->options, error)) {
        return false;
    }
    found->head = inspect->database.head;
    database_size(&inspect->database, &found->used, &found->file_size);
    if (!walk_begin(&inspect->walk, &inspect->database, inspect->loader, error)) {
        return false;
    }
    bool good = walk_rows(&inspect->walk, error) && walk_frames(&inspect->walk, 0, error);
    found->rows = inspect->walk.rows;
    found->frames = inspect->walk.frames;
    found->blocks = inspect->walk.blocks;
    found->log_size = inspect->walk.done;
    walk_end(&inspect->walk);
    database_close(&inspect->database);
    return good;
}

bool store_inspect(const char *path, uint32_t core_version, const struct store_loader *loader,
                   struct store_inspection *inspection, struct buffer *error)
{
    struct inspect inspect = {
        .options = options_for(path, core_version),
        .loader = loader,
        .inspection = inspection,
    };

    *inspection = (struct store_inspection){0};
    return guard_run(inspect_body, &inspect, error);
}

/* ---------------------------------------------------------------- compact */

struct compact {
    struct database_options options;
    const char *file, *copy;
};

static bool fail(struct buffer *error, const char *what, const char *path, int reason)
{
    buffer_append_format(error, "cannot %s %s: %s", what, path, database_error(reason));
    return false;
}

static bool copy_body(void *context, struct buffer *error)
{
    struct compact *compact = context;
    struct database database;
    int fd = open(compact->copy, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0) {
        return fail(error, "write", compact->copy, -errno);
    }
    if (!database_open(&database, &compact->options, error)) {
        close(fd);
        return false;
    }
    int failed = mdb_env_copyfd2(database.env, fd, MDB_CP_COMPACT);
    failed = failed > 0 ? -failed : failed;
    database_close(&database);
    failed = failed ? failed : fsync(fd) < 0 ? -errno : 0;
    close(fd);
    return failed == 0 || fail(error, "write", compact->copy, failed);
}

static bool compact_files(const char *path, uint32_t core_version, uint64_t *before,
                          uint64_t *after, struct buffer *error)
{
    struct buffer file = {0}, copy = {0};

    buffer_append_format(&file, "%s/data.mdb%c", path, 0);
    buffer_append_format(&copy, "%s/compact%c", path, 0);
    struct compact compact = {
        .options = options_for(path, core_version),
        .file = (const char *)file.data,
        .copy = (const char *)copy.data,
    };
    *before = size_of(compact.file);
    bool good = guard_run(copy_body, &compact, error);
    *after = size_of(compact.copy);
    if (good && rename(compact.copy, compact.file) < 0) {
        good = fail(error, "replace", compact.file, -errno);
    }
    if (good) {
        good = file_sync_folder_of(compact.file) || fail(error, "sync", path, -errno);
    } else {
        unlink(compact.copy);
    }
    buffer_release(&file);
    buffer_release(&copy);
    return good;
}

bool store_compact(const char *path, uint32_t core_version, uint64_t *before, uint64_t *after,
                   struct buffer *error)
{
    struct directory_lock lock;

    if (!directory_lock(&lock, path, true, error)) {
        return false;
    }
    bool good = compact_files(path, core_version, before, after, error);
    directory_unlock(&lock);
    return good;
}
