/* Facts as bytes: see facts.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/facts.h"

#include "base/siphash.h"
#include "core/fact_attributes.h"
#include "core/recipient_set.h"
#include "core/varint64.h"

/* ---------------------------------------------------------------- keys */

static void put_big_endian(struct fact_key *key, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        key->bytes[key->length++] = (uint8_t)(value >> 8 * i);
    }
}

struct fact_key fact_session_key(uint64_t session)
{
    struct fact_key key = {.bytes = {'S'}, .length = 1};

    put_big_endian(&key, session, 8);
    return key;
}

struct fact_key fact_row_key(uint64_t session, char kind)
{
    struct fact_key key = fact_session_key(session);

    key.bytes[key.length++] = (uint8_t)kind;
    return key;
}

struct fact_key fact_numbered_key(uint64_t session, char kind, uint32_t number)
{
    struct fact_key key = fact_row_key(session, kind);

    put_big_endian(&key, number, 4);
    return key;
}

struct fact_key fact_delayed_key(uint64_t number)
{
    struct fact_key key = {.bytes = {'D'}, .length = 1};

    put_big_endian(&key, number, 8);
    return key;
}

struct fact_key fact_retained_key(struct slice topic)
{
    static const struct siphash_key keys[] = {{0x7075626772696431, 1}, {0x7075626772696432, 2}};
    struct fact_key key = {.bytes = {'R'}, .length = 1};

    put_big_endian(&key, siphash_13(topic, &keys[0]), 8);
    put_big_endian(&key, siphash_13(topic, &keys[1]), 8);
    return key;
}

/* ---------------------------------------------------------------- frames */

static uint8_t flags_of(const struct message *message)
{
    return (uint8_t)(message->qos | (message->retain ? FACT_RETAIN : 0) |
                     (message_told(message).length > 0 ? FACT_TOLD : 0));
}

static void append_told(struct buffer *out, const struct message *message)
{
    size_t length = message_told(message).length;

    if (length > 0) {
        varint64_append(out, length);
    }
}

uint64_t fact_take_told(struct reader *reader, uint8_t flags)
{
    return flags & FACT_TOLD ? varint64_read(reader) : 0;
}

static uint64_t expiry_of(const struct message *message)
{
    return message->expires_at == MSEC_NEVER ? 0 : (uint64_t)message->expires_at;
}

static void append_group(struct buffer *out, const struct fact_group *group)
{
    buffer_append_byte(out, group->options);
    varint64_append(out, group->identifier_count);
    for (size_t i = 0; i < group->identifier_count; i++) {
        varint64_append(out, group->identifiers[i]);
    }
    recipient_set_append(out, group->sessions, group->session_count);
}

uint32_t fact_message(struct batch *batch, const struct message *message, uint64_t publisher,
                      uint16_t packet_id, const struct fact_group *groups, size_t group_count)
{
    uint32_t offset = batch_frame_begin(batch);
    struct buffer *out = &batch->log;

    buffer_append_byte(out, FACT_MESSAGE);
    varint64_append(out, publisher);
    varint64_append(out, packet_id);
    varint64_append(out, expiry_of(message));
    buffer_append_byte(out, flags_of(message));
    varint64_append(out, group_count);
    for (size_t i = 0; i < group_count; i++) {
        append_group(out, &groups[i]);
    }
    if (group_count > 0) {
        append_told(out, message);
        buffer_append(out, slice_make(message->bytes, message->length));
    }
    batch_frame_end(batch, offset);
    return offset;
}

/* A frame about a session begins; returns its offset. */
static uint32_t session_fact_begin(struct batch *batch, enum fact_kind kind, uint64_t session)
{
    uint32_t offset = batch_frame_begin(batch);

    buffer_append_byte(&batch->log, (uint8_t)kind);
    varint64_append(&batch->log, session);
    return offset;
}

void fact_deliveries(struct batch *batch, enum fact_kind kind, uint64_t session, uint32_t sequence,
                     uint32_t count)
{
    uint32_t offset = session_fact_begin(batch, kind, session);

    buffer_append_u32(&batch->log, sequence);
    varint64_append(&batch->log, count);
    batch_frame_end(batch, offset);
}

void fact_released(struct batch *batch, uint64_t session, uint32_t sequence)
{
    uint32_t offset = session_fact_begin(batch, FACT_RELEASED, session);

    buffer_append_u32(&batch->log, sequence);
    batch_frame_end(batch, offset);
}

void fact_received_end(struct batch *batch, uint64_t session, uint16_t packet_id)
{
    uint32_t offset = session_fact_begin(batch, FACT_RECEIVED_END, session);

    varint64_append(&batch->log, packet_id);
    batch_frame_end(batch, offset);
}

static void skip_recipient(void *context, uint64_t number)
{
    (void)context, (void)number;
}

struct message *fact_read_message(struct slice payload)
{
    struct reader reader = reader_make(payload);

    if (reader_u8(&reader) != FACT_MESSAGE) {
        return NULL;
    }
    varint64_read(&reader);
    varint64_read(&reader);
    uint64_t expires_at = varint64_read(&reader);
    uint8_t flags = reader_u8(&reader);
    for (uint64_t groups = varint64_read(&reader); groups > 0 && !reader.failed; groups--) {
        reader_u8(&reader);
        for (uint64_t i = varint64_read(&reader); i > 0 && !reader.failed; i--) {
            varint64_read(&reader);
        }
        recipient_set_read(&reader, skip_recipient, NULL);
    }
    uint64_t told = fact_take_told(&reader, flags);

