/* Fuzzes the JSON codec.
 *
 * The first byte chooses the sequence id and a type of payload; the bytes behind it are a frame of
 * a client. Beyond "no crash": what a request holds lies in the frame or the scratch buffer, which
 * stays within its bound, and is what its type says. What we send on of it, and the bytes taken as
 * a payload of that type and as every name, comes out as frames that the strict reader accepts,
 * that have what clients read without asking, and whose payload is the one that was sent: nothing
 * malformed goes to a browser.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/utf8.h"
#include "secret/base64.h"
#include "wire/codec.h"
#include "json/json.h"

static const struct codec *const codec = &codec_json_reliable;

/* ---------------------------------------------------------------- what is written */

/* The member of this name, of which there must be one and no more. */
static struct json_value member(struct slice object, const char *name)
{
    struct json_walk walk = json_walk_text(object, JSON_OBJECT);
    struct json_value value, found = {0};
    struct slice key;
    unsigned count = 0;

    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, name)) {
            found = value;
            count++;
        }
    }
    FUZZ_CHECK(json_walk_is_complete(&walk));
    FUZZ_CHECK(count == 1);
    return found;
}

static bool has_member(struct slice object, const char *name)
{
    struct json_walk walk = json_walk_text(object, JSON_OBJECT);
    struct json_value value;
    struct slice key;

    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, name)) {
            return true;
        }
    }
    return false;
}

static bool is_string(const struct json_value *value, const char *text)
{
    return value->type == JSON_STRING && json_string_equal(json_string_raw(value), text);
}

/* What the string says is what was sent, or if that was not UTF-8, close to it. */
static void check_string(struct slice object, const char *name, struct slice sent)
{
    struct json_value value = member(object, name);
    struct buffer text = {0};

    FUZZ_CHECK(value.type == JSON_STRING);
    json_append_string_value(&text, &value);
    FUZZ_CHECK(slice_equal(buffer_slice(&text), sent) == utf8_is_well_formed(sent));
    buffer_release(&text);
}

static void check_number(struct slice object, const char *name, uint64_t sent)
{
    struct json_value value = member(object, name);
    uint64_t number;

    FUZZ_CHECK(json_to_u64(&value, &number) && number == sent);
}

static void check_pairs(struct slice object, const char *name, struct pairs sent)
{
    struct json_value map = member(object, name), value;
    struct json_walk walk;
    struct slice key;
    size_t count = 0;

    FUZZ_CHECK(map.type == JSON_OBJECT);
    walk = json_members(&map);
    while (json_next_member(&walk, &key, &value)) {
        FUZZ_CHECK(value.type == JSON_STRING);
        count++;
    }
    FUZZ_CHECK(count == sent.count);
}

static bool is_json_null(struct payload payload)
{
    struct json_value value;

    return payload.type == DATA_JSON && json_parse(payload.bytes, &value) &&
           value.type == JSON_NULL;
}

/* `dataType` and `data` are the payload. */
static void check_payload(struct slice frame, struct payload sent)
{
    struct json_value type = member(frame, "dataType"), data = member(frame, "data"), parsed;
    struct buffer bytes = {0};

    if (is_string(&type, "json")) {
        FUZZ_CHECK(sent.type == DATA_JSON && data.type != JSON_NULL);
        FUZZ_CHECK(json_parse(sent.bytes, &parsed) && slice_equal(parsed.text, data.text));
        return;
    }
    FUZZ_CHECK(data.type == JSON_STRING);
    FUZZ_CHECK(sent.type != DATA_JSON || is_json_null(sent) ||
               !json_parse_inner(sent.bytes, &parsed));
    if (is_string(&type, "text")) {
        FUZZ_CHECK(sent.type == DATA_JSON || sent.type == DATA_TEXT);
        json_append_string_value(&bytes, &data);
    } else {
        FUZZ_CHECK(is_string(&type, sent.type == DATA_PROTOBUF ? "protobuf" : "binary"));
        FUZZ_CHECK(sent.type >= DATA_BINARY || !utf8_is_well_formed(sent.bytes));
        FUZZ_CHECK(base64_append_decoded(&bytes, json_string_raw(&data)));
    }
    FUZZ_CHECK(slice_equal(buffer_slice(&bytes), sent.bytes));
    buffer_release(&bytes);
}

static void check_error(struct slice object, struct error_info sent)
{
    struct json_value error = member(object, "error");

    check_string(error.text, "name", sent.name);
    check_string(error.text, "message", sent.message);
}

