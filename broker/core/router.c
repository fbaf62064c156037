/* Routing: see router.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/router.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/facts.h"
#include "core/overlap.h"
#include "core/session.h"
#include "core/stored_message.h"

/* --- deliveries on the shard that owns the sessions --- */

enum { SPARE_ORDERS_MAX = 1024 };

/* An acknowledgement that a publisher is owed. */
struct owed_ack {
    struct session_link link;
    uint16_t packet_id;
    uint8_t qos; /* 0: none */
    uint8_t reason;
};

/* What one shard is to deliver: on the way as mail, or sealed to a commit. */
struct order {
    union {
        struct mail mail;
        struct sealed sealed;
        struct order *next_spare; /* in shard->spare_orders */
    };
    struct message *message; /* one count */
    struct owed_ack owed;    /* sealed along, before the deliveries */
    uint32_t offset;         /* of the frame in the batch it is sealed to */
    bool is_stored;          /* there is a frame */
    bool is_retained;        /* for one session, which asked for it with SUBSCRIBE */
    bool merges;
    size_t count;
    struct subscriber items[];
};

/* A message on its last stretch, to sessions of one shard. */
struct arrival {
    struct message *message;
    uint64_t position; /* 0: not stored */
    bool is_retained;  /* for one session, which asked for it with SUBSCRIBE */
};

static void deliver_overlap(struct shard *shard, const struct arrival *arrival,
                            struct overlap *overlap)
{
    struct session *session = sessions_resolve(shard, overlap->subscriber.session);
    uint64_t position = overlap_is_stored(overlap, arrival->message) ? arrival->position : 0;

    if (session && arrival->is_retained) {
        session_deliver_retained(session, arrival->message, position, &overlap->subscriber);
    } else if (session) {
        session_deliver(session, arrival->message, position, &overlap->subscriber,
                        overlap->identifiers);
        overlap->identifiers = NULL;
    } else if (position != 0) {
        batch_unpin(shard->outbox.batch, position);
    }
    free(overlap->identifiers);
}

/* `items` are this shard's; sorted if sessions may come twice. */
static void deliver_items(struct shard *shard, const struct arrival *arrival,
                          const struct subscriber *items, size_t count, bool merges)
{
    struct overlap_walk walk = {
        .message = arrival->message, .items = items, .count = count, .merges = merges};
    struct overlap overlap;

    if (count > 1) {
        encodings_open(&shard->encodings, arrival->message);
    }
    while (overlap_next(&walk, &overlap)) {
        deliver_overlap(shard, arrival, &overlap);
    }
    encodings_close(&shard->encodings);
}

/* `shard`: where it ends; NULL: nowhere. Those for one session, of which each message makes some,
 * are kept there for the next. */
static void order_free(struct order *order, struct shard *shard)
{
    message_release(order->message);
    if (shard && order->count == 1 && shard->spare_order_count < SPARE_ORDERS_MAX) {
        order->next_spare = shard->spare_orders;
        shard->spare_orders = order;
        shard->spare_order_count++;
    } else {
        free(order);
    }
}

static struct order *order_allocate(struct shard *shard, size_t count)
{
    struct order *order = shard->spare_orders;

    if (count != 1 || !order) {
        return memory_allocate(sizeof(*order) + count * sizeof(struct subscriber));
    }
    shard->spare_orders = order->next_spare;
    shard->spare_order_count--;
    return order;
}

void router_release(struct shard *shard)
{
    while (shard->spare_orders) {
        free(order_allocate(shard, 1));
    }
}

static void order_carry_out(struct order *order, struct shard *shard, uint64_t position)
{
    struct arrival arrival = {order->message, position, order->is_retained};

    deliver_items(shard, &arrival, order->items, order->count, order->merges);
}

static void order_arrives(struct mail *mail, void *receiver)
{
    struct order *order = CONTAINER_OF(mail, struct order, mail);
    if (receiver) {
        order_carry_out(order, receiver, 0);
    }
    order_free(order, receiver);
}

static void settle_ack(const struct owed_ack *owed, struct shard *shard,
                       const struct commit *commit);

