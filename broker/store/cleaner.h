/* Gives the space of the log back: drops blocks that nobody needs, and writes what is left of
 * half-dead ones together.
 *
 * A step works inside the writer's transaction on a limited amount, so that no commit takes long;
 * the table of blocks follows once the transaction is committed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_CLEANER_H
#define PUBGRID_STORE_CLEANER_H

#include "store/blocks.h"
#include "store/database.h"

struct cleaner {
    uint64_t next; /* the blocks from here up to `until` are to be looked at */
    uint64_t until;
    uint64_t left_dead; /* bytes of dead blocks when it had gone round */
    bool only_drops;    /* no space to write anything together */
    /* The step that waits for its commit. */
    size_t from, to; /* of the table */
    struct block *made;
    size_t made_count, made_capacity;
};

/* Everything before `until` is to be looked at (again). */
void cleaner_begin(struct cleaner *cleaner, uint64_t until);
bool cleaner_has_work(const struct cleaner *cleaner);
/* 0 or an error, after which the transaction must be aborted and cleaner_undo() called. */
int cleaner_step(struct cleaner *cleaner, struct blocks *blocks, struct database *database);
/* The step's transaction was committed, or not. */
void cleaner_done(struct cleaner *cleaner, struct blocks *blocks);
void cleaner_undo(struct cleaner *cleaner);
void cleaner_release(struct cleaner *cleaner);

#endif
