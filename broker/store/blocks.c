/* The table of blocks: see blocks.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void blocks_release(struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        free(blocks->items[i].pins);
    }
    free(blocks->items);
    *blocks = (struct blocks){0};
}

static void reserve(struct blocks *blocks, size_t count)
{
    if (count > blocks->capacity) {
        blocks->capacity = count > blocks->capacity * 2 ? count : blocks->capacity * 2;
        blocks->items = memory_resize(blocks->items, blocks->capacity * sizeof(*blocks->items));
    }
}

struct block *blocks_add(struct blocks *blocks, uint64_t position, uint64_t size,
                         uint32_t pin_count)
{
    assert(blocks->count == 0 || position > blocks->items[blocks->count - 1].position);
    reserve(blocks, blocks->count + 1);
    struct block *block = &blocks->items[blocks->count++];
    *block = (struct block){.position = position, .size = size, .pin_capacity = pin_count};
    if (pin_count > 0) {
        block->pins = memory_allocate(pin_count * sizeof(*block->pins));
    }
    blocks->size += size;
    blocks->dead_size += size;
    return block;
}

size_t blocks_index(const struct blocks *blocks, uint64_t position)
{
    size_t low = 0, high = blocks->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (blocks->items[middle].position < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool covers(const struct blocks *blocks, size_t index, uint64_t position)
{
    return index < blocks->count && blocks->items[index].position <= position &&
           (index + 1 == blocks->count || blocks->items[index + 1].position > position);
}

struct block *blocks_find(struct blocks *blocks, uint64_t position)
{
    /* Users come in the order of the log, so it is mostly the last one again, or the next. */
    size_t index = blocks->last_found;
    if (!covers(blocks, index, position) && !covers(blocks, ++index, position)) {
        index = blocks_index(blocks, position + 1);
        if (index == 0) {
            return NULL;
        }
        index--;
    }
    blocks->last_found = index;
    return &blocks->items[index];
}

/* Index of the first pin at or behind the offset. */
static uint32_t pin_index(const struct block *block, uint32_t offset)
{
    uint32_t low = 0, high = block->pin_count;

    if (high > 0 && block->pins[high - 1].offset < offset) {
        return high;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (block->pins[middle].offset < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void insert_pin(struct block *block, uint32_t index, struct block_pin pin)
{
    if (block->pin_count == block->pin_capacity) {
        block->pin_capacity = block->pin_capacity ? block->pin_capacity * 2 : 1;
        block->pins = memory_resize(block->pins, block->pin_capacity * sizeof(*block->pins));
    }
    memmove(block->pins + index + 1, block->pins + index,
            (block->pin_count - index) * sizeof(*block->pins));
    block->pins[index] = pin;
    block->pin_count++;
}

bool blocks_pin(struct blocks *blocks, uint64_t position, uint32_t users)
{
    struct block *block = blocks_find(blocks, position);

    if (!block || position - block->position > UINT32_MAX) {
        return false;
    }
    uint32_t offset = (uint32_t)(position - block->position);
    uint32_t index = pin_index(block, offset);
    if (index == block->pin_count || block->pins[index].offset != offset) {
        insert_pin(block, index, (struct block_pin){offset, 0});
    }
    if (block->pins[index].users == 0 && users > 0) {
        blocks->dead_size -= block->live == 0 ? block->size : 0;
        block->live++;
    }
    block->pins[index].users += users;
    return true;
}

static struct block_pin *find_pin(const struct block *block, uint64_t position)
{
    if (position - block->position > UINT32_MAX) {
        return NULL;
    }
    uint32_t offset = (uint32_t)(position - block->position);
    uint32_t index = pin_index(block, offset);

    return index < block->pin_count && block->pins[index].offset == offset ? &block->pins[index]
                                                                           : NULL;
}

void blocks_unpin(struct blocks *blocks, uint64_t position)
{
    struct block *block = blocks_find(blocks, position);
    struct block_pin *pin = block ? find_pin(block, position) : NULL;

    if (pin && pin->users > 0 && --pin->users == 0 && --block->live == 0) {
        blocks->dead_size += block->size;
    }
}

uint32_t block_users(const struct block *block, uint64_t position)
{
    const struct block_pin *pin = find_pin(block, position);

    return pin ? pin->users : 0;
}

void blocks_replace(struct blocks *blocks, size_t from, size_t to, const struct block *items,
                    size_t count)
{
    for (size_t i = from; i < to; i++) {
        struct block *old = &blocks->items[i];
        blocks->size -= old->size;
        blocks->dead_size -= old->live == 0 ? old->size : 0;
        free(old->pins);
    }
    reserve(blocks, blocks->count - (to - from) + count);
    memmove(blocks->items + from + count, blocks->items + to,
            (blocks->count - to) * sizeof(*blocks->items));
    for (size_t i = 0; i < count; i++) {
        blocks->items[from + i] = items[i];
        blocks->size += items[i].size;
        blocks->dead_size += items[i].live == 0 ? items[i].size : 0;
    }
    blocks->count = blocks->count - (to - from) + count;
    blocks->last_found = 0;
}

void blocks_trim(struct blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        struct block *block = &blocks->items[i];
        if (block->pin_capacity > block->pin_count && block->pin_count > 0) {
            block->pin_capacity = block->pin_count;
            block->pins = memory_resize(block->pins, block->pin_count * sizeof(*block->pins));
        }
    }
}
