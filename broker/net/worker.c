/* The loop; see worker.h.
 *
 * While a worker is awake it attends its mailbox, so mail from others makes no system call on
 * either side, and its own mail runs in the same turn. With one worker nothing but what must be
 * stored ever crosses a thread.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/trunk.h"

enum {
    EVENTS_MAX = 256,
    MAIL_ROUNDS = 4, /* a turn, before its output is written */
};

/* ---------------------------------------------------------------- polling */

int worker_poll_add(struct worker *worker, int fd, uint32_t events, struct source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};

    if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        int error = errno;
        LOG_LIMITED(LOG_ERROR, "cannot poll a socket", "error=\"%s\"", strerrordesc_np(error));
        return -error;
    }
    return 0;
}

void worker_poll_change(struct worker *worker, int fd, uint32_t events, struct source *source)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    int failed = epoll_ctl(worker->epoll_fd, EPOLL_CTL_MOD, fd, &event);

    assert(failed == 0);
    (void)failed;
}

void worker_poll_remove(struct worker *worker, int fd)
{
    int failed = epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL);

    assert(failed == 0);
    (void)failed;
}

static void worker_mailbox_ready(struct source *source, struct worker *worker, uint32_t events)
{
    (void)source, (void)events;
    mailbox_clear(&worker->mailbox);
}

/* ---------------------------------------------------------------- a turn */

static bool worker_has_work(const struct worker *worker)
{
    return worker->owes_turn || !list_is_empty(&worker->shard.outbox.dirty) ||
           !list_is_empty(&worker->trunks_dirty) ||
           worker->shard.outbox.mail[worker->shard.index].first;
}

static msec_t earlier(msec_t a, msec_t b)
{
    return a < b ? a : b;
}

/* How long to wait, in milliseconds; -1: for ever. */
static int worker_timeout(const struct worker *worker, msec_t now)
{
    msec_t until = earlier(shard_next_deadline(&worker->shard), worker->stop_at);

    if (!list_is_empty(&worker->ending)) {
        until = earlier(until, CONTAINER_OF(worker->ending.next, struct stream, link)->close_at);
    }
    if (until == MSEC_NEVER) {
        return -1;
    }
    if (until <= now) {
        return 0;
    }
    return until - now < INT_MAX ? (int)(until - now) : INT_MAX;
}

/* Waits if there is nothing to do; returns the number of events. */
static int worker_wait(struct worker *worker, struct epoll_event *events)
{
    bool sleeps = !worker_has_work(worker) && mailbox_leave(&worker->mailbox);
    int timeout = sleeps ? worker_timeout(worker, clock_now()) : 0;
    int count = epoll_wait(worker->epoll_fd, events, EVENTS_MAX, timeout);

    if (sleeps) {
        mailbox_attend(&worker->mailbox);
    }
    return count < 0 ? 0 : count; /* EINTR is the only error there can be */
}

static void worker_use_store(struct worker *worker)
{
    struct store *store = worker->group->store;
    struct mail_list *reads = &worker->shard.outbox.reads;
    struct batch *batch;

    shard_finish(&worker->shard);
    batch = shard_take_batch(&worker->shard);
    if (batch) {
        store_submit(store, batch);
    }
    while (reads->first) {
        struct mail *next = reads->first->next;
        store_read(store, CONTAINER_OF(reads->first, struct store_read, mail));
        reads->first = next;
    }
    reads->last = NULL;
}

/* Sends what core wants sent, and takes what came in. True if there was own mail to run. */
static bool worker_exchange(struct worker *worker)
{
    struct outbox *outbox = &worker->shard.outbox;
    struct mail_list own, others;

    for (unsigned i = 0; i < worker->group->count; i++) {
        if (i != worker->shard.index && outbox->mail[i].first) {
            mailbox_post(worker->group->mailboxes[i], &outbox->mail[i]);
        }
    }
    /* Behind the mail: the store might be quicker to post what is sealed than this thread. */
    worker_use_store(worker);
    others = mailbox_take(&worker->mailbox);
    own = outbox->mail[worker->shard.index];
    outbox->mail[worker->shard.index] = (struct mail_list){0};
    if (!others.first && !own.first) {
        return false;
    }
    mail_list_run(&own, &worker->shard);
    mail_list_run(&others, &worker->shard);
    return true;
}

static void worker_flush(struct worker *worker)
{
    struct list dirty;

    list_init(&dirty);
    list_move_all(&dirty, &worker->shard.outbox.dirty);
    while (!list_is_empty(&dirty)) {
        struct connection *connection = CONTAINER_OF(dirty.next, struct connection, dirty);
        list_remove(&connection->dirty);
        connection->carrier->flush(connection);
    }
    trunks_flush(worker); /* behind all channels: what they say goes out at once */
    stream_expire(worker);
}

static void worker_turn(struct worker *worker)
{
    struct epoll_event events[EVENTS_MAX];
    int count = worker_wait(worker, events);
    int round = 0;

    shard_advance(&worker->shard, clock_now());
    for (int i = 0; i < count; i++) {
        struct source *source = events[i].data.ptr;
        source->ready(source, worker, events[i].events);
    }
    while (worker_exchange(worker) && ++round < MAIL_ROUNDS) {
    }
    worker_flush(worker);
    /* Flushing makes mail too: connections that move, acknowledgements that free a quota. What
     * comes in by now may make more, for others or the store: the next turn sends it. */
    worker->owes_turn = worker_exchange(worker);
}

