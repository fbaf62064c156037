/* JSON responses, byte for byte as in spec/webpubsub.md 2.2 (but for the sequence id, which comes
 * last), and what goes out for payloads and names that are not what they should be.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/buffer.h"
#include "wire/codec.h"
#include "json/json.h"

#define TEXT(literal)           SLICE_LITERAL(literal)
#define PAYLOAD(type_, literal) ((struct payload){type_, SLICE_LITERAL(literal)})
#define ERROR(name_, message_)  ((struct error_info){SLICE_LITERAL(name_), SLICE_LITERAL(message_)})

/* Whole frames are compared and then emptied. */
static void check_frame(struct buffer *frame, const char *wanted)
{
    struct json_value value;

    CHECK_SLICE_EQUAL(buffer_slice(frame), slice_from_string(wanted));
    CHECK(json_parse(buffer_slice(frame), &value) && value.type == JSON_OBJECT);
    frame->length = 0;
}

static void check_body(struct buffer *body, uint64_t sequence_id, const char *wanted)
{
    struct buffer frame = {0};
    size_t length = codec_json_reliable.finish(
        buffer_slice(body), sequence_id, buffer_reserve(&frame, body->length + FRAME_FINISH_MAX));

    CHECK(length <= body->length + FRAME_FINISH_MAX);
    frame.length = length;
    check_frame(&frame, wanted);
    body->length = 0;
    buffer_release(&frame);
}

static void check_message(const struct message_response *message, uint64_t sequence_id,
                          const char *wanted)
{
    struct buffer body = {0};

    test_note("message %s", wanted);
    codec_json_reliable.put_message(&body, message);
    check_body(&body, sequence_id, wanted);
    buffer_release(&body);
}

TEST(system_messages)
{
    struct connected connected = {.connection_id = TEXT("c1"), .user_id = TEXT("u1")};
    struct buffer frame = {0};

    codec_json.put_connected(&frame, &connected);
    check_frame(&frame, "{\"type\":\"system\",\"event\":\"connected\",\"userId\":\"u1\","
                        "\"connectionId\":\"c1\"}");
    connected.reconnection_token = TEXT("<opaque>");
    codec_json_reliable.put_connected(&frame, &connected);
    check_frame(&frame, "{\"type\":\"system\",\"event\":\"connected\",\"userId\":\"u1\","
                        "\"connectionId\":\"c1\",\"reconnectionToken\":\"<opaque>\"}");
    connected = (struct connected){.connection_id = TEXT("c1")};
    codec_json.put_connected(&frame, &connected);
    check_frame(&frame, "{\"type\":\"system\",\"event\":\"connected\",\"connectionId\":\"c1\"}");
    codec_json.put_disconnected(&frame, TEXT("reason text"));
    check_frame(&frame,
                "{\"type\":\"system\",\"event\":\"disconnected\",\"message\":\"reason text\"}");
    buffer_release(&frame);
}

TEST(acks)
{
    struct ack_response ack = {.ack_id = 1, .success = true};
    struct buffer frame = {0};

    codec_json.put_ack(&frame, &ack);
    check_frame(&frame, "{\"type\":\"ack\",\"ackId\":1,\"success\":true}");
    ack = (struct ack_response){.ack_id = 1, .error = ERROR("Forbidden", "...")};
    codec_json.put_ack(&frame, &ack);
    check_frame(&frame, "{\"type\":\"ack\",\"ackId\":1,\"success\":false,"
                        "\"error\":{\"name\":\"Forbidden\",\"message\":\"...\"}}");
    ack = (struct ack_response){.ack_id = UINT64_MAX};
    codec_json.put_ack(&frame, &ack);
    check_frame(&frame, "{\"type\":\"ack\",\"ackId\":18446744073709551615,\"success\":false,"
                        "\"error\":{\"name\":\"\",\"message\":\"\"}}");
    codec_json.put_pong(&frame);
    check_frame(&frame, "{\"type\":\"pong\"}");
    buffer_release(&frame);
}

