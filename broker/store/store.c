/* The queue, the writing thread and the group commit: see store.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/store_internal.h"

enum {
    BLOCK_BYTES = 1 << 20,   /* batches are put together up to this size */
    SAVE_BLOCKS = 50000,     /* so many small blocks are worth a round of saving too */
    CLEAN_BYTES = 16 << 20,  /* of blocks that died since the cleaner went round */
    TOUCH_NS = 1000000000,   /* how often the process says that it is alive */
    SIZE_NS = 1000000000,    /* how often the size of the files is looked at */
    RELAXED_BYTES = 4 << 20, /* relaxed: commit at the latest when so much waits */
};

void batch_list_add(struct batch_list *list, struct batch *batch)
{
    batch->next = NULL;
    if (list->last) {
        list->last->next = batch;
    } else {
        list->first = batch;
    }
    list->last = batch;
}

static struct batch *batch_list_take(struct batch_list *list)
{
    struct batch *batch = list->first;

    list->first = batch->next;
    list->last = list->first ? list->last : NULL;
    return batch;
}

uint64_t batch_list_bytes(const struct batch_list *list)
{
    uint64_t bytes = 0;

    for (const struct batch *batch = list->first; batch; batch = batch->next) {
        bytes += batch->log.length + batch->rows.length;
    }
    return bytes;
}

/* ---------------------------------------------------------------- one transaction */

/* The blocks of a transaction, for the table once it is committed. */
struct new_block {
    uint64_t position, size;
    uint32_t pins;
};

struct group {
    struct buffer blocks; /* struct new_block */
    uint64_t end;         /* position behind the last frame */
    unsigned saved;       /* shards that have saved */
    bool round_ends;
};

static int append_block(struct store *store, struct group *group, struct batch *first,
                        const struct batch *end, size_t bytes)
{
    struct block_header header = {BLOCK_PLAIN, 0};
    struct new_block block = {.position = first->base, .size = sizeof(header) + bytes};
    uint8_t *room;
    int error = database_append(&store->database, block.position, block.size, &room);

    if (error) {
        return error;
    }
    memcpy(room, &header, sizeof(header));
    room += sizeof(header);
    for (; first != end; first = first->next) {
        if (first->log.length > 0) {
            memcpy(room, first->log.data, first->log.length);
            room += first->log.length;
        }
        block.pins += (uint32_t)(first->pins.length / sizeof(struct pin));
    }
    buffer_append(&group->blocks, slice_make(&block, sizeof(block)));
    return 0;
}

/* All frames, as few blocks. */
static int append_frames(struct store *store, struct group *group)
{
    struct batch *first = store->kept.first;

    while (first) {
        struct batch *end = first;
        size_t bytes = 0;
        do {
            bytes += end->log.length;
            end = end->next;
        } while (end && (bytes == 0 || bytes + end->log.length <= BLOCK_BYTES));
        int error = bytes > 0 ? append_block(store, group, first, end, bytes) : 0;
        if (error) {
            return error;
        }
        first = end;
    }
    return 0;
}

static int change_row(struct store *store, const struct batch *batch,
                      const struct row_change *change, struct slice key, struct slice value)
{
    struct database *database = &store->database;

    switch ((enum row_operation)change->operation) {
    case ROW_PUT:
        return database_put_row(database, key, batch->base + change->frames, value);
    case ROW_PUT_VERSIONED:
        return database_put_versioned(database, key, change->version, value);
    case ROW_DELETE:
        return database_delete_row(database, key);
    case ROW_DELETE_PREFIX:
        return database_delete_rows(database, key);
    }
    return 0;
}

static int change_rows(struct store *store, const struct batch *batch)
{
    struct row_change change;
    struct slice key, value;
    size_t at = 0;
    int error = 0;

    while (error == 0 && batch_next_row(batch, &at, &change, &key, &value)) {
        error = change_row(store, batch, &change, key, value);
    }
    return error;
}

static int end_round(struct store *store, const struct group *group)
{
    struct store_head *head = &store->database.head;
    int error = 0;

    head->replay_from = store->round_from;
    head->next = group->end;
    for (size_t i = 0; error == 0 && i < store->deleted_forgettable; i++) {
        const struct deleted_row *row = &store->deleted[i];
        error = database_forget_deleted(&store->database, slice_make(row->key, row->key_length),
                                        row->version);
    }
    return error ? error : database_put_head(&store->database);
}

