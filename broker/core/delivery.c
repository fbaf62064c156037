/* Deliveries and the ring in which a session keeps those that must wait.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/delivery.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { QUEUE_CAPACITY_MIN = 16 };

void delivery_release(struct delivery *delivery)
{
    message_release(delivery->message);
    if (delivery->flags & DELIVERY_MANY_IDENTIFIERS) {
        free(delivery->identifiers);
    }
}

static void queue_grow(struct delivery_queue *queue)
{
    uint32_t capacity = queue->capacity ? queue->capacity * 2 : QUEUE_CAPACITY_MIN;
    struct delivery *items = memory_allocate(capacity * sizeof(*items));
    for (uint32_t i = 0; i < queue->count; i++) {
        items[i] = queue->items[(queue->head + i) & (queue->capacity - 1)];
    }
    free(queue->items);
    queue->items = items;
    queue->head = 0;
    queue->capacity = capacity;
}

void delivery_queue_add(struct delivery_queue *queue, const struct delivery *delivery)
{
    if (queue->count == queue->capacity) {
        queue_grow(queue);
    }
    queue->items[(queue->head + queue->count) & (queue->capacity - 1)] = *delivery;
    queue->count++;
    queue->bytes += delivery->message->length;
}

struct delivery *delivery_queue_first(const struct delivery_queue *queue)
{
    return queue->count ? &queue->items[queue->head] : NULL;
}

struct delivery delivery_queue_take(struct delivery_queue *queue)
{
    assert(queue->count > 0);
    struct delivery delivery = queue->items[queue->head];
    queue->head = (queue->head + 1) & (queue->capacity - 1);
    queue->count--;
    queue->bytes -= delivery.message->length;
    if (queue->count == 0) {
        /* A drained backlog gives its memory back; short queues come and go cheaply. */
        if (queue->capacity > QUEUE_CAPACITY_MIN) {
            free(queue->items);
            queue->items = NULL;
            queue->capacity = 0;
        }
        queue->head = 0;
    }
    return delivery;
}

void delivery_queue_release(struct delivery_queue *queue)
{
    while (queue->count > 0) {
        struct delivery delivery = delivery_queue_take(queue);
        delivery_release(&delivery);
    }
    free(queue->items);
    *queue = (struct delivery_queue){0};
}
