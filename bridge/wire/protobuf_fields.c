/* Conversions that the readers and writers of protobuf frames share.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/protobuf_fields.h"

#include <stdalign.h>

#include "mqtt/utf8.h"

void protobuf_append(struct buffer *out, const ProtobufCMessage *message)
{
    size_t size = protobuf_c_message_get_packed_size(message);

    out->length += protobuf_c_message_pack(message, buffer_reserve(out, size));
}

ProtobufCBinaryData protobuf_bytes(struct slice bytes)
{
    /* The generated structs are for both directions; packing only reads. */
    return (ProtobufCBinaryData){bytes.length, (uint8_t *)(uintptr_t)bytes.data};
}

ProtobufCBinaryData protobuf_string(struct slice text)
{
    return protobuf_bytes(utf8_is_well_formed(text) ? text : SLICE_EMPTY);
}

bool protobuf_is_any(struct slice bytes)
{
    struct buffer memory = {0};
    struct protobuf_arena arena;
    const Any *any;
    bool is_any;

    protobuf_arena_begin(&arena, &memory, protobuf_arena_size_for(bytes.length));
    any = any__unpack(&arena.allocator, bytes.length, bytes.data);
    is_any = any && utf8_is_well_formed(slice_make(any->type_url.data, any->type_url.len));
    buffer_release(&memory);
    return is_any;
}

ErrorInfo protobuf_error(const struct error_info *error)
{
    ErrorInfo out = ERROR_INFO__INIT;

    out.name = protobuf_string(error->name);
    out.message = protobuf_string(error->message);
    return out;
}

size_t protobuf_pairs_size(size_t count)
{
    return count * (sizeof(Pair *) + sizeof(Pair)) + 2 * alignof(max_align_t);
}

Pair **protobuf_pairs(struct protobuf_arena *arena, struct pairs pairs)
{
    Pair **pointers = protobuf_arena_allocate(arena, pairs.count * sizeof(*pointers));
    Pair *items = protobuf_arena_allocate(arena, pairs.count * sizeof(*items));

    for (size_t i = 0; i < pairs.count; i++) {
        items[i] = (Pair)PAIR__INIT;
        items[i].key = protobuf_string(pairs.items[i].key);
        items[i].value = protobuf_string(pairs.items[i].value);
        pointers[i] = &items[i];
    }
    return pointers;
}
