/* See save.h.
 *
 * A session's progress row holds what cannot be told from its deliveries: where they stand, which
 * of the early ones are not acknowledged, which QoS 2 messages of its own are not released. Its
 * deliveries themselves are in rows of 1 << CHUNK_BITS sequence numbers each, written once when
 * they are new, deleted when all of them are over.
 *
 *   progress: u64 delivered until (position), u32 next sequence, u32 sent next, u32 first,
 *             v count, count times u32: deliveries before `sent next` that are not over
 *             v count, count times u32: deliveries that the client has received (PUBREC)
 *             v count, count times v: packet identifiers of QoS 2 messages from the client
 *             u32 next subscription
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/save.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/facts.h"
#include "core/varint64.h"

enum { SAVE_BYTES = 1 << 20 }; /* of rows in one turn */

/* ---------------------------------------------------------------- deliveries */

static uint32_t chunk_of(uint32_t sequence)
{
    return sequence >> CHUNK_BITS;
}

/* One chunk's row in the making. */
struct chunk_row {
    struct buffer entries;
    uint32_t chunk, count;
    uint64_t position; /* of the entry before */
};

static void put_chunk(struct session *session, struct chunk_row *row)
{
    struct fact_key key = fact_numbered_key(session->record->durable_id, 'q', row->chunk);
    struct buffer value = {0};

    if (row->count > 0) {
        varint64_append(&value, row->count);
        buffer_append(&value, buffer_slice(&row->entries));
        batch_put(session->shard->outbox.batch, fact_key_slice(&key), buffer_slice(&value));
    }
    buffer_release(&value);
    row->entries.length = 0;
    row->count = 0;
    row->position = 0;
}

static void add_entry(struct session *session, struct chunk_row *row,
                      const struct delivery *delivery)
{
    struct buffer *out = &row->entries;
    uint32_t chunk = chunk_of(delivery->sequence);
    bool many = delivery->flags & DELIVERY_MANY_IDENTIFIERS;
    size_t count = many ? delivery->identifiers->count : delivery->identifier != 0;

    if (chunk != row->chunk) {
        put_chunk(session, row);
        row->chunk = chunk;
    }
    varint64_append(out, delivery->sequence & ((1 << CHUNK_BITS) - 1));
    varint64_append(out, delivery->position - row->position);
    varint64_append(out, delivery_length(delivery));
    buffer_append_byte(
        out, (uint8_t)(delivery->qos | (delivery->flags & DELIVERY_RETAIN ? FACT_RETAIN : 0)));
    varint64_append(out, count);
    for (size_t i = 0; i < count; i++) {
        varint64_append(out, many ? delivery->identifiers->values[i] : delivery->identifier);
    }
    row->position = delivery->position;
    row->count++;
}

/* The unacknowledged ones on the way that belong to chunk `from` or a later one. */
static void add_inflight(struct session *session, struct chunk_row *row, uint32_t from)
{
    size_t count;
    uint32_t *order = inflight_in_order(&session->inflight, INFLIGHT_PUBLISHED, &count);

    for (size_t i = 0; i < count; i++) {
        const struct inflight_entry *entry =
            inflight_find(&session->inflight, delivery_packet_id(order[i]));
        if (!delivery_is_before(order[i], from) && entry->delivery.position != 0) {
            add_entry(session, row, &entry->delivery);
        }
    }
    free(order);
}

/* The first place of the queue with a stored delivery from `from` on: they are at its end. */
static struct delivery_place find_from(const struct delivery_queue *queue, uint32_t from)
{
    struct delivery_place place = delivery_queue_last(queue), found = {0};

    for (; place.chunk; place = delivery_place_before(place)) {
        const struct delivery *delivery = delivery_at(place);
        if (delivery->qos > QOS_0 && delivery_is_before(delivery->sequence, from)) {
            break;
        }
        found = place;
    }
    return found;
}

/* Rows for all that came since the last time; the last chunk of then is written again. */
static void put_deliveries(struct session *session)
{
    uint32_t from = chunk_of(session->record->saved_next) << CHUNK_BITS;
    struct chunk_row row = {.chunk = chunk_of(session->record->saved_next)};

    if (session->record->saved_next == session->next_sequence) {
        return;
    }
    add_inflight(session, &row, from);
    for (struct delivery_place place = find_from(&session->queue, from); place.chunk;
         place = delivery_place_next(place)) {
        const struct delivery *delivery = delivery_at(place);
        if (delivery->position != 0) {
            add_entry(session, &row, delivery);
        }
    }
    put_chunk(session, &row);
    buffer_release(&row.entries);
    session->record->saved_next = session->next_sequence;
}

/* ---------------------------------------------------------------- progress */

/* The first delivery that is not over. */
static uint32_t first_open(const struct session *session)
{
    uint32_t first = session->next_sequence;

    for (uint32_t i = 0; i < session->inflight.capacity; i++) {
        const struct inflight_entry *entry = &session->inflight.entries[i];
        if (entry->state != INFLIGHT_FREE && delivery_is_before(entry->delivery.sequence, first)) {
            first = entry->delivery.sequence;
        }
    }
    for (struct delivery_place place = delivery_queue_begin(&session->queue); place.chunk;
         place = delivery_place_next(place)) {
        if (delivery_at(place)->qos > QOS_0) {
            uint32_t sequence = delivery_at(place)->sequence;
            return delivery_is_before(sequence, first) ? sequence : first;
        }
    }
    return first;
}

