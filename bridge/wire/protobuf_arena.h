/* Memory for protobuf-c with an end: what it unpacks lies in a buffer that was reserved before and
 * does not grow, so that no frame, however it is made up, takes more than the arena has. What it
 * asks for beyond that it does not get, and unpacking fails.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_PROTOBUF_ARENA_H
#define PUBGRID_WIRE_PROTOBUF_ARENA_H

#include <protobuf-c/protobuf-c.h>

#include "base/buffer.h"

struct protobuf_arena {
    ProtobufCAllocator allocator; /* for the generated code; its free() does nothing */
    struct buffer *memory;
    size_t left; /* bytes */
};

/* Reserves `size` bytes behind what `memory` holds. Nothing else may be appended to `memory` until
 * what was allocated is no longer used; it goes when the buffer is emptied or released. */
void protobuf_arena_begin(struct protobuf_arena *arena, struct buffer *memory, size_t size);
/* Aligned for every type; NULL if so much is not left. */
void *protobuf_arena_allocate(struct protobuf_arena *arena, size_t size);

/* A size that is enough to unpack every honest message of so many bytes (8 KiB of metadata in the
 * smallest entries included), and for the request's pairs. */
size_t protobuf_arena_size_for(size_t message_length);

#endif