TEST(messages)
{
    const struct pair pair = {TEXT("k"), TEXT("v")};
    struct message_response message = {
        .group = TEXT("g1"), .from_user_id = TEXT("u2"), .data = PAYLOAD(DATA_JSON, "{\"a\":1}")};

    check_message(&message, 0,
                  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g1\",\"dataType\":\"json\","
                  "\"data\":{\"a\":1},\"fromUserId\":\"u2\"}");
    message.data = PAYLOAD(DATA_TEXT, "x");
    message.metadata = (struct pairs){&pair, 1};
    check_message(&message, 7,
                  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g1\",\"dataType\":\"text\","
                  "\"data\":\"x\",\"fromUserId\":\"u2\",\"metadata\":{\"k\":\"v\"},"
                  "\"sequenceId\":7}");
    message = (struct message_response){.from_server = true,
                                        .group = TEXT("g1"),
                                        .from_user_id = TEXT("not shown"),
                                        .data = PAYLOAD(DATA_BINARY, "\x01\x02")};
    check_message(&message, 8,
                  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"binary\","
                  "\"data\":\"AQI=\",\"sequenceId\":8}");
    message.data.type = DATA_PROTOBUF;
    check_message(&message, UINT64_MAX,
                  "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"protobuf\","
                  "\"data\":\"AQI=\",\"sequenceId\":18446744073709551615}");
}

TEST(messages_of_a_stream)
{
    struct message_response message = {.group = TEXT("g1"),
                                       .data = PAYLOAD(DATA_TEXT, "a"),
                                       .has_stream = true,
                                       .stream = {.id = TEXT("S1"), .sequence = 1}};

    check_message(&message, 0,
                  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g1\",\"dataType\":\"text\","
                  "\"data\":\"a\",\"stream\":{\"streamId\":\"S1\",\"streamSequenceId\":1}}");
    message.data = PAYLOAD(DATA_TEXT, "");
    message.stream = (struct stream_info){.id = TEXT("S1"),
                                          .sequence = 2,
                                          .end = true,
                                          .has_error = true,
                                          .error = ERROR("UserError", "m"),
                                          .user_error_code = TEXT("c")};
    check_message(&message, 3,
                  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g1\",\"dataType\":\"text\","
                  "\"data\":\"\",\"stream\":{\"streamId\":\"S1\",\"streamSequenceId\":2,"
                  "\"endOfStream\":true,\"error\":{\"name\":\"UserError\",\"message\":\"m\","
                  "\"userErrorCode\":\"c\"}},\"sequenceId\":3}");
}

TEST(answers_to_invocations)
{
    struct invoke_response response = {.invocation_id = TEXT("1"),
                                       .success = true,
                                       .has_data = true,
                                       .data = PAYLOAD(DATA_JSON, "{\"r\":1}")};
    struct buffer frame = {0};

    codec_json.put_invoke_response(&frame, &response);
    check_frame(&frame, "{\"type\":\"invokeResponse\",\"invocationId\":\"1\",\"success\":true,"
                        "\"dataType\":\"json\",\"data\":{\"r\":1}}");
    response.data = PAYLOAD(DATA_JSON, " null ");
    codec_json.put_invoke_response(&frame, &response);
    check_frame(&frame, "{\"type\":\"invokeResponse\",\"invocationId\":\"1\",\"success\":true}");
    response = (struct invoke_response){.invocation_id = TEXT("2"),
                                        .error = ERROR("NotFound", "no handler")};
    codec_json.put_invoke_response(&frame, &response);
    check_frame(&frame, "{\"type\":\"invokeResponse\",\"invocationId\":\"2\",\"success\":false,"
                        "\"error\":{\"name\":\"NotFound\",\"message\":\"no handler\"}}");
    buffer_release(&frame);
}

