/* Fuzzes the protobuf codecs.
 *
 * The first byte chooses the codec, how the bytes behind it are sent on, and the sequence id; those
 * bytes are a frame of a client. Beyond "no crash": memory stays within its bounds, a request that
 * is accepted has what it must have, and what we send on of it (and of the bytes, taken as a
 * payload of each type) is what the generated code reads back: nothing malformed goes to a browser.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "mqtt/utf8.h"
#include "wire/codec.h"
#include "wire/webpubsub.pb-c.h"
#include "json/json.h"

struct trial {
    const struct codec *codec;
    bool text_json;
    uint64_t sequence_id;
};

static struct slice bytes_of(ProtobufCBinaryData bytes)
{
    return slice_make(bytes.data, bytes.len);
}

static bool is_same(ProtobufCBinaryData bytes, struct slice expected)
{
    return slice_equal(bytes_of(bytes), expected);
}

static bool is_any(struct slice bytes)
{
    Any *any = any__unpack(NULL, bytes.length, bytes.data);
    bool is_good = any && utf8_is_well_formed(bytes_of(any->type_url));

    any__free_unpacked(any, NULL);
    return is_good;
}

/* ---------------------------------------------------------------- what is written */

/* The bytes are the payload's, and are what they are called. */
static void check_data(const struct trial *trial, const MessageData *data, struct payload sent)
{
    struct json_value value;

    FUZZ_CHECK(data && is_same(data->text_data, sent.bytes));
    switch ((unsigned)data->data_case) {
    case MESSAGE_DATA__DATA_TEXT_DATA:
        FUZZ_CHECK(sent.type == DATA_TEXT || sent.type == DATA_JSON);
        FUZZ_CHECK(utf8_is_well_formed(sent.bytes));
        break;
    case MESSAGE_DATA__DATA_JSON_DATA:
        FUZZ_CHECK(!trial->text_json && sent.type == DATA_JSON);
        FUZZ_CHECK(json_parse(sent.bytes, &value));
        break;
    case MESSAGE_DATA__DATA_PROTOBUF_DATA:
        FUZZ_CHECK(sent.type == DATA_PROTOBUF && is_any(sent.bytes));
        break;
    case MESSAGE_DATA__DATA_BINARY_DATA:
        FUZZ_CHECK(sent.type == DATA_BINARY || sent.type == DATA_PROTOBUF ||
                   !utf8_is_well_formed(sent.bytes));
        break;
    default:
        FUZZ_CHECK(false);
    }
}

static void check_pairs(Pair *const *read, size_t count, struct pairs sent)
{
    FUZZ_CHECK(count == sent.count);
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(is_same(read[i]->key, sent.items[i].key));
        FUZZ_CHECK(is_same(read[i]->value, sent.items[i].value));
    }
}

/* Finishes the body, whose memory it frees, and reads the frame as a client would. */
static DownstreamMessage *finish_and_read(const struct trial *trial, struct buffer *body)
{
    uint8_t *frame = memory_allocate(body->length + FRAME_FINISH_MAX);
    size_t length = trial->codec->finish(buffer_slice(body), trial->sequence_id, frame);
    DownstreamMessage *read = downstream_message__unpack(NULL, length, frame);

    FUZZ_CHECK(length <= body->length + FRAME_FINISH_MAX);
    FUZZ_CHECK(read && read->base.n_unknown_fields == 0);
    free(frame);
    buffer_release(body);
    return read;
}

static void check_message(const struct trial *trial, const struct message_response *message)
{
    struct buffer body = {0};
    DownstreamMessage *read;
    const DataMessage *data;

    trial->codec->put_message(&body, message);
    read = finish_and_read(trial, &body);
    FUZZ_CHECK(read->message_case == DOWNSTREAM_MESSAGE__MESSAGE_DATA_MESSAGE);
    data = read->data_message;
    FUZZ_CHECK(is_same(data->from, SLICE_LITERAL("group")));
    FUZZ_CHECK(is_same(data->group, message->group));
    FUZZ_CHECK((data->optional_sequence_id_case != 0) == (trial->sequence_id != 0));
    FUZZ_CHECK(trial->sequence_id == 0 || data->sequence_id == trial->sequence_id);
    check_data(trial, data->data, message->data);
    check_pairs(data->metadata, data->n_metadata, message->metadata);
    FUZZ_CHECK((data->stream != NULL) == message->has_stream);
    if (data->stream) {
        FUZZ_CHECK(is_same(data->stream->stream_id, message->stream.id));
        FUZZ_CHECK(data->stream->stream_sequence_id == message->stream.sequence);
    }
    downstream_message__free_unpacked(read, NULL);
}

