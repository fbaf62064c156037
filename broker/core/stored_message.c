/* Which sessions a stored message is for: see stored_message.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/stored_message.h"

#include <stdlib.h>

#include "base/memory.h"
#include "core/facts.h"

enum { SESSIONS_KEPT = 4096 /* bytes of room that a group keeps for the next message */ };

/* Those that get the message in the same way. */
struct group {
    uint8_t options;
    uint32_t identifier;             /* 0: none, or `identifiers` */
    struct identifiers *identifiers; /* owned */
    struct buffer sessions;          /* uint64_t each */
    uint64_t last;
    bool unsorted;
};

/* Of one message; its memory is that of the next one, too. */
struct message_groups {
    struct group *items; /* [capacity]; zero, or once used */
    struct fact_group *facts;
    size_t count, capacity;
    size_t stored;
    uint64_t session; /* whose deliveries are being added */
    size_t next;      /* the first group that its next one may join */
};

static struct message_groups *empty_groups(struct shard *shard)
{
    if (!shard->groups) {
        shard->groups = memory_allocate_zero(sizeof(*shard->groups));
    }
    shard->groups->count = shard->groups->stored = 0;
    shard->groups->session = shard->groups->next = 0;
    return shard->groups;
}

void message_groups_free(struct message_groups *groups)
{
    if (groups) {
        for (size_t i = 0; i < groups->capacity; i++) {
            buffer_release(&groups->items[i].sessions);
        }
        free(groups->items);
        free(groups->facts);
        free(groups);
    }
}

static void grow(struct message_groups *groups)
{
    size_t before = groups->capacity;

    groups->capacity = before > 0 ? before * 2 : 4;
    groups->items = memory_resize(groups->items, groups->capacity * sizeof(*groups->items));
    groups->facts = memory_resize(groups->facts, groups->capacity * sizeof(*groups->facts));
    memset(groups->items + before, 0, (groups->capacity - before) * sizeof(*groups->items));
}

static struct group *add_group(struct message_groups *groups, uint8_t options, uint32_t identifier)
{
    if (groups->count == groups->capacity) {
        grow(groups);
    }
    struct group *group = &groups->items[groups->count++];
    struct buffer sessions = group->sessions;

    buffer_empty(&sessions, SESSIONS_KEPT);
    *group = (struct group){.options = options, .identifier = identifier, .sessions = sessions};
    return group;
}

static bool same_identifiers(const struct identifiers *a, const struct identifiers *b)
{
    return a == b || (a && b && a->count == b->count &&
                      memcmp(a->values, b->values, a->count * sizeof(a->values[0])) == 0);
}

static struct group *find_group(struct message_groups *groups, uint8_t options,
                                const struct overlap *overlap)
{
    uint32_t identifier = overlap->identifiers ? 0 : overlap->subscriber.identifier;
    uint64_t session = overlap->subscriber.durable_id;
    /* A session that gets the message several times stands in several groups, in the order in which
     * it gets them. */
    size_t first = groups->session == session ? groups->next : 0;

    groups->session = session;
    for (size_t i = first; i < groups->count; i++) {
        struct group *group = &groups->items[i];
        if (group->options == options && group->identifier == identifier &&
            same_identifiers(group->identifiers, overlap->identifiers)) {
            groups->next = i + 1;
            return group;
        }
    }
    groups->next = groups->count + 1;
    return add_group(groups, options, identifier);
}

static void add_overlap(struct message_groups *groups, const struct message *message,
                        struct overlap *overlap)
{
    bool retain = message->retain && (overlap->subscriber.flags & SUBSCRIBER_RETAIN_AS_PUBLISHED);
    uint8_t options = (uint8_t)(overlap_qos(overlap, message) | (retain ? FACT_RETAIN : 0));
    struct group *group = find_group(groups, options, overlap);
    uint64_t session = overlap->subscriber.durable_id;

    if (overlap->identifiers && !group->identifiers) {
        group->identifiers = overlap->identifiers;
        overlap->identifiers = NULL;
    }
    buffer_append(&group->sessions, slice_make(&session, sizeof(session)));
    group->unsorted |= session < group->last;
    group->last = session;
    groups->stored++;
}

static int compare_sessions(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void describe(const struct group *group, struct fact_group *fact)
{
    *fact = (struct fact_group){
        .options = group->options,
        .identifiers = group->identifiers ? group->identifiers->values : &group->identifier,
        .identifier_count = group->identifiers ? group->identifiers->count : group->identifier != 0,
        .sessions = (const uint64_t *)group->sessions.data,
        .session_count = group->sessions.length / sizeof(uint64_t),
    };
}

static void gather(struct message_groups *groups, const struct message *message,
                   const struct recipients *recipients, bool merges)
{
    struct overlap_walk walk = {
        .message = message,
        .items = recipients->items,
        .count = recipients->count,
        .merges = merges,
    };
    struct overlap overlap;

    while (overlap_next(&walk, &overlap)) {
        if (overlap_is_stored(&overlap, message)) {
            add_overlap(groups, message, &overlap);
        }
        free(overlap.identifiers);
    }
    for (size_t i = 0; i < groups->count; i++) {
        struct group *group = &groups->items[i];
        if (group->unsorted) {
            qsort(group->sessions.data, group->sessions.length / sizeof(uint64_t), sizeof(uint64_t),
                  compare_sessions);
        }
    }
}

uint32_t stored_message_put(struct shard *shard, const struct message *message,
                            const struct recipients *recipients, bool merges, uint64_t publisher,
                            uint16_t packet_id)
{
    struct batch *batch = shard->outbox.batch;
    struct message_groups *groups = empty_groups(shard);

    gather(groups, message, recipients, merges);
    for (size_t i = 0; i < groups->count; i++) {
        describe(&groups->items[i], &groups->facts[i]);
    }
    uint32_t offset =
        fact_message(batch, message, publisher, packet_id, groups->facts, groups->count);
    if (groups->stored > 0) {
        batch_pin(batch, offset, (uint32_t)groups->stored);
    }
    for (size_t i = 0; i < groups->count; i++) {
        free(groups->items[i].identifiers);
    }
    return offset;
}
