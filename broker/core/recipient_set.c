/* Sets of sessions as bytes: see recipient_set.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "core/recipient_set.h"

#include "core/varint64.h"

static size_t varint64_size(uint64_t value)
{
    size_t size = 1;

    for (; value >= 0x80; value >>= 7) {
        size++;
    }
    return size;
}

static void append_bitmap(struct buffer *buffer, const uint64_t *numbers, size_t count,
                          size_t bytes)
{
    varint64_append(buffer, bytes);
    uint8_t *bits = buffer_reserve(buffer, bytes);
    memset(bits, 0, bytes);
    for (size_t i = 0; i < count; i++) {
        uint64_t bit = numbers[i] - numbers[0];
        bits[bit / 8] |= (uint8_t)(1 << bit % 8);
    }
    buffer->length += bytes;
}

void recipient_set_append(struct buffer *buffer, const uint64_t *numbers, size_t count)
{
    size_t list = 0;

    varint64_append(buffer, count);
    if (count < 2) {
        if (count == 1) {
            varint64_append(buffer, numbers[0]);
        }
        return;
    }
    for (size_t i = 1; i < count; i++) {
        list += varint64_size(numbers[i] - numbers[i - 1]);
    }
    uint64_t bitmap = (numbers[count - 1] - numbers[0]) / 8 + 1;
    bool is_bitmap = bitmap + varint64_size(bitmap) < list;
    varint64_append(buffer, numbers[0] << 1 | is_bitmap);
    if (is_bitmap) {
        append_bitmap(buffer, numbers, count, (size_t)bitmap);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        varint64_append(buffer, numbers[i] - numbers[i - 1]);
    }
}

static void read_bitmap(struct reader *reader, uint64_t first, uint64_t count,
                        void (*each)(void *context, uint64_t number), void *context)
{
    struct slice bits = varint64_read_bytes(reader);

    for (size_t i = 0; i < bits.length; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            if (bits.data[i] >> bit & 1 && count-- > 0) {
                each(context, first + i * 8 + bit);
            }
        }
    }
    if (count != 0) {
        reader_fail(reader);
    }
}

void recipient_set_read(struct reader *reader, void (*each)(void *context, uint64_t number),
                        void *context)
{
    uint64_t count = varint64_read(reader);

    if (count < 2) {
        if (count == 1) {
            uint64_t number = varint64_read(reader);
            if (!reader->failed) {
                each(context, number);
            }
        }
        return;
    }
    uint64_t first = varint64_read(reader);
    uint64_t number = first >> 1;
    if (first & 1) {
        read_bitmap(reader, number, count, each, context);
        return;
    }
    for (; !reader->failed && count > 0; count--) {
        each(context, number);
        number += count > 1 ? varint64_read(reader) : 0;
    }
}
