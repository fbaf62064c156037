/* See file_work.h. A file that is written has the name `NAME.part` until it is whole.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/file_work.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/characters.h"
#include "base/file.h"
#include "base/memory.h"

enum {
    DEPTH_MAX = 16,     /* folders within each other that a list looks into */
    FOLDER_RETRIES = 3, /* somebody may remove a folder that has just been made */
};

#define PART ".part"

/* ---------------------------------------------------------------- paths */

static bool ends_with(struct slice text, struct slice end)
{
    return text.length >= end.length &&
           slice_equal(slice_from(text, text.length - end.length), end);
}

/* One that is listed and can be read: no way out of its folder, nothing that is not whole. */
static bool name_is_good(struct slice name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] < 0x20 || name.data[i] == 0x7F) {
            return false;
        }
    }
    return name.length > 0 && name.length <= NAME_MAX && name.data[0] != '.' &&
           !ends_with(name, SLICE_LITERAL(PART));
}

static bool path_is_good(struct slice path, bool may_be_empty)
{
    if (path.length == 0) {
        return may_be_empty;
    }
    if (path.data[path.length - 1] == '/') {
        return false;
    }
    while (path.length > 0) {
        if (!name_is_good(take_up_to(&path, '/'))) {
            return false;
        }
    }
    return true;
}

static const char *path_of(const struct file_work *work)
{
    return (const char *)work->path.data;
}

/* ---------------------------------------------------------------- beginning and end */

void file_work_begin(struct file_work *work, const struct file_task *task, const char *root)
{
    bool is_list = task->kind == FILE_LIST;

    work->kind = task->kind;
    work->offset = task->offset;
    work->length_max = task->length_max == 0 || task->length_max > FILE_TEXT_MAX
                           ? FILE_TEXT_MAX
                           : (size_t)task->length_max;
    if (!root) {
        work->error = "no folder is configured for it";
    } else if (!path_is_good(task->path, is_list) ||
               (is_list && !path_is_good(task->bytes, true))) {
        work->error = "the path is not one that is allowed";
    } else {
        buffer_append_string(&work->path, root);
        buffer_append_byte(&work->path, '/');
        work->root_length = work->path.length;
        buffer_append(&work->path, task->path);
        buffer_append_byte(&work->path, '\0');
        buffer_append(&work->bytes, task->bytes);
    }
}

void file_work_release(struct file_work *work)
{
    buffer_release(&work->path);
    buffer_release(&work->bytes);
    buffer_release(&work->text);
}

/* ---------------------------------------------------------------- writing */

/* -1 with errno. */
static int open_to_write(const struct file_work *work, const char *path, int flags)
{
    int fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    for (unsigned i = 0; fd < 0 && errno == ENOENT && i < FOLDER_RETRIES; i++) {
        if (!file_make_folders_for(path_of(work)) && errno != ENOENT) {
            return -1;
        }
        fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    }
    return fd;
}

/* Closes it. False, with errno, if `good` is. */
static bool close_after(int fd, bool good)
{
    int error = errno;

    close(fd);
    errno = error;
    return good;
}

static bool write_whole(struct file_work *work)
{
    struct buffer part = {0};
    bool good;
    int fd, error;

    buffer_append_string(&part, path_of(work));
    buffer_append(&part, slice_make(PART, sizeof(PART))); /* with its NUL */
    fd = open_to_write(work, (const char *)part.data, O_WRONLY | O_TRUNC);
    good = fd >= 0 && close_after(fd, file_write_durably(fd, buffer_slice(&work->bytes))) &&
           rename((const char *)part.data, path_of(work)) == 0 &&
           file_sync_folder_of(path_of(work));
    if (fd >= 0 && !good) {
        error = errno;
        (void)unlink((const char *)part.data);
        errno = error;
    }
    buffer_release(&part);
    return good;
}

