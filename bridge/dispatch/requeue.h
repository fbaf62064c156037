/* Events that are put on queues once more, by a replay or a resend: so many at a time as the broker
 * takes, and who sends them hears when all are there. Inside of the runner.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_REQUEUE_H
#define PUBGRID_DISPATCH_REQUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"
#include "base/timers.h"
#include "eventgrid/queued.h"

struct gateway;

enum {
    REQUEUE_MAX = 1000, /* that wait for PUBACK: all of a file of dead letters */
    REQUEUE_AGAIN_MS = 1000,
    REQUEUE_TRIES_MAX = 30,
};

struct requeue {
    struct gateway *gateway;
    /* From the loop, once for each requeue_settle(): the broker has all of them; or not, and what
     * was sent since the last time is to be sent again. */
    void (*settled)(struct requeue *requeue, bool is_good);
    struct list sent; /* struct message */
    size_t waiting;
    bool has_failed, is_settling;
    struct timer timer;
};

void requeue_init(struct requeue *requeue, struct gateway *gateway,
                  void (*settled)(struct requeue *requeue, bool is_good));
/* False: not now; settle first. */
bool requeue_send(struct requeue *requeue, struct slice queue, const struct queued_event *event);
void requeue_settle(struct requeue *requeue);
/* Nobody waits any more. */
void requeue_release(struct requeue *requeue);

#endif
