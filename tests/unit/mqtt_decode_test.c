/* What the decoder accepts and refuses: a row a rule of the specification. The first byte and the
 * body are given, the remaining length is computed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/memory.h"
#include "bytes.h"
#include "mqtt/packet.h"

enum { NEW = MQTT_UNKNOWN, V3 = MQTT_3_1_1, V5 = MQTT_5, SERVER = 0x100 };
enum {
    OK = REASON_SUCCESS,
    MALFORMED = REASON_MALFORMED_PACKET,
    PROTOCOL = REASON_PROTOCOL_ERROR,
    VERSION = REASON_UNSUPPORTED_PROTOCOL_VERSION,
    NAME = REASON_TOPIC_NAME_INVALID,
    FILTER = REASON_TOPIC_FILTER_INVALID,
};

struct row {
    unsigned from; /* protocol version, and SERVER if a server sent it */
    const char *first, *body;
    int expected; /* enum reason_code */
};

static ssize_t decode(struct packet *out, struct slice in, unsigned from)
{
    struct packet_limits limits = {
        .version = (enum protocol_version)(from & 0xFF),
        .packet_size_max = PACKET_SIZE_MAX,
        .from_server = (from & SERVER) != 0,
    };

    return packet_decode(out, in, &limits);
}

static void row_write(struct buffer *bytes, const struct row *row)
{
    bytes->length = 0;
    bytes_append(bytes, row->body);
    varint_insert_length(bytes, 0);
    buffer_append_byte(bytes, 0);
    memmove(bytes->data + 1, bytes->data, bytes->length - 1);
    bytes->data[0] = (uint8_t)strtoul(row->first, NULL, 16);
}

/* The packet from a copy of exactly its bytes, so that reading past them is noticed. */
static ssize_t decode_copy(struct packet *out, struct slice in, unsigned from)
{
    uint8_t *copy = memory_allocate(in.length);
    ssize_t used;

    memcpy(copy, in.data, in.length);
    used = decode(out, slice_make(copy, in.length), from);
    free(copy);
    return used;
}

static void rows_check(const struct row *rows, size_t count)
{
    struct buffer bytes = {0};

    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct packet packet;
        row_write(&bytes, row);
        test_note("row %zu: from %#x, %s %s", i, row->from, row->first, row->body);
        CHECK_INT_EQUAL(decode_copy(&packet, buffer_slice(&bytes), row->from),
                        row->expected == REASON_SUCCESS ? (ssize_t)bytes.length
                                                        : -(ssize_t)row->expected);
        CHECK_INT_EQUAL(packet.type, bytes.data[0] >> 4);
        CHECK_INT_EQUAL(packet_size(buffer_slice(&bytes)), bytes.length);
        if (row->expected != REASON_SUCCESS) {
            continue;
        }
        /* One byte less is incomplete; one byte more belongs to the next packet. */
        for (size_t length = 1; length < bytes.length; length++) {
            CHECK_INT_EQUAL(decode_copy(&packet, slice_make(bytes.data, length), row->from), 0);
        }
        buffer_append_byte(&bytes, 0xFF);
        CHECK_INT_EQUAL(decode(&packet, buffer_slice(&bytes), row->from), bytes.length - 1);
    }
    buffer_release(&bytes);
}

#define ROWS_CHECK(rows) rows_check(rows, sizeof(rows) / sizeof((rows)[0]))