/* Makes a frame of the body, in memory that holds no byte more than finish() may write. */
static struct slice finish(struct buffer *body, uint64_t sequence_id)
{
    uint8_t *frame = memory_allocate(body->length + FRAME_FINISH_MAX);
    size_t length = codec->finish(buffer_slice(body), sequence_id, frame);

    FUZZ_CHECK(length <= body->length + FRAME_FINISH_MAX);
    FUZZ_CHECK(has_member(slice_make(frame, length), "sequenceId") == (sequence_id > 0));
    if (sequence_id > 0) {
        check_number(slice_make(frame, length), "sequenceId", sequence_id);
    }
    return slice_make(frame, length);
}

static void check_message(const struct message_response *message, uint64_t sequence_id)
{
    struct buffer body = {0};
    struct slice frame;
    struct json_value from;

    codec->put_message(&body, message);
    frame = finish(&body, sequence_id);
    from = member(frame, "from");
    FUZZ_CHECK(is_string(&from, message->from_server ? "server" : "group"));
    check_payload(frame, message->data);
    if (message->from_server) {
        FUZZ_CHECK(!has_member(frame, "fromUserId") && !has_member(frame, "group"));
    } else {
        check_string(frame, "group", message->group);
        FUZZ_CHECK(has_member(frame, "stream") == message->has_stream);
    }
    if (message->metadata.count > 0) {
        check_pairs(frame, "metadata", message->metadata);
    }
    fuzz_free(frame);
    buffer_release(&body);
}

static void check_group_state(struct slice name, const struct request *request,
                              uint64_t sequence_id)
{
    const struct group_state_item items[] = {
        {.connection_id = name, .user_id = name, .updated_at = INT64_MAX},
        {.connection_id = name, .has_state = true, .state = request->state},
    };
    const struct group_state_response state = {sequence_id % 2 == 0, name, items, 2};
    struct json_value list, item;
    struct json_walk walk;
    struct buffer body = {0};
    struct slice frame;

    codec->put_group_state(&body, &state);
    frame = finish(&body, sequence_id);
    check_string(frame, "group", name);
    list = member(frame, "items");
    FUZZ_CHECK(list.type == JSON_ARRAY);
    walk = json_elements(&list);
    FUZZ_CHECK(json_next_element(&walk, &item));
    check_string(item.text, "connectionId", name);
    check_number(item.text, "updatedAt", INT64_MAX);
    FUZZ_CHECK(!has_member(item.text, "state"));
    FUZZ_CHECK(json_next_element(&walk, &item));
    check_pairs(item.text, "state", request->state);
    FUZZ_CHECK(!json_next_element(&walk, &item));
    fuzz_free(frame);
    buffer_release(&body);
}

static void check_invoke_response(struct slice name, struct payload payload, bool success)
{
    struct invoke_response response = {.invocation_id = name,
                                       .success = success,
                                       .has_data = true,
                                       .data = payload,
                                       .error = {name, name}};
    struct buffer frame = {0};

    codec->put_invoke_response(&frame, &response);
    check_string(buffer_slice(&frame), "invocationId", name);
    FUZZ_CHECK(member(buffer_slice(&frame), "success").type == (success ? JSON_TRUE : JSON_FALSE));
    if (is_json_null(payload)) {
        FUZZ_CHECK(!has_member(buffer_slice(&frame), "dataType"));
    } else {
        check_payload(buffer_slice(&frame), payload);
    }
    if (!success) {
        check_error(buffer_slice(&frame), response.error);
    }
    buffer_release(&frame);
}

/* The frames of which names and numbers are all. */
static void check_notices(struct slice name, uint64_t number)
{
    const struct error_info error = {name, name};
    const struct connected connected = {name, name, name};
    struct buffer frame = {0};

    codec->put_connected(&frame, &connected);
    check_string(buffer_slice(&frame), "connectionId", name);
    frame.length = 0;
    codec->put_disconnected(&frame, name);
    check_string(buffer_slice(&frame), "message", name);
    frame.length = 0;
    codec->put_ack(&frame, &(struct ack_response){.ack_id = number, .error = error});
    check_number(buffer_slice(&frame), "ackId", number);
    check_error(buffer_slice(&frame), error);
    frame.length = 0;
    codec->put_stream_ack(&frame, &(struct stream_ack){name, number});
    check_string(buffer_slice(&frame), "streamId", name);
    check_number(buffer_slice(&frame), "expectedSequenceId", number);
    frame.length = 0;
    codec->put_stream_nack(&frame, &(struct stream_nack){name, number, error});
    check_number(buffer_slice(&frame), "expectedSequenceId", number);
    check_string(buffer_slice(&frame), "name", name);
    check_string(buffer_slice(&frame), "message", name);
    frame.length = 0;
    codec->put_stream_closed(&frame, &(struct stream_closed){name, true, error});
    check_error(buffer_slice(&frame), error);
    buffer_release(&frame);
}

