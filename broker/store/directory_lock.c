/* The lock of a store's directory: see directory_lock.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/directory_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(struct directory_lock *lock, struct buffer *error, const char *what,
                 const char *path)
{
    lock->reason = errno;
    buffer_append_format(error, "cannot %s %s: %s", what, path, strerrordesc_np(lock->reason));
    if (lock->reason == ENOENT) {
        buffer_append_string(error, "; create its parent directory, or set store.path");
    } else if (lock->reason == EACCES || lock->reason == EPERM) {
        buffer_append_string(error, "; let this user write there, or set store.path");
    }
    return false;
}

static long read_holder(int fd)
{
    char text[32] = {0};

    return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

/* A process that was just killed holds its locks until the system has taken it apart. */
static int lock_file(int fd, bool waits)
{
    enum { TRIES = 60, WAIT_US = 50000 };
    int failed;

    for (int i = 0; (failed = flock(fd, LOCK_EX | LOCK_NB)) < 0 && errno == EWOULDBLOCK; i++) {
        if (i == TRIES || !waits) {
            errno = EWOULDBLOCK;
            return -1;
        }
        usleep(WAIT_US);
    }
    return failed;
}

static bool take(struct directory_lock *lock, const char *path, bool waits, struct buffer *error)
{
    char text[32];
    struct stat status;

    if (lock_file(lock->fd, waits) < 0) {
        lock->reason = errno;
        if (errno != EWOULDBLOCK) {
            return fail(lock, error, "lock", path);
        }
        buffer_append_format(error,
                             "the store %s is in use by process %ld: stop that one, or set "
                             "store.path to another directory",
                             path, read_holder(lock->fd));
        return false;
    }
    if (fstat(lock->fd, &status) == 0 && status.st_size > 0) {
        lock->last_alive = (msec_t)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
    }
    int length = snprintf(text, sizeof(text), "%d\n", getpid());
    if (ftruncate(lock->fd, 0) < 0 || pwrite(lock->fd, text, (size_t)length, 0) != length) {
        return fail(lock, error, "write to the lock in", path);
    }
    return true;
}

bool directory_lock(struct directory_lock *lock, const char *path, bool waits, struct buffer *error)
{
    struct buffer file = {0};

    *lock = (struct directory_lock){.fd = -1};
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        return fail(lock, error, "create the store", path);
    }
    buffer_append_format(&file, "%s/lock%c", path, 0);
    lock->fd = open((const char *)file.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    buffer_release(&file);
    if (lock->fd < 0) {
        return fail(lock, error, "open the store", path);
    }
    if (!take(lock, path, waits, error)) {
        directory_unlock(lock);
        return false;
    }
    return true;
}

void directory_lock_touch(const struct directory_lock *lock)
{
    /* That it fails on a full or read-only disk is known by then. */
    (void)futimens(lock->fd, NULL);
}

void directory_unlock(struct directory_lock *lock)
{
    if (lock->fd >= 0) {
        close(lock->fd);
        lock->fd = -1;
    }
}
