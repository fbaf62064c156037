/* LD_PRELOAD library: what a program has not synced is lost when it is killed, as by a power cut.
 *
 * The kernel keeps what a killed process has written. Here writes to files below LOSE_DIR stay in
 * the memory of the process until it syncs that file (fsync, fdatasync, sync_file_range, msync of a
 * mapping of it, sync, syncfs) or had opened it with O_SYNC or O_DSYNC, which makes just that write
 * durable. Reads, sizes and read-only shared mappings of the process see the kept bytes. A disk may
 * have written some of them all the same, in any order: of LOSE_KEEP_PERCENT (0) of the 512 byte
 * sectors of each write it does, by lot from LOSE_SEED (1). A program that ends by itself loses
 * nothing, for the kernel would not either.
 *
 *     LD_PRELOAD=liblose_unsynced.so LOSE_DIR=/store program
 *     LD_PRELOAD=libasan.so.8:liblose_unsynced.so LOSE_DIR=...    built with AddressSanitizer,
 * whose library must be the first
 *
 * Not seen: stdio, io_uring, copy_file_range, sendfile, splice, and programs that are linked
 * statically. A file that is mapped shared and writable is left alone from then on (LMDB's lock
 * file). Unlink and rename pass through, so losing a directory entry is not modelled.
 *
 * This file has the functions that take the place of the C library's; kept.c what they keep.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kept.h"

/* ---------------------------------------------------------------- writing and reading */

/* Flags of a descriptor, with those of one pwritev2(). */
static bool is_durable(int fd, int flags)
{
    /* O_SYNC includes the bit of O_DSYNC. */
    return (syscall(SYS_fcntl, fd, F_GETFL) & O_DSYNC) || (flags & (RWF_DSYNC | RWF_SYNC));
}

static bool may(int fd, int access)
{
    int mode = (int)syscall(SYS_fcntl, fd, F_GETFL) & O_ACCMODE;

    if (mode != O_RDWR && mode != access) {
        errno = EBADF;
        return false;
    }
    return true;
}

/* The place of the descriptor, which only the kernel knows; at the end with O_APPEND. */
static off_t place(const struct file *file, int fd, bool writing)
{
    if (writing && (syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND)) {
        return file->size;
    }
    return syscall(SYS_lseek, fd, 0, SEEK_CUR);
}

/* Vectors at `at`, or at the descriptor's place if it is negative; `flags` as of pwritev2(). */
static ssize_t write_vectors(struct file *file, int fd, const struct iovec *vector, int count,
                             off_t at, int flags)
{
    bool moves = at < 0, durable = is_durable(fd, flags);
    ssize_t sum = 0;

    if (!may(fd, O_WRONLY)) {
        return -1;
    }
    if (moves) {
        at = place(file, fd, true);
    }
    for (int i = 0; i < count; i++) {
        const struct iovec *v = &vector[i];
        ssize_t done = durable ? kept_write_now(file, v->iov_base, v->iov_len, at + sum)
                               : kept_write(file, v->iov_base, v->iov_len, at + sum);

        if (done < 0) {
            return sum > 0 ? sum : -1;
        }
        sum += done;
    }
    if (moves) {
        syscall(SYS_lseek, fd, at + sum, SEEK_SET);
    }
    return sum;
}

static ssize_t read_vectors(struct file *file, int fd, const struct iovec *vector, int count,
                            off_t at)
{
    bool moves = at < 0;
    ssize_t sum = 0;

    if (!may(fd, O_RDONLY)) {
        return -1;
    }
    if (moves) {
        at = place(file, fd, false);
    }
    for (int i = 0; i < count; i++) {
        ssize_t done = kept_read(file, vector[i].iov_base, vector[i].iov_len, at + sum);

        if (done < 0) {
            return -1;
        }
        sum += done;
        if ((size_t)done < vector[i].iov_len) {
            break;
        }
    }
    if (moves) {
        syscall(SYS_lseek, fd, at + sum, SEEK_SET);
    }
    return sum;
}

