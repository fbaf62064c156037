/* What waits to be written to one network connection: small packets copied into pooled chunks,
 * large messages by reference. Core appends, the worker writes it with one writev per turn.
 *
 * An idle connection holds no chunk. Owned by one shard (thread); the pool is the shard's.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_OUTPUT_H
#define PUBGRID_CORE_OUTPUT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/slice.h"
#include "core/message.h"

enum {
    OUTPUT_CHUNK_SIZE = 4096,    /* bytes of one pooled chunk, header included */
    OUTPUT_REFERENCE_MIN = 2048, /* payloads of this many bytes or more are not copied */
};

struct output_chunk {
    struct output_chunk *next;
    struct message *message; /* counted; keeps referenced bytes alive; NULL: bytes are `room` */
    const uint8_t *data;     /* what to write */
    uint32_t length;         /* bytes at data */
    uint8_t room[];
};

struct output_pool {
    struct output_chunk *free;
    size_t free_count;
};

/* Zeroed memory is empty. */
struct output {
    struct output_chunk *first, *last;
    uint32_t pending; /* bytes not yet written; limits.output_bytes_maximum is 1 GiB at most */
    uint32_t offset;  /* bytes of `first` already written */
};

/* Room for `length` contiguous bytes (at most OUTPUT_RESERVE_MAX), which count as appended: the
 * caller fills them at once. */
enum { OUTPUT_RESERVE_MAX = OUTPUT_CHUNK_SIZE - 64 };
uint8_t *output_reserve(struct output *output, struct output_pool *pool, size_t length);
/* Copies any number of bytes. */
void output_append(struct output *output, struct output_pool *pool, struct slice bytes);
/* Appends `part`, which lies inside the message, by reference (takes a count). */
void output_append_shared(struct output *output, struct output_pool *pool, struct message *message,
                          struct slice part);

/* For writev: fills at most `max` entries, returns how many. */
int output_vectors(const struct output *output, struct iovec *vectors, int max);
/* `count` bytes were written. */
void output_consume(struct output *output, struct output_pool *pool, size_t count);
/* Drops everything. */
void output_clear(struct output *output, struct output_pool *pool);
void output_pool_release(struct output_pool *pool);

#endif
