/* A session and the store: when it is kept there, what becomes of its deliveries, and messages that
 * come back from there.
 *
 * A stored delivery that is over is reported as a run of sequence numbers, once a turn and session:
 * losing the report costs a repetition, which QoS 1 allows, and QoS 2 does not reach this point
 * before PUBCOMP. So nothing waits for it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "core/facts.h"
#include "core/session.h"

enum {
    READ_MESSAGES = 1024, /* read back at a time */
    READ_BYTES = 256 * 1024,
    READ_LOW = 512, /* and asked for when no more are at hand */
};

/* ---------------------------------------------------------------- rows */

void session_put_row(struct session *session)
{
    struct batch *batch = session->shard->outbox.batch;

    if (session_is_durable(session)) {
        batch_begin(batch, false);
        fact_put_session(batch, session);
    }
}

void session_make_record(struct session *session, uint64_t durable_id)
{
    struct session_record *record = memory_allocate_zero(sizeof(*record));

    assert(!session->record && durable_id != 0);
    record->session = session;
    record->durable_id = durable_id;
    list_init(&record->unsaved);
    list_init(&record->reporting);
    record->saved_next = record->saved_first = DELIVERY_FIRST_SEQUENCE;
    session->record = record;
}

void session_drop_record(struct session *session)
{
    struct session_record *record = session->record;

    if (record) {
        list_remove(&record->unsaved);
        list_remove(&record->reporting);
        free(record);
        session->record = NULL;
    }
}

void session_become_durable(struct session *session)
{
    struct broker *broker = session->shard->broker;

    session_make_record(
        session, atomic_fetch_add_explicit(&broker->next_durable_id, 1, memory_order_relaxed));
    session->next_sequence = session->sent_next = DELIVERY_FIRST_SEQUENCE;
    session_mark_unsaved(session);
}

void session_become_volatile(struct session *session)
{
    struct fact_key key = fact_session_key(session_durable_id(session));
    struct batch *batch = session->shard->outbox.batch;

    if (!session_is_durable(session)) {
        return;
    }
    batch_begin(batch, false);
    batch_delete_prefix(batch, fact_key_slice(&key));
    session_drop_record(session);
}

void session_mark_unsaved(struct session *session)
{
    struct session_record *record = session->record;

    if (record && list_is_empty(&record->unsaved)) {
        list_add_last(&session->shard->unsaved, &record->unsaved);
    }
}

/* ---------------------------------------------------------------- reports */

static void report_done(struct session_record *record)
{
    struct batch *batch = record->session->shard->outbox.batch;

    if (record->done_count > 0) {
        batch_begin(batch, false);
        fact_deliveries(batch, FACT_DONE, record->durable_id, record->done, record->done_count);
        record->done_count = 0;
    }
}

static void add_done(struct session_record *record, uint32_t sequence)
{
    if (record->done_count > 0 && record->done_count < FACT_RUN_MAX - 1 &&
        sequence == delivery_next_sequence(record->done + record->done_count - 1)) {
        /* A sequence number that is left out counts as done too. */
        record->done_count = sequence - record->done + 1;
        return;
    }
    report_done(record);
    record->done = sequence;
    record->done_count = 1;
    if (list_is_empty(&record->reporting)) {
        list_add_last(&record->session->shard->reporting, &record->reporting);
    }
}

void session_finish_stored(struct session *session, const struct delivery *delivery, bool dropped)
{
    struct batch *batch = session->shard->outbox.batch;

    if (delivery->position == 0) {
        return;
    }
    if (delivery->position != DELIVERY_POSITION_UNKNOWN) {
        batch_unpin(batch, delivery->position);
    }
    if (!session_is_durable(session)) {
        return;
    }
    session_mark_unsaved(session);
    if (dropped) {
        batch_begin(batch, false);
        fact_deliveries(batch, FACT_DROPPED, session_durable_id(session), delivery->sequence, 1);
    } else {
        add_done(session->record, delivery->sequence);
    }
}

