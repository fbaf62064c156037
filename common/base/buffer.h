/* A growable run of bytes that owns its memory. Single-threaded.
 *
 * Zeroed memory is a valid empty buffer. Growth doubles; buffer_release() returns to empty.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_BASE_BUFFER_H
#define PUBGRID_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/slice.h"

enum { DECIMAL_MAX = 20 }; /* digits of a number */

struct buffer {
    uint8_t *data;   /* owned; NULL while capacity is 0 */
    size_t length;   /* bytes in use */
    size_t capacity; /* bytes allocated */
};

/* Makes room for `extra` more bytes where there is not enough. */
void buffer_grow(struct buffer *buffer, size_t extra);

/* Room for `extra` more bytes behind the used ones; returns where they start. The caller then
 * adds what it wrote to `length`. */
static inline uint8_t *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (buffer->capacity - buffer->length < extra || !buffer->data) {
        buffer_grow(buffer, extra);
    }
    return buffer->data + buffer->length;
}

static inline void buffer_append(struct buffer *buffer, struct slice bytes)
{
    if (bytes.length > 0) {
        memcpy(buffer_reserve(buffer, bytes.length), bytes.data, bytes.length);
        buffer->length += bytes.length;
    }
}

static inline void buffer_append_byte(struct buffer *buffer, uint8_t byte)
{
    *buffer_reserve(buffer, 1) = byte;
    buffer->length += 1;
}

void buffer_append_u16(struct buffer *buffer, uint16_t value);      /* big endian, as MQTT */
void buffer_append_u32(struct buffer *buffer, uint32_t value);      /* big endian */
void buffer_append_string(struct buffer *buffer, const char *text); /* without the NUL */
void buffer_append_decimal(struct buffer *buffer, uint64_t number); /* without printf */
/* The same into memory (DECIMAL_MAX bytes at the most); returns how many digits there are. */
size_t decimal_write(uint8_t *out, uint64_t number);
void buffer_append_format(struct buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Drops the first `count` bytes (at most `length`) and moves the rest to the front. */
void buffer_consume(struct buffer *buffer, size_t count);
/* Makes it empty; keeps its memory for the next use unless that is more than `most` bytes. */
void buffer_empty(struct buffer *buffer, size_t most);
/* Frees the memory; the buffer is empty and usable again. */
void buffer_release(struct buffer *buffer);

static inline struct slice buffer_slice(const struct buffer *buffer)
{
    return slice_make(buffer->data, buffer->length);
}

#endif
