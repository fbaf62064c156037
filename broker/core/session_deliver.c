/* What a client receives: deliveries within its flow control, its acknowledgements, redelivery
 * after a reconnect, and the queue in between.
 *
 * A message is written at once when nothing waits before it, the peer's Receive Maximum leaves
 * room and the connection's output is not congested. Otherwise it waits in the session's queue by
 * reference; session_send_waiting() goes on when an acknowledgement or the socket makes room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/facts.h"
#include "core/reply.h"
#include "core/session.h"

/* Encoded bytes of one connection beyond which messages wait by reference instead. */
enum { OUTPUT_CONGESTED = 256 * 1024 };

static bool output_is_congested(const struct session *session)
{
    const struct connection_carrier *carrier = session->connection->carrier;
    if (carrier->is_congested) {
        return carrier->is_congested(session->connection);
    }
    size_t limit = session->shard->settings->options.output_bytes_maximum;
    return session->connection->output.pending >=
           (limit < OUTPUT_CONGESTED ? limit : OUTPUT_CONGESTED);
}

static bool window_is_open(struct session *session, uint32_t sequence)
{
    return session->unacknowledged < session->connection->send_maximum &&
           inflight_has_room(&session->inflight, sequence);
}

static void count_dropped(struct session *session)
{
    counter_add(&session->shard->counters.publish_dropped, 1);
}

static void drop(struct session *session, struct delivery *delivery)
{
    count_dropped(session);
    session_finish_stored(session, delivery, true);
    delivery_release(delivery);
}

/* The delivery waits no more: it is sent, or never will be. */
static void pass_by(struct session *session, const struct delivery *delivery)
{
    uint32_t next = delivery_next_sequence(delivery->sequence);
    if (delivery_is_before(session->sent_next, next)) {
        session->sent_next = next;
    }
}

/* Writes the delivery and gives it up, or keeps it in flight. */
static void send_now(struct session *session, struct delivery *delivery)
{
    struct connection *connection = session->connection;
    bool dup = delivery->flags & DELIVERY_DUP;
    if (delivery->qos == QOS_0) {
        if (!reply_publish(connection, delivery, 0, false)) {
            count_dropped(session);
        }
        delivery_release(delivery);
        return;
    }
    pass_by(session, delivery);
    if (!reply_publish(connection, delivery, delivery_packet_id(delivery->sequence), dup)) {
        /* Larger than the client takes: as if it had been delivered (MQTT-3.1.2-25). */
        drop(session, delivery);
        return;
    }
    if (delivery->position != 0) {
        delivery_forget_message(delivery); /* the store has it, should it be sent again */
    }
    inflight_add(&session->inflight, delivery);
    session->unacknowledged++;
    assert(session->unacknowledged <= connection->send_maximum);
}

/* With this delivery, does the session keep within the bounds that it was given? */
static bool is_within_bounds(const struct session *session, const struct delivery *delivery)
{
    const struct session_bounds *bounds = &session->bounds;
    const struct inflight *inflight = &session->inflight;
    return !bounds->given ||
           (session->queue.count + inflight->count < bounds->messages &&
            session->queue.bytes + inflight->bytes + delivery_length(delivery) <= bounds->bytes);
}

static bool may_send_now(struct session *session, const struct delivery *delivery)
{
    if (!session->connection || session->overflowed || output_is_congested(session)) {
        return false;
    }
    if (delivery->qos == QOS_0) {
        /* Nothing orders QoS 0 behind QoS > 0 (MQTT-4.6.0-6), only behind other QoS 0. */
        return session->queued_qos0 == 0;
    }
    return session->queue.count == 0 && window_is_open(session, delivery->sequence) &&
           is_within_bounds(session, delivery);
}

static bool is_within(const struct delivery_queue *queue, uint32_t length, uint32_t messages,
                      uint64_t bytes)
{
    return queue->count < messages && queue->bytes + length <= bytes;
}

/* A session that holds events is full: from now on publishers are told, and what was accepted
 * before they could be still comes in. */
static void set_full(struct session *session, bool is_full)
{
    session->is_full = is_full;
    session_update_subscriptions(session, false);
    log_write(is_full ? LOG_WARNING : LOG_INFO,
              is_full ? "events are refused, too many wait" : "events are accepted again",
              "client=%s messages=%u bytes=%llu", log_quote(session_client_identifier(session)),
              session->queue.count, (unsigned long long)session->queue.bytes);
}

