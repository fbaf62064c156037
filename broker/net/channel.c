/* Channels: see channel.h.
 *
 * What has to wait for the bridge's credit stays where it is: control packets in the connection's
 * output, messages in the session. What has to wait for the trunk as a whole stands in
 * trunk->waiting and goes on in turn.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/channel.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/publish_write.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/shard.h"
#include "net/trunk.h"

enum { ALONE_KEPT = 16 * 1024 /* bytes of room */ };

static struct channel *channel_of(struct connection *connection)
{
    return CONTAINER_OF(connection, struct channel, connection);
}

/* ---------------------------------------------------------------- output */

/* What is collected for this channel becomes frames, so that what comes now stands behind it. */
static void collect_own(struct channel *channel)
{
    struct trunk_output *output = &channel->trunk->output;

    if (channel->shared_in == output->round + 1) {
        trunk_output_collect(output);
    }
}

static void wait_for_trunk(struct channel *channel)
{
    if (list_is_empty(&channel->waiting)) {
        list_add_last(&channel->trunk->waiting, &channel->waiting);
    }
}

/* As many of the whole packets as the credit lets out; the last one may be longer. */
static size_t affordable(struct slice packets, int32_t credit)
{
    size_t size = 0;

    if (credit > 0 && packets.length <= (size_t)credit) {
        return packets.length;
    }
    while (size < packets.length && (int64_t)size < credit) {
        size += (size_t)packet_size(slice_from(packets, size));
    }
    return size;
}

static void put_packets(struct channel *channel, struct slice packets)
{
    struct trunk *trunk = channel->trunk;

    collect_own(channel);
    trunk_put_bytes(trunk_output_frames(&trunk->output), &trunk->output.tail, channel->number,
                    packets);
    channel->credit -= (int32_t)packets.length;
    trunk_mark_dirty(trunk);
}

/* Behind CONNACK, the first that it sends (trunk.h). */
static void tell_subscriptions(struct channel *channel)
{
    const struct session *session = channel->connection.session;
    const struct map_node *node = NULL;
    struct trunk *trunk = channel->trunk;
    struct buffer filters = {0};

    channel->tells_subscriptions = false;
    while (session && (node = map_next(&session->subscriptions, node))) {
        const struct session_subscription *subscription =
            CONTAINER_OF(node, const struct session_subscription, by_filter);
        trunk_append_filter(&filters,
                            slice_make(subscription->filter, subscription->filter_length));
    }
    if (filters.length > 0) {
        trunk_put_subscriptions(
            trunk_output_frames(&trunk->output),
            &(struct trunk_subscriptions){channel->number, buffer_slice(&filters)});
    }
    buffer_release(&filters);
}

/* All that waits in the output, one behind the other. */
static struct slice gather(const struct output *output, struct buffer *room)
{
    struct iovec vector;
    int count = output_vectors(output, &vector, 1);

    if (count == 1 && vector.iov_len == output->pending) {
        return slice_make(vector.iov_base, vector.iov_len);
    }
    size_t offset = output->offset;
    for (const struct output_chunk *chunk = output->first; chunk; chunk = chunk->next) {
        buffer_append(room, slice_make(chunk->data + offset, chunk->length - offset));
        offset = 0;
    }
    return buffer_slice(room);
}

/* Control packets into frames; true if none is left. */
static bool write_output(struct channel *channel)
{
    struct connection *connection = &channel->connection;
    struct output *output = &connection->output;

    if (output->pending == 0) {
        return true;
    }
    if (connection->output_waits || (channel->credit <= 0 && !channel->holds_credit)) {
        return false; /* the commit, or credit, puts it into the dirty list again */
    }
    if (trunk_is_congested(channel->trunk)) {
        wait_for_trunk(channel);
        return false;
    }
    struct buffer room = {0};
    struct slice packets = gather(output, &room);
    if (!channel->holds_credit) {
        packets.length = affordable(packets, channel->credit);
    }
    put_packets(channel, packets);
    if (channel->tells_subscriptions) {
        tell_subscriptions(channel);
    }
    output_consume(output, &connection->shard->pool, packets.length);
    buffer_release(&room);
    return output->pending == 0;
}