static void order_committed(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct order *order = CONTAINER_OF(sealed, struct order, sealed);
    struct shard *shard = receiver;
    if (shard && order->owed.qos != QOS_0) {
        settle_ack(&order->owed, shard, commit);
    }
    if (shard && commit->result == STORE_OK) {
        shard->delivered_until = commit->end;
        order_carry_out(order, shard, order->is_stored ? commit->base + order->offset : 0);
    }
    order_free(order, shard);
}

static struct order *order_new(struct shard *shard, struct message *message,
                               const struct subscriber *items, size_t count, bool merges)
{
    struct order *order = order_allocate(shard, count);
    *order = (struct order){
        .message = message_hold(message),
        .merges = merges,
        .count = count,
    };
    memcpy(order->items, items, count * sizeof(struct subscriber));
    return order;
}

/* An owed acknowledgement by itself: it exists until it was sent or its client is gone. */
struct sealed_ack {
    struct sealed sealed;
    struct owed_ack owed;
};

static enum reason_code refusal_of(int state)
{
    static const uint8_t refusals[] = {
        [STORE_OK] = REASON_SUCCESS,
        [STORE_FULL] = REASON_QUOTA_EXCEEDED,
        [STORE_READ_ONLY] = REASON_IMPLEMENTATION_SPECIFIC_ERROR,
        [STORE_FAILED] = REASON_IMPLEMENTATION_SPECIFIC_ERROR,
        [STORE_UNAVAILABLE] = REASON_IMPLEMENTATION_SPECIFIC_ERROR,
    };
    return (enum reason_code)refusals[state];
}

enum reason_code shard_store_refusal(const struct shard *shard)
{
    const struct broker *broker = shard->broker;
    if (atomic_load_explicit(&broker->memory_full, memory_order_relaxed)) {
        return REASON_QUOTA_EXCEEDED;
    }
    return refusal_of(atomic_load_explicit(broker->store_state, memory_order_relaxed));
}

/* What becomes of an acknowledgement. A refused QoS 2 message is not received, also if nobody can
 * be told any more; and its repetition, which waited behind it, is refused with it. */
static enum reason_code acknowledge_reason(struct session *session, const struct owed_ack *ack,
                                           const struct commit *commit)
{
    enum reason_code refusal = refusal_of((int)commit->result);
    enum reason_code reason = refusal == REASON_SUCCESS ? (enum reason_code)ack->reason : refusal;
    bool is_refused =
        reason_is_store_refusal(reason) || (reason_is_error(reason) && session->version == MQTT_5);
    if (ack->qos == QOS_2 && is_refused) {
        packet_ids_remove(&session->received, ack->packet_id);
        session_mark_unsaved(session);
    } else if (ack->qos == QOS_2 && !packet_ids_contain(&session->received, ack->packet_id)) {
        return REASON_QUOTA_EXCEEDED;
    }
    return reason;
}

static void settle_ack(const struct owed_ack *ack, struct shard *shard, const struct commit *commit)
{
    struct session *session = sessions_resolve(shard, ack->link.session);
    if (session) {
        enum reason_code reason = acknowledge_reason(session, ack, commit);
        session->sealed--;
        if (commit->posting > session->last_posting) {
            session->last_posting = commit->posting;
        }
        if (commit->result == STORE_OK) {
            shard->delivered_until = commit->end;
        }
        packet_ids_remove(&session->received_now, ack->packet_id);
        if (session_has_link(session, ack->link)) {
            session_acknowledge(session, ack->qos, ack->packet_id, reason);
        }
    }
}

static void ack_committed(struct sealed *sealed, void *receiver, const struct commit *commit)
{
    struct sealed_ack *ack = CONTAINER_OF(sealed, struct sealed_ack, sealed);
    if (receiver) {
        settle_ack(&ack->owed, receiver, commit);
    }
    free(ack);
}

/* Must what this session publishes next go behind what it has published? Also when its own shard
 * has been posted the commit and another not yet. */
