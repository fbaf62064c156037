/* Shared frames: counting, and the copy into each receiver's WebSocket frame.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/outgoing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct outgoing *outgoing_new(struct slice bytes, bool is_text)
{
    struct outgoing *outgoing = memory_allocate(sizeof(*outgoing) + bytes.length);

    assert(bytes.length <= UINT32_MAX);
    *outgoing =
        (struct outgoing){.references = 1, .length = (uint32_t)bytes.length, .is_text = is_text};
    if (bytes.length > 0) {
        memcpy(outgoing->bytes, bytes.data, bytes.length);
    }
    return outgoing;
}

struct outgoing *outgoing_hold(struct outgoing *outgoing)
{
    outgoing->references++;
    return outgoing;
}

void outgoing_release(struct outgoing *outgoing)
{
    if (--outgoing->references == 0) {
        free(outgoing);
    }
}

size_t outgoing_write(const struct outgoing *outgoing, uint64_t number, uint8_t *out)
{
    if (outgoing->codec) {
        return outgoing->codec->finish(slice_make(outgoing->bytes, outgoing->length), number, out);
    }
    memcpy(out, outgoing->bytes, outgoing->length);
    if (outgoing->packet_id_at > 0) {
        out[outgoing->packet_id_at] = (uint8_t)(number >> 8);
        out[outgoing->packet_id_at + 1] = (uint8_t)number;
    }
    return outgoing->length;
}
