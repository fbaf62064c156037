/* Cleaning: see cleaner.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/cleaner.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/memory.h"

enum {
    STEP_BYTES = 4 << 20,   /* of blocks that are dropped or read in one step */
    SPARSE_BYTES = 1 << 20, /* of a block that is written together */
    LARGE_BYTES = 256 << 10 /* a block of this size stays alone while half of it is needed */
};

/* A sparse block in the making. */
struct gathering {
    struct buffer entries, frames;
    struct block block;
};

void cleaner_begin(struct cleaner *cleaner, uint64_t until)
{
    cleaner->next = 0;
    cleaner->until = until;
}

bool cleaner_has_work(const struct cleaner *cleaner)
{
    return cleaner->next < cleaner->until;
}

static bool is_worth_keeping(const struct block *block)
{
    if (block->cleaned) {
        return block->live * 4 >= block->pin_count;
    }
    return block->size >= LARGE_BYTES && block->live * 2 >= block->pin_count;
}

static void keep(struct cleaner *cleaner, const struct block *block)
{
    if (cleaner->made_count == cleaner->made_capacity) {
        cleaner->made_capacity = cleaner->made_capacity ? cleaner->made_capacity * 2 : 16;
        cleaner->made =
            memory_resize(cleaner->made, cleaner->made_capacity * sizeof(*cleaner->made));
    }
    cleaner->made[cleaner->made_count++] = *block;
}

/* A block that stays: its pins move to the new table, as a copy until the commit. */
static void keep_as_it_is(struct cleaner *cleaner, const struct block *block)
{
    struct block copy = *block;

    copy.cleaned = block->cleaned || !cleaner->only_drops;
    copy.pin_capacity = copy.pin_count;
    copy.pins = memory_allocate((copy.pin_count + 1) * sizeof(*copy.pins));
    memcpy(copy.pins, block->pins, copy.pin_count * sizeof(*copy.pins));
    keep(cleaner, &copy);
}

static void gather_frame(struct gathering *gathering, uint64_t position, uint32_t users,
                         struct slice frame)
{
    struct block *block = &gathering->block;
    struct sparse_entry entry = {position, gathering->frames.length};

    if (gathering->entries.length == 0) {
        *block = (struct block){.position = position, .cleaned = true};
    }
    buffer_append(&gathering->entries, slice_make(&entry, sizeof(entry)));
    buffer_append(&gathering->frames, frame);
    if (block->pin_count == block->pin_capacity) {
        block->pin_capacity = block->pin_capacity ? block->pin_capacity * 2 : 16;
        block->pins = memory_resize(block->pins, block->pin_capacity * sizeof(*block->pins));
    }
    block->pins[block->pin_count++] =
        (struct block_pin){(uint32_t)(position - block->position), users};
    block->live++;
}

/* Writes what has been gathered, if anything. */
static int finish_gathering(struct cleaner *cleaner, struct gathering *gathering,
                            struct database *database)
{
    struct block *block = &gathering->block;
    struct block_header header = {BLOCK_SPARSE, block->pin_count};
    uint8_t *room;

    if (gathering->entries.length == 0) {
        return 0;
    }
    size_t before = sizeof(header) + gathering->entries.length;
    for (uint32_t i = 0; i < header.count; i++) {
        struct sparse_entry entry;
        uint8_t *at = gathering->entries.data + i * sizeof(entry);
        memcpy(&entry, at, sizeof(entry));
        entry.offset += before;
        memcpy(at, &entry, sizeof(entry));
    }
    block->size = before + gathering->frames.length;
    int error = database_put_block(database, block->position, block->size, &room);
    if (error == 0) {
        memcpy(room, &header, sizeof(header));
        memcpy(room + sizeof(header), gathering->entries.data, gathering->entries.length);
        memcpy(room + before, gathering->frames.data, gathering->frames.length);
    }
    keep(cleaner, block);
    gathering->entries.length = gathering->frames.length = 0;
    *block = (struct block){0};
    return error;
}

