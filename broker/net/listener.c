/* Opening listening sockets; see listener.h. All are bound before the first one listens, so a start
 * that fails for one address has not let anybody in on another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/address.h"

enum {
    BACKLOG = 4096,
    PROBE_AFTER_S = 600, /* of silence */
    PROBE_EVERY_S = 60,
    PROBES = 5, /* unanswered: the peer is gone */
};

/* ---------------------------------------------------------------- errors */

/* What a person can do about it. */
static const char *listen_advice(int error)
{
    static const struct {
        int error;
        const char *advice;
    } table[] = {
        {EADDRINUSE, "it is in use; stop the program that has it (`ss -ltnxp` shows it) or "
                     "configure another one"},
        {EACCES, "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE, and a Unix "
                 "socket a folder that this user may write to"},
        {EADDRNOTAVAIL, "no network interface of this machine has this address"},
        {EAFNOSUPPORT, "this machine does not support this kind of address"},
        {ENOENT, "its folder does not exist"},
        {ENAMETOOLONG, "the path of a Unix socket may have 107 bytes"},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].error == error) {
            return table[i].advice;
        }
    }
    return strerrordesc_np(error);
}

static bool listen_failed(struct buffer *error_text, const char *name, int error)
{
    buffer_append_format(error_text, "cannot listen on %s: %s", name, listen_advice(error));
    return false;
}

/* ---------------------------------------------------------------- sockets */

static void socket_set(int fd, int level, int option, int value)
{
    /* None of ours can fail on its kind of socket. */
    setsockopt(fd, level, option, &value, sizeof(value));
}

/* Accepted sockets inherit all of it. The kernel's keep-alive finds peers that vanished without a
 * word, among the clients that have no keep alive of MQTT's. */
static void socket_set_tcp(int fd)
{
    socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    socket_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    socket_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_S);
    socket_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_S);
    socket_set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
}

/* A bound socket, or -errno. */
static int socket_bind(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error;

    if (fd < 0) {
        return -errno;
    }
    if (address->sa_family != AF_UNIX) {
        socket_set_tcp(fd);
    }
    if (address->sa_family == AF_INET6) {
        socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); /* so that 0.0.0.0 can be bound beside :: */
    }
    if (bind(fd, address, length) < 0) {
        error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

static void listener_add(struct listener ***listeners, size_t *count, int fd, const char *name,
                         const char *path)
{
    struct listener *listener = memory_allocate_zero(sizeof(*listener));

    listener->fd = fd;
    listener->name = memory_copy_string(slice_from_string(name));
    listener->path = path ? memory_copy_string(slice_from_string(path)) : NULL;
    *listeners = memory_resize(*listeners, (*count + 1) * sizeof(struct listener *));
    (*listeners)[(*count)++] = listener;
}

/* ---------------------------------------------------------------- Unix sockets */

/* A socket's file outlives a broker that was killed. It may only be removed if nobody listens. */
static bool unix_is_stale(const struct sockaddr_un *address)
{
    struct stat status;
    bool refused;
    int fd;

    if (lstat(address->sun_path, &status) < 0 || !S_ISSOCK(status.st_mode)) {
        return false;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    refused = connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 &&
              errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool unix_open(const struct listener_options *options, struct listener ***listeners,
                      size_t *count, struct buffer *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t old_mask;
    int fd;

    if (strlen(options->path) >= sizeof(address.sun_path)) {
        return listen_failed(error, options->path, ENAMETOOLONG);
    }
    memcpy(address.sun_path, options->path, strlen(options->path) + 1);
    if (unix_is_stale(&address)) {
        unlink(options->path);
    }
    /* The file must not be wider open for a moment than it shall be. */
    old_mask = umask((mode_t)(~options->mode & 0777));
    fd = socket_bind((const struct sockaddr *)&address, sizeof(address));
    umask(old_mask);
    if (fd < 0) {
        return listen_failed(error, options->path, -fd);
    }
    listener_add(listeners, count, fd, options->path, options->path);
    return true;
}

/* ---------------------------------------------------------------- TCP */

static bool tcp_open_each(const struct addrinfo *found, struct listener ***listeners, size_t *count,
                          struct buffer *error)
{
    bool several = found->ai_next, opened = false;
    char name[ADDRESS_NAME_SIZE];
    int failed = 0;

    for (; found; found = found->ai_next) {
        int fd = socket_bind(found->ai_addr, found->ai_addrlen);
        address_name(found->ai_addr, name);
        if (fd >= 0) {
            listener_add(listeners, count, fd, name, NULL);
            opened = true;
        } else if (several && (fd == -EAFNOSUPPORT || fd == -EADDRNOTAVAIL)) {
            failed = -fd; /* "localhost" on a machine without IPv6 */
        } else {
            return listen_failed(error, name, -fd);
        }
    }
    return opened || listen_failed(error, name, failed);
}

static bool tcp_open(const struct listener_options *options, struct listener ***listeners,
                     size_t *count, struct buffer *error)
{
    static const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    bool everywhere =
        !options->address || options->address[0] == '\0' || strcmp(options->address, "*") == 0;
    struct addrinfo *found = NULL;
    char port[8];
    bool opened;
    int failed;

    snprintf(port, sizeof(port), "%u", options->port);
    failed = getaddrinfo(everywhere ? NULL : options->address, port, &hints, &found);
    if (failed != 0) {
        buffer_append_format(error, "cannot listen on %s:%s: %s", options->address, port,
                             gai_strerror(failed));
        return false;
    }
    opened = tcp_open_each(found, listeners, count, error);
    freeaddrinfo(found);
    return opened;
}

/* ---------------------------------------------------------------- listeners */

bool listener_open(const struct listener_options *options, struct listener ***listeners,
                   size_t *count, struct buffer *error)
{
    struct stream_access access = {
        .anonymous_allowed = options->anonymous_allowed,
        .use_certificate_as_user = options->use_certificate_as_user,
    };
    size_t before = *count;
    bool opened;

    if (options->tls) {
        access.tls = tls_context_new(options->tls, error);
        if (!access.tls) {
            return false;
        }
    }
    opened = options->path ? unix_open(options, listeners, count, error)
                           : tcp_open(options, listeners, count, error);
    for (size_t i = before; i < *count; i++) {
        (*listeners)[i]->access = access;
        (*listeners)[i]->owns_tls = i == before;
        (*listeners)[i]->is_trunk = options->is_trunk;
    }
    if (*count == before) {
        tls_context_free(access.tls);
    }
    return opened;
}

static bool listen_to_kind(struct listener **listeners, size_t count, bool is_unix,
                           struct buffer *error)
{
    for (size_t i = 0; i < count; i++) {
        bool is_of_kind = (listeners[i]->path != NULL) == is_unix;
        if (is_of_kind && listen(listeners[i]->fd, BACKLOG) < 0) {
            return listen_failed(error, listeners[i]->name, errno);
        }
    }
    return true;
}

bool listeners_listen(struct listener **listeners, size_t count, struct buffer *error)
{
    return listen_to_kind(listeners, count, false, error) &&
           listen_to_kind(listeners, count, true, error);
}

void listener_close(struct listener *listener)
{
    close(listener->fd);
    if (listener->path) {
        unlink(listener->path);
    }
    if (listener->owns_tls) {
        tls_context_free(listener->access.tls);
    }
    free(listener->path);
    free(listener->name);
    free(listener);
}
