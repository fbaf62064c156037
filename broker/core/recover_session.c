/* One session on its way back from the store: see recover_session.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/recover_session.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/fact_attributes.h"
#include "core/facts.h"
#include "core/varint64.h"
#include "mqtt/placement.h"
#include "mqtt/topic.h"

enum { GROUPS_MAX = 10000, MAYBE_SENT_MAX = 65535 };

#define TIME_MAX (UINT64_C(1) << 52) /* milliseconds; a hundred thousand years */

/* ---------------------------------------------------------------- rows */

msec_t recovered_read_time(struct reader *reader)
{
    uint64_t time = varint64_read(reader);

    if (time >= TIME_MAX) {
        reader_fail(reader);
        return 0;
    }
    return (msec_t)time;
}

struct message *recovered_read_message(struct reader *reader)
{
    struct message *message = fact_take_message(reader);
    bool is_sane =
        message && (message->expires_at == MSEC_NEVER || (uint64_t)message->expires_at < TIME_MAX);

    if (!is_sane) {
        message_release(message);
        reader_fail(reader);
        return NULL;
    }
    return message;
}

static struct identity *read_identity(struct reader *reader)
{
    struct slice user_name = varint64_read_bytes(reader);
    uint64_t count = varint64_read(reader);

    if (reader->failed || count > GROUPS_MAX) {
        return NULL;
    }
    struct slice *groups = memory_allocate((count + 1) * sizeof(*groups));
    for (uint64_t i = 0; i < count; i++) {
        groups[i] = varint64_read_bytes(reader);
    }
    struct identity *identity =
        reader->failed ? NULL : identity_new(user_name, groups, (size_t)count);
    free(groups);
    return identity;
}

static bool read_will(struct session *session, struct reader *reader)
{
    if (reader_u8(reader) == 0) {
        return !reader->failed;
    }
    struct will_message will = {.delay = (uint32_t)varint64_read(reader)};
    will.expires = reader_u8(reader) != 0;
    will.expiry = (uint32_t)varint64_read(reader);
    will.message = recovered_read_message(reader);
    if (!will.message) {
        return false;
    }
    session->will = memory_allocate(sizeof(*session->will));
    *session->will = will;
    return true;
}

/* Who is nobody has none. */
static void read_attributes(struct identity *identity, struct reader *reader)
{
    if (identity->anonymous) {
        reader_fail(reader);
    } else {
        identity->attributes = fact_take_attributes(reader, &identity->memory);
    }
}

/* The identity that was read may be one that all anonymous clients share: it stays as it is. */
static void make_trusted(struct session *session)
{
    struct identity *trusted = identity_new_trusted(session->identity->user_name);

    identity_release(session->identity);
    session->identity = trusted;
}

/* Rows of format 1 end before these. */
static bool read_flags(struct session *session, struct reader *reader)
{
    uint8_t flags = reader_left(reader) > 0 ? reader_u8(reader) : 0;

    if (flags & FACT_TRUSTED) {
        make_trusted(session);
    }
    session->overflowed = flags & FACT_OVERFLOWED;
    if (flags & FACT_BOUNDED) {
        session->bounds.given = true;
        session->bounds.messages = (uint32_t)varint64_read(reader);
        session->bounds.bytes = varint64_read(reader);
    }
    if (flags & FACT_ATTRIBUTES) {
        read_attributes(session->identity, reader);
    }
    if (flags & FACT_NUMBERED) {
        session->connection_number = (uint32_t)varint64_read(reader);
    }
    return !reader->failed;
}

bool recovered_read_session(struct recovered *recovered, struct broker *broker,
                            struct reader *reader)
{
    struct slice client_identifier = varint64_read_bytes(reader);
    if (reader->failed || client_identifier.length > UINT16_MAX) {
        return false;
    }
    struct shard *shard = broker->shards[placement_of(client_identifier, broker->shard_count)];
    struct identity *identity = read_identity(reader);
    if (!identity || sessions_find(shard, client_identifier)) {
        identity_release(identity);
        return false;
    }
    struct session *session = session_create(shard, client_identifier);
    if (!session) {
        identity_release(identity);
        return false;
    }
    recovered->session = session;
    session_make_record(session, recovered->number);
    session->identity = identity;
    session->version = reader_u8(reader);
    session->expiry_interval = (uint32_t)varint64_read(reader);
    session_schedule(session)->disconnected_at = recovered_read_time(reader);
    recovered->sent_next = reader_u32(reader);
    recovered->was_connected = session->schedule->disconnected_at == 0;
    recovered->first = DELIVERY_FIRST_SEQUENCE;
    if (!read_will(session, reader) || !read_flags(session, reader)) {
        return false;
    }
    bool is_refused; /* never: a bound does not end what is there */
    session->counted = sessions_count_user(shard, session->identity, UINT32_MAX, &is_refused);
    return true;
}

