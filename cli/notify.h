/* The service manager's end of sd_notify(3), for the broker that `pubgrid serve` runs: what it says
 * comes to us, and we decide what our own service manager hears.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_NOTIFY_H
#define PUBGRID_CLI_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

struct notify {
    int fd;        /* a datagram socket with a name that the system has drawn */
    char name[32]; /* for NOTIFY_SOCKET */
};

/* One line that process `from` has said, such as "READY=1". */
typedef void notify_heard(void *context, pid_t from, const char *line);

/* False, with the reason in errno. */
bool notify_open(struct notify *notify);
/* Everything that has come. */
void notify_read(const struct notify *notify, notify_heard *heard, void *context);
void notify_close(struct notify *notify);

#endif
