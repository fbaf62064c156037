/* Batches: see batch.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/format.h"

enum { ROOM_MAX = 256 * 1024 /* bytes */ };

const char *const store_state_names[] = {"ok", "full", "read-only", "failed", "unavailable"};

struct batch *batch_new(unsigned shard_count)
{
    struct batch *batch = memory_allocate_zero(sizeof(*batch));

    batch->shard_count = shard_count;
    batch->sealed = memory_allocate_zero(shard_count * sizeof(*batch->sealed));
    return batch;
}

/* As much as was used; and where that was little, half of the room, as turns differ. */
static void reserve_like(struct buffer *buffer, const struct buffer *other)
{
    size_t room = other->length > other->capacity / 2 ? other->length : other->capacity / 2;

    if (room > 0) {
        buffer_reserve(buffer, room < ROOM_MAX ? room : ROOM_MAX);
    }
}

struct batch *batch_new_like(const struct batch *batch)
{
    struct batch *next = batch_new(batch->shard_count);

    reserve_like(&next->log, &batch->log);
    reserve_like(&next->rows, &batch->rows);
    reserve_like(&next->pins, &batch->pins);
    reserve_like(&next->unpins, &batch->unpins);
    return next;
}

static void sealed_mail_run(struct mail *mail, void *receiver)
{
    struct sealed_mail *list = CONTAINER_OF(mail, struct sealed_mail, mail);

    for (struct sealed *sealed = list->first, *next; sealed; sealed = next) {
        next = sealed->next;
        sealed->run(sealed, receiver, &list->commit);
    }
    free(list);
}

void batch_free(struct batch *batch)
{
    if (!batch) {
        return;
    }
    for (unsigned i = 0; i < batch->shard_count; i++) {
        if (batch->sealed[i]) {
            sealed_mail_run(&batch->sealed[i]->mail, NULL);
        }
    }
    buffer_release(&batch->log);
    buffer_release(&batch->rows);
    buffer_release(&batch->pins);
    buffer_release(&batch->unpins);
    buffer_release(&batch->items);
    free(batch->sealed);
    free(batch);
}

bool batch_has_writes(const struct batch *batch)
{
    return batch->log.length > 0 || batch->rows.length > 0;
}

