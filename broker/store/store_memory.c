/* The store that keeps nothing: a record is committed as soon as it is submitted.
 *
 * There is no thread of its own, so each submitter's records are posted by the submitter itself,
 * in order. The mail of all records of one submission is gathered first, so that a shard's mailbox
 * is locked and woken once for each submission and not once for each record.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum { STORE_SHARDS_MAX = 256 }; /* shards are numbered by one byte */

struct store {
    unsigned count;
    struct mailbox **mailboxes; /* borrowed */
};

struct store *store_open_memory(struct mailbox **mailboxes, unsigned count)
{
    struct store *store = memory_allocate(sizeof(*store));

    assert(count <= STORE_SHARDS_MAX);
    store->count = count;
    store->mailboxes = mailboxes;
    return store;
}

void store_submit(struct store *store, struct record_list *records)
{
    struct mail_list committed[STORE_SHARDS_MAX];
    struct record *record = records->first;

    *records = (struct record_list){0};
    memset(committed, 0, store->count * sizeof(committed[0]));
    while (record) {
        struct record *next = record->next;
        for (struct sealed_mail *sealed = record->sealed; sealed; sealed = sealed->next) {
            assert(sealed->shard < store->count);
            mail_list_move(&committed[sealed->shard], &sealed->mail);
        }
        record_free(record);
        record = next;
    }
    for (unsigned i = 0; i < store->count; i++) {
        if (committed[i].first) {
            mailbox_post(store->mailboxes[i], &committed[i]);
        }
    }
}

void store_close(struct store *store)
{
    free(store);
}
