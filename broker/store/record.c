/* Records and the mail sealed to them.
 *
 * A record concerns a handful of shards at most, so its mail lists are found by walking.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include <stdlib.h>

#include "base/memory.h"

struct record *record_new(void)
{
    return memory_allocate_zero(sizeof(struct record));
}

static struct sealed_mail *record_mail_for(struct record *record, unsigned shard)
{
    struct sealed_mail *sealed = record->sealed;

    while (sealed && sealed->shard != shard) {
        sealed = sealed->next;
    }
    if (!sealed) {
        sealed = memory_allocate_zero(sizeof(*sealed));
        sealed->shard = shard;
        sealed->next = record->sealed;
        record->sealed = sealed;
    }
    return sealed;
}

void record_seal(struct record *record, unsigned shard, struct mail *mail)
{
    mail_list_add(&record_mail_for(record, shard)->mail, mail);
}

void record_list_add(struct record_list *list, struct record *record)
{
    record->next = NULL;
    if (list->last) {
        list->last->next = record;
    } else {
        list->first = record;
    }
    list->last = record;
}

void record_free(struct record *record)
{
    if (!record) {
        return;
    }
    for (struct sealed_mail *sealed = record->sealed, *next; sealed; sealed = next) {
        next = sealed->next;
        mail_list_run(&sealed->mail, NULL);
        free(sealed);
    }
    buffer_release(&record->bytes);
    free(record);
}
