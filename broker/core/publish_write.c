/* PUBLISH to a client: the hottest code of the broker.
 *
 * A message's bytes lie as MQTT 5 sends them, so a delivery is: fixed header, topic, packet
 * identifier, and one run for properties and payload. Only what differs per receiver (expiry,
 * alias, subscription identifiers) makes the property list be assembled anew.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/publish_write.h"

#include "core/alias.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/shard.h"

/* Properties that depend on the receiver, in front of the forwarded ones. */
struct own_properties {
    size_t length;
    uint16_t alias;
    bool has_expiry;
    uint32_t expiry; /* seconds left */
    const uint32_t *identifiers;
    size_t identifier_count;
    struct slice told; /* of the publisher */
};

enum { EXPIRY_SIZE = 5, ALIAS_SIZE = 3, HEADERS_SIZE_MAX = 16 };

static uint8_t *put_u16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return out + 2;
}

static uint8_t *put_u32(uint8_t *out, uint32_t value)
{
    return put_u16(put_u16(out, value >> 16), value & 0xffff);
}

static uint8_t *put_bytes(uint8_t *out, struct slice bytes)
{
    if (bytes.length > 0) {
        memcpy(out, bytes.data, bytes.length);
    }
    return out + bytes.length;
}

static uint8_t *put_own_properties(uint8_t *out, const struct own_properties *own)
{
    if (own->has_expiry) {
        *out++ = PROPERTY_MESSAGE_EXPIRY_INTERVAL;
        out = put_u32(out, own->expiry);
    }
    if (own->alias) {
        *out++ = PROPERTY_TOPIC_ALIAS;
        out = put_u16(out, own->alias);
    }
    for (size_t i = 0; i < own->identifier_count; i++) {
        *out++ = PROPERTY_SUBSCRIPTION_IDENTIFIER;
        out += varint_write(out, own->identifiers[i]);
    }
    return put_bytes(out, own->told);
}

/* The remaining Message Expiry Interval (MQTT-3.3.2-6): what was received minus the time here, to
 * the nearest second (never more than was received, although the clock of this shard's turn may be
 * behind that of the publisher's), but not 0 before it is over. */
static uint32_t seconds_left(const struct message *message, msec_t now)
{
    msec_t left = message->expires_at - now;
    if (left <= 0) {
        return 0;
    }
    return left < 500 ? 1 : (uint32_t)((left + 500) / 1000);
}

/* Is the receiver one that is told who has published? */
static inline bool is_told(const struct connection *connection, const struct message *message)
{
    return message->told_start < message->length && connection->session->hears_publisher;
}

static void collect_own_properties(struct connection *connection, const struct delivery *delivery,
                                   struct own_properties *own)
{
    const struct message *message = delivery->message;
    if (message->expires_at != MSEC_NEVER) {
        own->has_expiry = true;
        own->expiry = seconds_left(message, connection->shard->now);
        own->length += EXPIRY_SIZE;
    }
    if (delivery->flags & DELIVERY_MANY_IDENTIFIERS) {
        own->identifiers = delivery->identifiers->values;
        own->identifier_count = delivery->identifiers->count;
    } else if (delivery->identifier) {
        own->identifiers = &delivery->identifier;
        own->identifier_count = 1;
    }
    for (size_t i = 0; i < own->identifier_count; i++) {
        own->length += 1 + varint_size(own->identifiers[i]);
    }
    if (is_told(connection, message)) {
        own->told = message_told(message);
        own->length += own->told.length;
    }
}

/* Chooses an alias if the client takes any; true if it stands for the topic by itself. */
static bool choose_alias(struct connection *connection, struct slice topic,
                         struct own_properties *own)
{
    if (!connection->aliases_out) {
        connection->aliases_out = aliases_new();
    }
    bool known;
    own->alias =
        aliases_for_topic(connection->aliases_out, topic, connection->peer_topic_alias_max, &known);
    own->length += own->alias ? ALIAS_SIZE : 0;
    return own->alias && known;
}

/* One PUBLISH, cut into what is written in front of the run of shared bytes, and that run. */
struct plan {
    struct slice topic; /* what stands on the wire: empty if an alias says it */
    struct own_properties own;
    struct slice forwarded; /* properties; used if own.length > 0 */
    struct slice tail;      /* shared run: payload, with the property list in front if unchanged */
    bool new_list;          /* the property list is written anew */
    size_t head_length;     /* after the fixed header, before the tail */
};

