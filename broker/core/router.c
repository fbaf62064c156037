/* Routing: see router.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/router.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/session.h"

/* --- deliveries on the shard that owns the sessions --- */

/* Is this subscription out of the question for this message? */
static bool is_own_message(const struct subscriber *subscriber, const struct message *message)
{
    return (subscriber->flags & SUBSCRIBER_NO_LOCAL) &&
           session_ref_equal(subscriber->session, message->publisher);
}

/* The subscriptions of one session that a message matched, as one: the highest QoS
 * (MQTT-3.3.4-2), all identifiers (MQTT-3.3.4-4). `run` holds at least two. */
static struct identifiers *merge_run(const struct subscriber *run, size_t count,
                                     struct subscriber *merged)
{
    struct identifiers *identifiers =
        memory_allocate(sizeof(*identifiers) + count * sizeof(identifiers->values[0]));
    identifiers->count = 0;
    *merged = run[0];
    for (size_t i = 0; i < count; i++) {
        merged->qos = run[i].qos > merged->qos ? run[i].qos : merged->qos;
        merged->flags |= run[i].flags & SUBSCRIBER_RETAIN_AS_PUBLISHED;
        /* One subscription with the full right to read is enough. */
        merged->flags &= (uint8_t) ~(~run[i].flags & SUBSCRIBER_PER_MESSAGE);
        if (run[i].identifier) {
            identifiers->values[identifiers->count++] = run[i].identifier;
        }
    }
    if (identifiers->count < 2) {
        merged->identifier = identifiers->count ? identifiers->values[0] : 0;
        free(identifiers);
        return NULL;
    }
    return identifiers;
}

static void deliver_one(struct shard *shard, struct message *message,
                        const struct subscriber *subscriber)
{
    struct session *session = sessions_resolve(shard, subscriber->session);
    if (session && !is_own_message(subscriber, message)) {
        session_deliver(session, message, subscriber, NULL);
    }
}

static void deliver_run(struct shard *shard, struct message *message, struct subscriber *run,
                        size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_own_message(&run[i], message)) {
            run[kept++] = run[i];
        }
    }
    if (kept < 2) {
        if (kept == 1) {
            deliver_one(shard, message, &run[0]);
        }
        return;
    }
    struct session *session = sessions_resolve(shard, run[0].session);
    if (session) {
        struct subscriber merged;
        struct identifiers *identifiers = merge_run(run, kept, &merged);
        session_deliver(session, message, &merged, identifiers);
    }
}

static void deliver_overlapping(struct shard *shard, struct message *message,
                                struct subscriber *items, size_t count)
{
    for (size_t i = 0, end; i < count; i = end) {
        end = i + 1;
        /* A share group's choice is a delivery of its own. */
        if (!(items[i].flags & SUBSCRIBER_SHARED)) {
            while (end < count && !(items[end].flags & SUBSCRIBER_SHARED) &&
                   session_ref_equal(items[end].session, items[i].session)) {
                end++;
            }
        }
        deliver_run(shard, message, &items[i], end - i);
    }
}

/* `items` are this shard's; sorted by session if they may overlap. */
static void deliver_items(struct shard *shard, struct message *message, struct subscriber *items,
                          size_t count, bool may_overlap)
{
    if (count > 1) {
        encodings_open(&shard->encodings, message);
    }
    if (may_overlap && !shard->settings->options.overlapping_separately) {
        deliver_overlapping(shard, message, items, count);
    } else {
        for (size_t i = 0; i < count; i++) {
            deliver_one(shard, message, &items[i]);
        }
    }
    encodings_close(&shard->encodings);
}

/* --- mail --- */

struct deliver_mail {
    struct mail mail;
    struct message *message; /* one count */
    bool may_overlap;
    size_t count;
    struct subscriber items[];
};

static void deliver_mail_run(struct mail *mail, void *receiver)
{
    struct deliver_mail *deliver = CONTAINER_OF(mail, struct deliver_mail, mail);
    if (receiver) {
        deliver_items(receiver, deliver->message, deliver->items, deliver->count,
                      deliver->may_overlap);
    }
    message_release(deliver->message);
    free(deliver);
}

static struct mail *deliver_mail_new(struct message *message, const struct subscriber *items,
                                     size_t count, bool may_overlap)
{
    struct deliver_mail *deliver =
        memory_allocate(sizeof(*deliver) + count * sizeof(struct subscriber));
    *deliver = (struct deliver_mail){
        .mail = {.run = deliver_mail_run},
        .message = message_hold(message),
        .may_overlap = may_overlap,
        .count = count,
    };
    memcpy(deliver->items, items, count * sizeof(struct subscriber));
    return &deliver->mail;
}