static ssize_t do_write(int fd, const struct iovec *vector, int count, off_t at, int flags)
{
    struct file *file = kept_enter(fd, true);
    ssize_t result;

    if (file) {
        result = write_vectors(file, fd, vector, count, at, flags);
        kept_leave();
        return result;
    }
    if (at < 0) {
        return syscall(SYS_pwritev2, fd, vector, count, -1L, -1L, flags);
    }
    return syscall(SYS_pwritev2, fd, vector, count, at, 0L, flags);
}

static ssize_t do_read(int fd, const struct iovec *vector, int count, off_t at, int flags)
{
    struct file *file = kept_enter(fd, false);
    ssize_t result;

    if (file) {
        result = read_vectors(file, fd, vector, count, at);
        kept_leave();
        return result;
    }
    if (at < 0) {
        return syscall(SYS_preadv2, fd, vector, count, -1L, -1L, flags);
    }
    return syscall(SYS_preadv2, fd, vector, count, at, 0L, flags);
}

/* Everything else in this library is hidden. */
#define EXPORT __attribute__((visibility("default")))

EXPORT ssize_t write(int fd, const void *bytes, size_t length)
{
    struct iovec vector = {(void *)(uintptr_t)bytes, length};
    struct file *file = kept_enter(fd, true);

    if (!file) {
        return syscall(SYS_write, fd, bytes, length);
    }
    ssize_t result = write_vectors(file, fd, &vector, 1, -1, 0);

    kept_leave();
    return result;
}

EXPORT ssize_t writev(int fd, const struct iovec *vector, int count)
{
    struct file *file = kept_enter(fd, true);

    if (!file) {
        return syscall(SYS_writev, fd, vector, count);
    }
    ssize_t result = write_vectors(file, fd, vector, count, -1, 0);

    kept_leave();
    return result;
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at)
{
    struct iovec vector = {(void *)(uintptr_t)bytes, length};

    if (at < 0) {
        errno = EINVAL;
        return -1;
    }
    return do_write(fd, &vector, 1, at, 0);
}

EXPORT ssize_t pwritev64v2(int fd, const struct iovec *vector, int count, off_t at, int flags)
{
    return do_write(fd, vector, count, at, flags);
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *vector, int count, off_t at)
{
    if (at < 0) {
        errno = EINVAL;
        return -1;
    }
    return do_write(fd, vector, count, at, 0);
}

EXPORT ssize_t read(int fd, void *out, size_t length)
{
    struct iovec vector = {out, length};
    struct file *file = kept_enter(fd, false);

    if (!file) {
        return syscall(SYS_read, fd, out, length);
    }
    ssize_t result = read_vectors(file, fd, &vector, 1, -1);

    kept_leave();
    return result;
}

EXPORT ssize_t readv(int fd, const struct iovec *vector, int count)
{
    struct file *file = kept_enter(fd, false);

    if (!file) {
        return syscall(SYS_readv, fd, vector, count);
    }
    ssize_t result = read_vectors(file, fd, vector, count, -1);

    kept_leave();
    return result;
}

EXPORT ssize_t pread64(int fd, void *out, size_t length, off_t at)
{
    struct iovec vector = {out, length};

    if (at < 0) {
        errno = EINVAL;
        return -1;
    }
    return do_read(fd, &vector, 1, at, 0);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *vector, int count, off_t at, int flags)
{
    return do_read(fd, vector, count, at, flags);
}

EXPORT ssize_t preadv64(int fd, const struct iovec *vector, int count, off_t at)
{
    if (at < 0) {
        errno = EINVAL;
        return -1;
    }
    return do_read(fd, vector, count, at, 0);
}

/* ---------------------------------------------------------------- sizes */

EXPORT int ftruncate64(int fd, off_t size)
{
    struct file *file = kept_enter(fd, true);

    if (!file) {
        return (int)syscall(SYS_ftruncate, fd, size);
    }
    int result = may(fd, O_WRONLY) ? kept_resize(file, size) : -1;

    kept_leave();
    return result;
}