static bool channel_is_congested(struct connection *connection)
{
    struct channel *channel = channel_of(connection);

    if (connection->output_waits || channel->credit <= (int64_t)connection->output.pending) {
        return true; /* the flush that writes the output goes on, or credit does */
    }
    if (trunk_is_congested(channel->trunk)) {
        wait_for_trunk(channel);
        return true;
    }
    return false;
}

/* One that is like no other. */
static bool publish_alone(struct channel *channel, const struct delivery *delivery, bool dup)
{
    struct trunk *trunk = channel->trunk;
    struct trunk_target target = {channel->number, delivery->sequence};
    struct trunk_publish publish = {
        .version = channel->connection.version,
        .has_sequences = delivery->qos > QOS_0,
    };
    struct buffer *packet = &trunk->output.alone;
    bool fits = publish_append(packet, &channel->connection, delivery, dup);

    if (fits) {
        collect_own(channel);
        publish.packets = buffer_slice(packet);
        trunk_put_publish(trunk_output_frames(&trunk->output), &trunk->output.tail, &publish,
                          &target, 1);
        channel->credit -= (int32_t)packet->length;
        trunk_mark_dirty(trunk);
    }
    buffer_empty(packet, ALONE_KEPT);
    return fits;
}

static bool channel_publish(struct connection *connection, const struct delivery *delivery,
                            bool dup)
{
    struct channel *channel = channel_of(connection);
    struct trunk_output *output = &channel->trunk->output;
    int form = publish_form(connection, delivery, dup);

    if (connection->output.pending > 0) {
        bool written = write_output(channel);
        assert(written); /* it is not congested */
        (void)written;
    }
    if (form == PUBLISH_OWN_FORM) {
        return publish_alone(channel, delivery, dup);
    }
    struct trunk_sharing *sharing = trunk_output_share(output, delivery->message, form);
    struct buffer *packet = &sharing->packet;
    if ((packet->length == 0 && !publish_append(packet, connection, delivery, dup)) ||
        packet->length > connection->peer_packet_size_max) {
        return false;
    }
    trunk_sharing_add(sharing, channel->number, delivery->sequence);
    channel->shared_in = output->round + 1;
    channel->credit -= (int32_t)packet->length;
    trunk_mark_dirty(channel->trunk);
    return true;
}

/* ---------------------------------------------------------------- input */

static void hold(struct channel *channel, struct slice in, size_t used)
{
    if (in.data == channel->held.data) {
        buffer_consume(&channel->held, used);
    } else if (used < in.length) {
        buffer_append(&channel->held, slice_from(in, used));
    }
    if (channel->held.length == 0 && channel->held.data) {
        buffer_release(&channel->held);
    }
}

static void give_credit_back(struct channel *channel, size_t used)
{
    channel->input_used += (uint32_t)used;
    if (channel->input_used >= channel->credit_most / 2 && list_is_empty(&channel->crediting)) {
        list_add_last(&channel->trunk->crediting, &channel->crediting);
        trunk_mark_dirty(channel->trunk);
    }
}

static void use_input(struct channel *channel, struct slice in)
{
    struct connection *connection = &channel->connection;
    size_t used = connection_receive(connection, in);

    hold(channel, in, used);
    if (connection->state >= CONNECTION_CLOSING) {
        buffer_release(&channel->held);
        return;
    }
    give_credit_back(channel, used);
    channel->paused = !connection_wants_input(connection);
}

/* Whoever has credit left may send one packet that is longer than it. */
static bool is_within_credit(const struct channel *channel, struct slice packets)
{
    size_t credit = channel->input_credit > 0 ? (size_t)channel->input_credit : 0;
    size_t at = 0;

    if (packets.length <= credit) {
        return true;
    }
    while (at < packets.length && at < credit) {
        ssize_t size = packet_size(slice_from(packets, at));
        if (size <= 0) {
            return credit > 0; /* core says what is wrong with it */
        }
        at += (size_t)size;
    }
    return at >= packets.length;
}

