/* See link_trunk.h; trunk/trunk.h has the protocol.
 *
 *   away --connect--> greeting (one socket, to any worker) --HELLO says how many--> greeting (all)
 *     ^                                                                                  |
 *     +---------------------- any socket fails ------------------- ready <--all HELLOs---+
 *
 * A socket that fails takes the others along: the broker has lost all of them or is about to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/link_trunk.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client/fanout.h"
#include "mqtt/packet.h"
#include "mqtt/placement.h"
#include "net/trunk_socket.h"

enum {
    RETRY_FIRST_MS = 20,
    RETRY_MOST_MS = 1000,
};

struct link_trunk {
    struct link link;
    struct fanout_scratch scratch;
    uv_loop_t *loop;
    uv_timer_t retry;
    uv_prepare_t flush;
    char *path;
    struct trunk_socket **sockets; /* [count] by worker; before `count` is known, one */
    unsigned count;                /* 0: not known */
    unsigned greeted;
    unsigned placed; /* channels without a placement, so that they spread */
    uint64_t retry_ms;
    unsigned handles; /* that keep the memory from being freed */
    bool was_ready;
};

static const struct trunk_socket_events socket_events;

/* ---------------------------------------------------------------- memory */

static void handle_gone(void *owner)
{
    struct link_trunk *links = owner;

    if (--links->handles == 0) {
        free(links->sockets);
        free(links->path);
        fanout_scratch_release(&links->scratch);
        free(links);
    }
}

static void handle_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static void flush_all(uv_prepare_t *handle)
{
    struct link_trunk *links = handle->data;

    for (unsigned i = 0; i < links->count; i++) {
        if (links->sockets[i] && links->sockets[i]->is_greeted) {
            trunk_socket_flush(links->sockets[i]);
        }
    }
}

/* ---------------------------------------------------------------- channels to the broker */

static struct trunk_socket *socket_of(const struct link *link, const struct channel *channel)
{
    const struct link_trunk *links = link->context;

    assert(channel->is_open && channel->trunk < links->count);
    return links->sockets[channel->trunk];
}

static bool is_ready(const struct link *link)
{
    const struct link_trunk *links = link->context;

    return links->count > 0 && links->greeted == links->count;
}

static unsigned worker_for(struct link_trunk *links, struct slice placement)
{
    return placement.length > 0 ? placement_of(placement, links->count)
                                : links->placed++ % links->count;
}

static void open_channel(struct link *link, struct channel *channel, const struct link_open *open)
{
    struct link_trunk *links = link->context;
    unsigned worker;
    struct trunk_socket *socket;

    assert(!channel->is_open && is_ready(link));
    worker = worker_for(links, open->placement);
    socket = links->sockets[worker];
    channel->trunk = (uint16_t)worker;
    channel->is_open = true;
    channel->credit_due = channel->on_the_way = 0;
    channel->credit_most = trunk_credit_most(open->flags);
    channel->number = channel_table_add(&socket->channels, channel);
    trunk_put_open(&socket->out, &(struct trunk_open){
                                     .channel = channel->number,
                                     .flags = open->flags,
                                     .peer = open->peer,
                                     .user = open->user,
                                     .queue_messages = open->queue_messages,
                                     .queue_bytes = open->queue_bytes,
                                 });
}

static void put_packets(struct trunk_socket *socket, struct channel *channel, struct slice packets)
{
    trunk_put_bytes(&socket->out, &socket->tail, channel->number, packets);
    channel->on_the_way += (uint32_t)packets.length;
}

/* As many whole packets as the credit allows; the last may be longer than what is left. */
static size_t allowed(const struct channel *channel, struct slice packets)
{
    size_t taken = 0;

    while (taken < packets.length && channel->on_the_way + taken < channel->credit_most) {
        taken += (size_t)packet_size(slice_from(packets, taken));
    }
    return taken;
}

static void forget_backlog(struct channel *channel)
{
    buffer_release(&channel->backlog);
    channel->backlog_sent = 0;
}

