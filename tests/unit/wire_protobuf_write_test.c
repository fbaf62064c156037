/* Protobuf responses: every kind, byte by byte from the tables of spec/webpubsub.md 3.2 and 3.3.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "counted_bytes.h"
#include "wire/codec.h"
#include "wire/webpubsub.pb-c.h"

#define TEXT(text)               SLICE_LITERAL(text)
#define ERROR(name, message)     ((struct error_info){TEXT(name), TEXT(message)})
#define PAYLOAD(data_type, text) ((struct payload){data_type, TEXT(text)})

static struct buffer written, expected;

static void check_written(struct slice actual, const char *bytes)
{
    test_note("%s", bytes);
    expected.length = 0;
    counted_bytes_append(&expected, bytes);
    CHECK_SLICE_EQUAL(actual, buffer_slice(&expected));
    written.length = 0;
}

/* Finishes the body in `written`; the frame is the test's until the next one. */
static struct slice finish(uint64_t sequence_id)
{
    static uint8_t *frame;
    size_t room = written.length + FRAME_FINISH_MAX, length;

    free(frame);
    frame = memory_allocate(room); /* exactly: one byte more and the sanitizer says so */
    length = codec_protobuf_reliable.finish(buffer_slice(&written), sequence_id, frame);
    CHECK(length <= room);
    return slice_make(frame, length);
}

static void check_message(const struct codec *codec, const struct message_response *message,
                          uint64_t sequence_id, const char *bytes)
{
    codec->put_message(&written, message);
    check_written(finish(sequence_id), bytes);
}

TEST(codecs)
{
    CHECK_STRING_EQUAL(codec_protobuf.subprotocol, "protobuf.webpubsub.azure.v1");
    CHECK_STRING_EQUAL(codec_protobuf_reliable.subprotocol, "protobuf.reliable.webpubsub.azure.v1");
    CHECK_STRING_EQUAL(codec_protobuf_text_json.subprotocol, codec_protobuf.subprotocol);
    CHECK_STRING_EQUAL(codec_protobuf_reliable_text_json.subprotocol,
                       codec_protobuf_reliable.subprotocol);
    CHECK(codec_protobuf.is_binary && !codec_protobuf.is_reliable);
    CHECK(!codec_protobuf_text_json.is_reliable);
    CHECK(codec_protobuf_reliable.is_binary && codec_protobuf_reliable.is_reliable);
    CHECK(codec_protobuf_reliable_text_json.is_reliable);
}

TEST(connected)
{
    struct connected connected = {TEXT("u1"), TEXT("c1"), TEXT("tok")};

    codec_protobuf.put_connected(&written, &connected);
    check_written(buffer_slice(&written), "1A [0A [0A ['c1'] 12 ['u1'] 1A ['tok']]]");
    connected = (struct connected){.connection_id = TEXT("c1")};
    codec_protobuf.put_connected(&written, &connected);
    check_written(buffer_slice(&written), "1A [0A [0A ['c1']]]");
}

/* The reason is field 2. */
TEST(disconnected)
{
    codec_protobuf.put_disconnected(&written, TEXT("bye"));
    check_written(buffer_slice(&written), "1A [12 [12 ['bye']]]");
    codec_protobuf.put_disconnected(&written, SLICE_EMPTY);
    check_written(buffer_slice(&written), "1A [12 []]");
}

TEST(acks)
{
    struct ack_response ack = {.ack_id = 300, .success = true};

    codec_protobuf.put_ack(&written, &ack);
    check_written(buffer_slice(&written), "0A [08 AC02 10 01]");
    ack = (struct ack_response){1, false, ERROR("Forbidden", "no")};
    codec_protobuf.put_ack(&written, &ack);
    check_written(buffer_slice(&written), "0A [08 01 1A [0A ['Forbidden'] 12 ['no']]]");
}

TEST(pong)
{
    codec_protobuf.put_pong(&written);
    check_written(buffer_slice(&written), "22 []");
}

TEST(message_from_group)
{
    static const struct pair metadata[] = {{TEXT("k"), TEXT("v")}, {TEXT("l"), TEXT("")}};
    struct message_response message = {
        .group = TEXT("g1"),
        .from_user_id = TEXT("u2"), /* has no field in protobuf */
        .data = PAYLOAD(DATA_TEXT, "x"),
    };

    check_message(&codec_protobuf, &message, 0, "12 [0A ['group'] 12 ['g1'] 1A [0A ['x']]]");
    check_message(&codec_protobuf, &message, 7, "12 [0A ['group'] 12 ['g1'] 1A [0A ['x']] 20 07]");
    message.metadata = (struct pairs){metadata, 2};
    check_message(&codec_protobuf, &message, 300,
                  "12 [0A ['group'] 12 ['g1'] 1A [0A ['x']] 2A [0A ['k'] 12 ['v']] 2A [0A ['l']]"
                  " 20 AC02]");
}

