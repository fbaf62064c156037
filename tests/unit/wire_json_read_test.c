/* JSON requests (spec/webpubsub.md 2.1): names, data and metadata, and what is refused how.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "json_request.h"

/* ---------------------------------------------------------------- names and shapes */

TEST(type_and_data_type_stand_in_any_case)
{
    struct request request = decoded("{\"type\":\"SENDTOGROUP\",\"group\":\"g\","
                                     "\"dataType\":\"Text\",\"data\":\"x\"}");

    CHECK_INT_EQUAL(request.type, REQUEST_SEND_TO_GROUP);
    check_data(&request, DATA_TEXT, "x");
    request = decoded("{\"t\\u0079pe\":\"p\\u0069ng\"}");
    CHECK_INT_EQUAL(request.type, REQUEST_PING);
    CHECK_INT_EQUAL(verdict("{\"Type\":\"ping\"}"), FRAME_MALFORMED);
}

TEST(unknown_properties_are_ignored)
{
    struct request request =
        decoded("{\"x\":{\"type\":\"event\"},\"type\":\"joinGroup\",\"group\":\"g\",\"y\":[1],"
                "\"data\":null,\"noEcho\":\"not read\",\"\":0,\"grou\":1,\"groups\":2}");

    CHECK_INT_EQUAL(request.type, REQUEST_JOIN_GROUP);
    CHECK(!request.has_data && !request.no_echo);
}

TEST(of_a_property_that_stands_twice_the_last_counts)
{
    struct request request =
        decoded("{\"type\":\"event\",\"type\":\"joinGroup\",\"group\":1,\"group\":\"b\","
                "\"ackId\":1,\"ackId\":2}");

    CHECK_INT_EQUAL(request.type, REQUEST_JOIN_GROUP);
    CHECK(request.ack_id == 2);
    check_text(request.group, "b");
    request = decoded("{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":1,\"ackId\":null}");
    CHECK(!request.has_ack_id);
    CHECK_INT_EQUAL(verdict("{\"type\":\"joinGroup\",\"group\":\"g\",\"group\":null}"),
                    FRAME_MALFORMED);
}

TEST(what_is_null_is_absent)
{
    struct request request =
        decoded("{\"type\":\"sendToGroup\",\"group\":\"g\",\"ackId\":null,\"noEcho\":null,"
                "\"dataType\":null,\"ttlSeconds\":null,\"metadata\":null,\"stream\":null,"
                "\"data\":1}");

    CHECK(!request.has_ack_id && !request.no_echo && !request.opens_stream);
    CHECK_INT_EQUAL(request.metadata.count, 0);
    check_data(&request, DATA_JSON, "1");
    CHECK_INT_EQUAL(verdict("{\"type\":\"joinGroup\",\"group\":null}"), FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":null}"), FRAME_MALFORMED);
}

TEST(what_is_no_request_is_malformed)
{
    static const char *const frames[] = {
        "",
        " ",
        "null",
        "\"ping\"",
        "[]",
        "[{\"type\":\"ping\"}]",
        "{}",
        "{\"type\":1}",
        "{\"type\":\"\"}",
        "{\"type\":\"pin\"}",
        "{\"type\":\"pings\"}",
        "{\"type\":\"ping\"} {}",
        "{\"type\":\"ping\"",
        "{\"type\":\"ping\",}",
        "{\"type\":\"ping\",\"x\":01}",
        "{\"type\":\"ping\",\"x\":\"\xff\"}",
        "{\"type\":\"joinGroup\",\"group\":[\"g\"]}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"noEcho\":\"true\"}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"ttlSeconds\":\"1\"}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"dataType\":\"xml\"}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"dataType\":1}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"metadata\":[]}",
        "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,\"metadata\":{\"k\":1}}",
        "{\"type\":\"sendToGroup\",\"data\":1}",
    };

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        CHECK_INT_EQUAL(verdict(frames[i]), FRAME_MALFORMED);
    }
}

TEST(ack_ids_are_unsigned_numbers_of_64_bits)
{
    static const char *const wrong[] = {"-1",  "1.5", "1e3", "\"1\"", "18446744073709551616",
                                        "true"};
    struct request request =
        decoded("{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":18446744073709551615}");

    CHECK(request.ack_id == UINT64_MAX);
    request = decoded("{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":0}");
    CHECK(request.has_ack_id && request.ack_id == 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char frame[128];

        snprintf(frame, sizeof(frame), "{\"type\":\"joinGroup\",\"group\":\"g\",\"ackId\":%s}",
                 wrong[i]);
        CHECK_INT_EQUAL(verdict(frame), FRAME_MALFORMED);
    }
}

/* ---------------------------------------------------------------- data */

