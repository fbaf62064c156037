/* systemd's readiness protocol: one datagram, so that libsystemd need not be linked.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/sdnotify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A path, or the name of an abstract socket written with a leading @. Returns the address's
 * length, 0 if the name does not fit. */
static socklen_t sdnotify_address(const char *name, struct sockaddr_un *address)
{
    size_t length = strlen(name);

    if (length < 2 || length >= sizeof(address->sun_path) || (name[0] != '/' && name[0] != '@')) {
        return 0;
    }
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(address->sun_path, name, length);
    if (name[0] == '@') {
        address->sun_path[0] = '\0';
    }
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

int sdnotify_send(const char *state)
{
    const char *name = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t length;
    ssize_t sent;
    int error = 0;
    int fd;

    if (!name) {
        return 0;
    }
    length = sdnotify_address(name, &address);
    if (length == 0) {
        return -EINVAL;
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    sent =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, length);
    if (sent < 0) {
        error = -errno;
    }
    close(fd);
    return error;
}

uint64_t sdnotify_watchdog_usec(void)
{
    const char *usec = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");

    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid())) {
        return 0;
    }
    return strtoull(usec, NULL, 10);
}