void shard_report(struct shard *shard)
{
    while (!list_is_empty(&shard->reporting)) {
        struct session_record *record =
            CONTAINER_OF(shard->reporting.next, struct session_record, reporting);
        list_remove(&record->reporting);
        report_done(record);
    }
}

/* ---------------------------------------------------------------- what is kept in memory */

void session_limit_window(struct session *session, struct delivery *delivery)
{
    const struct core_options *options = &session->shard->settings->options;
    uint32_t length = delivery_length(delivery);

    if (delivery->position == 0) {
        return;
    }
    if (session->queue.absent > 0 ||
        session->queue.present_bytes + length > options->window_bytes ||
        session->shard->window_bytes + length > options->window_total_bytes) {
        delivery_forget_message(delivery);
    } else {
        session->shard->window_bytes += length;
    }
}

/* Messages of a session that are being read back. */
struct session_read {
    struct store_read read;
    struct session_ref session;
};

static void take_message(struct session *session, struct delivery *delivery, struct slice frame)
{
    struct message *message = frame.length > 0 ? fact_read_message(frame) : NULL;

    if (!message) {
        /* The store has said in the log what is wrong; the client gets the others. What has
         * expired and was not sent is passed over. */
        delivery->flags &= (uint8_t)~DELIVERY_DUP;
        message =
            message_new(&(struct message_parts){.topic = SLICE_LITERAL("$lost"), .expires_at = 0});
    }
    uint64_t before = session->queue.present_bytes;
    counter_add(&session->shard->counters.messages_queued_bytes,
                (uint64_t)message->length - delivery->length); /* none, unless it was lost */
    delivery_queue_fill(&session->queue, delivery, message);
    session->shard->window_bytes += session->queue.present_bytes - before;
}

static void take_messages(struct session *session, const struct store_read *read)
{
    struct delivery_place place =
        delivery_place_skip(delivery_queue_begin(&session->queue), session->queue.present);

    for (size_t i = 0; i < read->count && place.chunk; place = delivery_place_next(place)) {
        struct delivery *delivery = delivery_at(place);
        if (delivery->flags & DELIVERY_ABSENT && delivery->position == read->positions[i]) {
            take_message(session, delivery, read->frames[i++]);
        }
    }
    delivery_queue_look(&session->queue);
}

static void messages_arrive(struct mail *mail, void *receiver)
{
    struct store_read *read = CONTAINER_OF(mail, struct store_read, mail);
    struct session_read *messages = CONTAINER_OF(read, struct session_read, read);
    struct session *session = receiver ? sessions_resolve(receiver, messages->session) : NULL;

    if (session) {
        session->reading = false;
        take_messages(session, read);
        session_send_waiting(session);
    }
    store_read_release(read);
    free(messages);
}

void session_read_ahead(struct session *session)
{
    const struct delivery_queue *queue = &session->queue;
    size_t count = 0, bytes = 0;

    if (session->reading || queue->absent == 0 || queue->present >= READ_LOW) {
        return;
    }
    struct session_read *messages = memory_allocate_zero(sizeof(*messages));
    store_read_init(&messages->read, session->shard->index, READ_MESSAGES);
    messages->read.mail.run = messages_arrive;
    messages->session = session->ref;
    struct delivery_place place = delivery_place_skip(delivery_queue_begin(queue), queue->present);
    for (; place.chunk && count < READ_MESSAGES && bytes < READ_BYTES;
         place = delivery_place_next(place)) {
        const struct delivery *delivery = delivery_at(place);
        if (delivery->flags & DELIVERY_ABSENT) {
            messages->read.positions[count++] = delivery->position;
            bytes += delivery->length;
        }
    }
    messages->read.count = count;
    session->reading = true;
    mail_list_add(&session->shard->outbox.reads, &messages->read.mail);
}
