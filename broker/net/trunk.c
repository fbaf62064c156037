/* Trunks: see trunk.h.
 *
 * A trunk is taken apart only in the flush at the end of a turn, so no pointer in the current batch
 * of events, and none that a frame's handling holds, is ever stale.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/trunk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/shard.h"
#include "mqtt/utf8.h"

enum {
    /* A bridge that writes and does not read is not read from either. */
    PENDING_READ_MAX = 2 * TRUNK_PENDING_MAX,
    HELD_DIRECT_SIZE = 16 * 1024, /* longer incomplete frames are read to where they are held */
    FLUSH_ROUNDS = 8,
    CREDITS_MAX = 1024, /* in a frame */
};

static void trunk_fail(struct trunk *trunk, const char *reason)
{
    if (!trunk->dead) {
        log_write(LOG_WARNING, "trunk closed", "worker=%u channels=%u reason=\"%s\"",
                  trunk->worker->shard.index, trunk->channels.count, reason);
    }
    trunk->dead = true;
    trunk_mark_dirty(trunk);
}

/* ---------------------------------------------------------------- polling */

static uint32_t wanted_events(const struct trunk *trunk)
{
    bool reads = trunk_output_pending(&trunk->output) <= PENDING_READ_MAX;

    return (reads ? EPOLLIN : 0u) | (trunk->blocked ? EPOLLOUT : 0u);
}

static void trunk_poll(struct trunk *trunk)
{
    uint32_t events = wanted_events(trunk);

    if (events != trunk->polled) {
        worker_poll_change(trunk->worker, trunk->fd, events, &trunk->source);
        trunk->polled = events;
    }
}

static void begin_polling(struct trunk *trunk)
{
    trunk->polled = wanted_events(trunk);
    if (worker_poll_add(trunk->worker, trunk->fd, trunk->polled, &trunk->source) < 0) {
        trunk_fail(trunk, "it cannot be polled");
    }
}

/* ---------------------------------------------------------------- the end */

/* Also for one that has no worker any more. */
static void trunk_free(struct trunk *trunk)
{
    struct channel *channel;

    for (uint32_t number = 0; (channel = channel_table_next(&trunk->channels, &number)); number++) {
        channel_abort(channel);
    }
    if (timer_is_set(&trunk->stall)) {
        timers_cancel(&trunk->worker->shard.timers, &trunk->stall);
    }
    /* Closing takes it out of epoll. Wills may have made it dirty once more. */
    close(trunk->fd);
    atomic_fetch_sub_explicit(&trunk->worker->group->connections, 1, memory_order_relaxed);
    list_remove(&trunk->link);
    list_remove(&trunk->dirty);
    channel_table_release(&trunk->channels);
    trunk_output_release(&trunk->output);
    buffer_release(&trunk->held);
    free(trunk);
}

void trunk_forget(struct trunk *trunk, struct channel *channel)
{
    channel_table_remove(&trunk->channels, channel->number);
    trunk_mark_dirty(trunk); /* it may have been the last that a stop waits for */
}

void trunks_abort(struct worker *worker)
{
    LIST_FOREACH_SAFE (link, &worker->trunks) {
        trunk_free(CONTAINER_OF(link, struct trunk, link));
    }
}

/* ---------------------------------------------------------------- HELLO */

struct trunk_handover {
    struct mail mail;
    struct trunk *trunk;
};

static void use_input(struct trunk *trunk, struct slice in);

static void greet(struct trunk *trunk)
{
    struct trunk_hello hello = {
        .version = TRUNK_VERSION,
        .worker = trunk->worker->shard.index,
        .worker_count = trunk->worker->group->count,
    };

    trunk->greeted = true;
    trunk_put_hello(trunk_output_frames(&trunk->output), &hello);
    trunk_mark_dirty(trunk);
    log_write(LOG_INFO, "trunk opened", "worker=%u", hello.worker);
}

/* The trunk arrives at its worker; receiver NULL: the worker is no more. */
static void trunk_arrive(struct mail *mail, void *receiver)
{
    struct trunk_handover *handover = CONTAINER_OF(mail, struct trunk_handover, mail);
    struct trunk *trunk = handover->trunk;

    free(handover);
    if (!receiver) {
        trunk_free(trunk);
        return;
    }
    trunk->worker = worker_of(receiver);
    list_add_last(&trunk->worker->trunks, &trunk->link);
    begin_polling(trunk);
    greet(trunk);
    use_input(trunk, buffer_slice(&trunk->held));
}

