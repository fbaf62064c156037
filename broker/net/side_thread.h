/* One thread for what would hold up a worker: password hashes. Jobs wait in a bounded queue, are
 * done in order, and come back to who asked as mail.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_SIDE_THREAD_H
#define PUBGRID_NET_SIDE_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mailbox.h"

struct side_thread;

/* Embedded in what the job is about. `mail.run` takes it back on the receiver's thread; with
 * receiver NULL, should that never come, it only frees. */
struct side_job {
    struct mail mail;
    struct mailbox *answer_to;
    void (*work)(struct side_job *job); /* on the side thread */
};

/* NULL if there can be no thread. */
struct side_thread *side_thread_start(size_t jobs_max);
/* Any thread. False if `jobs_max` jobs wait already: the job is still the caller's. */
bool side_thread_submit(struct side_thread *thread, struct side_job *job);
/* Ends the thread after the job that it is at, and frees it and the jobs that wait. */
void side_thread_stop(struct side_thread *thread);

#endif