static bool must_seal(const struct session *from)
{
    return from->sealed > 0 ||
           from->last_posting >
               atomic_load_explicit(from->shard->broker->store_posted, memory_order_acquire);
}

/* It is sealed next. */
static struct owed_ack owe_ack(struct session *from, enum qos qos, uint16_t packet_id,
                               enum reason_code reason)
{
    from->sealed++;
    return (struct owed_ack){session_link(from), packet_id, (uint8_t)qos, (uint8_t)reason};
}

static void seal_ack(struct shard *shard, struct owed_ack owed)
{
    struct sealed_ack *ack = memory_allocate(sizeof(*ack));
    *ack = (struct sealed_ack){.sealed = {.run = ack_committed}, .owed = owed};
    batch_seal(shard->outbox.batch, shard->index, &ack->sealed);
}

/* --- publishing --- */

/* How a message goes its way. */
struct route {
    struct recipients *recipients;
    bool merges;
    bool seals;     /* behind a commit, its own or that of what went before */
    bool is_stored; /* it has a frame */
    uint32_t offset;
    struct owed_ack owed; /* sealed, too */
};

/* Whose sessions are all of this shard get it with the publisher's acknowledgement, as one. */
static bool carries_ack(const struct shard *shard, const struct subscriber *items, size_t count)
{
    return count > 0 && session_ref_shard(items[0].session) == shard->index &&
           session_ref_shard(items[count - 1].session) == shard->index;
}

/* Hands every worker its part: sealed, or by mail, or at once if it is this one. */
static void distribute(struct shard *shard, struct message *message, const struct route *route)
{
    const struct subscriber *items = route->recipients->items;
    size_t count = route->recipients->count;
    bool with_ack = route->owed.qos != QOS_0 && carries_ack(shard, items, count);
    if (route->owed.qos != QOS_0 && !with_ack) {
        seal_ack(shard, route->owed);
    }
    for (size_t i = 0, end; i < count; i = end) {
        unsigned target = session_ref_shard(items[i].session);
        for (end = i + 1; end < count && session_ref_shard(items[end].session) == target;) {
            end++;
        }
        if (!route->seals && target == shard->index) {
            deliver_items(shard, &(struct arrival){.message = message}, &items[i], end - i,
                          route->merges);
            continue;
        }
        struct order *order = order_new(shard, message, &items[i], end - i, route->merges);
        if (route->seals) {
            order->sealed.run = order_committed;
            order->offset = route->offset;
            order->is_stored = route->is_stored;
            if (with_ack) {
                order->owed = route->owed;
            }
            batch_seal(shard->outbox.batch, target, &order->sealed);
        } else {
            order->mail.run = order_arrives;
            shard_post(shard, target, &order->mail);
        }
    }
}

static void find_recipients(struct shard *shard, const struct message *message, struct route *route)
{
    struct recipients *recipients = &shard->recipients;
    subscriptions_match(shard->broker->subscriptions, message_topic(message), recipients);
    route->recipients = recipients;
    if (recipients->may_overlap) {
        overlap_sort(recipients->items, recipients->count);
        route->merges = !shard->settings->options.overlapping_separately;
    }
}

static void retain(struct shard *shard, struct message *message)
{
    const struct retained_watch *watch = &shard->broker->watch;
    uint64_t version = retained_set(shard->broker->retained, message, shard->now);
    fact_put_retained(shard->outbox.batch, message, version);
    if (watch->prefix.length > 0 && slice_starts_with(message_topic(message), watch->prefix)) {
        watch->changed(watch->context, message);
    }
}

/* Nothing of a refused message happens, but for what QoS 0 leaves undone: it is not retained. */
static enum reason_code refuse(struct shard *shard, struct session *from, enum qos qos,
                               uint16_t packet_id, enum reason_code reason)
{
    counter_add(&shard->counters.publish_refused, 1);
    if (from && qos > QOS_0) {
        router_acknowledge(from, qos, packet_id, reason);
    }
    return reason;
}

/* Would a session get it that is full and drops nothing? Its publisher is to send it again, then:
 * whoever else gets it does so as well. Full sessions are durable ones. */