/* `data` of dataType json, as it must come out byte for byte. */
static void json_data_check(const char *data)
{
    char frame[1024];
    struct request request;

    snprintf(frame, sizeof(frame), "{\"type\":\"event\",\"event\":\"e\",\"data\" : %s }", data);
    request = decoded(frame);
    check_data(&request, DATA_JSON, data);
}

TEST(json_data_stays_as_it_came)
{
    json_data_check("0");
    json_data_check("false");
    json_data_check("\"\"");
    json_data_check("\"\\ud800 \\u0000 \\/\"");
    json_data_check("-0.10000000000000000000000000000000000001E+0300");
    json_data_check("123456789012345678901234567890");
    json_data_check("{ \"b\" : 1 ,\n\t\"a\" : [ 1.0 , null ] , \"b\" : 2 }");
    json_data_check("[[[[{}]]]]");
    json_data_check("\"caf\xc3\xa9 \xf0\x9f\x8c\xa1\"");
    CHECK_INT_EQUAL(verdict("{\"type\":\"event\",\"event\":\"e\",\"data\":null}"),
                    FRAME_BAD_REQUEST);
}

TEST(text_is_unescaped)
{
    struct request request = decoded("{\"type\":\"event\",\"event\":\"e\",\"dataType\":\"text\","
                                     "\"data\":\"a\\n\\u00e9\\ud83c\\udf21\\ud800\\\"\"}");

    check_data(&request, DATA_TEXT, "a\n\xc3\xa9\xf0\x9f\x8c\xa1\xef\xbf\xbd\"");
    request = decoded("{\"type\":\"event\",\"event\":\"\\u0065v\",\"dataType\":\"text\","
                      "\"data\":\"\"}");
    check_text(request.event, "ev");
    check_data(&request, DATA_TEXT, "");
    CHECK_INT_EQUAL(
        verdict("{\"type\":\"event\",\"event\":\"e\",\"dataType\":\"text\",\"data\":1}"),
        FRAME_MALFORMED);
    CHECK_INT_EQUAL(
        verdict("{\"type\":\"event\",\"event\":\"e\",\"dataType\":\"text\",\"data\":null}"),
        FRAME_MALFORMED);
}

TEST(binary_and_protobuf_are_decoded)
{
    static const char *const wrong[] = {"\"AQ\"",       "\"AQI\"",   "\"A===\"",
                                        "\"AQI=AQI=\"", "\"AQ I=\"", "\"AQ-_\"",
                                        "\"====\"",     "1",         "\"AQI=\\n\""};
    struct request request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g1\",\"ackId\":3,"
                                     "\"dataType\":\"binary\",\"data\":\"AQI=\"}");

    check_data(&request, DATA_BINARY, "\x01\x02");
    request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g\\n\",\"dataType\":\"protobuf\","
                      "\"data\":\"\\/\\/\\u002b+\"}");
    check_data(&request, DATA_PROTOBUF, "\xff\xff\xbe");
    check_text(request.group, "g\n");
    request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g\",\"dataType\":\"binary\","
                      "\"data\":\"\"}");
    check_data(&request, DATA_BINARY, "");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char frame[160];

        snprintf(frame, sizeof(frame),
                 "{\"type\":\"sendToGroup\",\"group\":\"g\",\"dataType\":\"binary\",\"data\":%s}",
                 wrong[i]);
        CHECK_INT_EQUAL(verdict(frame), FRAME_MALFORMED);
    }
}

TEST(data_may_be_missing_if_there_is_metadata)
{
    struct request request =
        decoded("{\"type\":\"event\",\"event\":\"e\",\"metadata\":{\"k\":\"v\"}}");

    check_data(&request, DATA_TEXT, "");
    request = decoded("{\"type\":\"sendToGroup\",\"group\":\"g\",\"dataType\":\"json\","
                      "\"metadata\":{}}");
    check_data(&request, DATA_TEXT, "");
    CHECK_INT_EQUAL(verdict("{\"type\":\"event\",\"event\":\"e\"}"), FRAME_MALFORMED);
    CHECK_INT_EQUAL(verdict("{\"type\":\"sendToGroup\",\"group\":\"g\",\"metadata\":null}"),
                    FRAME_MALFORMED);
}

static void append_times(struct buffer *out, const char *text, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        buffer_append_string(out, text);
    }
}

/* A frame with so much data; `piece` is what it is made of. */
static struct buffer large_frame(const char *before, const char *piece, unsigned count,
                                 const char *after)
{
    struct buffer frame = {0};

    buffer_append_string(&frame, before);
    append_times(&frame, piece, count);
    buffer_append_string(&frame, after);
    return frame;
}