static void check_group_state(const struct trial *trial, const struct request *request)
{
    struct group_state_item item = {
        .connection_id = SLICE_LITERAL("c"),
        .has_state = request->has_state,
        .state = request->state,
        .updated_at = INT64_MIN,
    };
    struct group_state_response state = {trial->sequence_id % 2 == 0, request->group, &item, 1};
    struct buffer body = {0};
    DownstreamMessage *read;
    const GroupStateItem *item_read;

    trial->codec->put_group_state(&body, &state);
    read = finish_and_read(trial, &body);
    FUZZ_CHECK(read->message_case ==
               (state.is_snapshot ? DOWNSTREAM_MESSAGE__MESSAGE_GROUP_STATE_SNAPSHOT_MESSAGE
                                  : DOWNSTREAM_MESSAGE__MESSAGE_GROUP_STATE_UPDATE_MESSAGE));
    FUZZ_CHECK(is_same(read->group_state_update_message->group, request->group));
    FUZZ_CHECK(read->group_state_update_message->n_items == 1);
    item_read = read->group_state_update_message->items[0];
    FUZZ_CHECK(item_read->updated_at == INT64_MIN);
    FUZZ_CHECK((item_read->state != NULL) == request->has_state);
    if (item_read->state) {
        check_pairs(item_read->state->entries, item_read->state->n_entries, request->state);
    }
    downstream_message__free_unpacked(read, NULL);
}

/* ---------------------------------------------------------------- what is read */

static void check_names(const struct request *request)
{
    const struct slice names[] = {request->group,         request->event,
                                  request->invocation_id, request->stream_id,
                                  request->error_message, request->user_error_code};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        FUZZ_CHECK(utf8_is_well_formed(names[i]));
    }
}

/* What each kind of request cannot be without. */
static void check_required(const struct request *request)
{
    bool has_group = request->group.length > 0, has_event = request->event.length > 0;
    bool has_stream = request->stream_id.length > 0;

    switch (request->type) {
    case REQUEST_SEND_TO_GROUP:
        FUZZ_CHECK(has_group && (request->opens_stream ? has_stream : request->has_data));
        break;
    case REQUEST_EVENT:
        FUZZ_CHECK(has_event && request->has_data);
        break;
    case REQUEST_INVOKE:
        FUZZ_CHECK(has_event && request->invocation_id.length > 0);
        break;
    case REQUEST_CANCEL_INVOCATION:
        FUZZ_CHECK(request->invocation_id.length > 0);
        break;
    case REQUEST_STREAM_DATA:
    case REQUEST_STREAM_END:
        FUZZ_CHECK(has_stream);
        break;
    case REQUEST_JOIN_GROUP:
    case REQUEST_LEAVE_GROUP:
    case REQUEST_SET_GROUP_STATE:
    case REQUEST_SUBSCRIBE_GROUP_STATE:
    case REQUEST_UNSUBSCRIBE_GROUP_STATE:
        FUZZ_CHECK(has_group);
        break;
    case REQUEST_PING:
    case REQUEST_SEQUENCE_ACK:
        break;
    default:
        FUZZ_CHECK(false);
    }
}

static void check_request(const struct trial *trial, const struct request *request)
{
    struct message_response message = {
        .has_stream = request->stream_id.length > 0,
        .group = request->group,
        .data = request->data,
        .metadata = request->metadata,
        .stream = {.id = request->stream_id, .sequence = request->stream_sequence},
    };

    check_names(request);
    check_required(request);
    check_message(trial, &message);
    check_group_state(trial, request);
}

static void check_payloads(const struct trial *trial, struct slice bytes)
{
    for (enum data_type type = DATA_JSON; type <= DATA_PROTOBUF; type++) {
        struct message_response message = {.data = {type, bytes}};

        check_message(trial, &message);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct codec *const codecs[] = {&codec_protobuf, &codec_protobuf_reliable,
                                                 &codec_protobuf_text_json,
                                                 &codec_protobuf_reliable_text_json};
    struct trial trial;
    struct buffer scratch = {0};
    struct request request;
    struct slice frame;

    if (size == 0) {
        return 0;
    }
    trial.codec = codecs[data[0] & 3];
    trial.text_json = (data[0] & 2) != 0;
    trial.sequence_id = (UINT64_C(1) << (data[0] >> 2)) - 1; /* 0 and all lengths of a varint */
    frame = fuzz_copy(slice_make(data + 1, size - 1));
    memset(&request, 0xA5, sizeof(request)); /* a field that is left unset shows */
    if (trial.codec->decode(frame, &request, &scratch) != FRAME_MALFORMED) {
        check_request(&trial, &request);
    }
    FUZZ_CHECK(scratch.length <= (size_t)3 << 20);
    check_payloads(&trial, frame);
    buffer_release(&scratch);
    fuzz_free(frame);
    return 0;
}
