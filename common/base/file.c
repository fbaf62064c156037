/* See file.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

bool file_write_durably(int fd, struct slice bytes)
{
    while (bytes.length > 0) {
        ssize_t written = write(fd, bytes.data, bytes.length);
        if (written < 0) {
            return false;
        }
        bytes = slice_from(bytes, (size_t)written);
    }
    return fsync(fd) == 0;
}

/* The folder that the path is in. The caller frees it. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return memory_copy_string(SLICE_LITERAL("."));
    }
    return memory_copy_string(slice_make(path, slash == path ? 1 : (size_t)(slash - path)));
}

static bool sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error;
    bool good = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        error = errno;
        close(fd);
        errno = error;
    }
    return good;
}

bool file_sync_folder_of(const char *path)
{
    char *folder = folder_of(path);
    bool good = sync_folder(folder);
    int error = errno;

    free(folder);
    errno = error;
    return good;
}

static bool make_folder(const char *folder)
{
    if (mkdir(folder, 0700) == 0) {
        return file_sync_folder_of(folder);
    }
    return errno == EEXIST;
}

bool file_make_folders_for(const char *path)
{
    char *folder = memory_copy_string(slice_from_string(path));
    bool good = true;

    for (char *slash = strchr(folder + 1, '/'); slash && good; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        good = make_folder(folder);
        *slash = '/';
    }
    int error = errno;
    free(folder);
    errno = error;
    return good;
}
