/* Reading frames back, on a thread of its own: a cold disk must not hold up commits.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/store_internal.h"

static struct store_read *read_of(struct mail *mail)
{
    return CONTAINER_OF(mail, struct store_read, mail);
}

void store_read(struct store *store, struct store_read *read)
{
    pthread_mutex_lock(&store->mutex);
    read->mail.next = store->reads ? &store->reads->mail : NULL;
    store->reads = read;
    bool wake = store->reader_sleeping;
    pthread_mutex_unlock(&store->mutex);
    if (wake) {
        pthread_cond_signal(&store->read_changed);
    }
}

static void read_frames(struct database_reader *reader, struct store_read *read)
{
    size_t *ends = memory_allocate((read->count + 1) * sizeof(*ends));

    for (size_t i = 0; i < read->count; i++) {
        struct slice payload = SLICE_EMPTY;
        int error = database_read_frame(reader, read->positions[i], &payload);
        if (error) {
            LOG_LIMITED(LOG_ERROR, "message lost", "position=%llu error=\"%s\"",
                        (unsigned long long)read->positions[i], database_error(error));
            payload = SLICE_EMPTY;
        }
        buffer_append(&read->bytes, payload);
        ends[i] = read->bytes.length;
    }
    for (size_t i = 0, start = 0; i < read->count; start = ends[i++]) {
        read->frames[i] = slice_make(read->bytes.data + start, ends[i] - start);
    }
    free(ends);
}

/* All reads, oldest first. */
static struct store_read *take_reads(struct store *store)
{
    struct store_read *newest = store->reads;
    struct store_read *oldest = NULL;

    store->reads = NULL;
    while (newest) {
        struct mail *next = newest->mail.next;
        newest->mail.next = oldest ? &oldest->mail : NULL;
        oldest = newest;
        newest = next ? read_of(next) : NULL;
    }
    return oldest;
}

static bool is_committed(const struct store *store, const struct store_read *read)
{
    return read->positions[read->count - 1] < store->committed;
}

/* Without a lock held. True if any was read; those that wait for their commit go back. */
static bool answer(struct store *store, struct store_read *read, struct mail_list *inboxes)
{
    bool any = false;
    bool renewed = false;

    while (read) {
        struct store_read *next = read->mail.next ? read_of(read->mail.next) : NULL;
        pthread_mutex_lock(&store->mutex);
        bool ready = is_committed(store, read);
        if (!ready) {
            read->mail.next = store->reads ? &store->reads->mail : NULL;
            store->reads = read;
        }
        pthread_mutex_unlock(&store->mutex);
        if (ready) {
            if (!renewed) {
                renewed = database_reader_renew(&store->reading) == 0;
            }
            read_frames(&store->reading, read);
            mail_list_add(&inboxes[read->shard], &read->mail);
            any = true;
        }
        read = next;
    }
    if (renewed) {
        database_reader_rest(&store->reading);
    }
    return any;
}

bool store_answer_reads(struct store *store, struct mail_list *inboxes)
{
    if (!store->reads) {
        return false;
    }
    if (!store->reading.txn && database_reader_open(&store->reading, &store->database) != 0) {
        return false;
    }
    return answer(store, take_reads(store), inboxes);
}

static bool may_read(const struct store *store)
{
    for (const struct store_read *read = store->reads; read;
         read = read->mail.next ? read_of(read->mail.next) : NULL) {
        if (is_committed(store, read)) {
            return true;
        }
    }
    return false;
}

static struct store_read *wait_for_reads(struct store *store, bool *stopping)
{
    pthread_mutex_lock(&store->mutex);
    store->reader_sleeping = true;
    while (!store->stopping && !may_read(store)) {
        pthread_cond_wait(&store->read_changed, &store->mutex);
    }
    store->reader_sleeping = false;
    *stopping = store->stopping;
    struct store_read *reads = store->stopping ? NULL : take_reads(store);
    pthread_mutex_unlock(&store->mutex);
    return reads;
}

static void *run_reader(void *context)
{
    struct store *store = context;
    unsigned shards = store->options.shard_count;
    struct mail_list *inboxes = memory_allocate_zero(shards * sizeof(*inboxes));
    bool stopping = false;

    pthread_setname_np(pthread_self(), "store-reader");
    while (!stopping) {
        answer(store, wait_for_reads(store, &stopping), inboxes);
        for (unsigned i = 0; i < shards; i++) {
            if (inboxes[i].first) {
                mailbox_post(store->options.mailboxes[i], &inboxes[i]);
            }
        }
    }
    free(inboxes);
    return NULL;
}

int store_start_reader(struct store *store)
{
    int error = store->state == STORE_UNAVAILABLE
                    ? 0
                    : database_reader_open(&store->reading, &store->database);

    if (error == 0) {
        error = -pthread_create(&store->reader, NULL, run_reader, store);
        store->has_reader = error == 0;
    }
    return error;
}

void store_stop_reader(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
    bool runs = store->has_reader;
    store->stopping = store->stopping || runs;
    pthread_mutex_unlock(&store->mutex);
    if (runs) {
        pthread_cond_broadcast(&store->read_changed);
        pthread_join(store->reader, NULL);
    }
    while (store->reads) {
        struct store_read *read = store->reads;
        store->reads = read->mail.next ? read_of(read->mail.next) : NULL;
        read->mail.run(&read->mail, NULL);
    }
    if (store->reading.txn) {
        database_reader_close(&store->reading);
    }
}