bool recovered_read_subscription(struct recovered *recovered, uint32_t number,
                                 struct reader *reader)
{
    struct subscriber asked = {.qos = reader_u8(reader)};
    asked.flags = reader_u8(reader) & SUBSCRIBER_ASKED;
    asked.identifier = (uint32_t)varint64_read(reader);
    struct slice filter = slice_make(reader->at, reader_left(reader));

    if (reader->failed || asked.qos > QOS_2 || filter.length > UINT16_MAX ||
        !topic_filter_is_valid(filter)) {
        return false;
    }
    session_restore_subscription(recovered->session, filter, number, &asked);
    return true;
}

static uint32_t read_count(struct reader *reader, size_t size_least)
{
    uint64_t count = varint64_read(reader);

    if (count > reader_left(reader) / size_least) {
        reader_fail(reader);
        return 0;
    }
    return (uint32_t)count;
}

static void add_released(struct session *session, uint32_t sequence)
{
    struct delivery delivery = {
        .position = DELIVERY_POSITION_UNKNOWN,
        .sequence = sequence,
        .qos = QOS_2,
        .flags = DELIVERY_ABSENT,
    };

    if (!inflight_find(&session->inflight, delivery_packet_id(sequence))) {
        struct inflight_entry *entry = inflight_add(&session->inflight, &delivery);
        inflight_set_state(&session->inflight, entry, INFLIGHT_RELEASED);
    }
}

