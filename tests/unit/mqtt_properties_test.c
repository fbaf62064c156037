/* Property lists: what each list may hold, duplicates, ranges, reading and writing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "bytes.h"
#include "mqtt/packet.h"
#include "mqtt/properties.h"

static enum reason_code read_text(struct properties *out, struct buffer *bytes, const char *text,
                                  enum property_list list)
{
    bytes->length = 0;
    buffer_reserve(bytes, 1);
    bytes_append(bytes, text);
    return properties_read(out, buffer_slice(bytes), list);
}

static void check_reason(const char *text, enum property_list list, enum reason_code expected)
{
    struct buffer bytes = {0};
    struct properties properties;

    test_note("%s in list %#x", text, (unsigned)list);
    CHECK_INT_EQUAL(read_text(&properties, &bytes, text, list), expected);
    buffer_release(&bytes);
}

/* One valid value for every property. */
static const struct {
    enum property property;
    const char *text;
    unsigned lists;
} samples[] = {
    {PROPERTY_PAYLOAD_FORMAT_INDICATOR, "01 01", P_PUBLISH | P_WILL},
    {PROPERTY_MESSAGE_EXPIRY_INTERVAL, "02 00000000", P_PUBLISH | P_WILL},
    {PROPERTY_CONTENT_TYPE, "03 0004 'text'", P_PUBLISH | P_WILL},
    {PROPERTY_RESPONSE_TOPIC, "08 0003 'a/b'", P_PUBLISH | P_WILL},
    {PROPERTY_CORRELATION_DATA, "09 0002 00FF", P_PUBLISH | P_WILL},
    {PROPERTY_SUBSCRIPTION_IDENTIFIER, "0B FFFFFF7F", P_PUBLISH | P_SUBSCRIBE},
    {PROPERTY_SESSION_EXPIRY_INTERVAL, "11 FFFFFFFF", P_CONNECT | P_CONNACK | P_DISCONNECT},
    {PROPERTY_ASSIGNED_CLIENT_IDENTIFIER, "12 0002 'id'", P_CONNACK},
    {PROPERTY_SERVER_KEEP_ALIVE, "13 0000", P_CONNACK},
    {PROPERTY_AUTHENTICATION_METHOD, "15 0001 'm'", P_CONNECT | P_CONNACK | P_AUTH},
    {PROPERTY_REQUEST_PROBLEM_INFORMATION, "17 00", P_CONNECT},
    {PROPERTY_WILL_DELAY_INTERVAL, "18 00000005", P_WILL},
    {PROPERTY_REQUEST_RESPONSE_INFORMATION, "19 01", P_CONNECT},
    {PROPERTY_RESPONSE_INFORMATION, "1A 0000", P_CONNACK},
    {PROPERTY_SERVER_REFERENCE, "1C 0001 's'", P_CONNACK | P_DISCONNECT},
    {PROPERTY_REASON_STRING, "1F 0002 'no'",
     P_CONNACK | P_ACKS | P_SUBACK | P_UNSUBACK | P_DISCONNECT | P_AUTH},
    {PROPERTY_RECEIVE_MAXIMUM, "21 0001", P_CONNECT | P_CONNACK},
    {PROPERTY_TOPIC_ALIAS_MAXIMUM, "22 0000", P_CONNECT | P_CONNACK},
    {PROPERTY_TOPIC_ALIAS, "23 FFFF", P_PUBLISH},
    {PROPERTY_MAXIMUM_QOS, "24 01", P_CONNACK},
    {PROPERTY_RETAIN_AVAILABLE, "25 00", P_CONNACK},
    {PROPERTY_USER_PROPERTY, "26 0001 'k' 0001 'v'", P_EVERY},
    {PROPERTY_MAXIMUM_PACKET_SIZE, "27 00000001", P_CONNECT | P_CONNACK},
    {PROPERTY_WILDCARD_SUBSCRIPTION_AVAILABLE, "28 00", P_CONNACK},
    {PROPERTY_SUBSCRIPTION_IDENTIFIER_AVAILABLE, "29 01", P_CONNACK},
    {PROPERTY_SHARED_SUBSCRIPTION_AVAILABLE, "2A 00", P_CONNACK},
};

