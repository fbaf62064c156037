/* A trunk: the socket of a bridge process, over which it keeps many network connections at this
 * worker (common/trunk/trunk.h has the protocol).
 *
 * The worker that accepts it reads HELLO and hands it to the one that HELLO names. It is read as a
 * stream is, once a turn; its frames go to their channels. At the end of the turn what all channels
 * have to say is written at once, and EPOLLOUT is armed only while the socket takes no more. Above
 * TRUNK_PENDING_MAX unsent bytes its channels hold their messages back, and go on in turn when it
 * has drained.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_TRUNK_H
#define PUBGRID_NET_TRUNK_H

#include "base/buffer.h"
#include "base/list.h"
#include "net/channel.h"
#include "net/channel_table.h"
#include "net/trunk_output.h"
#include "net/worker.h"

enum {
    TRUNK_PENDING_MAX = 4 * 1024 * 1024,       /* unsent bytes: messages wait in their sessions */
    TRUNK_PENDING_LOW = TRUNK_PENDING_MAX / 2, /* and go on */
};

struct trunk {
    struct source source;
    struct worker *worker; /* the owner */
    int fd;
    uint32_t polled;    /* epoll events asked for */
    bool greeted;       /* HELLO came */
    bool dead;          /* to be taken apart in the flush */
    bool blocked;       /* while the socket takes nothing */
    struct buffer held; /* input: a frame that is not complete */
    struct trunk_output output;
    struct channel_table channels;
    struct list waiting;   /* channels that go on when it has drained */
    struct list crediting; /* channels to which credit is due */
    struct timer stall;    /* while blocked: when its bridge is given up */
    struct list link;      /* in worker->trunks */
    struct list dirty;     /* in worker->trunks_dirty */
};

/* Takes over an accepted, non-blocking descriptor. */
void trunk_open(struct worker *worker, int fd);
/* End of the turn: all trunks of the worker that have something to do. */
void trunks_flush(struct worker *worker);
/* A graceful stop has begun: core has closed what was attached, the rest is closed here. */
void trunks_stop(struct worker *worker);
/* All of them, at once: the worker ends. */
void trunks_abort(struct worker *worker);

/* For channels. */

/* It will be flushed at the end of this turn. */
static inline void trunk_mark_dirty(struct trunk *trunk)
{
    if (list_is_empty(&trunk->dirty)) {
        list_add_last(&trunk->worker->trunks_dirty, &trunk->dirty);
    }
}

/* More waits for the socket than may. */
static inline bool trunk_is_congested(const struct trunk *trunk)
{
    return trunk_output_pending(&trunk->output) > TRUNK_PENDING_MAX;
}

/* Both sides have said CLOSE: the channel's number is free. */
void trunk_forget(struct trunk *trunk, struct channel *channel);

#endif
