/* The store: takes records in order, makes them durable as a group, then posts their sealed mail.
 *
 * store_memory.c commits at once and keeps nothing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_STORE_H
#define PUBGRID_STORE_STORE_H

#include "base/mailbox.h"
#include "store/record.h"

struct store;

/* `mailboxes[i]` is shard i's; the array and the mailboxes outlive the store. */
struct store *store_open_memory(struct mailbox **mailboxes, unsigned count);
/* Any shard's thread. Takes over the records (the list is empty afterwards); after their commit
 * the sealed mail is posted, records of one submitter in the order of submission. */
void store_submit(struct store *store, struct record_list *records);
void store_close(struct store *store);

#endif