/* Takes what is needed out of a block and deletes it. */
static int gather_block(struct cleaner *cleaner, struct gathering *gathering,
                        const struct block *block, struct database *database)
{
    struct slice bytes, frame, payload;
    struct block_walk walk;
    uint64_t position;
    int error = database_get_block(database, block->position, &bytes);

    if (error || !block_walk_begin(&walk, block->position, bytes)) {
        return error ? error : MDB_CORRUPTED;
    }
    int more;
    while ((more = block_walk_next(&walk, &position, &frame, &payload)) > 0) {
        uint32_t users = block_users(block, position);
        if (users > 0) {
            gather_frame(gathering, position, users, frame);
        }
    }
    if (more < 0) {
        return MDB_CORRUPTED;
    }
    error = database_delete_block(database, block->position);
    if (error == 0 && gathering->frames.length >= SPARSE_BYTES) {
        error = finish_gathering(cleaner, gathering, database);
    }
    return error;
}

/* Far apart positions in one block would not fit its pins' offsets. */
static bool reaches_too_far(const struct gathering *gathering, const struct block *block)
{
    return gathering->entries.length > 0 &&
           block->position + block->size - gathering->block.position > UINT32_MAX / 2;
}

static int clean_block(struct cleaner *cleaner, struct gathering *gathering,
                       const struct block *block, struct database *database)
{
    if (block->live == 0) {
        return database_delete_block(database, block->position);
    }
    bool stays = cleaner->only_drops || is_worth_keeping(block);
    /* A sparse block must not reach across another one. */
    int error = stays || reaches_too_far(gathering, block)
                    ? finish_gathering(cleaner, gathering, database)
                    : 0;
    if (error) {
        return error;
    }
    if (stays) {
        keep_as_it_is(cleaner, block);
        return 0;
    }
    return gather_block(cleaner, gathering, block, database);
}

int cleaner_step(struct cleaner *cleaner, struct blocks *blocks, struct database *database)
{
    struct gathering gathering = {0};
    uint64_t bytes = 0;
    int error = 0;

    cleaner->from = cleaner->to = blocks_index(blocks, cleaner->next);
    /* Nothing is done to a good stretch but to walk past it. */
    while (cleaner->from < blocks->count && blocks->items[cleaner->from].cleaned &&
           is_worth_keeping(&blocks->items[cleaner->from]) &&
           blocks->items[cleaner->from].position < cleaner->until) {
        cleaner->from = ++cleaner->to;
    }
    while (error == 0 && bytes < STEP_BYTES && cleaner->to < blocks->count &&
           blocks->items[cleaner->to].position < cleaner->until) {
        const struct block *block = &blocks->items[cleaner->to++];
        bytes += block->size;
        error = clean_block(cleaner, &gathering, block, database);
    }
    error = error ? error : finish_gathering(cleaner, &gathering, database);
    buffer_release(&gathering.entries);
    buffer_release(&gathering.frames);
    free(gathering.block.pins);
    return error;
}

void cleaner_done(struct cleaner *cleaner, struct blocks *blocks)
{
    uint64_t next =
        cleaner->to < blocks->count ? blocks->items[cleaner->to].position : cleaner->until;

    cleaner->next = next;
    if (cleaner->to > cleaner->from) {
        blocks_replace(blocks, cleaner->from, cleaner->to, cleaner->made, cleaner->made_count);
    }
    cleaner->made_count = 0;
    if (!cleaner_has_work(cleaner)) {
        cleaner->left_dead = blocks->dead_size;
    }
}

void cleaner_undo(struct cleaner *cleaner)
{
    for (size_t i = 0; i < cleaner->made_count; i++) {
        free(cleaner->made[i].pins);
    }
    cleaner->made_count = 0;
}

void cleaner_release(struct cleaner *cleaner)
{
    cleaner_undo(cleaner);
    free(cleaner->made);
}
