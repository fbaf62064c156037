/* The kept writes: a list of operations for each file, in their order. See lose_unsynced.c.
 *
 * A sync carries them out in that order, so what a sector that was written early or an O_DSYNC
 * write left in between does not matter. All calls to the kernel are direct: a sanitizer's own
 * versions are then not in the way, whichever comes first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "kept.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SECTOR = 512, OWN_FD = 500 /* the first of ours */ };

struct operation {
    struct operation *next;
    off_t at;
    size_t length; /* of bytes; 0: the file gets the size `at` */
    unsigned char bytes[];
};

/* A shared read-only mapping, which became a private one that we write into. */
struct mapping {
    struct mapping *next;
    unsigned char *address;
    size_t length;
    off_t at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct file *files;
static char folder[PATH_MAX];
static size_t folder_length;
static uint64_t lot = 1;
static unsigned keep_percent;

/* ---------------------------------------------------------------- the kernel */

static ssize_t kernel_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return syscall(SYS_pwrite64, fd, bytes, length, at);
}

static int kernel_stat(int fd, struct stat *out)
{
    return (int)syscall(SYS_newfstatat, fd, "", out, AT_EMPTY_PATH);
}

static off_t kernel_size(int fd)
{
    struct stat status;

    return kernel_stat(fd, &status) ? 0 : status.st_size;
}

