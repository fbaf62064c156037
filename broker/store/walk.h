/* A walk through all rows and frames of a database, as one commit left them, with every checksum
 * looked at, and whether all are there. Says in the log how far it is, once a second.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_WALK_H
#define PUBGRID_STORE_WALK_H

#include "store/database.h"
#include "store/loader.h"

struct walk {
    struct database *database;
    const struct store_loader *loader;
    MDB_txn *txn;
    uint64_t rows, frames; /* seen */
    uint64_t bytes, done;  /* of blocks: to be walked (for the progress), and walked */
    uint64_t blocks;       /* walked by walk_frames() */
    int64_t said_ns;
};

/* False: the reason is in `error`, as below. */
bool walk_begin(struct walk *walk, struct database *database, const struct store_loader *loader,
                struct buffer *error);
void walk_end(struct walk *walk);
/* All rows but the store's own, in the order of keys. */
bool walk_rows(struct walk *walk, struct buffer *error);
/* The blocks from the position on, without looking into them. */
bool walk_blocks(struct walk *walk, uint64_t from,
                 bool (*each)(void *context, uint64_t position, struct slice block), void *context,
                 struct buffer *error);
/* All frames of the blocks from the position on. */
bool walk_frames(struct walk *walk, uint64_t from, struct buffer *error);

#endif
