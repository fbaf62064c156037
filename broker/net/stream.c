/* Bytes between a socket and core; see stream.h.
 *
 * A stream is freed only while its own event is handled or in the flush at the end of the turn, so
 * no pointer in the current batch of events is ever stale. Reading is fair: one read a turn and
 * stream, level-triggered epoll brings the rest. Writing is, too: a peer that reads as fast as we
 * write is left after a few rounds until the next turn.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/tcp.h"
#include "net/tls.h"

enum {
    UNATTACHED_READ_SIZE = 16 * 1024, /* at a time from a peer that has not proven who it is */
    HELD_DIRECT_SIZE = 16 * 1024, /* longer incomplete packets are read to where they are held */
    VECTORS_MAX = 64,
    FLUSH_ROUNDS = 8,
    CLOSE_MS = 2000, /* for the peer to read its last bytes, and again to close its side */
};

struct handover {
    struct mail mail;
    struct stream *stream;
};

static struct worker *stream_worker(struct stream *stream)
{
    return worker_of(stream->connection.shard);
}

/* Comes back in the flush at the end of this turn (or of the next, if this is the flush). */
static void stream_mark_dirty(struct stream *stream)
{
    struct connection *connection = &stream->connection;

    list_remove(&connection->dirty);
    list_add_last(&connection->shard->outbox.dirty, &connection->dirty);
}

static void stream_lost(struct stream *stream)
{
    connection_lost(&stream->connection);
    stream_mark_dirty(stream);
}

/* Core wants the bytes that come. */
static bool stream_takes_input(const struct stream *stream)
{
    const struct connection *connection = &stream->connection;

    return stream->phase == STREAM_OPEN && connection->state < CONNECTION_CLOSING &&
           connection->state != CONNECTION_MOVING && connection_wants_input(connection);
}

/* ---------------------------------------------------------------- polling */

static uint32_t stream_wanted_events(const struct stream *stream)
{
    uint32_t events = 0;

    if (stream->phase == STREAM_LINGERING || stream_takes_input(stream) ||
        stream->transport.write_wants_input) {
        events |= EPOLLIN;
    }
    if (stream->blocked || stream->transport.read_wants_output) {
        events |= EPOLLOUT;
    }
    return events;
}

static void stream_poll(struct stream *stream)
{
    uint32_t events = stream_wanted_events(stream);
    struct worker *worker = stream_worker(stream);

    if (!stream->unpolled && events != stream->polled) {
        worker_poll_change(worker, stream->transport.fd, events, &stream->source);
    } else if (stream->unpolled && events != 0) {
        stream->unpolled = false;
        if (worker_poll_add(worker, stream->transport.fd, events, &stream->source) < 0) {
            stream->unpolled = true;
            stream_lost(stream);
        }
    }
    stream->polled = (uint8_t)events;
}

static void stream_unpoll(struct stream *stream)
{
    if (!stream->unpolled) {
        worker_poll_remove(stream_worker(stream), stream->transport.fd);
        stream->unpolled = true;
    }
}

/* ---------------------------------------------------------------- the end */

static void stream_close_socket(struct stream *stream)
{
    struct worker *worker = stream_worker(stream);

    stream->transport.ops->close(&stream->transport); /* which takes it out of epoll */
    atomic_fetch_sub_explicit(&worker->group->connections, 1, memory_order_relaxed);
}

/* Frees it, unless core still waits for the authenticator: then it comes back. */
static void stream_free(struct stream *stream)
{
    if (!connection_release(&stream->connection)) {
        stream->phase = STREAM_GONE;
        list_remove(&stream->link);
        list_add_last(&stream_worker(stream)->gone, &stream->link);
        return;
    }
    list_remove(&stream->connection.dirty);
    list_remove(&stream->link);
    buffer_release(&stream->held);
    free(stream);
}

void stream_abort(struct stream *stream)
{
    if (stream->phase != STREAM_GONE) {
        connection_lost(&stream->connection);
        stream_close_socket(stream);
    }
    stream_free(stream);
}

static void stream_set_phase(struct stream *stream, enum stream_phase phase)
{
    struct worker *worker = stream_worker(stream);

    assert(phase > stream->phase);
    stream->phase = (uint8_t)phase;
    stream->close_at = worker->shard.now + CLOSE_MS;
    list_remove(&stream->link);
    list_add_last(&worker->ending, &stream->link);
}