static void hand_over(struct trunk *trunk, unsigned target)
{
    struct trunk_handover *handover = memory_allocate_zero(sizeof(*handover));

    worker_poll_remove(trunk->worker, trunk->fd);
    list_remove(&trunk->link);
    list_remove(&trunk->dirty);
    handover->mail.run = trunk_arrive;
    handover->trunk = trunk;
    shard_post(&trunk->worker->shard, target, &handover->mail);
}

/* ---------------------------------------------------------------- frames */

static bool take_open(struct trunk *trunk, const struct trunk_frame *frame)
{
    const struct trunk_open *open = &frame->open;

    if (channel_table_find(&trunk->channels, open->channel) ||
        (open->user.length > 0 && !utf8_is_valid_string(open->user))) {
        return false;
    }
    struct channel *channel = channel_open(trunk, open);
    channel_table_add(&trunk->channels, open->channel, channel);
    if (trunk->worker->shard.stopping) {
        connection_close(&channel->connection, REASON_SERVER_SHUTTING_DOWN, NULL);
    }
    return true;
}

static bool take_bytes(struct trunk *trunk, const struct trunk_frame *frame)
{
    struct channel *channel = channel_table_find(&trunk->channels, frame->bytes.channel);

    if (channel) {
        channel_receive(channel, frame->bytes.packets);
    }
    return channel != NULL;
}

static bool take_credit(struct trunk *trunk, const struct trunk_frame *frame)
{
    struct slice rest = frame->credit.items;
    struct trunk_credit_item item;

    while (trunk_next_credit(&rest, &item)) {
        struct channel *channel = channel_table_find(&trunk->channels, item.channel);
        if (channel) {
            channel_credit(channel, item.bytes);
        }
    }
    return true;
}

static bool take_close(struct trunk *trunk, const struct trunk_frame *frame)
{
    struct channel *channel = channel_table_find(&trunk->channels, frame->close.channel);

    if (!channel || channel->close_received) {
        return false;
    }
    channel_closed(channel);
    return true;
}

static bool take_read(struct trunk *trunk, const struct trunk_frame *frame)
{
    struct channel *channel = channel_table_find(&trunk->channels, frame->read.channel);

    return channel && channel_read_retained(channel, &frame->read);
}

/* False: the bridge must not say this now. */
static bool take_frame(struct trunk *trunk, const struct trunk_frame *frame)
{
    static bool (*const takers[])(struct trunk *, const struct trunk_frame *) = {
        [TRUNK_OPEN] = take_open,          [TRUNK_BYTES] = take_bytes,
        [TRUNK_CREDIT_BACK] = take_credit, [TRUNK_CLOSE] = take_close,
        [TRUNK_READ] = take_read,          [TRUNK_RETAINED] = NULL, /* the last kind */
    };

    return takers[frame->kind] && takers[frame->kind](trunk, frame);
}

/* ---------------------------------------------------------------- input */

/* Keeps what is left of `in` (which may lie in `held`) behind the first `used` bytes. */
static void hold(struct trunk *trunk, struct slice in, size_t used)
{
    if (in.data == trunk->held.data) {
        buffer_consume(&trunk->held, used);
    } else {
        trunk->held.length = 0;
        buffer_append(&trunk->held, slice_from(in, used));
    }
    if (trunk->held.length == 0 && trunk->held.data) {
        buffer_release(&trunk->held);
    }
}

/* HELLO, the first frame: true if the trunk stays with this worker. */
static bool take_hello(struct trunk *trunk, const struct trunk_frame *frame, struct slice rest)
{
    const struct worker *worker = trunk->worker;
    unsigned target = frame->hello.worker;

    if (frame->kind != TRUNK_HELLO || frame->hello.version != TRUNK_VERSION) {
        trunk_fail(trunk, frame->kind == TRUNK_HELLO ? "the bridge speaks another version"
                                                     : "the bridge does not say HELLO");
        return false;
    }
    if (target >= worker->group->count || target == worker->shard.index) {
        greet(trunk); /* which names the worker: for a bridge that does not know them */
        return true;
    }
    hold(trunk, rest, (size_t)trunk_frame_size(rest));
    hand_over(trunk, target);
    return false;
}

