/* Work that takes many steps, such as reading files and sending what is in them: who waits for its
 * end. Single-threaded; done() is never called from inside the call that begins it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_DISPATCH_JOB_H
#define PUBGRID_DISPATCH_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* Embedded by who waits; zeroed memory but for `done` is good. */
struct job {
    void (*done)(struct job *job); /* once, unless it was abandoned */
    const char *error;             /* NULL: all went well; else it stopped there */
    size_t events;                 /* that were sent */
    bool is_found;                 /* the one event that was wanted is there */
    struct buffer text;            /* what was found, as JSON; whoever waits releases it */
    void *under_way;               /* the implementation's; NULL before and after */
    void (*cancel)(struct job *job);
};

/* Nobody waits any more: it stops where it is. Harmless if it is done. */
static inline void job_abandon(struct job *job)
{
    if (job->under_way) {
        job->cancel(job);
    }
}

#endif
