/* A protobuf frame becomes a request (spec/webpubsub.md 3.1): protobuf-c unpacks the
 * UpstreamMessage into the scratch buffer, within bounds, and a function for each kind of message
 * takes out the fields and demands those that are required. What the values may be is the same in
 * all subprotocols: request_check().
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "wire/protobuf_frame.h"

#include "mqtt/utf8.h"
#include "wire/protobuf_fields.h"
#include "wire/request_check.h"
#include "json/json.h"

enum { STREAM_IDLE_TIMEOUT_MS = 300000 /* if the client names none (2.5) */ };

/* ---------------------------------------------------------------- fields */

static struct slice take_bytes(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
}

/* A string; false if it is none. Empty is the same as absent. */
static bool take_string(ProtobufCBinaryData bytes, struct slice *out)
{
    *out = take_bytes(bytes);
    return utf8_is_well_formed(*out);
}

static bool take_required(ProtobufCBinaryData bytes, struct slice *out)
{
    return bytes.len > 0 && take_string(bytes, out);
}

static void take_ack_id(struct request *out, bool has, uint64_t ack_id)
{
    out->has_ack_id = has;
    out->ack_id = has ? ack_id : 0;
}

/* A map. */
static bool take_pairs(struct protobuf_arena *arena, Pair *const *pairs, size_t count,
                       struct pairs *out)
{
    struct pair *items = protobuf_arena_allocate(arena, count * sizeof(*items));

    if (!items) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!take_string(pairs[i]->key, &items[i].key) ||
            !take_string(pairs[i]->value, &items[i].value)) {
            return false;
        }
    }
    *out = (struct pairs){items, count};
    return true;
}

static bool is_json(struct slice text)
{
    struct json_value value;

    /* null is refused as Azure's emulator does (2.1): it is "no data" to clients. */
    return json_parse(text, &value) && value.type != JSON_NULL;
}

static bool payload_is_valid(const struct payload *payload)
{
    switch (payload->type) {
    case DATA_JSON:
        return is_json(payload->bytes);
    case DATA_TEXT:
        return utf8_is_well_formed(payload->bytes);
    case DATA_PROTOBUF:
        return protobuf_is_any(payload->bytes);
    case DATA_BINARY:
    default:
        return true;
    }
}

/* The payload (3.3). True without one, too: *has says. */
static bool take_data(const MessageData *data, struct payload *out, bool *has)
{
    static const enum data_type types[] = {
        [MESSAGE_DATA__DATA_TEXT_DATA] = DATA_TEXT,
        [MESSAGE_DATA__DATA_BINARY_DATA] = DATA_BINARY,
        [MESSAGE_DATA__DATA_PROTOBUF_DATA] = DATA_PROTOBUF,
        [MESSAGE_DATA__DATA_JSON_DATA] = DATA_JSON,
    };

    *has = data && data->data_case != MESSAGE_DATA__DATA__NOT_SET;
    if (!*has) {
        return true;
    }
    out->type = types[data->data_case];
    out->bytes = take_bytes(data->text_data); /* a union: all four are bytes */
    return payload_is_valid(out);
}

/* A payload that may only be missing if there is metadata: then it is the empty text (2.1). */
static bool take_required_data(const MessageData *data, struct request *out)
{
    if (!take_data(data, &out->data, &out->has_data)) {
        return false;
    }
    if (!out->has_data) {
        out->has_data = true;
        out->data = (struct payload){DATA_TEXT, SLICE_EMPTY};
        return out->metadata.count > 0;
    }
    return true;
}

/* ---------------------------------------------------------------- messages */

static bool read_group_request(const GroupRequest *in, enum request_type type, struct request *out)
{
    out->type = type;
    take_ack_id(out, in->optional_ack_id_case != GROUP_REQUEST__OPTIONAL_ACK_ID__NOT_SET,
                in->ack_id);
    return take_required(in->group, &out->group);
}

static bool read_stream_start(const StreamStartInfo *in, struct request *out)
{
    out->opens_stream = true;
    out->idle_timeout_ms = STREAM_IDLE_TIMEOUT_MS;
    if (in->optional_idle_timeout_ms_case != STREAM_START_INFO__OPTIONAL_IDLE_TIMEOUT_MS__NOT_SET) {
        out->idle_timeout_ms = in->idle_timeout_ms;
    }
    return take_required(in->stream_id, &out->stream_id);
}

static bool read_send_to_group(const SendToGroupMessage *in, struct protobuf_arena *arena,
                               struct request *out)
{
    out->type = REQUEST_SEND_TO_GROUP;
    out->no_echo = in->no_echo;
    out->ttl_seconds = in->ttl_seconds;
    take_ack_id(out, in->optional_ack_id_case != SEND_TO_GROUP_MESSAGE__OPTIONAL_ACK_ID__NOT_SET,
                in->ack_id);
    if (!take_required(in->group, &out->group) ||
        !take_pairs(arena, in->metadata, in->n_metadata, &out->metadata)) {
        return false;
    }
    if (in->stream) {
        return read_stream_start(in->stream, out) &&
               take_data(in->data, &out->data, &out->has_data);
    }
    return take_required_data(in->data, out);
}

static bool read_event(const EventMessage *in, struct protobuf_arena *arena, struct request *out)
{
    out->type = REQUEST_EVENT;
    take_ack_id(out, in->optional_ack_id_case != EVENT_MESSAGE__OPTIONAL_ACK_ID__NOT_SET,
                in->ack_id);
    return take_required(in->event, &out->event) &&
           take_pairs(arena, in->metadata, in->n_metadata, &out->metadata) &&
           take_required_data(in->data, out);
}