/* Space is given at once (so that a full disk shows now), size and zeros are kept. */
EXPORT int fallocate64(int fd, int mode, off_t at, off_t length)
{
    struct file *file = kept_enter(fd, true);
    int result = 0;

    if (!file) {
        return (int)syscall(SYS_fallocate, fd, mode, at, length);
    }
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
        result = kept_carry_out(file) ? (int)syscall(SYS_fallocate, fd, mode, at, length) : -1;
    } else {
        result = (int)syscall(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE, at, length);
        if (result == 0 && mode == 0 && at + length > file->size) {
            result = kept_resize(file, at + length);
        }
    }
    kept_leave();
    return result;
}

EXPORT int posix_fallocate64(int fd, off_t at, off_t length)
{
    int before = errno, result = fallocate64(fd, 0, at, length) ? errno : 0;

    errno = before;
    return result;
}

static int do_stat(int at, const char *path, struct stat *out, int flags)
{
    int result = (int)syscall(SYS_newfstatat, at, path, out, flags);

    if (result == 0) {
        kept_correct(out);
    }
    return result;
}

EXPORT int fstat(int fd, struct stat *out)
{
    return do_stat(fd, "", out, AT_EMPTY_PATH);
}

EXPORT int stat(const char *restrict path, struct stat *restrict out)
{
    return do_stat(AT_FDCWD, path, out, 0);
}

EXPORT int lstat(const char *restrict path, struct stat *restrict out)
{
    return do_stat(AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW);
}

EXPORT int fstatat(int at, const char *restrict path, struct stat *restrict out, int flags)
{
    return do_stat(at, path, out, flags);
}

EXPORT off_t lseek64(int fd, off_t offset, int whence)
{
    struct file *file = whence == SEEK_END ? kept_enter(fd, false) : NULL;

    if (!file) {
        return syscall(SYS_lseek, fd, offset, whence);
    }
    off_t result = syscall(SYS_lseek, fd, file->size + offset, SEEK_SET);

    kept_leave();
    return result;
}

/* ---------------------------------------------------------------- syncing */

static int sync_file(int fd, long number)
{
    struct file *file = kept_enter(fd, false);
    bool good = true;

    if (file) {
        good = kept_carry_out(file);
        kept_leave();
    }
    int result = (int)syscall(number, fd);

    return good ? result : -1;
}

EXPORT int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

EXPORT int sync_file_range(int fd, off_t at, off_t length, unsigned flags)
{
    struct file *file = kept_enter(fd, false);
    bool good = true;

    if (file) {
        good = kept_carry_out(file);
        kept_leave();
    }
    return good ? (int)syscall(SYS_sync_file_range, fd, at, length, flags) : -1;
}

EXPORT int msync(void *address, size_t length, int flags)
{
    bool good = kept_carry_out_all();

    return good ? (int)syscall(SYS_msync, address, length, flags) : -1;
}

EXPORT void sync(void)
{
    kept_carry_out_all();
    syscall(SYS_sync);
}

EXPORT int syncfs(int fd)
{
    bool good = kept_carry_out_all();

    return good ? (int)syscall(SYS_syncfs, fd) : -1;
}

/* ---------------------------------------------------------------- mappings, opening */

EXPORT void *mmap64(void *address, size_t length, int protection, int flags, int fd, off_t at)
{
    bool shared = (flags & MAP_TYPE) == MAP_SHARED || (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
    struct file *file = fd >= 0 && !(flags & MAP_ANONYMOUS) && shared ? kept_enter(fd, true) : NULL;
    void *result;

    if (!file) {
        return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, at);
    }
    if (protection & PROT_WRITE) {
        kept_carry_out(file);
        file->left_alone = true;
        result = (void *)syscall(SYS_mmap, address, length, protection, flags, fd, at);
    } else {
        result = kept_map(file, address, length, flags, at);
    }
    kept_leave();
    return result;
}

/* Dropping clean pages of a shared mapping changes nothing that a program sees. */
EXPORT int madvise(void *address, size_t length, int advice)
{
    if (advice == MADV_DONTNEED && kept_is_mapped(address)) {
        return 0;
    }
    return (int)syscall(SYS_madvise, address, length, advice);
}