/* Gives the batches their positions. */
static void place_batches(struct store *store, struct group *group)
{
    group->end = store->next;
    for (struct batch *batch = store->kept.first; batch; batch = batch->next) {
        batch->base = group->end;
        group->end += batch->log.length;
        group->saved += store->round_open > 0 && batch->saved_round == store->round;
    }
    group->round_ends = store->round_open > 0 && group->saved == store->round_open;
}

/* From the first commit of a newer program on, the file is one of its version: an older one would
 * misread what is in it. */
static int raise_version(struct store *store)
{
    struct store_head *head = &store->database.head;
    uint32_t before = head->core_version;

    head->core_version = store->options.core_version;
    int error = database_put_head(&store->database);
    head->core_version = before; /* until it is committed */
    return error;
}

static int commit_written(struct store *store)
{
    int error = database_commit(&store->database);

    if (error == 0) {
        store->database.head.core_version = store->options.core_version;
    }
    return error;
}

static int write_group(struct store *store, struct group *group)
{
    bool is_raised = store->database.head.core_version < store->options.core_version;
    int error = database_begin(&store->database);

    if (error) {
        return error;
    }
    error = append_frames(store, group);
    for (const struct batch *batch = store->kept.first; error == 0 && batch; batch = batch->next) {
        error = change_rows(store, batch);
    }
    if (error == 0 && group->round_ends) {
        error = end_round(store, group);
    } else if (error == 0 && cleaner_has_work(&store->cleaner)) {
        error = cleaner_step(&store->cleaner, &store->blocks, &store->database);
    }
    if (error == 0 && is_raised) {
        error = raise_version(store);
    }
    if (error == 0 && store->options.fault) {
        error = store->options.fault(store->options.fault_context, true);
    }
    if (error) {
        database_abort(&store->database);
        return error;
    }
    return commit_written(store);
}

/* ---------------------------------------------------------------- what follows from a commit */

static void hand_out(struct store *store, struct batch *batch, enum store_state result)
{
    batch->posting = atomic_load_explicit(&store->posted, memory_order_relaxed) + 1;
    batch_post(batch, result, store->inboxes);
}

void store_note_deleted(struct store *store, struct slice key, uint64_t version)
{
    if (store->deleted_count == store->deleted_capacity) {
        store->deleted_capacity = store->deleted_capacity ? store->deleted_capacity * 2 : 16;
        store->deleted =
            memory_resize(store->deleted, store->deleted_capacity * sizeof(*store->deleted));
    }
    struct deleted_row *row = &store->deleted[store->deleted_count++];
    row->version = version;
    row->key_length = (uint32_t)key.length;
    memcpy(row->key, key.data, key.length);
}

static void note_deleted_rows(struct store *store, const struct batch *batch)
{
    struct row_change change;
    struct slice key, value;
    size_t at = 0;

    while (batch_next_row(batch, &at, &change, &key, &value)) {
        if (change.operation == ROW_PUT_VERSIONED && value.length == 0) {
            store_note_deleted(store, key, change.version);
        }
    }
}

static void pin_frames(struct store *store, const struct batch *batch)
{
    for (size_t i = 0; i < batch->pins.length / sizeof(struct pin); i++) {
        struct pin pin;
        memcpy(&pin, batch->pins.data + i * sizeof(pin), sizeof(pin));
        bool found = blocks_pin(&store->blocks, batch->base + pin.offset, pin.count);
        assert(found);
        (void)found;
    }
}

static void unpin_frames(struct store *store, const struct batch *batch)
{
    for (size_t i = 0; i < batch->unpins.length / sizeof(uint64_t); i++) {
        uint64_t position;
        memcpy(&position, batch->unpins.data + i * sizeof(position), sizeof(position));
        blocks_unpin(&store->blocks, position);
    }
}

