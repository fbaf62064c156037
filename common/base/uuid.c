/* See uuid.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

/* So many bytes in hexadecimal digits. */
static uint8_t *put_digits(uint8_t *at, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < count; i++) {
        *at++ = (uint8_t)digits[bytes[i] >> 4];
        *at++ = (uint8_t)digits[bytes[i] & 15];
    }
    return at;
}

void uuid_append_bytes(struct buffer *out, const uint8_t given[16])
{
    static const uint8_t groups[] = {4, 2, 2, 2, 6}; /* bytes */
    uint8_t bytes[16], *at = buffer_reserve(out, UUID_LENGTH);

    memcpy(bytes, given, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* variant */
    for (size_t i = 0, byte = 0; i < sizeof(groups); byte += groups[i++]) {
        if (byte > 0) {
            *at++ = '-';
        }
        at = put_digits(at, bytes + byte, groups[i]);
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