/* All of it, at a place; false with errno. */
static bool write_through(int fd, const unsigned char *bytes, size_t length, off_t at)
{
    while (length > 0) {
        ssize_t done = kernel_pwrite(fd, bytes, length, at);

        if (done < 0 && errno != EINTR) {
            return false;
        }
        if (done > 0) {
            bytes += done;
            at += done;
            length -= (size_t)done;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- which file */

static void forget_in_child(void)
{
    /* What the parent keeps is the parent's to write. */
    for (struct file *file = files; file; file = file->next) {
        file->first = NULL;
        file->last = &file->first;
        file->left_alone = true;
    }
    pthread_mutex_init(&lock, NULL);
}

__attribute__((constructor)) static void start(void)
{
    const char *where = getenv("LOSE_DIR"), *seed = getenv("LOSE_SEED"),
               *percent = getenv("LOSE_KEEP_PERCENT");

    if (seed) {
        lot = strtoull(seed, NULL, 10) * 0x9e3779b97f4a7c15U + 1;
    }
    if (percent) {
        keep_percent = (unsigned)strtoul(percent, NULL, 10);
    }
    if (where && !realpath(where, folder)) {
        fprintf(stderr, "lose_unsynced: LOSE_DIR %s: %s\n", where, strerror(errno));
        _exit(1); /* rather than keep what is to be lost */
    }
    if (where) {
        folder_length = strlen(folder);
        pthread_atfork(NULL, NULL, forget_in_child);
    }
}

/* xorshift64*: 0 to 99. */
static unsigned draw(void)
{
    lot ^= lot >> 12;
    lot ^= lot << 25;
    lot ^= lot >> 27;
    return (unsigned)((lot * 0x2545f4914f6cdd1dU) >> 33) % 100;
}

static bool below_folder(int fd)
{
    char link[32], path[PATH_MAX];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);

    return length > (ssize_t)folder_length && memcmp(path, folder, folder_length) == 0 &&
           path[folder_length] == '/';
}

/* A descriptor of our own for the same file, out of the way of the program's. */
static int open_again(int fd)
{
    char link[32];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    int low = (int)syscall(SYS_openat, AT_FDCWD, link, O_RDWR | O_CLOEXEC, 0);

    if (low < 0) {
        return -1;
    }
    int high = (int)syscall(SYS_fcntl, low, F_DUPFD_CLOEXEC, OWN_FD);

    if (high < 0) {
        return low;
    }
    syscall(SYS_close, low);
    return high;
}

static struct file *find(const struct stat *status)
{
    struct file *file = files;

    while (file && (file->device != status->st_dev || file->inode != status->st_ino)) {
        file = file->next;
    }
    return file;
}

struct file *kept_enter(int fd, bool make)
{
    struct stat status;

    if (folder_length == 0 || kernel_stat(fd, &status) || !S_ISREG(status.st_mode)) {
        return NULL;
    }
    pthread_mutex_lock(&lock);
    struct file *file = find(&status);

    if (!file && make && below_folder(fd) && (file = calloc(1, sizeof *file))) {
        file->fd = open_again(fd);
        file->device = status.st_dev;
        file->inode = status.st_ino;
        file->size = status.st_size;
        file->last = &file->first;
        file->left_alone = file->fd < 0;
        file->next = files;
        files = file;
    }
    if (file && !file->left_alone) {
        if (!file->first) {
            file->size = status.st_size; /* another program may have changed it */
        }
        return file;
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void kept_leave(void)
{
    int error = errno;

    pthread_mutex_unlock(&lock);
    errno = error;
}

/* ---------------------------------------------------------------- what is kept */

/* Shows bytes in the mappings of a file. */
static void show(struct file *file, const unsigned char *bytes, size_t length, off_t at)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

    for (struct mapping *m = file->mappings; m; m = m->next) {
        off_t from = at > m->at ? at : m->at, end = m->at + (off_t)m->length;

        if (end > at + (off_t)length) {
            end = at + (off_t)length;
        }
        if (from >= end) {
            continue;
        }
        unsigned char *to = m->address + (from - m->at);
        uintptr_t first = (uintptr_t)to & ~(page - 1);
        size_t span = (uintptr_t)to + (size_t)(end - from) - first;

        if (syscall(SYS_mprotect, first, span, PROT_READ | PROT_WRITE) == 0) {
            memcpy(to, bytes + (from - at), (size_t)(end - from));
            syscall(SYS_mprotect, first, span, PROT_READ);
        }
    }
}

static bool append(struct file *file, const void *bytes, size_t length, off_t at)
{
    struct operation *new = malloc(sizeof *new + length);

    if (!new) {
        errno = ENOMEM;
        return false;
    }
    new->next = NULL;
    new->at = at;
    new->length = length;
    if (length > 0) {
        memcpy(new->bytes, bytes, length);
    }
    *file->last = new;
    file->last = &new->next;
    return true;
}

/* Writes some sectors already, as a disk may. */
static void write_some(struct file *file, const unsigned char *bytes, size_t length, off_t at)
{
    while (keep_percent > 0 && length > 0) {
        size_t part = SECTOR - (size_t)(at % SECTOR);

        if (part > length) {
            part = length;
        }
        if (draw() < keep_percent) {
            kernel_pwrite(file->fd, bytes, part, at);
        }
        bytes += part;
        at += (off_t)part;
        length -= part;
    }
}

ssize_t kept_write(struct file *file, const void *bytes, size_t length, off_t at)
{
    if (length > 0 && !append(file, bytes, length, at)) {
        return -1;
    }
    if (at + (off_t)length > file->size && length > 0) {
        file->size = at + (off_t)length;
    }
    write_some(file, bytes, length, at);
    show(file, bytes, length, at);
    return (ssize_t)length;
}

ssize_t kept_write_now(struct file *file, const void *bytes, size_t length, off_t at)
{
    if (file->first && length > 0 && !append(file, bytes, length, at)) {
        return -1;
    }
    if (!write_through(file->fd, bytes, length, at)) {
        return -1;
    }
    syscall(SYS_fdatasync, file->fd);
    if (at + (off_t)length > file->size) {
        file->size = at + (off_t)length;
    }
    show(file, bytes, length, at);
    return (ssize_t)length;
}

int kept_resize(struct file *file, off_t size)
{
    if (size < 0 || !append(file, NULL, 0, size)) {
        errno = size < 0 ? EINVAL : ENOMEM;
        return -1;
    }
    if (keep_percent > 0 && draw() < keep_percent) {
        syscall(SYS_ftruncate, file->fd, size);
    }
    file->size = size;
    return 0;
}

bool kept_carry_out(struct file *file)
{
    bool good = true;
    int error = 0;

    for (struct operation *o = file->first, *next; o; o = next) {
        next = o->next;
        if (good) {
            good = o->length > 0 ? write_through(file->fd, o->bytes, o->length, o->at)
                                 : syscall(SYS_ftruncate, file->fd, o->at) == 0;
            error = errno;
        }
        free(o);
    }
    if (file->first && good && kernel_size(file->fd) > file->size) {
        /* A sector written early has made it longer than it is. */
        good = syscall(SYS_ftruncate, file->fd, file->size) == 0;
        error = errno;
    }
    file->first = NULL;
    file->last = &file->first;
    errno = good ? errno : error;
    return good;
}

bool kept_carry_out_all(void)
{
    bool good = true;

    pthread_mutex_lock(&lock);
    for (struct file *file = files; file; file = file->next) {
        good = kept_carry_out(file) && good;
    }
    kept_leave();
    return good;
}

__attribute__((destructor)) static void end(void)
{
    kept_carry_out_all();
}

ssize_t kept_read(struct file *file, unsigned char *out, size_t length, off_t at)
{
    if (at < 0) {
        errno = EINVAL;
        return -1;
    }
    if (at >= file->size) {
        return 0;
    }
    if ((off_t)length > file->size - at) {
        length = (size_t)(file->size - at);
    }
    memset(out, 0, length);
    if (syscall(SYS_pread64, file->fd, out, length, at) < 0) {
        return -1;
    }
    for (const struct operation *o = file->first; o; o = o->next) {
        off_t from = o->at > at ? o->at : at, end = at + (off_t)length;

        if (o->length == 0) { /* nothing is left behind the new end */
            if (from < end) {
                memset(out + (from - at), 0, (size_t)(end - from));
            }
            continue;
        }
        if (end > o->at + (off_t)o->length) {
            end = o->at + (off_t)o->length;
        }
        if (from < end) {
            memcpy(out + (from - at), o->bytes + (from - o->at), (size_t)(end - from));
        }
    }
    return (ssize_t)length;
}

/* ---------------------------------------------------------------- mappings */

/* What the file has now, and memory behind its end, for what is kept may lie there. */
void *kept_map(struct file *file, void *address, size_t length, int flags, off_t at)
{
    struct mapping *mapping = calloc(1, sizeof *mapping);

    if (!mapping) {
        return MAP_FAILED;
    }
    flags = (flags & ~MAP_TYPE) | MAP_PRIVATE | MAP_NORESERVE;
    void *result =
        (void *)syscall(SYS_mmap, address, length, PROT_READ, flags | MAP_ANONYMOUS, -1, 0L);
    off_t there = kernel_size(file->fd) - at;

    if (result != MAP_FAILED && there > 0) {
        size_t part = (size_t)there < length ? (size_t)there : length;

        syscall(SYS_mmap, result, part, PROT_READ, flags | MAP_FIXED, file->fd, at);
    }
    if (result == MAP_FAILED) {
        free(mapping);
        return result;
    }
    *mapping = (struct mapping){file->mappings, result, length, at};
    file->mappings = mapping;
    for (const struct operation *o = file->first; o; o = o->next) {
        show(file, o->bytes, o->length, o->at);
    }
    return result;
}

void kept_unmap(const void *address, size_t length)
{
    pthread_mutex_lock(&lock);
    for (struct file *file = files; file; file = file->next) {
        for (struct mapping **m = &file->mappings; *m;) {
            struct mapping *mapping = *m;

            if (mapping->address == address && mapping->length == length) {
                *m = mapping->next;
                free(mapping);
            } else {
                m = &mapping->next;
            }
        }
    }
    kept_leave();
}

bool kept_is_mapped(const void *address)
{
    bool mapped = false;

    pthread_mutex_lock(&lock);
    for (const struct file *file = files; file; file = file->next) {
        for (const struct mapping *m = file->mappings; m; m = m->next) {
            mapped |= (uintptr_t)address - (uintptr_t)m->address < m->length;
        }
    }
    kept_leave();
    return mapped;
}

void kept_correct(struct stat *status)
{
    if (folder_length > 0 && S_ISREG(status->st_mode)) {
        pthread_mutex_lock(&lock);
        const struct file *file = find(status);

        if (file && file->first) {
            status->st_size = file->size;
        }
        kept_leave();
    }
}
