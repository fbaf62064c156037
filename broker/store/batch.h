/* The envelope between a shard and the store: what one turn of a shard wants to have made durable,
 * in order, and what waits for that.
 *
 * A batch holds frames for the ordered log, changes of keyed rows, and sealed objects: things to be
 * done by some shard after the commit (an acknowledgement to send, a message to deliver). The store
 * commits a batch whole, stamps the commit on it, and posts the sealed objects to their shards in
 * the order of the log. It never looks inside frames, rows or sealed objects. A sealed object
 * without any frame or row before it still waits its turn, so nothing overtakes.
 *
 * What comes between two batch_begin() calls is an item. When the store can write no more, items
 * that are refusable (a new message) are refused, and the others (an acknowledgement that was
 * received, the end of a session) are kept until they can be written.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_BATCH_H
#define PUBGRID_STORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/mailbox.h"

/* What became of a batch; also the state of the store. */
enum store_state {
    STORE_OK,
    STORE_FULL,        /* no space: refusable items are refused, the rest goes on */
    STORE_READ_ONLY,   /* the same, for a file system that takes no writes */
    STORE_FAILED,      /* an error that leaves in doubt what is on the disk: until a restart */
    STORE_UNAVAILABLE, /* could not be opened yet: nothing is known of what is in it */
};

/* "ok", "full", "read-only", "failed", "unavailable". */
extern const char *const store_state_names[];

/* The commit of a batch: its first frame has position `base`. */
struct commit {
    uint64_t base, end;
    enum store_state result; /* anything but STORE_OK: nothing was written */
    uint64_t posting;        /* in which the store tells of it (store_posted()); 0: refused */
};

struct sealed {
    struct sealed *next;
    /* Frees it. Receiver NULL (shut down): only frees. */
    void (*run)(struct sealed *sealed, void *receiver, const struct commit *commit);
    bool refusable;
};

/* The sealed objects of one batch for one shard, in order: one mail. */
struct sealed_mail {
    struct mail mail;
    struct commit commit;
    struct sealed *first, *last;
};

enum row_operation { ROW_PUT, ROW_PUT_VERSIONED, ROW_DELETE, ROW_DELETE_PREFIX };

/* As it lies in batch->rows, followed by key and value. */
struct row_change {
    uint32_t operation; /* enum row_operation */
    uint32_t key_length;
    uint64_t version;
    uint32_t value_length;
    uint32_t frames; /* bytes of batch->log before it */
};

/* `count` users of the frame at `offset` in batch->log: it is kept until all have let go. */
struct pin {
    uint32_t offset, count;
};

struct batch_item {
    uint32_t log, rows, pins; /* bytes of each behind this item */
    bool refusable;
};

struct batch {
    struct batch *next;
    struct buffer log;           /* frames */
    struct buffer rows;          /* row changes */
    struct buffer pins;          /* struct pin, ascending offsets */
    struct buffer unpins;        /* uint64_t positions of which one user lets go; never refused */
    struct buffer items;         /* struct batch_item */
    struct sealed_mail **sealed; /* [shard_count] or NULL each */
    unsigned shard_count;
    bool refusable;       /* what is being added */
    uint32_t saved_round; /* != 0: everything of this shard is in rows; see store_options.save */
    uint64_t base;        /* the store's: position of the first frame */
    uint64_t posting;     /* the store's */
};

struct batch *batch_new(unsigned shard_count);
/* The one behind `batch`: with room for as much, since it will probably hold as much. */
struct batch *batch_new_like(const struct batch *batch);
/* With everything in it; sealed objects are run with receiver NULL. */
void batch_free(struct batch *batch);
/* Nothing in it at all. */
bool batch_is_empty(const struct batch *batch);
/* Something to write. */
bool batch_has_writes(const struct batch *batch);

/* Begins an item. */
void batch_begin(struct batch *batch, bool refusable);
/* Begins a frame; the payload is appended to batch->log, then batch_frame_end(). Returns the
 * offset of the frame. */
uint32_t batch_frame_begin(struct batch *batch);
void batch_frame_end(struct batch *batch, uint32_t offset);
void batch_pin(struct batch *batch, uint32_t offset, uint32_t count);
void batch_unpin(struct batch *batch, uint64_t position);
/* The value is not empty. */
void batch_put(struct batch *batch, struct slice key, struct slice value);
/* Has no effect if the row has this or a greater version already. An empty value deletes. */
void batch_put_versioned(struct batch *batch, struct slice key, uint64_t version,
                         struct slice value);
void batch_delete(struct batch *batch, struct slice key);
/* All rows whose key begins so. */
void batch_delete_prefix(struct batch *batch, struct slice prefix);
/* For `shard` to run after the commit; the batch owns it from now on. */
void batch_seal(struct batch *batch, unsigned shard, struct sealed *sealed);

/* The first row change at or after *at; false at the end. */
bool batch_next_row(const struct batch *batch, size_t *at, struct row_change *change,
                    struct slice *key, struct slice *value);

/* --- for stores --- */

/* Stamps the commit and moves the sealed objects to inboxes[shard]. */
void batch_post(struct batch *batch, enum store_state result, struct mail_list *inboxes);
/* The refusable items are refused: their sealed objects go to `inboxes` with `result`, their
 * writes are dropped. The rest stays. */
void batch_refuse(struct batch *batch, enum store_state result, struct mail_list *inboxes);

#endif
