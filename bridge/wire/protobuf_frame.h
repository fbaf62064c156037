/* The parts of the protobuf codecs (codec.h has their table, protobuf_frame.c): reading and writing
 * frames (spec/webpubsub.md section 3) with the code that is generated from webpubsub.proto.
 *
 * A body (codec.h) is the tag of the outer message's field in one byte, then the fields of the
 * inner message but for its sequence id: the frame's length stands before them and changes with the
 * sequence id, and a receiver need not merge a message that comes in two parts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_PROTOBUF_FRAME_H
#define PUBGRID_WIRE_PROTOBUF_FRAME_H

#include "base/buffer.h"
#include "wire/message.h"

/* protobuf_read.c */
enum frame_verdict protobuf_decode(struct slice frame, struct request *out, struct buffer *scratch);

/* protobuf_write.c. `_text_json`: JSON goes as text_data. */
void protobuf_put_message(struct buffer *body, const struct message_response *message);
void protobuf_put_message_text_json(struct buffer *body, const struct message_response *message);
void protobuf_put_group_state(struct buffer *body, const struct group_state_response *state);
void protobuf_put_invoke_response(struct buffer *frame, const struct invoke_response *response);
void protobuf_put_invoke_response_text_json(struct buffer *frame,
                                            const struct invoke_response *response);
size_t protobuf_finish(struct slice body, uint64_t sequence_id, uint8_t *out);

/* protobuf_notice.c: what is not a message. */
void protobuf_put_connected(struct buffer *frame, const struct connected *connected);
void protobuf_put_disconnected(struct buffer *frame, struct slice message);
void protobuf_put_ack(struct buffer *frame, const struct ack_response *ack);
void protobuf_put_pong(struct buffer *frame);
void protobuf_put_stream_ack(struct buffer *frame, const struct stream_ack *ack);
void protobuf_put_stream_nack(struct buffer *frame, const struct stream_nack *nack);
void protobuf_put_stream_closed(struct buffer *frame, const struct stream_closed *closed);

#endif
