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
#include "core/reply.h"
#include "core/session.h"

/* Encoded bytes of one connection beyond which messages wait by reference instead. */
enum { OUTPUT_CONGESTED = 256 * 1024 };

static bool output_is_congested(const struct session *session)
{
    size_t limit = session->shard->settings->options.output_bytes_maximum;
    return session->connection->output.pending >=
           (limit < OUTPUT_CONGESTED ? limit : OUTPUT_CONGESTED);
}

static bool window_is_open(const struct session *session)
{
    return session->unacknowledged < session->connection->send_maximum &&
           session->inflight.count < INFLIGHT_MAX;
}

static void count_dropped(struct session *session)
{
    counter_add(&session->shard->counters.publish_dropped, 1);
}

/* Writes the delivery and gives it up, or keeps it in flight. */
static void send_now(struct session *session, struct delivery *delivery)
{
    struct connection *connection = session->connection;
    if (delivery->qos == QOS_0) {
        if (!reply_publish(connection, delivery, 0, false)) {
            count_dropped(session);
        }
        delivery_release(delivery);
        return;
    }
    struct inflight_entry *entry = inflight_add(&session->inflight, delivery);
    if (!reply_publish(connection, &entry->delivery, entry->packet_id, false)) {
        /* Larger than the client takes: as if it had been delivered (MQTT-3.1.2-25). */
        inflight_set_state(&session->inflight, entry, INFLIGHT_FREE);
        count_dropped(session);
        return;
    }
    entry->sent = true;
    session->unacknowledged++;
    assert(session->unacknowledged <= connection->send_maximum);
}

static bool may_send_now(const struct session *session, const struct delivery *delivery)
{
    if (!session->connection || output_is_congested(session)) {
        return false;
    }
    if (delivery->qos == QOS_0) {
        /* Nothing orders QoS 0 behind QoS > 0 (MQTT-4.6.0-6), only behind other QoS 0. */
        return session->queued_qos0 == 0;
    }
    return session->queue.count == 0 && session->resend_next == session->resend_count &&
           window_is_open(session);
}

/* Would this session keep the delivery, if it cannot be sent now? */
static bool may_queue(struct session *session, const struct delivery *delivery)
{
    const struct core_options *options = &session->shard->settings->options;
    if (!session->connection &&
        (!session_is_durable(session) || (delivery->qos == QOS_0 && !options->queue_qos0))) {
        return false;
    }
    if (session->queue.count < options->queue_messages_maximum &&
        session->queue.bytes + delivery->message->length <= options->queue_bytes_maximum) {
        return true;
    }
    if (!session->queue_overflowing) {
        session->queue_overflowing = true;
        log_write(LOG_WARNING, "queue full, dropping messages", "client=%s messages=%u bytes=%llu",
                  log_quote(session_client_identifier(session)), session->queue.count,
                  (unsigned long long)session->queue.bytes);
    }
    return false;
}

static void send_or_queue(struct session *session, struct delivery *delivery)
{
    if (may_send_now(session, delivery)) {
        send_now(session, delivery);
        return;
    }
    if (!may_queue(session, delivery)) {
        count_dropped(session);
        delivery_release(delivery);
        return;
    }
    delivery_queue_add(&session->queue, delivery);
    session->queued_qos0 += delivery->qos == QOS_0;
    counter_add(&session->shard->counters.messages_queued, 1);
    counter_add(&session->shard->counters.messages_queued_bytes, delivery->message->length);
}

static struct delivery take_queued(struct session *session)
{
    struct delivery delivery = delivery_queue_take(&session->queue);
    session->queued_qos0 -= delivery.qos == QOS_0;
    counter_subtract(&session->shard->counters.messages_queued, 1);
    counter_subtract(&session->shard->counters.messages_queued_bytes, delivery.message->length);
    if (session->queue.count == 0) {
        session->queue_overflowing = false;
    }
    return delivery;
}

static bool may_read(const struct session *session, const struct message *message,
                     const struct subscriber *subscriber)
{
    return !(subscriber->flags & SUBSCRIBER_PER_MESSAGE) ||
           access_may_receive(session->shard->settings->access, session->identity,
                              session_client_identifier(session), message_topic(message));
}

