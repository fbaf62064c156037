/* The queue of a session: see delivery_queue.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/delivery_queue.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { CHUNK_MIN = 16, CHUNK_MAX = 2048 };

static struct delivery_chunk *chunk_new(uint32_t capacity)
{
    struct delivery_chunk *chunk =
        memory_allocate(sizeof(*chunk) + capacity * sizeof(struct delivery));

    chunk->next = chunk->prev = NULL;
    chunk->first = chunk->end = 0;
    chunk->capacity = capacity;
    return chunk;
}

static void unlink_chunk(struct delivery_queue *queue, struct delivery_chunk *chunk)
{
    assert((chunk->prev == NULL) == (queue->head == chunk));
    if (chunk->prev) {
        chunk->prev->next = chunk->next;
    } else {
        queue->head = chunk->next;
    }
    if (chunk->next) {
        chunk->next->prev = chunk->prev;
    } else {
        queue->tail = chunk->prev;
    }
    free(chunk);
}

static struct delivery_chunk *room_behind(struct delivery_queue *queue)
{
    struct delivery_chunk *tail = queue->tail;

    if (tail && tail->end < tail->capacity) {
        return tail;
    }
    uint32_t capacity = !tail ? CHUNK_MIN : tail->capacity * 2;
    struct delivery_chunk *chunk = chunk_new(capacity < CHUNK_MAX ? capacity : CHUNK_MAX);
    chunk->prev = tail;
    *(tail ? &tail->next : &queue->head) = chunk;
    queue->tail = chunk;
    return chunk;
}

static struct delivery_chunk *room_before(struct delivery_queue *queue)
{
    struct delivery_chunk *head = queue->head;

    if (head && queue->count == 0) {
        head->first = head->end = head->capacity;
    }
    if (head && head->first > 0) {
        return head;
    }
    struct delivery_chunk *chunk = chunk_new(CHUNK_MIN);
    chunk->first = chunk->end = chunk->capacity;
    chunk->next = head;
    *(head ? &head->prev : &queue->tail) = chunk;
    queue->head = chunk;
    return chunk;
}

static bool is_absent(const struct delivery *delivery)
{
    return delivery->flags & DELIVERY_ABSENT;
}

static void count_in(struct delivery_queue *queue, const struct delivery *delivery)
{
    uint32_t length = delivery_length(delivery);

    queue->count++;
    queue->bytes += length;
    queue->absent += is_absent(delivery);
    queue->present_bytes += delivery->position != 0 && !is_absent(delivery) ? length : 0;
}

void delivery_queue_add(struct delivery_queue *queue, const struct delivery *delivery)
{
    struct delivery_chunk *chunk = room_behind(queue);

    chunk->items[chunk->end++] = *delivery;
    queue->present += queue->present == queue->count && !is_absent(delivery);
    count_in(queue, delivery);
}

void delivery_queue_add_first(struct delivery_queue *queue, const struct delivery *delivery)
{
    struct delivery_chunk *chunk = room_before(queue);

    chunk->items[--chunk->first] = *delivery;
    queue->present = is_absent(delivery) ? 0 : queue->present + 1;
    count_in(queue, delivery);
}

struct delivery *delivery_queue_first(const struct delivery_queue *queue)
{
    return queue->count ? &queue->head->items[queue->head->first] : NULL;
}

struct delivery delivery_queue_take(struct delivery_queue *queue)
{
    struct delivery_chunk *chunk = queue->head;

    assert(queue->count > 0);
    struct delivery delivery = chunk->items[chunk->first++];
    if (chunk->first == chunk->end) {
        /* A short queue comes and goes cheaply: its last, small chunk stays. */
        if (queue->count == 1 && chunk->capacity == CHUNK_MIN) {
            chunk->first = chunk->end = 0;
        } else {
            unlink_chunk(queue, chunk);
        }
    }
    uint32_t length = delivery_length(&delivery);
    queue->count--;
    queue->bytes -= length;
    queue->absent -= is_absent(&delivery);
    queue->present_bytes -= delivery.position != 0 && !is_absent(&delivery) ? length : 0;
    queue->present -= queue->present > 0;
    return delivery;
}

