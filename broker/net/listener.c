/* Opening listening sockets and accepting from them; see listener.h.
 *
 * When descriptors run out, a peer that waits in the backlog would keep epoll reporting for ever
 * and learn nothing: each worker keeps a spare descriptor, gives it up to accept and close that
 * peer, and then looks away from the listeners for a moment.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

enum {
    BACKLOG = 4096,
    ACCEPT_BATCH = 32,
    ACCEPT_PAUSE_MS = 100,
    PROBE_AFTER_S = 600, /* of silence */
    PROBE_EVERY_S = 60,
    PROBES = 5, /* unanswered: the peer is gone */
    NAME_SIZE = INET6_ADDRSTRLEN + sizeof("[]:65535"),
};

struct listener_source {
    struct source source;
    struct listener *listener;
};

/* ---------------------------------------------------------------- names and errors */

/* "127.0.0.1:1883", "[::1]:1883" or "unix" into `name` of NAME_SIZE bytes. */
static void address_format(const struct sockaddr *address, char *name)
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
        snprintf(name, NAME_SIZE, "%s:%u", text, ntohs(in.sin_port));
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, address, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof(text));
        snprintf(name, NAME_SIZE, "[%s]:%u", text, ntohs(in6.sin6_port));
    } else {
        snprintf(name, NAME_SIZE, "unix");
    }
}

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
    char name[NAME_SIZE];
    int failed = 0;

    for (; found; found = found->ai_next) {
        int fd = socket_bind(found->ai_addr, found->ai_addrlen);
        address_format(found->ai_addr, name);
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

/* ---------------------------------------------------------------- accepting */

static void accept_end(struct worker *worker)
{
    for (size_t i = 0; worker->accepting && i < worker->group->listener_count; i++) {
        worker_poll_remove(worker, worker->group->listeners[i]->fd);
    }
    worker->accepting = false;
}

static int accept_begin(struct worker *worker)
{
    for (size_t i = 0; i < worker->group->listener_count; i++) {
        int error = worker_poll_add(worker, worker->group->listeners[i]->fd,
                                    EPOLLIN | EPOLLEXCLUSIVE, &worker->listener_sources[i].source);
        if (error < 0) {
            return error;
        }
    }
    worker->accepting = true;
    return 0;
}

static void accept_pause_ends(struct timer *timer, void *context)
{
    struct worker *worker = CONTAINER_OF(timer, struct worker, accept_timer);

    (void)context;
    if (!worker->accepting && worker->stop_at == MSEC_NEVER && accept_begin(worker) < 0) {
        timers_set(&worker->shard.timers, timer, worker->shard.now + ACCEPT_PAUSE_MS);
    }
}

static void accept_pause(struct worker *worker)
{
    accept_end(worker);
    timers_set(&worker->shard.timers, &worker->accept_timer, worker->shard.now + ACCEPT_PAUSE_MS);
}

/* No descriptor is left: refuses the peers that wait, one after the other on the spare one. */
static void accept_refuse(struct worker *worker, int listening_fd)
{
    LOG_LIMITED(LOG_ERROR, "connection refused",
                "reason=\"no file descriptor is left\" advice=\"raise the limit of open files\"");
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        int fd;
        close(worker->spare_fd);
        fd = accept4(listening_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
        }
        worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            break;
        }
    }
    accept_pause(worker);
}

static bool accept_is_over_limit(const struct worker *worker)
{
    const struct worker_group *group = worker->group;

    return group->connections_max > 0 &&
           atomic_load_explicit(&group->connections, memory_order_relaxed) >=
               group->connections_max;
}

static void accept_one(struct worker *worker, const struct listener *listener, int fd,
                       const struct sockaddr *address)
{
    char name[NAME_SIZE];

    address_format(address, name);
    if (accept_is_over_limit(worker)) {
        LOG_LIMITED(LOG_WARNING, "connection refused",
                    "peer=%s reason=\"the configured number of connections is reached\"", name);
        counter_add(&worker->shard.counters.connections_refused, 1);
        close(fd);
        return;
    }
    stream_open(worker, fd, name, &listener->access);
}

static void listener_ready(struct source *source, struct worker *worker, uint32_t events)
{
    const struct listener *listener =
        CONTAINER_OF(source, struct listener_source, source)->listener;

    (void)events;
    for (int i = 0; i < ACCEPT_BATCH && worker->accepting; i++) {
        struct sockaddr_storage address = {.ss_family = AF_UNIX};
        socklen_t length = sizeof(address);
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &length,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(worker, listener, fd, (const struct sockaddr *)&address);
        } else if (errno == EMFILE || errno == ENFILE) {
            accept_refuse(worker, listener->fd);
        } else if (errno == ENOBUFS || errno == ENOMEM) {
            LOG_LIMITED(LOG_ERROR, "accepting pauses", "error=\"%s\"", strerrordesc_np(errno));
            accept_pause(worker);
        } else if (errno != ECONNABORTED && errno != EINTR) {
            break; /* EAGAIN, or the peer's network error: nobody else waits */
        }
    }
}

int listener_attach(struct worker *worker)
{
    size_t count = worker->group->listener_count;

    worker->listener_sources =
        memory_allocate_zero((count > 0 ? count : 1) * sizeof(struct listener_source));
    for (size_t i = 0; i < count; i++) {
        worker->listener_sources[i] = (struct listener_source){
            .source.ready = listener_ready,
            .listener = worker->group->listeners[i],
        };
    }
    timer_init(&worker->accept_timer, accept_pause_ends);
    return accept_begin(worker);
}

void listener_detach(struct worker *worker)
{
    timers_cancel(&worker->shard.timers, &worker->accept_timer);
    accept_end(worker);
}
