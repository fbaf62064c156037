/* See uuid.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <stdbool.h>

/* Does a hyphen stand before this byte? */
static bool begins_group(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

void uuid_append_bytes(struct buffer *out, const uint8_t given[16])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16], *at = buffer_reserve(out, UUID_LENGTH);

    memcpy(bytes, given, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* variant */
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (begins_group(i)) {
            *at++ = '-';
        }
        *at++ = (uint8_t)digits[bytes[i] >> 4];
        *at++ = (uint8_t)digits[bytes[i] & 15];
    }
    out->length += UUID_LENGTH;
}

void uuid_append(struct buffer *out, void (*random)(void *out, size_t length))
{
    uint8_t bytes[16];

    random(bytes, sizeof(bytes));
    uuid_append_bytes(out, bytes);
}

void uuid_series_begin(struct uuid_series *series, void (*random)(void *out, size_t length))
{
    random(series->next, sizeof(series->next));
}

void uuid_series_append(struct buffer *out, struct uuid_series *series)
{
    size_t byte = sizeof(series->next);

    uuid_append_bytes(out, series->next);
    while (byte-- > 9 && ++series->next[byte] == 0) { /* behind the variant */
    }
}
