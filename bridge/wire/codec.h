/* A subprotocol as a table of functions: frames to requests, responses to frames. Pure.
 *
 * A response that carries a sequence id on reliable connections (messages and group states, 4.1) is
 * written as a `body` that all receivers share and is finished for each: codec->finish() makes the
 * whole frame of body and sequence id. The others are whole frames at once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_CODEC_H
#define PUBGRID_WIRE_CODEC_H

#include "base/buffer.h"
#include "wire/message.h"

enum { FRAME_FINISH_MAX = 64 }; /* bytes that finish() adds to the body at most */

struct codec {
    const char *subprotocol; /* NULL: plain WebSocket */
    bool is_binary;          /* all its frames are binary */
    bool is_reliable;
    /* One whole WebSocket message. On FRAME_OK `out` is filled; its slices borrow `frame` or
     * `scratch`, which the caller empties (length = 0) before and keeps until it is done with
     * `out`. NULL for plain WebSocket. */
    enum frame_verdict (*decode)(struct slice frame, struct request *out, struct buffer *scratch);

    /* Bodies. */
    void (*put_message)(struct buffer *body, const struct message_response *message);
    void (*put_group_state)(struct buffer *body, const struct group_state_response *state);
    /* Writes the frame; `out` has room for body.length + FRAME_FINISH_MAX. Returns its length.
     * sequence_id 0: none. */
    size_t (*finish)(struct slice body, uint64_t sequence_id, uint8_t *out);

    /* Whole frames. */
    void (*put_connected)(struct buffer *frame, const struct connected *connected);
    void (*put_disconnected)(struct buffer *frame, struct slice message);
    void (*put_ack)(struct buffer *frame, const struct ack_response *ack);
    void (*put_pong)(struct buffer *frame);
    void (*put_invoke_response)(struct buffer *frame, const struct invoke_response *response);
    void (*put_stream_ack)(struct buffer *frame, const struct stream_ack *ack);
    void (*put_stream_nack)(struct buffer *frame, const struct stream_nack *nack);
    void (*put_stream_closed)(struct buffer *frame, const struct stream_closed *closed);
};

extern const struct codec codec_json, codec_json_reliable;
extern const struct codec codec_protobuf, codec_protobuf_reliable;
/* For clients built from the old .proto, which know no json_data: JSON goes as text_data (3.3). */
extern const struct codec codec_protobuf_text_json, codec_protobuf_reliable_text_json;
/* Plain WebSocket: only put_message and finish; a message is nothing but its payload. */
extern const struct codec codec_raw;

/* Plain WebSocket: does this payload go in a text frame (text, JSON) or a binary one? */
bool raw_is_text(const struct payload *payload);

#endif
