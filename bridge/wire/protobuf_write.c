/* Messages, group states and answers to invocations as protobuf (spec/webpubsub.md 3.2, 3.3), and
 * the frame around a shared body and one receiver's sequence id.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "mqtt/utf8.h"
#include "wire/protobuf_fields.h"
#include "wire/protobuf_frame.h"
#include "json/json.h"

enum { WIRE_VARINT = 0, WIRE_LENGTH = 2 };

#define FIELD_TAG(number, wire) ((uint8_t)((number) << 3 | (wire)))

static const uint8_t tag_data = FIELD_TAG(DOWNSTREAM_MESSAGE__MESSAGE_DATA_MESSAGE, WIRE_LENGTH);
static const uint8_t tag_state_update =
    FIELD_TAG(DOWNSTREAM_MESSAGE__MESSAGE_GROUP_STATE_UPDATE_MESSAGE, WIRE_LENGTH);
static const uint8_t tag_state_snapshot =
    FIELD_TAG(DOWNSTREAM_MESSAGE__MESSAGE_GROUP_STATE_SNAPSHOT_MESSAGE, WIRE_LENGTH);
static const uint8_t tag_data_sequence_id =
    FIELD_TAG(DATA_MESSAGE__OPTIONAL_SEQUENCE_ID_SEQUENCE_ID, WIRE_VARINT);
static const uint8_t tag_state_sequence_id =
    FIELD_TAG(GROUP_STATE_MESSAGE__OPTIONAL_SEQUENCE_ID_SEQUENCE_ID, WIRE_VARINT);

/* ---------------------------------------------------------------- payloads */

/* What the bytes can be called: what they are said to be, or else text, or else binary. */
static MessageData__DataCase data_case(const struct payload *payload, bool text_json)
{
    struct json_value value;
    bool is_text = payload->type == DATA_TEXT || payload->type == DATA_JSON;

    if (payload->type == DATA_JSON && !text_json && json_parse(payload->bytes, &value)) {
        return MESSAGE_DATA__DATA_JSON_DATA;
    }
    if (is_text && utf8_is_well_formed(payload->bytes)) {
        return MESSAGE_DATA__DATA_TEXT_DATA;
    }
    if (payload->type == DATA_PROTOBUF && protobuf_is_any(payload->bytes)) {
        return MESSAGE_DATA__DATA_PROTOBUF_DATA;
    }
    return MESSAGE_DATA__DATA_BINARY_DATA;
}

static MessageData make_data(const struct payload *payload, bool text_json)
{
    MessageData data = MESSAGE_DATA__INIT;

    data.data_case = data_case(payload, text_json);
    data.text_data = protobuf_bytes(payload->bytes); /* a union: all four are bytes */
    return data;
}

/* ---------------------------------------------------------------- messages */

static StreamError make_stream_error(const struct stream_info *stream)
{
    StreamError error = STREAM_ERROR__INIT;

    error.name = protobuf_string(stream->error.name);
    error.message = protobuf_string(stream->error.message);
    error.user_error_code = protobuf_string(stream->user_error_code);
    return error;
}

static void put_message(struct buffer *body, const struct message_response *message, bool text_json)
{
    DataMessage out = DATA_MESSAGE__INIT;
    MessageData data = make_data(&message->data, text_json);
    StreamInfo stream = STREAM_INFO__INIT;
    StreamError error = make_stream_error(&message->stream);
    struct buffer memory = {0};
    struct protobuf_arena arena;

    protobuf_arena_begin(&arena, &memory, protobuf_pairs_size(message->metadata.count));
    out.from =
        protobuf_bytes(message->from_server ? SLICE_LITERAL("server") : SLICE_LITERAL("group"));
    out.group = protobuf_string(message->from_server ? SLICE_EMPTY : message->group);
    out.data = &data;
    out.metadata = protobuf_pairs(&arena, message->metadata);
    out.n_metadata = message->metadata.count;
    if (message->has_stream) {
        stream.stream_id = protobuf_string(message->stream.id);
        stream.stream_sequence_id = message->stream.sequence;
        stream.end_of_stream = message->stream.end;
        stream.error = message->stream.has_error ? &error : NULL;
        out.stream = &stream;
    }
    buffer_append_byte(body, tag_data);
    protobuf_append(body, &out.base);
    buffer_release(&memory);
}

void protobuf_put_message(struct buffer *body, const struct message_response *message)
{
    put_message(body, message, false);
}

void protobuf_put_message_text_json(struct buffer *body, const struct message_response *message)
{
    put_message(body, message, true);
}

