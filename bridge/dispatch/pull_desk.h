/* Where receivers' orders go (pull_order.h): to this process, if it runs the queue, else to the one
 * that does, over the staff. While processes come and go nobody may run it for a moment: then the
 * order is given again, for a few seconds or as long as its receiver waits. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_PULL_DESK_H
#define PUBGRID_DISPATCH_PULL_DESK_H

#include "dispatch/pull_order.h"

struct pull_inquiry;

/* Embedded by who waits; zeroed memory but for `wanted` and `done` is good. */
struct pull_errand {
    struct pull_wanted wanted; /* borrowed: stays until done() */
    /* Once, perhaps from inside pull_errand_begin(). False: it cannot be said what came of it, so
     * the receiver has to ask again. */
    void (*done)(struct pull_errand *errand, bool is_good);
    /* What came of it; the results of the locks are in wanted.locks. */
    struct pull_found found;
    /* The desk's. */
    struct runner *runner;
    struct pull_order order;      /* to this process */
    struct pull_inquiry *inquiry; /* to another one; NULL: none is under way */
    struct timer again;
    msec_t deadline;
};

void pull_errand_begin(struct runner *runner, struct pull_errand *errand);
/* Done or not: if not, nobody waits any more, and events that come after all are given back. */
void pull_errand_release(struct pull_errand *errand);

/* --- orders of other processes --- */

void pull_desk_open(struct runner *runner);
/* Processes have come or gone. */
void pull_desk_look(struct runner *runner);
void pull_desk_close(struct runner *runner);

#endif