enum { SAMPLES = sizeof(samples) / sizeof(samples[0]) };

/* MQTT 5 table 2-4; elsewhere malformed (section 2.2.2.2). */
TEST(each_property_in_each_list)
{
    struct properties properties;
    struct buffer bytes = {0};

    for (size_t i = 0; i < SAMPLES; i++) {
        for (unsigned list = 1; list < P_EVERY; list <<= 1) {
            bool allowed = (samples[i].lists & list) != 0;
            test_note("%s in list %#x", property_name(samples[i].property), list);
            CHECK_INT_EQUAL(
                read_text(&properties, &bytes, samples[i].text, (enum property_list)list),
                allowed ? REASON_SUCCESS : REASON_MALFORMED_PACKET);
            CHECK(!allowed || properties.present == UINT64_C(1) << samples[i].property);
        }
    }
    buffer_release(&bytes);
}

/* Alone each is right; twice each is wrong, but for user properties and, in a PUBLISH, subscription
 * identifiers. */
TEST(duplicates)
{
    char twice[64];

    for (size_t i = 0; i < SAMPLES; i++) {
        enum property property = samples[i].property;
        unsigned list = samples[i].lists & ~(samples[i].lists - 1);
        bool may =
            property == PROPERTY_USER_PROPERTY || property == PROPERTY_SUBSCRIPTION_IDENTIFIER;
        snprintf(twice, sizeof(twice), "%s %s", samples[i].text, samples[i].text);
        check_reason(twice, (enum property_list)list, may ? REASON_SUCCESS : REASON_PROTOCOL_ERROR);
    }
    check_reason("0B 01 0B 02", P_SUBSCRIBE, REASON_PROTOCOL_ERROR);
}

TEST(truncated_values_are_malformed)
{
    struct properties properties;
    struct buffer bytes = {0};

    for (size_t i = 0; i < SAMPLES; i++) {
        enum property_list list = (enum property_list)(samples[i].lists & ~(samples[i].lists - 1));
        CHECK_INT_EQUAL(read_text(&properties, &bytes, samples[i].text, list), REASON_SUCCESS);
        for (size_t length = 1; length < bytes.length; length++) {
            test_note("%zu bytes of %s", length, samples[i].text);
            CHECK_INT_EQUAL(properties_read(&properties, slice_make(bytes.data, length), list),
                            REASON_MALFORMED_PACKET);
        }
    }
    buffer_release(&bytes);
}

TEST(values_out_of_range)
{
    check_reason("01 02", P_PUBLISH, REASON_PROTOCOL_ERROR);
    check_reason("17 02", P_CONNECT, REASON_PROTOCOL_ERROR);
    check_reason("19 FF", P_CONNECT, REASON_PROTOCOL_ERROR);
    check_reason("24 02", P_CONNACK, REASON_PROTOCOL_ERROR);
    check_reason("21 0000", P_CONNECT, REASON_PROTOCOL_ERROR);
    check_reason("27 00000000", P_CONNECT, REASON_PROTOCOL_ERROR);
    check_reason("23 0000", P_PUBLISH, REASON_TOPIC_ALIAS_INVALID);
    check_reason("0B 00", P_SUBSCRIBE, REASON_PROTOCOL_ERROR);
    check_reason("0B 8000", P_SUBSCRIBE, REASON_MALFORMED_PACKET); /* not the shortest */
    check_reason("0B FFFFFFFF01", P_SUBSCRIBE, REASON_MALFORMED_PACKET);
    check_reason("08 0003 'a/+'", P_PUBLISH, REASON_PROTOCOL_ERROR); /* MQTT-3.3.2-14 */
    check_reason("08 0000", P_PUBLISH, REASON_PROTOCOL_ERROR);
    check_reason("16 0001 'x'", P_CONNECT, REASON_PROTOCOL_ERROR); /* data without a method */
    check_reason("15 0001 'm' 16 0001 'x'", P_CONNECT, REASON_SUCCESS);
    check_reason("16 0001 'x' 15 0001 'm'", P_AUTH, REASON_SUCCESS);
}