/* Not full any more once an eighth of its bounds is free again. */
static void look_for_room(struct session *session)
{
    const struct core_options *options = &session->shard->settings->options;
    uint32_t messages = options->stored_messages_maximum;
    uint64_t bytes = options->stored_bytes_maximum;
    if (is_within(&session->queue, 0, messages - messages / 8, bytes - bytes / 8)) {
        set_full(session, false);
    }
}

/* Would this session keep the delivery, if it cannot be sent now? */
static bool may_queue(struct session *session, const struct delivery *delivery)
{
    const struct core_options *options = &session->shard->settings->options;
    uint32_t length = delivery->message->length;
    if (!session->connection &&
        (!session_is_durable(session) || (delivery->qos == QOS_0 && !options->queue_qos0))) {
        return false;
    }
    bool fits = delivery->position != 0
                    ? is_within(&session->queue, length, options->stored_messages_maximum,
                                options->stored_bytes_maximum)
                    : is_within(&session->queue, length, options->queue_messages_maximum,
                                options->queue_bytes_maximum);
    if (session->bounds.given) {
        fits = fits && !session->overflowed && is_within_bounds(session, delivery);
        if (!fits) {
            session_overflow(session);
        }
        return fits;
    }
    if (session->holds_events) {
        if (!fits && !session->is_full) {
            set_full(session, true);
        }
        return true;
    }
    if (!fits && !session->queue_overflowing) {
        session->queue_overflowing = true;
        log_write(LOG_WARNING, "queue full, dropping messages", "client=%s messages=%u bytes=%llu",
                  log_quote(session_client_identifier(session)), session->queue.count,
                  (unsigned long long)session->queue.bytes);
    }
    return fits;
}

static void count_queued(struct session *session, const struct delivery *delivery)
{
    counter_add(&session->shard->counters.messages_queued, 1);
    counter_add(&session->shard->counters.messages_queued_bytes, delivery_length(delivery));
}

static void send_or_queue(struct session *session, struct delivery *delivery)
{
    if (may_send_now(session, delivery)) {
        send_now(session, delivery);
        return;
    }
    if (!may_queue(session, delivery)) {
        counter_add(&session->shard->counters.queue_dropped, 1);
        drop(session, delivery);
        return;
    }
    count_queued(session, delivery);
    session->queued_qos0 += delivery->qos == QOS_0;
    session_limit_window(session, delivery);
    delivery_queue_add(&session->queue, delivery);
}

static struct delivery take_queued(struct session *session)
{
    uint64_t window = session->queue.present_bytes;
    struct delivery delivery = delivery_queue_take(&session->queue);
    session->shard->window_bytes -= window - session->queue.present_bytes;
    session->queued_qos0 -= delivery.qos == QOS_0;
    counter_subtract(&session->shard->counters.messages_queued, 1);
    counter_subtract(&session->shard->counters.messages_queued_bytes, delivery_length(&delivery));
    if (session->queue.count == 0) {
        session->queue_overflowing = false;
    }
    if (session->is_full) {
        look_for_room(session);
    }
    return delivery;
}

static bool may_read(struct session *session, const struct message *message,
                     const struct subscriber *subscriber)
{
    if (!(subscriber->flags & SUBSCRIBER_PER_MESSAGE)) {
        return true;
    }
    struct asker asker = session_asker(session);
    return access_may_receive(&asker, message_topic(message));
}

static struct delivery make_delivery(struct session *session, struct message *message,
                                     uint64_t position, const struct subscriber *subscriber,
                                     bool retain)
{
    struct delivery delivery = {
        .message = message_hold(message),
        .identifier = subscriber->identifier,
        .position = position,
        .qos = subscriber->qos < message->qos ? subscriber->qos : message->qos,
        .flags = retain ? DELIVERY_RETAIN : 0,
    };
    if (delivery.qos > QOS_0) {
        /* Also for one that is dropped below: the number must follow from the log alone. */
        delivery.sequence = session->next_sequence;
        session->next_sequence = delivery_next_sequence(session->next_sequence);
    }
    if (position != 0) {
        session_mark_unsaved(session);
    }
    return delivery;
}