static struct delivery make_delivery(struct message *message, const struct subscriber *subscriber,
                                     bool retain)
{
    return (struct delivery){
        .message = message_hold(message),
        .identifier = subscriber->identifier,
        .qos = subscriber->qos < message->qos ? subscriber->qos : message->qos,
        .flags = retain ? DELIVERY_RETAIN : 0,
    };
}

void session_deliver(struct session *session, struct message *message,
                     const struct subscriber *subscriber, struct identifiers *identifiers)
{
    if (!may_read(session, message, subscriber)) {
        free(identifiers);
        return;
    }
    struct delivery delivery =
        make_delivery(message, subscriber,
                      message->retain && (subscriber->flags & SUBSCRIBER_RETAIN_AS_PUBLISHED));
    if (identifiers) {
        delivery.identifiers = identifiers;
        delivery.flags |= DELIVERY_MANY_IDENTIFIERS;
    }
    send_or_queue(session, &delivery);
}

void session_deliver_retained(struct session *session, struct message *message,
                              const struct subscriber *subscriber)
{
    if (may_read(session, message, subscriber)) {
        struct delivery delivery = make_delivery(message, subscriber, true);
        send_or_queue(session, &delivery);
    }
}

/* --- redelivery --- */

void session_begin_resend(struct session *session)
{
    free(session->resend);
    session->resend = session->inflight.count ? inflight_in_order(&session->inflight) : NULL;
    session->resend_next = 0;
    session->resend_count = session->inflight.count;
    session->unacknowledged = 0;
    for (uint32_t i = 0; i < session->resend_count; i++) {
        inflight_find(&session->inflight, session->resend[i])->sent = false;
    }
}

/* PUBLISH with DUP, or PUBREL, under the identifier of the first time (MQTT-4.4.0-1). */
static void resend(struct session *session, struct inflight_entry *entry)
{
    struct connection *connection = session->connection;
    if (entry->state == INFLIGHT_RELEASED) {
        reply_ack(connection, PACKET_PUBREL, entry->packet_id, REASON_SUCCESS);
    } else if (!reply_publish(connection, &entry->delivery, entry->packet_id, true)) {
        inflight_set_state(&session->inflight, entry, INFLIGHT_FREE);
        count_dropped(session);
        return;
    }
    entry->sent = true;
    session->unacknowledged++;
}

static void resend_next(struct session *session)
{
    uint16_t packet_id = session->resend[session->resend_next++];
    struct inflight_entry *entry = inflight_find(&session->inflight, packet_id);
    if (entry && !entry->sent) {
        resend(session, entry);
    }
    if (session->resend_next == session->resend_count) {
        free(session->resend);
        session->resend = NULL;
        session->resend_next = session->resend_count = 0;
    }
}

/* The head of the queue, if it may go now. */
static bool send_queued(struct session *session)
{
    const struct delivery *first = delivery_queue_first(&session->queue);
    if (!first || (first->qos > QOS_0 && !window_is_open(session))) {
        return false;
    }
    struct delivery delivery = take_queued(session);
    if (message_is_expired(delivery.message, session->shard->now)) {
        delivery_release(&delivery);
    } else {
        send_now(session, &delivery);
    }
    return true;
}

void session_send_waiting(struct session *session)
{
    while (session->connection && !output_is_congested(session)) {
        if (session->resend_next < session->resend_count) {
            if (!window_is_open(session)) {
                return;
            }
            resend_next(session);
        } else if (!send_queued(session)) {
            return;
        }
    }
}

/* --- acknowledgements --- */

/* The entry that an acknowledgement for `qos` is about; NULL and a reason if there is none. */
static struct inflight_entry *find_sent(struct session *session, uint16_t packet_id, enum qos qos,
                                        enum reason_code *reason)
{
    struct inflight_entry *entry = inflight_find(&session->inflight, packet_id);
    if (!entry || !entry->sent) {
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
    inflight_set_state(&session->inflight, entry, INFLIGHT_FREE);
    session->unacknowledged--;
    if (session->queue.count > 0 || session->resend_next < session->resend_count) {
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
        inflight_set_state(&session->inflight, entry, INFLIGHT_RELEASED);
    }
    reply_ack(session->connection, PACKET_PUBREL, packet_id, REASON_SUCCESS);
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