static void finish_round(struct store *store)
{
    store->round_open = 0;
    store->saved_until = store->next;
    store->saved_at_ns = clock_monotonic_ns();
    store->deleted_count -= store->deleted_forgettable;
    if (store->deleted_count > 0) {
        memmove(store->deleted, store->deleted + store->deleted_forgettable,
                store->deleted_count * sizeof(*store->deleted));
    }
    store->deleted_forgettable = 0;
    store->counted.saves++;
    cleaner_begin(&store->cleaner, store->database.head.replay_from);
}

/* All that was written is on the disk: memory follows, and the sealed objects go out. */
static void take_over(struct store *store, const struct group *group, bool cleaned)
{
    for (size_t i = 0; i < group->blocks.length / sizeof(struct new_block); i++) {
        struct new_block block;
        memcpy(&block, group->blocks.data + i * sizeof(block), sizeof(block));
        blocks_add(&store->blocks, block.position, block.size, block.pins);
    }
    if (cleaned) {
        cleaner_done(&store->cleaner, &store->blocks);
    }
    store->counted.frames_bytes += group->end - store->next;
    store->next = group->end;
    if (group->round_ends) {
        finish_round(store);
    } else {
        store->round_open -= group->saved;
    }
    pthread_mutex_lock(&store->mutex);
    store->committed = store->next;
    bool may_read = store->reads != NULL; /* what it wants may be there now */
    pthread_mutex_unlock(&store->mutex);
    if (may_read) {
        pthread_cond_signal(&store->read_changed);
    }
    while (store->kept.first) {
        struct batch *batch = batch_list_take(&store->kept);
        note_deleted_rows(store, batch);
        pin_frames(store, batch);
        unpin_frames(store, batch);
        hand_out(store, batch, STORE_OK);
        batch_free(batch);
    }
}

/* The mean follows with a weight of one eighth. */
static void measure_commit(struct store *store, int64_t started_ns)
{
    int64_t us = (clock_monotonic_ns() - started_ns) / 1000;
    struct store_status *status = &store->counted;
    int64_t mean = status->commits == 0 ? us : (int64_t)status->commit_us;

    status->commits++;
    status->commit_us = (uint64_t)(mean + (us - mean) / 8);
    if ((uint64_t)us > status->commit_us_maximum) {
        status->commit_us_maximum = (uint64_t)us;
    }
}

/* 0 or the error; store->kept is empty after 0. */
static int commit_group(struct store *store)
{
    struct group group = {0};
    struct store_head head = store->database.head;
    int64_t started_ns = clock_monotonic_ns();

    place_batches(store, &group);
    bool cleans = !group.round_ends && cleaner_has_work(&store->cleaner);
    int error = write_group(store, &group);
    if (error == 0) {
        take_over(store, &group, cleans);
        measure_commit(store, started_ns);
        store->committed_at_ns = clock_monotonic_ns();
    } else {
        store->database.head = head;
        cleaner_undo(&store->cleaner);
    }
    buffer_release(&group.blocks);
    return error;
}

/* ---------------------------------------------------------------- a step */

static bool has_writes(const struct store *store)
{
    for (const struct batch *batch = store->kept.first; batch; batch = batch->next) {
        if (batch_has_writes(batch) || batch->saved_round != 0) {
            return true;
        }
    }
    return cleaner_has_work(&store->cleaner);
}

/* Without anything to write: what waited only for its turn. */
static void pass_on(struct store *store, enum store_state result)
{
    while (store->kept.first) {
        struct batch *batch = batch_list_take(&store->kept);
        batch->base = store->next;
        unpin_frames(store, batch);
        hand_out(store, batch, result);
        batch_free(batch);
    }
}

static void begin_round(struct store *store)
{
    uint64_t grown = store->next - store->saved_until;
    size_t blocks = store->blocks.count - blocks_index(&store->blocks, store->saved_until);
    bool wants_space = (store->state == STORE_FULL || store->is_tight) && grown > 0 &&
                       clock_monotonic_ns() - store->saved_at_ns >= SIZE_NS;

    if (store->round_open > 0 || store->state == STORE_FAILED || !store->options.save ||
        (grown < store->options.save_bytes && blocks < SAVE_BLOCKS && !wants_space)) {
        return;
    }
    store->round++;
    store->round += store->round == 0;
    store->round_open = store->options.shard_count;
    store->round_from = store->next;
    store->deleted_forgettable = store->deleted_count;
    for (unsigned i = 0; i < store->options.shard_count; i++) {
        mail_list_add(&store->inboxes[i], store->options.save(store->round));
    }
}

