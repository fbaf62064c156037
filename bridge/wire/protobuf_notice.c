/* Protobuf frames that are neither messages nor group states: what is said to one client and has no
 * sequence id (spec/webpubsub.md 3.2).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/protobuf_fields.h"
#include "wire/protobuf_frame.h"

static void put_system(struct buffer *frame, SystemMessage *system)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;

    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_SYSTEM_MESSAGE;
    out.system_message = system;
    protobuf_append(frame, &out.base);
}

void protobuf_put_connected(struct buffer *frame, const struct connected *connected)
{
    ConnectedMessage message = CONNECTED_MESSAGE__INIT;
    SystemMessage system = SYSTEM_MESSAGE__INIT;

    message.connection_id = protobuf_string(connected->connection_id);
    message.user_id = protobuf_string(connected->user_id);
    message.reconnection_token = protobuf_string(connected->reconnection_token);
    system.message_case = SYSTEM_MESSAGE__MESSAGE_CONNECTED_MESSAGE;
    system.connected_message = &message;
    put_system(frame, &system);
}

void protobuf_put_disconnected(struct buffer *frame, struct slice text)
{
    DisconnectedMessage message = DISCONNECTED_MESSAGE__INIT;
    SystemMessage system = SYSTEM_MESSAGE__INIT;

    message.reason = protobuf_string(text);
    system.message_case = SYSTEM_MESSAGE__MESSAGE_DISCONNECTED_MESSAGE;
    system.disconnected_message = &message;
    put_system(frame, &system);
}

void protobuf_put_ack(struct buffer *frame, const struct ack_response *ack)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;
    AckMessage message = ACK_MESSAGE__INIT;
    ErrorInfo error = protobuf_error(&ack->error);

    message.ack_id = ack->ack_id;
    message.success = ack->success;
    message.error = ack->success ? NULL : &error;
    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_ACK_MESSAGE;
    out.ack_message = &message;
    protobuf_append(frame, &out.base);
}

void protobuf_put_pong(struct buffer *frame)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;
    PongMessage message = PONG_MESSAGE__INIT;

    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_PONG_MESSAGE;
    out.pong_message = &message;
    protobuf_append(frame, &out.base);
}

void protobuf_put_stream_ack(struct buffer *frame, const struct stream_ack *ack)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;
    StreamAckMessage message = STREAM_ACK_MESSAGE__INIT;

    message.stream_id = protobuf_string(ack->stream_id);
    message.expected_sequence_id = ack->expected_sequence;
    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_STREAM_ACK_MESSAGE;
    out.stream_ack_message = &message;
    protobuf_append(frame, &out.base);
}

void protobuf_put_stream_nack(struct buffer *frame, const struct stream_nack *nack)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;
    StreamNackMessage message = STREAM_NACK_MESSAGE__INIT;

    message.stream_id = protobuf_string(nack->stream_id);
    message.name = protobuf_string(nack->error.name);
    message.message = protobuf_string(nack->error.message);
    message.expected_sequence_id = nack->expected_sequence;
    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_STREAM_NACK_MESSAGE;
    out.stream_nack_message = &message;
    protobuf_append(frame, &out.base);
}

void protobuf_put_stream_closed(struct buffer *frame, const struct stream_closed *closed)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;
    StreamClosedMessage message = STREAM_CLOSED_MESSAGE__INIT;
    ErrorInfo error = protobuf_error(&closed->error);

    message.stream_id = protobuf_string(closed->stream_id);
    message.error = closed->has_error ? &error : NULL;
    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_STREAM_CLOSED_MESSAGE;
    out.stream_closed_message = &message;
    protobuf_append(frame, &out.base);
}
