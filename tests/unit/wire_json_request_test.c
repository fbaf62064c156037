/* JSON requests (spec/webpubsub.md 2.1, 2.5, 2.6): what each type of them becomes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "json_request.h"

/* The requests that may have an ackId, with and without. */
TEST(requests_about_a_group)
{
    static const struct {
        const char *type;
        enum request_type wanted;
    } rows[] = {
        {"joinGroup", REQUEST_JOIN_GROUP},
        {"leaveGroup", REQUEST_LEAVE_GROUP},
        {"setGroupState", REQUEST_SET_GROUP_STATE},
        {"subscribeGroupState", REQUEST_SUBSCRIBE_GROUP_STATE},
        {"unsubscribeGroupState", REQUEST_UNSUBSCRIBE_GROUP_STATE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char frame[128];
        struct request request;

        snprintf(frame, sizeof(frame), "{\"type\":\"%s\",\"group\":\"g1\",\"ackId\":7}",
                 rows[i].type);
        request = decoded(frame);
        CHECK_INT_EQUAL(request.type, rows[i].wanted);
        CHECK(request.has_ack_id && request.ack_id == 7 && !request.has_data);
        check_text(request.group, "g1");
        snprintf(frame, sizeof(frame), "{\"group\":\"g1\",\"type\":\"%s\"}", rows[i].type);
        request = decoded(frame);
        CHECK_INT_EQUAL(request.type, rows[i].wanted);
        CHECK(!request.has_ack_id && !request.has_state);
        snprintf(frame, sizeof(frame), "{\"type\":\"%s\"}", rows[i].type);
        CHECK_INT_EQUAL(verdict(frame), FRAME_MALFORMED);
        snprintf(frame, sizeof(frame), "{\"type\":\"%s\",\"group\":1}", rows[i].type);
        CHECK_INT_EQUAL(verdict(frame), FRAME_MALFORMED);
    }
}

TEST(a_message_to_a_group)
{
    struct request request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g1\",\"ackId\":2,"
                                     "\"noEcho\":false,\"dataType\":\"json\",\"data\":{\"a\":1}}");

    CHECK_INT_EQUAL(request.type, REQUEST_SEND_TO_GROUP);
    CHECK(request.has_ack_id && request.ack_id == 2 && !request.no_echo && !request.opens_stream);
    CHECK_INT_EQUAL(request.ttl_seconds, 0);
    check_text(request.group, "g1");
    check_data(&request, DATA_JSON, "{\"a\":1}");

    request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g1\",\"noEcho\":true,"
                      "\"dataType\":\"text\",\"data\":\"t\",\"ttlSeconds\":300,"
                      "\"metadata\":{\"k\":\"v\",\"x-1\":\"\"}}");
    CHECK(!request.has_ack_id && request.no_echo);
    CHECK_INT_EQUAL(request.ttl_seconds, 300);
    check_data(&request, DATA_TEXT, "t");
    CHECK_INT_EQUAL(request.metadata.count, 2);
    check_text(request.metadata.items[0].key, "k");
    check_text(request.metadata.items[0].value, "v");
    check_text(request.metadata.items[1].key, "x-1");
    check_text(request.metadata.items[1].value, "");
}

TEST(an_event)
{
    struct request request = decoded("{\"type\":\"event\",\"event\":\"ev1\",\"ackId\":7,"
                                     "\"dataType\":\"json\",\"data\":{\"x\":1}}");

    CHECK_INT_EQUAL(request.type, REQUEST_EVENT);
    CHECK(request.has_ack_id && request.ack_id == 7);
    check_text(request.event, "ev1");
    check_data(&request, DATA_JSON, "{\"x\":1}");
    request = decoded("{\"type\":\"event\",\"event\":\"ev1\",\"data\":\"x\"}");
    CHECK(!request.has_ack_id);
    check_data(&request, DATA_JSON, "\"x\"");
    CHECK_INT_EQUAL(verdict("{\"type\":\"event\",\"data\":1}"), FRAME_MALFORMED);
}

TEST(short_requests)
{
    struct request request = decoded("{\"type\":\"ping\"}");

    CHECK_INT_EQUAL(request.type, REQUEST_PING);
    request = decoded("{\"type\":\"sequenceAck\",\"sequenceId\":18446744073709551615}");
    CHECK_INT_EQUAL(request.type, REQUEST_SEQUENCE_ACK);
    CHECK(request.sequence_id == UINT64_MAX);
    CHECK_INT_EQUAL(verdict("{\"type\":\"sequenceAck\"}"), FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"sequenceAck\",\"sequenceId\":\"2\"}"), FRAME_MALFORMED);
    request = decoded("{\"type\":\"cancelInvocation\",\"invocationId\":\"3\"}");
    CHECK_INT_EQUAL(request.type, REQUEST_CANCEL_INVOCATION);
    check_text(request.invocation_id, "3");
    CHECK_INT_EQUAL(verdict("{\"type\":\"cancelInvocation\"}"), FRAME_MALFORMED);
}