static bool read_invoke(const InvokeEventMessage *in, struct protobuf_arena *arena,
                        struct request *out)
{
    out->type = REQUEST_INVOKE;
    out->target = SLICE_LITERAL("event"); /* what protobuf has no field for */
    return take_required(in->invocation_id, &out->invocation_id) &&
           take_required(in->event, &out->event) &&
           take_pairs(arena, in->metadata, in->n_metadata, &out->metadata) &&
           take_data(in->data, &out->data, &out->has_data);
}

static bool read_stream_data(const StreamDataMessage *in, struct request *out)
{
    out->type = REQUEST_STREAM_DATA;
    out->has_stream_sequence = in->optional_stream_sequence_id_case !=
                               STREAM_DATA_MESSAGE__OPTIONAL_STREAM_SEQUENCE_ID__NOT_SET;
    out->stream_sequence = out->has_stream_sequence ? in->stream_sequence_id : 0;
    return take_required(in->stream_id, &out->stream_id) &&
           take_data(in->data, &out->data, &out->has_data);
}

static bool read_stream_end(const StreamEndMessage *in, struct request *out)
{
    out->type = REQUEST_STREAM_END;
    if (!take_required(in->stream_id, &out->stream_id)) {
        return false;
    }
    if (!in->error) {
        return true;
    }
    out->has_error = true;
    return take_string(in->error->message, &out->error_message) &&
           take_string(in->error->user_error_code, &out->user_error_code);
}

static bool read_set_group_state(const SetGroupStateMessage *in, struct protobuf_arena *arena,
                                 struct request *out)
{
    out->type = REQUEST_SET_GROUP_STATE;
    take_ack_id(out, in->optional_ack_id_case != SET_GROUP_STATE_MESSAGE__OPTIONAL_ACK_ID__NOT_SET,
                in->ack_id);
    if (!take_required(in->group, &out->group)) {
        return false;
    }
    if (!in->state) {
        return true;
    }
    out->has_state = true;
    return take_pairs(arena, in->state->entries, in->state->n_entries, &out->state);
}

static bool read_message(const UpstreamMessage *in, struct protobuf_arena *arena,
                         struct request *out)
{
    switch ((unsigned)in->message_case) {
    case UPSTREAM_MESSAGE__MESSAGE_SEND_TO_GROUP_MESSAGE:
        return read_send_to_group(in->send_to_group_message, arena, out);
    case UPSTREAM_MESSAGE__MESSAGE_EVENT_MESSAGE:
        return read_event(in->event_message, arena, out);
    case UPSTREAM_MESSAGE__MESSAGE_JOIN_GROUP_MESSAGE:
        return read_group_request(in->join_group_message, REQUEST_JOIN_GROUP, out);
    case UPSTREAM_MESSAGE__MESSAGE_LEAVE_GROUP_MESSAGE:
        return read_group_request(in->leave_group_message, REQUEST_LEAVE_GROUP, out);
    case UPSTREAM_MESSAGE__MESSAGE_SEQUENCE_ACK_MESSAGE:
        out->type = REQUEST_SEQUENCE_ACK;
        out->sequence_id = in->sequence_ack_message->sequence_id;
        return true;
    case UPSTREAM_MESSAGE__MESSAGE_PING_MESSAGE:
        out->type = REQUEST_PING;
        return true;
    case UPSTREAM_MESSAGE__MESSAGE_INVOKE_EVENT_MESSAGE:
        return read_invoke(in->invoke_event_message, arena, out);
    case UPSTREAM_MESSAGE__MESSAGE_CANCEL_INVOCATION_MESSAGE:
        out->type = REQUEST_CANCEL_INVOCATION;
        return take_required(in->cancel_invocation_message->invocation_id, &out->invocation_id);
    case UPSTREAM_MESSAGE__MESSAGE_STREAM_DATA_MESSAGE:
        return read_stream_data(in->stream_data_message, out);
    case UPSTREAM_MESSAGE__MESSAGE_STREAM_END_MESSAGE:
        return read_stream_end(in->stream_end_message, out);
    case UPSTREAM_MESSAGE__MESSAGE_SET_GROUP_STATE_MESSAGE:
        return read_set_group_state(in->set_group_state_message, arena, out);
    case UPSTREAM_MESSAGE__MESSAGE_SUBSCRIBE_GROUP_STATE_MESSAGE:
        return read_group_request(in->subscribe_group_state_message, REQUEST_SUBSCRIBE_GROUP_STATE,
                                  out);
    case UPSTREAM_MESSAGE__MESSAGE_UNSUBSCRIBE_GROUP_STATE_MESSAGE:
        return read_group_request(in->unsubscribe_group_state_message,
                                  REQUEST_UNSUBSCRIBE_GROUP_STATE, out);
    default: /* none, or one that we do not know */
        return false;
    }
}

enum frame_verdict protobuf_decode(struct slice frame, struct request *out, struct buffer *scratch)
{
    struct protobuf_arena arena;
    const UpstreamMessage *message;

    *out = (struct request){0};
    protobuf_arena_begin(&arena, scratch, protobuf_arena_size_for(frame.length));
    message = upstream_message__unpack(&arena.allocator, frame.length, frame.data);
    if (!message || !read_message(message, &arena, out)) {
        return FRAME_MALFORMED;
    }
    return request_check(out);
}