void channel_receive(struct channel *channel, struct slice packets)
{
    if (channel->connection.state >= CONNECTION_CLOSING) {
        return; /* was sent before the bridge heard of it */
    }
    if (!is_within_credit(channel, packets)) {
        LOG_LIMITED(LOG_WARNING, "channel beyond its credit", "peer=%s bytes=%zu",
                    channel->peer_address, packets.length);
        connection_close(&channel->connection, REASON_PROTOCOL_ERROR,
                         "more was sent than there is credit for");
        return;
    }
    channel->input_credit -= (int32_t)packets.length;
    if (channel->held.length == 0 && !channel->paused) {
        use_input(channel, packets);
        return;
    }
    buffer_append(&channel->held, packets);
    if (!channel->paused) {
        use_input(channel, buffer_slice(&channel->held));
    }
}

uint32_t channel_take_due(struct channel *channel)
{
    uint32_t due = channel->input_used;

    channel->input_used = 0;
    channel->input_credit += (int32_t)due;
    return due;
}

void channel_credit(struct channel *channel, uint32_t bytes)
{
    if (channel->connection.state >= CONNECTION_CLOSING) {
        return;
    }
    /* What is too much was for a channel that had the number before. */
    uint32_t used = (uint32_t)((int32_t)channel->credit_most - channel->credit);
    channel->credit += (int32_t)(bytes < used ? bytes : used);
    if (channel->credit > 0) {
        connection_mark_dirty(&channel->connection);
    }
}

/* ---------------------------------------------------------------- the end */

static void channel_free(struct channel *channel)
{
    list_remove(&channel->waiting);
    list_remove(&channel->crediting);
    identity_release(channel->verified);
    buffer_release(&channel->held);
    free(channel);
}

static void release(struct channel *channel)
{
    if (!channel->released) {
        channel->released = connection_release(&channel->connection);
    }
}

/* Nothing comes behind CLOSE; what there was no credit for is dropped. */
static void say_close(struct channel *channel)
{
    struct connection *connection = &channel->connection;
    struct trunk *trunk = channel->trunk;

    collect_own(channel);
    trunk_put_close(trunk_output_frames(&trunk->output), channel->number, connection->close_reason);
    trunk_mark_dirty(trunk);
    channel->close_sent = true;
    counter_subtract(&connection->shard->counters.channels, 1);
    connection_lost(connection);
    list_remove(&channel->waiting);
    list_remove(&channel->crediting);
    buffer_release(&channel->held);
}

/* It belongs to no trunk any more; while core waits for an answer it is kept for that alone. */
static void leave_trunk(struct channel *channel)
{
    struct worker *worker = channel->trunk->worker;

    channel->trunk = NULL;
    list_remove(&channel->waiting);
    list_remove(&channel->crediting);
    if (channel->released) {
        channel_free(channel);
    } else {
        list_add_last(&worker->channels_gone, &channel->waiting);
    }
}

/* Core is done with the connection. Once both sides have said CLOSE the bridge may use the number
 * again, whatever core still waits for. */
static void channel_end(struct channel *channel)
{
    if (!channel->close_sent) {
        say_close(channel);
    }
    release(channel);
    if (channel->close_received) {
        trunk_forget(channel->trunk, channel);
        leave_trunk(channel);
    }
}

void channel_closed(struct channel *channel)
{
    channel->close_received = true;
    if (!channel->released) {
        connection_lost(&channel->connection);
    }
    channel_end(channel);
}

void channel_abort(struct channel *channel)
{
    if (!channel->close_sent) {
        counter_subtract(&channel->trunk->worker->shard.counters.channels, 1);
    }
    if (!channel->released) {
        connection_lost(&channel->connection);
        release(channel);
    }
    leave_trunk(channel);
}

void channel_abandon(struct channel *channel)
{
    channel->connection.auth_pending = false;
    release(channel);
    channel_free(channel);
}

/* ---------------------------------------------------------------- the end of a turn */

void channel_resume(struct channel *channel)
{
    struct connection *connection = &channel->connection;

    if (write_output(channel) && !channel_is_congested(connection)) {
        connection_writable(connection);
    }
    if (channel->paused && connection_wants_input(connection)) {
        channel->paused = false;
        if (channel->held.length > 0) {
            use_input(channel, buffer_slice(&channel->held));
        }
    }
}

