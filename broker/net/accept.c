/* Accepting from the listeners; see listener.h.
 *
 * When descriptors run out, a peer that waits in the backlog would keep epoll reporting for ever
 * and learn nothing: each worker keeps a spare descriptor, gives it up to accept and close that
 * peer, and then looks away from the listeners for a moment.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/address.h"
#include "net/listener.h"
#include "net/trunk.h"

enum {
    ACCEPT_BATCH = 32,
    ACCEPT_PAUSE_MS = 100,
};

struct listener_source {
    struct source source;
    struct listener *listener;
};

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
    char name[ADDRESS_NAME_SIZE];

    if (listener->is_trunk) {
        trunk_open(worker, fd); /* beyond the limit too: a bridge that comes back is no client */
        return;
    }
    address_name(address, name);
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