/* Does the file end within a line? */
static bool is_cut_off(int fd, off_t size)
{
    char last;

    return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static bool append_lines(int fd, struct slice bytes)
{
    struct stat before;
    bool good;
    int error;

    if (fstat(fd, &before) < 0) {
        return false;
    }
    good = (!is_cut_off(fd, before.st_size) || write(fd, "\n", 1) == 1) &&
           file_write_durably(fd, bytes);
    if (!good) { /* half of it would be there twice when it is tried again */
        error = errno;
        (void)!ftruncate(fd, before.st_size);
        errno = error;
    }
    return good;
}

static bool append(struct file_work *work)
{
    bool is_new = access(path_of(work), F_OK) < 0;
    int fd = open_to_write(work, path_of(work), O_RDWR | O_APPEND);

    return fd >= 0 && close_after(fd, append_lines(fd, buffer_slice(&work->bytes))) &&
           (!is_new || file_sync_folder_of(path_of(work)));
}

/* ---------------------------------------------------------------- reading */

/* Bytes that can be read from there. */
static size_t length_of(const struct file_work *work, const struct stat *file)
{
    uint64_t size = (uint64_t)file->st_size;
    uint64_t left = work->offset < size ? size - work->offset : 0;

    return left < work->length_max ? (size_t)left : work->length_max;
}

static bool read_text(struct file_work *work, int fd)
{
    struct stat file;
    size_t length;
    uint8_t *place;

    if (fstat(fd, &file) < 0) {
        return false;
    }
    if (!S_ISREG(file.st_mode)) {
        errno = S_ISDIR(file.st_mode) ? EISDIR : EINVAL;
        return false;
    }
    length = length_of(work, &file);
    place = buffer_reserve(&work->text, length);
    while (work->text.length < length) {
        size_t have = work->text.length;
        ssize_t got = pread(fd, place + have, length - have, (off_t)(work->offset + have));
        if (got < 0) {
            return false;
        }
        if (got == 0) {
            break; /* it became shorter */
        }
        work->text.length += (size_t)got;
    }
    return true;
}

static bool read_file(struct file_work *work)
{
    int fd = open(path_of(work), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

    return fd >= 0 && close_after(fd, read_text(work, fd));
}

/* ---------------------------------------------------------------- lists */

struct listing {
    struct file_work *work;
    struct buffer path; /* of the folder, without a NUL */
    size_t depth;
    bool is_full;
};

/* `behind`: a path; only what comes behind it is listed. Empty: all. */
static bool list_folder(struct listing *listing, struct slice behind);

static int is_listed(const struct dirent *entry)
{
    return name_is_good(slice_from_string(entry->d_name));
}

/* The mode of what is at listing->path; 0: it is gone. */
static mode_t mode_at(struct listing *listing)
{
    struct stat file;

    *buffer_reserve(&listing->path, 1) = '\0';
    return lstat((const char *)listing->path.data, &file) == 0 ? file.st_mode & S_IFMT : 0;
}

static void list_file(struct listing *listing)
{
    struct slice path = slice_from(buffer_slice(&listing->path), listing->work->root_length);
    struct buffer *text = &listing->work->text;

    if (text->length + path.length + 1 > listing->work->length_max) {
        listing->is_full = true;
        return;
    }
    buffer_append(text, path);
    buffer_append_byte(text, '\n');
}

static bool list_entry(struct listing *listing, const char *name, struct slice behind)
{
    size_t length = listing->path.length;
    struct slice rest = behind, first = take_up_to(&rest, '/');
    bool is_on_the_way = slice_equal(slice_from_string(name), first);
    bool good = true;
    mode_t mode;

    buffer_append_byte(&listing->path, '/');
    buffer_append_string(&listing->path, name);
    mode = mode_at(listing);
    if (mode == S_IFDIR) {
        good = list_folder(listing, is_on_the_way ? rest : SLICE_EMPTY);
    } else if (mode == S_IFREG && !is_on_the_way) {
        list_file(listing);
    }
    listing->path.length = length;
    return good;
}

static bool list_folder(struct listing *listing, struct slice behind)
{
    struct slice rest = behind;
    char *first = memory_copy_string(take_up_to(&rest, '/'));
    struct dirent **entries = NULL;
    bool good;
    int count = -1;

    *buffer_reserve(&listing->path, 1) = '\0';
    if (listing->depth == DEPTH_MAX) {
        errno = ELOOP;
    } else {
        count = scandir((const char *)listing->path.data, &entries, is_listed, versionsort);
    }
    good = count >= 0 || errno == ENOENT;
    listing->depth++;
    for (int i = 0; i < count; i++) {
        if (good && !listing->is_full && strverscmp(entries[i]->d_name, first) >= 0) {
            good = list_entry(listing, entries[i]->d_name, behind);
        }
        free(entries[i]);
    }
    listing->depth--;
    free(entries);
    free(first);
    return good;
}

/* `bytes` is a path behind the root; what is behind it within the folder. False: all is before. */
static bool behind_in_folder(const struct file_work *work, struct slice *behind)
{
    struct slice folder = slice_from(buffer_slice(&work->path), work->root_length);

    folder.length--; /* the NUL */
    *behind = buffer_slice(&work->bytes);
    if (folder.length == 0 || behind->length == 0) {
        return true;
    }
    if (!slice_starts_with(*behind, folder) || behind->length <= folder.length ||
        behind->data[folder.length] != '/') {
        return false;
    }
    *behind = slice_from(*behind, folder.length + 1);
    return true;
}

static bool list_files(struct file_work *work)
{
    struct listing listing = {.work = work};
    struct slice behind;
    bool good;

    if (!behind_in_folder(work, &behind)) {
        errno = EINVAL;
        return false;
    }
    buffer_append(&listing.path, slice_make(work->path.data, work->path.length - 1));
    if (listing.path.length == work->root_length) {
        listing.path.length--; /* the root's slash */
    }
    good = list_folder(&listing, behind);
    int error = errno;
    buffer_release(&listing.path);
    errno = error;
    return good;
}

/* ---------------------------------------------------------------- removing */

/* Folders that have become empty by it go, too. */
static bool remove_file(struct file_work *work)
{
    char *path = (char *)work->path.data;

    if (unlink(path) < 0) {
        return false;
    }
    for (char *slash = strrchr(path, '/'); slash >= path + work->root_length;
         slash = strrchr(path, '/')) {
        *slash = '\0';
        if (rmdir(path) < 0) {
            break;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- the whole */

void file_work_run(struct file_work *work)
{
    static bool (*const run[])(struct file_work * work) = {
        [FILE_WRITE] = write_whole, [FILE_APPEND] = append,      [FILE_READ] = read_file,
        [FILE_LIST] = list_files,   [FILE_REMOVE] = remove_file,
    };

    if (!work->error && !run[work->kind](work)) {
        work->is_missing = errno == ENOENT;
        work->error = strerror(errno);
    }
}