static void deliver(struct session *session, struct delivery *delivery,
                    const struct subscriber *subscriber)
{
    if (may_read(session, delivery->message, subscriber)) {
        send_or_queue(session, delivery);
    } else {
        session_finish_stored(session, delivery, true);
        delivery_release(delivery);
    }
}

void session_deliver(struct session *session, struct message *message, uint64_t position,
                     const struct subscriber *subscriber, struct identifiers *identifiers)
{
    struct delivery delivery =
        make_delivery(session, message, position, subscriber,
                      message->retain && (subscriber->flags & SUBSCRIBER_RETAIN_AS_PUBLISHED));
    if (identifiers) {
        delivery.identifiers = identifiers;
        delivery.flags |= DELIVERY_MANY_IDENTIFIERS;
    }
    deliver(session, &delivery, subscriber);
}

void session_deliver_retained(struct session *session, struct message *message, uint64_t position,
                              const struct subscriber *subscriber)
{
    struct delivery delivery = make_delivery(session, message, position, subscriber, true);
    deliver(session, &delivery, subscriber);
}

/* --- redelivery --- */

void session_requeue(struct session *session)
{
    size_t count;
    uint32_t *order = inflight_in_order(&session->inflight, INFLIGHT_PUBLISHED, &count);
    while (count-- > 0) {
        struct inflight_entry *entry =
            inflight_find(&session->inflight, delivery_packet_id(order[count]));
        struct delivery delivery = inflight_take(&session->inflight, entry);
        delivery.flags |= DELIVERY_DUP;
        count_queued(session, &delivery);
        delivery_queue_add_first(&session->queue, &delivery);
    }
    free(order);
    inflight_shrink(&session->inflight);
}

void session_resend_pubrels(struct session *session)
{
    size_t count;
    uint32_t *order = inflight_in_order(&session->inflight, INFLIGHT_RELEASED, &count);
    for (size_t i = 0; i < count; i++) {
        reply_ack(session->connection, PACKET_PUBREL, delivery_packet_id(order[i]), REASON_SUCCESS);
    }
    free(order);
    session->unacknowledged = session->inflight.count;
}

/* The head of the queue, if it may go now. */
static bool send_queued(struct session *session)
{
    const struct delivery *first = delivery_queue_first(&session->queue);
    if (!first || (first->flags & DELIVERY_ABSENT) ||
        (first->qos > QOS_0 && !window_is_open(session, first->sequence))) {
        return false;
    }
    struct delivery delivery = take_queued(session);
    /* Once sent, a message expires no more (MQTT-4.3.3-7). */
    if (!(delivery.flags & DELIVERY_DUP) &&
        message_is_expired(delivery.message, session->shard->now)) {
        if (delivery.qos > QOS_0) {
            pass_by(session, &delivery);
        }
        session_finish_stored(session, &delivery, true);
        delivery_release(&delivery);
    } else {
        send_now(session, &delivery);
    }
    return true;
}

void session_send_waiting(struct session *session)
{
    while (session->connection && !output_is_congested(session) && send_queued(session)) {
    }
    if (session->connection) {
        session_read_ahead(session);
    }
}

/* --- acknowledgements --- */

/* The entry that an acknowledgement for `qos` is about; NULL and a reason if there is none. */
static struct inflight_entry *find_sent(struct session *session, uint16_t packet_id, enum qos qos,
                                        enum reason_code *reason)
{
    struct inflight_entry *entry = inflight_find(&session->inflight, packet_id);
    if (!entry) {
        *reason = REASON_PACKET_IDENTIFIER_NOT_FOUND;
        return NULL;
    }
    if (entry->delivery.qos != qos) {
        *reason = REASON_PROTOCOL_ERROR;
        return NULL;
    }
    *reason = REASON_SUCCESS;
    return entry;
}

static void end_delivery(struct session *session, struct inflight_entry *entry)
{
    session_finish_stored(session, &entry->delivery, false);
    inflight_set_state(&session->inflight, entry, INFLIGHT_FREE);
    session->unacknowledged--;
    if (session->queue.count > 0) {
        session_send_waiting(session);
    }
}

/* An acknowledgement of nothing is ignored, one of the wrong kind is not. */
static enum reason_code forgive_unknown(enum reason_code reason)
{
    return reason == REASON_PACKET_IDENTIFIER_NOT_FOUND ? REASON_SUCCESS : reason;
}