static void use_input(struct trunk *trunk, struct slice in)
{
    struct trunk_frame frame;
    size_t used = 0;
    ssize_t size = 0;

    while (!trunk->dead && (size = trunk_decode(&frame, slice_from(in, used))) > 0) {
        if (!trunk->greeted) {
            if (!take_hello(trunk, &frame, slice_from(in, used))) {
                return;
            }
        } else if (!take_frame(trunk, &frame)) {
            trunk_fail(trunk, "a frame that must not come now");
        }
        used += (size_t)size;
    }
    if (size < 0) {
        trunk_fail(trunk, "a malformed frame");
    }
    hold(trunk, in, trunk->dead ? in.length : used);
}

/* Reads behind the held bytes; *in is all there is then. Memory grows only as bytes come. */
static ssize_t read_bytes(struct trunk *trunk, struct slice *in)
{
    size_t held = trunk->held.length;
    uint8_t *buffer = trunk->worker->read_buffer;
    ssize_t got;

    if (held >= HELD_DIRECT_SIZE) {
        got = recv(trunk->fd, buffer_reserve(&trunk->held, WORKER_READ_SIZE), WORKER_READ_SIZE,
                   MSG_DONTWAIT);
        trunk->held.length += got > 0 ? (size_t)got : 0;
        *in = buffer_slice(&trunk->held);
        return got;
    }
    got = recv(trunk->fd, buffer + held, WORKER_READ_SIZE - held, MSG_DONTWAIT);
    if (got > 0 && held > 0) {
        memcpy(buffer, trunk->held.data, held);
    }
    *in = slice_make(buffer, got > 0 ? held + (size_t)got : held);
    return got;
}

static void trunk_read(struct trunk *trunk)
{
    struct slice in;
    ssize_t got = read_bytes(trunk, &in);

    if (got > 0) {
        counter_add(&trunk->worker->shard.counters.bytes_received, (uint64_t)got);
        use_input(trunk, in);
    } else if (got == 0) {
        trunk_fail(trunk, "the bridge is gone");
    } else if (errno != EAGAIN && errno != EINTR) {
        trunk_fail(trunk, strerrordesc_np(errno));
    }
}

static void trunk_ready(struct source *source, struct worker *worker, uint32_t events)
{
    struct trunk *trunk = CONTAINER_OF(source, struct trunk, source);

    (void)worker;
    if ((events & EPOLLOUT) != 0) {
        trunk->blocked = false;
        trunk_mark_dirty(trunk);
    }
    if (trunk->dead) {
        return;
    }
    if ((events & EPOLLIN) != 0) {
        trunk_read(trunk);
    } else if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        trunk_fail(trunk, "the bridge is gone");
    }
}

/* ---------------------------------------------------------------- the end of a turn */

static void put_credits(struct trunk *trunk)
{
    struct trunk_credit_item items[CREDITS_MAX];

    while (!list_is_empty(&trunk->crediting)) {
        size_t count = 0;
        while (count < CREDITS_MAX && !list_is_empty(&trunk->crediting)) {
            struct channel *channel =
                CONTAINER_OF(trunk->crediting.next, struct channel, crediting);
            list_remove(&channel->crediting);
            items[count++] = (struct trunk_credit_item){channel->number, channel_take_due(channel)};
        }
        trunk_put_credit(trunk_output_frames(&trunk->output), items, count);
    }
}

/* Channels that were held back go on, one after the other, until there is enough again. */
static void resume_waiting(struct trunk *trunk)
{
    struct list waiting;

    list_init(&waiting);
    list_move_all(&waiting, &trunk->waiting);
    while (!list_is_empty(&waiting) && !trunk_is_congested(trunk)) {
        struct channel *channel = CONTAINER_OF(waiting.next, struct channel, waiting);
        list_remove(&channel->waiting);
        channel_resume(channel);
    }
    /* Whoever had no turn stands before those that had one and want more. */
    list_move_all(&waiting, &trunk->waiting);
    list_move_all(&trunk->waiting, &waiting);
}

/* A bridge that takes nothing at all hangs or was stopped: what waits for its browsers would only
 * grow. Reliable ones find another bridge, or the same one when it goes on. */
static void stalled(struct timer *timer, void *context)
{
    (void)context;
    trunk_fail(CONTAINER_OF(timer, struct trunk, stall),
               "the bridge has taken nothing for too long");
}