/* Inlined although there are two callers: a plan that is never in memory saves a fifth of what it
 * takes to write a short PUBLISH. */
static inline __attribute__((always_inline)) void make_plan(struct connection *connection,
                                                            const struct delivery *delivery,
                                                            struct plan *plan)
{
    const struct message *message = delivery->message;
    plan->topic = message_topic(message);
    plan->tail = message_payload(message);
    if (connection->version == MQTT_5) {
        collect_own_properties(connection, delivery, &plan->own);
        /* Only where the packet fits for sure: an alias that was assigned must be sent. */
        bool fits = message->length + plan->own.length + ALIAS_SIZE + HEADERS_SIZE_MAX <=
                    connection->peer_packet_size_max;
        if (connection->peer_topic_alias_max && fits &&
            choose_alias(connection, plan->topic, &plan->own)) {
            plan->topic = SLICE_EMPTY;
        }
        plan->new_list = plan->own.length > 0;
        if (!plan->new_list) {
            plan->tail = slice_make(message->bytes + message->properties_start,
                                    message->told_start - message->properties_start);
        }
    }
    plan->head_length = 2 + plan->topic.length + (delivery->qos ? 2 : 0);
    if (plan->new_list) {
        plan->forwarded = message_properties(message);
        size_t length = plan->own.length + plan->forwarded.length;
        plan->head_length += varint_size((uint32_t)length) + length;
    }
}

static uint8_t *put_head(uint8_t *out, const struct plan *plan, const struct delivery *delivery,
                         uint16_t packet_id, bool dup)
{
    *out++ = (uint8_t)(PACKET_PUBLISH << 4 | (dup ? 8 : 0) | delivery->qos << 1 |
                       (delivery->flags & DELIVERY_RETAIN));
    out += varint_write(out, (uint32_t)(plan->head_length + plan->tail.length));
    out = put_u16(out, (uint32_t)plan->topic.length);
    out = put_bytes(out, plan->topic);
    if (delivery->qos) {
        out = put_u16(out, packet_id);
    }
    if (plan->new_list) {
        out += varint_write(out, (uint32_t)(plan->own.length + plan->forwarded.length));
        out = put_own_properties(out, &plan->own);
        out = put_bytes(out, plan->forwarded);
    }
    return out;
}

/* A head too long for one chunk: a topic or property list of tens of kilobytes. */
static void write_long_head(struct connection *connection, const struct plan *plan,
                            const struct delivery *delivery, uint16_t packet_id, bool dup)
{
    struct buffer head = {0};
    uint8_t *start = buffer_reserve(&head, 5 + plan->head_length);
    head.length = (size_t)(put_head(start, plan, delivery, packet_id, dup) - start);
    output_append(&connection->output, &connection->shard->pool, buffer_slice(&head));
    buffer_release(&head);
}

/* --- the same bytes for many --- */

int publish_form(const struct connection *connection, const struct delivery *delivery, bool dup)
{
    bool is_5 = connection->version == MQTT_5;
    if (dup || (is_5 && (connection->peer_topic_alias_max || delivery->identifier ||
                         (delivery->flags & DELIVERY_MANY_IDENTIFIERS) ||
                         is_told(connection, delivery->message)))) {
        return PUBLISH_OWN_FORM;
    }
    return (is_5 ? 6 : 0) + delivery->qos * 2 + (delivery->flags & DELIVERY_RETAIN);
}

/* Which encoding this receiver gets, if it can be shared. NULL: not shared. */
static struct encoding *shared_encoding(struct connection *connection,
                                        const struct delivery *delivery, bool dup, uint32_t *bit)
{
    struct encodings *encodings = &connection->shard->encodings;
    int form = PUBLISH_OWN_FORM;
    if (encodings->message == delivery->message) {
        form = publish_form(connection, delivery, dup);
    }
    if (form == PUBLISH_OWN_FORM) {
        return NULL;
    }
    *bit = UINT32_C(1) << form;
    return &encodings->items[form];
}