TEST(fixed_headers)
{
    static const struct row rows[] = {
        {V5, "00", "", MALFORMED},
        {V5, "C0", "", OK},
        {V5, "C1", "", MALFORMED},
        {V5, "C0", "00", MALFORMED},
        {V5, "D0", "", PROTOCOL},
        {V5 | SERVER, "D0", "", OK},
        {V5 | SERVER, "C0", "", PROTOCOL},
        {V5, "20", "00 00 00", PROTOCOL},
        {V5, "90", "0001 00 00", PROTOCOL},
        {V5, "B0", "0001 00 00", PROTOCOL},
        {V3 | SERVER, "82", "0001 0001 'a' 00", PROTOCOL},
        {V3, "F0", "", MALFORMED},
        {V3 | SERVER, "E0", "", PROTOCOL},
        {NEW, "C0", "", PROTOCOL}, /* MQTT-3.1.0-1 */
        {NEW, "30", "0001 'a'", PROTOCOL},
        {NEW, "00", "", MALFORMED},
        {V5, "11", "0004 'MQTT' 05 02 0000 00 0000", MALFORMED},
        {V5, "41", "0001", MALFORMED}, /* MQTT-2.1.3-1 */
        {V5, "52", "0001", MALFORMED},
        {V5, "60", "0001", MALFORMED},
        {V5, "72", "0001", MALFORMED},
        {V5, "80", "0001 00 0001 'a' 00", MALFORMED},
        {V5, "A0", "0001 00 0001 'a'", MALFORMED},
        {V5, "E2", "", MALFORMED},
        {V5, "F2", "", MALFORMED},
    };

    ROWS_CHECK(rows);
}

TEST(connect_versions)
{
    static const struct row rows[] = {
        {NEW, "10", "0004 'MQTT' 04 02 003C 0000", OK},
        {NEW, "10", "0004 'MQTT' 05 02 003C 00 0000", OK},
        {NEW, "10", "0004 'MQTT' 05 00 003C 00 0000", OK},
        {NEW, "10", "0006 'MQIsdp' 03 02 003C 0001 'a'", VERSION},
        {NEW, "10", "0004 'MQTT' 03 02 003C 0001 'a'", VERSION},
        {NEW, "10", "0004 'MQTT' 06 02 003C 0001 'a'", VERSION},
        {NEW, "10", "0004 'MQTT' 84 02 003C 0001 'a'", VERSION},
        {NEW, "10", "0004 'mqtt' 04 02 003C 0001 'a'", VERSION},
        {NEW, "10", "0004 'MQT' FF 04 02 003C 0001 'a'", MALFORMED},
        {NEW, "10", "0004 'MQTT'", MALFORMED},
        {NEW, "10", "", MALFORMED},
        {V5, "10", "0004 'MQTT' 04 02 003C 0000", OK}, /* that it is the second is core's */
        {V5 | SERVER, "10", "0004 'MQTT' 05 02 003C 00 0000", PROTOCOL},
    };

    ROWS_CHECK(rows);
}

TEST(connect_flags)
{
    static const struct row rows[] = {
        {NEW, "10", "0004 'MQTT' 04 03 003C 0000", MALFORMED},               /* MQTT-3.1.2-3 */
        {NEW, "10", "0004 'MQTT' 04 0A 003C 0000", MALFORMED},               /* MQTT-3.1.2-11 */
        {NEW, "10", "0004 'MQTT' 05 22 003C 00 0000", MALFORMED},            /* MQTT-3.1.2-13 */
        {NEW, "10", "0004 'MQTT' 04 1E 003C 0000 0001 'w' 0000", MALFORMED}, /* MQTT-3.1.2-12 */
        {NEW, "10", "0004 'MQTT' 04 42 003C 0000 0001 'p'", MALFORMED},      /* MQTT-3.1.2-22 */
        {NEW, "10", "0004 'MQTT' 05 42 003C 00 0000 0001 'p'", OK},
        {NEW, "10", "0004 'MQTT' 04 C2 003C 0000 0001 'u' 0001 'p'", OK},
        {NEW, "10", "0004 'MQTT' 04 82 003C 0000 0001 'u'", OK},
        {NEW, "10", "0004 'MQTT' 04 C2 003C 0000 0001 'u'", MALFORMED},
        {NEW, "10", "0004 'MQTT' 04 02 003C 0000 0001 'u'", MALFORMED}, /* a field too many */
    };

    ROWS_CHECK(rows);
}