    return reader.failed ? NULL
                         : message_from_bytes(slice_make(reader.at, reader_left(&reader)), told,
                                              expires_at ? (msec_t)expires_at : MSEC_NEVER,
                                              flags & FACT_QOS, flags & FACT_RETAIN);
}

/* ---------------------------------------------------------------- rows */

void fact_append_message(struct buffer *out, const struct message *message)
{
    varint64_append(out, expiry_of(message));
    buffer_append_byte(out, flags_of(message));
    append_told(out, message);
    varint64_append_bytes(out, slice_make(message->bytes, message->length));
}

struct message *fact_take_message(struct reader *reader)
{
    uint64_t expires_at = varint64_read(reader);
    uint8_t flags = reader_u8(reader);
    uint64_t told = fact_take_told(reader, flags);
    struct slice bytes = varint64_read_bytes(reader);

    return reader->failed
               ? NULL
               : message_from_bytes(bytes, told, expires_at ? (msec_t)expires_at : MSEC_NEVER,
                                    flags & FACT_QOS, flags & FACT_RETAIN);
}

static void append_will(struct buffer *out, const struct will_message *will)
{
    buffer_append_byte(out, will != NULL);
    if (will) {
        varint64_append(out, will->delay);
        buffer_append_byte(out, will->expires);
        varint64_append(out, will->expiry);
        fact_append_message(out, will->message);
    }
}

static void append_session_flags(struct buffer *out, const struct session *session)
{
    int trusted = session->identity->trusted ? FACT_TRUSTED : 0;
    int bounded = session->bounds.given ? FACT_BOUNDED : 0;
    int overflowed = session->overflowed ? FACT_OVERFLOWED : 0;
    int attributed = session->identity->attributes ? FACT_ATTRIBUTES : 0;

    buffer_append_byte(out, (uint8_t)(trusted | bounded | overflowed | attributed | FACT_NUMBERED));
    if (bounded) {
        varint64_append(out, session->bounds.messages);
        varint64_append(out, session->bounds.bytes);
    }
    if (attributed) {
        fact_append_attributes(out, session->identity->attributes);
    }
    varint64_append(out, session->connection_number);
}

void fact_put_session(struct batch *batch, const struct session *session)
{
    struct fact_key key = fact_row_key(session_durable_id(session), 'a');
    const struct identity *identity = session->identity;
    struct buffer out = {0};

    varint64_append_bytes(&out, session_client_identifier(session));
    varint64_append_bytes(&out, identity->user_name);
    varint64_append(&out, identity->group_count);
    for (size_t i = 0; i < identity->group_count; i++) {
        varint64_append_bytes(&out, identity->groups[i]);
    }
    buffer_append_byte(&out, session->version);
    varint64_append(&out, session->expiry_interval);
    varint64_append(&out, session->connection ? 0 : (uint64_t)session->schedule->disconnected_at);
    buffer_append_u32(&out, session->sent_next);
    append_will(&out, session->will);
    append_session_flags(&out, session);
    batch_put(batch, fact_key_slice(&key), buffer_slice(&out));
    buffer_release(&out);
}

void fact_put_subscription(struct batch *batch, const struct session *session,
                           const struct session_subscription *subscription)
{
    struct fact_key key = fact_numbered_key(session_durable_id(session), 'f', subscription->number);
    struct buffer out = {0};

    buffer_append_byte(&out, subscription->qos);
    buffer_append_byte(&out, subscription->flags & SUBSCRIBER_ASKED);
    varint64_append(&out, subscription->identifier);
    buffer_append(&out, slice_make(subscription->filter, subscription->filter_length));
    batch_put(batch, fact_key_slice(&key), buffer_slice(&out));
    buffer_release(&out);
}

void fact_delete_subscription(struct batch *batch, const struct session *session, uint32_t number)
{
    struct fact_key key = fact_numbered_key(session_durable_id(session), 'f', number);

    batch_delete(batch, fact_key_slice(&key));
}

void fact_put_retained(struct batch *batch, const struct message *message, uint64_t version)
{
    struct fact_key key = fact_retained_key(message_topic(message));
    struct buffer out = {0};

    if (message_payload(message).length > 0) {
        fact_append_message(&out, message);
    }
    batch_put_versioned(batch, fact_key_slice(&key), version, buffer_slice(&out));
    buffer_release(&out);
}

void fact_delete_retained(struct batch *batch, struct slice topic, uint64_t version)
{
    struct fact_key key = fact_retained_key(topic);

    batch_put_versioned(batch, fact_key_slice(&key), version, SLICE_EMPTY);
}

void fact_put_delayed(struct batch *batch, uint64_t number, msec_t due,
                      const struct message *message)
{
    struct fact_key key = fact_delayed_key(number);
    struct buffer out = {0};

    varint64_append(&out, (uint64_t)due);
    fact_append_message(&out, message);
    batch_put(batch, fact_key_slice(&key), buffer_slice(&out));
    buffer_release(&out);
}
