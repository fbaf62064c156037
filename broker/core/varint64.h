/* Numbers of any size in as few bytes as they need: seven bits a byte, the low ones first, the top
 * bit says that more follow. For what core writes into the store.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CORE_VARINT64_H
#define PUBGRID_CORE_VARINT64_H

#include <stdint.h>

#include "base/buffer.h"
#include "mqtt/reader.h"

enum { VARINT64_SIZE_MAX = 10 };

static inline uint8_t *varint64_write(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

static inline void varint64_append(struct buffer *buffer, uint64_t value)
{
    uint8_t *out = buffer_reserve(buffer, VARINT64_SIZE_MAX);

    buffer->length += (size_t)(varint64_write(out, value) - out);
}

static inline uint64_t varint64_read(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = reader_u8(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    reader_fail(reader);
    return 0;
}

/* A length and so many bytes. */
static inline void varint64_append_bytes(struct buffer *buffer, struct slice bytes)
{
    varint64_append(buffer, bytes.length);
    buffer_append(buffer, bytes);
}

static inline struct slice varint64_read_bytes(struct reader *reader)
{
    uint64_t length = varint64_read(reader);

    if (length > reader_left(reader)) {
        reader_fail(reader);
        return SLICE_EMPTY;
    }
    struct slice bytes = slice_make(reader->at, (size_t)length);
    reader->at += length;
    return bytes;
}

#endif
