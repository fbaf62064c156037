/* The bench's JSON of Web PubSub: frames as servers write them, and requests.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "../../cli/bench_template.c"
#include "../../cli/bench_webpubsub.c"
#include "../../cli/bench_websocket.c"

static const struct bench_stamp stamp = {123456789, 42, 7, 0xabcdef01};

TEST(members_are_found_in_any_order)
{
    struct webpubsub_frame frame;
    CHECK(webpubsub_read(
        &frame,
        SLICE_LITERAL(
            "{\"type\":\"message\",\"from\":\"group\",\"group\":\"a\\\"b\\\\\",\"dataType\":"
            "\"text\","
            "\"data\":\"x\",\"fromUserId\":null,\"sequenceId\":7,\"metadata\":{\"type\":\"}\"}}")));
    CHECK_SLICE_EQUAL(frame.type, SLICE_LITERAL("message"));
    CHECK_SLICE_EQUAL(frame.data_type, SLICE_LITERAL("text"));
    CHECK_SLICE_EQUAL(frame.data, SLICE_LITERAL("x"));
    CHECK_SLICE_EQUAL(frame.sequence_id, SLICE_LITERAL("7"));

    CHECK(webpubsub_read(&frame, SLICE_LITERAL(" {\t\"ackId\" : 12 , \"success\":false, "
                                               "\"x\":[1,[\"]\"],{}], \"error\":{\"name\":\"F\"},"
                                               "\"type\": \"ack\" }")));
    CHECK_SLICE_EQUAL(frame.ack_id, SLICE_LITERAL("12"));
    CHECK_SLICE_EQUAL(frame.success, SLICE_LITERAL("false"));
    CHECK_SLICE_EQUAL(frame.error, SLICE_LITERAL("{\"name\":\"F\"}"));
    CHECK_SLICE_EQUAL(frame.type, SLICE_LITERAL("ack"));
    CHECK(webpubsub_read(&frame, SLICE_LITERAL("{}")) && frame.type.length == 0);
}

TEST(text_that_is_no_object)
{
    static const char *const rows[] = {"",        "[]",         "{",           "{\"a\"",
                                       "{\"a\":", "{\"a\":1",   "{\"a\":1,}",  "{\"a\":\"b}",
                                       "{a:1}",   "{\"a\":[1}", "{\"a\":1} 2", "{\"a\":\"\\\"}",
                                       "{\"a\":}"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct webpubsub_frame frame;
        test_note("%s", rows[i]);
        CHECK(!webpubsub_read(&frame, slice_from_string(rows[i])));
    }
}

TEST(numbers)
{
    uint64_t number;
    CHECK(webpubsub_number(SLICE_LITERAL("9007199254740993"), &number));
    CHECK_INT_EQUAL(number, 9007199254740993);
    static const char *const rows[] = {"", "-1", "1.5", "1e3", "true", "12345678901234567890"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        test_note("%s", rows[i]);
        CHECK(!webpubsub_number(slice_from_string(rows[i]), &number));
    }
}

/* What is sent is read back from the message that a server makes of it. */
TEST(template_goes_both_ways)
{
    struct bench_shape shape = {.topic = "bench/1/0", .qos = 1, .payload = 60};
    struct bench_template template;
    struct webpubsub_frame frame;
    struct bench_stamp again;
    uint64_t ack_id;
    webpubsub_template_build(&template, &shape);
    webpubsub_template_fill(&template, template.bytes, 0, &stamp);
    CHECK(webpubsub_read(&frame, slice_make(template.bytes, template.size)));
    CHECK_SLICE_EQUAL(frame.type, SLICE_LITERAL("sendToGroup"));
    CHECK_SLICE_EQUAL(frame.data_type, SLICE_LITERAL("text"));
    CHECK_INT_EQUAL(frame.data.length, 60);
    CHECK(webpubsub_number(frame.ack_id, &ack_id));
    CHECK_INT_EQUAL(ack_id, 1000000042);
    CHECK(webpubsub_stamp_read(frame.data, &again) && memcmp(&again, &stamp, sizeof(stamp)) == 0);
    CHECK(!webpubsub_stamp_read(slice_make(frame.data.data, WEBPUBSUB_STAMP_SIZE - 1), &again));
    template.bytes[template.stamp.offset] = 'G';
    CHECK(!webpubsub_stamp_read(frame.data, &again));
    bench_template_release(&template);

    shape.qos = 0;
    webpubsub_template_build(&template, &shape);
    webpubsub_template_fill(&template, template.bytes, 0, &stamp);
    CHECK(webpubsub_read(&frame, slice_make(template.bytes, template.size)));
    CHECK_INT_EQUAL(frame.ack_id.length, 0);
    CHECK(webpubsub_stamp_read(frame.data, &again) && memcmp(&again, &stamp, sizeof(stamp)) == 0);
    bench_template_release(&template);
}

TEST(requests)
{
    struct buffer out = {0};
    webpubsub_join_write(&out, SLICE_LITERAL("bench/1/0"));
    CHECK_SLICE_EQUAL(
        buffer_slice(&out),
        SLICE_LITERAL("{\"type\":\"joinGroup\",\"group\":\"bench/1/0\",\"ackId\":1}"));
    buffer_release(&out);
    webpubsub_sequence_ack_write(&out, 300);
    CHECK_SLICE_EQUAL(buffer_slice(&out),
                      SLICE_LITERAL("{\"type\":\"sequenceAck\",\"sequenceId\":300}"));
    buffer_release(&out);
}
