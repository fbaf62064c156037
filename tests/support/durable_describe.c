/* The state of a durable_world as text: see durable_world.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"
#include "support/durable_world.h"

struct lines {
    char **items;
    size_t count, capacity;
};

static void lines_add(struct lines *lines, struct buffer *line)
{
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity * 2 + 64;
        lines->items = memory_resize(lines->items, lines->capacity * sizeof(*lines->items));
    }
    lines->items[lines->count++] = memory_copy_string(buffer_slice(line));
    line->length = 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void describe_message(struct buffer *line, const struct message *message)
{
    buffer_append_format(line, "%.*s=%.*s qos=%u retain=%d expires=%" PRId64,
                         SLICE_PRINT(message_topic(message)), SLICE_PRINT(message_payload(message)),
                         message->qos, message->retain, message->expires_at);
}

static void begin(struct buffer *line, const struct session *session, const char *what)
{
    buffer_append_format(line, "%.*s %s ", SLICE_PRINT(session_client_identifier(session)), what);
}

static void describe_subscriptions(struct lines *lines, struct buffer *line,
                                   const struct session *session)
{
    for (struct map_node *node = map_next(&session->subscriptions, NULL); node;
         node = map_next(&session->subscriptions, node)) {
        const struct session_subscription *subscription =
            CONTAINER_OF(node, struct session_subscription, by_filter);
        begin(line, session, "filter");
        buffer_append_format(line, "%.*s number=%u qos=%u flags=%u identifier=%u",
                             subscription->filter_length, subscription->filter,
                             subscription->number, subscription->qos, subscription->flags,
                             subscription->identifier);
        lines_add(lines, line);
    }
}

static void describe_deliveries(struct lines *lines, struct buffer *line,
                                const struct session *session)
{
    for (struct delivery_place place = delivery_queue_begin(&session->queue); place.chunk;
         place = delivery_place_next(place)) {
        const struct delivery *delivery = delivery_at(place);
        begin(line, session, "waits");
        buffer_append_format(line, "%010u position=%" PRIu64 " length=%u qos=%u flags=%u",
                             delivery->sequence, delivery->position, delivery_length(delivery),
                             delivery->qos,
                             delivery->flags & (unsigned)~(DELIVERY_ABSENT | DELIVERY_GONE));
        if (delivery->flags & DELIVERY_MANY_IDENTIFIERS) {
            for (size_t i = 0; i < delivery->identifiers->count; i++) {
                buffer_append_format(line, " %u", delivery->identifiers->values[i]);
            }
        } else {
            buffer_append_format(line, " %u", delivery->identifier);
        }
        lines_add(lines, line);
    }
    for (uint32_t i = 0; i < session->inflight.capacity; i++) {
        const struct inflight_entry *entry = &session->inflight.entries[i];
        if (entry->state != INFLIGHT_FREE) {
            begin(line, session, "in flight");
            buffer_append_format(line, "%010u state=%u qos=%u", entry->delivery.sequence,
                                 entry->state, entry->delivery.qos);
            lines_add(lines, line);
        }
    }
}

static void describe_session(struct lines *lines, struct buffer *line,
                             const struct session *session)
{
    begin(line, session, "is");
    buffer_append_format(
        line, "%" PRIu64 " user=%.*s version=%u expiry=%u expires=%" PRId64 " next=%u sent=%u",
        session_durable_id(session), SLICE_PRINT(session->identity->user_name), session->version,
        session->expiry_interval, session->schedule ? session->schedule->expires_at : MSEC_NEVER,
        session->next_sequence, session->sent_next);
    if (session->identity->trusted) {
        buffer_append_string(line, " trusted");
    }
    if (session->bounds.given) {
        buffer_append_format(line, " bounds=%u,%" PRIu64, session->bounds.messages,
                             session->bounds.bytes);
    }
    if (session->will) {
        buffer_append_format(line, " will at %" PRId64 " delay=%u expiry=%u,%d ",
                             session->schedule ? session->schedule->will_at : MSEC_NEVER,
                             session->will->delay, session->will->expiry, session->will->expires);
        describe_message(line, session->will->message);
    }
    lines_add(lines, line);
    describe_subscriptions(lines, line, session);
    describe_deliveries(lines, line, session);
    uint32_t place = 0;
    uint16_t packet_id;
    while ((packet_id = packet_ids_next(&session->received, &place)) != 0) {
        begin(line, session, "received");
        buffer_append_format(line, "%05u", packet_id);
        lines_add(lines, line);
    }
}

static void describe_shards(struct durable_world *world, struct lines *lines, struct buffer *line)
{
    uint64_t delayed = 0;

    for (unsigned i = 0; i < world->broker.shard_count; i++) {
        const struct shard *shard = &world->shards[i];
        delayed += counter_read(&shard->counters.messages_delayed);
        for (uint32_t slot = 0; slot < shard->slot_count; slot++) {
            if (shard->slots[slot].session) {
                describe_session(lines, line, shard->slots[slot].session);
            }
        }
    }
    buffer_append_format(line, "delayed: %" PRIu64, delayed);
    lines_add(lines, line);
}

void durable_describe(struct durable_world *world, struct buffer *out)
{
    struct lines lines = {0};
    struct buffer line = {0};
    struct retained_matches matches;

    describe_shards(world, &lines, &line);
    retained_match(world->broker.retained, SLICE_LITERAL("#"), world->now, &matches);
    for (size_t i = 0; i < matches.count; i++) {
        buffer_append_string(&line, "retained ");
        describe_message(&line, matches.items[i]);
        lines_add(&lines, &line);
    }
    retained_matches_release(&matches);
    for (size_t i = 0; i < world->pin_count; i++) {
        buffer_append_format(&line, "pin %010" PRIu64 ": %" PRId64, world->pins[i].position,
                             world->pins[i].users);
        lines_add(&lines, &line);
    }
    buffer_release(&line);
    qsort(lines.items, lines.count, sizeof(*lines.items), compare_lines);
    for (size_t i = 0; i < lines.count; i++) {
        buffer_append_string(out, lines.items[i]);
        buffer_append_byte(out, '\n');
        free(lines.items[i]);
    }
    free(lines.items);
}
