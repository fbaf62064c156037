/* A growable run of bytes: the one place where output of unknown length is put together.
 *
 * Growth doubles, so appending n bytes one by one costs O(n); nothing shrinks by itself.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

enum { BUFFER_CAPACITY_MIN = 64 };

void buffer_grow(struct buffer *buffer, size_t extra)
{
    /* A sum that does not fit asks for the impossible and ends the program. */
    size_t needed = extra > SIZE_MAX - buffer->length ? SIZE_MAX : buffer->length + extra;
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_CAPACITY_MIN;

    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_append_u16(struct buffer *buffer, uint16_t value)
{
    uint8_t *out = buffer_reserve(buffer, 2);

    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    buffer->length += 2;
}

void buffer_append_u32(struct buffer *buffer, uint32_t value)
{
    buffer_append_u16(buffer, (uint16_t)(value >> 16));
    buffer_append_u16(buffer, (uint16_t)value);
}

void buffer_append_string(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, slice_from_string(text));
}

/* Two digits at a time: each message of a session of events has numbers in it. */
size_t decimal_write(uint8_t *out, uint64_t number)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930"
                                "31323334353637383940414243444546474849505152535455565758596061"
                                "62636465666768697071727374757677787980818283848586878889909192"
                                "93949596979899";
    uint8_t digits[DECIMAL_MAX];
    size_t at = sizeof(digits);

    for (; number >= 10; number /= 100) {
        at -= 2;
        memcpy(digits + at, pairs + 2 * (number % 100), 2);
    }
    if (number > 0 || at == sizeof(digits)) {
        digits[--at] = (uint8_t)('0' + number);
    }
    memcpy(out, digits + at, sizeof(digits) - at);
    return sizeof(digits) - at;
}

void buffer_append_decimal(struct buffer *buffer, uint64_t number)
{
    buffer->length += decimal_write(buffer_reserve(buffer, DECIMAL_MAX), number);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list args, again;
    int length;

    va_start(args, format);
    va_copy(again, args);
    length = vsnprintf(NULL, 0, format, args);
    if (length > 0) {
        /* One more byte for the NUL that vsnprintf insists on; it is not counted. */
        char *out = (char *)buffer_reserve(buffer, (size_t)length + 1);
        vsnprintf(out, (size_t)length + 1, format, again);
        buffer->length += (size_t)length;
    }
    va_end(again);
    va_end(args);
}

void buffer_consume(struct buffer *buffer, size_t count)
{
    if (count >= buffer->length) {
        buffer->length = 0;
        return;
    }
    if (count > 0) {
        memmove(buffer->data, buffer->data + count, buffer->length - count);
        buffer->length -= count;
    }
}

void buffer_empty(struct buffer *buffer, size_t most)
{
    buffer->length = 0;
    if (buffer->capacity > most) {
        buffer_release(buffer);
    }
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}
