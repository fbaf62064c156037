/* What browsers send and get, whatever the subprotocol: the neutral form between the codecs
 * (json_frame.c, protobuf_frame.c, raw_frame.c) and the clients (bridge/client).
 *
 * All slices are borrowed: of a request from the frame it was decoded from or from the scratch
 * buffer, of a response from its maker. Wire facts: spec/webpubsub.md sections 2 and 3.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PUBGRID_WIRE_MESSAGE_H
#define PUBGRID_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* What the bytes of a payload are. JSON: valid JSON text, exactly as it came; text: UTF-8;
 * protobuf: a serialized google.protobuf.Any. */
enum data_type { DATA_JSON, DATA_TEXT, DATA_BINARY, DATA_PROTOBUF };

struct pair {
    struct slice key, value;
};

/* A string map: metadata (2.1) or a group state (2.6). */
struct pairs {
    const struct pair *items;
    size_t count;
};

struct payload {
    enum data_type type;
    struct slice bytes;
};

struct error_info {
    struct slice name, message; /* both always written */
};

/* ---------------------------------------------------------------- requests */

enum request_type {
    REQUEST_JOIN_GROUP,
    REQUEST_LEAVE_GROUP,
    REQUEST_SEND_TO_GROUP, /* with `opens_stream`: opens a stream */
    REQUEST_EVENT,
    REQUEST_PING,
    REQUEST_SEQUENCE_ACK,
    REQUEST_INVOKE,
    REQUEST_CANCEL_INVOCATION,
    REQUEST_STREAM_DATA,
    REQUEST_STREAM_END,
    REQUEST_SET_GROUP_STATE,
    REQUEST_SUBSCRIBE_GROUP_STATE,
    REQUEST_UNSUBSCRIBE_GROUP_STATE,
};

struct request {
    enum request_type type;
    bool has_ack_id;
    bool has_data; /* a stream's keepalive has none */
    bool no_echo;
    bool opens_stream;
    bool has_stream_sequence;
    bool has_state; /* set group state; absent: clear */
    bool has_error; /* stream end */
    uint64_t ack_id;
    uint64_t sequence_id;     /* sequence ack */
    uint64_t stream_sequence; /* stream data */
    uint32_t ttl_seconds;     /* 0: no limit */
    uint32_t idle_timeout_ms; /* of a stream that opens; default 300,000 */
    struct slice group;
    struct slice event;
    struct slice target; /* invoke: "event" */
    struct slice invocation_id;
    struct slice stream_id;
    struct slice error_message, user_error_code; /* stream end */
    struct payload data;
    struct pairs metadata;
    struct pairs state;
};

/* What a frame turned out to be. */
enum frame_verdict {
    FRAME_OK,
    FRAME_BAD_REQUEST, /* understood, but a value is out of bounds (ttlSeconds > 300, bad metadata,
                          a bad group name): a failed ack "BadRequest"; type, ack_id and stream_id
                          are set */
    FRAME_MALFORMED,   /* not decodable, unknown type, a required property is missing: close 1007 */
};

/* ---------------------------------------------------------------- responses */

struct connected {
    struct slice user_id; /* empty: none */
    struct slice connection_id;
    struct slice reconnection_token; /* empty: none */
};

struct ack_response {
    uint64_t ack_id;
    bool success;
    struct error_info error; /* without success */
};

struct stream_info {
    struct slice id;
    uint64_t sequence;
    bool end;
    bool has_error;
    struct error_info error;
    struct slice user_error_code; /* empty: none */
};

/* A message to a receiver. */
struct message_response {
    bool from_server; /* else from a group */
    bool has_stream;
    struct slice group;
    struct slice from_user_id; /* empty: none */
    struct payload data;       /* whatever type; the codec converts (2.2, 3.3) and never writes
                                  anything malformed: JSON or text that is not valid goes as what it
                                  can be (text, else binary) */
    struct pairs metadata;
    struct stream_info stream;
};

struct invoke_response {
    struct slice invocation_id;
    bool success;
    bool has_data;
    struct payload data;
    struct pairs metadata;
    struct error_info error;
};

struct stream_ack {
    struct slice stream_id;
    uint64_t expected_sequence;
};

struct stream_nack {
    struct slice stream_id;
    uint64_t expected_sequence;
    struct error_info error;
};

struct stream_closed {
    struct slice stream_id;
    bool has_error;
    struct error_info error;
};

struct group_state_item {
    struct slice connection_id;
    struct slice user_id; /* empty: none */
    bool has_state;       /* false: cleared or left */
    struct pairs state;
    int64_t updated_at; /* Unix ms */
};

struct group_state_response {
    bool is_snapshot; /* else an update */
    struct slice group;
    const struct group_state_item *items;
    size_t count;
};

#endif
