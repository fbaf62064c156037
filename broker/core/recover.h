/* Recovery: from the rows and frames of the store to sessions, retained and delayed messages, as
 * they were; with any number of shards. Facts are described in facts.h.
 *
 * The driver has made the broker and its shards and, before any of them runs, has the store call
 * recovery_loader()'s functions for every row and frame, then calls recovery_finish(). What follows
 * (wills that are due, sessions that have expired) is in the shards' outboxes and timers.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_RECOVER_H
#define PUBGRID_CORE_RECOVER_H

#include "core/shard.h"
#include "store/loader.h"

/* Who is told which frames are still needed: the store. */
struct recovery_pins {
    void *context;
    void (*pin)(void *context, uint64_t position);
    void (*unpin)(void *context, uint64_t position);
};

struct recovery;

/* `alive_until`: when clients that were connected lost their connections; 0: now. */
struct recovery *recovery_new(struct broker *broker, const struct recovery_pins *pins,
                              msec_t alive_until);
/* Takes the rows in the order of their keys, then the frames in the order of the log. */
struct store_loader recovery_loader(struct recovery *recovery);
/* Makes the shards go on from here. */
void recovery_finish(struct recovery *recovery);
/* Also without recovery_finish(), after an error. */
void recovery_free(struct recovery *recovery);

#endif
