/* What waits to be written to one browser: counted frames and their numbers, oldest first.
 *
 * The first one lies in the struct, so that a browser which gets one message a turn allocates
 * nothing; memory for more exists only while there is more.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SEND_QUEUE_H
#define PUBGRID_NET_SEND_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/outgoing.h"

struct sending {
    struct outgoing *outgoing; /* a count of its own */
    uint64_t number;           /* for outgoing_write() */
};

/* Zeroed memory is an empty queue. */
struct send_queue {
    struct sending first; /* outgoing NULL: the queue is empty */
    struct sending *more; /* [more_capacity], used from more_begin to more_end; NULL: none */
    uint32_t more_begin, more_end, more_capacity;
};

static inline bool send_queue_is_empty(const struct send_queue *queue)
{
    return !queue->first.outgoing;
}

/* Takes a count of its own. */
void send_queue_add(struct send_queue *queue, struct outgoing *outgoing, uint64_t number);
/* Gives the first one's count back. */
void send_queue_drop_first(struct send_queue *queue);
void send_queue_clear(struct send_queue *queue);

#endif
