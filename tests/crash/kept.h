/* Files whose writes are kept until a sync. See lose_unsynced.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CRASH_KEPT_H
#define CRASH_KEPT_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct operation;
struct mapping;

struct file {
    struct file *next;
    dev_t device;
    ino_t inode;
    int fd;          /* of our own, for writing; never closed: that would end POSIX locks */
    bool left_alone; /* mapped writable */
    off_t size;      /* as the program sees it */
    struct operation *first, **last;
    struct mapping *mappings;
};

/* The file behind a descriptor if its writes are kept, NULL otherwise; with the lock of all files
 * then. With `make`, a file below LOSE_DIR becomes one. */
struct file *kept_enter(int fd, bool make);
/* Gives back the lock; errno stays. */
void kept_leave(void);

/* With the lock. They fail as the system call does, with errno. */
ssize_t kept_write(struct file *file, const void *bytes, size_t length, off_t at);
/* Durable by itself. It goes to the list too when there is one, in its place. */
ssize_t kept_write_now(struct file *file, const void *bytes, size_t length, off_t at);
/* Reads as if all had been carried out. */
ssize_t kept_read(struct file *file, unsigned char *out, size_t length, off_t at);
int kept_resize(struct file *file, off_t size);
/* Writes what is kept. After a failure it is gone, as pages of a failed writeback are. */
bool kept_carry_out(struct file *file);
/* A shared read-only mapping. */
void *kept_map(struct file *file, void *address, size_t length, int flags, off_t at);

/* Without the lock. */
bool kept_carry_out_all(void);
void kept_unmap(const void *address, size_t length);
/* Is this part of one of our mappings? Its pages must not be dropped: they are not the file's. */
bool kept_is_mapped(const void *address);
/* The size as the program should see it. */
void kept_correct(struct stat *status);

#endif
