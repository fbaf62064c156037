/* See send_queue.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/send_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MORE_CAPACITY_FIRST = 8 };

/* Room for one more at the end: moves what is left to the front if half is free, else doubles. */
static void make_room(struct send_queue *queue)
{
    uint32_t used = queue->more_end - queue->more_begin;

    if (queue->more && queue->more_begin >= queue->more_capacity / 2) {
        memmove(queue->more, queue->more + queue->more_begin, used * sizeof(*queue->more));
        queue->more_begin = 0;
        queue->more_end = used;
        return;
    }
    queue->more_capacity = queue->more ? queue->more_capacity * 2 : MORE_CAPACITY_FIRST;
    queue->more = memory_resize(queue->more, queue->more_capacity * sizeof(*queue->more));
}

void send_queue_add(struct send_queue *queue, struct outgoing *outgoing, uint64_t number)
{
    struct sending sending = {outgoing_hold(outgoing), number};

    if (send_queue_is_empty(queue)) {
        queue->first = sending;
        return;
    }
    if (queue->more_end == queue->more_capacity) {
        make_room(queue);
    }
    queue->more[queue->more_end++] = sending;
}

void send_queue_drop_first(struct send_queue *queue)
{
    outgoing_release(queue->first.outgoing);
    queue->first.outgoing = NULL;
    if (!queue->more) {
        return;
    }
    queue->first = queue->more[queue->more_begin++];
    if (queue->more_begin == queue->more_end) {
        free(queue->more);
        queue->more = NULL;
        queue->more_begin = queue->more_end = queue->more_capacity = 0;
    }
}

void send_queue_clear(struct send_queue *queue)
{
    while (!send_queue_is_empty(queue)) {
        send_queue_drop_first(queue);
    }
}
