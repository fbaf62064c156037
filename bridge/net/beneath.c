/* See beneath.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"

enum { FOLDER = O_DIRECTORY | O_CLOEXEC };

/* What comes to `fd`, which is closed, keeps errno. */
static int close_and_keep(int fd, int result)
{
    int reason = errno;

    close(fd);
    errno = reason;
    return result;
}

static int open_at_once(int root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (unsigned)(flags | FOLDER),
        .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
    };

    return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* Takes over `folder`. */
static int open_parts(int folder, char *path, int flags)
{
    char *rest = path, *part;

    while (folder >= 0 && (part = strsep(&rest, "/")) != NULL) {
        int wanted = rest ? O_PATH : flags;
        folder = close_and_keep(folder, openat(folder, part, wanted | FOLDER | O_NOFOLLOW));
    }
    return folder;
}

static int open_root(const char *root, struct slice path, int flags)
{
    return open(root, (path.length > 0 ? O_PATH : flags) | FOLDER);
}

int beneath_open_by_parts(const char *root, struct slice path, int flags)
{
    int folder = open_root(root, path, flags);

    if (folder >= 0 && path.length > 0) {
        char *copy = memory_copy_string(path);
        folder = open_parts(folder, copy, flags);
        free(copy);
    }
    return folder;
}

int beneath_open(const char *root, struct slice path, int flags)
{
    int folder = open_root(root, path, flags), inner;
    char *copy;

    if (folder < 0 || path.length == 0) {
        return folder;
    }
    copy = memory_copy_string(path);
    inner = close_and_keep(folder, open_at_once(folder, copy, flags));
    free(copy);
    return inner < 0 && (errno == ENOSYS || errno == EPERM)
               ? beneath_open_by_parts(root, path, flags)
               : inner;
}
