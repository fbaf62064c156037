/* WebSocket frames as a server sends them (RFC 6455 section 5.2): whole, not masked. Pure.
 *
 * libwebsockets reads frames for us; those for browsers are made here, so that many go out in one
 * write.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_NET_FRAME_H
#define PUBGRID_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "wire/outgoing.h"

enum {
    FRAME_HEADER_MAX = 10,
    FRAME_PING_SIZE = 2,
    FRAME_CLOSE_REASON_MAX = 123,
    FRAME_CLOSE_MAX = 2 + 2 + FRAME_CLOSE_REASON_MAX,
};

/* The most that frame_write() writes. */
static inline size_t frame_size_max(const struct outgoing *outgoing)
{
    return FRAME_HEADER_MAX + outgoing_size_max(outgoing);
}

/* Writes the frame of `outgoing` for a receiver with this number; returns its length. */
size_t frame_write(uint8_t *out, const struct outgoing *outgoing, uint64_t number);
/* The payload of a frame that is so long. */
static inline size_t frame_payload_size(size_t frame)
{
    return frame - (frame <= 2 + 125 ? 2u : frame <= 4 + UINT16_MAX ? 4u : FRAME_HEADER_MAX);
}
/* Writes an empty ping. */
void frame_write_ping(uint8_t out[FRAME_PING_SIZE]);
/* Writes a close frame, at most FRAME_CLOSE_REASON_MAX bytes of the reason; returns its length. */
size_t frame_write_close(uint8_t *out, uint16_t code, struct slice reason);

#endif