/* Chunks in which nothing is open any more. */
static void delete_chunks(struct session *session, uint32_t first)
{
    for (uint32_t chunk = chunk_of(session->record->saved_first); chunk != chunk_of(first);
         chunk = chunk_of((chunk + 1) << CHUNK_BITS)) {
        struct fact_key key = fact_numbered_key(session->record->durable_id, 'q', chunk);
        batch_delete(session->shard->outbox.batch, fact_key_slice(&key));
    }
    session->record->saved_first = first;
}

static void append_sequences(struct buffer *out, const uint32_t *sequences, size_t count)
{
    varint64_append(out, count);
    for (size_t i = 0; i < count; i++) {
        buffer_append_u32(out, sequences[i]);
    }
}

/* Deliveries that were sent and are not over: on the way, or waiting to be sent again. */
static void append_sent(struct buffer *out, const struct session *session)
{
    struct buffer sequences = {0};
    size_t count;
    uint32_t *order = inflight_in_order(&session->inflight, INFLIGHT_PUBLISHED, &count);

    buffer_append(&sequences, slice_make(order, count * sizeof(*order)));
    free(order);
    for (struct delivery_place place = delivery_queue_begin(&session->queue); place.chunk;
         place = delivery_place_next(place)) {
        const struct delivery *delivery = delivery_at(place);
        if (delivery->qos == QOS_0) {
            continue;
        }
        if (!delivery_is_before(delivery->sequence, session->sent_next)) {
            break;
        }
        buffer_append(&sequences, slice_make(&delivery->sequence, sizeof(delivery->sequence)));
    }
    append_sequences(out, (const uint32_t *)sequences.data, sequences.length / sizeof(uint32_t));
    buffer_release(&sequences);
}

static void append_released(struct buffer *out, const struct session *session)
{
    struct buffer sequences = {0};

    for (uint32_t i = 0; i < session->inflight.capacity; i++) {
        const struct inflight_entry *entry = &session->inflight.entries[i];
        if (entry->state == INFLIGHT_RELEASING || entry->state == INFLIGHT_RELEASED) {
            buffer_append(&sequences, slice_make(&entry->delivery.sequence, sizeof(uint32_t)));
        }
    }
    append_sequences(out, (const uint32_t *)sequences.data, sequences.length / sizeof(uint32_t));
    buffer_release(&sequences);
}

/* Without those that may still be refused: recovery learns of them from their messages, which lie
 * behind `delivered until`. */
static void append_received(struct buffer *out, const struct session *session)
{
    struct buffer ids = {0};
    uint64_t count = 0;
    uint32_t place = 0;
    uint16_t packet_id;

    while ((packet_id = packet_ids_next(&session->received, &place)) != 0) {
        if (!packet_ids_contain(&session->received_now, packet_id)) {
            varint64_append(&ids, packet_id);
            count++;
        }
    }
    varint64_append(out, count);
    buffer_append(out, buffer_slice(&ids));
    buffer_release(&ids);
}

static void put_progress(struct session *session, uint32_t first)
{
    struct fact_key key = fact_row_key(session->record->durable_id, 'p');
    struct buffer out = {0};

    buffer_append_u32(&out, (uint32_t)(session->shard->delivered_until >> 32));
    buffer_append_u32(&out, (uint32_t)session->shard->delivered_until);
    buffer_append_u32(&out, session->next_sequence);
    buffer_append_u32(&out, session->sent_next);
    buffer_append_u32(&out, first);
    append_sent(&out, session);
    append_released(&out, session);
    append_received(&out, session);
    buffer_append_u32(&out, session->next_subscription);
    batch_put(session->shard->outbox.batch, fact_key_slice(&key), buffer_slice(&out));
    buffer_release(&out);
}

static void save_session(struct session *session)
{
    uint32_t first = first_open(session);

    list_remove(&session->record->unsaved);
    put_deliveries(session);
    delete_chunks(session, first);
    put_progress(session, first);
}

/* ---------------------------------------------------------------- the shard */

void save_some(struct shard *shard)
{
    struct batch *batch = shard->outbox.batch;

    if (shard->saving_round == 0) {
        return;
    }
    batch_begin(batch, false);
    size_t most = batch->rows.length + SAVE_BYTES;
    while (!list_is_empty(&shard->unsaved) && batch->rows.length < most) {
        save_session(CONTAINER_OF(shard->unsaved.next, struct session_record, unsaved)->session);
    }
    if (list_is_empty(&shard->unsaved)) {
        batch->saved_round = shard->saving_round;
        shard->saving_round = 0;
    }
}

struct save_mail {
    struct mail mail;
    uint32_t round;
};

static void save_mail_run(struct mail *mail, void *receiver)
{
    struct save_mail *save = CONTAINER_OF(mail, struct save_mail, mail);
    struct shard *shard = receiver;

    if (shard) {
        shard->saving_round = save->round;
    }
    free(save);
}

struct mail *shard_save_mail(uint32_t round)
{
    struct save_mail *save = memory_allocate_zero(sizeof(*save));

    save->mail.run = save_mail_run;
    save->round = round;
    return &save->mail;
}