static int compare_sequences(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

bool recovered_read_progress(struct recovered *recovered, uint64_t stamp, struct reader *reader)
{
    struct session *session = recovered->session;
    recovered->stamp = stamp;
    recovered->delivered_until = (uint64_t)reader_u32(reader) << 32;
    recovered->delivered_until |= reader_u32(reader);
    session->next_sequence = session->record->saved_next = reader_u32(reader);
    session->sent_next = reader_u32(reader);
    recovered->first = session->record->saved_first = reader_u32(reader);
    for (uint32_t i = read_count(reader, 4); i > 0; i--) {
        uint32_t sequence = reader_u32(reader);
        buffer_append(&recovered->sent, slice_make(&sequence, sizeof(sequence)));
    }
    for (uint32_t i = read_count(reader, 4); i > 0; i--) {
        add_released(session, reader_u32(reader));
    }
    for (uint32_t i = read_count(reader, 1); i > 0; i--) {
        uint16_t packet_id = (uint16_t)varint64_read(reader);
        if (packet_id != 0) {
            packet_ids_add(&session->received, packet_id);
        }
    }
    uint32_t next_subscription = reader_u32(reader);
    /* Rows of subscriptions that came since were read before this one. */
    if (next_subscription > session->next_subscription) {
        session->next_subscription = next_subscription;
    }
    if (recovered->sent.length > 0) {
        qsort(recovered->sent.data, recovered->sent.length / sizeof(uint32_t), sizeof(uint32_t),
              compare_sequences);
    }
    return !reader->failed;
}

/* Is this delivery of a row still to be made? Rows are not written again when one is over. */
static bool is_open(const struct recovered *recovered, uint32_t sequence)
{
    if (delivery_is_before(sequence, recovered->first)) {
        return false;
    }
    return !delivery_is_before(sequence, recovered->session->sent_next) ||
           (recovered->sent.length > 0 &&
            bsearch(&sequence, recovered->sent.data, recovered->sent.length / sizeof(uint32_t),
                    sizeof(uint32_t), compare_sequences) != NULL);
}

static void set_identifiers(struct delivery *delivery, const uint32_t *identifiers, size_t count)
{
    if (count < 2) {
        delivery->identifier = count == 1 ? identifiers[0] : 0;
        return;
    }
    size_t size = count * sizeof(*identifiers);
    delivery->identifiers = memory_allocate(sizeof(*delivery->identifiers) + size);
    delivery->identifiers->count = count;
    memcpy(delivery->identifiers->values, identifiers, size);
    delivery->flags |= DELIVERY_MANY_IDENTIFIERS;
}

static struct delivery make_delivery(const struct recovered_message *message)
{
    struct delivery delivery = {
        .length = message->length,
        .position = message->position,
        .qos = message->options & FACT_QOS,
        .flags = DELIVERY_ABSENT | (message->options & FACT_RETAIN ? DELIVERY_RETAIN : 0),
    };

    set_identifiers(&delivery, message->identifiers, message->identifier_count);
    return delivery;
}

static void queue_delivery(struct recovered *recovered, struct delivery *delivery,
                           const struct recovery_pins *pins)
{
    struct session *session = recovered->session;
    const struct delivery *last = delivery_at(delivery_queue_last(&session->queue));

    /* Rows are read in the order of their numbers, in which those that have wrapped come first. */
    if (last && delivery_is_before(delivery->sequence, last->sequence)) {
        delivery_queue_append(&recovered->newer, &session->queue);
    }
    if (delivery_is_before(delivery->sequence, session->sent_next)) {
        delivery->flags |= DELIVERY_DUP;
    }
    delivery_queue_add(&session->queue, delivery);
    pins->pin(pins->context, delivery->position);
}

/* One entry of a row; the identifiers go into `identifiers`. */
static struct recovered_message read_entry(struct reader *reader, uint64_t *position,
                                           struct buffer *identifiers)
{
    *position += varint64_read(reader);
    struct recovered_message message = {
        .position = *position,
        .length = (uint32_t)varint64_read(reader),
        .options = reader_u8(reader),
    };
    if ((message.options & FACT_QOS) > QOS_2) {
        reader_fail(reader);
    }
    identifiers->length = 0;
    for (uint32_t k = read_count(reader, 1); k > 0; k--) {
        uint32_t identifier = (uint32_t)varint64_read(reader);
        buffer_append(identifiers, slice_make(&identifier, sizeof(identifier)));
    }
    message.identifiers = (const uint32_t *)identifiers->data;
    message.identifier_count = identifiers->length / sizeof(uint32_t);
    return message;
}

bool recovered_read_deliveries(struct recovered *recovered, uint32_t chunk, struct reader *reader,
                               const struct recovery_pins *pins)
{
    struct buffer identifiers = {0};
    uint64_t position = 0;

    for (uint32_t i = read_count(reader, 5); i > 0 && !reader->failed; i--) {
        uint32_t sequence = chunk << CHUNK_BITS | (uint32_t)varint64_read(reader);
        struct recovered_message message = read_entry(reader, &position, &identifiers);
        if (!reader->failed && is_open(recovered, sequence)) {
            struct delivery delivery = make_delivery(&message);
            delivery.sequence = sequence;
            queue_delivery(recovered, &delivery, pins);
        }
    }
    buffer_release(&identifiers);
    return !reader->failed;
}

/* ---------------------------------------------------------------- frames */

/* After the rows, before the first frame: what has wrapped goes behind. */
static void join_newer(struct recovered *recovered)
{
    if (recovered->newer.count > 0) {
        delivery_queue_append(&recovered->session->queue, &recovered->newer);
    }
}

void recovered_deliver(struct recovered *recovered, const struct recovered_message *message,
                       const struct recovery_pins *pins)
{
    struct session *session = recovered->session;
    struct delivery delivery = make_delivery(message);

    join_newer(recovered);
    delivery.sequence = session->next_sequence;
    session->next_sequence = delivery_next_sequence(session->next_sequence);
    queue_delivery(recovered, &delivery, pins);
}

static uint32_t last_of(const struct delivery_chunk *chunk)
{
    return chunk->items[chunk->end - 1].sequence;
}

/* Acknowledgements come mostly in order, so the search begins where the last one ended. */
static struct delivery *find_delivery(struct recovered *recovered, uint32_t sequence)
{
    struct delivery_place place = recovered->found;
    if (!place.chunk ||
        delivery_is_before(sequence, place.chunk->items[place.chunk->first].sequence)) {
        place = delivery_queue_begin(&recovered->session->queue);
    }
    struct delivery_chunk *chunk = place.chunk;
    while (chunk && delivery_is_before(last_of(chunk), sequence)) {
        chunk = chunk->next;
    }
    if (!chunk) {
        return NULL;
    }
    uint32_t low = chunk->first, high = chunk->end;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (delivery_is_before(chunk->items[middle].sequence, sequence)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    recovered->found = (struct delivery_place){chunk, low};
    struct delivery *delivery = &chunk->items[low];
    bool found =
        low < chunk->end && delivery->sequence == sequence && !(delivery->flags & DELIVERY_GONE);
    return found ? delivery : NULL;
}

void recovered_end_delivery(struct recovered *recovered, uint32_t sequence, bool sent,
                            bool released, const struct recovery_pins *pins)
{
    struct session *session = recovered->session;
    join_newer(recovered);
    struct inflight_entry *entry = inflight_find(&session->inflight, delivery_packet_id(sequence));
    if (entry && entry->delivery.sequence == sequence && !released) {
        inflight_set_state(&session->inflight, entry, INFLIGHT_FREE);
        return;
    }
    struct delivery *delivery = find_delivery(recovered, sequence);
    if (!delivery) {
        return;
    }
    delivery->flags |= DELIVERY_GONE;
    pins->unpin(pins->context, delivery->position);
    if (released) {
        add_released(session, sequence);
    }
    /* One that stands in a row was dropped when it was its turn to be sent (if it is not sent, it
     * is dropped before it gets into a row); that the row is of no use any more is told by this. */
    if ((sent || delivery_is_before(sequence, session->record->saved_next)) &&
        delivery_is_before(session->sent_next, delivery_next_sequence(sequence))) {
        session->sent_next = delivery_next_sequence(sequence);
    }
}

/* ---------------------------------------------------------------- the end */

/* Nobody has written down what was sent before the connection was lost: more may have been than
 * the acknowledgements tell, and DUP says no more than that (MQTT-3.3.1-1). */
static void mark_maybe_sent(struct session *session)
{
    struct delivery_place place = delivery_queue_begin(&session->queue);
    uint32_t sent_next = session->sent_next;

    for (uint32_t i = 0; i < MAYBE_SENT_MAX && place.chunk; i++) {
        struct delivery *delivery = delivery_at(place);
        delivery->flags |= DELIVERY_DUP;
        sent_next = delivery_next_sequence(delivery->sequence);
        place = delivery_place_next(place);
    }
    if (delivery_is_before(session->sent_next, sent_next)) {
        session->sent_next = sent_next;
    }
}

static void mark_sent(struct session *session)
{
    struct delivery_place place = delivery_queue_begin(&session->queue);

    while (place.chunk && delivery_is_before(delivery_at(place)->sequence, session->sent_next)) {
        delivery_at(place)->flags |= DELIVERY_DUP;
        place = delivery_place_next(place);
    }
}

void recovered_complete(struct recovered *recovered)
{
    struct session *session = recovered->session;
    struct counters *counters = &session->shard->counters;

    join_newer(recovered);
    recovered->found = (struct delivery_place){0};
    delivery_queue_compact(&session->queue);
    if (delivery_is_before(session->sent_next, recovered->sent_next)) {
        session->sent_next = recovered->sent_next;
    }
    if (recovered->was_connected) {
        mark_maybe_sent(session);
    } else {
        mark_sent(session);
    }
    counter_add(&counters->messages_queued, session->queue.count);
    counter_add(&counters->messages_queued_bytes, session->queue.bytes);
    session_update_subscriptions(session, true);
    session_mark_unsaved(session);
}

void recovered_arm(struct recovered *recovered, msec_t alive_until)
{
    struct session *session = recovered->session;

    if (recovered->was_connected) {
        session_schedule(session)->disconnected_at = alive_until;
    }
    session_arm(session);
    if (recovered->was_connected || !session->will) {
        session_put_row(session);
    }
}
