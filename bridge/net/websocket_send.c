/* The writing half of websocket.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/frame.h"
#include "net/websocket.h"

/* What one write takes out of the queue. */
struct gathered {
    size_t length;   /* bytes */
    uint32_t credit; /* of the frames */
};

/* Does the next frame fit behind what is gathered? */
static bool fits(const struct websocket *websocket, const struct gathered *gathered)
{
    const struct outgoing *next = websocket->queue.first.outgoing;

    return next && gathered->length + frame_size_max(next) <= GATHER_SIZE;
}

static void gather_first(struct websocket *websocket, struct gathered *gathered, uint8_t *out)
{
    const struct sending *first = &websocket->queue.first;
    size_t size;

    websocket->replies -= websocket_reply_cost(first->outgoing);
    size = frame_write(out + gathered->length, first->outgoing, first->number);
    websocket->traffic->messages_out++;
    websocket->traffic->bytes_out += frame_payload_size(size);
    gathered->length += size;
    gathered->credit += first->outgoing->credit;
    send_queue_drop_first(&websocket->queue);
}

/* False: the connection is broken. LWS_WRITE_HTTP passes bytes of an established WebSocket on as
 * they are. */
static bool write_bytes(struct websocket *websocket, uint8_t *bytes, size_t length)
{
    if (lws_write(websocket->lws, bytes, length, LWS_WRITE_HTTP) < 0) {
        websocket_break(websocket);
        return false;
    }
    return true;
}

/* A message that is longer than the common buffer gets one for itself. */
static bool write_long(struct websocket *websocket, struct gathered *gathered)
{
    size_t size = frame_size_max(websocket->queue.first.outgoing);
    uint8_t *memory = memory_allocate(LWS_PRE + size);
    bool ok;

    gather_first(websocket, gathered, memory + LWS_PRE);
    ok = write_bytes(websocket, memory + LWS_PRE, gathered->length);
    free(memory);
    return ok;
}

/* Behind all that waited. */
static void gather_notice(struct websocket *websocket, struct gathered *gathered, uint8_t *out)
{
    memcpy(out + gathered->length, websocket->message.data, websocket->message.length);
    gathered->length += websocket->message.length;
    websocket->phase = WEBSOCKET_LEAVING;
}

/* One write. */
static bool write_some(struct websocket *websocket, struct gathered *gathered)
{
    uint8_t *out = websocket->service->gather + LWS_PRE;

    if (websocket->is_ping_due) {
        frame_write_ping(out);
        gathered->length = FRAME_PING_SIZE;
        websocket->is_ping_due = false;
    } else if (!send_queue_is_empty(&websocket->queue) && !fits(websocket, gathered)) {
        return write_long(websocket, gathered);
    }
    while (fits(websocket, gathered)) {
        gather_first(websocket, gathered, out);
    }
    if (websocket->phase == WEBSOCKET_CLOSING && send_queue_is_empty(&websocket->queue)) {
        gather_notice(websocket, gathered, out);
    }
    return write_bytes(websocket, out, gathered->length);
}

static bool wants_to_write(const struct websocket *websocket)
{
    return websocket->phase == WEBSOCKET_CLOSING ||
           (websocket->phase == WEBSOCKET_OPEN &&
            (!send_queue_is_empty(&websocket->queue) || websocket->is_ping_due));
}

/* What libwebsockets held is written now. */
static void report_credit(struct websocket *websocket)
{
    uint32_t credit = websocket->credit;

    websocket->credit = 0;
    if (credit > 0 && websocket->phase == WEBSOCKET_OPEN) {
        client_written(websocket->client, credit);
    }
}

void websocket_flush(struct websocket *websocket)
{
    if (lws_partial_buffered(websocket->lws)) {
        return; /* websocket_writable() follows */
    }
    report_credit(websocket);
    while (wants_to_write(websocket)) {
        struct gathered gathered = {0};
        if (!write_some(websocket, &gathered)) {
            return;
        }
        websocket->credit += gathered.credit;
        if (lws_partial_buffered(websocket->lws)) {
            return;
        }
        report_credit(websocket);
    }
}