/* ---------------------------------------------------------------- what is read */

struct memory {
    struct slice frame;
    const struct buffer *scratch;
};

static bool is_inside(struct slice inner, struct slice outer)
{
    return inner.data >= outer.data && inner.data + inner.length <= outer.data + outer.length;
}

static void check_borrowed(const struct memory *memory, struct slice bytes)
{
    FUZZ_CHECK(bytes.length == 0 || is_inside(bytes, memory->frame) ||
               is_inside(bytes, buffer_slice(memory->scratch)));
}

static void check_text(const struct memory *memory, struct slice text)
{
    check_borrowed(memory, text);
    FUZZ_CHECK(utf8_is_well_formed(text));
}

static void check_read_pairs(const struct memory *memory, struct pairs pairs)
{
    check_borrowed(memory, slice_make(pairs.items, pairs.count * sizeof(*pairs.items)));
    for (size_t i = 0; i < pairs.count; i++) {
        check_text(memory, pairs.items[i].key);
        check_text(memory, pairs.items[i].value);
    }
}

static void check_data(const struct memory *memory, struct payload data)
{
    struct json_value value;

    check_borrowed(memory, data.bytes);
    FUZZ_CHECK(data.type != DATA_TEXT || utf8_is_well_formed(data.bytes));
    if (data.type == DATA_JSON) {
        FUZZ_CHECK(json_parse_inner(data.bytes, &value) && value.type != JSON_NULL);
        FUZZ_CHECK(slice_equal(value.text, data.bytes));
    }
}

static void check_request(const struct memory *memory, const struct request *request)
{
    const struct slice names[] = {
        request->group,     request->event,         request->target,         request->invocation_id,
        request->stream_id, request->error_message, request->user_error_code};

    FUZZ_CHECK(request->type <= REQUEST_UNSUBSCRIBE_GROUP_STATE);
    FUZZ_CHECK(request->ttl_seconds <= 300);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        check_text(memory, names[i]);
    }
    if (request->has_data) {
        check_data(memory, request->data);
    }
    check_read_pairs(memory, request->metadata);
    check_read_pairs(memory, request->state);
}

static void send_on(const struct request *request, uint64_t sequence_id)
{
    const struct message_response message = {
        .group = request->group,
        .from_user_id = request->event,
        .data = request->data,
        .metadata = request->metadata,
        .has_stream = request->stream_id.length > 0,
        .stream = {.id = request->stream_id,
                   .sequence = request->stream_sequence,
                   .end = request->has_error,
                   .has_error = request->has_error,
                   .error = {request->event, request->error_message},
                   .user_error_code = request->user_error_code},
    };

    check_message(&message, sequence_id);
    check_group_state(request->group, request, sequence_id);
}

static void check_payload_sent(struct payload payload, uint64_t sequence_id)
{
    const struct pair pair = {payload.bytes, payload.bytes};
    struct message_response message = {.group = payload.bytes,
                                       .from_user_id = payload.bytes,
                                       .data = payload,
                                       .metadata = {&pair, 1}};

    check_message(&message, sequence_id);
    message.from_server = true;
    check_message(&message, sequence_id);
    check_invoke_response(payload.bytes, payload, sequence_id % 2 == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer scratch = {0};
    struct request request;
    struct slice frame;
    uint64_t sequence_id;

    if (size == 0) {
        return 0;
    }
    sequence_id = data[0] == 255 ? UINT64_MAX : (UINT64_C(1) << (data[0] >> 2)) - 1;
    frame = fuzz_copy(slice_make(data + 1, size - 1));
    memset(&request, 0xA5, sizeof(request)); /* a field that is left unset shows */
    if (codec->decode(frame, &request, &scratch) == FRAME_OK) {
        check_request(&(struct memory){frame, &scratch}, &request);
        send_on(&request, sequence_id);
    }
    FUZZ_CHECK(scratch.length <= 2 * frame.length + (frame.length / 6 + 1) * sizeof(struct pair));
    check_payload_sent((struct payload){(enum data_type)(data[0] & 3), frame}, sequence_id);
    check_notices(frame, sequence_id);
    buffer_release(&scratch);
    fuzz_free(frame);
    return 0;
}