/* What was sent is taken away when it is worth moving the rest. */
static void send_backlog(struct trunk_socket *socket, struct channel *channel)
{
    struct slice waiting = slice_from(buffer_slice(&channel->backlog), channel->backlog_sent);
    size_t taken = allowed(channel, waiting);

    if (taken > 0) {
        put_packets(socket, channel, slice_make(waiting.data, taken));
        channel->backlog_sent += taken;
    }
    if (taken == waiting.length) {
        forget_backlog(channel);
    } else if (channel->backlog_sent > waiting.length) {
        buffer_consume(&channel->backlog, channel->backlog_sent);
        channel->backlog_sent = 0;
    }
}

static void send_packets(struct link *link, struct channel *channel, struct slice packets)
{
    struct trunk_socket *socket = socket_of(link, channel);

    if (channel_backlog(channel) == 0 &&
        channel->on_the_way + packets.length <= channel->credit_most) {
        put_packets(socket, channel, packets);
        return;
    }
    buffer_append(&channel->backlog, packets);
    send_backlog(socket, channel);
}

static bool may_send(const struct link *link, const struct channel *channel)
{
    (void)link;
    return channel->is_open && channel->on_the_way < channel->credit_most &&
           channel_backlog(channel) == 0;
}

static void give_credit(struct link *link, struct channel *channel, uint32_t bytes)
{
    channel->credit_due += bytes;
    if (channel->credit_due >= channel->credit_most / 2) {
        trunk_socket_credit(socket_of(link, channel), channel->number, channel->credit_due);
        channel->credit_due = 0;
    }
}

static void read_retained(struct link *link, struct channel *channel, const struct link_read *read)
{
    struct trunk_socket *socket = socket_of(link, channel);

    trunk_put_read(&socket->out, &(struct trunk_read){
                                     .channel = channel->number,
                                     .with_content = read->with_content,
                                     .most = read->most,
                                     .filter = read->filter,
                                     .behind = read->behind,
                                 });
}

static void close_channel(struct link *link, struct channel *channel)
{
    struct trunk_socket *socket;

    if (!channel->is_open) {
        return;
    }
    socket = socket_of(link, channel);
    trunk_put_close(&socket->out, channel->number, 0);
    channel_table_close(&socket->channels, channel->number);
    channel->is_open = false;
    forget_backlog(channel);
}

static const struct link_ops link_ops = {
    .open = open_channel,
    .send = send_packets,
    .credit = give_credit,
    .close = close_channel,
    .may_send = may_send,
    .is_ready = is_ready,
    .read = read_retained,
};

/* ---------------------------------------------------------------- sockets that come and go */

static void connect_to(struct link_trunk *links, unsigned index, uint16_t worker)
{
    links->handles++;
    links->sockets[index] =
        trunk_socket_new(links->loop, links->path, worker, &socket_events, links);
}

static void try_again(uv_timer_t *timer)
{
    connect_to(timer->data, 0, TRUNK_ANY_WORKER);
}

typedef void channel_function(struct channel *channel);

static void close_lost(struct channel *channel)
{
    channel->is_open = false;
    forget_backlog(channel);
}

static void tell_lost(struct channel *channel)
{
    channel->events->lost(channel);
}

static void for_each_channel(const struct trunk_socket *socket, channel_function *act)
{
    for (uint32_t number = 0; number < socket->channels.count; number++) {
        struct channel *channel = channel_table_find(&socket->channels, number);
        if (channel) {
            act(channel);
        }
    }
}

