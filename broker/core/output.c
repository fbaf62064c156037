/* The output of one connection: a list of chunks, the last of which takes small packets until it
 * is full.
 *
 * A pooled chunk's bytes are its own `room`; a shared chunk is only a header that points into a
 * message and keeps it alive. Nothing moves once it is appended, so a reserved place stays valid
 * until it is written out.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/output.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

enum {
    CHUNK_ROOM = OUTPUT_CHUNK_SIZE - offsetof(struct output_chunk, room),
    POOL_FREE_MAX = 16 * 1024 * 1024 / OUTPUT_CHUNK_SIZE, /* 16 MiB kept after a burst */
};

_Static_assert((int)CHUNK_ROOM >= (int)OUTPUT_RESERVE_MAX, "a reservation fits into one chunk");

static void output_count(struct output *output, size_t length)
{
    assert(length <= UINT32_MAX - output->pending);
    output->pending += (uint32_t)length;
}

static void output_link(struct output *output, struct output_chunk *chunk)
{
    chunk->next = NULL;
    if (output->last) {
        output->last->next = chunk;
    } else {
        output->first = chunk;
    }
    output->last = chunk;
}

static struct output_chunk *output_add_chunk(struct output *output, struct output_pool *pool)
{
    struct output_chunk *chunk = pool->free;

    if (chunk) {
        pool->free = chunk->next;
        pool->free_count--;
    } else {
        chunk = memory_allocate(OUTPUT_CHUNK_SIZE);
    }
    chunk->message = NULL;
    chunk->data = chunk->room;
    chunk->length = 0;
    output_link(output, chunk);
    return chunk;
}

static void chunk_free(struct output_pool *pool, struct output_chunk *chunk)
{
    if (chunk->message) {
        message_release(chunk->message);
        free(chunk);
    } else if (pool->free_count >= POOL_FREE_MAX) {
        free(chunk);
    } else {
        chunk->next = pool->free;
        pool->free = chunk;
        pool->free_count++;
    }
}

static size_t chunk_room_left(const struct output_chunk *chunk)
{
    return chunk && !chunk->message ? CHUNK_ROOM - chunk->length : 0;
}

uint8_t *output_reserve(struct output *output, struct output_pool *pool, size_t length)
{
    struct output_chunk *chunk = output->last;

    assert(length > 0 && length <= OUTPUT_RESERVE_MAX);
    if (chunk_room_left(chunk) < length) {
        chunk = output_add_chunk(output, pool);
    }
    uint8_t *place = chunk->room + chunk->length;
    chunk->length += (uint32_t)length;
    output_count(output, length);
    return place;
}

void output_append(struct output *output, struct output_pool *pool, struct slice bytes)
{
    while (bytes.length > 0) {
        struct output_chunk *chunk = output->last;
        if (chunk_room_left(chunk) == 0) {
            chunk = output_add_chunk(output, pool);
        }
        size_t room = chunk_room_left(chunk);
        size_t part = bytes.length < room ? bytes.length : room;
        memcpy(chunk->room + chunk->length, bytes.data, part);
        chunk->length += (uint32_t)part;
        output_count(output, part);
        bytes = slice_from(bytes, part);
    }
}

void output_append_shared(struct output *output, struct output_pool *pool, struct message *message,
                          struct slice part)
{
    (void)pool; /* shared chunks are small: malloc keeps its own list of them */
    if (part.length == 0) {
        return;
    }
    assert(part.data >= message->bytes &&
           part.data + part.length <= message->bytes + message->length);
    struct output_chunk *chunk = memory_allocate(sizeof(*chunk));
    chunk->message = message_hold(message);
    chunk->data = part.data;
    chunk->length = (uint32_t)part.length;
    output_link(output, chunk);
    output_count(output, part.length);
}

int output_vectors(const struct output *output, struct iovec *vectors, int max)
{
    int count = 0;
    size_t offset = output->offset;

    for (const struct output_chunk *chunk = output->first; chunk && count < max;
         chunk = chunk->next) {
        /* writev takes a pointer to writable bytes, yet only reads them. */
        vectors[count].iov_base = (void *)((uintptr_t)chunk->data + offset);
        vectors[count].iov_len = chunk->length - offset;
        offset = 0;
        count++;
    }
    return count;
}

void output_consume(struct output *output, struct output_pool *pool, size_t count)
{
    assert(count <= output->pending);
    output->pending -= (uint32_t)count;
    while (output->first && count >= output->first->length - output->offset) {
        struct output_chunk *chunk = output->first;
        count -= chunk->length - output->offset;
        output->offset = 0;
        output->first = chunk->next;
        if (!output->first) {
            output->last = NULL;
        }
        chunk_free(pool, chunk);
    }
    output->offset += (uint32_t)count;
}

void output_clear(struct output *output, struct output_pool *pool)
{
    output_consume(output, pool, output->pending);
}

void output_pool_release(struct output_pool *pool)
{
    while (pool->free) {
        struct output_chunk *chunk = pool->free;
        pool->free = chunk->next;
        free(chunk);
    }
    pool->free_count = 0;
}