TEST(an_invocation)
{
    struct request request =
        decoded("{\"type\":\"invoke\",\"invocationId\":\"1\",\"target\":\"event\","
                "\"event\":\"calc\",\"dataType\":\"json\",\"data\":{\"x\":1}}");

    CHECK_INT_EQUAL(request.type, REQUEST_INVOKE);
    check_text(request.invocation_id, "1");
    check_text(request.target, "event");
    check_text(request.event, "calc");
    check_data(&request, DATA_JSON, "{\"x\":1}");
    request = decoded("{\"type\":\"invoke\",\"invocationId\":\"1\",\"target\":\"other\","
                      "\"event\":\"calc\"}");
    check_text(request.target, "other");
    CHECK(!request.has_data);
    CHECK_INT_EQUAL(verdict("{\"type\":\"invoke\",\"invocationId\":\"1\",\"event\":\"e\"}"),
                    FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"invoke\",\"target\":\"event\",\"event\":\"e\"}"),
                    FRAME_MALFORMED);
}

TEST(a_stream)
{
    struct request request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g1\",\"noEcho\":false,"
                                     "\"stream\":{\"streamId\":\"S1\",\"idleTimeoutMs\":60000}}");

    CHECK(request.opens_stream && !request.has_data);
    check_text(request.stream_id, "S1");
    CHECK_INT_EQUAL(request.idle_timeout_ms, 60000);
    request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":\"S\"}}");
    CHECK_INT_EQUAL(request.idle_timeout_ms, 300000);

    request = decoded("{\"type\":\"streamData\",\"streamId\":\"S1\",\"streamSequenceId\":1,"
                      "\"dataType\":\"text\",\"data\":\"a\"}");
    CHECK_INT_EQUAL(request.type, REQUEST_STREAM_DATA);
    CHECK(request.has_stream_sequence && request.stream_sequence == 1);
    check_data(&request, DATA_TEXT, "a");
    request = decoded("{\"type\":\"streamData\",\"streamId\":\"S1\"}");
    CHECK(!request.has_data && !request.has_stream_sequence);

    request = decoded("{\"type\":\"streamEnd\",\"streamId\":\"S1\"}");
    CHECK_INT_EQUAL(request.type, REQUEST_STREAM_END);
    CHECK(!request.has_error);
    request = decoded("{\"type\":\"streamEnd\",\"streamId\":\"S1\","
                      "\"error\":{\"message\":\"m\",\"userErrorCode\":\"c\"}}");
    CHECK(request.has_error);
    check_text(request.error_message, "m");
    check_text(request.user_error_code, "c");
    request = decoded("{\"type\":\"streamEnd\",\"streamId\":\"S1\",\"error\":{}}");
    CHECK(request.has_error && request.error_message.length == 0);
}

TEST(a_stream_that_is_not_right)
{
    struct request request;

    CHECK_INT_EQUAL(verdict("{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{}}"),
                    FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":[]}"),
                    FRAME_MALFORMED);
    CHECK_INT_EQUAL(
        verdict("{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"streamId\":1}}"),
        FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"streamData\"}"), FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"streamEnd\",\"streamId\":\"S\",\"error\":\"x\"}"),
                    FRAME_MALFORMED);
    for (int i = 0; i < 4; i++) {
        static const char *const timeouts[] = {"0", "-5", "4294967296", "1.5"};
        char frame[160];

        snprintf(frame, sizeof(frame),
                 "{\"type\":\"sendToGroup\",\"group\":\"g\",\"stream\":{\"idleTimeoutMs\":%s,"
                 "\"streamId\":\"S\"}}",
                 timeouts[i]);
        test_note("frame %s", frame);
        CHECK_INT_EQUAL(decode(slice_from_string(frame), &request), FRAME_BAD_REQUEST);
        CHECK(request.opens_stream);
        check_text(request.stream_id, "S");
    }
}

TEST(a_group_state)
{
    struct request request = decoded("{\"type\":\"setGroupState\",\"group\":\"g\",\"ackId\":1,"
                                     "\"state\":{\"k\":\"v\",\"\\u00e9\":\"\\n\"}}");

    CHECK(request.has_state && request.state.count == 2);
    check_text(request.state.items[0].key, "k");
    check_text(request.state.items[0].value, "v");
    check_text(request.state.items[1].key, "\xc3\xa9");
    check_text(request.state.items[1].value, "\n");
    request = decoded("{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":{}}");
    CHECK(request.has_state && request.state.count == 0);
    request = decoded("{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":null}");
    CHECK(!request.has_state);
    CHECK_INT_EQUAL(verdict("{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":{\"k\":1}}"),
                    FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":\"k\"}"),
                    FRAME_MALFORMED);
}
