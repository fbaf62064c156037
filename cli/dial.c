/* Opens connections with plain blocking sockets; the time-outs of the socket bound every step.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "socks.h"

enum { DIAL_TIMEOUT_S = 10 };

int dial_write_all(int fd, const void *data, unsigned length)
{
    const char *at = data;

    while (length > 0) {
        ssize_t count = send(fd, at, length, MSG_NOSIGNAL);

        if (count < 0) {
            return -1;
        }
        at += count;
        length -= (unsigned)count;
    }
    return 0;
}

int dial_read_all(int fd, void *data, unsigned length)
{
    char *at = data;

    while (length > 0) {
        ssize_t count = recv(fd, at, length, 0);

        if (count <= 0) {
            errno = count == 0 ? ECONNRESET : errno;
            return -1;
        }
        at += count;
        length -= (unsigned)count;
    }
    return 0;
}

static void set_timeout(int fd, time_t seconds)
{
    struct timeval timeout = {.tv_sec = seconds};

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

static void close_keep_errno(int *fd)
{
    int error = errno;

    close(*fd);
    *fd = -1;
    errno = error;
}

static enum dial_result dial_unix(const char *path, int *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return DIAL_ERRNO;
    }
    memcpy(address.sun_path, path, strlen(path));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return DIAL_ERRNO;
    }
    if (connect(*fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close_keep_errno(fd);
        return DIAL_ERRNO;
    }
    return DIAL_CONNECTED;
}

static struct addrinfo *look_up(const char *host, uint16_t port, int family)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[8];

    snprintf(service, sizeof(service), "%u", port);
    return getaddrinfo(host, service, &hints, &found) == 0 ? found : NULL;
}

static bool bind_local(int fd, const char *bind_address, int family)
{
    struct addrinfo *local;
    bool good;

    if (bind_address == NULL) {
        return true;
    }
    local = look_up(bind_address, 0, family);
    if (local == NULL) {
        errno = EADDRNOTAVAIL;
        return false;
    }
    good = bind(fd, local->ai_addr, local->ai_addrlen) == 0;
    freeaddrinfo(local);
    return good;
}

static bool try_address(const struct addrinfo *address, const char *bind_address, int *fd)
{
    *fd = socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol);
    if (*fd < 0) {
        return false;
    }
    set_timeout(*fd, DIAL_TIMEOUT_S);
    if (!bind_local(*fd, bind_address, address->ai_family) ||
        connect(*fd, address->ai_addr, address->ai_addrlen) != 0) {
        errno = errno == EINPROGRESS ? ETIMEDOUT : errno;
        close_keep_errno(fd);
        return false;
    }
    return true;
}

static enum dial_result dial_tcp(const struct dial_target *target, int *fd)
{
    const struct url *proxy = target->proxy;
    struct addrinfo *found = look_up(proxy != NULL ? proxy->host : target->host,
                                     proxy != NULL ? proxy->port : target->port, target->family);
    enum dial_result result = found == NULL ? DIAL_LOOKUP_FAILED : DIAL_ERRNO;

    for (struct addrinfo *at = found; at != NULL && result != DIAL_CONNECTED; at = at->ai_next) {
        if (try_address(at, target->bind_address, fd)) {
            result = DIAL_CONNECTED;
        }
    }
    if (found != NULL) {
        int error = errno;

        freeaddrinfo(found);
        errno = error;
    }
    return result;
}

enum dial_result dial(const struct dial_target *target, int *fd)
{
    const struct url *proxy = target->proxy;
    enum dial_result result;

    if (target->unix_path != NULL) {
        return dial_unix(target->unix_path, fd);
    }
    result = dial_tcp(target, fd);
    if (result != DIAL_CONNECTED) {
        return result;
    }
    if (proxy != NULL && !socks_connect(*fd, proxy, target->host, target->port)) {
        close_keep_errno(fd);
        return DIAL_PROXY_FAILED;
    }
    set_timeout(*fd, 0);
    return DIAL_CONNECTED;
}
