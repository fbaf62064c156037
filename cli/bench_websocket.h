/* WebSocket as a client speaks it (RFC 6455): the upgrade, masked frames out, frames in.
 *
 * The bench looks at WebSocket as a filter on a byte stream. On the way in the frames' headers are
 * squeezed out of the bytes of one read, in place, wherever the reads and the frames are cut. What
 * is left is a stream again: MQTT's packets cut it themselves, and for protocols with one message
 * a WebSocket message a NUL is put behind each.
 *
 * The key of the upgrade is always the same, so that its answer is known; no cache or proxy that
 * it guards against is between a load generator and a server.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_CLI_BENCH_WEBSOCKET_H
#define PUBGRID_CLI_BENCH_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

enum {
    WEBSOCKET_HEADER_MAX = 14, /* of a masked frame */
    WEBSOCKET_CONTROL_MAX = 125,
    WEBSOCKET_CLOSE_NORMAL = 1000,
    /* The squeezed bytes must begin so far in front of the raw ones: a NUL needs the place of a
     * header, and the header of the first frame may have been in an earlier read. */
    WEBSOCKET_SLACK = 1,
};

/* ---------------------------------------------------------------- the upgrade */

struct websocket_request {
    const char *host;        /* the Host header */
    const char *path;        /* with the query, without the first slash */
    const char *subprotocol; /* empty: none */
};

void websocket_request_write(struct buffer *out, const struct websocket_request *request);

enum websocket_answer { WEBSOCKET_ACCEPTED, WEBSOCKET_INCOMPLETE, WEBSOCKET_REFUSED };

/* The answer at the start of `in`. ACCEPTED: *size bytes are used, frames follow. REFUSED: *status
 * is the HTTP status, 0 if it was not that but what stands in the answer. */
enum websocket_answer websocket_answer_read(struct slice in, const char *subprotocol, size_t *size,
                                            int *status);

/* ---------------------------------------------------------------- reading */

/* Zeroed memory, but for `opcode` and `terminated`, waits for the first frame. */
struct websocket_reader {
    uint8_t opcode;  /* that messages must have */
    bool terminated; /* a NUL goes behind each message */
    bool inside;     /* a message has begun and is not over */
    bool final;      /* the frame at hand is the last one of its message */
    uint8_t current; /* opcode of the frame at hand */
    uint8_t header_length;
    uint8_t control_length;
    uint64_t left; /* bytes of the payload of the frame at hand that have not come */
    uint8_t header[WEBSOCKET_HEADER_MAX];
    uint8_t control[WEBSOCKET_CONTROL_MAX]; /* payload of a control frame */
};

enum websocket_state { WEBSOCKET_OPEN, WEBSOCKET_CLOSED, WEBSOCKET_BAD };

/* Squeezes the frames in `raw` to `out`, which is the same memory, WEBSOCKET_SLACK bytes or more
 * in front of it; *length becomes the number of bytes there. Pings are answered into `answers`.
 * CLOSED: the server's close frame came; its payload is in reader->control. */
enum websocket_state websocket_unframe(struct websocket_reader *reader, struct slice raw,
                                       uint8_t *out, size_t *length, struct buffer *answers);

/* Status code of the close frame; 0: it had none. */
int websocket_close_code(const struct websocket_reader *reader);
/* Its reason, perhaps empty. */
struct slice websocket_close_reason(const struct websocket_reader *reader);

/* ---------------------------------------------------------------- writing */

/* `at` has room for WEBSOCKET_HEADER_MAX bytes; returns how many were written. */
size_t websocket_header_write(uint8_t *at, enum websocket_opcode opcode, uint64_t length,
                              uint32_t mask);
/* A whole message. */
void websocket_frame_write(struct buffer *out, enum websocket_opcode opcode, uint32_t mask,
                           struct slice payload);
/* With that status code. */
void websocket_close_write(struct buffer *out, uint32_t mask, uint16_t code);

/* Masks bytes that begin `phase` bytes behind the start of their payload. The mask is in network
 * order, as it stands in the header. */
void websocket_mask(uint8_t *bytes, size_t length, uint32_t mask, size_t phase);

#endif