TEST(notices_of_streams)
{
    struct stream_ack ack = {TEXT("S1"), 3};
    struct stream_nack nack = {TEXT("S1"), 3, ERROR("InvalidSequenceId", "...")};
    struct stream_closed closed = {.stream_id = TEXT("S1")};
    struct buffer frame = {0};

    codec_json.put_stream_ack(&frame, &ack);
    check_frame(&frame, "{\"type\":\"streamAck\",\"streamId\":\"S1\",\"expectedSequenceId\":3}");
    codec_json.put_stream_nack(&frame, &nack);
    check_frame(&frame, "{\"type\":\"streamNack\",\"streamId\":\"S1\",\"expectedSequenceId\":3,"
                        "\"name\":\"InvalidSequenceId\",\"message\":\"...\"}");
    codec_json.put_stream_closed(&frame, &closed);
    check_frame(&frame, "{\"type\":\"streamClosed\",\"streamId\":\"S1\"}");
    closed.has_error = true;
    closed.error = ERROR("IdleTimeout", "...");
    codec_json.put_stream_closed(&frame, &closed);
    check_frame(&frame, "{\"type\":\"streamClosed\",\"streamId\":\"S1\","
                        "\"error\":{\"name\":\"IdleTimeout\",\"message\":\"...\"}}");
    buffer_release(&frame);
}

TEST(group_states)
{
    const struct pair pair = {TEXT("k"), TEXT("v")};
    const struct group_state_item items[] = {
        {.connection_id = TEXT("c1"),
         .user_id = TEXT("u1"),
         .has_state = true,
         .state = {&pair, 1},
         .updated_at = 1795467965000},
        {.connection_id = TEXT("c2"), .updated_at = 1795467966000}};
    struct group_state_response state = {true, TEXT("g1"), items, 1};
    struct buffer body = {0};

    codec_json.put_group_state(&body, &state);
    check_body(&body, 0,
               "{\"type\":\"groupStateSnapshot\",\"group\":\"g1\",\"items\":[{\"connectionId\":"
               "\"c1\",\"userId\":\"u1\",\"state\":{\"k\":\"v\"},\"updatedAt\":1795467965000}]}");
    state = (struct group_state_response){false, TEXT("g1"), items + 1, 1};
    codec_json.put_group_state(&body, &state);
    check_body(&body, 5,
               "{\"type\":\"groupStateUpdate\",\"group\":\"g1\",\"items\":[{\"connectionId\":"
               "\"c2\",\"updatedAt\":1795467966000}],\"sequenceId\":5}");
    state = (struct group_state_response){true, TEXT("g1"), NULL, 0};
    codec_json.put_group_state(&body, &state);
    check_body(&body, 0, "{\"type\":\"groupStateSnapshot\",\"group\":\"g1\",\"items\":[]}");
    buffer_release(&body);
}

/* ---------------------------------------------------------------- nothing malformed */

TEST(json_goes_as_it_is)
{
    static const char *const values[] = {
        "0",
        "false",
        "\"\"",
        "-0.10E+0300",
        "123456789012345678901234567890",
        "{\"b\":1,\"a\":[]}",
        "\"\\ud800\\u0000\"",
        "{ \"a\" : [ 1 ,\n2 ] }",
        "\"caf\xc3\xa9\"",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct message_response message = {.from_server = true,
                                           .data = {DATA_JSON, slice_from_string(values[i])}};
        char wanted[256];

        snprintf(wanted, sizeof(wanted),
                 "{\"type\":\"message\",\"from\":\"server\",\"dataType\":\"json\",\"data\":%s}",
                 values[i]);
        check_message(&message, 0, wanted);
    }
}

