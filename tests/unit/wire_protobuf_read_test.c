/* Protobuf requests: every kind, byte by byte from the tables of spec/webpubsub.md 3.1 and 3.3, and
 * what is refused and why.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "counted_bytes.h"
#include "wire/codec.h"

static struct buffer frame, scratch;
static struct request request;

static enum frame_verdict decode_bytes(struct slice bytes)
{
    scratch.length = 0;
    memset(&request, 0xA5, sizeof(request)); /* a field that is left unset shows */
    return codec_protobuf.decode(bytes, &request, &scratch);
}

static enum frame_verdict decode(const char *bytes)
{
    test_note("%s", bytes);
    frame.length = 0;
    counted_bytes_append(&frame, bytes);
    return decode_bytes(buffer_slice(&frame));
}

#define CHECK_FIELD(field, text) CHECK_SLICE_EQUAL(request.field, SLICE_LITERAL(text))

TEST(group_requests)
{
    static const struct {
        const char *bytes;
        enum request_type type;
    } rows[] = {
        {"32 [0A ['g1'] 10 01]", REQUEST_JOIN_GROUP},
        {"3A [0A ['g1'] 10 01]", REQUEST_LEAVE_GROUP},
        {"7A [0A ['g1'] 10 01]", REQUEST_SET_GROUP_STATE},
        {"82 01 [0A ['g1'] 10 01]", REQUEST_SUBSCRIBE_GROUP_STATE},
        {"8A 01 [0A ['g1'] 10 01]", REQUEST_UNSUBSCRIBE_GROUP_STATE},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT_EQUAL(decode(rows[i].bytes), FRAME_OK);
        CHECK_INT_EQUAL(request.type, rows[i].type);
        CHECK_FIELD(group, "g1");
        CHECK(request.has_ack_id && request.ack_id == 1);
        CHECK(!request.has_state && !request.has_data);
    }
}

TEST(ack_ids)
{
    CHECK_INT_EQUAL(decode("32 [0A ['g']]"), FRAME_OK);
    CHECK(!request.has_ack_id);
    CHECK_INT_EQUAL(decode("32 [0A ['g'] 10 00]"), FRAME_OK);
    CHECK(request.has_ack_id && request.ack_id == 0);
    CHECK_INT_EQUAL(decode("32 [0A ['g'] 10 FFFFFFFFFFFFFFFFFF01]"), FRAME_OK);
    CHECK(request.has_ack_id && request.ack_id == UINT64_MAX);
    /* An int32 of the old schema. */
    CHECK_INT_EQUAL(decode("32 [10 FFFFFFFF07 0A ['g']]"), FRAME_OK);
    CHECK(request.ack_id == INT32_MAX);
    /* The last one counts, of fields and of messages. */
    CHECK_INT_EQUAL(decode("32 [0A ['g'] 10 01 10 02]"), FRAME_OK);
    CHECK(request.ack_id == 2);
    CHECK_INT_EQUAL(decode("32 [0A ['g'] 10 01] 3A [0A ['h']]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_LEAVE_GROUP);
    CHECK_FIELD(group, "h");
    CHECK(!request.has_ack_id);
}

TEST(send_to_group)
{
    CHECK_INT_EQUAL(decode("0A [0A ['g1'] 10 02 1A [0A ['t']] 20 01 28 3C"
                           " 32 [0A ['k'] 12 ['v']] 32 [0A ['l']]]"),
                    FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_SEND_TO_GROUP);
    CHECK_FIELD(group, "g1");
    CHECK(request.has_ack_id && request.ack_id == 2);
    CHECK(request.no_echo);
    CHECK_INT_EQUAL(request.ttl_seconds, 60);
    CHECK_INT_EQUAL(request.metadata.count, 2);
    CHECK_SLICE_EQUAL(request.metadata.items[0].key, SLICE_LITERAL("k"));
    CHECK_SLICE_EQUAL(request.metadata.items[0].value, SLICE_LITERAL("v"));
    CHECK_SLICE_EQUAL(request.metadata.items[1].key, SLICE_LITERAL("l"));
    CHECK_SLICE_EQUAL(request.metadata.items[1].value, SLICE_EMPTY);
    CHECK(request.has_data && !request.opens_stream);
    CHECK_INT_EQUAL(request.data.type, DATA_TEXT);
    CHECK_FIELD(data.bytes, "t");

    CHECK_INT_EQUAL(decode("0A [0A ['g'] 1A [0A []]]"), FRAME_OK);
    CHECK(!request.no_echo && !request.has_ack_id && request.ttl_seconds == 0);
    CHECK(request.has_data && request.data.bytes.length == 0);
}

TEST(data_types)
{
    static const struct {
        const char *bytes;
        enum data_type type;
        struct slice expected;
    } rows[] = {
        {"0A ['text']", DATA_TEXT, SLICE_LITERAL("text")},
        {"0A ['a' 00 'b' C3A9]", DATA_TEXT, SLICE_LITERAL("a\0b\xC3\xA9")},
        {"12 [00FF80]", DATA_BINARY, SLICE_LITERAL("\x00\xFF\x80")},
        {"12 []", DATA_BINARY, SLICE_LITERAL("")},
        {"1A [0A ['t/u'] 12 [FF]]", DATA_PROTOBUF, SLICE_LITERAL("\x0A\x03t/u\x12\x01\xFF")},
        {"1A []", DATA_PROTOBUF, SLICE_LITERAL("")},
        {"22 ['{ \"b\":1.50}']", DATA_JSON, SLICE_LITERAL("{ \"b\":1.50}")},
        {"0A ['x'] 22 ['7']", DATA_JSON, SLICE_LITERAL("7")},
    };
    char text[256];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "2A [0A ['ev'] 12 [%s]]", rows[i].bytes);
        CHECK_INT_EQUAL(decode(text), FRAME_OK);
        CHECK_INT_EQUAL(request.data.type, rows[i].type);
        CHECK_SLICE_EQUAL(request.data.bytes, rows[i].expected);
    }
}

