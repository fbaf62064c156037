/* Responses become JSON frames (spec/webpubsub.md 2.2), and the tables of the JSON codecs.
 *
 * Nothing malformed leaves here, whatever a payload or a name holds, for one frame that is not JSON
 * ends a Node client: a payload that is not what its type says goes as what it can be, and strings
 * are made valid by the writer. A body is the frame without the closing bracket, so that the
 * sequence id can come last.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "mqtt/utf8.h"
#include "secret/base64.h"
#include "wire/codec.h"
#include "wire/json_frame.h"
#include "json/json.h"

const char *const json_data_types[DATA_TYPE_COUNT] = {
    [DATA_JSON] = "json",
    [DATA_TEXT] = "text",
    [DATA_BINARY] = "binary",
    [DATA_PROTOBUF] = "protobuf",
};

/* ---------------------------------------------------------------- parts */

#define PUT(out, text) buffer_append(out, SLICE_LITERAL(text))

/* `,"name":"value"`; the caller gives the part before the value. */
#define PUT_STRING(out, text, value) (PUT(out, text), json_append_string(out, value))

static void put_pairs(struct buffer *out, struct pairs pairs)
{
    buffer_append_byte(out, '{');
    for (size_t i = 0; i < pairs.count; i++) {
        if (i > 0) {
            buffer_append_byte(out, ',');
        }
        json_append_string(out, pairs.items[i].key);
        buffer_append_byte(out, ':');
        json_append_string(out, pairs.items[i].value);
    }
    buffer_append_byte(out, '}');
}

/* Clients read both without asking (2.2). */
static void put_name_and_message(struct buffer *out, const struct error_info *error)
{
    PUT_STRING(out, "\"name\":", error->name);
    PUT_STRING(out, ",\"message\":", error->message);
}

static void put_error(struct buffer *out, const struct error_info *error)
{
    PUT(out, ",\"error\":{");
    put_name_and_message(out, error);
    buffer_append_byte(out, '}');
}

/* What the payload goes as. Clients drop JSON that is null, so that is no JSON here. *json: the
 * value without the white space around it. */
static enum data_type type_on_wire(const struct payload *payload, struct json_value *json)
{
    if (payload->type == DATA_JSON && json_parse_inner(payload->bytes, json) &&
        json->type != JSON_NULL) {
        return DATA_JSON;
    }
    if (payload->type == DATA_JSON || payload->type == DATA_TEXT) {
        return utf8_is_well_formed(payload->bytes) ? DATA_TEXT : DATA_BINARY;
    }
    return payload->type;
}

static void put_payload(struct buffer *out, const struct payload *payload)
{
    struct json_value json;
    enum data_type type = type_on_wire(payload, &json);

    PUT(out, ",\"dataType\":\"");
    buffer_append_string(out, json_data_types[type]);
    PUT(out, "\",\"data\":");
    switch (type) {
    case DATA_JSON:
        buffer_append(out, json.text);
        break;
    case DATA_TEXT:
        json_append_string(out, payload->bytes);
        break;
    case DATA_BINARY:
    case DATA_PROTOBUF:
        buffer_append_byte(out, '"');
        base64_append(out, payload->bytes);
        buffer_append_byte(out, '"');
        break;
    }
}

/* ---------------------------------------------------------------- bodies */

static void put_stream_info(struct buffer *out, const struct stream_info *stream)
{
    PUT_STRING(out, ",\"stream\":{\"streamId\":", stream->id);
    PUT(out, ",\"streamSequenceId\":");
    buffer_append_decimal(out, stream->sequence);
    if (stream->end) {
        PUT(out, ",\"endOfStream\":true");
    }
    if (stream->has_error) {
        PUT(out, ",\"error\":{");
        put_name_and_message(out, &stream->error);
        if (stream->user_error_code.length > 0) {
            PUT_STRING(out, ",\"userErrorCode\":", stream->user_error_code);
        }
        buffer_append_byte(out, '}');
    }
    buffer_append_byte(out, '}');
}

static void json_put_message(struct buffer *body, const struct message_response *message)
{
    if (message->from_server) {
        PUT(body, "{\"type\":\"message\",\"from\":\"server\"");
        put_payload(body, &message->data);
    } else {
        PUT_STRING(body, "{\"type\":\"message\",\"from\":\"group\",\"group\":", message->group);
        put_payload(body, &message->data);
        if (message->from_user_id.length > 0) {
            PUT_STRING(body, ",\"fromUserId\":", message->from_user_id);
        }
        if (message->has_stream) {
            put_stream_info(body, &message->stream);
        }
    }
    if (message->metadata.count > 0) {
        PUT(body, ",\"metadata\":");
        put_pairs(body, message->metadata);
    }
}

static void put_state_item(struct buffer *out, const struct group_state_item *item)
{
    PUT_STRING(out, "{\"connectionId\":", item->connection_id);
    if (item->user_id.length > 0) {
        PUT_STRING(out, ",\"userId\":", item->user_id);
    }
    if (item->has_state) {
        PUT(out, ",\"state\":");
        put_pairs(out, item->state);
    }
    buffer_append_format(out, ",\"updatedAt\":%lld}", (long long)item->updated_at);
}

