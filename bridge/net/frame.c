/* See frame.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/frame.h"

#include <string.h>

enum {
    FINAL = 0x80,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    LENGTH_7_BITS_MAX = 125,
    LENGTH_16_BITS = 126, /* in the second byte: two bytes of length follow */
    LENGTH_64_BITS = 127, /* eight */
};

/* Bytes before a payload of this length, in the shortest form, as RFC 6455 demands. */
static size_t header_size(size_t payload)
{
    return payload <= LENGTH_7_BITS_MAX ? 2 : payload <= UINT16_MAX ? 4 : FRAME_HEADER_MAX;
}

static void write_length(uint8_t *out, size_t payload, size_t header)
{
    if (header == 2) {
        out[1] = (uint8_t)payload;
        return;
    }
    out[1] = header == 4 ? LENGTH_16_BITS : LENGTH_64_BITS;
    for (size_t i = header; i-- > 2; payload >>= 8) {
        out[i] = (uint8_t)payload;
    }
}

size_t frame_write(uint8_t *out, const struct outgoing *outgoing, uint64_t number)
{
    size_t expected = header_size(outgoing_size_max(outgoing));
    size_t payload = outgoing_write(outgoing, number, out + expected);
    size_t header = header_size(payload);

    if (header != expected) { /* the codec added less than it might have */
        memmove(out + header, out + expected, payload);
    }
    out[0] = (uint8_t)(FINAL | (outgoing->is_text ? OPCODE_TEXT : OPCODE_BINARY));
    write_length(out, payload, header);
    return header + payload;
}

void frame_write_ping(uint8_t out[FRAME_PING_SIZE])
{
    out[0] = FINAL | OPCODE_PING;
    out[1] = 0;
}

size_t frame_write_close(uint8_t *out, uint16_t code, struct slice reason)
{
    size_t length = reason.length < FRAME_CLOSE_REASON_MAX ? reason.length : FRAME_CLOSE_REASON_MAX;

    while (length < reason.length && length > 0 && (reason.data[length] & 0xC0) == 0x80) {
        length--; /* no part of a character */
    }
    out[0] = FINAL | OPCODE_CLOSE;
    out[1] = (uint8_t)(2 + length);
    out[2] = (uint8_t)(code >> 8);
    out[3] = (uint8_t)code;
    if (length > 0) {
        memcpy(out + 4, reason.data, length);
    }
    return 4 + length;
}