TEST(a_mebibyte_of_text)
{
    struct buffer frame = large_frame("{\"type\":\"event\",\"event\":\"\\u0065\",\"dataType\":"
                                      "\"text\",\"data\":\"",
                                      "\\n", 1 << 19, "\"}");
    struct request request;

    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_OK);
    CHECK_INT_EQUAL(request.data.bytes.length, 1 << 19);
    CHECK(request.data.bytes.data[(1 << 19) - 1] == '\n');
    check_text(request.event, "e");
    buffer_release(&frame);
    frame = large_frame("{\"type\":\"event\",\"event\":\"e\",\"dataType\":\"binary\",\"data\":\"",
                        "\\/\\/\\/\\/", 1 << 17, "\"}");
    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_OK);
    CHECK_INT_EQUAL(request.data.bytes.length, 3 << 17);
    buffer_release(&frame);
}

TEST(deep_nesting_is_malformed_and_no_crash)
{
    struct buffer frame =
        large_frame("{\"type\":\"event\",\"event\":\"e\",\"data\":", "[", 1000000, "");
    struct request request;

    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_MALFORMED);
    buffer_release(&frame);
    frame = large_frame("{\"type\":\"event\",\"event\":\"e\",\"data\":", "[", 255, "");
    append_times(&frame, "]", 255);
    buffer_append_byte(&frame, '}');
    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_OK);
    buffer_release(&frame);
}

/* ---------------------------------------------------------------- out of bounds */

/* What is answered with a failed ack, so type and ackId must be known. */
static void bad_request_check(struct slice frame)
{
    struct request request;

    test_note("frame %.*s", (int)(frame.length < 200 ? frame.length : 200),
              (const char *)frame.data);
    CHECK_INT_EQUAL(decode(frame, &request), FRAME_BAD_REQUEST);
    CHECK_INT_EQUAL(request.type, REQUEST_SEND_TO_GROUP);
    CHECK(request.has_ack_id && request.ack_id == 9);
}

static struct buffer send_frame(const char *before, const char *piece, unsigned count,
                                const char *after)
{
    struct buffer frame = {0}, middle = large_frame(before, piece, count, after);

    buffer_append_string(&frame, "{\"type\":\"sendToGroup\",\"group\":\"g\",\"data\":1,");
    buffer_append(&frame, buffer_slice(&middle));
    buffer_append_string(&frame, ",\"ackId\":9}");
    buffer_release(&middle);
    return frame;
}

TEST(values_out_of_bounds_are_bad_requests)
{
    static const char *const parts[] = {
        "\"ttlSeconds\":301",
        "\"ttlSeconds\":-1",
        "\"ttlSeconds\":1.5",
        "\"ttlSeconds\":99999999999999999999",
        "\"data\":null",
        "\"metadata\":{\"K\":\"v\"}",
        "\"metadata\":{\"\":\"v\"}",
        "\"metadata\":{\"a b\":\"v\"}",
        "\"metadata\":{\"k\":\"caf\xc3\xa9\"}",
        "\"metadata\":{\"k\":\"\\n\"}",
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        struct buffer frame = send_frame(parts[i], "", 0, "");

        bad_request_check(buffer_slice(&frame));
        buffer_release(&frame);
    }
}

TEST(metadata_has_bounds)
{
    struct buffer frame = send_frame("\"metadata\":{\"", "k", 256, "\":\"v\"}");
    struct request request;

    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_OK);
    CHECK_INT_EQUAL(request.metadata.items[0].key.length, 256);
    buffer_release(&frame);
    frame = send_frame("\"metadata\":{\"", "k", 257, "\":\"v\"}");
    bad_request_check(buffer_slice(&frame));
    buffer_release(&frame);
    frame = send_frame("\"metadata\":{\"k\":\"", "v", 1024, "\"}");
    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_OK);
    buffer_release(&frame);
    frame = send_frame("\"metadata\":{\"k\":\"", "v", 1025, "\"}");
    bad_request_check(buffer_slice(&frame));
    buffer_release(&frame);
    frame = send_frame("\"metadata\":{\"k\":\"\"", ",\"a\":\"12345\"", 2000, "}");
    bad_request_check(buffer_slice(&frame));
    buffer_release(&frame);
    frame = send_frame("\"metadata\":{\"k\":\"\"", ",\"a\":\"\"", 100000, "}");
    bad_request_check(buffer_slice(&frame));
    buffer_release(&frame);
}

TEST(a_state_has_a_bound_of_members)
{
    struct buffer frame =
        large_frame("{\"type\":\"setGroupState\",\"group\":\"g\",\"state\":{\"\":\"\"",
                    ",\"\":\"\"", 170000, "}}");
    struct request request;

    CHECK_INT_EQUAL(decode(buffer_slice(&frame), &request), FRAME_BAD_REQUEST);
    CHECK(scratch.capacity < 8 << 20);
    buffer_release(&frame);
}