TEST(message_from_server)
{
    struct message_response message = {.from_server = true, .data = PAYLOAD(DATA_BINARY, "\xFF")};

    check_message(&codec_protobuf, &message, 1, "12 [0A ['server'] 1A [12 [FF]] 20 01]");
}

TEST(message_of_stream)
{
    struct message_response message = {
        .has_stream = true,
        .group = TEXT("g"),
        .data = PAYLOAD(DATA_TEXT, ""),
        .stream = {.id = TEXT("S1"), .sequence = 1},
    };

    check_message(&codec_protobuf, &message, 0,
                  "12 [0A ['group'] 12 ['g'] 1A [0A []] 32 [0A ['S1'] 10 01]]");
    message.stream.end = true;
    check_message(&codec_protobuf, &message, 2,
                  "12 [0A ['group'] 12 ['g'] 1A [0A []] 32 [0A ['S1'] 10 01 18 01] 20 02]");
    message.stream.has_error = true;
    message.stream.error = ERROR("UserError", "bad");
    message.stream.user_error_code = TEXT("E7");
    check_message(&codec_protobuf, &message, 0,
                  "12 [0A ['group'] 12 ['g'] 1A [0A []] 32 [0A ['S1'] 10 01 18 01"
                  " 22 [0A ['UserError'] 12 ['bad'] 1A ['E7']]]]");
}

/* What it is said to be if it is that, else text, else binary: never what a parser chokes on. */
TEST(payloads)
{
    const struct {
        struct payload data;
        const char *bytes, *old; /* old: for clients without json_data */
    } rows[] = {
        {PAYLOAD(DATA_JSON, "{\"a\":1}"), "22 ['{\"a\":1}']", "0A ['{\"a\":1}']"},
        {PAYLOAD(DATA_JSON, "null"), "22 ['null']", "0A ['null']"},
        {PAYLOAD(DATA_JSON, "{"), "0A ['{']", "0A ['{']"},
        {PAYLOAD(DATA_JSON, ""), "0A []", "0A []"},
        {PAYLOAD(DATA_JSON, "\"\xFF\""), "12 [22FF22]", "12 [22FF22]"},
        {PAYLOAD(DATA_TEXT, "a\0b"), "0A ['a' 00 'b']", "0A ['a' 00 'b']"},
        {PAYLOAD(DATA_TEXT, "\xC3"), "12 [C3]", "12 [C3]"},
        {PAYLOAD(DATA_TEXT, ""), "0A []", "0A []"},
        {PAYLOAD(DATA_BINARY, ""), "12 []", "12 []"},
        {PAYLOAD(DATA_BINARY, "text"), "12 ['text']", "12 ['text']"},
        {PAYLOAD(DATA_PROTOBUF, "\x12\x01z\x0A\x01t"), "1A [12 ['z'] 0A ['t']]",
         "1A [12 ['z'] 0A ['t']]"},
        {PAYLOAD(DATA_PROTOBUF, "\x0A\x05t"), "12 [0A05 't']", "12 [0A05 't']"},
        {PAYLOAD(DATA_PROTOBUF, "\x0A\x01\xFF"), "12 [0A01FF]", "12 [0A01FF]"},
    };
    char text[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message_response message = {.from_server = true, .data = rows[i].data};
        struct invoke_response response = {TEXT("1"), true, true, rows[i].data, {0}, {{0}, {0}}};

        snprintf(text, sizeof(text), "12 [0A ['server'] 1A [%s]]", rows[i].bytes);
        check_message(&codec_protobuf, &message, 0, text);
        check_message(&codec_protobuf_reliable, &message, 0, text);
        snprintf(text, sizeof(text), "12 [0A ['server'] 1A [%s]]", rows[i].old);
        check_message(&codec_protobuf_text_json, &message, 0, text);
        check_message(&codec_protobuf_reliable_text_json, &message, 0, text);

        snprintf(text, sizeof(text), "2A [0A ['1'] 10 01 1A [%s]]", rows[i].bytes);
        codec_protobuf.put_invoke_response(&written, &response);
        check_written(buffer_slice(&written), text);
        snprintf(text, sizeof(text), "2A [0A ['1'] 10 01 1A [%s]]", rows[i].old);
        codec_protobuf_text_json.put_invoke_response(&written, &response);
        check_written(buffer_slice(&written), text);
    }
}

/* Reads the frame as a client would. */
static void check_finished(uint64_t number, size_t text_length)
{
    struct slice frame = finish(number);
    DownstreamMessage *read = downstream_message__unpack(NULL, frame.length, frame.data);

    test_note("%zu bytes, number %" PRIu64, text_length, number);
    CHECK(read && read->message_case == DOWNSTREAM_MESSAGE__MESSAGE_DATA_MESSAGE);
    CHECK_INT_EQUAL(read->data_message->data->text_data.len, text_length);
    CHECK((read->data_message->optional_sequence_id_case != 0) == (number > 0));
    CHECK(number == 0 || read->data_message->sequence_id == number);
    downstream_message__free_unpacked(read, NULL);
}