static void count_publish(struct connection *connection, const struct message *message)
{
    struct counters *counters = &connection->shard->counters;
    counter_add(&counters->packets_sent, 1);
    counter_add(&counters->publish_sent, 1);
    counter_add(&counters->publish_bytes_sent, message->told_start - message->payload_start);
}

static bool write_shared(struct connection *connection, const struct encoding *encoding,
                         uint16_t packet_id)
{
    if (encoding->length > connection->peer_packet_size_max) {
        return false;
    }
    uint8_t *out = output_reserve(&connection->output, &connection->shard->pool, encoding->length);
    memcpy(out, encoding->bytes, encoding->length);
    if (encoding->packet_id_at) {
        put_u16(out + encoding->packet_id_at, packet_id);
    }
    connection_mark_dirty(connection);
    return true;
}

/* --- one PUBLISH --- */

/* Writes the plan; the encoding if it came out contiguous and whole. */
static struct encoding write_plan(struct connection *connection, const struct plan *plan,
                                  const struct delivery *delivery, uint16_t packet_id, bool dup)
{
    struct output_pool *pool = &connection->shard->pool;
    size_t header = 1 + varint_size((uint32_t)(plan->head_length + plan->tail.length));
    bool tail_by_reference = plan->tail.length >= OUTPUT_REFERENCE_MIN;
    size_t copied = header + plan->head_length + (tail_by_reference ? 0 : plan->tail.length);
    struct encoding encoding = {0};
    if (copied <= OUTPUT_RESERVE_MAX) {
        uint8_t *start = output_reserve(&connection->output, pool, copied);
        uint8_t *out = put_head(start, plan, delivery, packet_id, dup);
        if (!tail_by_reference) {
            put_bytes(out, plan->tail);
            encoding = (struct encoding){
                .bytes = start,
                .length = (uint16_t)copied,
                .packet_id_at = delivery->qos ? (uint16_t)(header + 2 + plan->topic.length) : 0,
            };
        }
    } else {
        write_long_head(connection, plan, delivery, packet_id, dup);
        if (!tail_by_reference) {
            output_append(&connection->output, pool, plan->tail);
        }
    }
    if (tail_by_reference) {
        output_append_shared(&connection->output, pool, delivery->message, plan->tail);
    }
    return encoding;
}

static bool fits_peer(const struct connection *connection, const struct plan *plan)
{
    size_t remaining = plan->head_length + plan->tail.length;
    return 1 + varint_size((uint32_t)remaining) + remaining <= connection->peer_packet_size_max;
}

bool publish_append(struct buffer *out, struct connection *connection,
                    const struct delivery *delivery, bool dup)
{
    struct plan plan = {0};
    make_plan(connection, delivery, &plan);
    if (!fits_peer(connection, &plan)) {
        return false;
    }
    uint8_t *start = buffer_reserve(out, HEADERS_SIZE_MAX + plan.head_length + plan.tail.length);
    uint8_t *end = put_bytes(put_head(start, &plan, delivery, 0, dup), plan.tail);
    out->length += (size_t)(end - start);
    return true;
}

/* Into the connection's output. */
static bool write_publish(struct connection *connection, const struct delivery *delivery,
                          uint16_t packet_id, bool dup)
{
    uint32_t bit = 0;
    struct encoding *shared = shared_encoding(connection, delivery, dup, &bit);
    struct encodings *encodings = &connection->shard->encodings;
    if (shared && (encodings->known & bit)) {
        return write_shared(connection, shared, packet_id);
    }
    struct plan plan = {0};
    make_plan(connection, delivery, &plan);
    if (!fits_peer(connection, &plan)) {
        return false;
    }
    struct encoding encoding = write_plan(connection, &plan, delivery, packet_id, dup);
    if (shared && encoding.bytes) {
        *shared = encoding;
        encodings->known |= bit;
    }
    connection_mark_dirty(connection);
    return true;
}

bool reply_publish(struct connection *connection, const struct delivery *delivery,
                   uint16_t packet_id, bool dup)
{
    const struct connection_carrier *carrier = connection->carrier;
    bool sent = carrier->publish ? carrier->publish(connection, delivery, dup)
                                 : write_publish(connection, delivery, packet_id, dup);
    if (sent) {
        count_publish(connection, delivery->message);
    }
    return sent;
}
