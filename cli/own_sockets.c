/* Walks /proc/self/fd; what is not a TCP socket answers the system calls with an error.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "own_sockets.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Calls `visit` with each descriptor until it returns true; says whether it did. */
static bool visit_descriptors(bool (*visit)(int fd, const struct sockaddr_in *wanted),
                              const struct sockaddr_in *wanted)
{
    DIR *folder = opendir("/proc/self/fd");
    struct dirent *entry;
    bool found = false;

    while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
        found = entry->d_name[0] != '.' && visit((int)strtol(entry->d_name, NULL, 10), wanted);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

static bool has_address(int fd, const struct sockaddr_in *wanted)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof(address);

    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
           address.sin_family == AF_INET && address.sin_port == wanted->sin_port &&
           address.sin_addr.s_addr == wanted->sin_addr.s_addr;
}

bool own_sockets_have_peer_of(int fd)
{
    struct sockaddr_in peer = {0};
    socklen_t length = sizeof(peer);

    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0 &&
           visit_descriptors(has_address, &peer);
}

static bool set_nodelay(int fd, const struct sockaddr_in *unused)
{
    int on = 1;

    (void)unused;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return false;
}

void own_sockets_set_nodelay(void)
{
    visit_descriptors(set_nodelay, NULL);
}