/* The length stands before the body and counts the sequence id, at each size of both. */
TEST(finish_at_all_sizes)
{
    static const size_t lengths[] = {0, 100, 110, 111, 112, 113, 114, 120, 16360, 16370, 70000};
    static const uint64_t numbers[] = {0, 1, 127, 128, 1u << 31, UINT64_MAX};
    uint8_t *bytes = memory_allocate_zero(70000);

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct message_response message = {.group = TEXT("g")};

        message.data = (struct payload){DATA_TEXT, slice_make(bytes, lengths[i])};
        codec_protobuf_reliable.put_message(&written, &message);
        for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
            check_finished(numbers[j], lengths[i]);
        }
        written.length = 0;
    }
    free(bytes);
}

TEST(invoke_responses)
{
    static const struct pair metadata[] = {{TEXT("k"), TEXT("v")}};
    struct invoke_response response = {.invocation_id = TEXT("1"), .success = true};

    codec_protobuf.put_invoke_response(&written, &response);
    check_written(buffer_slice(&written), "2A [0A ['1'] 10 01]");
    response.metadata = (struct pairs){metadata, 1};
    codec_protobuf.put_invoke_response(&written, &response);
    check_written(buffer_slice(&written), "2A [0A ['1'] 10 01 2A [0A ['k'] 12 ['v']]]");
    response =
        (struct invoke_response){.invocation_id = TEXT("2"), .error = ERROR("NotFound", "x")};
    codec_protobuf.put_invoke_response(&written, &response);
    check_written(buffer_slice(&written), "2A [0A ['2'] 22 [0A ['NotFound'] 12 ['x']]]");
}

TEST(stream_control)
{
    struct stream_ack ack = {TEXT("S1"), 3};
    struct stream_nack nack = {TEXT("S1"), 3, ERROR("InvalidSequenceId", "gap")};
    struct stream_closed closed = {.stream_id = TEXT("S1")};

    codec_protobuf.put_stream_ack(&written, &ack);
    check_written(buffer_slice(&written), "32 [0A ['S1'] 10 03]");
    codec_protobuf.put_stream_nack(&written, &nack);
    check_written(buffer_slice(&written),
                  "3A [0A ['S1'] 12 ['InvalidSequenceId'] 1A ['gap'] 20 03]");
    codec_protobuf.put_stream_closed(&written, &closed);
    check_written(buffer_slice(&written), "42 [0A ['S1']]");
    closed.has_error = true;
    closed.error = ERROR("IdleTimeout", "late");
    codec_protobuf.put_stream_closed(&written, &closed);
    check_written(buffer_slice(&written), "42 [0A ['S1'] 12 [0A ['IdleTimeout'] 12 ['late']]]");
}

TEST(group_states)
{
    static const struct pair pairs[] = {{TEXT("k"), TEXT("v")}, {TEXT("l"), TEXT("w")}};
    static const struct group_state_item items[] = {
        {TEXT("c1"), TEXT("u1"), true, {pairs, 2}, 300},
        {TEXT("c2"), SLICE_EMPTY, true, {NULL, 0}, 1},
        {TEXT("c3"), SLICE_EMPTY, false, {NULL, 0}, 2},
    };
    struct group_state_response state = {true, TEXT("g1"), items, 3};
    static const char fields[] = "0A ['g1']"
                                 " 12 [0A ['c1'] 12 ['u1'] 1A [0A [0A ['k'] 12 ['v']]"
                                 " 0A [0A ['l'] 12 ['w']]] 20 AC02]"
                                 " 12 [0A ['c2'] 1A [] 20 01]"
                                 " 12 [0A ['c3'] 20 02]";
    char text[512];

    codec_protobuf_reliable.put_group_state(&written, &state);
    snprintf(text, sizeof(text), "52 [%s 18 05]", fields);
    check_written(finish(5), text);
    state.is_snapshot = false;
    codec_protobuf_reliable.put_group_state(&written, &state);
    snprintf(text, sizeof(text), "4A [%s]", fields);
    check_written(finish(0), text);
    state = (struct group_state_response){true, TEXT("g1"), NULL, 0};
    codec_protobuf_reliable.put_group_state(&written, &state);
    check_written(finish(0), "52 [0A ['g1']]");
}

/* Strings that are none would stop the receiver's parser. */
TEST(strings_that_are_not_utf8_are_left_out)
{
    struct message_response message = {.group = TEXT("\xFF"), .data = PAYLOAD(DATA_TEXT, "x")};

    check_message(&codec_protobuf, &message, 0, "12 [0A ['group'] 1A [0A ['x']]]");
    codec_protobuf.put_disconnected(&written, TEXT("\xC3"));
    check_written(buffer_slice(&written), "1A [12 []]");
}
