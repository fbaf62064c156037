/* Variable byte integers (MQTT 5 section 1.5.5): seven bits a byte, least significant first.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "mqtt/packet.h"

size_t varint_size(uint32_t value)
{
    assert(value <= VARINT_MAX);
    return 1u + (value >= 1u << 7) + (value >= 1u << 14) + (value >= 1u << 21);
}

size_t varint_write(uint8_t *out, uint32_t value)
{
    size_t length = 0;

    assert(value <= VARINT_MAX);
    while (value >= 0x80) {
        out[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[length++] = (uint8_t)value;
    return length;
}

int varint_read(struct slice in, uint32_t *value)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < 4; i++) {
        if (i == in.length) {
            return 0;
        }
        sum |= (uint32_t)(in.data[i] & 0x7F) << (7 * i);
        if (in.data[i] < 0x80) {
            if (i > 0 && in.data[i] == 0) {
                return -1; /* not the shortest form (MQTT-1.5.5-1) */
            }
            *value = sum;
            return (int)i + 1;
        }
    }
    return -1;
}

void varint_insert_length(struct buffer *out, size_t start)
{
    size_t length = out->length - start;
    uint8_t prefix[4];
    size_t prefix_length = varint_write(prefix, (uint32_t)length);

    buffer_reserve(out, prefix_length);
    memmove(out->data + start + prefix_length, out->data + start, length);
    memcpy(out->data + start, prefix, prefix_length);
    out->length += prefix_length;
}