static void json_put_group_state(struct buffer *body, const struct group_state_response *state)
{
    PUT(body, "{\"type\":\"");
    buffer_append_string(body, state->is_snapshot ? "groupStateSnapshot" : "groupStateUpdate");
    PUT_STRING(body, "\",\"group\":", state->group);
    PUT(body, ",\"items\":[");
    for (size_t i = 0; i < state->count; i++) {
        if (i > 0) {
            buffer_append_byte(body, ',');
        }
        put_state_item(body, &state->items[i]);
    }
    buffer_append_byte(body, ']');
}

static size_t json_finish(struct slice body, uint64_t sequence_id, uint8_t *out)
{
    static const struct slice name = {(const uint8_t *)",\"sequenceId\":", 14};
    uint8_t *at = out;

    memcpy(at, body.data, body.length);
    at += body.length;
    if (sequence_id > 0) {
        memcpy(at, name.data, name.length);
        at += name.length;
        at += decimal_write(at, sequence_id);
    }
    *at++ = '}';
    return (size_t)(at - out);
}

/* ---------------------------------------------------------------- whole frames */

static void json_put_connected(struct buffer *frame, const struct connected *connected)
{
    PUT(frame, "{\"type\":\"system\",\"event\":\"connected\"");
    if (connected->user_id.length > 0) {
        PUT_STRING(frame, ",\"userId\":", connected->user_id);
    }
    PUT_STRING(frame, ",\"connectionId\":", connected->connection_id);
    if (connected->reconnection_token.length > 0) {
        PUT_STRING(frame, ",\"reconnectionToken\":", connected->reconnection_token);
    }
    buffer_append_byte(frame, '}');
}

static void json_put_disconnected(struct buffer *frame, struct slice message)
{
    PUT_STRING(frame, "{\"type\":\"system\",\"event\":\"disconnected\",\"message\":", message);
    buffer_append_byte(frame, '}');
}

static void put_success(struct buffer *frame, bool success)
{
    PUT(frame, ",\"success\":");
    buffer_append_string(frame, success ? "true" : "false");
}

static void json_put_ack(struct buffer *frame, const struct ack_response *ack)
{
    PUT(frame, "{\"type\":\"ack\",\"ackId\":");
    buffer_append_decimal(frame, ack->ack_id);
    put_success(frame, ack->success);
    if (!ack->success) {
        put_error(frame, &ack->error);
    }
    buffer_append_byte(frame, '}');
}

static void json_put_pong(struct buffer *frame)
{
    PUT(frame, "{\"type\":\"pong\"}");
}

static bool is_json_null(const struct payload *payload)
{
    struct json_value value;

    return payload->type == DATA_JSON && json_parse(payload->bytes, &value) &&
           value.type == JSON_NULL;
}

static void json_put_invoke_response(struct buffer *frame, const struct invoke_response *response)
{
    PUT_STRING(frame, "{\"type\":\"invokeResponse\",\"invocationId\":", response->invocation_id);
    put_success(frame, response->success);
    /* With null the client drops the frame and the call hangs; without data it is done (2.2). */
    if (response->has_data && !is_json_null(&response->data)) {
        put_payload(frame, &response->data);
    }
    if (!response->success) {
        put_error(frame, &response->error);
    }
    if (response->metadata.count > 0) {
        PUT(frame, ",\"metadata\":");
        put_pairs(frame, response->metadata);
    }
    buffer_append_byte(frame, '}');
}

static void json_put_stream_ack(struct buffer *frame, const struct stream_ack *ack)
{
    PUT_STRING(frame, "{\"type\":\"streamAck\",\"streamId\":", ack->stream_id);
    PUT(frame, ",\"expectedSequenceId\":");
    buffer_append_decimal(frame, ack->expected_sequence);
    buffer_append_byte(frame, '}');
}

static void json_put_stream_nack(struct buffer *frame, const struct stream_nack *nack)
{
    PUT_STRING(frame, "{\"type\":\"streamNack\",\"streamId\":", nack->stream_id);
    PUT(frame, ",\"expectedSequenceId\":");
    buffer_append_decimal(frame, nack->expected_sequence);
    buffer_append_byte(frame, ',');
    put_name_and_message(frame, &nack->error);
    buffer_append_byte(frame, '}');
}

static void json_put_stream_closed(struct buffer *frame, const struct stream_closed *closed)
{
    PUT_STRING(frame, "{\"type\":\"streamClosed\",\"streamId\":", closed->stream_id);
    if (closed->has_error) {
        put_error(frame, &closed->error);
    }
    buffer_append_byte(frame, '}');
}

/* ---------------------------------------------------------------- tables */

#define JSON_FUNCTIONS                                                                             \
    .decode = json_decode, .put_message = json_put_message,                                        \
    .put_group_state = json_put_group_state, .finish = json_finish,                                \
    .put_connected = json_put_connected, .put_disconnected = json_put_disconnected,                \
    .put_ack = json_put_ack, .put_pong = json_put_pong,                                            \
    .put_invoke_response = json_put_invoke_response, .put_stream_ack = json_put_stream_ack,        \
    .put_stream_nack = json_put_stream_nack, .put_stream_closed = json_put_stream_closed

const struct codec codec_json = {.subprotocol = "json.webpubsub.azure.v1", JSON_FUNCTIONS};
const struct codec codec_json_reliable = {
    .subprotocol = "json.reliable.webpubsub.azure.v1", .is_reliable = true, JSON_FUNCTIONS};
