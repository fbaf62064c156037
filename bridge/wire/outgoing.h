/* A frame for browsers, shared by all that get it: a counted, immutable run of bytes and how it
 * becomes each receiver's own. Single-threaded.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_OUTGOING_H
#define PUBGRID_WIRE_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "wire/codec.h"

struct outgoing {
    uint32_t references;
    uint32_t length;           /* of bytes */
    uint32_t credit;           /* bytes that writing it gives back to the channel; 0: none */
    uint32_t packet_id_at;     /* MQTT: where the packet identifier goes; 0: nowhere */
    bool is_text;              /* text frame, else binary */
    const struct codec *codec; /* whose finish() makes the frame; NULL: the bytes are the frame */
    uint8_t bytes[];
};

/* Copies the bytes; one count. */
struct outgoing *outgoing_new(struct slice bytes, bool is_text);
struct outgoing *outgoing_hold(struct outgoing *outgoing);
void outgoing_release(struct outgoing *outgoing);

/* The most that outgoing_write() writes. */
static inline size_t outgoing_size_max(const struct outgoing *outgoing)
{
    return outgoing->length + (outgoing->codec ? FRAME_FINISH_MAX : 0u);
}

/* Writes the payload of the WebSocket frame; returns its length. `number`: the sequence id of a
 * reliable connection (0: none), or the packet identifier for MQTT. */
size_t outgoing_write(const struct outgoing *outgoing, uint64_t number, uint8_t *out);

#endif
