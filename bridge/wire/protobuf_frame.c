/* The four protobuf codecs as tables.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/protobuf_frame.h"

#include "wire/codec.h"

/* What they share, and what becomes of JSON. */
#define PROTOBUF_CODEC(name, reliable, json)                                                       \
    {                                                                                              \
        .subprotocol = (name), .is_binary = true, .is_reliable = (reliable),                       \
        .decode = protobuf_decode, .put_message = protobuf_put_message##json,                      \
        .put_group_state = protobuf_put_group_state, .finish = protobuf_finish,                    \
        .put_connected = protobuf_put_connected, .put_disconnected = protobuf_put_disconnected,    \
        .put_ack = protobuf_put_ack, .put_pong = protobuf_put_pong,                                \
        .put_invoke_response = protobuf_put_invoke_response##json,                                 \
        .put_stream_ack = protobuf_put_stream_ack, .put_stream_nack = protobuf_put_stream_nack,    \
        .put_stream_closed = protobuf_put_stream_closed,                                           \
    }

#define PLAIN    "protobuf.webpubsub.azure.v1"
#define RELIABLE "protobuf.reliable.webpubsub.azure.v1"

const struct codec codec_protobuf = PROTOBUF_CODEC(PLAIN, false, );
const struct codec codec_protobuf_reliable = PROTOBUF_CODEC(RELIABLE, true, );
const struct codec codec_protobuf_text_json = PROTOBUF_CODEC(PLAIN, false, _text_json);
const struct codec codec_protobuf_reliable_text_json = PROTOBUF_CODEC(RELIABLE, true, _text_json);
