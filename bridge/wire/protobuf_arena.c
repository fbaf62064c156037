/* The arena: a pointer that moves through a reserved run of bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/protobuf_arena.h"

#include <stdalign.h>

/* protobuf-c copies strings and bytes (once: 1 byte a byte) and makes a struct, a pointer and a
 * note of where it stands of every entry of a map, which we turn into a pair: some 200 bytes for
 * the 5 of the smallest one. Only maps are made of small fields, and 8,192 entries are the most
 * that metadata has room for; so the factor ends at two megabytes. */
enum { BYTES_PER_BYTE = 64, BYTES_AT_LEAST = 1024, BYTES_FOR_MAPS = 2 * 1024 * 1024 };

size_t protobuf_arena_size_for(size_t message_length)
{
    if (message_length < BYTES_FOR_MAPS / BYTES_PER_BYTE) {
        return BYTES_AT_LEAST + message_length * BYTES_PER_BYTE;
    }
    return BYTES_FOR_MAPS + message_length;
}

static void *arena_alloc(void *context, size_t size)
{
    return protobuf_arena_allocate(context, size);
}

static void arena_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

void protobuf_arena_begin(struct protobuf_arena *arena, struct buffer *memory, size_t size)
{
    buffer_reserve(memory, size);
    *arena = (struct protobuf_arena){{arena_alloc, arena_free, arena}, memory, size};
}

void *protobuf_arena_allocate(struct protobuf_arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    uint8_t *at = arena->memory->data + arena->memory->length;
    size_t padding = (align - (uintptr_t)at % align) % align;

    if (padding > arena->left || size > arena->left - padding) {
        return NULL;
    }
    arena->memory->length += padding + size;
    arena->left -= padding + size;
    return at + padding;
}