/* Throws away what a lingering peer still sends; true until it has closed its side. */
static bool stream_discard_input(struct stream *stream)
{
    const struct transport_ops *ops = stream->transport.ops;

    return ops->read(&stream->transport, stream_worker(stream)->read_buffer, WORKER_READ_SIZE) >= 0;
}

static void stream_linger(struct stream *stream)
{
    if (stream_discard_input(stream)) {
        stream_poll(stream);
    } else {
        stream_abort(stream);
    }
}

static void stream_begin_linger(struct stream *stream)
{
    stream_set_phase(stream, STREAM_LINGERING);
    connection_lost(&stream->connection); /* no news for core, which asked for the end */
    buffer_release(&stream->held);
    stream->blocked = false;
    /* Most clients close right behind their DISCONNECT: then there is nothing to wait for. */
    if (!stream_discard_input(stream)) {
        stream_abort(stream);
        return;
    }
    stream->transport.ops->shutdown(&stream->transport);
    stream_poll(stream);
}

void stream_expire(struct worker *worker)
{
    while (!list_is_empty(&worker->ending)) {
        struct stream *stream = CONTAINER_OF(worker->ending.next, struct stream, link);
        if (stream->close_at > worker->shard.now) {
            return;
        }
        list_remove(&stream->link);
        list_add_last(&worker->streams, &stream->link);
        stream_abort(stream);
    }
}

/* ---------------------------------------------------------------- input */

/* Keeps what is left of `in` (which may lie in `held`) behind the first `used` bytes. */
static void stream_hold(struct stream *stream, struct slice in, size_t used)
{
    if (in.data == stream->held.data) {
        buffer_consume(&stream->held, used);
    } else {
        stream->held.length = 0;
        buffer_append(&stream->held, slice_from(in, used));
    }
    if (stream->held.length == 0 && stream->held.data) {
        buffer_release(&stream->held);
    }
}

static void stream_input(struct stream *stream, struct slice in)
{
    stream_hold(stream, in, connection_receive(&stream->connection, in));
    stream->paused = !stream_takes_input(stream);
    if (stream->paused) {
        stream_mark_dirty(stream);
    }
    if (stream->connection.state >= CONNECTION_CLOSING) {
        buffer_release(&stream->held);
    }
}

/* How much to read behind the bytes that are held: as much as the worker's buffer takes, or what
 * a long packet still lacks. A packet's length was checked by core when its header came, and
 * memory grows only as its bytes come. */
static size_t stream_read_size(const struct stream *stream)
{
    size_t held = stream->held.length;
    ssize_t packet;

    if (held < HELD_DIRECT_SIZE) {
        return (stream->connection.state == CONNECTION_ATTACHED ? WORKER_READ_SIZE
                                                                : UNATTACHED_READ_SIZE) -
               held;
    }
    packet = packet_size(buffer_slice(&stream->held));
    if (packet <= (ssize_t)held) {
        return UNATTACHED_READ_SIZE;
    }
    return (size_t)packet - held < WORKER_READ_SIZE ? (size_t)packet - held : WORKER_READ_SIZE;
}

/* Reads behind the held bytes; *in is all there is then. */
static ssize_t stream_read_bytes(struct stream *stream, size_t length, struct slice *in)
{
    struct transport *transport = &stream->transport;
    size_t held = stream->held.length;
    uint8_t *buffer = stream_worker(stream)->read_buffer;
    ssize_t got;

    if (held >= HELD_DIRECT_SIZE) {
        got = transport->ops->read(transport, buffer_reserve(&stream->held, length), length);
        stream->held.length += got > 0 ? (size_t)got : 0;
        *in = buffer_slice(&stream->held);
        return got;
    }
    got = transport->ops->read(transport, buffer + held, length);
    if (got > 0 && held > 0) {
        memcpy(buffer, stream->held.data, held);
    }
    *in = slice_make(buffer, got > 0 ? held + (size_t)got : held);
    return got;
}