/* Blocks that died since the cleaner went round last. */
static void begin_cleaning(struct store *store)
{
    if (!cleaner_has_work(&store->cleaner) &&
        store->blocks.dead_size > store->cleaner.left_dead + CLEAN_BYTES) {
        cleaner_begin(&store->cleaner, store->database.head.replay_from);
    }
}

/* Without space, what can be refused is, so that what the reserve leaves goes to what frees
 * space. */
static void commit_or_refuse(struct store *store)
{
    if (store->state == STORE_FAILED) {
        pass_on(store, STORE_FAILED);
        return;
    }
    if (store->state != STORE_OK) {
        store_refuse(store);
        if (!store_may_retry(store, clock_monotonic_ns())) {
            return;
        }
    }
    for (int error = commit_group(store); error; error = commit_group(store)) {
        if (store_lighten(store, error)) {
            continue;
        }
        bool has_room = store_make_room(store, error);
        if (store->state == STORE_FAILED) {
            pass_on(store, STORE_FAILED);
            return;
        }
        store_refuse(store);
        if (!has_room) {
            return;
        }
    }
}

/* Relaxed: what was just taken is acknowledged now, under the position that it will have. */
static void acknowledge_early(struct store *store, struct batch *batch, uint64_t *next)
{
    batch->base = *next;
    *next += batch->log.length;
    hand_out(store, batch, store->state == STORE_FAILED ? STORE_FAILED : STORE_OK);
}

/* Relaxed: not yet. While a commit is under way nothing is acknowledged; so with three quarters of
 * the interval here and one in wait_ns(), a crash loses what was acknowledged in one interval. */
static bool must_wait(const struct store *store)
{
    return store->options.relaxed_ms > 0 && !store->ending &&
           batch_list_bytes(&store->kept) < RELAXED_BYTES &&
           clock_monotonic_ns() - store->committed_at_ns <
               (int64_t)store->options.relaxed_ms * 750000;
}

static bool take_submitted(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    struct batch_list list = store->submitted;
    store->submitted = (struct batch_list){0};
    pthread_mutex_unlock(&store->mutex);
    bool any = list.first != NULL;
    uint64_t next = store->next;
    for (const struct batch *batch = store->kept.first; batch; batch = batch->next) {
        next += batch->log.length;
    }
    while (list.first) {
        struct batch *batch = batch_list_take(&list);
        if (store->options.relaxed_ms > 0) {
            acknowledge_early(store, batch, &next);
        }
        batch_list_add(&store->kept, batch);
    }
    return any;
}

static void housekeep(struct store *store)
{
    int64_t now = clock_monotonic_ns();

    if (now - store->touched_at_ns >= TOUCH_NS) {
        store->touched_at_ns = now;
        directory_lock_touch(&store->lock);
    }
    if (now - store->sized_at_ns >= SIZE_NS) {
        store->sized_at_ns = now;
        store_check_size(store);
        database_forget_pages(&store->database);
    }
    store->counted.log_size = store->blocks.size;
    store->counted.blocks = store->blocks.count;
    pthread_mutex_lock(&store->mutex);
    store->status = store->counted;
    pthread_mutex_unlock(&store->mutex);
}

static void look_again(struct store *store)
{
    int64_t now = clock_monotonic_ns();

    if (!store->returned && now - store->sized_at_ns >= SIZE_NS) {
        store->sized_at_ns = now;
        store->returned = store_is_openable(store);
    }
}

bool store_has_returned(struct store *store)
{
    return store->returned;
}

/* True if there was anything to do. */
static bool step(struct store *store)
{
    bool any = take_submitted(store);

    if (store->state == STORE_UNAVAILABLE) {
        /* Core refuses what must be stored, so nothing is lost that was promised. */
        pass_on(store, STORE_OK);
        look_again(store);
        return any;
    }
    if (!has_writes(store)) {
        pass_on(store, store->state == STORE_FAILED ? STORE_FAILED : STORE_OK);
    } else if (!must_wait(store)) {
        commit_or_refuse(store);
        any = true;
    }
    begin_round(store);
    begin_cleaning(store);
    housekeep(store);
    return any;
}