/* The owed acknowledgement, as an object: it exists until it was sent or its client is gone. */
struct ack_mail {
    struct mail mail;
    struct session_ref session;
    uint32_t connection_number;
    uint16_t packet_id;
    uint8_t qos;
    uint8_t reason;
};

static void ack_mail_run(struct mail *mail, void *receiver)
{
    struct ack_mail *ack = CONTAINER_OF(mail, struct ack_mail, mail);
    struct session *session = receiver ? sessions_resolve(receiver, ack->session) : NULL;
    if (session) {
        session->sealed--;
        if (session->connection && session->connection_number == ack->connection_number) {
            session_acknowledge(session, ack->qos, ack->packet_id, ack->reason);
        }
    }
    free(ack);
}

static struct mail *ack_mail_new(const struct session *session, uint8_t qos, uint16_t packet_id,
                                 enum reason_code reason)
{
    struct ack_mail *ack = memory_allocate(sizeof(*ack));
    *ack = (struct ack_mail){
        .mail = {.run = ack_mail_run},
        .session = session->ref,
        .connection_number = session->connection_number,
        .packet_id = packet_id,
        .qos = qos,
        .reason = (uint8_t)reason,
    };
    return &ack->mail;
}

/* --- publishing --- */

static int compare_place(const void *a, const void *b)
{
    const struct subscriber *x = a, *y = b;
    return x->session.place < y->session.place ? -1 : x->session.place > y->session.place;
}

/* Hands every worker its part: by sealed mail if there is a record, at once if it is this one. */
static void distribute(struct shard *shard, struct message *message, struct recipients *recipients,
                       struct record *record)
{
    struct subscriber *items = recipients->items;
    if (recipients->may_overlap) {
        qsort(items, recipients->count, sizeof(*items), compare_place);
    }
    for (size_t i = 0, end; i < recipients->count; i = end) {
        unsigned target = session_ref_shard(items[i].session);
        for (end = i + 1;
             end < recipients->count && session_ref_shard(items[end].session) == target;) {
            end++;
        }
        if (!record && target == shard->index) {
            deliver_items(shard, message, &items[i], end - i, recipients->may_overlap);
            continue;
        }
        struct mail *mail = deliver_mail_new(message, &items[i], end - i, recipients->may_overlap);
        if (record) {
            record_seal(record, target, mail);
        } else {
            shard_post(shard, target, mail);
        }
    }
}

void router_publish(struct shard *shard, struct message *message, struct session *from,
                    uint16_t packet_id)
{
    if (message->retain) {
        retained_set(shard->broker->retained, message);
    }
    struct recipients *recipients = &shard->recipients;
    subscriptions_match(shard->broker->subscriptions, message_topic(message), recipients);
    enum reason_code reason = recipients->count ? REASON_SUCCESS : REASON_NO_MATCHING_SUBSCRIBERS;

    bool durable = message->qos > QOS_0 && (recipients->durable || message->retain);
    bool ticket = message->qos > QOS_0 && from && from->sealed > 0;
    if (!durable && !ticket) {
        if (from && message->qos > QOS_0) {
            session_acknowledge(from, message->qos, packet_id, reason);
        }
        distribute(shard, message, recipients, NULL);
        return;
    }
    struct record *record = record_new();
    if (from) {
        record_seal(record, shard->index, ack_mail_new(from, message->qos, packet_id, reason));
        from->sealed++;
    }
    distribute(shard, message, recipients, record);
    record_list_add(&shard->outbox.records, record);
}

void router_acknowledge(struct session *from, enum qos qos, uint16_t packet_id,
                        enum reason_code reason)
{
    if (from->sealed == 0) {
        session_acknowledge(from, qos, packet_id, reason);
        return;
    }
    struct record *ticket = record_new();
    record_seal(ticket, from->shard->index, ack_mail_new(from, (uint8_t)qos, packet_id, reason));
    from->sealed++;
    record_list_add(&from->shard->outbox.records, ticket);
}

void router_publish_volatile(struct shard *shard, struct message *message)
{
    if (message->retain) {
        retained_set(shard->broker->retained, message);
    }
    subscriptions_match(shard->broker->subscriptions, message_topic(message), &shard->recipients);
    distribute(shard, message, &shard->recipients, NULL);
}
