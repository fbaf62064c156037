/* The envelope of one durable fact: its bytes, and the mail sealed to it. The store posts the mail
 * after the commit and never looks inside either. A record without bytes is a ticket: it writes
 * nothing, but its mail waits its turn, so that nothing overtakes what was submitted before.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_RECORD_H
#define PUBGRID_STORE_RECORD_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/mailbox.h"

/* Mail for one shard; a record has one list per shard that is concerned. */
struct sealed_mail {
    struct sealed_mail *next;
    unsigned shard; /* whose mailbox */
    struct mail_list mail;
};

struct record {
    struct record *next;
    struct buffer bytes; /* owned; empty: a ticket */
    struct sealed_mail *sealed;
};

/* In the order of submission. Zeroed memory is an empty list. */
struct record_list {
    struct record *first, *last;
};

struct record *record_new(void);
/* Seals a mail for `shard` to the record (which owns it from then on). */
void record_seal(struct record *record, unsigned shard, struct mail *mail);
void record_list_add(struct record_list *list, struct record *record);
/* Frees the record; mail that was never posted is run with receiver NULL. */
void record_free(struct record *record);

#endif
