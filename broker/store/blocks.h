/* The blocks of the log, in memory: where they lie and who still needs their frames.
 *
 * A frame that somebody will want to read back is pinned, once for each user; 8 bytes a pinned
 * frame. A block before `replay_from` in which no frame is pinned can go.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_BLOCKS_H
#define PUBGRID_STORE_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block_pin {
    uint32_t offset; /* from the block's position */
    uint32_t users;
};

struct block {
    uint64_t position;
    uint64_t size;          /* bytes in the file */
    struct block_pin *pins; /* owned; sorted by offset */
    uint32_t pin_count, pin_capacity;
    uint32_t live; /* pins with users */
    bool cleaned;  /* looked at by the cleaner */
};

struct blocks {
    struct block *items; /* sorted by position */
    size_t count, capacity;
    size_t last_found;
    uint64_t size;      /* bytes of all */
    uint64_t dead_size; /* bytes of blocks without a live pin */
};

void blocks_release(struct blocks *blocks);
/* Behind all others, with room for so many pins. The address holds until the next add. */
struct block *blocks_add(struct blocks *blocks, uint64_t position, uint64_t size,
                         uint32_t pin_count);
/* The block that covers the position: the last one that begins at or before it; NULL: none. */
struct block *blocks_find(struct blocks *blocks, uint64_t position);
/* Index of the first block at or behind the position. */
size_t blocks_index(const struct blocks *blocks, uint64_t position);
/* False if there is no such block (it has gone, and with it everybody's interest). */
bool blocks_pin(struct blocks *blocks, uint64_t position, uint32_t users);
void blocks_unpin(struct blocks *blocks, uint64_t position);
/* Users of the frame. */
uint32_t block_users(const struct block *block, uint64_t position);
/* Puts `count` blocks (whose pins are taken over) in the place of items[from] to items[to - 1]. */
void blocks_replace(struct blocks *blocks, size_t from, size_t to, const struct block *items,
                    size_t count);
/* Gives back what pin lists have allocated beyond their length. */
void blocks_trim(struct blocks *blocks);

#endif