static void stream_read(struct stream *stream)
{
    struct connection *connection = &stream->connection;
    struct transport *transport = &stream->transport;
    size_t length;
    struct slice in;
    ssize_t got;

    stream->read_again = false;
    if (!stream_takes_input(stream)) {
        stream->paused = true;
        stream_mark_dirty(stream); /* to ask epoll for less */
        return;
    }
    length = stream_read_size(stream);
    got = stream_read_bytes(stream, length, &in);
    if (got < 0) {
        stream_lost(stream);
        return;
    }
    if (got == 0) {
        if (transport->read_wants_output || (stream->polled & EPOLLOUT)) {
            stream_mark_dirty(stream);
        }
        return;
    }
    counter_add(&connection->shard->counters.bytes_received, (uint64_t)got);
    stream_input(stream, in);
    if (transport->ops->buffers_input && (size_t)got == length) {
        stream->read_again = true;
        stream_mark_dirty(stream);
    }
}

/* Core takes input again: first what was held back. */
static void stream_resume(struct stream *stream)
{
    if (stream->paused && stream_takes_input(stream)) {
        stream->paused = false;
        if (stream->held.length > 0) {
            stream_input(stream, buffer_slice(&stream->held));
        }
    }
    if (stream->read_again && stream_takes_input(stream)) {
        stream_read(stream);
    }
}

/* ---------------------------------------------------------------- output */

/* Writes until all is written (true) or the peer takes no more or is lost. */
static bool stream_write_output(struct stream *stream)
{
    struct connection *connection = &stream->connection;
    struct transport *transport = &stream->transport;
    struct output *output = &connection->output;
    struct iovec vectors[VECTORS_MAX];

    while (output->pending > 0) {
        int count = output_vectors(output, vectors, VECTORS_MAX);
        size_t offered = 0;
        ssize_t sent = transport->ops->writev(transport, vectors, count);
        if (sent < 0) {
            output_clear(output, &connection->shard->pool);
            connection_lost(connection);
            return false;
        }
        for (int i = 0; i < count; i++) {
            offered += vectors[i].iov_len;
        }
        output_consume(output, &connection->shard->pool, (size_t)sent);
        counter_add(&connection->shard->counters.bytes_sent, (uint64_t)sent);
        if ((size_t)sent < offered) {
            stream->blocked = true;
            return false;
        }
    }
    stream->blocked = false;
    return true;
}

/* Writes output, and what the session moves into it when it is written. */
static void stream_write(struct stream *stream)
{
    struct connection *connection = &stream->connection;

    if (connection->output_waits) {
        return; /* core puts it into the dirty list again */
    }
    for (int round = 0; round < FLUSH_ROUNDS && connection->output.pending > 0; round++) {
        if (!stream_write_output(stream)) {
            return;
        }
        connection_writable(connection);
        list_remove(&connection->dirty);
    }
    if (connection->output.pending > 0 || (stream->paused && stream_takes_input(stream))) {
        stream_mark_dirty(stream);
    }
}

/* ---------------------------------------------------------------- moving */

/* The stream arrives at its worker; receiver NULL: the worker is no more. */
static void stream_arrive(struct mail *mail, void *receiver)
{
    struct handover *handover = CONTAINER_OF(mail, struct handover, mail);
    struct stream *stream = handover->stream;
    struct shard *shard = receiver;

    free(handover);
    if (!shard) {
        stream_abort(stream);
        return;
    }
    list_add_last(&worker_of(shard)->streams, &stream->link);
    connection_adopt(&stream->connection, shard);
    stream_mark_dirty(stream); /* polling begins, and the held bytes are used, in the flush */
}

static void stream_hand_over(struct stream *stream)
{
    struct connection *connection = &stream->connection;
    struct handover *handover = memory_allocate_zero(sizeof(*handover));

    stream_unpoll(stream);
    list_remove(&stream->link);
    list_remove(&connection->dirty);
    handover->mail.run = stream_arrive;
    handover->stream = stream;
    shard_post(connection->shard, connection->target, &handover->mail);
}

/* ---------------------------------------------------------------- events */

static void stream_flush_closing(struct stream *stream)
{
    if (stream->phase == STREAM_OPEN) {
        stream_set_phase(stream, STREAM_DRAINING);
    }
    if (stream->connection.output.pending == 0) {
        stream_begin_linger(stream);
        return;
    }
    stream_poll(stream);
}

