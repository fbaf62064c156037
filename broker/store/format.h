/* The store's files, byte by byte. Numbers are little endian, except in keys, where they are big
 * endian so that LMDB sorts them. docs/store-format.md describes what core puts into frames and
 * rows; the store never looks inside those.
 *
 *   DIR/data.mdb   an LMDB environment with two named databases
 *   DIR/lock.mdb   LMDB's table of readers
 *   DIR/lock       locked (flock) by the process that writes; holds its process id; its time of
 *                  modification is when that process was last alive
 *   DIR/reserve    bytes that are given up when the disk is full, so that what makes room again
 *                  can still be committed
 *
 * Database `log`: MDB_INTEGERKEY, u64 position -> block. A position counts the bytes of all frames
 * that were ever appended; it never comes again, and 0 is none. A frame is
 *
 *   u32 length     of the payload
 *   u32 checksum   low half of XXH3-64 of the payload
 *   payload
 *
 * and a block is
 *
 *   u32 kind       BLOCK_PLAIN or BLOCK_SPARSE
 *   u32 count      BLOCK_SPARSE: frames; else 0
 *   BLOCK_PLAIN:   the frames of one commit, the first at the position that is the key, each of the
 *                  others where the one before ends
 *   BLOCK_SPARSE:  count times { u64 position, u64 offset in the block }, sorted, then the frames:
 *                  what cleaning left of several blocks, under the positions of before
 *
 * Database `rows`: key -> row, at most 511 bytes of key. Keys that begin with 'M' are the store's
 * own, all others core's. A row is
 *
 *   u64 stamp      of a versioned row: its version; else: the position at which it was written
 *   u32 checksum   low half of XXH3-64 of the value, seeded with that of the key plus the stamp
 *   value          empty in a versioned row: deleted, and to be forgotten soon
 *
 * Row "M": struct store_head, the only one that an older or newer program must understand.
 *
 * A commit is one LMDB transaction: all of its frames and rows, or none.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_STORE_FORMAT_H
#define PUBGRID_STORE_FORMAT_H

#include <stdint.h>
#include <xxhash.h>

#include "base/slice.h"

enum { STORE_FORMAT_VERSION = 1, STORE_KEY_MAX = 511 };

#define STORE_MAGIC "pubgrid\n"

struct store_head {
    char magic[8];
    uint32_t format_version; /* a greater one than ours is refused */
    uint32_t core_version;   /* of frames and rows; likewise */
    uint64_t replay_from;    /* frames before this are bodies only: the rows say the rest */
    uint64_t next;           /* the next position is this or a greater one */
    uint8_t reserved[32];    /* zero */
};

enum block_kind { BLOCK_PLAIN = 1, BLOCK_SPARSE = 2 };

struct block_header {
    uint32_t kind, count;
};

struct sparse_entry {
    uint64_t position, offset;
};

struct frame_header {
    uint32_t length, checksum;
};

struct row_header {
    uint64_t stamp;
    uint32_t checksum;
} __attribute__((packed));

static inline uint32_t store_checksum(struct slice bytes)
{
    return (uint32_t)XXH3_64bits(bytes.data, bytes.length);
}

/* Key and stamp are the seed: the same value under another key or stamp is another row. */
static inline uint32_t row_checksum(struct slice key, uint64_t stamp, struct slice value)
{
    uint64_t seed = XXH3_64bits(key.data, key.length) + stamp;

    return (uint32_t)XXH3_64bits_withSeed(value.data, value.length, seed);
}

/* The frame at the start of `bytes`: its size, or 0 if it is cut short or damaged. */
static inline size_t frame_read(struct slice bytes, struct slice *payload)
{
    struct frame_header header;

    if (bytes.length < sizeof(header)) {
        return 0;
    }
    memcpy(&header, bytes.data, sizeof(header));
    if (header.length > bytes.length - sizeof(header)) {
        return 0;
    }
    *payload = slice_make(bytes.data + sizeof(header), header.length);
    return store_checksum(*payload) == header.checksum ? sizeof(header) + header.length : 0;
}

#endif
