/* `pubgrid serve` and `pubgrid store` become pubgrid-broker: same process, so signals and service
 * managers need not know of it.
 *
 * The broker beside this binary goes first: a build folder then never starts an installed broker of
 * another version. PATH is second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "serve.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

static const char broker_name[] = "pubgrid-broker";

/* Writes the broker's path beside the own binary. */
static bool path_beside(char *out, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", out, size - 1);
    char *slash;

    if (length < 0) {
        return false;
    }
    out[length] = '\0';
    slash = strrchr(out, '/');
    if (slash == NULL || (size_t)(slash + 1 - out) + sizeof(broker_name) > size) {
        return false;
    }
    memcpy(slash + 1, broker_name, sizeof(broker_name));
    return true;
}

/* argv[0] is to be the broker's name. Returns only if that fails. */
static int become_broker(char **argv)
{
    char path[PATH_MAX];

    if (path_beside(path, sizeof(path)) && access(path, X_OK) == 0) {
        execv(path, argv);
    } else {
        execvp(broker_name, argv);
    }
    fprintf(stderr,
            "pubgrid: cannot start %s: %s (it is looked for beside pubgrid, then in PATH)\n",
            broker_name, strerror(errno));
    return 1;
}

int serve_main(int argc, char **argv)
{
    static char name[sizeof(broker_name)];

    (void)argc;
    memcpy(name, broker_name, sizeof(name));
    argv[0] = name;
    return become_broker(argv);
}

/* The store's files are the broker's business: `pubgrid-broker store ...`. */
int store_main(int argc, char **argv)
{
    static char name[sizeof(broker_name)];
    char **words = memory_allocate_zero(((size_t)argc + 2) * sizeof(*words));
    int status;

    memcpy(name, broker_name, sizeof(name));
    words[0] = name;
    memcpy(words + 1, argv, (size_t)argc * sizeof(*words));
    status = become_broker(words);
    free(words);
    return status;
}