TEST(unknown_identifiers_are_malformed)
{
    char text[16];

    for (unsigned identifier = 0; identifier < 256; identifier++) {
        bool known = false;
        for (size_t i = 0; i < SAMPLES; i++) {
            known |= samples[i].property == (enum property)identifier;
        }
        if (!known && identifier != PROPERTY_AUTHENTICATION_DATA) {
            snprintf(text, sizeof(text), "%02X 00000000", identifier);
            check_reason(text, P_EVERY, REASON_MALFORMED_PACKET);
            CHECK_STRING_EQUAL(property_name((enum property)identifier), "?");
        }
    }
}

/* MQTT-1.5.4-1, MQTT-1.5.4-2 in every kind of string; binary data may hold anything. */
TEST(strings_are_utf8)
{
    check_reason("03 0001 FF", P_PUBLISH, REASON_MALFORMED_PACKET);
    check_reason("03 0001 00", P_PUBLISH, REASON_MALFORMED_PACKET);
    check_reason("08 0001 FF", P_PUBLISH, REASON_MALFORMED_PACKET);
    check_reason("26 0001 FF 0001 'v'", P_PUBLISH, REASON_MALFORMED_PACKET);
    check_reason("26 0001 'k' 0003 EDA080", P_PUBLISH, REASON_MALFORMED_PACKET);
    check_reason("09 0003 00FFC3", P_PUBLISH, REASON_SUCCESS);
}

static const char full_publish[] =
    "26 0001 'a' 0001 '1' 01 01 02 0000003C 0B 01 26 0001 'b' 0000 08 0001 'r' 0B 8101 "
    "09 0002 'cd' 03 0001 't' 26 0001 'a' 0001 '2' 23 0007";

TEST(fields_of_a_publish)
{
    struct properties p;
    struct buffer bytes = {0};

    CHECK_INT_EQUAL(read_text(&p, &bytes, full_publish, P_PUBLISH), REASON_SUCCESS);
    CHECK_INT_EQUAL(p.payload_format_indicator, 1);
    CHECK_INT_EQUAL(p.message_expiry_interval, 60);
    CHECK_INT_EQUAL(p.subscription_identifier, 1); /* the first of two */
    CHECK_INT_EQUAL(p.topic_alias, 7);
    CHECK_SLICE_EQUAL(p.response_topic, SLICE_LITERAL("r"));
    CHECK_SLICE_EQUAL(p.correlation_data, SLICE_LITERAL("cd"));
    CHECK_SLICE_EQUAL(p.content_type, SLICE_LITERAL("t"));
    CHECK(properties_have(&p, PROPERTY_USER_PROPERTY));
    CHECK(!properties_have(&p, PROPERTY_REASON_STRING));
    CHECK_SLICE_EQUAL(p.raw, buffer_slice(&bytes));
    buffer_release(&bytes);
}

TEST(an_empty_list)
{
    struct properties p;
    struct property_item item;
    struct slice raw = SLICE_EMPTY;

    CHECK_INT_EQUAL(properties_read(&p, SLICE_EMPTY, P_PUBLISH), REASON_SUCCESS);
    CHECK(p.present == 0 && p.raw.length == 0);
    CHECK(!properties_next(&raw, &item));
    CHECK_INT_EQUAL(properties_copy_forwarded(NULL, SLICE_EMPTY), 0);
}

