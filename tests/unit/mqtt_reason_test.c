/* Reason codes: names, where they may stand, and the 3.1.1 return codes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "mqtt/packet.h"
#include "mqtt/reason.h"

TEST(names)
{
    CHECK_STRING_EQUAL(reason_text(REASON_SUCCESS), "Success");
    CHECK_STRING_EQUAL(reason_text(REASON_SESSION_TAKEN_OVER), "Session taken over");
    CHECK_STRING_EQUAL(reason_text((enum reason_code)0x03), "Unknown reason code");
    CHECK_STRING_EQUAL(reason_text((enum reason_code)4096), "Unknown reason code");
    CHECK_STRING_EQUAL(packet_type_name(PACKET_CONNECT), "CONNECT");
    CHECK_STRING_EQUAL(packet_type_name(PACKET_AUTH), "AUTH");
    CHECK_STRING_EQUAL(packet_type_name(0), "?");
    CHECK_STRING_EQUAL(packet_type_name(16), "?");
}

/* How many values each packet may carry, by the tables of its section in MQTT 5; 0x8C in DISCONNECT
 * is in table 2-6 only, 0x00 from a server in table 3-10 only. */
TEST(how_many_values_a_packet_may_carry)
{
    static const struct {
        enum packet_type type;
        unsigned client, server;
    } rows[] = {
        {PACKET_CONNECT, 0, 0},     {PACKET_CONNACK, 0, 22},     {PACKET_PUBLISH, 0, 0},
        {PACKET_PUBACK, 9, 9},      {PACKET_PUBREC, 9, 9},       {PACKET_PUBREL, 2, 2},
        {PACKET_PUBCOMP, 2, 2},     {PACKET_SUBSCRIBE, 0, 0},    {PACKET_SUBACK, 0, 12},
        {PACKET_UNSUBSCRIBE, 0, 0}, {PACKET_UNSUBACK, 0, 7},     {PACKET_PINGREQ, 0, 0},
        {PACKET_PINGRESP, 0, 0},    {PACKET_DISCONNECT, 15, 29}, {PACKET_AUTH, 2, 2},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        unsigned client = 0, server = 0;
        for (unsigned value = 0; value < 256; value++) {
            client += reason_allowed_from(false, rows[i].type, (uint8_t)value);
            server += reason_allowed_from(true, rows[i].type, (uint8_t)value);
        }
        test_note("%s", packet_type_name(rows[i].type));
        CHECK_INT_EQUAL(client, rows[i].client);
        CHECK_INT_EQUAL(server, rows[i].server);
    }
}

TEST(senders)
{
    CHECK(reason_allowed_in(PACKET_DISCONNECT, REASON_DISCONNECT_WITH_WILL_MESSAGE));
    CHECK(!reason_allowed_from(true, PACKET_DISCONNECT, REASON_DISCONNECT_WITH_WILL_MESSAGE));
    CHECK(!reason_allowed_from(false, PACKET_DISCONNECT, REASON_SESSION_TAKEN_OVER));
    CHECK(!reason_allowed_from(true, PACKET_AUTH, REASON_RE_AUTHENTICATE));
    CHECK(!reason_allowed_from(false, PACKET_AUTH, REASON_SUCCESS));
    CHECK(reason_allowed_in(PACKET_AUTH, REASON_SUCCESS));
    CHECK(!reason_allowed_in(200, REASON_SUCCESS));
}

TEST(return_codes_of_3_1_1)
{
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_UNSUPPORTED_PROTOCOL_VERSION), 1);
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_CLIENT_IDENTIFIER_NOT_VALID), 2);
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_SERVER_BUSY), 3);
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_BAD_USER_NAME_OR_PASSWORD), 4);
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_NOT_AUTHORIZED), 5);
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_MALFORMED_PACKET), 0);
    CHECK_INT_EQUAL(reason_to_connack_3(REASON_SUCCESS), 0);
    CHECK(reason_is_error(REASON_UNSPECIFIED_ERROR) && !reason_is_error(REASON_RE_AUTHENTICATE));
}
