/* Recovery: see recover.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/recover.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/delayed.h"
#include "core/facts.h"
#include "core/recipient_set.h"
#include "core/recover_session.h"
#include "core/retained.h"
#include "core/varint64.h"

struct recovery {
    struct broker *broker;
    struct recovery_pins pins;
    msec_t alive_until;
    struct map sessions;    /* struct recovered by number */
    struct recovered *last; /* found last */
    uint64_t next_id;       /* greater than all numbers there are */
    uint64_t last_position;
};

static struct recovered *recovered_of(const struct map_node *node)
{
    return CONTAINER_OF((struct map_node *)(uintptr_t)node, struct recovered, by_number);
}

static struct slice number_key(const struct map_node *node)
{
    return slice_make(&recovered_of(node)->number, sizeof(uint64_t));
}

struct recovery *recovery_new(struct broker *broker, const struct recovery_pins *pins,
                              msec_t alive_until)
{
    struct recovery *recovery = memory_allocate_zero(sizeof(*recovery));

    recovery->broker = broker;
    recovery->pins = *pins;
    recovery->alive_until = alive_until;
    recovery->next_id = 1;
    map_init(&recovery->sessions, number_key);
    return recovery;
}

void recovery_free(struct recovery *recovery)
{
    struct map_node *node = map_next(&recovery->sessions, NULL);

    while (node) {
        struct map_node *next = map_next(&recovery->sessions, node);
        struct recovered *recovered = recovered_of(node);
        map_remove(&recovery->sessions, node);
        buffer_release(&recovered->sent);
        delivery_queue_release(&recovered->newer);
        free(recovered);
        node = next;
    }
    map_release(&recovery->sessions);
    free(recovery);
}

static void note_number(struct recovery *recovery, uint64_t number)
{
    if (number >= recovery->next_id) {
        recovery->next_id = number + 1;
    }
}

static struct recovered *find_session(struct recovery *recovery, uint64_t number)
{
    note_number(recovery, number);
    if (recovery->last && recovery->last->number == number) {
        return recovery->last;
    }
    struct map_node *node = map_find(&recovery->sessions, slice_make(&number, sizeof(number)));
    if (node) {
        recovery->last = recovered_of(node);
    }
    return node ? recovered_of(node) : NULL;
}

/* ---------------------------------------------------------------- rows */

static uint64_t read_number(struct reader *reader, int bytes)
{
    uint64_t number = 0;

    while (bytes-- > 0) {
        number = number << 8 | reader_u8(reader);
    }
    return number;
}

static bool new_session(struct recovery *recovery, uint64_t number, struct reader *value)
{
    if (number == 0) {
        return false; /* nobody's name */
    }
    struct recovered *recovered = memory_allocate_zero(sizeof(*recovered));
    recovered->number = number;
    if (!recovered_read_session(recovered, recovery->broker, value)) {
        free(recovered);
        return false;
    }
    note_number(recovery, number);
    map_insert(&recovery->sessions, &recovered->by_number);
    return true;
}

static bool read_session_row(struct recovery *recovery, struct reader *key, uint64_t stamp,
                             struct reader *value)
{
    uint64_t number = read_number(key, 8);
    uint8_t kind = reader_u8(key);
    if (kind == 'a') {
        return new_session(recovery, number, value);
    }
    struct recovered *recovered = find_session(recovery, number);
    if (!recovered) {
        return false;
    }
    if (kind == 'f') {
        return recovered_read_subscription(recovered, reader_u32(key), value);
    }
    if (kind == 'p') {
        return recovered_read_progress(recovered, stamp, value);
    }
    return kind == 'q' &&
           recovered_read_deliveries(recovered, reader_u32(key), value, &recovery->pins);
}

static bool read_retained_row(struct recovery *recovery, uint64_t version, struct reader *value)
{
    struct message *message = NULL;

    if (reader_left(value) > 0) {
        message = recovered_read_message(value);
        if (!message) {
            return false;
        }
    }
    retained_restore(recovery->broker->retained, message, version);
    message_release(message);
    return true;
}

static bool read_delayed_row(struct recovery *recovery, struct reader *key, struct reader *value)
{
    struct broker *broker = recovery->broker;
    uint64_t number = read_number(key, 8);
    msec_t due = recovered_read_time(value);
    struct message *message = recovered_read_message(value);

    if (!message) {
        return false;
    }
    note_number(recovery, number);
    delayed_restore(broker->shards[number % broker->shard_count], message, number, due);
    message_release(message);
    return true;
}

static bool take_row(void *context, struct slice key, uint64_t stamp, struct slice value,
                     struct buffer *error)
{
    struct recovery *recovery = context;
    struct reader name = reader_make(key), content = reader_make(value);
    uint8_t kind = reader_u8(&name);
    bool good = false;

    if (kind == 'S') {
        good = read_session_row(recovery, &name, stamp, &content);
    } else if (kind == 'R') {
        good = read_retained_row(recovery, stamp, &content);
    } else if (kind == 'D') {
        good = read_delayed_row(recovery, &name, &content);
    }
    if (!good || name.failed) {
        buffer_append_format(error, "the file is damaged: a row of kind %c%c makes no sense", kind,
                             key.length > 9 ? key.data[9] : ' ');
    }
    return good && !name.failed;
}

/* ---------------------------------------------------------------- frames */