/* ---------------------------------------------------------------- answers to invocations */

static void put_invoke_response(struct buffer *frame, const struct invoke_response *response,
                                bool text_json)
{
    DownstreamMessage out = DOWNSTREAM_MESSAGE__INIT;
    InvokeResponseMessage message = INVOKE_RESPONSE_MESSAGE__INIT;
    MessageData data = make_data(&response->data, text_json);
    ErrorInfo error = protobuf_error(&response->error);
    struct buffer memory = {0};
    struct protobuf_arena arena;

    protobuf_arena_begin(&arena, &memory, protobuf_pairs_size(response->metadata.count));
    message.invocation_id = protobuf_string(response->invocation_id);
    message.success = response->success;
    message.data = response->has_data ? &data : NULL;
    message.error = response->success ? NULL : &error;
    message.metadata = protobuf_pairs(&arena, response->metadata);
    message.n_metadata = response->metadata.count;
    out.message_case = DOWNSTREAM_MESSAGE__MESSAGE_INVOKE_RESPONSE_MESSAGE;
    out.invoke_response_message = &message;
    protobuf_append(frame, &out.base);
    buffer_release(&memory);
}

void protobuf_put_invoke_response(struct buffer *frame, const struct invoke_response *response)
{
    put_invoke_response(frame, response, false);
}

void protobuf_put_invoke_response_text_json(struct buffer *frame,
                                            const struct invoke_response *response)
{
    put_invoke_response(frame, response, true);
}

/* ---------------------------------------------------------------- group states */

/* One item's generated structs; the message points to `item`. */
struct item_message {
    GroupStateItem item;
    GroupState state;
};

static size_t items_size(const struct group_state_response *state)
{
    size_t size = state->count * (sizeof(struct item_message) + sizeof(GroupStateItem *)) +
                  protobuf_pairs_size(0);

    for (size_t i = 0; i < state->count; i++) {
        size += protobuf_pairs_size(state->items[i].state.count);
    }
    return size;
}

static void make_item(struct item_message *out, const struct group_state_item *item,
                      struct protobuf_arena *arena)
{
    out->item = (GroupStateItem)GROUP_STATE_ITEM__INIT;
    out->item.connection_id = protobuf_string(item->connection_id);
    out->item.user_id = protobuf_string(item->user_id);
    out->item.updated_at = item->updated_at;
    if (item->has_state) {
        out->state = (GroupState)GROUP_STATE__INIT;
        out->state.entries = protobuf_pairs(arena, item->state);
        out->state.n_entries = item->state.count;
        out->item.state = &out->state;
    }
}

void protobuf_put_group_state(struct buffer *body, const struct group_state_response *state)
{
    GroupStateMessage out = GROUP_STATE_MESSAGE__INIT;
    struct item_message *items;
    struct buffer memory = {0};
    struct protobuf_arena arena;

    protobuf_arena_begin(&arena, &memory, items_size(state));
    out.group = protobuf_string(state->group);
    out.items = protobuf_arena_allocate(&arena, state->count * sizeof(*out.items));
    out.n_items = state->count;
    items = protobuf_arena_allocate(&arena, state->count * sizeof(*items));
    for (size_t i = 0; i < state->count; i++) {
        make_item(&items[i], &state->items[i], &arena);
        out.items[i] = &items[i].item;
    }
    buffer_append_byte(body, state->is_snapshot ? tag_state_snapshot : tag_state_update);
    protobuf_append(body, &out.base);
    buffer_release(&memory);
}

/* ---------------------------------------------------------------- frames */

static size_t put_varint(uint8_t *out, uint64_t value)
{
    size_t length = 0;

    for (; value >= 0x80; value >>= 7) {
        out[length++] = (uint8_t)(value | 0x80);
    }
    out[length++] = (uint8_t)value;
    return length;
}

size_t protobuf_finish(struct slice body, uint64_t sequence_id, uint8_t *out)
{
    struct slice fields = slice_from(body, 1);
    uint8_t sequence[1 + 10];
    size_t sequence_length = 0, length = 1;

    if (sequence_id > 0) {
        sequence[0] = body.data[0] == tag_data ? tag_data_sequence_id : tag_state_sequence_id;
        sequence_length = 1 + put_varint(sequence + 1, sequence_id);
    }
    out[0] = body.data[0];
    length += put_varint(out + length, fields.length + sequence_length);
    memcpy(out + length, fields.data, fields.length);
    length += fields.length;
    memcpy(out + length, sequence, sequence_length);
    return length + sequence_length;
}