TEST(the_walk_sees_everything_in_order)
{
    static const unsigned order[] = {38, 1, 2, 11, 38, 8, 11, 9, 3, 38, 35};
    struct property_item item;
    struct properties p;
    struct buffer bytes = {0};
    size_t i = 0, length = 0;

    CHECK_INT_EQUAL(read_text(&p, &bytes, full_publish, P_PUBLISH), REASON_SUCCESS);
    for (struct slice raw = p.raw; properties_next(&raw, &item); i++) {
        CHECK_INT_EQUAL(item.property, order[i]);
        CHECK(item.encoded.data == p.raw.data + length);
        length += item.encoded.length;
        if (i == 4) {
            CHECK_SLICE_EQUAL(item.name, SLICE_LITERAL("b"));
            CHECK_SLICE_EQUAL(item.value, SLICE_EMPTY);
        } else if (i == 6) {
            CHECK_INT_EQUAL(item.number, 129);
        }
    }
    CHECK_INT_EQUAL(i, sizeof(order) / sizeof(order[0]));
    CHECK_INT_EQUAL(length, p.raw.length);
    buffer_release(&bytes);
}

TEST(a_server_forwards_five_of_them_unaltered)
{
    struct properties p;
    struct buffer bytes = {0}, expected = {0};
    uint8_t out[128];
    size_t length;

    CHECK_INT_EQUAL(read_text(&p, &bytes, full_publish, P_PUBLISH), REASON_SUCCESS);
    bytes_append(&expected, "26 0001 'a' 0001 '1' 01 01 26 0001 'b' 0000 08 0001 'r' "
                            "09 0002 'cd' 03 0001 't' 26 0001 'a' 0001 '2'");
    length = properties_copy_forwarded(out, p.raw);
    CHECK_SLICE_EQUAL(slice_make(out, length), buffer_slice(&expected));
    buffer_release(&bytes);
    buffer_release(&expected);
}

TEST(writing_what_was_read)
{
    struct properties first, second;
    struct buffer bytes = {0}, out = {0};

    CHECK_INT_EQUAL(read_text(&first, &bytes, full_publish, P_PUBLISH), REASON_SUCCESS);
    properties_write(&out, &first);
    CHECK_INT_EQUAL(out.data[0], bytes.length); /* the same items, in another order */
    CHECK_INT_EQUAL(out.length, bytes.length + 1);
    CHECK_INT_EQUAL(properties_read(&second, slice_from(buffer_slice(&out), 1), P_PUBLISH),
                    REASON_SUCCESS);
    CHECK(second.present == first.present);
    CHECK_INT_EQUAL(second.message_expiry_interval, 60);
    CHECK_INT_EQUAL(second.subscription_identifier, 1);
    buffer_release(&bytes);
    buffer_release(&out);
}

TEST(writing_each_property)
{
    struct properties p;
    struct buffer bytes = {0}, out = {0};

    for (size_t i = 0; i < SAMPLES; i++) {
        enum property_list list = (enum property_list)(samples[i].lists & ~(samples[i].lists - 1));
        test_note("%s", property_name(samples[i].property));
        CHECK_INT_EQUAL(read_text(&p, &bytes, samples[i].text, list), REASON_SUCCESS);
        if (samples[i].property != PROPERTY_USER_PROPERTY) {
            p.raw = SLICE_EMPTY; /* write it from its field */
        }
        out.length = 0;
        properties_write(&out, &p);
        CHECK_INT_EQUAL(out.data[0], bytes.length);
        CHECK_SLICE_EQUAL(slice_from(buffer_slice(&out), 1), buffer_slice(&bytes));
    }
    buffer_release(&bytes);
    buffer_release(&out);
}

TEST(a_long_list_gets_a_long_prefix)
{
    static uint8_t text[20000];
    struct properties p = {.present = PROPERTY_BIT(REASON_STRING)};
    struct buffer out = {0};

    memset(text, 'x', sizeof(text));
    p.reason_string = slice_make(text, sizeof(text));
    buffer_append_string(&out, "before");
    properties_write(&out, &p);
    CHECK_INT_EQUAL(out.length, 6 + 3 + 3 + sizeof(text));
    CHECK_INT_EQUAL(out.data[6] & 0x7F, (sizeof(text) + 3) & 0x7F);
    buffer_release(&out);
}