static bool finds_full(const struct recipients *recipients, const struct message *message)
{
    bool is_looked_at = message->qos > QOS_0 && recipients->durable;
    for (size_t i = 0; is_looked_at && i < recipients->count; i++) {
        const struct subscriber *item = &recipients->items[i];
        if ((item->flags & SUBSCRIBER_FULL) && !overlap_is_own(item, message)) {
            return true;
        }
    }
    return false;
}

enum reason_code router_publish(struct shard *shard, struct message *message, struct session *from,
                                uint16_t packet_id)
{
    struct batch *batch = shard->outbox.batch;
    struct route route = {0};
    find_recipients(shard, message, &route);
    if (finds_full(route.recipients, message)) {
        return refuse(shard, from, message->qos, packet_id, REASON_QUOTA_EXCEEDED);
    }
    bool acknowledged = from && message->qos > QOS_0;
    /* The reception of a QoS 2 message is part of a durable publisher's session. */
    bool received = acknowledged && message->qos == QOS_2 && session_is_durable(from);
    route.is_stored = message->qos > QOS_0 && (route.recipients->durable || received);
    bool waits = acknowledged && must_seal(from);
    if (route.is_stored || message->retain) {
        enum reason_code refusal = shard_store_refusal(shard);
        if (refusal != REASON_SUCCESS && message->qos > QOS_0) {
            return refuse(shard, from, message->qos, packet_id, refusal);
        }
        batch_begin(batch, true);
        if (message->retain && refusal == REASON_SUCCESS) {
            retain(shard, message);
        }
    } else if (waits) {
        batch_begin(batch, false);
    }
    if (route.is_stored) {
        route.offset =
            stored_message_put(shard, message, route.recipients, route.merges,
                               received ? session_durable_id(from) : 0, received ? packet_id : 0);
    }
    route.seals = message->qos > QOS_0 && (route.is_stored || message->retain || waits);
    if (acknowledged) {
        enum reason_code reason =
            route.recipients->count ? REASON_SUCCESS : REASON_NO_MATCHING_SUBSCRIBERS;
        if (route.seals) {
            route.owed = owe_ack(from, message->qos, packet_id, reason);
        } else {
            session_acknowledge(from, message->qos, packet_id, reason);
        }
    }
    distribute(shard, message, &route);
    return REASON_SUCCESS;
}

void router_acknowledge(struct session *from, enum qos qos, uint16_t packet_id,
                        enum reason_code reason)
{
    if (from->sealed == 0) {
        session_acknowledge(from, qos, packet_id, reason);
    } else {
        batch_begin(from->shard->outbox.batch, false);
        seal_ack(from->shard, owe_ack(from, qos, packet_id, reason));
    }
}

void router_acknowledge_stored(struct session *from, enum qos qos, uint16_t packet_id)
{
    seal_ack(from->shard, owe_ack(from, qos, packet_id, REASON_SUCCESS));
}

void router_publish_volatile(struct shard *shard, struct message *message)
{
    struct route route = {0};
    if (message->retain) {
        retained_set(shard->broker->retained, message, shard->now);
    }
    find_recipients(shard, message, &route);
    distribute(shard, message, &route);
}

void router_send_retained(struct session *session, struct message *message,
                          const struct subscriber *subscriber)
{
    struct shard *shard = session->shard;
    struct subscriber item = *subscriber;
    struct overlap overlap = {.subscriber = item};
    if (!overlap_is_stored(&overlap, message)) {
        session_deliver_retained(session, message, 0, subscriber);
        return;
    }
    item.flags &= (uint8_t)~SUBSCRIBER_NO_LOCAL; /* whoever asks for it gets it */
    item.flags |= SUBSCRIBER_RETAIN_AS_PUBLISHED;
    struct recipients one = {.items = &item, .count = 1};
    struct order *order = order_new(shard, message, &item, 1, false);
    order->sealed.run = order_committed;
    order->is_stored = order->is_retained = true;
    order->offset = stored_message_put(shard, message, &one, false, 0, 0);
    batch_seal(shard->outbox.batch, shard->index, &order->sealed);
}