TEST(connect_payload)
{
    static const struct row rows[] = {
        {NEW, "10", "0004 'MQTT' 04 00 003C 0000", REASON_CLIENT_IDENTIFIER_NOT_VALID},
        {NEW, "10", "0004 'MQTT' 04 00 003C 0001 'a'", OK},
        {NEW, "10", "0004 'MQTT' 04 00 003C 0001 FF", MALFORMED}, /* MQTT-3.1.3-4 */
        {NEW, "10", "0004 'MQTT' 04 00 003C 0001 00", MALFORMED},
        {NEW, "10", "0004 'MQTT' 04 2E 003C 0000 0003 'a/b' 0002 00FF", OK},
        {NEW, "10", "0004 'MQTT' 04 06 003C 0000 0003 'a/b' 0000", OK},
        {NEW, "10", "0004 'MQTT' 04 06 003C 0000 0003 'a/+' 0000", NAME},
        {NEW, "10", "0004 'MQTT' 04 06 003C 0000 0000 0000", NAME},
        {NEW, "10", "0004 'MQTT' 04 06 003C 0000 0002 'a' FF 0000", MALFORMED}, /* MQTT-3.1.3-11 */
        {NEW, "10", "0004 'MQTT' 04 06 003C 0000 0003 'a/b'", MALFORMED},
        {NEW, "10", "0004 'MQTT' 05 06 003C 00 0000 05 18 00000005 0001 'w' 0000", OK},
        {NEW, "10", "0004 'MQTT' 05 06 003C 00 0000 02 17 00 0001 'w' 0000", MALFORMED},
        {NEW, "10", "0004 'MQTT' 05 02 003C 05 18 00000005 0000", MALFORMED}, /* a Will property */
        {NEW, "10", "0004 'MQTT' 05 02 003C 05 11 00000005 0000", OK},
        {NEW, "10", "0004 'MQTT' 05 02 003C 06 11 00000005 0000", MALFORMED},
        {NEW, "10", "0004 'MQTT' 05 02 003C 03 21 0000 0000", PROTOCOL},
        {NEW, "10", "0004 'MQTT' 05 02 003C 04 16 0001 'd' 0000", PROTOCOL}, /* no method */
        {NEW, "10", "0004 'MQTT' 05 82 003C 00 0000 0001 FF", MALFORMED},    /* MQTT-3.1.3-12 */
        {NEW, "10", "0004 'MQTT' 05 42 003C 00 0000 0001 FF", OK},
    };

    ROWS_CHECK(rows);
}

TEST(connacks)
{
    static const struct row rows[] = {
        {V3 | SERVER, "20", "00 00", OK},
        {V3 | SERVER, "20", "01 00", OK},
        {V3 | SERVER, "20", "00 05", OK},
        {V3 | SERVER, "20", "00 06", PROTOCOL},
        {V3 | SERVER, "20", "01 05", PROTOCOL}, /* MQTT-3.2.2-4 of 3.1.1 */
        {V3 | SERVER, "20", "02 00", MALFORMED},
        {V3 | SERVER, "20", "00 00 00", MALFORMED},
        {V5 | SERVER, "20", "00 00 00", OK},
        {V5 | SERVER, "20", "00 00", MALFORMED},
        {V5 | SERVER, "20", "00 87 00", OK},
        {V5 | SERVER, "20", "01 87 00", PROTOCOL}, /* MQTT-3.2.2-6 */
        {V5 | SERVER, "20", "00 8E 00", PROTOCOL},
        {V5 | SERVER, "20", "00 00 06 22 0005 21 0001", OK},
        {V5 | SERVER, "20", "00 00 03 23 0001", MALFORMED},
    };

    ROWS_CHECK(rows);
}