static void watch_stall(struct trunk *trunk, bool moved)
{
    struct shard *shard = &trunk->worker->shard;
    uint32_t stall_ms = trunk->worker->group->trunk_access.stall_ms;

    if (!trunk->blocked) {
        timers_cancel(&shard->timers, &trunk->stall);
    } else if (stall_ms > 0 && (moved || !timer_is_set(&trunk->stall))) {
        timers_set(&shard->timers, &trunk->stall, shard->now + stall_ms);
    }
}

/* False: the socket is lost. */
static bool write_some(struct trunk *trunk)
{
    size_t taken = 0;
    int result = trunk_output_write(&trunk->output, trunk->fd, &taken);

    counter_add(&trunk->worker->shard.counters.bytes_sent, taken);
    trunk->blocked = result == 0;
    watch_stall(trunk, taken > 0);
    return result >= 0;
}

/* Writes, and lets those go on that waited for it. While the socket takes no more, only its own
 * event is worth another try. False: the socket is lost. */
static bool trunk_write(struct trunk *trunk)
{
    for (int round = 0; round < FLUSH_ROUNDS; round++) {
        if (!trunk->blocked && !write_some(trunk)) {
            return false;
        }
        if (list_is_empty(&trunk->waiting) ||
            trunk_output_pending(&trunk->output) > TRUNK_PENDING_LOW) {
            break;
        }
        resume_waiting(trunk);
    }
    trunk_output_collect(&trunk->output);
    return true;
}

static bool is_done(const struct trunk *trunk)
{
    return trunk->worker->shard.stopping && trunk->channels.count == 0 &&
           trunk_output_pending(&trunk->output) == 0;
}

static void trunk_flush(struct trunk *trunk)
{
    if (!trunk->dead) {
        put_credits(trunk);
        if (!trunk_write(trunk)) {
            trunk_fail(trunk, "it cannot be written to");
        }
    }
    if (trunk->dead || is_done(trunk)) {
        trunk_free(trunk);
        return;
    }
    if (!trunk->blocked &&
        (trunk_output_pending(&trunk->output) > 0 || !list_is_empty(&trunk->waiting))) {
        trunk_mark_dirty(trunk);
    }
    trunk_poll(trunk);
}

void trunks_flush(struct worker *worker)
{
    struct list dirty;

    list_init(&dirty);
    list_move_all(&dirty, &worker->trunks_dirty);
    while (!list_is_empty(&dirty)) {
        struct trunk *trunk = CONTAINER_OF(dirty.next, struct trunk, dirty);
        list_remove(&trunk->dirty);
        trunk_flush(trunk);
    }
}

static void stop_trunk(struct trunk *trunk)
{
    struct channel *channel;

    for (uint32_t number = 0; (channel = channel_table_next(&trunk->channels, &number)); number++) {
        if (channel->connection.state < CONNECTION_MOVING) {
            connection_close(&channel->connection, REASON_SERVER_SHUTTING_DOWN, NULL);
        }
    }
    trunk_mark_dirty(trunk);
}

void trunks_stop(struct worker *worker)
{
    LIST_FOREACH (link, &worker->trunks) {
        stop_trunk(CONTAINER_OF(link, struct trunk, link));
    }
}

/* ---------------------------------------------------------------- the beginning */

/* Whoever may speak for a bridge says who its clients are: only we ourselves, or root, may. */
static bool peer_is_trusted(int fd)
{
    struct ucred peer = {0};
    socklen_t length = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        return false;
    }
    if (peer.uid != geteuid() && peer.uid != 0) {
        LOG_LIMITED(LOG_WARNING, "trunk refused", "uid=%u pid=%d", peer.uid, peer.pid);
        return false;
    }
    return true;
}

void trunk_open(struct worker *worker, int fd)
{
    if (!peer_is_trusted(fd)) {
        counter_add(&worker->shard.counters.connections_refused, 1);
        close(fd);
        return;
    }
    struct trunk *trunk = memory_allocate_zero(sizeof(*trunk));
    trunk->source.ready = trunk_ready;
    trunk->worker = worker;
    trunk->fd = fd;
    timer_init(&trunk->stall, stalled);
    list_init(&trunk->waiting);
    list_init(&trunk->crediting);
    list_init(&trunk->dirty);
    list_init(&trunk->link);
    list_add_last(&worker->trunks, &trunk->link);
    atomic_fetch_add_explicit(&worker->group->connections, 1, memory_order_relaxed);
    counter_add(&worker->shard.counters.sockets_opened, 1);
    begin_polling(trunk);
}