EXPORT int munmap(void *address, size_t length)
{
    kept_unmap(address, length);
    return (int)syscall(SYS_munmap, address, length);
}

static int do_open(int at, const char *path, int flags, mode_t mode)
{
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    struct file *file = fd >= 0 && (flags & O_TRUNC) ? kept_enter(fd, false) : NULL;

    if (file) { /* what was kept has been truncated away */
        kept_carry_out(file);
        syscall(SYS_ftruncate, file->fd, 0L);
        file->size = 0;
        kept_leave();
    }
    return fd;
}

#define OPEN(at, path)                                                                             \
    va_list more;                                                                                  \
    va_start(more, flags);                                                                         \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                        \
    va_end(more);                                                                                  \
    return do_open(at, path, flags, mode)

EXPORT int open64(const char *path, int flags, ...)
{
    OPEN(AT_FDCWD, path);
}

EXPORT int openat64(int at, const char *path, int flags, ...)
{
    OPEN(at, path);
}

EXPORT int creat64(const char *path, mode_t mode)
{
    return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* ---------------------------------------------------------------- the same by other names */

/* On 64 bit machines the names with 64 are the same functions. */
#define SAME(name, other) EXPORT __typeof__(other) name __attribute__((alias(#other)))

SAME(pwrite, pwrite64);
SAME(pwritev, pwritev64);
SAME(pwritev2, pwritev64v2);
SAME(pread, pread64);
SAME(preadv, preadv64);
SAME(preadv2, preadv64v2);
SAME(ftruncate, ftruncate64);
SAME(fallocate, fallocate64);
SAME(posix_fallocate, posix_fallocate64);
SAME(lseek, lseek64);
SAME(mmap, mmap64);
SAME(open, open64);
SAME(openat, openat64);
SAME(creat, creat64);

/* As programs know it that were linked with glibc before 2.33; Debian's liblmdb is one. */
int __fxstat(int version, int fd, struct stat *out);
int __fxstat64(int version, int fd, struct stat *out);

EXPORT int __fxstat(int version, int fd, struct stat *out)
{
    (void)version;
    return fstat(fd, out);
}

SAME(__fxstat64, __fxstat);

static_assert(sizeof(struct stat) == sizeof(struct stat64), "the same on 64 bit machines");

EXPORT int fstat64(int fd, struct stat64 *out)
{
    return fstat(fd, (struct stat *)out);
}

EXPORT int stat64(const char *restrict path, struct stat64 *restrict out)
{
    return stat(path, (struct stat *)out);
}

EXPORT int lstat64(const char *restrict path, struct stat64 *restrict out)
{
    return lstat(path, (struct stat *)out);
}

EXPORT int fstatat64(int at, const char *restrict path, struct stat64 *restrict out, int flags)
{
    return fstatat(at, path, (struct stat *)out, flags);
}

/* What _FORTIFY_SOURCE makes of them; the sizes it checks are the caller's business. */
ssize_t __read_chk(int fd, void *out, size_t length, size_t room);
ssize_t __pread_chk(int fd, void *out, size_t length, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *out, size_t length, off_t at, size_t room);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int at, const char *path, int flags);
int __openat64_2(int at, const char *path, int flags);

EXPORT ssize_t __read_chk(int fd, void *out, size_t length, size_t room)
{
    return read(fd, out, length < room ? length : room);
}

EXPORT ssize_t __pread64_chk(int fd, void *out, size_t length, off_t at, size_t room)
{
    return pread64(fd, out, length < room ? length : room, at);
}

EXPORT int __open64_2(const char *path, int flags)
{
    return do_open(AT_FDCWD, path, flags, 0);
}

EXPORT int __openat64_2(int at, const char *path, int flags)
{
    return do_open(at, path, flags, 0);
}

SAME(__pread_chk, __pread64_chk);
SAME(__open_2, __open64_2);
SAME(__openat_2, __openat64_2);
