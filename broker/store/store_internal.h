/* The inside of the store, for its own files.
 *
 *   store.c         queue, thread, group commit
 *   store_space.c   states, the reserve, what happens without space
 *   store_load.c    opening and loading
 *   store_read.c    reading back
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_STORE_INTERNAL_H
#define PUBGRID_STORE_STORE_INTERNAL_H

#include <pthread.h>

#include "store/blocks.h"
#include "store/cleaner.h"
#include "store/database.h"
#include "store/directory_lock.h"
#include "store/store.h"

struct batch_list {
    struct batch *first, *last;
};

struct deleted_row {
    uint64_t version;
    uint32_t key_length;
    uint8_t key[STORE_KEY_MAX];
};

struct store {
    struct store_options options;
    char *path;
    struct directory_lock lock;
    struct database database;
    _Atomic uint64_t posted;
    _Atomic int state;
    _Atomic bool returned; /* an unavailable store could be opened */
    bool has_writer, has_reader;

    /* The queue: under `mutex`. */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct batch_list submitted;
    struct store_read *reads; /* newest first, by mail.next */
    pthread_cond_t read_changed;
    uint64_t committed;         /* positions before this can be read */
    struct store_status status; /* a copy of `counted` for others */
    bool stopping, sleeping, reader_sleeping;

    pthread_t writer, reader;

    /* The writer's. */
    struct store_status counted;
    struct batch_list kept; /* taken and not yet written: without space, or relaxed */
    struct blocks blocks;
    struct cleaner cleaner;
    uint64_t next;               /* position of the next frame */
    uint32_t round;              /* of saving; 0: none yet */
    unsigned round_open;         /* shards that have not saved in this round */
    uint64_t round_from;         /* where the round began */
    uint64_t saved_until;        /* the log was this long when the last round ended */
    struct deleted_row *deleted; /* versioned rows that were deleted in this round */
    size_t deleted_count, deleted_forgettable, deleted_capacity;
    bool reserve_exists;
    bool is_tight; /* little room is left: what has died is to be found at once */
    bool ending;   /* the last step */
    int64_t retry_at_ns, committed_at_ns, saved_at_ns, touched_at_ns, sized_at_ns;
    struct mail_list *inboxes;      /* [shard_count]: mail of this step */
    struct database_reader reading; /* the reader's */
};

/* --- store.c --- */
void batch_list_add(struct batch_list *list, struct batch *batch);
uint64_t batch_list_bytes(const struct batch_list *list);
/* A versioned row was deleted: it is forgotten after the next round of saving. */
void store_note_deleted(struct store *store, struct slice key, uint64_t version);

/* --- store_load.c --- */
/* Could an unavailable store be opened now? */
bool store_is_openable(struct store *store);

/* --- store_space.c --- */
void store_set_state(struct store *store, enum store_state state, int error);
/* A commit failed before anything was written. True: made room, try again at once. */
bool store_make_room(struct store *store, int error);
/* A commit failed for want of space: true if it may have been the cleaner that wanted it, which
 * from now on writes nothing. */
bool store_lighten(struct store *store, int error);
/* Refuses what can be refused of store->kept. */
void store_refuse(struct store *store);
/* Is there too little room at the start? Makes the reserve, if there is room for it. */
bool store_begins_full(struct store *store);
/* Makes the file `reserve`, if there is room for it. */
bool store_make_reserve(struct store *store);
/* May commits be tried again? */
bool store_may_retry(struct store *store, int64_t now_ns);
/* The size bound: full, or no longer. */
void store_check_size(struct store *store);

/* --- store_read.c --- */
int store_start_reader(struct store *store);
void store_stop_reader(struct store *store);
/* Answers all reads, in the caller's thread. */
bool store_answer_reads(struct store *store, struct mail_list *inboxes);

#endif