static void stream_flush_open(struct stream *stream)
{
    struct connection *connection = &stream->connection;

    stream_resume(stream);
    /* While the socket takes no more, only its own event is worth another try. */
    if (connection->state != CONNECTION_CLOSED && !stream->blocked) {
        stream_write(stream);
    }
    switch ((enum connection_state)connection->state) {
    case CONNECTION_MOVING:
        stream_hand_over(stream);
        break;
    case CONNECTION_CLOSING:
        stream_flush_closing(stream);
        break;
    case CONNECTION_CLOSED:
        stream_abort(stream);
        break;
    case CONNECTION_ACCEPTED:
    case CONNECTION_AUTHENTICATING:
    case CONNECTION_ATTACHED:
        stream_poll(stream);
        break;
    }
}

/* Writes, hands over, closes, and may free it. */
static void stream_flush(struct connection *connection)
{
    struct stream *stream = CONTAINER_OF(connection, struct stream, connection);

    switch ((enum stream_phase)stream->phase) {
    case STREAM_OPEN:
    case STREAM_DRAINING:
        stream_flush_open(stream);
        break;
    case STREAM_LINGERING:
        break;
    case STREAM_GONE:
        stream_free(stream);
        break;
    }
}

/* The peer is gone while its input has to wait. What it sent before may still count (a CONNECT
 * whose password is being checked), so the stream lives on; epoll would report the end for ever. */
static void stream_hung_up(struct stream *stream)
{
    if (stream->connection.output.pending > 0 && !stream->connection.output_waits) {
        stream->blocked = false;
        stream_mark_dirty(stream); /* writing tells */
    } else if (stream->phase == STREAM_OPEN && !stream_takes_input(stream)) {
        stream_unpoll(stream);
    }
}

static void stream_ready(struct source *source, struct worker *worker, uint32_t events)
{
    struct stream *stream = CONTAINER_OF(source, struct stream, source);
    const struct transport *transport = &stream->transport;

    (void)worker;
    if (stream->phase == STREAM_LINGERING) {
        stream_linger(stream);
        return;
    }
    if (stream->phase == STREAM_OPEN &&
        ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 || transport->read_wants_output)) {
        stream_read(stream);
    }
    if ((events & EPOLLOUT) != 0 || transport->write_wants_input) {
        stream->blocked = false;
        stream_mark_dirty(stream);
    }
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
        stream_hung_up(stream);
    }
}

/* ---------------------------------------------------------------- the beginning */

static struct connection_origin stream_origin(const struct connection *connection)
{
    const struct stream *stream = CONTAINER_OF(connection, const struct stream, connection);
    const struct transport *transport = &stream->transport;
    bool may_have_one = transport->fd >= 0 && transport->ops->certificate;

    return (struct connection_origin){
        .peer_address = stream->peer_address,
        .certificate = may_have_one ? transport->ops->certificate(transport) : NULL,
        .anonymous_allowed = stream->anonymous_allowed,
        .use_certificate_as_user = stream->use_certificate_as_user,
    };
}

static const struct connection_carrier stream_carrier = {
    .origin = stream_origin,
    .flush = stream_flush,
};

static struct stream *stream_new(const char *peer_address, const struct stream_access *access)
{
    size_t length = strlen(peer_address) + 1;
    struct stream *stream = memory_allocate_zero(sizeof(*stream) + length);

    memcpy(stream->peer_address, peer_address, length);
    stream->source.ready = stream_ready;
    stream->anonymous_allowed = access->anonymous_allowed;
    stream->use_certificate_as_user = access->use_certificate_as_user;
    return stream;
}

void stream_open(struct worker *worker, int fd, const char *peer_address,
                 const struct stream_access *access)
{
    struct stream *stream = stream_new(peer_address, access);

    if (!access->tls) {
        tcp_transport_init(&stream->transport, fd);
    } else if (!tls_transport_init(&stream->transport, fd, access->tls, stream->peer_address)) {
        free(stream);
        return;
    }
    atomic_fetch_add_explicit(&worker->group->connections, 1, memory_order_relaxed);
    counter_add(&worker->shard.counters.sockets_opened, 1);
    list_add_last(&worker->streams, &stream->link);
    connection_init(&stream->connection, &worker->shard, &stream_carrier);
    stream->unpolled = true;
    stream_poll(stream);
}