TEST(publishes)
{
    static const struct row rows[] = {
        {V3, "30", "0003 'a/b' 'payload'", OK},
        {V3, "30", "0003 'a/b'", OK},
        {V3, "31", "0003 'a/b'", OK},
        {V3, "32", "0003 'a/b' 0001 'x'", OK},
        {V3, "3D", "0003 'a/b' FFFF 'x'", OK},
        {V3, "36", "0003 'a/b' 0001 'x'", MALFORMED}, /* MQTT-3.3.1-4 */
        {V3, "38", "0003 'a/b' 'x'", MALFORMED},      /* MQTT-3.3.1-2 */
        {V3, "32", "0003 'a/b' 0000 'x'", PROTOCOL},  /* MQTT-2.2.1-3 */
        {V3, "32", "0003 'a/b' 00", MALFORMED},
        {V3, "30", "0003 'a/'", MALFORMED},
        {V3, "30", "", MALFORMED},
        {V3, "30", "0003 'a/+'", NAME}, /* MQTT-3.3.2-2 */
        {V3, "30", "0001 '#'", NAME},
        {V3, "30", "0000 'x'", NAME},
        {V3, "30", "0002 'a' FF", MALFORMED}, /* MQTT-3.3.2-1 */
        {V3, "30", "0002 'a' 00", MALFORMED},
        {V5, "30", "0003 'a/b' 00 'payload'", OK},
        {V5, "30", "0003 'a/b'", MALFORMED},
        {V5, "32", "0003 'a/b' 0001 02 01 01 'x'", OK},
        {V5, "30", "0000 00 'x'", PROTOCOL},
        {V5, "30", "0000 03 23 0001 'x'", OK},
        {V5, "30", "0000 03 23 0000 'x'", REASON_TOPIC_ALIAS_INVALID}, /* MQTT-3.3.2-8 */
        {V5, "30", "0001 '+' 03 23 0001 'x'", NAME},
        {V5, "30", "0001 'a' 02 0B 01 'x'", PROTOCOL}, /* MQTT-3.3.4-6 */
        {V5 | SERVER, "30", "0001 'a' 04 0B 01 0B 02 'x'", OK},
        {V5, "30", "0001 'a' 02 11 01 'x'", MALFORMED},
        {V5, "30", "0001 'a' 80 'x'", MALFORMED},
        {V5, "30", "0001 'a' 8000 'x'", MALFORMED},
        {V5, "30", "0001 'a' 7F 'x'", MALFORMED},
        {V5 | SERVER, "30", "0001 'a' 00", OK},
    };

    ROWS_CHECK(rows);
}

TEST(acks)
{
    static const struct row rows[] = {
        {V3, "40", "0001", OK},
        {V3, "50", "0001", OK},
        {V3, "62", "0001", OK},
        {V3, "70", "FFFF", OK},
        {V3, "40", "0000", PROTOCOL},
        {V3, "40", "0001 00", MALFORMED},
        {V3, "40", "00", MALFORMED},
        {V5, "40", "0001", OK},
        {V5, "40", "0001 00", OK},
        {V5, "40", "0001 10", OK},
        {V5, "40", "0001 92", PROTOCOL}, /* MQTT-3.4.2-1 */
        {V5, "40", "0001 00 00", OK},
        {V5, "40", "0001 80 05 1F 0002 'no'", OK},
        {V5, "40", "0001 80 06 1F 0002 'no'", MALFORMED},
        {V5, "40", "0001 00 00 00", MALFORMED},
        {V5, "50", "0001 91 00", OK},
        {V5, "62", "0001 92", OK},
        {V5, "62", "0001 80", PROTOCOL},
        {V5, "70", "0001 92 00", OK},
        {V5, "70", "0001 10", PROTOCOL},
        {V5 | SERVER, "50", "0001 97", OK},
    };

    ROWS_CHECK(rows);
}

