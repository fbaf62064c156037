/* The queue in which a session's messages wait.
 *
 * First in, first out, in chunks: growing copies nothing, and a backlog of millions costs what its
 * entries cost and is given back as it drains. Messages at the head are present, or being read back
 * from the store; how many are at hand is known, so that reading ahead costs no search.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_DELIVERY_QUEUE_H
#define PUBGRID_CORE_DELIVERY_QUEUE_H

#include "core/delivery.h"

struct delivery_chunk {
    struct delivery_chunk *next, *prev;
    uint32_t first, end, capacity; /* items[first] to items[end - 1] are in use */
    struct delivery items[];
};

/* Zeroed memory is empty. */
struct delivery_queue {
    struct delivery_chunk *head, *tail;
    uint32_t count;
    uint32_t present;       /* so many at the head have their message */
    uint32_t absent;        /* so many in all have not */
    uint64_t bytes;         /* of all waiting messages */
    uint64_t present_bytes; /* of stored messages that are in memory all the same */
};

/* Takes over the delivery. */
void delivery_queue_add(struct delivery_queue *queue, const struct delivery *delivery);
/* The same in front of all others. */
void delivery_queue_add_first(struct delivery_queue *queue, const struct delivery *delivery);
/* The oldest; NULL when empty. */
struct delivery *delivery_queue_first(const struct delivery_queue *queue);
/* Takes the oldest out; it must not be empty. */
struct delivery delivery_queue_take(struct delivery_queue *queue);
/* Moves all of `other` behind those of the queue. */
void delivery_queue_append(struct delivery_queue *queue, struct delivery_queue *other);
/* An absent delivery of this queue gets its message (one count is taken over). */
void delivery_queue_fill(struct delivery_queue *queue, struct delivery *delivery,
                         struct message *message);
/* Counts the present ones at the head anew. */
void delivery_queue_look(struct delivery_queue *queue);
/* Drops those that are DELIVERY_GONE. */
void delivery_queue_compact(struct delivery_queue *queue);
/* Releases all deliveries and the memory. */
void delivery_queue_release(struct delivery_queue *queue);

/* A place in the queue. */
struct delivery_place {
    struct delivery_chunk *chunk; /* NULL: at the end */
    uint32_t index;
};

struct delivery_place delivery_queue_begin(const struct delivery_queue *queue);
struct delivery_place delivery_queue_last(const struct delivery_queue *queue);

static inline struct delivery *delivery_at(struct delivery_place place)
{
    return place.chunk ? &place.chunk->items[place.index] : NULL;
}

struct delivery_place delivery_place_next(struct delivery_place place);
struct delivery_place delivery_place_before(struct delivery_place place);
/* `steps` further, chunk by chunk. */
struct delivery_place delivery_place_skip(struct delivery_place place, uint32_t steps);

#endif
