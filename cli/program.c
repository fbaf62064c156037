/* Finding and becoming the broker or the bridge. See program.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "program.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/memory.h"

/* folder/name, if that can be executed; else NULL. */
static char *executable_in(struct slice folder, const char *name)
{
    struct buffer path = {0};
    char *found = NULL;

    buffer_append(&path, folder);
    buffer_append_format(&path, "%s%s", folder.length > 0 ? "/" : "", name);
    buffer_append_byte(&path, '\0');
    if (access((const char *)path.data, X_OK) == 0) {
        found = memory_copy_string(slice_make(path.data, path.length - 1));
    }
    buffer_release(&path);
    return found;
}

static char *find_beside(const char *name)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof(own));

    while (length > 0 && own[length - 1] != '/') {
        length--;
    }
    return length > 1 ? executable_in(slice_make(own, (size_t)length - 1), name) : NULL;
}

static char *find_in_path(const char *name)
{
    const char *folders = getenv("PATH");
    char *found = NULL;

    while (folders && !found) {
        size_t length = strcspn(folders, ":");
        found = executable_in(slice_make(folders, length), name);
        folders = folders[length] ? folders + length + 1 : NULL;
    }
    return found;
}

char *program_find(const char *name)
{
    char *found = find_beside(name);

    if (!found) {
        found = find_in_path(name);
    }
    if (!found) {
        fprintf(stderr, "pubgrid: there is no %s, neither beside pubgrid nor in PATH\n", name);
    }
    return found;
}

int program_become(const char *name, char **argv)
{
    char *path = program_find(name);

    if (path) {
        execv(path, argv);
        fprintf(stderr, "pubgrid: cannot start %s: %s\n", path, strerrordesc_np(errno));
        free(path);
    }
    return 1;
}