TEST(subscribes)
{
    static const struct row rows[] = {
        {V3, "82", "0001 0003 'a/b' 00", OK},
        {V3, "82", "0001 0003 'a/b' 02 0001 '#' 01", OK},
        {V3, "82", "0000 0003 'a/b' 00", PROTOCOL},
        {V3, "82", "0001", PROTOCOL}, /* MQTT-3.8.3-2 */
        {V3, "82", "0001 0003 'a/b' 03", MALFORMED},
        {V3, "82", "0001 0003 'a/b' 04", MALFORMED}, /* MQTT-3-8.3-4 of 3.1.1 */
        {V3, "82", "0001 0003 'a/b'", MALFORMED},
        {V3, "82", "0001 0003 'a/'", MALFORMED},
        {V3, "82", "0001 0003 'a#b' 00", FILTER},
        {V3, "82", "0001 0000 00", FILTER},
        {V3, "82", "0001 0001 FF 00", MALFORMED},
        {V3, "82", "0001 0003 'a/b' 00 0001 FF 00", MALFORMED},
        {V5, "82", "0001 00 0003 'a/b' 00", OK},
        {V5, "82", "0001 00 0003 'a/b' 2E", OK},
        {V5, "82", "0001 00 0003 'a/b' 03", PROTOCOL},
        {V5, "82", "0001 00 0003 'a/b' 30", PROTOCOL},
        {V5, "82", "0001 00 0003 'a/b' 40", MALFORMED}, /* MQTT-3.8.3-5 */
        {V5, "82", "0001 00 0003 'a/b' 80", MALFORMED},
        {V5, "82", "0001 00 000A '$share/g/a' 01", OK},
        {V5, "82", "0001 00 000A '$share/g/a' 05", PROTOCOL}, /* MQTT-3.8.3-4 */
        {V5, "82", "0001 00 0009 '$share/g/' 00", FILTER},    /* MQTT-4.8.2-2 */
        {V5, "82", "0001 02 0B 05 0001 'a' 00", OK},
        {V5, "82", "0001 02 0B 00 0001 'a' 00", PROTOCOL},
        {V5, "82", "0001 04 0B 05 0B 06 0001 'a' 00", PROTOCOL},
        {V5, "82", "0001 00", PROTOCOL},
        {V5, "82", "0001", MALFORMED},
    };

    ROWS_CHECK(rows);
}

TEST(unsubscribes)
{
    static const struct row rows[] = {
        {V3, "A2", "0001 0003 'a/b'", OK},
        {V3, "A2", "0001 0003 'a/b' 0001 '#'", OK},
        {V3, "A2", "0001", PROTOCOL}, /* MQTT-3.10.3-2 */
        {V3, "A2", "0000 0001 'a'", PROTOCOL},
        {V3, "A2", "0001 0001 'a' 00", MALFORMED},
        {V3, "A2", "0001 0002 '##'", FILTER},
        {V5, "A2", "0001 00 0001 'a'", OK},
        {V5, "A2", "0001 07 26 0001 'k' 0001 'v' 0001 'a'", OK},
        {V5, "A2", "0001 02 0B 01 0001 'a'", MALFORMED},
        {V5, "A2", "0001 00", PROTOCOL},
    };

    ROWS_CHECK(rows);
}

TEST(subacks)
{
    static const struct row rows[] = {
        {V3 | SERVER, "90", "0001 00 01 02 80", OK},
        {V3 | SERVER, "90", "0001 03", PROTOCOL},
        {V3 | SERVER, "90", "0001", MALFORMED},
        {V3 | SERVER, "B0", "0001", OK},
        {V3 | SERVER, "B0", "0001 00", MALFORMED},
        {V5 | SERVER, "90", "0001 00 00 02 87", OK},
        {V5 | SERVER, "90", "0001 00 11", PROTOCOL},
        {V5 | SERVER, "B0", "0001 00 00 11", OK},
        {V5 | SERVER, "B0", "0001 00 01", PROTOCOL},
        {V5 | SERVER, "B0", "0001 00", MALFORMED},
        {V5 | SERVER, "B0", "0000 00 00", PROTOCOL},
        {V5 | SERVER, "90", "0001 02 23 01 00", MALFORMED}, /* no such property here */
    };

    ROWS_CHECK(rows);
}

TEST(disconnects)
{
    static const struct row rows[] = {
        {V3, "E0", "", OK},
        {V3, "E0", "00", MALFORMED},
        {V5, "E0", "", OK},
        {V5, "E0", "04", OK},
        {V5, "E0", "00 05 11 00000000", OK},
        {V5, "E0", "8E", PROTOCOL}, /* a server's */
        {V5, "E0", "01", PROTOCOL}, /* MQTT-3.14.2-1 */
        {V5, "E0", "00 00 00", MALFORMED},
        {V5 | SERVER, "E0", "8E 00", OK},
        {V5 | SERVER, "E0", "04", PROTOCOL},
        {V5 | SERVER, "E0", "8B 05 11 00000000", PROTOCOL}, /* MQTT-3.14.2-2 */
    };

    ROWS_CHECK(rows);
}