TEST(a_payload_that_is_not_what_it_says_goes_as_what_it_can_be)
{
    static const struct {
        struct payload payload;
        const char *wanted; /* the two properties */
    } rows[] = {
        {{DATA_JSON, {(const uint8_t *)" 1 ", 3}}, "\"dataType\":\"json\",\"data\":1"},
        {{DATA_JSON, {(const uint8_t *)"null", 4}}, "\"dataType\":\"text\",\"data\":\"null\""},
        {{DATA_JSON, {(const uint8_t *)"{", 1}}, "\"dataType\":\"text\",\"data\":\"{\""},
        {{DATA_JSON, {NULL, 0}}, "\"dataType\":\"text\",\"data\":\"\""},
        {{DATA_JSON, {(const uint8_t *)"1}", 2}}, "\"dataType\":\"text\",\"data\":\"1}\""},
        {{DATA_JSON, {(const uint8_t *)"\"\xff\"", 3}},
         "\"dataType\":\"binary\",\"data\":\"Iv8i\""},
        {{DATA_TEXT, {(const uint8_t *)"\"\n\0", 3}},
         "\"dataType\":\"text\",\"data\":\"\\\"\\n\\u0000\""},
        {{DATA_TEXT, {(const uint8_t *)"\xed\xa0\x80", 3}},
         "\"dataType\":\"binary\",\"data\":\"7aCA\""},
        {{DATA_TEXT, {NULL, 0}}, "\"dataType\":\"text\",\"data\":\"\""},
        {{DATA_BINARY, {NULL, 0}}, "\"dataType\":\"binary\",\"data\":\"\""},
        {{DATA_PROTOBUF, {(const uint8_t *)"x", 1}}, "\"dataType\":\"protobuf\",\"data\":\"eA==\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message_response message = {.from_server = true, .data = rows[i].payload};
        char wanted[256];

        snprintf(wanted, sizeof(wanted), "{\"type\":\"message\",\"from\":\"server\",%s}",
                 rows[i].wanted);
        check_message(&message, 0, wanted);
    }
}

TEST(names_are_made_valid)
{
    const struct pair pair = {TEXT("a\"b"), TEXT("\xff")};
    struct message_response message = {.group = TEXT("g\n\"\\"),
                                       .from_user_id = TEXT("\xc3"),
                                       .data = PAYLOAD(DATA_JSON, "1"),
                                       .metadata = {&pair, 1}};

    check_message(&message, 0,
                  "{\"type\":\"message\",\"from\":\"group\",\"group\":\"g\\n\\\"\\\\\","
                  "\"dataType\":\"json\",\"data\":1,\"fromUserId\":\"\xef\xbf\xbd\","
                  "\"metadata\":{\"a\\\"b\":\"\xef\xbf\xbd\"}}");
}

TEST(json_too_deep_for_a_frame_goes_as_text)
{
    struct buffer data = {0}, body = {0};
    struct message_response message = {.from_server = true};

    for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        struct json_value value;

        data.length = 0;
        for (int i = 0; i < 2 * depth; i++) {
            buffer_append_byte(&data, i < depth ? '[' : ']');
        }
        CHECK(json_parse(buffer_slice(&data), &value));
        message.data = (struct payload){DATA_JSON, buffer_slice(&data)};
        body.length = 0;
        codec_json.put_message(&body, &message);
        buffer_append_byte(&body, '}');
        CHECK(json_parse(buffer_slice(&body), &value));
        CHECK((memmem(body.data, body.length, "\"text\"", 6) != NULL) == (depth == JSON_DEPTH_MAX));
    }
    buffer_release(&data);
    buffer_release(&body);
}

TEST(a_mebibyte_goes_out_whole)
{
    struct buffer data = {0}, body = {0}, again = {0};
    struct message_response message = {.from_server = true};
    struct json_value value;
    struct json_walk walk;
    struct slice key;

    for (int i = 0; i < 1 << 20; i++) {
        buffer_append_byte(&data, i % 7 == 0 ? '\n' : 'x');
    }
    message.data = (struct payload){DATA_TEXT, buffer_slice(&data)};
    codec_json.put_message(&body, &message);
    buffer_append_byte(&body, '}');
    walk = json_walk_text(buffer_slice(&body), JSON_OBJECT);
    while (json_next_member(&walk, &key, &value)) {
        if (json_string_equal(key, "data")) {
            json_append_string_value(&again, &value);
        }
    }
    CHECK(json_walk_is_complete(&walk));
    CHECK(slice_equal(buffer_slice(&again), buffer_slice(&data)));
    buffer_release(&data);
    buffer_release(&body);
    buffer_release(&again);
}