enum reason_code session_receive_puback(struct session *session, const struct packet *packet)
{
    enum reason_code reason;
    struct inflight_entry *entry = find_sent(session, packet->ack.packet_id, QOS_1, &reason);
    if (entry) {
        end_delivery(session, entry);
    }
    return forgive_unknown(reason);
}

/* The owed PUBREL: the client forgets the identifier when it comes, so that it was received must
 * be stored before. */
struct sealed_pubrel {
    struct sealed sealed;
    struct session_ref session;
    uint32_t sequence;
};

static void pubrel_committed(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_pubrel *pubrel = CONTAINER_OF(sealed, struct sealed_pubrel, sealed);
    struct session *session = receiver ? sessions_resolve(receiver, pubrel->session) : NULL;
    uint16_t packet_id = delivery_packet_id(pubrel->sequence);
    struct inflight_entry *entry = session ? inflight_find(&session->inflight, packet_id) : NULL;
    bool waits =
        entry && entry->delivery.sequence == pubrel->sequence && entry->state == INFLIGHT_RELEASING;
    /* Without the commit the client must remember the identifier: it never gets this PUBREL. */
    if (waits && commit->result == STORE_OK) {
        inflight_set_state(&session->inflight, entry, INFLIGHT_RELEASED);
        if (session->connection) {
            reply_ack(session->connection, PACKET_PUBREL, packet_id, REASON_SUCCESS);
        }
    } else if (waits && session->connection) {
        connection_close(session->connection, REASON_IMPLEMENTATION_SPECIFIC_ERROR,
                         "the store has failed");
    }
    free(pubrel);
}

/* The client has received it: PUBREL, after the commit if the message is stored. */
static void release_delivery(struct session *session, struct inflight_entry *entry)
{
    struct batch *batch = session->shard->outbox.batch;
    uint32_t sequence = entry->delivery.sequence;
    if (entry->delivery.position == 0 || !session_is_durable(session)) {
        inflight_set_state(&session->inflight, entry, INFLIGHT_RELEASED);
        reply_ack(session->connection, PACKET_PUBREL, delivery_packet_id(sequence), REASON_SUCCESS);
        return;
    }
    if (entry->delivery.position != DELIVERY_POSITION_UNKNOWN) {
        batch_unpin(batch, entry->delivery.position);
        entry->delivery.position = DELIVERY_POSITION_UNKNOWN;
    }
    inflight_set_state(&session->inflight, entry, INFLIGHT_RELEASING);
    struct sealed_pubrel *pubrel = memory_allocate(sizeof(*pubrel));
    *pubrel = (struct sealed_pubrel){
        .sealed = {.run = pubrel_committed},
        .session = session->ref,
        .sequence = sequence,
    };
    batch_begin(batch, false);
    fact_released(batch, session_durable_id(session), sequence);
    batch_seal(batch, session->shard->index, &pubrel->sealed);
    session_mark_unsaved(session);
}

enum reason_code session_receive_pubrec(struct session *session, const struct packet *packet)
{
    enum reason_code reason;
    uint16_t packet_id = packet->ack.packet_id;
    struct inflight_entry *entry = find_sent(session, packet_id, QOS_2, &reason);
    if (!entry) {
        if (reason == REASON_PACKET_IDENTIFIER_NOT_FOUND && !reason_is_error(packet->ack.reason)) {
            reply_ack(session->connection, PACKET_PUBREL, packet_id, reason);
        }
        return forgive_unknown(reason);
    }
    if (reason_is_error(packet->ack.reason)) {
        end_delivery(session, entry); /* MQTT-4.3.3-4: only a PUBREC below 0x80 gets a PUBREL */
        return REASON_SUCCESS;
    }
    if (entry->state == INFLIGHT_PUBLISHED) {
        release_delivery(session, entry);
    } else if (entry->state == INFLIGHT_RELEASED) {
        reply_ack(session->connection, PACKET_PUBREL, packet_id, REASON_SUCCESS);
    }
    return REASON_SUCCESS;
}

enum reason_code session_receive_pubcomp(struct session *session, const struct packet *packet)
{
    enum reason_code reason;
    struct inflight_entry *entry = find_sent(session, packet->ack.packet_id, QOS_2, &reason);
    if (entry && entry->state == INFLIGHT_RELEASED) {
        end_delivery(session, entry);
    } else if (entry) {
        return REASON_PROTOCOL_ERROR;
    }
    return forgive_unknown(reason);
}