bool batch_is_empty(const struct batch *batch)
{
    if (batch_has_writes(batch) || batch->unpins.length > 0 || batch->saved_round != 0) {
        return false;
    }
    for (unsigned i = 0; i < batch->shard_count; i++) {
        if (batch->sealed[i]) {
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- items */

static struct batch_item item_here(const struct batch *batch)
{
    return (struct batch_item){
        .log = (uint32_t)batch->log.length,
        .rows = (uint32_t)batch->rows.length,
        .pins = (uint32_t)batch->pins.length,
        .refusable = batch->refusable,
    };
}

/* Closes the item that is being added, if anything was. */
static void batch_end_item(struct batch *batch)
{
    struct batch_item item = item_here(batch);
    struct batch_item last = {0};

    if (batch->items.length > 0) {
        memcpy(&last, batch->items.data + batch->items.length - sizeof(last), sizeof(last));
    }
    if (item.log == last.log && item.rows == last.rows) {
        return;
    }
    if (batch->items.length > 0 && item.refusable == last.refusable) {
        memcpy(batch->items.data + batch->items.length - sizeof(item), &item, sizeof(item));
        return;
    }
    buffer_append(&batch->items, slice_make(&item, sizeof(item)));
}

void batch_begin(struct batch *batch, bool refusable)
{
    if (batch->refusable != refusable) {
        batch_end_item(batch);
        batch->refusable = refusable;
    }
}

uint32_t batch_frame_begin(struct batch *batch)
{
    uint32_t offset = (uint32_t)batch->log.length;

    buffer_reserve(&batch->log, sizeof(struct frame_header));
    batch->log.length += sizeof(struct frame_header);
    return offset;
}

void batch_frame_end(struct batch *batch, uint32_t offset)
{
    size_t start = offset + sizeof(struct frame_header);
    struct slice payload = slice_make(batch->log.data + start, batch->log.length - start);
    struct frame_header header = {(uint32_t)payload.length, store_checksum(payload)};

    memcpy(batch->log.data + offset, &header, sizeof(header));
}

void batch_pin(struct batch *batch, uint32_t offset, uint32_t count)
{
    struct pin pin = {offset, count};

    buffer_append(&batch->pins, slice_make(&pin, sizeof(pin)));
}

void batch_unpin(struct batch *batch, uint64_t position)
{
    assert(position != 0);
    buffer_append(&batch->unpins, slice_make(&position, sizeof(position)));
}

static void batch_change(struct batch *batch, struct row_change change, struct slice key,
                         struct slice value)
{
    assert(key.length > 0 && key.length <= STORE_KEY_MAX && key.data[0] != 'M');
    change.key_length = (uint32_t)key.length;
    change.value_length = (uint32_t)value.length;
    change.frames = (uint32_t)batch->log.length;
    buffer_append(&batch->rows, slice_make(&change, sizeof(change)));
    buffer_append(&batch->rows, key);
    buffer_append(&batch->rows, value);
}

void batch_put(struct batch *batch, struct slice key, struct slice value)
{
    batch_change(batch, (struct row_change){.operation = ROW_PUT}, key, value);
}

void batch_put_versioned(struct batch *batch, struct slice key, uint64_t version,
                         struct slice value)
{
    batch_change(batch, (struct row_change){.operation = ROW_PUT_VERSIONED, .version = version},
                 key, value);
}

void batch_delete(struct batch *batch, struct slice key)
{
    batch_change(batch, (struct row_change){.operation = ROW_DELETE}, key, SLICE_EMPTY);
}

void batch_delete_prefix(struct batch *batch, struct slice prefix)
{
    batch_change(batch, (struct row_change){.operation = ROW_DELETE_PREFIX}, prefix, SLICE_EMPTY);
}

bool batch_next_row(const struct batch *batch, size_t *at, struct row_change *change,
                    struct slice *key, struct slice *value)
{
    if (*at >= batch->rows.length) {
        return false;
    }
    memcpy(change, batch->rows.data + *at, sizeof(*change));
    *key = slice_make(batch->rows.data + *at + sizeof(*change), change->key_length);
    *value = slice_make(key->data + key->length, change->value_length);
    *at += sizeof(*change) + key->length + value->length;
    return true;
}

static void sealed_list_add(struct sealed_mail *list, struct sealed *sealed)
{
    sealed->next = NULL;
    if (list->last) {
        list->last->next = sealed;
    } else {
        list->first = sealed;
    }
    list->last = sealed;
}

static struct sealed_mail *sealed_mail_of(struct sealed_mail **lists, unsigned shard)
{
    if (!lists[shard]) {
        lists[shard] = memory_allocate_zero(sizeof(*lists[shard]));
        lists[shard]->mail.run = sealed_mail_run;
    }
    return lists[shard];
}

void batch_seal(struct batch *batch, unsigned shard, struct sealed *sealed)
{
    assert(shard < batch->shard_count);
    sealed->refusable = batch->refusable;
    sealed_list_add(sealed_mail_of(batch->sealed, shard), sealed);
}

/* ---------------------------------------------------------------- after the commit, or without */

static void post(struct sealed_mail *list, const struct commit *commit, struct mail_list *inbox)
{
    list->commit = *commit;
    mail_list_add(inbox, &list->mail);
}

void batch_post(struct batch *batch, enum store_state result, struct mail_list *inboxes)
{
    struct commit commit = {batch->base, batch->base + batch->log.length, result, batch->posting};

    for (unsigned i = 0; i < batch->shard_count; i++) {
        if (batch->sealed[i]) {
            post(batch->sealed[i], &commit, &inboxes[i]);
            batch->sealed[i] = NULL;
        }
    }
}

/* Takes the refusable ones out of *from. NULL if there are none. */
static struct sealed_mail *split_refusable(struct sealed_mail **from)
{
    struct sealed_mail *kept = NULL;
    struct sealed_mail *refused = NULL;
    struct sealed *sealed = *from ? (*from)->first : NULL;

    while (sealed) {
        struct sealed *next = sealed->next;
        sealed_list_add(sealed_mail_of(sealed->refusable ? &refused : &kept, 0), sealed);
        sealed = next;
    }
    free(*from);
    *from = kept;
    return refused;
}

static void keep_bytes(struct buffer *buffer, size_t *to, size_t start, size_t end)
{
    if (end > start) {
        memmove(buffer->data + *to, buffer->data + start, end - start);
    }
    *to += end - start;
}

/* Drops what refusable items wrote. Kept frames hold no pins (only messages do, and those are
 * refusable) and kept rows count their frames anew. */
static void drop_refusable_writes(struct batch *batch)
{
    size_t log = 0, rows = 0;
    struct batch_item before = {0};

    batch_end_item(batch);
    for (size_t i = 0; i < batch->items.length / sizeof(struct batch_item); i++) {
        struct batch_item item;
        memcpy(&item, batch->items.data + i * sizeof(item), sizeof(item));
        if (!item.refusable) {
            assert(item.pins == before.pins);
            size_t first_row = rows;
            keep_bytes(&batch->rows, &rows, before.rows, item.rows);
            for (size_t at = first_row; at < rows;) {
                struct row_change change;
                memcpy(&change, batch->rows.data + at, sizeof(change));
                change.frames = change.frames - before.log + (uint32_t)log;
                memcpy(batch->rows.data + at, &change, sizeof(change));
                at += sizeof(change) + change.key_length + change.value_length;
            }
            keep_bytes(&batch->log, &log, before.log, item.log);
        }
        before = item;
    }
    batch->log.length = log;
    batch->rows.length = rows;
    batch->pins.length = batch->items.length = 0;
    batch->refusable = false;
}

void batch_refuse(struct batch *batch, enum store_state result, struct mail_list *inboxes)
{
    struct commit commit = {.result = result};

    for (unsigned i = 0; i < batch->shard_count; i++) {
        struct sealed_mail *refused = split_refusable(&batch->sealed[i]);
        if (refused) {
            post(refused, &commit, &inboxes[i]);
        }
    }
    drop_refusable_writes(batch);
}
