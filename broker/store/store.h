/* The store: takes batches in order, makes them durable as a group, then posts what they sealed.
 *
 * One thread writes. What arrives while a commit is under way forms the next one, so a lone batch
 * waits for one commit of the disk and a flood is committed at the disk's bandwidth; there is no
 * timer. A second thread reads frames back. format.h describes the files.
 *
 *   store_open()   locks the directory, opens the files
 *   store_load()   hands out all rows, then the frames since the last save
 *   store_start()  the threads; until then, and in the crash simulator instead, store_step()
 *
 * Frames that pile up make start-up slow and hold space, so from time to time the store asks every
 * shard to save what it knows as rows (store_options.save). When all have, earlier frames are no
 * longer replayed; they stay as bodies while they are pinned.
 *
 *   STORE_OK --no space--> STORE_FULL --space again, reserve made--> STORE_OK
 *   STORE_OK --file system takes no writes--> STORE_READ_ONLY --it does again--> STORE_OK
 *   STORE_UNAVAILABLE: see store_open()
 *   any --sync failed, or an error that is none of these--> STORE_FAILED (until a restart)
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_STORE_H
#define PUBGRID_STORE_STORE_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "store/batch.h"
#include "store/loader.h"
#include "store/read.h"

struct store;

struct store_options {
    const char *path;      /* directory; made if its parent is there */
    uint64_t size_maximum; /* bytes; new messages are refused beyond */
    uint64_t reserve;      /* bytes of the file `reserve` */
    uint64_t save_bytes;   /* of the log between two saves */
    uint32_t relaxed_ms;   /* 0: commit before acknowledging; else at least so often */
    uint32_t core_version; /* of what core writes into frames and rows */
    unsigned shard_count;
    struct mailbox **mailboxes; /* [shard_count]; outlive the store */
    /* A mail that makes its receiver, a shard, put all it has into rows and say so with
     * batch->saved_round = round (after which it may be asked again). */
    struct mail *(*save)(uint32_t round);
    /* Tests: an error (-errno) in place of the next commit, or 0. May be NULL. */
    int (*fault)(void *context, bool syncing);
    void *fault_context;
    bool unsafe; /* tests: never waits for the disk */
};

/* NULL: the reason is in `error`, as a sentence. Nothing was changed unless all was well.
 * What may pass (another process uses the store; the disk is full or takes no writes) is said in
 * the log; the store is then STORE_UNAVAILABLE, holds nothing, and tries again every second. */
struct store *store_open(const struct store_options *options, struct buffer *error);
/* An unavailable store could be opened now: by a new store_open(), after store_close(). */
bool store_has_returned(struct store *store);

/* Hands out all rows, then the frames since the last save. */
bool store_load(struct store *store, const struct store_loader *loader, struct buffer *error);
/* While loading: the frame at `position` has another user, or one less. */
void store_pin(struct store *store, uint64_t position);
void store_unpin(struct store *store, uint64_t position);
/* When the process that wrote last was alive last; 0: not known. */
msec_t store_last_alive(const struct store *store);

bool store_start(struct store *store, struct buffer *error);
/* Any thread. Takes over the batch, which is not empty. */
void store_submit(struct store *store, struct batch *batch);

/* Any thread. Takes it over. */
void store_read(struct store *store, struct store_read *read);

/* For the state of a store that its owner may look at from any thread. */
const _Atomic int *store_state(const struct store *store);
/* How often the store has posted what it had to tell, each time to all shards. (Not a position: a
 * commit of rows alone ends where the one before did.) */
const _Atomic uint64_t *store_posted(const struct store *store);

struct store_status {
    uint64_t used, file_size;              /* bytes */
    uint64_t log_size, blocks;             /* bytes and number of the log's blocks */
    uint64_t commits, frames_bytes;        /* since the start */
    uint64_t commit_us, commit_us_maximum; /* mean of the last second or so; longest ever */
    uint64_t refused;                      /* batches of which something was refused */
    uint64_t saves;
};

/* Any thread; a moment old. */
void store_get_status(struct store *store, struct store_status *status);

/* One group commit of all that was submitted, in the caller's thread: instead of store_start().
 * Reads are answered too. `inboxes` [shard_count] takes the mail. True if there was anything. */
bool store_step(struct store *store, struct mail_list *inboxes);

/* Commits what is left, ends the threads, frees. */
void store_close(struct store *store);

#endif