bool store_step(struct store *store, struct mail_list *inboxes)
{
    store->inboxes = inboxes;
    bool any = step(store);
    atomic_fetch_add(&store->posted, 1);
    return store_answer_reads(store, inboxes) || any;
}

/* ---------------------------------------------------------------- the thread */

static void post_mail(struct store *store)
{
    for (unsigned i = 0; i < store->options.shard_count; i++) {
        if (store->inboxes[i].first) {
            mailbox_post(store->options.mailboxes[i], &store->inboxes[i]);
        }
    }
    atomic_fetch_add_explicit(&store->posted, 1, memory_order_release);
}

/* How long to wait for batches: not at all, for the relaxed commit, or until housekeeping is due.
 */
static int64_t wait_ns(const struct store *store)
{
    bool cleans = cleaner_has_work(&store->cleaner) && store->state == STORE_OK;

    if (cleans && !must_wait(store)) {
        return 0;
    }
    if ((cleans || store->kept.first) && store->options.relaxed_ms > 0) {
        return (int64_t)store->options.relaxed_ms * 1000000 / 4 + 1;
    }
    return TOUCH_NS;
}

static bool wait_for_batches(struct store *store)
{
    int64_t wait = wait_ns(store);
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += wait;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&store->mutex);
    store->sleeping = true;
    while (wait > 0 && !store->submitted.first && !store->stopping) {
        if (pthread_cond_timedwait(&store->changed, &store->mutex, &until) != 0) {
            break;
        }
    }
    store->sleeping = false;
    bool ends = store->stopping && !store->submitted.first;
    pthread_mutex_unlock(&store->mutex);
    return !ends;
}

static void *run_writer(void *context)
{
    struct store *store = context;

    pthread_setname_np(pthread_self(), "store");
    while (wait_for_batches(store)) {
        if (store->state == STORE_OK && !store->cleaner.only_drops) {
            database_extend(&store->database);
        }
        step(store);
        post_mail(store);
    }
    store->ending = true;
    if (store->kept.first) {
        step(store);
        post_mail(store);
    }
    return NULL;
}

bool store_start(struct store *store, struct buffer *error)
{
    store->inboxes = memory_allocate_zero(store->options.shard_count * sizeof(*store->inboxes));
    int failed = pthread_create(&store->writer, NULL, run_writer, store);
    store->has_writer = failed == 0;
    failed = failed ? failed : -store_start_reader(store);
    if (failed) {
        buffer_append_format(error, "cannot start the store's threads: %s",
                             strerrordesc_np(failed));
    }
    return failed == 0;
}

void store_submit(struct store *store, struct batch *batch)
{
    batch_begin(batch, !batch->refusable); /* ends the last item */
    pthread_mutex_lock(&store->mutex);
    batch_list_add(&store->submitted, batch);
    bool wake = store->sleeping && batch->next == NULL;
    pthread_mutex_unlock(&store->mutex);
    if (wake) {
        pthread_cond_signal(&store->changed);
    }
}

const _Atomic int *store_state(const struct store *store)
{
    return &store->state;
}

const _Atomic uint64_t *store_posted(const struct store *store)
{
    return &store->posted;
}

void store_get_status(struct store *store, struct store_status *status)
{
    pthread_mutex_lock(&store->mutex);
    *status = store->status;
    pthread_mutex_unlock(&store->mutex);
}

static void stop_writer(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    store->stopping = true;
    pthread_mutex_unlock(&store->mutex);
    pthread_cond_signal(&store->changed);
    if (store->has_writer) {
        pthread_join(store->writer, NULL);
        free(store->inboxes);
    }
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    store_stop_reader(store);
    stop_writer(store);
    while (store->submitted.first) {
        batch_free(batch_list_take(&store->submitted));
    }
    while (store->kept.first) {
        batch_free(batch_list_take(&store->kept));
    }
    cleaner_release(&store->cleaner);
    blocks_release(&store->blocks);
    database_close(&store->database);
    directory_unlock(&store->lock);
    pthread_mutex_destroy(&store->mutex);
    pthread_cond_destroy(&store->changed);
    pthread_cond_destroy(&store->read_changed);
    free(store->deleted);
    free(store->path);
    free(store);
}
