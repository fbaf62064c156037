/* The LMDB environment of a store: opening, one writer, readers. Knows format.h, not what the
 * frames and rows mean. Errors are -errno or LMDB's own (negative and below -30000); none of them
 * leaves a transaction behind half-way.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_DATABASE_H
#define PUBGRID_STORE_DATABASE_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "store/format.h"

struct database {
    MDB_env *env;
    MDB_txn *txn; /* the writer's, between database_begin() and commit or abort; else NULL */
    MDB_dbi log, rows;
    int fd;    /* of data.mdb; LMDB's */
    void *map; /* where LMDB has mapped it, and how far */
    size_t map_size;
    uint64_t end_size; /* bytes of data.mdb that were written to, so that commits only overwrite */
    struct store_head head;
    bool read_only;
    int reason; /* why it could not be opened: an error, or 0 for what `error` says */
};

struct database_options {
    const char *path;
    uint64_t size_maximum; /* bytes of data.mdb that may be used at all */
    uint32_t core_version; /* written into a new file; a file with a greater one is refused */
    bool read_only;        /* tools: the files must be there */
    bool unsafe;           /* tests: never waits for the disk */
};

/* False: the reason is in `error`, as a sentence, and nothing was changed. */
bool database_open(struct database *database, const struct database_options *options,
                   struct buffer *error);
void database_close(struct database *database);
/* In words. */
const char *database_error(int error);

/* --- the writer (one thread) --- */

int database_begin(struct database *database);
int database_commit(struct database *database);
void database_abort(struct database *database);
/* A new block at the end of the log, `size` bytes that the caller fills before anything else. */
int database_append(struct database *database, uint64_t position, size_t size, uint8_t **room);
/* The same anywhere; takes the place of a block that has this position. */
int database_put_block(struct database *database, uint64_t position, size_t size, uint8_t **room);
int database_put_row(struct database *database, struct slice key, uint64_t stamp,
                     struct slice value);
/* Unless the row has this or a greater version. */
int database_put_versioned(struct database *database, struct slice key, uint64_t version,
                           struct slice value);
/* The same, but only a deleted row of exactly this version goes. */
int database_forget_deleted(struct database *database, struct slice key, uint64_t version);
int database_delete_row(struct database *database, struct slice key);
int database_delete_rows(struct database *database, struct slice prefix);
/* Puts database->head. */
int database_put_head(struct database *database);
int database_delete_block(struct database *database, uint64_t position);
/* In the writer's transaction: the bytes hold until the next change. */
int database_get_block(struct database *database, uint64_t position, struct slice *block);
/* Makes the file larger by a stretch of zeros when its used part comes near its end: overwriting
 * costs a commit a third less than growing. */
void database_extend(struct database *database);
/* Bytes in use, without free pages, and of the file. */
void database_size(struct database *database, uint64_t *used, uint64_t *file);
/* Gives long runs of free pages back to the file system; bytes given. Between transactions. */
uint64_t database_punch(struct database *database);

/* Do these bytes lie in the file? Behind its end is none of its memory. */
bool database_has(const struct database *database, struct slice bytes);

/* Lets go of the pages that were read: until somebody else wants the memory they count as this
 * process's, and a large backlog would look like a large process. */
void database_forget_pages(struct database *database);

/* --- reading --- */

struct database_reader {
    struct database *database;
    MDB_txn *txn;
    MDB_cursor *cursor; /* on the log */
    size_t read;        /* bytes since the pages were last let go */
};

int database_reader_open(struct database_reader *reader, struct database *database);
void database_reader_close(struct database_reader *reader);
/* What is committed now is seen, until database_reader_rest(). */
int database_reader_renew(struct database_reader *reader);
void database_reader_rest(struct database_reader *reader);
/* The payload of the frame at `position`; MDB_NOTFOUND or MDB_CORRUPTED. */
int database_read_frame(struct database_reader *reader, uint64_t position, struct slice *payload);

/* The frames of one block, in order. */
struct block_walk {
    struct slice block;
    uint64_t base;  /* key of the block */
    uint32_t count; /* sparse: frames */
    uint32_t index; /* sparse: the next one */
    size_t at;      /* plain: offset of the next one */
    bool sparse;
};

/* False: not a block. */
bool block_walk_begin(struct block_walk *walk, uint64_t position, struct slice block);
/* 1 and the frame whole (header and payload), 0 at the end, -1: damaged. */
int block_walk_next(struct block_walk *walk, uint64_t *position, struct slice *frame,
                    struct slice *payload);

#endif