TEST(auths)
{
    static const struct row rows[] = {
        {V5, "F0", "18 04 15 0001 'm'", OK},
        {V5, "F0", "19 04 15 0001 'm'", OK},
        {V5, "F0", "18 08 15 0001 'm' 16 0001 'd'", OK},
        {V5, "F0", "18 04 16 0001 'd'", PROTOCOL},
        {V5, "F0", "18 00", PROTOCOL},
        {V5, "F0", "18", PROTOCOL},
        {V5, "F0", "", PROTOCOL}, /* success is the server's to say */
        {V5, "F0", "00 04 15 0001 'm'", PROTOCOL},
        {V5, "F0", "20 04 15 0001 'm'", PROTOCOL}, /* MQTT-3.15.2-1 */
        {V5 | SERVER, "F0", "", OK},
        {V5 | SERVER, "F0", "00 04 15 0001 'm'", OK},
        {V5 | SERVER, "F0", "18 04 15 0001 'm'", OK},
        {V5 | SERVER, "F0", "19 04 15 0001 'm'", PROTOCOL},
    };

    ROWS_CHECK(rows);
}

TEST(lengths)
{
    struct packet packet;
    struct packet_limits limits = {.version = MQTT_5, .packet_size_max = 100};

    CHECK_INT_EQUAL(decode(&packet, SLICE_EMPTY, V5), 0);
    CHECK_INT_EQUAL(packet_size(SLICE_EMPTY), 0);
    CHECK_INT_EQUAL(packet_size(SLICE_LITERAL("\x30")), 0);
    CHECK_INT_EQUAL(packet_size(SLICE_LITERAL("\x30\x80\x80")), 0);
    CHECK_INT_EQUAL(packet_size(SLICE_LITERAL("\x30\xFF\xFF\xFF\x7F")), PACKET_SIZE_MAX);
    CHECK_INT_EQUAL(packet_size(SLICE_LITERAL("\x30\xFF\xFF\xFF\xFF")), -1);
    CHECK_INT_EQUAL(decode(&packet, SLICE_LITERAL("\x30\xFF\xFF\xFF\xFF"), V5), -MALFORMED);
    CHECK_INT_EQUAL(decode(&packet, SLICE_LITERAL("\xC0\x80\x00"), V5), -MALFORMED);
    /* Too large as soon as the header tells; forbidden as soon as the first byte tells. */
    CHECK_INT_EQUAL(packet_decode(&packet, SLICE_LITERAL("\x30\x62"), &limits), 0);
    CHECK_INT_EQUAL(packet_decode(&packet, SLICE_LITERAL("\x30\x63"), &limits),
                    -(int)REASON_PACKET_TOO_LARGE);
    CHECK_INT_EQUAL(packet_decode(&packet, SLICE_LITERAL("\x36"), &limits), -MALFORMED);
    CHECK_INT_EQUAL(packet_decode(&packet, SLICE_LITERAL("\x20"), &limits), -PROTOCOL);
}

TEST(the_version_to_answer_in)
{
    static const struct {
        const char *body;
        enum protocol_version version;
    } rows[] = {
        {"0006 'MQIsdp' 03 02 003C 0001 'a'", MQTT_3_1_1},
        {"0004 'MQTT' 03 02 003C 0001 'a'", MQTT_3_1_1},
        {"0004 'MQTT' 06 02 003C 0001 'a'", MQTT_5},
        {"0004 'MQTT' 04 00 003C 0000", MQTT_3_1_1},
        {"0004 'MQTT' 05 03 003C 00 0000", MQTT_5},
        {"0004 'MQT'", MQTT_UNKNOWN},
    };
    struct buffer bytes = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct row row = {NEW, "10", rows[i].body, OK};
        struct packet packet;
        row_write(&bytes, &row);
        test_note("row %zu", i);
        CHECK(decode(&packet, buffer_slice(&bytes), NEW) < 0);
        CHECK_INT_EQUAL(packet.type, PACKET_CONNECT);
        CHECK_INT_EQUAL(packet.connect.version, rows[i].version);
    }
    buffer_release(&bytes);
}