/* ---------------------------------------------------------------- the thread */

static bool worker_is_done(const struct worker *worker)
{
    return worker->stop_at != MSEC_NEVER &&
           (worker->shard.now >= worker->stop_at ||
            (list_is_empty(&worker->streams) && list_is_empty(&worker->ending) &&
             list_is_empty(&worker->trunks)));
}

static void *worker_run(void *context)
{
    struct worker *worker = context;
    char name[16];

    snprintf(name, sizeof(name), "worker-%u", worker->shard.index);
    pthread_setname_np(pthread_self(), name);
    mailbox_attend(&worker->mailbox);
    while (!worker_is_done(worker)) {
        worker_turn(worker);
    }
    mailbox_leave(&worker->mailbox);
    return NULL;
}

int worker_start(struct worker *worker)
{
    int error = pthread_create(&worker->thread, NULL, worker_run, worker);

    worker->started = error == 0;
    return -error;
}

struct stop_mail {
    struct mail mail;
    msec_t drain_ms;
};

/* Those that have not come as far as a session; core closes the others. */
static void worker_refuse_streams(struct worker *worker)
{
    LIST_FOREACH_SAFE (link, &worker->streams) {
        struct stream *stream = CONTAINER_OF(link, struct stream, link);
        if (stream->connection.state < CONNECTION_MOVING) {
            connection_close(&stream->connection, REASON_SERVER_SHUTTING_DOWN, NULL);
        }
    }
}

static void worker_run_stop(struct mail *mail, void *receiver)
{
    struct stop_mail *stop = CONTAINER_OF(mail, struct stop_mail, mail);
    struct shard *shard = receiver;

    if (shard) {
        struct worker *worker = worker_of(shard);
        listener_detach(worker);
        shard_stop(shard);
        worker_refuse_streams(worker);
        trunks_stop(worker);
        worker->stop_at = shard->now + stop->drain_ms;
    }
    free(stop);
}

void worker_stop(struct worker *worker, msec_t drain_ms)
{
    struct stop_mail *stop = memory_allocate_zero(sizeof(*stop));
    struct mail_list list = {0};

    stop->mail.run = worker_run_stop;
    stop->drain_ms = drain_ms;
    mail_list_add(&list, &stop->mail);
    mailbox_post(&worker->mailbox, &list);
}

void worker_join(struct worker *worker)
{
    if (worker->started) {
        pthread_join(worker->thread, NULL);
        worker->started = false;
    }
}

/* ---------------------------------------------------------------- making and ending */

int worker_init(struct worker *worker, struct worker_group *group, unsigned index,
                struct broker *broker, struct settings *settings)
{
    int error = mailbox_init(&worker->mailbox);

    if (error < 0) {
        return error;
    }
    worker->group = group;
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    worker->stop_at = MSEC_NEVER;
    worker->mailbox_source.ready = worker_mailbox_ready;
    list_init(&worker->streams);
    list_init(&worker->ending);
    list_init(&worker->gone);
    list_init(&worker->trunks);
    list_init(&worker->trunks_dirty);
    list_init(&worker->channels_gone);
    shard_init(&worker->shard, broker, index, settings, clock_now());
    if (worker->epoll_fd < 0) {
        return -errno;
    }
    worker->read_buffer = memory_allocate(WORKER_READ_SIZE);
    error = worker_poll_add(worker, worker->mailbox.wake_fd, EPOLLIN, &worker->mailbox_source);
    return error < 0 ? error : listener_attach(worker);
}

static void worker_abort_streams(struct list *streams)
{
    LIST_FOREACH_SAFE (link, streams) {
        stream_abort(CONTAINER_OF(link, struct stream, link));
    }
}

/* Streams whose answer from the authenticator will never come: it has ended. */
static void worker_abandon_streams(struct worker *worker)
{
    LIST_FOREACH_SAFE (link, &worker->gone) {
        struct stream *stream = CONTAINER_OF(link, struct stream, link);
        stream->connection.auth_pending = false;
        stream_abort(stream);
    }
    LIST_FOREACH_SAFE (link, &worker->channels_gone) {
        channel_abandon(CONTAINER_OF(link, struct channel, waiting));
    }
}

void worker_close(struct worker *worker)
{
    struct outbox *outbox = &worker->shard.outbox;

    worker_abort_streams(&worker->streams);
    worker_abort_streams(&worker->ending);
    trunks_abort(worker);
    for (unsigned i = 0; i < worker->group->count; i++) {
        mail_list_run(&outbox->mail[i], NULL);
    }
    mailbox_release(&worker->mailbox);
    worker_abandon_streams(worker);
}

void worker_release(struct worker *worker)
{
    shard_release(&worker->shard);
    free(worker->listener_sources);
    free(worker->read_buffer);
    close(worker->spare_fd);
    close(worker->epoll_fd);
}