/* A group of recipients of a message that is being read. */
struct group_read {
    struct recovery *recovery;
    uint64_t position;
    uint32_t length; /* of the message; not known yet while `counting` */
    uint8_t options;
    struct buffer identifiers; /* uint32_t */
};

static void deliver_to(void *context, uint64_t number)
{
    struct group_read *group = context;
    struct recovered *recovered = find_session(group->recovery, number);

    if (recovered && group->position >= recovered->delivered_until) {
        struct recovered_message message = {
            .position = group->position,
            .length = group->length,
            .options = group->options,
            .identifiers = (const uint32_t *)group->identifiers.data,
            .identifier_count = group->identifiers.length / sizeof(uint32_t),
        };
        recovered_deliver(recovered, &message, &group->recovery->pins);
    }
}

static void pass_over(void *context, uint64_t number)
{
    struct group_read *group = context;

    note_number(group->recovery, number);
}

static void read_groups(struct reader *reader, struct group_read *group,
                        void (*each)(void *context, uint64_t number))
{
    for (uint64_t groups = varint64_read(reader); groups > 0 && !reader->failed; groups--) {
        group->options = reader_u8(reader);
        if ((group->options & FACT_QOS) > QOS_2) {
            reader_fail(reader);
        }
        group->identifiers.length = 0;
        for (uint64_t i = varint64_read(reader); i > 0 && !reader->failed; i--) {
            uint32_t identifier = (uint32_t)varint64_read(reader);
            buffer_append(&group->identifiers, slice_make(&identifier, sizeof(identifier)));
        }
        recipient_set_read(reader, each, group);
    }
}

static void read_message(struct recovery *recovery, uint64_t position, struct reader *reader)
{
    struct group_read group = {.recovery = recovery, .position = position};
    uint64_t publisher = varint64_read(reader);
    uint16_t packet_id = (uint16_t)varint64_read(reader);
    struct recovered *from = publisher ? find_session(recovery, publisher) : NULL;

    if (from && packet_id != 0 && position >= from->delivered_until) {
        packet_ids_add(&from->session->received, packet_id);
    }
    varint64_read(reader); /* expires at */
    uint8_t flags = reader_u8(reader);
    /* The message, whose length the deliveries want, comes behind the groups. */
    struct reader groups = *reader;
    read_groups(reader, &group, pass_over);
    if (reader_left(reader) > 0) {
        fact_take_told(reader, flags);
    }
    group.length = (uint32_t)reader_left(reader);
    if (!reader->failed) {
        read_groups(&groups, &group, deliver_to);
    }
    buffer_release(&group.identifiers);
}

static void read_deliveries(struct recovery *recovery, uint64_t position, struct reader *reader,
                            enum fact_kind kind)
{
    struct recovered *recovered = find_session(recovery, varint64_read(reader));
    uint32_t sequence = reader_u32(reader);
    uint64_t count = kind == FACT_RELEASED ? 1 : varint64_read(reader);

    if (count > FACT_RUN_MAX) {
        reader_fail(reader);
    }
    if (reader->failed || !recovered || position < recovered->stamp) {
        return;
    }
    for (; count > 0; count--) {
        recovered_end_delivery(recovered, sequence++, kind != FACT_DROPPED, kind == FACT_RELEASED,
                               &recovery->pins);
    }
}

static void read_received_end(struct recovery *recovery, uint64_t position, struct reader *reader)
{
    struct recovered *recovered = find_session(recovery, varint64_read(reader));
    uint16_t packet_id = (uint16_t)varint64_read(reader);

    if (!reader->failed && recovered && position >= recovered->stamp) {
        packet_ids_remove(&recovered->session->received, packet_id);
    }
}

static bool take_frame(void *context, uint64_t position, struct slice payload, struct buffer *error)
{
    struct recovery *recovery = context;
    struct reader reader = reader_make(payload);
    uint8_t kind = reader_u8(&reader);

    recovery->last_position = position;
    switch (kind) {
    case FACT_MESSAGE:
        read_message(recovery, position, &reader);
        break;
    case FACT_DONE:
    case FACT_DROPPED:
    case FACT_RELEASED:
        read_deliveries(recovery, position, &reader, (enum fact_kind)kind);
        break;
    case FACT_RECEIVED_END:
        read_received_end(recovery, position, &reader);
        break;
    default:
        reader_fail(&reader);
        break;
    }
    if (reader.failed) {
        buffer_append_format(error, "the file is damaged: a fact of kind %u at %llu makes no sense",
                             kind, (unsigned long long)position);
    }
    return !reader.failed;
}

struct store_loader recovery_loader(struct recovery *recovery)
{
    return (struct store_loader){recovery, take_row, take_frame};
}

/* ---------------------------------------------------------------- the end */

void recovery_finish(struct recovery *recovery)
{
    struct broker *broker = recovery->broker;
    const struct map *map = &recovery->sessions;

    atomic_store(&broker->next_durable_id, recovery->next_id);
    for (unsigned i = 0; i < broker->shard_count; i++) {
        broker->shards[i]->delivered_until = recovery->last_position + 1;
    }
    for (struct map_node *node = map_next(map, NULL); node; node = map_next(map, node)) {
        recovered_complete(recovered_of(node));
    }
    for (struct map_node *node = map_next(map, NULL); node; node = map_next(map, node)) {
        msec_t now = recovered_of(node)->session->shard->now;
        recovered_arm(recovered_of(node), recovery->alive_until ? recovery->alive_until : now);
    }
}