/* The bridge opened it at a worker that does not own its session. */
static void refuse_misplaced(struct channel *channel)
{
    struct connection *connection = &channel->connection;

    LOG_LIMITED(LOG_WARNING, "channel at the wrong worker", "client=%s peer=%s worker=%u",
                log_quote(connection_client_identifier(connection)), channel->peer_address,
                connection->target);
    reply_connack_refused(connection, REASON_USE_ANOTHER_SERVER,
                          "another worker has this client identifier");
    connection_close(connection, REASON_USE_ANOTHER_SERVER, NULL);
}

/* Core has put it into the dirty list. */
static void channel_flush(struct connection *connection)
{
    struct channel *channel = channel_of(connection);

    if (!channel->trunk) {
        release(channel);
        if (channel->released) { /* otherwise it was in the list before its trunk died */
            channel_free(channel);
        }
        return;
    }
    if (connection->state == CONNECTION_MOVING) {
        refuse_misplaced(channel);
    }
    if (connection->state < CONNECTION_CLOSING) {
        channel_resume(channel);
    } else {
        write_output(channel);
        channel_end(channel);
    }
}

/* ---------------------------------------------------------------- the beginning */

static struct connection_origin channel_origin(const struct connection *connection)
{
    const struct channel *channel = CONTAINER_OF(connection, const struct channel, connection);

    return (struct connection_origin){
        .peer_address = channel->peer_address,
        .verified = channel->is_named ? NULL : channel->verified,
        .proven_name = channel->is_named ? channel->verified->user_name : SLICE_EMPTY,
        .bounds = channel->bounds,
        .anonymous_allowed = channel->anonymous_allowed,
    };
}

static const struct connection_carrier channel_carrier = {
    .origin = channel_origin,
    .flush = channel_flush,
    .publish = channel_publish,
    .is_congested = channel_is_congested,
};

/* For logs: the bridge's text without anything that would break a line of them. */
static void copy_peer(char *out, struct slice peer)
{
    for (size_t i = 0; i < peer.length; i++) {
        bool is_plain = peer.data[i] > ' ' && peer.data[i] < 0x7f && peer.data[i] != '"';
        out[i] = is_plain ? (char)peer.data[i] : '?';
    }
    out[peer.length] = '\0';
}

static void take_open(struct channel *channel, const struct trunk_open *open)
{
    const struct trunk_access *access = &channel->trunk->worker->group->trunk_access;
    bool is_loopback = open->flags & TRUNK_IS_LOOPBACK;

    channel->number = open->channel;
    channel->is_named = open->flags & TRUNK_NAMED;
    if (channel->is_named) {
        channel->verified = identity_new(open->user, NULL, 0);
    } else if (open->flags & TRUNK_VERIFIED) {
        channel->verified = identity_new_trusted(open->user);
    }
    channel->bounds = (struct session_bounds){
        .given = open->flags & TRUNK_BOUNDED,
        .messages = open->queue_messages,
        .bytes = open->queue_bytes,
    };
    channel->tells_subscriptions = open->flags & TRUNK_TELLS_SUBSCRIPTIONS;
    channel->holds_credit = open->flags & TRUNK_HOLDS_CREDIT;
    channel->anonymous_allowed =
        is_loopback ? access->anonymous_on_loopback : access->anonymous_elsewhere;
    copy_peer(channel->peer_address, open->peer);
}

struct channel *channel_open(struct trunk *trunk, const struct trunk_open *open)
{
    struct channel *channel = memory_allocate_zero(sizeof(*channel) + open->peer.length + 1);
    struct shard *shard = &trunk->worker->shard;

    channel->trunk = trunk;
    channel->credit_most = trunk_credit_most(open->flags);
    channel->credit = channel->input_credit = (int32_t)channel->credit_most;
    list_init(&channel->waiting);
    list_init(&channel->crediting);
    take_open(channel, open);
    connection_init(&channel->connection, shard, &channel_carrier);
    counter_add(&shard->counters.channels, 1);
    return channel;
}