void delivery_queue_append(struct delivery_queue *queue, struct delivery_queue *other)
{
    struct delivery_chunk *chunk = other->count > 0 ? other->head : NULL;

    if (!chunk) {
        return;
    }
    if (queue->count == 0) {
        free(queue->head);
        *queue = *other;
    } else {
        chunk->prev = queue->tail;
        queue->tail->next = chunk;
        queue->tail = other->tail;
        queue->present += queue->present == queue->count ? other->present : 0;
        queue->count += other->count;
        queue->absent += other->absent;
        queue->bytes += other->bytes;
        queue->present_bytes += other->present_bytes;
    }
    *other = (struct delivery_queue){0};
}

void delivery_queue_fill(struct delivery_queue *queue, struct delivery *delivery,
                         struct message *message)
{
    assert(is_absent(delivery));
    queue->absent--;
    queue->bytes += message->length;
    queue->bytes -= delivery->length;
    queue->present_bytes += message->length;
    delivery->message = message;
    delivery->flags &= (uint8_t)~DELIVERY_ABSENT;
}

void delivery_queue_look(struct delivery_queue *queue)
{
    struct delivery_place place = delivery_queue_begin(queue);

    if (queue->absent == 0) {
        queue->present = queue->count;
        return;
    }
    place = delivery_place_skip(place, queue->present);
    while (place.chunk && !is_absent(delivery_at(place))) {
        queue->present++;
        place = delivery_place_next(place);
    }
}

static void compact_chunk(struct delivery_queue *queue, struct delivery_chunk *chunk)
{
    uint32_t to = chunk->first;

    for (uint32_t i = chunk->first; i < chunk->end; i++) {
        struct delivery *delivery = &chunk->items[i];
        if (!(delivery->flags & DELIVERY_GONE)) {
            chunk->items[to++] = *delivery;
            continue;
        }
        queue->count--;
        queue->bytes -= delivery_length(delivery);
        queue->absent -= is_absent(delivery);
        delivery_release(delivery);
    }
    chunk->end = to;
    if (chunk->first == chunk->end) {
        unlink_chunk(queue, chunk);
    }
}

void delivery_queue_compact(struct delivery_queue *queue)
{
    for (struct delivery_chunk *chunk = queue->head, *next; chunk; chunk = next) {
        next = chunk->next;
        compact_chunk(queue, chunk);
    }
    queue->present = 0;
    delivery_queue_look(queue);
}

void delivery_queue_release(struct delivery_queue *queue)
{
    while (queue->count > 0) {
        struct delivery delivery = delivery_queue_take(queue);
        delivery_release(&delivery);
    }
    free(queue->head);
    *queue = (struct delivery_queue){0};
}

/* ---------------------------------------------------------------- places */

struct delivery_place delivery_queue_begin(const struct delivery_queue *queue)
{
    struct delivery_chunk *head = queue->count ? queue->head : NULL;

    return (struct delivery_place){head, head ? head->first : 0};
}

struct delivery_place delivery_queue_last(const struct delivery_queue *queue)
{
    struct delivery_chunk *tail = queue->count ? queue->tail : NULL;

    return (struct delivery_place){tail, tail ? tail->end - 1 : 0};
}

struct delivery_place delivery_place_next(struct delivery_place place)
{
    return delivery_place_skip(place, 1);
}

struct delivery_place delivery_place_before(struct delivery_place place)
{
    if (place.index > place.chunk->first) {
        place.index--;
    } else {
        place.chunk = place.chunk->prev;
        place.index = place.chunk ? place.chunk->end - 1 : 0;
    }
    return place;
}

struct delivery_place delivery_place_skip(struct delivery_place place, uint32_t steps)
{
    while (place.chunk && steps >= place.chunk->end - place.index) {
        steps -= place.chunk->end - place.index;
        place.chunk = place.chunk->next;
        place.index = place.chunk ? place.chunk->first : 0;
    }
    place.index += place.chunk ? steps : 0;
    return place;
}