/* All channels are closed before the first hears of it: what it does then may concern another. */
static void lose_all(struct link_trunk *links)
{
    static channel_function *const steps[] = {close_lost, tell_lost};
    unsigned count = links->count > 0 ? links->count : 1;

    links->greeted = links->count = 0;
    for (size_t step = 0; step < sizeof(steps) / sizeof(steps[0]); step++) {
        for (unsigned i = 0; i < count; i++) {
            if (links->sockets[i]) {
                for_each_channel(links->sockets[i], steps[step]);
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (links->sockets[i]) {
            trunk_socket_close(links->sockets[i]);
            links->sockets[i] = NULL;
        }
    }
}

static void socket_failed(struct trunk_socket *socket)
{
    struct link_trunk *links = socket->owner;

    if (links->was_ready) {
        log_write(LOG_WARNING, "the broker is gone, connecting again", "path=%s", links->path);
        links->was_ready = false;
    }
    lose_all(links);
    uv_timer_start(&links->retry, try_again, links->retry_ms, 0);
    links->retry_ms = links->retry_ms * 2 < RETRY_MOST_MS ? links->retry_ms * 2 : RETRY_MOST_MS;
}

/* ---------------------------------------------------------------- frames from the broker */

/* The first HELLO tells how many workers there are, and which one this is. */
static void take_count(struct link_trunk *links, struct trunk_socket *socket,
                       const struct trunk_hello *hello)
{
    free(links->sockets);
    links->sockets = memory_allocate_zero(hello->worker_count * sizeof(struct trunk_socket *));
    links->count = hello->worker_count;
    links->sockets[hello->worker] = socket;
    for (unsigned i = 0; i < links->count; i++) {
        if (i != hello->worker) {
            connect_to(links, i, (uint16_t)i);
        }
    }
}

static bool hello_fits(const struct link_trunk *links, const struct trunk_socket *socket,
                       const struct trunk_hello *hello)
{
    if (socket->is_greeted || hello->version != TRUNK_VERSION || hello->worker_count == 0 ||
        hello->worker >= hello->worker_count) {
        return false;
    }
    return links->count == 0 ||
           (hello->worker == socket->worker && hello->worker_count == links->count);
}

static bool take_hello(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    struct link_trunk *links = socket->owner;
    const struct trunk_hello *hello = &frame->hello;

    if (!hello_fits(links, socket, hello)) {
        LOG_LIMITED(LOG_ERROR, "the broker speaks another trunk protocol",
                    "version=%u own=%d advice=\"use one version of pubgrid\"", hello->version,
                    TRUNK_VERSION);
        return false;
    }
    socket->is_greeted = true;
    socket->worker = (uint16_t)hello->worker;
    if (links->count == 0) {
        take_count(links, socket, hello);
    }
    links->greeted++;
    if (is_ready(&links->link)) {
        links->retry_ms = RETRY_FIRST_MS;
        links->was_ready = true;
        log_write(LOG_INFO, "connected to the broker", "path=%s workers=%u", links->path,
                  links->count);
        links->link.ready(links->link.listener);
    }
    return true;
}

static bool take_bytes(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    struct link_trunk *links = socket->owner;
    struct slice rest = frame->bytes.packets;

    while (rest.length > 0) {
        struct channel *channel = channel_table_find(&socket->channels, frame->bytes.channel);
        ssize_t size = packet_size(rest);
        if (!channel) {
            return true;
        }
        if (size <= 0 || (size_t)size > rest.length) {
            return false;
        }
        give_credit(&links->link, channel, (uint32_t)size);
        channel->events->packet(channel, slice_make(rest.data, (size_t)size));
        rest = slice_from(rest, (size_t)size);
    }
    return true;
}

/* A packet identifier that decodes, in place of 0. */
static void put_packet_id(struct slice packet)
{
    uint8_t *bytes = (uint8_t *)(uintptr_t)packet.data; /* they lie in the socket's own buffer */
    size_t at = packet_publish_id_at(packet);

    if (at > 0) {
        bytes[at + 1] = 1;
    }
}

/* One of the packets, to all targets. `number`: which one. */
static void hand_out(struct trunk_socket *socket, const struct trunk_publish *publish,
                     struct slice packet, size_t number)
{
    struct link_trunk *links = socket->owner;
    struct slice rest = publish->targets;
    struct trunk_target target;
    struct fanout fanout;

    if (publish->has_sequences) {
        put_packet_id(packet);
    }
    fanout_init(&fanout, &links->scratch, publish->version, packet);
    while (trunk_next_target(publish, &rest, &target)) {
        struct channel *channel = channel_table_find(&socket->channels, target.channel);
        if (channel) {
            channel->events->publish(channel, &fanout,
                                     trunk_sequence_behind(target.sequence, number));
        }
    }
    fanout_release(&fanout);
}

static bool take_publish(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    const struct trunk_publish *publish = &frame->publish;
    struct slice rest = publish->packets;

    for (size_t number = 0; rest.length > 0; number++) {
        ssize_t size = packet_size(rest);
        if (size <= 0 || (size_t)size > rest.length) {
            return false;
        }
        hand_out(socket, publish, slice_make(rest.data, (size_t)size), number);
        rest = slice_from(rest, (size_t)size);
    }
    return true;
}

static bool take_credit(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    struct link_trunk *links = socket->owner;
    struct slice rest = frame->credit.items;
    struct trunk_credit_item item;

    while (trunk_next_credit(&rest, &item)) {
        struct channel *channel = channel_table_find(&socket->channels, item.channel);
        if (!channel) {
            continue;
        }
        channel->on_the_way -= item.bytes < channel->on_the_way ? item.bytes : channel->on_the_way;
        send_backlog(socket, channel);
        if (may_send(&links->link, channel)) {
            channel->events->writable(channel);
        }
    }
    return true;
}

static bool take_close(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    uint32_t number = frame->close.channel;
    struct channel *channel = channel_table_find(&socket->channels, number);

    if (!channel_table_free(&socket->channels, number)) {
        return false;
    }
    if (channel) {
        trunk_put_close(&socket->out, number, 0);
        channel->is_open = false;
        forget_backlog(channel);
        channel->events->closed(channel, (uint8_t)frame->close.reason);
    }
    return true;
}

static bool take_subscriptions(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    struct channel *channel = channel_table_find(&socket->channels, frame->subscriptions.channel);

    if (channel && channel->events->subscriptions) {
        channel->events->subscriptions(channel, frame->subscriptions.filters);
    }
    return true;
}

static bool take_retained(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    struct channel *channel = channel_table_find(&socket->channels, frame->retained.channel);

    if (channel && channel->events->retained) {
        channel->events->retained(channel, &frame->retained);
    }
    return true;
}

static bool take_wrong(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    (void)socket, (void)frame;
    return false;
}

typedef bool take_function(struct trunk_socket *socket, const struct trunk_frame *frame);

static take_function *const takers[] = {
    [TRUNK_HELLO] = take_hello,
    [TRUNK_OPEN] = take_wrong,
    [TRUNK_BYTES] = take_bytes,
    [TRUNK_PUBLISH] = take_publish,
    [TRUNK_CREDIT_BACK] = take_credit,
    [TRUNK_CLOSE] = take_close,
    [TRUNK_SUBSCRIPTIONS] = take_subscriptions,
    [TRUNK_READ] = take_wrong,
    [TRUNK_RETAINED] = take_retained,
};

static bool take_frame(struct trunk_socket *socket, const struct trunk_frame *frame)
{
    return (socket->is_greeted || frame->kind == TRUNK_HELLO) && takers[frame->kind](socket, frame);
}

static const struct trunk_socket_events socket_events = {
    .frame = take_frame,
    .failed = socket_failed,
    .gone = handle_gone,
};

/* ---------------------------------------------------------------- making and ending */

struct link_trunk *link_trunk_new(uv_loop_t *loop, const char *path)
{
    struct link_trunk *links = memory_allocate_zero(sizeof(*links));

    links->link.ops = &link_ops;
    links->link.context = links;
    links->loop = loop;
    links->path = memory_copy_string(slice_from_string(path));
    links->sockets = memory_allocate_zero(sizeof(*links->sockets));
    links->retry_ms = RETRY_FIRST_MS;
    links->handles = 2;
    uv_timer_init(loop, &links->retry);
    uv_prepare_init(loop, &links->flush);
    links->retry.data = links->flush.data = links;
    uv_prepare_start(&links->flush, flush_all);
    uv_timer_start(&links->retry, try_again, 0, 0);
    return links;
}

struct link *link_trunk_link(struct link_trunk *links)
{
    return &links->link;
}

void link_trunk_close(struct link_trunk *links)
{
    flush_all(&links->flush); /* what clients said last */
    lose_all(links);
    uv_close((uv_handle_t *)&links->retry, handle_closed);
    uv_close((uv_handle_t *)&links->flush, handle_closed);
}