TEST(event)
{
    CHECK_INT_EQUAL(decode("2A [0A ['ev'] 12 [0A ['x']] 18 07 22 [0A ['k'] 12 ['v']] 2A []]"),
                    FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_EVENT);
    CHECK_FIELD(event, "ev");
    CHECK_FIELD(data.bytes, "x");
    CHECK(request.has_ack_id && request.ack_id == 7);
    CHECK_INT_EQUAL(request.metadata.count, 1);
    CHECK(!request.opens_stream);
    /* Metadata stands in for data (2.1). */
    CHECK_INT_EQUAL(decode("2A [0A ['ev'] 22 [0A ['k'] 12 ['v']]]"), FRAME_OK);
    CHECK(request.has_data);
    CHECK_INT_EQUAL(request.data.type, DATA_TEXT);
    CHECK_INT_EQUAL(request.data.bytes.length, 0);
}

TEST(invocations)
{
    CHECK_INT_EQUAL(decode("52 [0A ['calc'] 12 ['9'] 1A [22 ['{}']] 22 [0A ['k'] 12 ['v']]]"),
                    FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_INVOKE);
    CHECK_FIELD(event, "calc");
    CHECK_FIELD(invocation_id, "9");
    CHECK_FIELD(target, "event");
    CHECK(request.has_data);
    CHECK_INT_EQUAL(request.data.type, DATA_JSON);
    CHECK_INT_EQUAL(request.metadata.count, 1);
    CHECK_INT_EQUAL(decode("52 [0A ['calc'] 12 ['9']]"), FRAME_OK);
    CHECK(!request.has_data);

    CHECK_INT_EQUAL(decode("5A [0A ['9']]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_CANCEL_INVOCATION);
    CHECK_FIELD(invocation_id, "9");
}

TEST(streams)
{
    CHECK_INT_EQUAL(decode("0A [0A ['g'] 3A [0A ['S1'] 10 E0D403]]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_SEND_TO_GROUP);
    CHECK(request.opens_stream && !request.has_data);
    CHECK_FIELD(stream_id, "S1");
    CHECK_INT_EQUAL(request.idle_timeout_ms, 60000);
    CHECK_INT_EQUAL(decode("0A [0A ['g'] 3A [0A ['S1']]]"), FRAME_OK);
    CHECK_INT_EQUAL(request.idle_timeout_ms, 300000);

    CHECK_INT_EQUAL(decode("6A [0A ['S1'] 10 05 1A [12 [00]]]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_STREAM_DATA);
    CHECK_FIELD(stream_id, "S1");
    CHECK(request.has_stream_sequence && request.stream_sequence == 5);
    CHECK(request.has_data && request.data.type == DATA_BINARY);
    CHECK_INT_EQUAL(decode("6A [0A ['S1']]"), FRAME_OK);
    CHECK(!request.has_stream_sequence && !request.has_data);

    CHECK_INT_EQUAL(decode("72 [0A ['S1']]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_STREAM_END);
    CHECK(!request.has_error);
    CHECK_INT_EQUAL(decode("72 [0A ['S1'] 12 [0A ['bad'] 12 ['E7']]]"), FRAME_OK);
    CHECK(request.has_error);
    CHECK_FIELD(error_message, "bad");
    CHECK_FIELD(user_error_code, "E7");
    CHECK_INT_EQUAL(decode("72 [0A ['S1'] 12 []]"), FRAME_OK);
    CHECK(request.has_error && request.error_message.length == 0);
}

TEST(sequence_ack_and_ping)
{
    CHECK_INT_EQUAL(decode("42 [08 AC02]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_SEQUENCE_ACK);
    CHECK_INT_EQUAL(request.sequence_id, 300);
    CHECK_INT_EQUAL(decode("4A []"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_PING);
}

TEST(group_state)
{
    CHECK_INT_EQUAL(decode("7A [0A ['g'] 1A [0A [0A ['k'] 12 ['v']] 0A [0A ['K ' C3A9]]]]"),
                    FRAME_OK);
    CHECK(request.has_state);
    CHECK_INT_EQUAL(request.state.count, 2);
    CHECK_SLICE_EQUAL(request.state.items[0].value, SLICE_LITERAL("v"));
    CHECK_SLICE_EQUAL(request.state.items[1].key, SLICE_LITERAL("K \xC3\xA9"));
    CHECK_INT_EQUAL(decode("7A [0A ['g'] 1A []]"), FRAME_OK);
    CHECK(request.has_state && request.state.count == 0);
}

/* Fields that we do not know are for newer servers. */
TEST(unknown_fields_are_ignored)
{
    CHECK_INT_EQUAL(decode("A0 06 01 32 [0A ['g'] 7A ['new'] 10 01 4D 00000000]"), FRAME_OK);
    CHECK_INT_EQUAL(request.type, REQUEST_JOIN_GROUP);
    CHECK_FIELD(group, "g");
    CHECK(request.ack_id == 1);
}

TEST(malformed)
{
    static const char *const rows[] = {
        "",                                        /* no message */
        "62 []",                                   /* one that there is not */
        "0A",                                      /* no length */
        "32 05 0A 01",                             /* shorter than it says */
        "32 [0A 05 'g']",                          /* inside, too */
        "32 FFFFFFFF0F",                           /* 4 GiB */
        "32 [0A ['g'] 10 FFFFFFFFFFFFFFFFFFFF01]", /* 11 bytes of number */
        "30 01",                                   /* a number where a message belongs */
        "32 [08 01]",                              /* and where a string does */
        "33 0A 01 'g' 34",                         /* a group of proto1 */
        "32 []",                                   /* without group */
        "32 [0A []]",
        "3A [10 01]",
        "7A [10 01]",
        "82 01 []",
        "8A 01 []",
        "32 [0A [FF]]",                /* not UTF-8 */
        "32 [0A [EDA080]]",            /* a surrogate */
        "0A [1A [0A ['t']]]",          /* send without group */
        "0A [0A ['g']]",               /* without data */
        "0A [0A ['g'] 1A []]",         /* with data that is none */
        "0A [0A ['g'] 1A [0A [C3]]]",  /* text that is none */
        "0A [0A ['g'] 1A [22 ['{']]]", /* JSON that is none */
        "0A [0A ['g'] 1A [22 ['null']]]",
        "0A [0A ['g'] 1A [22 []]]",
        "0A [0A ['g'] 1A [1A [0A]]]", /* an Any that is none */
        "0A [0A ['g'] 1A [1A [0A [FF]]]]",
        "0A [0A ['g'] 3A []]",                      /* a stream without id */
        "0A [0A ['g'] 1A [0A ['t']] 32 [0A [FF]]]", /* metadata that is not text */
        "2A [12 [0A ['x']]]",                       /* event without name */
        "2A [0A ['ev']]",
        "52 [0A ['calc']]", /* invoke without id */
        "52 [12 ['9']]",    /* and without event */
        "5A []",
        "6A [10 01]", /* stream data without stream */
        "6A [0A ['S'] 1A [22 ['x']]]",
        "72 []",
        "72 [0A ['S'] 12 [0A [FF]]]",
        "7A [0A ['g'] 1A [0A [0A [FF]]]]",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT_EQUAL(decode(rows[i]), FRAME_MALFORMED);
    }
}

TEST(bad_requests)
{
    static const char *const rows[] = {
        "0A [0A ['g'] 10 05 1A [0A ['t']] 28 AD02]",                  /* ttlSeconds 301 */
        "0A [0A ['g'] 10 05 1A [0A ['t']] 32 [0A ['Key'] 12 ['v']]]", /* upper case */
        "0A [0A ['g'] 10 05 1A [0A ['t']] 32 [12 ['v']]]",            /* no key */
        "0A [0A ['g'] 10 05 1A [0A ['t']] 32 [0A ['k y'] 12 ['v']]]", /* not a token */
        "0A [0A ['g'] 10 05 1A [0A ['t']] 32 [0A ['k'] 12 [C3A9]]]",  /* not ASCII */
        "0A [0A ['g'] 10 05 1A [0A ['t']] 32 [0A ['k'] 12 [0A]]]",    /* not printable */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_INT_EQUAL(decode(rows[i]), FRAME_BAD_REQUEST);
        CHECK_INT_EQUAL(request.type, REQUEST_SEND_TO_GROUP);
        CHECK(request.has_ack_id && request.ack_id == 5);
    }
    CHECK_INT_EQUAL(decode("0A [0A ['g'] 1A [0A ['t']] 28 AC02]"), FRAME_OK);
    CHECK_INT_EQUAL(request.ttl_seconds, 300);
    CHECK_INT_EQUAL(decode("0A [0A ['g'] 3A [0A ['S1'] 10 00]]"), FRAME_BAD_REQUEST);
    CHECK_FIELD(stream_id, "S1");
}

/* ---------------------------------------------------------------- bounds */

static void put_field(struct buffer *out, uint8_t tag, struct slice bytes)
{
    size_t start;

    buffer_append_byte(out, tag);
    start = out->length;
    buffer_append(out, bytes);
    varint_insert_length(out, start);
}

/* Sends to group g the text and metadata of so many entries. */
static struct slice make_send(size_t text, size_t entries, size_t key, size_t value)
{
    struct buffer data = {0}, send = {0};
    uint8_t *bytes = memory_allocate_zero(text + key + value + 1);

    frame.length = 0;
    memset(bytes, 'a', text + key + value);
    put_field(&send, 0x0A, SLICE_LITERAL("g"));
    put_field(&data, 0x0A, slice_make(bytes, text));
    put_field(&send, 0x1A, buffer_slice(&data));
    for (size_t i = 0; i < entries; i++) {
        data.length = 0;
        put_field(&data, 0x0A, slice_make(bytes, key));
        put_field(&data, 0x12, slice_make(bytes, value));
        put_field(&send, 0x32, buffer_slice(&data));
    }
    put_field(&frame, 0x0A, buffer_slice(&send));
    buffer_release(&data);
    buffer_release(&send);
    free(bytes);
    return buffer_slice(&frame);
}

TEST(bounds_of_metadata)
{
    test_note("metadata");
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 1, 256, 1024)), FRAME_OK);
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 1, 257, 1)), FRAME_BAD_REQUEST);
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 1, 1, 1025)), FRAME_BAD_REQUEST);
    /* 8 KiB in all: in few entries, and in the most that there can be. */
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 8, 24, 1000)), FRAME_OK);
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 8, 25, 1000)), FRAME_BAD_REQUEST);
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 8192, 1, 0)), FRAME_OK);
    CHECK_INT_EQUAL(request.metadata.count, 8192);
    CHECK_INT_EQUAL(decode_bytes(make_send(1, 8193, 1, 0)), FRAME_BAD_REQUEST);
    /* Beside a large payload as well. */
    CHECK_INT_EQUAL(decode_bytes(make_send(1000000, 8192, 1, 0)), FRAME_OK);
    CHECK_INT_EQUAL(request.data.bytes.length, 1000000);
}

/* A mebibyte of whatever takes the least bytes for the most structs. */
TEST(memory_is_bounded)
{
    static const char *const fillers[] = {
        "2200",           /* event metadata, empty entries */
        "2204 0A00 1200", /* with fields */
        "1200",           /* data that is merged over and over */
        "1202 0A00",      /* a oneof that is set over and over */
        "A00601",         /* unknown numbers */
        "A20600",         /* unknown bytes */
        "0A0161",         /* one string over and over */
    };
    const size_t size = (size_t)1 << 20;
    struct buffer event = {0};

    for (size_t i = 0; i < sizeof(fillers) / sizeof(fillers[0]); i++) {
        test_note("%s", fillers[i]);
        event.length = frame.length = 0;
        bytes_append(&event, "0A02'ev'12030A0174");
        while (event.length < size - 16) {
            bytes_append(&event, fillers[i]);
        }
        put_field(&frame, 0x2A, buffer_slice(&event));
        buffer_release(&scratch);
        decode_bytes(buffer_slice(&frame));
        CHECK(scratch.length <= 3 * size);
        CHECK(scratch.capacity <= 4 * size); /* a buffer doubles */
    }
    buffer_release(&event);
}
